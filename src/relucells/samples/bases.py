"""Bases of a large A's range, where a singular value decomposition would take too long.

A is tall if N ≥ G·r (G groups of equal neurons, r = rank X). Then columns are chosen by Cholesky
factorisation of AᵀA with pivoting. This takes several rounds, because a Gram matrix does not show singular
values below 1e-8 of the largest. If A is wide, rows are chosen, from A Aᵀ. All of this is floating point
without proven bounds.
"""

from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from relucells.samples.inputs import rank_tolerance

# Entries of A beyond which a cell is large: there the decomposition takes minutes.
LARGE = 20_000_000
# A column whose squared length, relative to the longest column, is below this is left to the next round. The
# basis is then so well conditioned that projections are right to about 1e-12.
ROUND = 1e-8
# The same for rows. They have one round only: another would take a second N × N matrix.
ROW_ROUND = 1e-12


def is_large(rows: int, columns: int) -> bool:
    """Whether a cell with so many alive samples, and columns of the compact A, is large."""
    return rows * columns > LARGE


class ColumnBasis:
    """Independent columns of a tall matrix A, (N, n), that span its range; the others are expressed by them.

    The others are A_chosen T plus a part orthogonal to the chosen ones. Where the squared length of that part
    exceeds ``limit``, the part has a basis of its own, and so on.
    """

    def __init__(self, A: NDArray[np.float64], limit: float):
        from scipy.linalg import cho_solve, solve_triangular

        gram = A.T @ A
        largest = gram.diagonal().max()
        triangle, order, k = pivoted_cholesky(gram, max(ROUND, limit / largest if largest else 1.0))
        self.order, self.chosen = order, A[:, order[:k]]
        self.factor = triangle[:k, :k].copy()
        self.through = solve_triangular(self.factor, triangle[:k, k:])
        del gram, triangle
        left = A[:, order[k:]]
        left -= self.chosen @ self.through
        correction = cho_solve((self.factor, False), self.chosen.T @ left)
        self.through += correction
        left -= self.chosen @ correction
        longest = float(np.einsum("ij,ij->j", left, left).max(initial=0.0))
        self.below = ColumnBasis(left, limit) if longest > limit else None

    @property
    def rank(self) -> int:
        return self.chosen.shape[1] + (self.below.rank if self.below else 0)

    def least_squares(self, v: NDArray) -> NDArray[np.float64]:
        """A solution, (n,), of min ‖A u − v‖, zero but on the chosen columns."""
        k, rest = self._solve(self.chosen.T @ v), np.zeros(self.through.shape[1])
        if self.below:
            rest = self.below.least_squares(v)
        return self._in_order(k - self.through @ rest, rest)

    def preimage(self, wanted: NDArray) -> NDArray[np.float64]:
        """λ, (N,), with Aᵀλ = wanted (n,), for one in the range of Aᵀ."""
        chosen, rest = np.split(wanted[self.order], [self.chosen.shape[1]])
        found = self.chosen @ self._solve(chosen)
        if self.below:
            found += self.below.preimage(rest - self.through.T @ chosen)
        return found

    @cached_property
    def kernel(self) -> NDArray[np.float64]:
        """A basis of A's kernel, (n, n − rank): columns not chosen, less their combination of the chosen."""
        rest = self.below.kernel if self.below else np.eye(self.through.shape[1])
        return self._in_order(-self.through @ rest, rest)

    def _solve(self, right: NDArray) -> NDArray[np.float64]:
        from scipy.linalg import cho_solve

        return cho_solve((self.factor, False), right)

    def _in_order(self, chosen: NDArray, rest: NDArray) -> NDArray[np.float64]:
        """Entries or rows of the chosen columns and of the rest, as A has them."""
        found = np.empty((len(self.order), *rest.shape[1:]))
        found[self.order] = np.concatenate([chosen, rest])
        return found


def column_basis(A: NDArray[np.float64], N: int, columns: int, longest: float | None = None) -> ColumnBasis:
    """The basis of A's columns. Their rank is judged as that of an N × columns matrix.

    longest : the length of the longest column of the matrix that A was made of, where that is not A's own
    """
    if longest is None:
        longest = np.sqrt(np.einsum("ij,ij->j", A, A).max())
    return ColumnBasis(A, rank_tolerance(longest, N, columns) ** 2)


class RowBasis:
    """Independent rows of a wide matrix A, chosen from its Gram matrix A Aᵀ, which is overwritten."""

    def __init__(self, gram: NDArray[np.float64]):
        triangle, order, k = pivoted_cholesky(gram, ROW_ROUND)
        self.order, self.rank = order, k
        # A Aᵀ = Lᵀ L in the order of the pivots; the chosen rows come first
        self.factor = triangle[:k, :k] if k == len(gram) else triangle[:k, :k].copy()
        self.trapezoid = triangle[:k]
        self.small = None
        if k < len(gram):
            from scipy.linalg import cholesky

            self.small = cholesky(self.trapezoid @ self.trapezoid.T)

    def solve(self, right: NDArray) -> NDArray[np.float64]:
        """(A_chosen A_chosenᵀ)⁻¹ ``right``, with right (rank, …)."""
        from scipy.linalg import cho_solve

        return cho_solve((self.factor, False), right)

    def through(self, rows: NDArray[np.int64]) -> NDArray[np.float64]:
        """T, (rank, len(rows)): Tᵀ A_chosen is the part of these rows in the span of the chosen ones."""
        from scipy.linalg import solve_triangular

        place = np.empty(len(self.order), dtype=np.int64)
        place[self.order] = np.arange(len(self.order))
        return solve_triangular(self.factor, self.trapezoid[:, place[rows]])

    def dual(self, v: NDArray) -> NDArray[np.float64]:
        """w, (N,), on the chosen rows, for which Aᵀw is a solution of min ‖A u − v‖."""
        from scipy.linalg import cho_solve, solve_triangular

        w = np.zeros(len(v))
        if self.small is None:
            w[self.order] = self.solve(v[self.order])
        else:
            along = cho_solve((self.small, False), self.trapezoid @ v[self.order])
            w[self.order[: self.rank]] = solve_triangular(self.factor, along)
        return w

    def preimage(self, image: NDArray) -> NDArray[np.float64]:
        """λ, (N,), with Aᵀλ = F for an F in the range of Aᵀ; image = A F."""
        found = np.zeros(len(image))
        rows = self.order[: self.rank]
        found[rows] = self.solve(image[rows])
        return found


def pivoted_cholesky(gram: NDArray, tolerance: float) -> tuple[NDArray, NDArray[np.int64], int]:
    """U, the order of the pivots, and how many there are: gram[order][:, order] = UᵀU in its leading rows.

    It ends where every remaining pivot is below ``tolerance`` times the largest. The Gram matrix is
    overwritten. In the leading rows U has zeros below its diagonal.
    """
    from scipy.linalg import lapack

    largest = gram.diagonal().max(initial=0.0)
    if not len(gram) or largest <= 0.0 or tolerance >= 1.0:
        return np.zeros_like(gram), np.arange(len(gram)), 0
    # a symmetric matrix in C order is the same in Fortran's, which LAPACK takes without a copy
    found, order, k, _ = lapack.dpstrf(gram.T, tol=tolerance * largest, lower=0, overwrite_a=1)
    for i in range(k):
        found[i + 1 :, i] = 0.0
    return found, order.astype(np.int64) - 1, int(k)
