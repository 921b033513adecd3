"""Samples with one and the same row of the pattern, folded into few: fewer rows of A, the same minimum.

Let C (n, r) be the coordinates of the samples that share a row, C = Q U their QR factorisation, and y their
labels. QᵀC and Qᵀy, r rows, may stand in the place of the n rows of C and y: AᵀA and Aᵀy stay what they are,
and with them A's rank, kernel and minimisers. What A reaches on the samples is Q times what it reaches on the
rows. Nothing is squared, so that no digit is lost. Derived.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from relucells.samples.inputs import Inputs

# Samples of one row, per coordinate, from which folding them is worth its time, and the most coordinates.
FEWEST, MOST_COORDINATES = 4, 32


@dataclass(frozen=True)
class Folding:
    """Rows in the place of N samples: samples that are kept as they are, then r rows for each set folded.

    pattern : (n, K), its rows; samples that activate no neuron are left out
    kept : (k,) samples
    sets : (samples (s, m), Q (s, m, r)) for sets of about one size; N stands where a set has fewer than m
    """

    pattern: NDArray[np.bool_]
    kept: NDArray[np.int64]
    sets: list[tuple[NDArray[np.int64], NDArray[np.float64]]]

    def down(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Values on the samples, (N,) or (N, r), as values on the rows."""
        columns = np.concatenate([values.reshape(len(values), -1), np.zeros((1, values[0].size))])
        folded = [(Q.mT @ columns[samples]).reshape(-1, columns.shape[1]) for samples, Q in self.sets]
        return np.concatenate([columns[self.kept], *folded]).reshape(-1, *values.shape[1:])

    def up(self, values: NDArray[np.float64], N: int) -> NDArray[np.float64]:
        """Values that A reaches on the rows, (n,), as the values that it reaches on the samples, (N,)."""
        found, start = np.zeros(N + 1), len(self.kept)
        found[self.kept] = values[:start]
        for samples, Q in self.sets:
            count = len(Q) * Q.shape[2]
            found[samples] = (Q @ values[start : start + count].reshape(len(Q), -1, 1))[:, :, 0]
            start += count
        return found[:N]


def fold_samples(inputs: Inputs, pattern: NDArray[np.bool_]) -> Folding | None:
    """How to fold the samples of a cell; None where nothing is gained."""
    (N, K), fewest = pattern.shape, FEWEST * inputs.rank
    alive = np.asarray(pattern.any(axis=1))
    if K > 64 or min(inputs.X.shape) > MOST_COORDINATES or not 0 < fewest <= alive.sum():
        return None
    numbers = _numbers(pattern)
    _, first, row, count = np.unique(numbers, return_index=True, return_inverse=True, return_counts=True)
    large = (count >= fewest) & alive[first]
    remaining = count[alive[first] & ~large].sum() + inputs.rank * large.sum()
    if not large.any() or 2 * remaining > N:
        return None
    C = np.concatenate([inputs.orthonormal[0], np.zeros((1, inputs.rank))])
    order, starts = np.argsort(row, kind="stable"), np.cumsum(count) - count
    kept = np.flatnonzero(alive & ~large[row])
    rows, sets = [pattern[kept]], []
    size = np.frexp(count)[1]  # sets of a size between two powers of two go together
    for e in np.unique(size[large]):
        chosen = np.flatnonzero(large & (size == e))
        place = np.arange(count[chosen].max())
        inside = place < count[chosen, None]
        samples = np.where(inside, order[np.where(inside, starts[chosen, None] + place, 0)], N)
        sets.append((samples, np.linalg.qr(C[samples])[0]))
        rows.append(np.repeat(pattern[first[chosen]], inputs.rank, axis=0))
    return Folding(np.concatenate(rows), kept, sets)


def _numbers(pattern: NDArray[np.bool_]) -> NDArray[np.uint64]:
    """A number for each row of at most 64 entries."""
    key = np.zeros((len(pattern), 8), dtype=np.uint8)
    packed = np.packbits(pattern, axis=1)
    key[:, : packed.shape[1]] = packed
    return key.view(np.uint64)[:, 0]
