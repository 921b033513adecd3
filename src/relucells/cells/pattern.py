"""Cells of weight space: activation pattern, the matrix A and its rank.

Each sample gives a hyperplane through the origin of weight space. Inside a cell the pattern
I_ij = [w_j·x_i > 0] is constant, and the network is linear in R_j = z_j w_j: f = A R, where row i of A is
(I_i1 x_iᵀ, …, I_iK x_iᵀ) (Liu, Part 2, eqs. 2–4).

A itself is rarely formed. Neurons with the same column of I have the same block of A. Dead neurons and dead
samples give zeros. Each block needs only rank(X) coordinates (``relucells.samples.inputs``). ``compact``
drops all that repeats and keeps the singular values.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from relucells.cells.folding import Folding, fold_samples
from relucells.samples.bases import column_basis, is_large
from relucells.samples.columns import exact_rank
from relucells.samples.decomposition import svd
from relucells.samples.differences import differences
from relucells.samples.free_part import FreePart, free_part
from relucells.samples.inputs import (
    Inputs,
    activations,
    clear_of_noise,
    distinct_columns,
    gram_factor,
    gram_factors,
    prepare,
    rank_tolerance,
    weights,
)
from relucells.samples.signs import positive
from relucells.samples.threads import one_thread


def activation_pattern(X: ArrayLike | Inputs, W: ArrayLike) -> NDArray[np.bool_]:
    """I_ij = [w_j·x_i > 0], (N, K), for samples X (N, D) and input weights W (K, D), rounding excluded."""
    inputs = prepare(X)
    return positive(inputs, weights(W, inputs.X.shape[1]))


def dense_matrix(X: ArrayLike | Inputs, pattern: ArrayLike) -> NDArray[np.float64]:
    """The paper's A, N × K·D. For reference and small cells; the library works on ``compact``."""
    inputs = prepare(X)
    pattern = activations(pattern, len(inputs.X))
    return (pattern[:, :, None] * inputs.X[:, None, :]).reshape(len(inputs.X), -1)


def outputs(inputs: Inputs, pattern: NDArray[np.bool_], R: NDArray[np.float64]) -> NDArray[np.float64]:
    """A R, (N,), for R (K, D), without forming A."""
    return (pattern * (inputs.X @ R.T)).sum(axis=1)


