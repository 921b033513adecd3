"""The minimum of a large cell, from a basis of A's range (``samples.bases``).

For a wide A (N < G·r: groups of equal neurons times rank X) it is the basis of

    A Aᵀ = (X Xᵀ) ∘ (I Iᵀ),

which has N² entries whatever K is. A itself is not formed, and neither is its kernel, which would have
G·r − rank A columns. Groups that are active on nearly all samples are compressed first, because they differ
on few samples only. With a free part VᵀA takes the place of A (``samples.free_part``). All of this is
floating point; ``verify`` checks what is found by products with X and the pattern.
"""

from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from relucells.samples.bases import ROW_ROUND, ColumnBasis, RowBasis, column_basis, is_large
from relucells.samples.decomposition import triangle
from relucells.samples.free_part import FreePart
from relucells.samples.inputs import Inputs, distinct_columns, rank_tolerance

# Corrections of a least-squares solution.
REFINEMENTS = 3
# A value that changes by less than this, relatively, within the kernel is the same for every minimiser.
KNOWN = 1e-9
# With more entries than this a kernel is too large to form, and a program over it too large to solve.
KERNEL = 200_000_000
# Rows of A Aᵀ that are made at a time.
STRIP = 1000


class LargeMinimum:
    """The minimisers of a large cell in the sums u_g of each group's R_j, in orthonormal coordinates.

    sums : (G, r), those of one minimiser; rank : of A
    kernel : (G, r, G·r − rank), a basis of A's kernel, or None where it is too large to form
    known : (N, G), pairs whose value x_i·u_g is shown to be the same for every minimiser
    """

    def __init__(self, inputs: Inputs, y: NDArray, pattern: NDArray[np.bool_], part: FreePart | None = None):
        self.X, self.y, self.pattern, self.part = inputs.X, y, pattern, part
        self.coordinates = inputs.orthonormal[0]
        self.groups, self.group = distinct_columns(pattern)
        self.G, self.r = self.groups.shape[1], self.coordinates.shape[1]
        self.alive = np.asarray(pattern.any(axis=1))
        self._choose_unknowns()
        self.rows = self.alive if part is None else part.reached(pattern)
        self.off = None if part is None else part.restricted(self.rows)
        count = int(self.rows.sum()) - (0 if part is None else part.rank)  # rows of A, or of VᵀA
        self.wide = count < self.ends[-1]
        self.basis: RowBasis | ColumnBasis
        if self.wide:
            self.basis = RowBasis(self._gram())
        else:
            columns = pattern.shape[1] * self.X.shape[1]
            A = self._compressed()
            longest = None if part is None else float(np.linalg.norm(A, axis=0).max())
            self.basis = column_basis(self._onto(A), len(pattern), columns, longest)
        self.rank = self.basis.rank
        self.sums = self._least_squares()
        self.values = self.coordinates @ self.sums.T

    def _choose_unknowns(self) -> None:
        """Few unknowns w for the sums.

        The *reference* is a group that is active on all alive samples. Another group g that misses only few
        of them, S, matters only through its values on S:

            Σ_g I_g X u_g = X w_ref − Σ_g I_S X V_g w_g + …,    w_ref = u_ref + Σ_g u_g,

        with V_g a basis of the span of S. ``spans`` holds V_g, (r, |S|), for such groups.
        """
        full = np.flatnonzero(self.groups[self.alive].all(axis=0))
        self.reference = int(full[0]) if len(full) else None
        self.spans: dict[int, NDArray[np.float64]] = {}
        for g in range(self.G) if len(full) else []:
            missed = self.alive & ~self.groups[:, g]
            if 0 < missed.sum() < self.r:
                self.spans[g] = np.linalg.qr(self.coordinates[missed].T)[0]
        widths = [self.spans[g].shape[1] if g in self.spans else self.r for g in range(self.G)]
        self.ends = np.cumsum([0, *widths])

    def _onto(self, values: NDArray) -> NDArray[np.float64]:
        """Values on ``rows``, Vᵀ times them where there is a free part."""
        return values if self.off is None else self.off.onto(values)

    def _back(self, values: NDArray) -> NDArray[np.float64]:
        """The reverse: values on ``rows``."""
        return values if self.off is None else self.off.back(values)

    def _block(self, g: int) -> slice:
        """The entries of w that belong to a group."""
        return slice(self.ends[g], self.ends[g + 1])

    def _compressed(self) -> NDArray[np.float64]:
        """A in the unknowns w, ``rows`` × len(w)."""
        groups, coordinates = self.groups[self.rows], self.coordinates[self.rows]
        found = np.zeros((len(groups), self.ends[-1]))
        for g in range(self.G):
            if g in self.spans:
                missed = ~groups[:, g] & self.alive[self.rows]
                found[missed, self._block(g)] = -coordinates[missed] @ self.spans[g]
            else:
                np.multiply(groups[:, [g]], coordinates, out=found[:, self._block(g)])
        return found

    def _sums(self, unknowns: NDArray) -> NDArray[np.float64]:
        """u, (G, r, …), for w (n, …)."""
        found = np.empty((self.G, self.r, *unknowns.shape[1:]))
        for g in range(self.G):
            block = unknowns[self._block(g)]
            found[g] = self.spans[g] @ block if g in self.spans else block
        if self.spans:
            found[self.reference] -= found[list(self.spans)].sum(axis=0)
        return found

    def _wanted(self, wanted: NDArray) -> NDArray[np.float64]:
        """The linear function F (G, r) of u as one of w, (n,)."""
        return np.concatenate(
            [
                self.spans[g].T @ (wanted[g] - wanted[self.reference]) if g in self.spans else wanted[g]
                for g in range(self.G)
            ]
        )

    def _gram(self) -> NDArray[np.float64]:
        """A Aᵀ, (N, N), without further matrices of that size; Vᵀ A Aᵀ V where there is a free part."""
        gram, groups = np.empty((len(self.y), len(self.y))), self.groups.astype(float)
        for start in range(0, len(gram), STRIP):
            strip = slice(start, start + STRIP)
            gram[strip] = self.coordinates[strip] @ self.coordinates.T
            gram[strip] *= groups[strip] @ groups.T
        if self.off is not None:
            longest = gram.diagonal().max()
            gram = self.off.onto(self.off.onto(gram[np.ix_(self.rows, self.rows)]).T)
            if gram.diagonal().max(initial=0.0) <= ROW_ROUND * longest:
                gram = np.zeros_like(gram)  # F fits whatever A does
        return gram

    @cached_property
    def doubtful(self) -> bool:
        """Whether some row of a wide A is nearly a combination of the chosen ones, but not up to rounding.

        A Aᵀ does not show it, so rank and minimum are not to be trusted then.
        """
        basis = self.basis
        if not isinstance(basis, RowBasis) or self.rank == self.alive.sum():
            return False
        if self.off is not None:
            return self.rank < len(basis.order)  # its rows are not samples
        chosen, rest = np.split(basis.order, [self.rank])
        rest = rest[self.alive[rest]]
        through = basis.through(rest)
        for _ in range(2):  # the second time with the coefficients corrected
            products, lengths = np.zeros((len(chosen), len(rest))), np.zeros(len(rest))
            for g in range(self.G):
                rows = self.groups[chosen, g][:, None] * self.coordinates[chosen]
                away = self.groups[rest, g][:, None] * self.coordinates[rest] - through.T @ rows
                products += rows @ away.T
                lengths += np.einsum("ij,ij->i", away, away)
            through = through + basis.solve(products)
        longest = float(np.sqrt((self.groups.sum(axis=1) * (self.coordinates**2).sum(axis=1)).max()))
        limit = rank_tolerance(longest, len(self.y), self.pattern.shape[1] * self.X.shape[1])
        return bool(np.sqrt(lengths.max(initial=0.0)) > limit)

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
            if isinstance(self.basis, RowBasis):
                sums = sums + self.transposed(self._everywhere(self.basis.dual(self._at_rows(residual))))
            else:
                sums = sums + self._sums(self.basis.least_squares(self._onto(residual[self.rows])))
        return sums

    def _at_rows(self, values: NDArray) -> NDArray[np.float64]:
        """Values of all samples as a wide ``basis`` has them."""
        return values if self.off is None else self.off.onto(values[self.rows])

    def _everywhere(self, values: NDArray) -> NDArray[np.float64]:
        """The reverse of it: values of all samples, orthogonal to the free part."""
        if self.off is None:
            return values
        found = np.zeros(len(self.y))
        found[self.rows] = self.off.back(values)
        return found

    def preimage(self, wanted: NDArray) -> NDArray[np.float64]:
        """λ, (N,), with Aᵀλ = wanted (G, r) and Fᵀλ = 0. If there is none the equations do not hold."""
        found = np.zeros(len(self.y))
        for _ in range(1 + REFINEMENTS):
            missing = wanted - self.transposed(found)
            if isinstance(self.basis, RowBasis):
                found += self._everywhere(self.basis.preimage(self._at_rows(self.image(missing))))
            else:
                found[self.rows] += self._back(self.basis.preimage(self._wanted(missing)))
        return found

    @cached_property
    def kernel(self) -> NDArray[np.float64] | None:
        columns = self.G * self.r - self.rank
        if isinstance(self.basis, RowBasis) or self.G * self.r * columns > KERNEL:
            return None
        found = [self._sums(self.basis.kernel)]
        for g, span in self.spans.items():
            away = np.linalg.qr(span, mode="complete")[0][:, span.shape[1] :]
            part = np.zeros((self.G, self.r, away.shape[1]))
            part[g], part[self.reference] = away, -away
            found.append(part)
        return np.concatenate(found, axis=2)

    @cached_property
    def known(self) -> NDArray[np.bool_]:
        found = np.zeros(self.groups.shape, dtype=bool)
        if isinstance(self.basis, RowBasis):
            return found
        lengths = np.linalg.norm(self.coordinates, axis=1)
        kernel = self.basis.kernel
        for g in range(self.G):
            block = kernel[self._block(g)]
            if g in self.spans:
                block = self.spans[g] @ block
            elif g == self.reference:
                block = block - sum(self.spans[h] @ kernel[self._block(h)] for h in self.spans)
            # ‖Z_gᵀ x‖ through a triangle of r rows instead of the many columns of the kernel
            R = triangle(block.T)
            found[:, g] = np.linalg.norm(self.coordinates @ R.T, axis=1) <= KNOWN * lengths
            # the part outside the span may be moved from the group to the reference
            for h in self.spans if g == self.reference else [g] if g in self.spans else []:
                away = self.coordinates - (self.coordinates @ self.spans[h]) @ self.spans[h].T
                found[:, g] &= np.linalg.norm(away, axis=1) <= KNOWN * lengths
        return found

    @property
    def fitted(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """The fitted values p, (N,); no error bound on them is proven (inf)."""
        fitted = (self.groups * self.values).sum(axis=1)
        if self.part is not None:
            fitted = np.where(self.rows, fitted + self.part.projection(self.y - fitted), 0.0)
        return fitted, np.full(len(self.y), np.inf)

    def displacement(self, R: NDArray) -> NDArray[np.float64]:
        """As ``enclosures.ProvenMinimum.displacement``: nothing is proven."""
        return np.full(self.pattern.shape, np.inf)


def large_minimum(
    inputs: Inputs, y: NDArray, pattern: NDArray[np.bool_], part: FreePart | None = None
) -> LargeMinimum | None:
    """The minimum of a large cell, kept with the inputs until another cell's is asked for.

    None if the cell is small, or if its rank needs a singular value decomposition in spite of its size.
    """
    rows, most = int(pattern.any(axis=1).sum()), pattern.shape[1] * min(inputs.X.shape)
    if not is_large(rows, most) or not is_large(rows, distinct_columns(pattern)[0].shape[1] * inputs.rank):
        return None
    minimum = floating_minimum(inputs, y, pattern, part)
    return None if minimum.doubtful else minimum


def floating_minimum(
    inputs: Inputs, y: NDArray, pattern: NDArray[np.bool_], part: FreePart | None = None
) -> LargeMinimum:
    """``large_minimum``, whatever the size of the cell."""
    key = (y.tobytes(), pattern.tobytes(), b"" if part is None else part.key())
    return inputs.remembered(key, lambda: LargeMinimum(inputs, y, pattern, part))
