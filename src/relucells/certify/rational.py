"""A cell in exact rational arithmetic, for what floating point cannot tell from zero.

Floats are dyadic rationals, so X, y and a certificate have exact values. Exact fitted values, and exact
multipliers near the given ones, are *found* with the help of a rank modulo a prime. Then exact products
*check* them, so that no guess needs to be trusted. A witness has a module of its own (``exact_witness``).

Columns of X are taken over powers of two of their own, which changes R but no value R_j·x_i.
"""

from functools import cached_property

import numpy as np
from flint import fmpq, fmpz, fmpz_mat

from relucells.certify import dyadic
from relucells.certify.cell import Cell
from relucells.certify.certificates import Leaf
from relucells.certify.dyadic import power
from relucells.certify.systems import Ratio, identity, solve

# Equations times unknowns of a leaf with its multipliers, beyond the limits of the cell.
TABLE = 8_000_000


class ExactCell:
    """The minimisers of one cell: A as integers, the fitted values, and exact multipliers near given ones."""

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
        right = dyadic.matrix([[0]] * (len(rows) - 1) + [[total]], 1)
        start = [0] * width + values
        p, below = self.fitted
        # the largest multipliers are solved for, the smallest keep their values
        largest_first = (width + np.argsort(-leaf.values, kind="stable")).tolist()
        # where the rounding of multipliers would ask for a long λ, they rather move themselves
        for order in ([*range(width), *largest_first], [*largest_first, *range(width)]):
            cell.afford_system(min(len(rows), width + M))
            matrix = dyadic.matrix([[row[c] for c in order] for row in rows], width + M)
            found = solve(matrix, right, [start[c] for c in order])
            if found is None:
                return None
            z = dict(zip(order, found[0].entries(), strict=True))
            if any(z[c] < 0 for c in largest_first):
                continue
            omega = dyadic.matrix([[z[c]] for c in range(width)], 1)
            product = ((C * omega).transpose() * p)[0, 0]
            bound = -fmpq(product, below * found[1] * total) * power(self.unit)
            if finite and bound <= 0:
                return bound
            if not finite and bound < 0:
                return -np.inf
        return None
