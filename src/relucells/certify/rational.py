"""A cell in exact rational arithmetic, for what floating point cannot tell from zero.

Floats are dyadic rationals, so X, y and a certificate have exact values. Exact fitted values, an exact
minimiser near a witness, and exact multipliers near the given ones are *found* with the help of a rank modulo
a prime. Then exact products *check* them, so that no guess needs to be trusted.

Columns of X are taken over powers of two of their own, which changes R but no value R_j·x_i.
"""

import math
from functools import cached_property

import numpy as np
from flint import fmpq, fmpz, fmpz_mat
from numpy.typing import NDArray

from relucells.certify import dyadic
from relucells.certify.cell import EXACT_RANK, EXACT_WORK, Cell
from relucells.certify.certificates import Leaf
from relucells.certify.dyadic import power
from relucells.certify.systems import Ratio, identity, nearest, solve

# Inactive pairs this close to zero, relative to max|y|, are tried as exactly zero.
TIGHT = fmpq(1, 10**7)
# Sets of them that are tried.
TRIALS = 8
# Limits of single systems, beyond those of the cell: values of a witness, equations times unknowns where
# every neuron is for itself, and those of a leaf with its multipliers; powers of two by which the sizes of
# weights may differ where they move in proportion to them.
VALUES, SINGLE, TABLE, LONGEST = 4_000_000, 2_000_000, 8_000_000, 2000

# Values R_j·x_i of a witness may be this far from those of the exact minimiser, relative to Σ_d |x_id R_jd|.
NEAR = 1e-6
ONE_IN_NEAR = 10**6
# Active neurons whose Σ_d is smaller than another's on a sample by this power of two keep their value there.
BEARING = 20


