"""The minimum of the convex quadratic that the loss is inside a cell (Liu, Part 2, eqs. 3–5).

All minimisers are R* = A⁺y + (I − A⁺A)c, c arbitrary; the fitted values A R* and the loss
(1/N)‖A A⁺ y − y‖² are the same for all of them. With a free part F, A and y are replaced by their parts
orthogonal to F's range (``samples.free_part``).
"""

import warnings
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from relucells.cells.exact_minimum import exact_minimum
from relucells.cells.folding import Folding, fold_samples
from relucells.cells.pattern import Compact, compact, off_free_part, outputs, rank
from relucells.samples.bases import column_basis, is_large
from relucells.samples.decomposition import svd
from relucells.samples.free_part import FreePart, free_array, free_part
from relucells.samples.inputs import (
    Inputs,
    activations,
    clear_of_noise,
    distinct_columns,
    gram_factor,
    prepare,
    rank_tolerance,
    targets,
)
from relucells.samples.records import Record
from relucells.samples.threads import one_thread

# Rounds of iterative refinement after a solve through the Gram matrix. Each round gains at least four digits
# (condition bound 1e6, squared, times the unit roundoff), so two rounds reach full accuracy.
REFINEMENTS = 2
# What refinement leaves of an error, in units of the largest label; more shows that coordinates were wrong.
REFINED = 1e-10
# With so few columns of A, its Gram matrix takes less time than folding the samples does.
NARROW = 48
# A smallest singular value that is a larger share of the largest leaves eleven digits; one that is a smaller
# share than the second leaves six or fewer.
ACCURATE, DOUBTFUL = 1e-5, 1e-10
# Weights whose outputs differ from the fitted values by more of the largest label have lost too many digits.
CONSISTENT = 1e-8
HINGES = (
    "the cell's minimum hinges on singular values of the size of rounding, and the cell is too large for "
    "exact arithmetic: fitted values and loss may be wrong. Where columns or samples are meant to depend on "
    "each other, make them do so exactly"
)


@dataclass(frozen=True, eq=False)
class CellMinimum(Record):
    """R : (K, D) minimum-norm minimiser A⁺y; fitted : (N,) = A R; rank : of A; unique : rank A = K·D;
    loss : (1/N)‖fitted − y‖².

    With a free part F: c : (m,), a best one for R, else None; fitted = A R + F c; rank : of Q A, Q the
    projector onto the orthogonal complement of F's range, so that ``unique`` is still R's.

    Weights that are too large for floats are ±inf, and c is NaN beside them.
    """

    R: NDArray[np.float64]
    fitted: NDArray[np.float64]
    rank: int
    unique: bool
    loss: float
    c: NDArray[np.float64] | None = None


@one_thread
def cell_minimum(
    X: ArrayLike | Inputs, y: ArrayLike, pattern: ArrayLike, *, free: ArrayLike | None = None
) -> CellMinimum:
    """The least-squares minimum of the cell with the given activation pattern, eqs. (3)–(5).

    X : (N, D) samples, or ``relucells.prepare(X)``; y : (N,); pattern : (N, K) bool or 0/1.
    free : F, (N, m), where the network has a free linear part, f(x_i) = Σ_j I_ij R_j·x_i + F_i·c: a column
        of ones for an output bias, X for a linear skip connection; None: none.
    Raises ValueError, naming the argument, for arrays that are not finite or do not fit together.

    Well-conditioned cells are solved through the smaller Gram matrix, refined to full accuracy. Other cells
    are solved in accurate orthonormal coordinates, cut at the exact rank (``samples.columns``). Cells too
    large for that are solved by a basis of A's columns (``samples.bases``) and its numerical rank. Where it
    saves time, samples that share a row of the pattern are folded into few (``cells.folding``).
    """
    inputs = prepare(X)
    y = targets(y, len(inputs.X))
    pattern = activations(pattern, len(inputs.X))
    part = free_part(free, len(inputs.X))
    m = None if free is None else free_array(free, len(inputs.X)).shape[1]
    with np.errstate(all="ignore"):  # numbers that no float holds end as ±inf or 0
        return _minimum(inputs, y, pattern, part, m)