@dataclass(frozen=True)
class Compact:
    """A without what repeats: same nonzero singular values, fewer rows and columns.

    mask : (n, g), the g distinct nonzero columns of the pattern on the n alive samples, each times the root
        of its multiplicity
    coordinates : (n, r), of these samples, r = rank X
    alive : (N,) bool, samples that activate some neuron
    group : (K,) int, the block of each neuron, -1 for a dead one
    multiplicity : (g,) int, neurons per block
    """

    mask: NDArray[np.float64]
    coordinates: NDArray[np.float64]
    alive: NDArray[np.bool_]
    group: NDArray[np.int_]
    multiplicity: NDArray[np.int_]

    @property
    def shape(self) -> tuple[int, int]:
        return len(self.mask), self.mask.shape[1] * self.coordinates.shape[1]

    @cached_property
    def matrix(self) -> NDArray[np.float64]:
        """(n, g·r), one block for each column of the mask."""
        return (self.mask[:, :, None] * self.coordinates[:, None, :]).reshape(self.shape)

    def times(self, solution: NDArray[np.float64]) -> NDArray[np.float64]:
        """The matrix times a solution, (g, r), without forming it: (n,)."""
        return (self.mask * (self.coordinates @ solution.T)).sum(axis=1)

    def back(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """The transposed matrix times values, (n,), without forming it: (g, r)."""
        return (self.mask * values[:, None]).T @ self.coordinates

    def spread(self, solution: NDArray[np.float64], inputs: Inputs) -> NDArray[np.float64]:
        """A solution in compact coordinates, (g·r,), as R, (K, D), of the same norm."""
        blocks = solution.reshape(len(self.multiplicity), inputs.rank)
        blocks = (blocks / np.sqrt(self.multiplicity)[:, None]) @ inputs.basis.T
        return np.where(self.group[:, None] >= 0, blocks[self.group], 0.0)


def compact(inputs: Inputs, pattern: NDArray[np.bool_], fold: Folding | None = None) -> Compact:
    """``Compact`` form of the cell's A; the pattern must have an active pair.

    fold : of the samples of this cell; then rows take their place
    """
    coordinates = inputs.coordinates
    if fold:
        pattern, coordinates = fold.pattern, fold.down(coordinates)
    alive = np.asarray(pattern.any(axis=1))
    columns, group = distinct_columns(pattern)
    multiplicity = np.bincount(group[group >= 0])
    mask = np.asarray(columns[alive] * np.sqrt(multiplicity), dtype=np.float64)
    return Compact(mask, coordinates[alive], alive, group, multiplicity)


@one_thread
def rank(
    X: ArrayLike | Inputs,
    pattern: ArrayLike,
    free: ArrayLike | FreePart | None = None,
    fold: Folding | None = None,
) -> int:
    """rank A: the exact one, floats read as rational numbers.

    With a free part F it is the rank of Q A, which is rank [A F] − rank F.

    fold : of the samples of this cell, if known

    For well-conditioned cells this is what ``numpy.linalg.matrix_rank`` says of the dense A. For cells too
    large for exact arithmetic it is the numerical rank.
    """
    inputs = prepare(X)
    pattern = activations(pattern, len(inputs.X))
    part = free_part(free, len(inputs.X))
    if not pattern.any() or not inputs.rank:
        return 0
    alive = np.asarray(pattern.any(axis=1))
    if inputs.independent:
        # the rows of A are independent where those of X are
        return int(alive.sum()) - (part.rank - part.rank_on(~alive) if part else 0)
    columns, _ = distinct_columns(pattern)
    if is_large(alive.sum(), columns.shape[1] * inputs.rank):
        return _rank_of_large(inputs, pattern, part)
    coordinates = inputs.orthonormal[0][alive]
    if part is None and inputs.space.accurate and len(coordinates) > columns.shape[1] * inputs.rank:
        plain = None
        if fold := fold or fold_samples(inputs, pattern):
            folded = fold.down(inputs.orthonormal[0])
            plain = _rank_by_differences(folded, distinct_columns(fold.pattern)[0])
        if plain is None:
            plain = _rank_by_differences(coordinates, columns[alive])
        if plain is not None:
            return plain
    whole = (columns[alive][:, :, None] * coordinates[:, None, :]).reshape(len(coordinates), -1)
    matrix = off_free_part(part, alive, whole) if part else whole
    wide = matrix.shape[0] <= matrix.shape[1]
    if inputs.space.accurate and (part is None or part.inputs.space.accurate):
        factor = gram_factor(matrix @ matrix.T if wide else matrix.T @ matrix)
        if factor is not None and (part is None or clear_of_noise(factor, whole)):
            return min(matrix.shape)
    # the same matrix up to an invertible factor, free of rounding
    rows = part.reached(pattern) if part else alive
    samples = inputs.X[np.ix_(rows, inputs.space.columns)]
    dense = (columns[rows][:, :, None] * samples[:, None, :]).reshape(len(samples), -1)
    found = exact_rank(dense if part is None else np.hstack([dense, part.F[rows]]))
    if found is None:
        return _rank_of_large(inputs, pattern, part)
    return found - (part.rank if part else 0)


def off_free_part(part: FreePart, alive: NDArray[np.bool_], values: NDArray) -> NDArray[np.float64]:
    """Vᵀ values (``samples.free_part``), values given on alive samples and 0 elsewhere."""
    rows = alive | part.rows
    every = np.zeros((int(rows.sum()), *values.shape[1:]))
    every[alive[rows]] = values
    return part.restricted(rows).onto(every)


def _rank_of_large(inputs: Inputs, pattern: NDArray[np.bool_], part: FreePart | None = None) -> int:
    cell = compact(inputs, pattern)
    small = cell.matrix if part is None else off_free_part(part, cell.alive, cell.matrix)
    dense_columns = pattern.shape[1] * inputs.X.shape[1]
    if len(small) >= small.shape[1]:
        longest = None if part is None else float(np.linalg.norm(cell.matrix, axis=0).max())
        return column_basis(small, len(pattern), dense_columns, longest).rank
    singular = svd(small, compute_uv=False)
    largest = float(singular[0] if part is None else np.linalg.norm(cell.matrix, 2))
    return int((singular > rank_tolerance(largest, len(pattern), dense_columns)).sum())


def _rank_by_differences(coordinates: NDArray, columns: NDArray[np.bool_]) -> int | None:
    """rank A where it is plain to see, for orthonormal coordinates (N, r) and distinct columns (N, G).

    Derived: A's range is the sum of the ranges of all I_g X. For another column h, I_g = I_h + D, so D X may
    take the place of I_g X. In a tree every column follows one that differs from it on few samples (the first
    ones follow 0), so the differences D have few entries. Let S be the samples of one difference. Where they
    are independent, the range holds every vector on S. What the other differences add then shows on the
    remaining samples alone, where they have fewer entries. None unless the differences that remain at the end
    are well conditioned there.
    """
    N, r = coordinates.shape
    masks = differences(columns)
    spanned = np.zeros(N, dtype=bool)
    waiting = sorted(range(masks.shape[1]), key=lambda e: np.count_nonzero(masks[:, e]))
    while True:
        left = []
        for e in waiting:
            on = np.flatnonzero((masks[:, e] != 0) & ~spanned)
            if len(on) > r:
                left.append(e)
            elif len(on):
                if gram_factor(coordinates[on] @ coordinates[on].T) is None:
                    return None
                spanned[on] = True
        if len(left) == len(waiting):
            break
        waiting = left
    if not waiting:
        return int(spanned.sum())
    rest, signs = coordinates[~spanned], masks[~spanned][:, waiting].T
    grams = (signs**2) @ (rest[:, :, None] * rest[:, None, :]).reshape(len(rest), -1)
    factors = gram_factors(grams.reshape(-1, r, r))
    if factors is None:
        return None
    orthonormal = signs[:, :, None] * (rest @ factors.mT)  # the columns of each block, (blocks, n, r)
    matrix = orthonormal.transpose(1, 0, 2).reshape(len(rest), -1)
    wide = matrix.shape[0] <= matrix.shape[1]
    if gram_factor(matrix @ matrix.T if wide else matrix.T @ matrix) is None:
        return None
    return int(spanned.sum()) + min(matrix.shape)
