"""The minimum of a large cell, from a basis of A's range (``bases``).

For a wide A (N < G·r: groups of equal neurons times rank X) it is the basis of

    A Aᵀ = (X Xᵀ) ∘ (I Iᵀ),

which has N² entries whatever K is; A itself is never formed, and neither is its kernel, which would
have G·r − rank A columns. What is found here in floating point is checked by products with X and the
pattern (``proofs``).
"""

from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from relucells.bases import RowBasis, column_basis, is_large
from relucells.cells import distinct_columns
from relucells.inputs import Inputs

# Corrections of a least-squares solution.
REFINEMENTS = 3
# Relative change of a value within the kernel below which it is the same for every minimiser.
KNOWN = 1e-9
# Groups of which two values are tried where the kernel is out of reach.
TRIED = 4
# Rows of A Aᵀ that are made at a time.
STRIP = 1000


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
            self.basis = column_basis(A, len(pattern), pattern.shape[1] * self.X.shape[1])
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
    return floating_minimum(inputs, y, pattern)


def floating_minimum(inputs: Inputs, y: NDArray, pattern: NDArray[np.bool_]) -> LargeMinimum:
    """The same whatever the size of the cell."""
    key = (y.tobytes(), pattern.tobytes())
    return inputs.remembered(key, lambda: LargeMinimum(inputs, y, pattern))