def _minimum(
    inputs: Inputs, y: NDArray, pattern: NDArray[np.bool_], part: FreePart | None, m: int | None
) -> CellMinimum:
    """m : F's columns, or None without a free part."""
    (N, D), K = inputs.X.shape, pattern.shape[1]
    y, power = scaled_by_power(y)
    R, number, c = np.zeros((K, D)), 0, np.zeros(m or 0)
    fitted = part.projection(y) if part else np.zeros(N)
    if pattern[inputs.nonzero].any() and not (part and part.everything):
        narrow = distinct_columns(pattern)[0].shape[1] * inputs.rank <= NARROW
        fold = None if part or narrow else fold_samples(inputs, pattern)
        found = _by_gram(inputs, y, pattern, part, fold)
        if found is None or not _error(inputs, y, pattern, part, *found[:2]) <= REFINED:
            fold = None if part else fold or fold_samples(inputs, pattern)
            found = _by_exact_rank(inputs, y, pattern, part, fold)
        R, fitted, number = found
    if part:
        image = outputs(inputs, pattern, R)
        c = _coefficients(part, y - image) if np.isfinite(image).all() else np.full_like(c, np.nan)
        fitted[~part.reached(pattern)] = 0.0
    return CellMinimum(
        np.ldexp(R, power),
        np.ldexp(fitted, power),
        number,
        number == K * D,
        mean_square(fitted - y, power),
        None if m is None else np.ldexp(c, power),
    )


def scaled_by_power(y: NDArray) -> tuple[NDArray[np.float64], int]:
    """y, of any shape, divided by the power of two, 2^p, that brings its largest entry near 1, and p."""
    power = int(np.frexp(np.abs(y).max())[1])
    return np.ldexp(y, -power), power


def mean_square(residual: NDArray, power: int) -> float:
    """The mean of (residual · 2^power)²: squares of large or small labels must not over- or underflow."""
    with np.errstate(over="ignore", under="ignore"):
        return float(np.ldexp(residual @ residual / len(residual), 2 * power))


def _error(
    inputs: Inputs, y: NDArray, pattern: NDArray[np.bool_], part: FreePart | None, R: NDArray, fitted: NDArray
) -> float:
    """How far the values that R has on the samples themselves are from the fitted ones, at most."""
    return float(np.abs(_with_free_part(part, y, outputs(inputs, pattern, R)) - fitted).max())


def _coefficients(part: FreePart, values: NDArray) -> NDArray[np.float64]:
    """c, (m,), for which F c is nearest to values, (N,): in rational arithmetic where F's own coordinates
    lose too much."""
    c = part.coefficients(values)
    lost = np.abs(part.projection(values) - part.F @ c).max()
    if not lost <= CONSISTENT * np.abs(values).max():
        exact = exact_minimum(part.inputs, values, np.ones((len(values), 1), dtype=bool), None)
        c = c if exact is None else exact[0][0]
    return c


Solved = tuple[NDArray[np.float64], NDArray[np.float64], int]


def _by_gram(
    inputs: Inputs, y: NDArray, pattern: NDArray[np.bool_], part: FreePart | None, fold: Folding | None
) -> Solved | None:
    """R, A R and rank of a cell that is well-conditioned or large; None for any other cell."""
    cell = compact(inputs, pattern, fold)
    wide = cell.shape[0] <= cell.shape[1] and not is_large(*cell.shape)
    if wide and not (part or fold) and inputs.rank == min(inputs.X.shape):
        return _by_short_gram(inputs, y, cell)
    A, wanted = _off(part, cell.alive, cell.matrix, fold.down(y) if fold else y)
    whole = None if part is None else cell.matrix
    if is_large(*A.shape):
        shape = len(y), pattern.shape[1] * inputs.X.shape[1]
        solution, rank = least_squares(A, wanted, *shape, whole=whole)
    else:
        solved, rank = _solve_by_gram(A, wanted, whole)
        if solved is None:
            return None
        solution = solved
    fitted = np.zeros(len(cell.alive))
    fitted[cell.alive] = cell.matrix @ solution
    fitted = fold.up(fitted, len(y)) if fold else fitted
    return cell.spread(solution, inputs), _with_free_part(part, y, fitted), rank


