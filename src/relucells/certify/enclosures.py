"""The minimum of a cell, enclosed in floating point: fitted values and minimisers with proven error bounds.

Let U be a set of samples. Off U let every column of the pattern be a sum of a few *masks* with entries in
{−1, 0, 1}: differences along a tree, so that nearly equal columns do no harm. The masks' blocks, mask ∘ X
restricted to the samples off U, form A'. If

    M = [ A_U ; A'ᵀ A_off ],   h = [ y_U ; A'ᵀ y_off ]

has full row rank, then R is a minimiser of the cell iff M R = h: its residual vanishes on U and is
orthogonal to A', whose ranges together contain A's. So minimisers near an approximate one, the fitted
values, and dual bounds follow from floating-point bounds on M alone, whatever the rank of A (derived).
For linearly independent samples U is everything. A free part F adds its columns to A, and to A' those
that A' does not contain already (``covered``); the unknowns are then (R, c).

U is made so that A's range is proven to hold ℝ^U (``saturate``). So M R = h at every minimiser, even where M
is not proven to have full row rank. But then it is not known how near a minimiser is.

Everything is in the scaled coordinates of ``cell``: all entries of X and y are at most 1.
"""

from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from relucells.certify.cell import Cell, present
from relucells.samples.differences import differences, differing, masked
from relucells.samples.floating import (
    TINY,
    UNDERFLOW,
    RowSystem,
    finer_product,
    gamma,
    norm,
    norm_at_least,
    product,
    row_system,
)
from relucells.samples.inputs import distinct_columns, nonzero_rows

# Columns that differ in this share of the samples are about as independent as the samples are.
FAR = 0.02


def enclosure(cell: Cell) -> "ProvenMinimum | ExactFit | AnyFit":
    """The enclosure that fits the data; the cell must be ``floating`` and have an active pair."""
    return exact_fit(cell) if cell.samples.independent or cell.everything else ProvenMinimum(cell)


def exact_fit(cell: Cell) -> "ExactFit | AnyFit":
    """The enclosure of a cell of linearly independent samples, or whose free part fits everything."""
    return AnyFit(cell) if cell.everything else ExactFit(cell)


class AnyFit:
    """The minimum of a cell whose free part fits every label: loss 0, and every R is a minimiser."""

    def __init__(self, cell: Cell):
        self.fitted = present(cell.scaled_y), np.zeros(cell.N)
        self.residual_length = 0.0, 0.0

    def displacement(self, values: NDArray, error: NDArray) -> NDArray[np.float64]:
        return np.zeros_like(values)


