"""The minimum of a large cell, where a singular value decomposition of A would take too long.

The minimisers need a basis of A's range. For a tall A (N ≥ G·r: groups of equal neurons times rank X)
columns of A are chosen by Cholesky factorisation of AᵀA with pivoting, in rounds, because a Gram matrix
does not show singular values below 1e-8 of the largest. For a wide one rows are chosen, from

    A Aᵀ = (X Xᵀ) ∘ (I Iᵀ),

which has N² entries whatever K is; A itself is never formed, and neither is its kernel, which would
have G·r − rank A columns. All of this is floating point without proven bounds. What it finds is
checked by products with X and the pattern (``proofs``).
"""

from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from relucells.cells import distinct_columns
from relucells.inputs import Inputs, rank_tolerance

# Entries of A beyond which a cell is large: there the decomposition takes minutes.
LARGE = 20_000_000
# Squared length, relative to the longest column, below which a column is left to the next round: a basis
# is then conditioned well enough for projections to be right to about 1e-12.
ROUND = 1e-8
# The same for rows, of which there is one round: another would take a second N × N matrix.
ROW_ROUND = 1e-12
# Corrections of a least-squares solution.
REFINEMENTS = 3
# Relative change of a value within the kernel below which it is the same for every minimiser.
KNOWN = 1e-9
# Groups of which two values are tried where the kernel is out of reach.
TRIED = 4
# Rows of A Aᵀ that are made at a time.
STRIP = 1000


def is_large(rows: int, columns: int) -> bool:
    """Whether a cell with so many alive samples, and columns of the compact A, is large."""
    return rows * columns > LARGE


class ColumnBasis:
    """Independent columns of a tall matrix A, (N, n), that span its range, and the others through them.

    The others are A_chosen T plus a part orthogonal to the chosen ones; where that part is longer than
    ``limit`` (squared) it has a basis of its own, and so on.
    """

    def __init__(self, A: NDArray[np.float64], limit: float):
        from scipy.linalg import cho_solve, solve_triangular

        gram = A.T @ A
        triangle, order, k = pivoted_cholesky(gram, max(ROUND, limit / gram.diagonal().max()))
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
        """A basis of A's kernel, (n, n − rank): each column that was not chosen against the chosen ones."""
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


class RowBasis:
    """Independent rows of a wide matrix A, chosen from its Gram matrix A Aᵀ, which is overwritten."""

    kernel = None

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

    def dual(self, v: NDArray) -> NDArray[np.float64]:
        """w, (N,), on the chosen rows, for which Aᵀw is a solution of min ‖A u − v‖."""
        from scipy.linalg import cho_solve, solve_triangular

        w = np.zeros(len(v))
        if self.small is None:
            w[self.order] = cho_solve((self.factor, False), v[self.order])
        else:
            along = cho_solve((self.small, False), self.trapezoid @ v[self.order])
            w[self.order[: self.rank]] = solve_triangular(self.factor, along)
        return w

    def preimage(self, image: NDArray) -> NDArray[np.float64]:
        """λ, (N,), with Aᵀλ = F for an F in the range of Aᵀ; image = A F."""
        from scipy.linalg import cho_solve

        found = np.zeros(len(image))
        rows = self.order[: self.rank]
        found[rows] = cho_solve((self.factor, False), image[rows])
        return found