def _by_short_gram(inputs: Inputs, y: NDArray, cell: Compact) -> Solved | None:
    """The same for a wide A, which is never formed: A Aᵀ = (X Xᵀ) ∘ (I Iᵀ)."""
    gram = inputs.gram if cell.alive.all() else inputs.gram[np.ix_(cell.alive, cell.alive)]
    factor = gram_factor(gram * (cell.mask @ cell.mask.T))
    if factor is None:
        return None
    fitted, solution = np.zeros(len(y)), np.zeros((cell.mask.shape[1], cell.coordinates.shape[1]))
    for _ in range(1 + REFINEMENTS):
        residual = y[cell.alive] - fitted[cell.alive]
        solution += cell.back(factor.T @ (factor @ residual))
        fitted[cell.alive] = cell.times(solution)
    if not np.abs(y[cell.alive] - fitted[cell.alive]).max() <= REFINED:
        return None  # samples far shorter than others have no digits in the coordinates of all
    return cell.spread(solution, inputs), fitted, len(factor)


def _off(
    part: FreePart | None, alive: NDArray[np.bool_], A: NDArray, y: NDArray
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """A on the alive samples and y on all samples that matter, both projected off the free part's range."""
    if part is None:
        return A, y[alive]
    rows = alive | part.rows
    return off_free_part(part, alive, A), part.restricted(rows).onto(y[rows])


def _with_free_part(part: FreePart | None, y: NDArray, fitted: NDArray) -> NDArray[np.float64]:
    """A R + F c of A R, (N,), and the best c for it."""
    return fitted if part is None else fitted + part.projection(y - fitted)


def _by_exact_rank(
    inputs: Inputs, y: NDArray, pattern: NDArray[np.bool_], part: FreePart | None, fold: Folding | None
) -> Solved:
    """R, A R + F c and rank, in orthonormal coordinates of X's columns, singular values cut at the exact
    rank.

    In rational arithmetic where they are small, or where the way back from the coordinates loses R's digits;
    a RuntimeWarning says so where that would take too long.
    """
    number = rank(inputs, pattern, part, fold)
    exact = exact_minimum(inputs, y, pattern, part) if number and inputs.to_be_exact else None
    if exact is not None:
        return exact
    try:
        R, fitted, kept = _in_coordinates(inputs, y, pattern, part, fold, number)
    except np.linalg.LinAlgError:  # numbers that no float holds on the way
        exact = exact_minimum(inputs, y, pattern, part)
        if exact is None:
            raise
        return exact
    lost = not _error(inputs, y, pattern, part, R, fitted) <= CONSISTENT
    if lost or not min(kept, _evenness(inputs)) > ACCURATE:
        exact = exact_minimum(inputs, y, pattern, part)
        if exact is not None:
            return exact
        if lost or not kept > DOUBTFUL:
            warnings.warn(HINGES, RuntimeWarning, stacklevel=4)
    return R, fitted, number


def _evenness(inputs: Inputs) -> float:
    """How alike the coordinates are in size, as weights of columns of equal size, at most 1: samples of very
    different lengths leave the shortest weights no digits."""
    sizes = np.linalg.norm(
        inputs.space.transform_and_power[0] * np.abs(inputs.X).max(axis=0)[:, None], axis=0
    )
    return float(sizes.min() / sizes.max()) if len(sizes) else 1.0


def _in_coordinates(
    inputs: Inputs,
    y: NDArray,
    pattern: NDArray[np.bool_],
    part: FreePart | None,
    fold: Folding | None,
    number: int,
) -> tuple[NDArray[np.float64], NDArray[np.float64], float]:
    """R and A R + F c of a cell of that rank, and how many digits they keep: the smallest singular value that
    counts, as a share of the largest, or what the terms of R's entries leave of themselves."""
    N = len(y)
    C, (T, power) = inputs.orthonormal[0], inputs.space.transform_and_power
    if fold:
        C, y, pattern = fold.down(C), fold.down(y), fold.pattern
    alive = np.asarray(pattern.any(axis=1))
    columns, group = distinct_columns(pattern)
    root = np.sqrt(np.bincount(group[group >= 0]))
    whole = ((columns[alive] * root)[:, :, None] * C[alive][:, None, :]).reshape(alive.sum(), -1)
    A, wanted = _off(part, alive, whole, y)
    if not number:  # the free part fits whatever A does
        nothing = np.zeros((pattern.shape[1], inputs.X.shape[1]))
        return nothing, _with_free_part(part, y, np.zeros(N)), 1.0
    # All of A's row space is needed, for its kernel, but not all of its column space.
    left, singular, right = svd(A, full_matrices=A.shape[0] < A.shape[1])
    along = left[:, :number].T @ wanted
    smallest = singular[0] * np.finfo(float).tiny
    solution = right[:number].T @ (along / np.maximum(singular[:number], smallest))
    fitted = np.zeros(len(y))
    fitted[alive] = left[:, :number] @ along if part is None else whole @ solution
    # weights of least norm: R = T q, with T within the span of the samples
    if len(T) > T.shape[1]:
        T = inputs.basis @ (inputs.basis.T @ T)
    T = T * np.sqrt(N)
    solution = solution.reshape(len(root), -1)
    blocks, terms = solution @ T.T, np.abs(solution) @ np.abs(T).T
    kernel = right[number:].reshape(-1, len(root), C.shape[1]) @ T.T
    if len(kernel):
        kernel = kernel.reshape(len(kernel), -1).T
        change = np.linalg.lstsq(kernel, blocks.ravel(), rcond=None)[0]
        blocks = blocks - (kernel @ change).reshape(blocks.shape)
    left_of_terms = np.abs(blocks).max() / terms.max() if terms.any() else 1.0
    blocks = np.ldexp(blocks / root[:, None], power)
    R = np.where(group[:, None] >= 0, blocks[group], 0.0)
    fitted = fold.up(fitted, N) if fold else _with_free_part(part, y, fitted)
    largest = singular[0] if part is None else np.linalg.norm(whole, 2)
    return R, fitted, float(min(singular[number - 1] / largest, left_of_terms))


def least_squares(
    A: NDArray,
    wanted: NDArray,
    N: int,
    columns: int,
    exact: Callable[[], int] | None = None,
    whole: NDArray | None = None,
) -> tuple[NDArray[np.float64], int]:
    """The least-squares solution of least norm and the rank of A.

    The rank is judged as that of an N × columns matrix; where that leaves doubt, it is ``exact()``.
    whole : the matrix whose projection A is, if A is one: rounding is relative to it
    """
    if is_large(*A.shape) and A.shape[0] >= A.shape[1]:
        return _solve_by_columns(A, wanted, N, columns, whole)
    solution, rank = _solve_by_gram(A, wanted, whole)
    if solution is None:
        return _solve_by_svd(A, wanted, exact or (lambda: _numerical_rank(A, N, columns, whole)))
    return solution, rank


def _solve_by_gram(A: NDArray, wanted: NDArray, whole: NDArray | None = None) -> tuple[NDArray | None, int]:
    """Minimum-norm least squares through A Aᵀ or AᵀA, whichever is smaller; None if ill-conditioned."""
    wide = A.shape[0] <= A.shape[1]
    with np.errstate(over="ignore", invalid="ignore"):
        factor = gram_factor(A @ A.T if wide else A.T @ A)
    if factor is None or (whole is not None and not clear_of_noise(factor, whole)):
        return None, 0
    solution = np.zeros(A.shape[1])
    for _ in range(1 + REFINEMENTS):
        residual = wanted - A @ solution
        if wide:
            solution += A.T @ (factor.T @ (factor @ residual))
        else:
            solution += factor.T @ (factor @ (A.T @ residual))
    return solution, min(A.shape)


def _numerical_rank(A: NDArray, N: int, columns: int, whole: NDArray | None = None) -> int:
    singular = svd(A, compute_uv=False)
    largest = float(singular[0] if whole is None else np.linalg.norm(whole, 2))
    return int((singular > rank_tolerance(largest, N, columns)).sum())


def _solve_by_svd(A: NDArray, wanted: NDArray, exact: Callable[[], int]) -> tuple[NDArray, int]:
    """Minimum-norm least squares, singular values cut at the rank."""
    left, singular, right = svd(A, full_matrices=False)
    rank = exact()
    kept = np.maximum(singular[:rank], singular[0] * np.finfo(float).tiny)
    return right[:rank].T @ ((left[:, :rank].T @ wanted) / kept), rank


def _solve_by_columns(
    A: NDArray, wanted: NDArray, N: int, columns: int, whole: NDArray | None = None
) -> tuple[NDArray, int]:
    """Minimum-norm least squares: through independent columns of A, then without the part in A's kernel."""
    longest = None if whole is None else float(np.linalg.norm(whole, axis=0).max())
    basis = column_basis(A, N, columns, longest)
    solution = np.zeros(A.shape[1])
    for _ in range(1 + REFINEMENTS):
        solution += basis.least_squares(wanted - A @ solution)
    kernel = basis.kernel
    inside = np.linalg.solve(kernel.T @ kernel, kernel.T @ solution)
    return solution - kernel @ inside, basis.rank
