"""The longest chords of many cells along many directions, as native code.

``cells.diameter`` says what a chord is and prepares the arrays. A chord is 1/max_i r_i + 1/max_i(−r_i) with
r_i = (δ·x_i) / (w·x_i), so some of the samples bound it from above. Those with the nearest hyperplanes
bound it best, and single precision is enough for a bound.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from relucells.samples.native import native

# Samples that bound every chord; only the chords that stay in question see more.
FIRST = 8
# A bound in single precision is wrong by less than this part of its length (five roundings of 6e-8), ...
SINGLE = 1e-6
# ... as long as it is below so many times the distance to the nearest hyperplane (no underflow).
REACH = 1e20


class Cells(NamedTuple):
    """The cells of n weights. Lengths are in units of the distance to the nearest hyperplane of each.

    inverse : (n, N), 1 over the signed distances to the hyperplanes
    nearest : (n, count) samples, nearest hyperplane first; inverse_nearest : theirs, in single precision
    """

    inverse: NDArray[np.float64]
    nearest: NDArray[np.intp]
    inverse_nearest: NDArray[np.float32]


@native
def lengthen(longest, products, single, cells):
    """Raise ``longest``, (n,), to the longest chord of each of the ``cells`` along M directions.

    products : (M, N), δ·x_i; single : the same in single precision, (N, M)
    """
    first, M = min(FIRST, cells.nearest.shape[1]), len(products)
    ahead, behind, bounds = np.empty(M, np.float32), np.empty(M, np.float32), np.empty(M, np.float32)
    kept = np.empty(M, np.intp)
    for k in range(len(longest)):
        if longest[k] == np.inf:
            continue
        nearest, inverse = cells.nearest[k], cells.inverse_nearest[k]
        _extremes(single, nearest[:first], inverse[:first], ahead, behind)
        for m in range(M):
            bounds[m] = 1 / abs(ahead[m]) + 1 / abs(behind[m])
            kept[m] = m
        if longest[k] == 0:  # nothing is known yet
            longest[k] = _chord(products[_best(bounds, kept, M)], cells.inverse[k])
        beyond = _beyond(longest[k])
        left = 0
        for m in range(M):
            if bounds[m] > beyond:
                along = single[:, m]
                bounds[m] = _bound(along, nearest[first:], inverse[first:], ahead[m], behind[m], beyond)
                if bounds[m] > beyond:
                    kept[left] = m
                    left += 1
        while left:
            # The most promising chord first: it excludes most of the others.
            best = _best(bounds, kept, left)
            longest[k] = max(longest[k], _chord(products[kept[best]], cells.inverse[k]))
            beyond = _beyond(longest[k])
            kept[best] = kept[left - 1]
            remaining = 0
            for i in range(left - 1):
                if bounds[kept[i]] > beyond:
                    kept[remaining] = kept[i]
                    remaining += 1
            left = remaining


@native
def _extremes(single, samples, inverse, ahead, behind):
    """The largest and the smallest r_i over some samples, or 0, for each direction."""
    M = single.shape[1]
    for m in range(M):
        ahead[m] = 0
        behind[m] = 0
    fours = len(samples) // 4 * 4
    for s in range(0, fours, 4):  # four at a time, so that the running extremes are loaded less often
        a, b, c, d = (
            single[samples[s]],
            single[samples[s + 1]],
            single[samples[s + 2]],
            single[samples[s + 3]],
        )
        by_a, by_b, by_c, by_d = inverse[s], inverse[s + 1], inverse[s + 2], inverse[s + 3]
        for m in range(M):
            r, t, u, v = a[m] * by_a, b[m] * by_b, c[m] * by_c, d[m] * by_d
            high, also_high = r if r > t else t, u if u > v else v
            low, also_low = r if r < t else t, u if u < v else v
            high = high if high > also_high else also_high
            low = low if low < also_low else also_low
            ahead[m] = high if high > ahead[m] else ahead[m]
            behind[m] = low if low < behind[m] else behind[m]
    for s in range(fours, len(samples)):
        row, by = single[samples[s]], inverse[s]
        for m in range(M):
            r = row[m] * by
            ahead[m] = r if r > ahead[m] else ahead[m]
            behind[m] = r if r < behind[m] else behind[m]


@native
def _best(bounds, kept, count):
    """The place in ``kept`` of the direction with the largest bound."""
    best = 0
    for i in range(1, count):
        if bounds[kept[i]] > bounds[kept[best]]:
            best = i
    return best


@native
def _bound(along, samples, inverse, ahead, behind, beyond):
    """An upper bound of a chord, from its extremes so far and more samples; 0 if it is at most ``beyond``."""
    for s in range(len(samples)):
        r = along[samples[s]] * inverse[s]
        if r > ahead:
            ahead = r
        elif r < behind:
            behind = r
        else:
            continue
        if not 1 / abs(ahead) + 1 / abs(behind) > beyond:
            return np.float32(0)
    return np.float32(1 / abs(ahead) + 1 / abs(behind))


@native
def _chord(along, inverse):
    """A chord from all samples in double precision; inf if all r_i have one sign."""
    ahead, behind = 0.0, 0.0
    for i in range(len(along)):
        r = along[i] * inverse[i]
        ahead = max(ahead, r)
        behind = min(behind, r)
    return 1 / abs(ahead) + 1 / abs(behind)


@native
def _beyond(longest):
    """A chord can be longer than ``longest`` only if its bound in single precision exceeds this."""
    return np.float32(min(longest * (1 - SINGLE), REACH))
