"""The longest chords of many cells along many directions, as native code.

``cells.diameter`` says what a chord is and prepares the arrays. A chord is 1/max_i r_i + 1/max_i(−r_i) with
r_i = (δ·x_i) / (w·x_i), so some of the samples bound it from above. Those with the nearest hyperplanes
bound it best, and single precision is enough for a bound. The few chords that may be the longest see all
samples, and the one or two samples that end a chord are then multiplied anew in double precision.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from relucells.samples.native import native

# Samples that bound every chord; only the chords that stay in question see more.
FIRST = 8
# A bound in single precision is wrong by less than this part of its length (five roundings of 6e-8), beside
# what its products are wrong by, ...
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
def lengthen(longest, products, by_sample, doubt, directions, samples, cells):
    """Raise ``longest``, (n,), to the longest chord of each of the ``cells`` along M directions.

    products : (M, N), δ·x_i in single precision, each wrong by at most ``doubt``
    by_sample : (N, M), the same
    directions (M, D), samples (N, D) : of length 1 at most, in double precision
    """
    first, M = min(FIRST, cells.nearest.shape[1]), len(directions)
    ahead, behind, bounds = np.empty(M, np.float32), np.empty(M, np.float32), np.empty(M, np.float32)
    kept = np.empty(M, np.intp)
    for k in range(len(longest)):
        if longest[k] == np.inf:
            continue
        nearest, inverse = cells.nearest[k], cells.inverse_nearest[k]
        _extremes(by_sample, doubt, nearest[:first], inverse[:first], ahead, behind)
        for m in range(M):
            bounds[m] = 1 / abs(ahead[m]) + 1 / abs(behind[m])
            kept[m] = m
        if longest[k] == 0:  # nothing is known yet
            m = _best(bounds, kept, M)
            longest[k] = _longer(0.0, products[m], doubt, directions[m], samples, cells.inverse[k])
        beyond = _beyond(longest[k])
        left = 0
        for m in range(M):
            if bounds[m] > beyond:
                bounds[m] = _bound(
                    by_sample[:, m], doubt, nearest[first:], inverse[first:], ahead[m], behind[m], beyond
                )
                if bounds[m] > beyond:
                    kept[left] = m
                    left += 1
        while left:
            # The most promising chord first: it excludes most of the others.
            best = _best(bounds, kept, left)
            m = kept[best]
            longest[k] = _longer(longest[k], products[m], doubt, directions[m], samples, cells.inverse[k])
            beyond = _beyond(longest[k])
            kept[best] = kept[left - 1]
            remaining = 0
            for i in range(left - 1):
                if bounds[kept[i]] > beyond:
                    kept[remaining] = kept[i]
                    remaining += 1
            left = remaining


@native
def _extremes(by_sample, doubt, samples, inverse, ahead, behind):
    """What the largest and the smallest r_i over some samples exceed at least, or 0, for each direction."""
    M = by_sample.shape[1]
    for m in range(M):
        ahead[m] = 0
        behind[m] = 0
    fours = len(samples) // 4 * 4
    for s in range(0, fours, 4):  # four at a time, so that the running extremes are loaded less often
        a, b, c, d = (
            by_sample[samples[s]],
            by_sample[samples[s + 1]],
            by_sample[samples[s + 2]],
            by_sample[samples[s + 3]],
        )
        by_a, by_b, by_c, by_d = inverse[s], inverse[s + 1], inverse[s + 2], inverse[s + 3]
        off_a, off_b = doubt * abs(by_a), doubt * abs(by_b)
        off_c, off_d = doubt * abs(by_c), doubt * abs(by_d)
        for m in range(M):
            r, t, u, v = a[m] * by_a, b[m] * by_b, c[m] * by_c, d[m] * by_d
            high, high_t, high_u, high_v = r - off_a, t - off_b, u - off_c, v - off_d
            low, low_t, low_u, low_v = r + off_a, t + off_b, u + off_c, v + off_d
            high, high_u = high if high > high_t else high_t, high_u if high_u > high_v else high_v
            low, low_u = low if low < low_t else low_t, low_u if low_u < low_v else low_v
            high, low = high if high > high_u else high_u, low if low < low_u else low_u
            ahead[m] = high if high > ahead[m] else ahead[m]
            behind[m] = low if low < behind[m] else behind[m]
    for s in range(fours, len(samples)):
        row, by = by_sample[samples[s]], inverse[s]
        off = doubt * abs(by)
        for m in range(M):
            high, low = row[m] * by - off, row[m] * by + off
            ahead[m] = high if high > ahead[m] else ahead[m]
            behind[m] = low if low < behind[m] else behind[m]


@native
def _best(bounds, kept, count):
    """The place in ``kept`` of the direction with the largest bound."""
    best = 0
    for i in range(1, count):
        if bounds[kept[i]] > bounds[kept[best]]:
            best = i
    return best


@native
def _bound(along, doubt, samples, inverse, ahead, behind, beyond):
    """An upper bound of a chord, from its extremes so far and more samples; 0 if it is at most ``beyond``."""
    for s in range(len(samples)):
        r = along[samples[s]] * inverse[s]
        if r > ahead:
            ahead = max(ahead, r - doubt * abs(inverse[s]))
        elif r < behind:
            behind = min(behind, r + doubt * abs(inverse[s]))
        else:
            continue
        if not 1 / abs(ahead) + 1 / abs(behind) > beyond:
            return np.float32(0)
    return np.float32(1 / abs(ahead) + 1 / abs(behind))


@native
def _longer(longest, along, doubt, direction, samples, inverse):
    """The longer of ``longest`` and one chord, from all samples; inf if all r_i have one sign.

    along : δ·x_i (N,), each wrong by at most ``doubt``; direction (D,), samples (N, D), inverse (N,)
    """
    highest, lowest = 0.0, 0.0
    for i in range(len(along)):
        r = along[i] * inverse[i]
        if r > highest:
            highest = max(highest, r - doubt * abs(inverse[i]))
        elif r < lowest:
            lowest = min(lowest, r + doubt * abs(inverse[i]))
    if not 1 / abs(highest) + 1 / abs(lowest) > longest * (1 - SINGLE):
        return longest
    ahead, behind = 0.0, 0.0
    for i in range(len(along)):
        r, off = along[i] * inverse[i], doubt * abs(inverse[i])
        if r + off >= highest or r - off <= lowest:
            r = np.dot(direction, samples[i]) * inverse[i]
            ahead, behind = max(ahead, r), min(behind, r)
    return max(longest, 1 / abs(ahead) + 1 / abs(behind))


@native
def _beyond(longest):
    """A chord can be longer than ``longest`` only if its bound in single precision exceeds this."""
    return np.float32(min(longest * (1 - SINGLE), REACH))