class ExactFit:
    """The minimum of a cell of linearly independent samples: every active sample is fitted exactly, and c
    fits the others, as far as a free part reaches them, as well as it can."""

    def __init__(self, cell: Cell):
        self.cell, self.y = cell, present(cell.scaled_y)
        self.apart = cell.alive & ~cell.active

    @cached_property
    def fitted(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """The fitted values p, (N,), and a bound on the error of each."""
        p, error = np.where(self.cell.active, self.y, 0.0), np.zeros(self.cell.N)
        if self.apart.any():
            found, doubt = self._shift(self.y)
            p[self.apart], error[self.apart] = found[self.apart], doubt[self.apart]
        return p, error

    @property
    def residual_length(self) -> tuple[float, float]:
        """Bounds on |y − p|."""
        dead = np.where(self.cell.active, 0.0, self.y)
        if not self.apart.any():
            return norm_at_least(dead), norm(dead)
        p, error = self.fitted
        missing = np.where(self.cell.active, 0.0, dead - p)
        doubt = norm(error + gamma(4) * (np.abs(dead) + np.abs(p)))
        return max(0.0, norm_at_least(missing) - doubt), (norm(missing) + doubt) * (1.0 + gamma(4))

    def _shift(
        self, values: NDArray, rooms: NDArray | None = None
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """F c of the c that fits first the samples apart and then all others best, in proportion to the room
        that each has, (N,), if given; with bounds of errors."""
        from relucells.certify.free_part import fit_floats

        finite = np.isfinite(values).all() and (rooms is None or np.isfinite(rooms).all())
        if not self.cell.fits_free_part or not finite:
            return np.zeros(self.cell.N), np.full(self.cell.N, np.inf)
        return fit_floats(self.cell, values, np.flatnonzero(self.apart), rooms)

    def displacement(self, values: NDArray, error: NDArray) -> NDArray[np.float64]:
        """How far the values R_j·x_i of some exact minimiser can be from those of an R, known to ``error``,
        all (N, K): the active pairs of a sample make up for its residual evenly, the inactive ones stay."""
        rounding = error
        residual, error = _residual(self.cell, values, rounding)
        if self.cell.m:
            found, doubt = self._shift(residual, (self.cell.pattern * rounding).sum(axis=1))
            error = error + doubt + gamma(2) * (np.abs(residual) + np.abs(found))
            residual = residual - found
        active = np.maximum(self.cell.pattern.sum(axis=1), 1)
        each = (np.abs(residual) + error) * (1.0 + gamma(4)) / active * (1.0 + gamma(4)) + TINY
        return self.cell.pattern * each[:, None]


class ProvenMinimum:
    """The minimisers of a cell as the solutions of M u = h in the sums u_g of each group's R_j.

    finely : whether M and h are computed beyond double precision. Where there are many samples, their bounds
        are then far tighter, but it takes longer
    """

    def __init__(self, cell: Cell, finely: bool = False):
        self.cell, self.finely = cell, finely
        self.X = present(cell.samples.scaled)[:, cell.samples.columns]
        self.y = present(cell.scaled_y)
        self.N, self.D = self.X.shape
        self.groups, self.group, self.size, self.G = cell.columns, cell.group, cell.size, cell.G
        self.by_group = np.ascontiguousarray(self.groups.T, dtype=np.float64)
        self.own = self.by_group.T  # the columns as masks
        self.F, self.m = cell.F, cell.m
        self.saturated, self.masks = self._structure()
        self.off = ~self.saturated
        self.below = masked(_where(self.masks, self.off), _where(self.X, self.off))
        if self.m:
            self.new = ~covered(cell, self.groups, self.off)
            self.below = np.hstack([self.below, self.F[np.ix_(self.off, self.new)]])

    def _structure(self) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
        """U, (N,), and the masks off U, (N, m), for which full row rank is likely."""
        alive = self.cell.alive
        if alive.sum() <= self.G * self.D + self.m:
            A = self._masked(self.groups, True)
            trial = row_system(A[alive])
            if trial.proven:
                self.__dict__["system"] = trial
                return alive, np.zeros((self.N, 0))
        saturated, rest, apart = saturate(self.X, self.groups)
        if apart is not None and not saturated.any() and not self.m:
            pairs = np.triu_indices(len(apart), 1)
            if (apart[pairs] > FAR * self.N).all():  # the columns themselves are as good, and at hand
                return saturated, self.own
        return saturated, differences(rest, apart)

    def _masked(self, masks: NDArray, free: bool) -> NDArray[np.float64]:
        """mask ∘ X side by side for each mask (N, ·), and F where it is ``free``."""
        if masks is self.own and self.masks is self.own:
            return self.below
        X = masked(masks, self.X)
        return np.hstack([X, self.F]) if free and self.m else X

    def blocks(self, masks: NDArray, free: bool = False) -> tuple[NDArray, NDArray, NDArray]:
        """[mask_U ∘ X_U ; A'ᵀ (mask ∘ X)_off] side by side for each mask (N, ·), F treated alike, and bounds
        on the norm of the rounding error of each row and of each column."""
        X = self._masked(masks, free)
        top, rest = X[self.saturated], _where(X, self.off)
        if self.finely:
            found, errors = finer_product(self.below, rest)
            rows, columns = (np.array([norm(line) for line in lines]) for lines in (errors, errors.T))
        else:
            found = self.below.T @ rest
            lengths = self._lengths(self.masks, self.F[:, self.new] if self.m else self.F)
            heights = self._lengths(masks, self.F if free else self.F[:, :0])
            rows = gamma(len(rest)) * lengths * norm(heights) + len(rest) * X.shape[1] * TINY
            underflow = self.N * max(1, self.below.shape[1]) * TINY
            columns = gamma(len(rest)) * norm(lengths) * heights * (1.0 + gamma(self.N)) + underflow
        rows = np.concatenate([np.zeros(len(top)), rows * (1.0 + gamma(self.N))])
        return np.concatenate([top, found]), rows, columns

    def _lengths(self, masks: NDArray, F: NDArray) -> NDArray[np.float64]:
        """Those of the columns of (mask ∘ X)_off for each mask (N, ·), and of F_off, but for rounding."""
        X, masks, F = (np.square(_where(part, self.off)) for part in (self.X, masks, F))
        return np.sqrt(np.concatenate([(masks.T @ X).ravel(), F.sum(axis=0)])) + 2.0**-530

    @cached_property
    def system(self) -> RowSystem:
        """M with its proof of full row rank, if it has one."""
        matrix, rows, _ = self.blocks(self.own, True)
        return row_system(matrix, rows)

    @cached_property
    def right(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """h and a bound on the rounding error of each entry."""
        return self._project(self.y, np.zeros(self.N))

    def _project(self, vector: NDArray, error: NDArray) -> tuple[NDArray, NDArray]:
        """[v_U ; A'ᵀ v_off] and the errors of its entries, for v (N,) known to ``error`` (N,)."""
        v, known = vector[self.off], error[self.off]
        if self.finely:
            found, rounded = (column[:, 0] for column in finer_product(self.below, v[:, None]))
        else:
            found, rounded = self.below.T @ v, np.zeros(self.below.shape[1])
            known = known + gamma(self.N) * np.abs(v) + TINY
        # |A'|ᵀ known by way of the masks, a D-th of the entries
        X, masks = self._sizes
        size = (X * known) @ masks
        parts = [size.T.ravel()]
        if self.m:
            parts.append(np.abs(self.F[np.ix_(self.off, self.new)]).T @ known)
        rounded = rounded + np.concatenate(parts) * (1.0 + gamma(self.N + 1)) + self.N * TINY
        return (
            np.concatenate([vector[self.saturated], found]),
            np.concatenate([error[self.saturated], rounded]),
        )

    def displacement(self, values: NDArray, error: NDArray) -> NDArray[np.float64]:
        """As ``ExactFit.displacement``: the sum of each group moves by at most a distance, shared evenly."""
        residual, error = _residual(self.cell, values, error)
        if self.m:
            c = np.linalg.lstsq(self.F, residual, rcond=None)[0]
            found, rounded = self._output(c)
            error = error + rounded + gamma(2) * (np.abs(residual) + np.abs(found))
            residual = residual - found
        distance = self.system.distance(*self._project(residual, error))
        alive = self.group >= 0
        moved = np.where(alive, distance / np.maximum(self.size[self.group], 1), 0.0)
        # no movement where a sample or a neuron is 0, not even by an unknown distance; TINY for underflow
        some = alive & ~self.cell.samples.zero[:, None]
        return np.where(some, self.cell.samples.lengths[:, None] * moved * (1.0 + gamma(4)) + TINY, 0.0)

    def _output(self, c: NDArray) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """F c, (N,), and a bound on the error of each entry."""
        size = product(np.abs(self.F), np.abs(c))
        return self.F @ c, gamma(self.m) * size + (self.m + 1) * TINY

    @cached_property
    def _sizes(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """|X|ᵀ, (D, n), and the masks' magnitudes, (n, m), off U."""
        X, masks = _where(self.X, self.off), _where(self.masks, self.off)
        return np.ascontiguousarray(np.abs(X).T), np.abs(masks)

    @cached_property
    def _unknowns(self) -> tuple[NDArray, float, NDArray, NDArray]:
        """Sums u, (G, D), and how far they are, with coefficients c, from those of some minimiser, in norm;
        A u + F c, (N,), and a bound on the error of each entry."""
        h, _ = self.right
        u = self.system.solve(h)
        for _ in range(2):
            u = u + self.system.solve(h - self.system.matrix @ u)
        u, c = u[: self.G * self.D].reshape(self.G, self.D), u[self.G * self.D :]
        p, rounded = self._image(u, c)
        known = rounded + gamma(4) * (np.abs(p) + np.abs(self.y))
        return u, self.system.distance(*self._project(self.y - p, known)), p, rounded

    @property
    def sums(self) -> tuple[NDArray[np.float64], float]:
        """Sums u, (G, D), and how far they are, in norm, from those of some minimiser, at most."""
        return self._unknowns[:2]

    def _image(self, sums: NDArray, c: NDArray) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """A u + F c, (N,), and a bound on the error of each entry."""
        p = np.einsum("gn,gn->n", self.by_group, sums @ self.X.T)
        size = product(np.abs(self.X), np.abs(sums).sum(axis=0) * (1.0 + gamma(self.G)))
        error = gamma(self.D + self.G) * size + (self.D + 1) * self.G * TINY
        if self.m:
            found, more = self._output(c)
            error = error + more + gamma(2) * (np.abs(p) + np.abs(found))
            p = p + found
        return p, error

    @cached_property
    def _near(self) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        """A u + F c, (N,), near the minimisers', and bounds on how far it is from the values computed
        and from the fitted ones."""
        _, distance, p, rounded = self._unknowns
        count = np.sqrt(self.by_group.sum(axis=0))
        reach = count * self.cell.samples.lengths
        if self.m:
            reach = np.hypot(reach, present(self.cell.free).lengths) * (1.0 + gamma(4))
        return p, rounded, reach * distance * (1.0 + gamma(8))

    @cached_property
    def determined(self) -> NDArray[np.bool_]:
        """Groups, (G,), whose sum u_g is proven to be the same for all minimisers (*derived*).

        Let T be the groups whose columns vanish off U or equal another one's there, and c their distinct
        nonzero columns off U. Let S be the samples of U at which a column of T differs from 0, or from the
        first one that equals it off U. Then A_T has its range in ℝ^S and those of c blocks of D columns. So
        at least D (|T| − c) − |S| dimensions of the kernel of M vanish outside T. If the whole kernel has no
        more, as M's full row rank tells, all minimisers have the same sums outside T.
        """
        kernel = self.G * self.D + self.m - len(self.system.matrix)
        if not self.system.proven or not kernel:
            return np.full(self.G, self.system.proven)
        off, kind = distinct_columns(self.groups & self.off[:, None])
        first = np.array([np.argmax(kind == k) for k in range(off.shape[1])], dtype=np.int64)
        alike = np.concatenate([self.groups[:, first], np.zeros((self.N, 1), dtype=bool)], axis=1)[:, kind]
        apart = int(nonzero_rows(self.groups ^ alike).sum())
        alone = (kind >= 0) & (np.bincount(kind + 1)[kind + 1] == 1)
        return alone & (self.D * (self.G - len(first)) - apart == kernel)

    def pair_values(self, samples: NDArray, groups: NDArray) -> tuple[NDArray, NDArray]:
        """x_i·u_g of determined sums for some pairs, and a bound on the error of each."""
        sums, distance = self.sums
        X, u = self.X[samples], sums[groups]
        size = (np.abs(X) * np.abs(u)).sum(axis=1)
        error = gamma(self.D) * size + self.D * TINY + self.cell.samples.lengths[samples] * distance
        return (X * u).sum(axis=1), error * (1.0 + gamma(8))

    @cached_property
    def fitted(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """The fitted values p, (N,), and a bound on the error of each (inf if nothing is proven)."""
        if not self.system.proven:
            return np.zeros(self.N), np.full(self.N, np.inf)
        p, rounded, moved = (part.copy() for part in self._near)
        error = moved + rounded
        p[self.saturated], error[self.saturated] = self.y[self.saturated], 0.0
        alive = self.cell.alive & ~self.cell.samples.zero
        if self.m:
            alive |= self.cell.free_rows
        error = np.where(np.isfinite(error), error, np.inf)
        return np.where(alive, p, 0.0), np.where(alive, error, 0.0)

    @property
    def residual_length(self) -> tuple[float, float]:
        """Bounds on |y − p|: A u is in A's range, so |y − A u|² = |y − p|² + |p − A u|²."""
        if not self.system.proven:
            return 0.0, np.inf
        values, rounded, moved = self._near
        residual = self.y - values
        error = rounded + gamma(4) * (np.abs(values) + np.abs(self.y))
        doubt = norm(error)
        length = norm_at_least(residual) - doubt
        square = length * length * (1.0 - gamma(4)) - norm(moved) ** 2 * (1.0 + gamma(4))
        lower = np.sqrt(square) * (1.0 - gamma(4)) - UNDERFLOW if length > 0 and square > 0 else 0.0
        upper = (norm(residual) + doubt) * (1.0 + gamma(4))
        # p = y on U, so that the other samples alone tell as much, and all of it where there are none
        off = self.off
        doubt = norm(error[off]) + norm(moved[off])
        lower = max(0.0, float(lower), (norm_at_least(residual[off]) - doubt) * (1.0 - gamma(4)))
        return lower, min(upper, (norm(residual[off]) + doubt) * (1.0 + gamma(4)))


def _where(array: NDArray, rows: NDArray[np.bool_]) -> NDArray:
    """Some rows of an array; the array itself where they are all."""
    return array if rows.all() else array[rows]


def _residual(cell: Cell, values: NDArray, error: NDArray) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """y − A R, (N,), from scaled values R_j·x_i known to ``error``, and a bound on the error of each."""
    pattern, y = cell.pattern, present(cell.scaled_y)
    output, known, size = (
        np.einsum("nk,nk->n", pattern, part) for part in (values, error, np.abs(values))
    )  # which takes a third of the time of sums over short rows
    known = known * (1.0 + gamma(cell.K))
    return y - output, known + gamma(cell.K + 2) * (size + np.abs(y))


def covered(cell: Cell, columns: NDArray[np.bool_], rows: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Columns of F, (m,), that are X t on ``rows`` (N,) for a group of ``columns`` (N, G) that is active
    wherever they have an entry there: its block's range holds them (exact: ``cell.inside``). Zeros too."""
    entries = (cell.F[rows] != 0).astype(float)
    outside = entries.T @ (~columns[rows]).astype(float)
    return (cell.inside & (outside == 0).any(axis=1)) | ~entries.any(axis=0)


def saturate(
    X: NDArray, columns: NDArray[np.bool_]
) -> tuple[NDArray[np.bool_], NDArray[np.bool_], NDArray[np.float64] | None]:
    """Samples fitted exactly because few of them tell columns apart, and the columns reduced off them.

    Two blocks of A whose columns differ in samples S, at most D and linearly independent, have
    ℝ^S as the range of their difference, so A's range contains it; the zero column counts as a block.
    Columns are compared off what is known already until nothing is added. Returns U (N,), the distinct
    nonzero columns off U, (N, G'), and, unless that has to be found out, in how many samples the zero column
    and these differ. That samples are independent is proven, not judged by singular values: p = y on U, and
    dual bounds with it, rest on that alone.
    """
    D = X.shape[1]
    saturated = np.zeros(len(X), dtype=bool)
    nothing = np.zeros((1, len(X)), dtype=bool)
    while True:
        trial = np.concatenate([columns.T & ~saturated, nothing])
        apart = differing(trial)
        near = np.argwhere(np.triu(apart <= D, 1))
        grown = False
        for a, b in near:
            S = (trial[a] ^ trial[b]) & ~saturated
            if S.any() and row_system(X[S]).proven:
                saturated |= S
                grown = True
        if not grown:
            rest = trial[:-1].T
            if len(near):
                return saturated, distinct_columns(rest)[0], None
            return saturated, rest, np.roll(apart, 1, axis=(0, 1))