def pivoted_cholesky(gram: NDArray, tolerance: float) -> tuple[NDArray, NDArray[np.int64], int]:
    """U and the order with gram[order][:, order] = UᵀU in its leading rows, and their number.

    It ends where every remaining pivot is below ``tolerance`` times the largest. The Gram matrix is
    overwritten; U has zeros below its diagonal in the leading rows.
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


class LargeMinimum:
    """The minimisers of a large cell in the sums u_g of each group's R_j, in orthonormal coordinates.

    sums : (G, r), those of one minimiser; rank : of A; kernel : (G, r, G·r − rank), or None for a wide A
    known : (N, G), pairs whose value x_i·u_g is shown to be the same for every minimiser
    """

    def __init__(self, inputs: Inputs, y: NDArray, pattern: NDArray[np.bool_]):
        self.X, self.y, self.pattern = inputs.X, y, pattern
        self.coordinates = inputs.orthonormal[0]
        self.groups, self.group = distinct_columns(pattern)
        self.G, self.r = self.groups.shape[1], self.coordinates.shape[1]
        alive = pattern.any(axis=1)
        self.wide = alive.sum() < self.G * self.r
        if self.wide:
            self.basis = RowBasis(self._gram())
        else:
            columns, coordinates = self.groups[alive], self.coordinates[alive]
            A = (columns[:, :, None] * coordinates[:, None, :]).reshape(len(columns), -1)
            longest = np.sqrt(np.einsum("ij,ij->j", A, A).max())
            limit = rank_tolerance(longest, len(pattern), pattern.shape[1] * self.X.shape[1]) ** 2
            self.basis = ColumnBasis(A, limit)
        self.alive, self.rank = alive, self.basis.rank
        self.sums = self._least_squares()
        self.values = self.coordinates @ self.sums.T

    def _gram(self) -> NDArray[np.float64]:
        """A Aᵀ, (N, N), without further matrices of that size."""
        gram, groups = np.empty((len(self.y), len(self.y))), self.groups.astype(float)
        for start in range(0, len(gram), STRIP):
            strip = slice(start, start + STRIP)
            gram[strip] = self.coordinates[strip] @ self.coordinates.T
            gram[strip] *= groups[strip] @ groups.T
        return gram

    def image(self, sums: NDArray) -> NDArray[np.float64]:
        """A u, (N,), for u (G, r)."""
        return (self.groups * (self.coordinates @ sums.T)).sum(axis=1)

    def transposed(self, vector: NDArray) -> NDArray[np.float64]:
        """Aᵀλ, (G, r), for λ (N,)."""
        return (self.groups * vector[:, None]).T @ self.coordinates

    def _least_squares(self) -> NDArray[np.float64]:
        sums = np.zeros((self.G, self.r))
        for _ in range(1 + REFINEMENTS):
            residual = self.y - self.image(sums)
            if self.wide:
                sums = sums + self.transposed(self.basis.dual(residual))
            else:
                sums = sums + self.basis.least_squares(residual[self.alive]).reshape(sums.shape)
        return sums

    def preimage(self, wanted: NDArray) -> NDArray[np.float64]:
        """λ, (N,), with Aᵀλ = wanted (G, r), if there is one; otherwise the equation fails."""
        found = np.zeros(len(self.y))
        for _ in range(1 + REFINEMENTS):
            missing = wanted - self.transposed(found)
            if self.wide:
                found += self.basis.preimage(self.image(missing))
            else:
                found[self.alive] += self.basis.preimage(missing.ravel())
        return found

    @cached_property
    def kernel(self) -> NDArray[np.float64] | None:
        if self.basis.kernel is None:
            return None
        return self.basis.kernel.reshape(self.G, self.r, -1)

    @cached_property
    def known(self) -> NDArray[np.bool_]:
        if self.kernel is None:
            return self._known_by_trial()
        lengths = np.linalg.norm(self.coordinates, axis=1)
        found = np.zeros(self.groups.shape, dtype=bool)
        for g in range(self.G):
            # ‖Z_gᵀ x‖ through a triangle of r rows instead of the many columns of the kernel
            triangle = np.linalg.qr(self.kernel[g].T, mode="r")
            moved = np.linalg.norm(self.coordinates @ triangle.T, axis=1)
            found[:, g] = moved <= KNOWN * lengths
        return found

    def _known_by_trial(self) -> NDArray[np.bool_]:
        """Of the samples that miss a single group, the outermost on either side, if their values are known.

        Where the samples that all groups share determine Σ_g u_g, such a value is known from the fit. A
        group whose values are on both sides of zero fits no sign; those that do so furthest are tried.
        """
        found = np.zeros(self.groups.shape, dtype=bool)
        missed = ~self.groups
        alone = missed & (missed.sum(axis=1) == 1)[:, None]
        highest = np.where(alone, self.values, -np.inf)
        lowest = np.where(alone, self.values, np.inf)
        spread = np.minimum(highest.max(axis=0), -lowest.min(axis=0))
        for g in np.argsort(-spread, kind="stable")[:TRIED]:
            if spread[g] <= 0.0:
                break
            for i in (int(np.argmax(highest[:, g])), int(np.argmin(lowest[:, g]))):
                wanted = np.zeros((self.G, self.r))
                wanted[g] = self.coordinates[i]
                missing = wanted - self.transposed(self.preimage(wanted))
                found[i, g] = np.abs(missing).max() <= KNOWN * np.abs(wanted).max()
        return found

    @property
    def fitted(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """The fitted values p, (N,); no error bound on them is proven (inf)."""
        return (self.groups * self.values).sum(axis=1), np.full(len(self.y), np.inf)

    def displacement(self, R: NDArray) -> NDArray[np.float64]:
        """As ``enclosures.ProvenMinimum.displacement``: nothing is proven."""
        return np.full(self.pattern.shape, np.inf)


def large_minimum(inputs: Inputs, y: NDArray, pattern: NDArray[np.bool_]) -> LargeMinimum | None:
    """The minimum of a large cell, kept with the inputs until another cell's is asked for; None if small."""
    rows, most = int(pattern.any(axis=1).sum()), pattern.shape[1] * min(inputs.X.shape)
    if not is_large(rows, most) or not is_large(rows, distinct_columns(pattern)[0].shape[1] * inputs.rank):
        return None
    key = (y.tobytes(), pattern.tobytes())
    return inputs.remembered(key, lambda: LargeMinimum(inputs, y, pattern))