class ExactCell:
    """The minimisers of one cell: A as integers, the fitted values, and exact points near given ones."""

    def __init__(self, cell: Cell):
        self.cell = cell
        self.columns = np.asarray(cell.samples.columns)
        self.r = len(self.columns)
        rows, exponents = dyadic.integers(cell.X[:, self.columns])
        # columns of equal size, so that the nearest point is one in well-scaled coordinates
        sizes = [max(abs(row[d]) for row in rows).bit_length() for d in range(len(self.columns))]
        lift = [max(sizes, default=0) - size for size in sizes]
        self.rows = [[a << s for a, s in zip(row, lift, strict=True)] for row in rows]
        self.exponents = [e - s for e, s in zip(exponents, lift, strict=True)]
        self.X = dyadic.matrix(self.rows, self.r)
        y, self.unit = dyadic.whole(cell.y[:, None])
        self.y = [row[0] for row in y]
        self.alive = np.flatnonzero(cell.alive).tolist()
        self.m = cell.m
        free = cell.free_columns.rows if cell.m else [[]] * cell.N
        # F's columns at least as large, so that R need not move for what c can do
        sizes = [max(sizes, default=0), *(max(map(abs, row), default=0).bit_length() for row in free)]
        raised = max(0, sizes[0] - max(sizes[1:])) if cell.m else 0
        self.free = [[a << raised for a in row] for row in free]
        # samples that F alone reaches
        self.apart = np.flatnonzero(cell.alive & ~cell.active).tolist()

    @cached_property
    def A(self) -> fmpz_mat:
        """[A F], alive samples × G·r + m."""
        groups = self.cell.columns.tolist()
        rows = [
            [*(a if on else 0 for on in groups[i] for a in self.rows[i]), *self.free[i]] for i in self.alive
        ]
        return dyadic.matrix(rows, self.cell.G * self.r + self.m)

    @cached_property
    def basis(self) -> fmpz_mat | None:
        """Independent columns of A that span its range; None where all of ℚ^alive is its range, or where
        the samples are independent."""
        if self.cell.samples.independent or self.cell.everything:
            return None
        chosen = dyadic.pivots(self.A)
        if len(chosen) == len(self.alive):
            return None
        if len(chosen) == self.A.ncols():
            return self.A
        return dyadic.matrix([[row[c] for c in chosen] for row in self.A.tolist()], len(chosen))

    @cached_property
    def fitted(self) -> Ratio:
        """p on the alive samples, in units of 2^unit: p is in A's range and y − p orthogonal to it."""
        y = dyadic.matrix([[self.y[i]] for i in self.alive], 1)
        if self.basis is None:
            if not self.cell.samples.independent or self.cell.everything or not self.apart:
                return y, fmpz(1)
            outputs, denominator = self.cell.free_columns.fit(self.y, self.apart)
            apart = set(self.apart)
            column = [[outputs[i] if i in apart else self.y[i] * denominator] for i in self.alive]
            return dyadic.matrix(column, 1), denominator
        self.cell.afford_system(self.basis.ncols())
        C = self.basis.transpose()
        weights, denominator = dyadic.solve(C * self.basis, C * y)
        p = self.basis * weights
        if self.A.transpose() * (y * denominator - p) != fmpz_mat(self.A.ncols(), 1):
            raise ArithmeticError("rank modulo a prime falls short of the rank")
        return p, denominator

    def value(self, sample: int) -> fmpq:
        """The fitted value of a sample: 0 where neither a neuron nor the free part reaches it."""
        if not self.cell.alive[sample]:
            return fmpq(0)
        p, denominator = self.fitted
        return fmpq(p[self.alive.index(sample), 0], denominator) * power(self.unit)

    @cached_property
    def loss(self) -> fmpq:
        """(1/N) |p − y|², in units of 2^(2 unit)."""
        p, denominator = self.fitted
        place = {i: n for n, i in enumerate(self.alive)}
        squares = fmpz(0)
        for i, label in enumerate(self.y):
            e = label * denominator - (p[place[i], 0] if i in place else 0)
            squares += e * e
        return fmpq(squares, denominator * denominator * len(self.y))

    # Witnesses

    def witness_margin(self, R: NDArray[np.float64], signs: NDArray[np.int8]) -> fmpq | None:
        """The margin, at most 1, of an exact minimiser near R that lies in the cell; None if none is found.

        Inactive pairs that come out on the wrong side, or else all that are close to zero, are tried as
        exactly zero.
        """
        if self.cell.pattern.size > VALUES or not np.isfinite(R).all():
            return None
        values, unit = dyadic.values(self.cell.X, R)
        terms, _ = dyadic.values(np.abs(self.cell.X), np.abs(R))  # Σ_d |x_id R_jd|, in the same unit
        sides, near = signs.tolist(), self._near(values, unit)
        shares: list[list[list[int]]] = [[]]
        if self.cell.samples.independent:
            active = [np.flatnonzero(row).tolist() for row in self.cell.pattern]
            bearers = self._bearers(terms, active)
            # Where long weights cancel, an even share may keep short ones inside.
            shares = [bearers] if bearers == active else [bearers, active]
        found = [self._margin_of_share(values, unit, terms, sides, near, share) for share in shares]
        margin = max((at for at in found if at is not None), default=None)
        if (margin is None or margin <= 0) and not self.cell.samples.independent:
            return self._margin_by_sizes(values, unit, R, terms, sides, sorted(near))
        return margin

    def _margin_of_share(
        self, values: fmpz_mat, unit: int, terms: fmpz_mat, sides: list, near: set, bearers: list[list[int]]
    ) -> fmpq | None:
        """The margin where the ``bearers`` of independent samples, none otherwise, share what these miss."""
        inactive = np.argwhere(~self.cell.pattern).tolist()
        zero: set[tuple[int, int]] = set()
        for _ in range(TRIALS):
            trial = self._moved(values, unit, sorted(zero), bearers)
            if trial is None:
                break
            outside = {(i, j) for i, j in inactive if sides[j] * trial[0][i, j] > 0}
            if not outside:
                break
            if outside & zero or not outside <= near:
                trial = None
                break
            zero |= outside
            trial = None
        if trial is None or not self._close(trial, values, unit, terms):
            # a value of exactly 0 may have moved, if by rounding alone
            trial = self._moved(values, unit, sorted(near), bearers)
        if trial is None or not self._close(trial, values, unit, terms):
            return None
        return self._margin(trial, sides)

    def _margin_by_sizes(
        self, values: fmpz_mat, unit: int, R: NDArray, terms: fmpz_mat, sides: list, near: list
    ) -> fmpq | None:
        """The margin where every weight moves in proportion to its size: small ones keep more digits."""
        sizes = self._sizes(R)
        for zero in (near, []) if near else ([],):
            trial = None if sizes is None else self._moved(values, unit, zero, [], sizes)
            if trial is not None and self._close(trial, values, unit, terms):
                if (margin := self._margin(trial, sides)) is not None:
                    return margin
        return None

    def _sizes(self, R: NDArray[np.float64]) -> list[int] | None:
        """Powers of two of the weights in the coordinates of ``rows``, (K · r), and of c, from 0 on."""
        fraction, powers = np.frexp(R[:, self.columns])
        powers = np.where(fraction != 0, powers + np.array(self.exponents, dtype=int), 10**6)
        powers = np.where(fraction != 0, powers - powers.min(), 0).ravel()
        if powers.max() > LONGEST:
            return None
        return powers.tolist() + [int(powers.max())] * self.m

    def _close(self, trial, values: fmpz_mat, unit: int, terms: fmpz_mat) -> bool:
        """Whether no value has moved by more than ``NEAR``; terms : Σ_d |x_id R_jd|."""
        found, denominator, lowest = trial
        before = denominator * (1 << (unit - lowest))
        return all(
            abs(after - value * before) * ONE_IN_NEAR <= size * before
            for after, value, size in zip(found.entries(), values.entries(), terms.entries(), strict=True)
        )

    def _margin(self, trial: tuple[fmpz_mat, fmpz, int], sides: list[int]) -> fmpq | None:
        """The smallest value on an active pair, at most 1; None if an inactive one is positive."""
        found, denominator, unit = trial
        least = None
        for i, row in enumerate(self.cell.pattern.tolist()):
            for j, on in enumerate(row):
                v = sides[j] * found[i, j]
                if on:
                    least = v if least is None or v < least else least
                elif v > 0:
                    return None
        if least is None:
            return fmpq(1)
        return min(fmpq(least, denominator) * power(unit), fmpq(1))

    def _near(self, values: fmpz_mat, unit: int) -> set[tuple[int, int]]:
        """Inactive pairs of alive neurons whose value is close to zero."""
        cell = self.cell
        most = TIGHT * dyadic.fraction(np.abs(cell.y).max()) / power(unit)
        bound = int(most.p) // int(most.q)
        inactive = np.argwhere(~cell.pattern & (cell.group >= 0) & ~cell.samples.zero[:, None])
        return {(i, j) for i, j in inactive.tolist() if abs(values[i, j]) <= bound}

    def _bearers(self, terms: fmpz_mat, active: list[list[int]]) -> list[list[int]]:
        """For each of N independent samples those of its active neurons that make up for what it misses.

        Any values can be prescribed, so those do whose own rounding is not far less than that of others, by
        their ``terms``, Σ_d |x_id R_jd|.
        """
        found = []
        for i, own in enumerate(active):
            most = max((terms[i, j] for j in own), default=fmpz(0))
            found.append([j for j in own if terms[i, j] << BEARING >= most])
        return found

    def _moved(
        self,
        values: fmpz_mat,
        unit: int,
        zero: list[tuple[int, int]],
        bearers: list[list[int]],
        sizes: list[int] | None = None,
    ) -> tuple[fmpz_mat, fmpz, int] | None:
        """Values R_j·x_i, their denominator and power of two, of the minimiser nearest to R that has these
        inactive pairs at zero; relative to ``sizes``, if given. ``bearers`` of independent samples."""
        p, denominator = self.fitted
        lowest = min(unit, self.unit)
        values, d = values * (1 << (unit - lowest)), 1 << (self.unit - lowest)
        groups, active = self.cell.group.tolist(), [np.flatnonzero(row).tolist() for row in self.cell.pattern]
        missing = [
            [p[n, 0] * d - denominator * sum((values[i, j] for j in active[i]), fmpz(0))]
            for n, i in enumerate(self.alive)
        ]
        if self.m:
            missing, denominator = self._without_free_part(missing, denominator)
        if self.cell.samples.independent and not sizes:
            return self._one_by_one(values, missing, denominator, lowest, zero, bearers)
        if sizes or zero:
            return self._with_zeros(values, missing, denominator, lowest, zero, sizes)
        change = self._shared_change(missing)
        if change is None:
            return None
        moves, more, part = change
        scale = denominator * more
        found = dyadic.matrix(
            [
                [values[i, j] * scale + (move[g] * part[g] if g >= 0 else 0) for j, g in enumerate(groups)]
                for i, move in enumerate(moves)
            ],
            self.cell.K,
        )
        return found, scale, lowest

    def _one_by_one(
        self, values, missing: list, denominator, lowest: int, zero: list, bearers: list[list[int]]
    ) -> tuple[fmpz_mat, fmpz, int]:
        """As ``_moved``, of independent samples, whose values may be chosen one by one."""
        every = math.lcm(*(len(bearers[i]) for i in self.alive if bearers[i]))
        scale = denominator * every
        found = values * scale
        for n, i in enumerate(self.alive):
            for j in bearers[i]:  # where there are none, F alone has fitted it
                found[i, j] += missing[n][0] * (every // len(bearers[i]))
        for i, j in zero:
            found[i, j] = 0
        return found, scale, lowest

    def _without_free_part(self, missing: list, denominator) -> tuple[list, fmpz]:
        """What is missing, over a denominator, when c is the best one there is for it."""
        if self.cell.everything:
            return [[fmpz(0)]] * len(missing), denominator
        every = [fmpz(0)] * self.cell.N
        for n, i in enumerate(self.alive):
            every[i] = missing[n][0]
        first = self.apart if self.cell.samples.independent else []
        outputs, more = self.cell.free_columns.fit(every, first)
        return [[every[i] * more - outputs[i]] for i in self.alive], denominator * more

    def _shared_change(self, missing: list) -> tuple[list, fmpz, list[int]] | None:
        """Changes of the groups' values that make up for what is missing, (N, G), over a denominator, and
        each neuron's part in its group's."""
        share = math.lcm(*self.cell.size.tolist())
        part = [share // int(size) for size in self.cell.size]
        self.cell.afford_system(min(self.A.nrows(), self.A.ncols()))
        change = nearest(self.A, dyadic.matrix(missing, 1))
        if change is None:
            return None
        by_group, more = change
        sums = [[by_group[g * self.r + k, 0] for g in range(self.cell.G)] for k in range(self.r)]
        return (self.X * dyadic.matrix(sums, self.cell.G)).tolist(), more * share, part

    def _with_zeros(
        self, values, missing: list, denominator, lowest: int, zero: list, sizes: list[int] | None = None
    ) -> tuple | None:
        """As ``_moved``, every neuron for itself."""
        pattern, K = self.cell.pattern.tolist(), self.cell.K
        alive = [] if self.cell.everything else self.alive  # then every R is a minimiser
        missing = [] if self.cell.everything else missing
        equations, width = len(alive) + len(zero), K * self.r + self.m
        rank, bits = min(equations, width), self.cell.bits + max(sizes or [0])
        if equations * width > SINGLE or rank > 2 * EXACT_RANK or rank**2 * bits > 4 * EXACT_WORK:
            return None
        rows = [[*(a if on else 0 for on in pattern[i] for a in self.rows[i]), *self.free[i]] for i in alive]
        for i, j in zero:
            row = [0] * width
            row[j * self.r : (j + 1) * self.r] = self.rows[i]
            rows.append(row)
            missing.append([-denominator * values[i, j]])
        self.cell.afford_system(min(len(rows), width))
        sizes = [0] * width if sizes is None else sizes
        rows = [[a << s for a, s in zip(row, sizes, strict=True)] for row in rows] if any(sizes) else rows
        change = nearest(dyadic.matrix(rows, width), dyadic.matrix(missing, 1))
        if change is None:
            return None
        by_neuron, more = change
        at = [[j * self.r + k for j in range(K)] for k in range(self.r)]
        sums = [[by_neuron[n, 0] << sizes[n] for n in row] for row in at]
        moves = self.X * dyadic.matrix(sums, K)
        return values * (denominator * more) + moves, denominator * more, lowest

    # Multipliers

    def leaf_bound(self, leaf: Leaf) -> fmpq | float | None:
        """The bound that exact multipliers near the leaf's give, −inf, or None if none exist."""
        cell, r = self.cell, self.r
        samples, owners = leaf.pairs.T
        if 2 * self.A.ncols() * (min(len(self.alive), self.A.ncols()) + len(owners)) > TABLE:
            return None
        C = self.basis if self.basis is not None else identity(len(self.alive))
        through = self.A.transpose() * C  # Aᵀλ, and Fᵀλ below it, for λ = C ω
        width, M = C.ncols(), len(owners)
        carried = {(int(g), int(s)) for g, s in zip(cell.group[owners], leaf.signs[owners], strict=True)}
        rows = []
        for g in range(cell.G):
            for sign in sorted(set(leaf.signs[cell.group == g].tolist())):
                mine = (cell.group[owners] == g) & (leaf.signs[owners] == sign)
                if not sign or (g, sign) not in carried:
                    mine[:] = False
                for k in range(r):
                    block = [0] * M
                    for m in np.flatnonzero(mine).tolist():
                        side = sign if cell.pattern[samples[m], owners[m]] else -sign
                        block[m] = side * self.rows[samples[m]][k]
                    rows.append([*(through[g * r + k, c] for c in range(width)), *block])
        for k in range(cell.G * r, cell.G * r + self.m):
            rows.append([*(through[k, c] for c in range(width)), *([0] * M)])
        shares = np.where(cell.pattern[samples, owners], cell.shares(owners, leaf.signs), 0)
        finite = bool((shares > 0).any())
        weights = (shares if finite else np.ones(M, dtype=int)).tolist()
        rows.append([0] * width + weights)
        values = [v for (v,) in dyadic.whole(leaf.values[:, None])[0]]
        total = sum(w * v for w, v in zip(weights, values, strict=True))
        # the largest multipliers are solved for, the smallest keep their values
        order = [*range(width), *(width + int(m) for m in np.argsort(-leaf.values, kind="stable"))]
        cell.afford_system(min(len(rows), width + M))
        matrix = dyadic.matrix([[row[c] for c in order] for row in rows], width + M)
        right = dyadic.matrix([[0]] * (len(rows) - 1) + [[total]], 1)
        start = [0] * width + values
        found = solve(matrix, right, [start[c] for c in order])
        if found is None:
            return None
        z, denominator = found
        at = {c: n for n, c in enumerate(order)}
        if any(z[at[width + m], 0] < 0 for m in range(M)):
            return None
        p, below = self.fitted
        omega = dyadic.matrix([[z[at[c], 0]] for c in range(width)], 1)
        product = ((C * omega).transpose() * p)[0, 0]
        bound = -fmpq(product, below * denominator * total) * power(self.unit)
        if finite:
            return bound
        return -np.inf if bound < 0 else None
