"""The minimum of the convex quadratic that the loss is inside a cell (Liu, Part 2, eqs. 3–5).

All minimisers are R* = A⁺y + (I − A⁺A)c, c arbitrary; the fitted values A R* and the loss
(1/N)‖A A⁺ y − y‖² are the same for all of them.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from relucells.cells.pattern import compact
from relucells.samples.bases import column_basis, is_large
from relucells.samples.inputs import Inputs, activations, gram_factor, prepare, rank_tolerance, targets

# Rounds of iterative refinement after a solve through the Gram matrix: each one gains at least
# four digits (condition bound 1e6, squared, times the unit roundoff), so two reach full accuracy.
REFINEMENTS = 2


@dataclass(frozen=True)
class CellMinimum:
    """R : (K, D) minimum-norm minimiser A⁺y; fitted : (N,) = A R; rank : of A; unique : rank A = K·D;
    loss : (1/N)‖fitted − y‖²."""

    R: NDArray[np.float64]
    fitted: NDArray[np.float64]
    rank: int
    unique: bool
    loss: float


def cell_minimum(X: ArrayLike | Inputs, y: ArrayLike, pattern: ArrayLike) -> CellMinimum:
    """The least-squares minimum of the cell with the given activation pattern, eqs. (3)–(5).

    X : (N, D) samples, or ``relucells.prepare(X)``; y : (N,); pattern : (N, K) bool or 0/1.
    Raises ValueError, naming the argument, for arrays that are not finite or do not fit together.

    Well-conditioned cells are solved through the smaller Gram matrix, refined to full accuracy; the
    others by a singular value decomposition, truncated where ``numpy.linalg.lstsq`` truncates, or, where
    that would take too long, through a basis of A's columns (``bases``).
    """
    inputs = prepare(X)
    N, D = inputs.X.shape
    y = targets(y, N)
    pattern = activations(pattern, N)
    K = pattern.shape[1]
    if not pattern.any():
        return CellMinimum(np.zeros((K, D)), np.zeros(N), 0, False, float(y @ y) / N)

    cell = compact(inputs, pattern)
    A, wanted = cell.matrix, y[cell.alive]
    solution, rank = least_squares(A, wanted, N, K * D)
    R = cell.spread(solution, inputs)
    fitted = np.zeros(N)
    fitted[cell.alive] = A @ solution
    residual = fitted - y
    return CellMinimum(R, fitted, rank, rank == K * D, float(residual @ residual) / N)


def least_squares(A: NDArray, wanted: NDArray, N: int, columns: int) -> tuple[NDArray[np.float64], int]:
    """The least-squares solution of least norm and the rank, judged as that of an N × columns matrix."""
    if is_large(*A.shape) and A.shape[0] >= A.shape[1]:
        return _solve_by_columns(A, wanted, N, columns)
    solution, rank = _solve_by_gram(A, wanted)
    if solution is None:
        return _solve_by_svd(A, wanted, N, columns)
    return solution, rank


def _solve_by_gram(A: NDArray, wanted: NDArray) -> tuple[NDArray | None, int]:
    """Minimum-norm least squares through A Aᵀ or AᵀA, whichever is smaller; None if ill-conditioned."""
    wide = A.shape[0] <= A.shape[1]
    factor = gram_factor(A @ A.T if wide else A.T @ A)
    if factor is None:
        return None, 0
    solution = np.zeros(A.shape[1])
    for _ in range(1 + REFINEMENTS):
        residual = wanted - A @ solution
        if wide:
            solution += A.T @ (factor.T @ (factor @ residual))
        else:
            solution += factor.T @ (factor @ (A.T @ residual))
    return solution, min(A.shape)


def _solve_by_svd(A: NDArray, wanted: NDArray, N: int, columns: int) -> tuple[NDArray, int]:
    """Minimum-norm least squares, singular values below the dense A's rank tolerance left out."""
    left, singular, right = np.linalg.svd(A, full_matrices=False)
    rank = int((singular > rank_tolerance(singular[0], N, columns)).sum())
    return right[:rank].T @ ((left[:, :rank].T @ wanted) / singular[:rank]), rank


def _solve_by_columns(A: NDArray, wanted: NDArray, N: int, columns: int) -> tuple[NDArray, int]:
    """Minimum-norm least squares through independent columns of A, the part in A's kernel taken off."""
    basis = column_basis(A, N, columns)
    solution = np.zeros(A.shape[1])
    for _ in range(1 + REFINEMENTS):
        solution += basis.least_squares(wanted - A @ solution)
    kernel = basis.kernel
    inside = np.linalg.solve(kernel.T @ kernel, kernel.T @ solution)
    return solution - kernel @ inside, basis.rank
