"""An exact minimiser near the stored R of a witness, by the least change of R that makes it one.

Where samples are independent any values R_j·x_i can be prescribed, so what a sample misses is shared among
its active pairs and nothing else moves. Otherwise the change solves linear equations over the rationals
(``systems.nearest``). Inactive pairs that come out on the wrong side, or else all that are close to zero, are
tried as exactly zero; at last every weight moves in proportion to its size.
"""

import math
from collections.abc import Iterable, Iterator
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from flint import fmpq, fmpz, fmpz_mat
from numpy.typing import NDArray

from relucells.certify import dyadic
from relucells.certify.cell import EXACT_RANK, EXACT_WORK, Cell
from relucells.certify.dyadic import power
from relucells.certify.free_part import weights_of
from relucells.certify.systems import nearest

if TYPE_CHECKING:
    from relucells.certify.rational import ExactCell

# Values R_j·x_i of a witness may be this far from those of the exact minimiser, relative to Σ_d |x_id R_jd|.
NEAR = 1e-6
ONE_IN_NEAR = 10**6
# Inactive pairs this close to zero, relative to the largest label or value, are tried as exactly zero if that
# moves them by no more than ``NEAR``.
TIGHT = 10**7
# Sets of them that are tried.
TRIALS = 8
# Limits: values of a witness, and their bits; equations times unknowns where every neuron is for itself;
# powers of two by which the sizes of weights may differ where they move in proportion to them.
VALUES, VALUE_BITS, SINGLE, LONGEST = 4_000_000, 500_000_000, 2_000_000, 2000
# Active neurons whose Σ_d is smaller than another's on a sample by this power of two keep their value there.
BEARING = 20

# Values R_j·x_i of a minimiser, (N, K), their denominator and their power of two.
Moved = tuple[fmpz_mat, fmpz, int]


class ExactWitness:
    """R, (K, D), the exact sum of finite ``parts``, and signs, (K,), beside the minimisers of a cell.

    R, powers : integers, and a power of two for each column; values : R_j·x_i, (N, K), in units of 2^unit;
    terms : Σ_d |x_id R_jd|, (N, K), in the same unit; near : inactive pairs that may be exactly zero
    """

    def __init__(self, exact: "ExactCell", parts: list[NDArray[np.float64]], signs: NDArray[np.int8]):
        self.exact, self.cell, self.sides = exact, exact.cell, signs.tolist()
        self.R, self.powers = dyadic.total(parts)
        self.values, self.terms, self.unit = dyadic.values_and_terms(self.cell.X, self.R, self.powers)
        self.active = [np.flatnonzero(row).tolist() for row in self.cell.pattern]

    def margins(self) -> Iterator[fmpq]:
        """The margins, at most 1, of exact minimisers near R in the cell, as they are found."""
        shares: list[list[list[int]]] = [[]]
        if self.cell.samples.independent:
            bearers = self._bearers()
            # Where long weights cancel, an even share may keep short ones inside.
            shares = [bearers] if bearers == self.active else [bearers, self.active]
        for share in shares:
            if (margin := self._margin_of_share(share)) is not None:
                yield margin
        if not self.cell.samples.independent and (margin := self._margin_by_sizes()) is not None:
            yield margin

    def _margin_of_share(self, bearers: list[list[int]]) -> fmpq | None:
        """The margin where the ``bearers`` of independent samples, none otherwise, share what these miss."""
        inactive = np.argwhere(~self.cell.pattern).tolist()
        zero: set[tuple[int, int]] = set()
        for _ in range(TRIALS):
            trial = self._moved(sorted(zero), bearers)
            if trial is None:
                break
            outside = {(i, j) for i, j in inactive if self.sides[j] * trial[0][i, j] > 0}
            if not outside:
                break
            if outside & zero or not outside <= self.near:
                trial = None
                break
            zero |= outside
            trial = None
        if trial is not None and self._close(trial):
            return self._margin_of(trial)
        if not self.near:
            return None
        # a value of exactly 0 may have moved, if by rounding alone
        return self._first_margin([self._moved(sorted(self.near), bearers)])

    def _margin_by_sizes(self) -> fmpq | None:
        """The margin where every weight moves in proportion to its size: small ones keep more digits."""
        sizes = self._sizes()
        if sizes is None:
            return None
        near = sorted(self.near)
        return self._first_margin(self._with_zeros(zero, sizes) for zero in ([near, []] if near else [[]]))

    def _first_margin(self, trials: Iterable[Moved | None]) -> fmpq | None:
        """The margin of the first minimiser that is near R and in the cell."""
        close = (trial for trial in trials if trial is not None and self._close(trial))
        margins = (self._margin_of(trial) for trial in close)
        return next((margin for margin in margins if margin is not None), None)

    def _sizes(self) -> list[int] | None:
        """Powers of two of the weights in the coordinates of ``rows``, (K · r), and of c, from 0 on."""
        columns = self.exact.columns.tolist()
        shifts = [self.powers[d] + e for d, e in zip(columns, self.exact.exponents, strict=True)]
        sizes = [
            abs(row[d]).bit_length() + shift if row[d] else None
            for row in self.R
            for d, shift in zip(columns, shifts, strict=True)
        ]
        least = min((size for size in sizes if size is not None), default=0)
        powers = [0 if size is None else size - least for size in sizes]
        return None if max(powers) > LONGEST else powers + [max(powers)] * self.exact.m

    def _close(self, trial: Moved) -> bool:
        """Whether no value has moved by more than ``NEAR``."""
        found, denominator, lowest = trial
        before = denominator * (1 << (self.unit - lowest))
        entries = (table.entries() for table in (found, self.values, self.terms))
        return all(
            abs(after - value * before) * ONE_IN_NEAR <= size * before
            for after, value, size in zip(*entries, strict=True)
        )

    def _margin_of(self, trial: Moved) -> fmpq | None:
        """The smallest value on an active pair, at most 1; None if an inactive one is positive."""
        found, denominator, unit = trial
        least = None
        for i, row in enumerate(self.cell.pattern.tolist()):
            for j, on in enumerate(row):
                v = self.sides[j] * found[i, j]
                if on:
                    least = v if least is None or v < least else least
                elif v > 0:
                    return None
        if least is None:
            return fmpq(1)
        return min(fmpq(least, denominator) * power(unit), fmpq(1))

    @cached_property
    def near(self) -> set[tuple[int, int]]:
        """Inactive pairs of alive neurons whose value may be zero."""
        cell = self.cell
        label = dyadic.fraction(np.abs(cell.y).max()) / power(self.unit)
        values = (abs(self.values[i, j]) for i, own in enumerate(self.active) for j in own)
        largest = max(values, default=fmpz(0))
        inactive = np.argwhere(~cell.pattern & (cell.group >= 0) & ~cell.samples.zero[:, None])
        sizes = [(i, j, abs(self.values[i, j])) for i, j in inactive.tolist()]
        return {
            (i, j)
            for i, j, size in sizes
            if (size * TIGHT <= largest or size * TIGHT <= label) and size * ONE_IN_NEAR <= self.terms[i, j]
        }

    def _bearers(self) -> list[list[int]]:
        """For each of N independent samples those of its active neurons that make up for what it misses.

        Any values can be prescribed, so those do whose own rounding is not far less than that of others, by
        their ``terms``.
        """
        found = []
        for i, own in enumerate(self.active):
            most = max((self.terms[i, j] for j in own), default=fmpz(0))
            found.append([j for j in own if self.terms[i, j] << BEARING >= most])
        return found

    def _moved(self, zero: list[tuple[int, int]], bearers: list[list[int]]) -> Moved | None:
        """The values of the minimiser nearest to R that has these inactive pairs at zero.

        ``bearers`` of independent samples.
        """
        if self.cell.samples.independent:
            return self._one_by_one(zero, bearers)
        return self._with_zeros(zero) if zero else self._together()

    @cached_property
    def _missing(self) -> tuple[fmpz_mat, list[list[fmpz]], fmpz, int]:
        """Values, and what they miss of the fitted ones on alive samples when c is the best one for it, over
        a denominator; both in units of a power of two, which comes last."""
        p, denominator = self.exact.fitted
        lowest = min(self.unit, self.exact.unit)
        values, d = self.values * (1 << (self.unit - lowest)), 1 << (self.exact.unit - lowest)
        missing = [
            [p[n, 0] * d - denominator * sum((values[i, j] for j in self.active[i]), fmpz(0))]
            for n, i in enumerate(self.exact.alive)
        ]
        if self.exact.m:
            missing, denominator = self._without_free_part(missing, denominator)
        return values, missing, denominator, lowest

    def _without_free_part(self, missing: list[list[fmpz]], denominator: fmpz):
        """What is missing, over a denominator, when c is the best one there is for it.

        Of independent samples each has to make up for it by itself. So it counts in proportion to ``terms``,
        which is what its values can bear.
        """
        if self.cell.everything:
            return [[fmpz(0)]] * len(missing), denominator
        every, first, weights = [fmpz(0)] * self.cell.N, [], None
        for n, i in enumerate(self.exact.alive):
            every[i] = missing[n][0]
        if self.cell.samples.independent:
            first = self.exact.apart
            rooms = [sum((self.terms[i, j] for j in own), fmpz(0)) for i, own in enumerate(self.active)]
            weights = weights_of([int(room).bit_length() if room else None for room in rooms])
        outputs, more = self.cell.free_columns.fit(every, first, weights)
        return [[every[i] * more - outputs[i]] for i in self.exact.alive], denominator * more

    def _one_by_one(self, zero: list[tuple[int, int]], bearers: list[list[int]]) -> Moved:
        """As ``_moved``, of independent samples, whose values may be chosen one by one."""
        values, missing, denominator, lowest = self._missing
        alive = self.exact.alive
        every = math.lcm(*(len(bearers[i]) for i in alive if bearers[i]))
        scale = denominator * every
        found = values * scale
        for n, i in enumerate(alive):
            for j in bearers[i]:  # where there are none, F alone has fitted it
                found[i, j] += missing[n][0] * (every // len(bearers[i]))
        for i, j in zero:
            found[i, j] = 0
        return found, scale, lowest

    def _together(self) -> Moved | None:
        """As ``_moved``, neurons with equal columns moving alike."""
        values, missing, denominator, lowest = self._missing
        cell, exact = self.cell, self.exact
        share = math.lcm(*cell.size.tolist())
        part = [share // int(size) for size in cell.size]
        cell.afford_system(min(exact.A.nrows(), exact.A.ncols()))
        change = nearest(exact.A, dyadic.matrix(missing, 1))
        if change is None:
            return None
        by_group, more = change
        sums = [[by_group[g * exact.r + k, 0] for g in range(cell.G)] for k in range(exact.r)]
        moves = (exact.X * dyadic.matrix(sums, cell.G)).tolist()
        scale, groups = denominator * more * share, cell.group.tolist()
        found = [
            [values[i, j] * scale + (move[g] * part[g] if g >= 0 else 0) for j, g in enumerate(groups)]
            for i, move in enumerate(moves)
        ]
        return dyadic.matrix(found, cell.K), scale, lowest

    def _with_zeros(self, zero: list[tuple[int, int]], sizes: list[int] | None = None) -> Moved | None:
        """As ``_moved``, every neuron for itself, in proportion to powers of two ``sizes``, if given."""
        values, missing, denominator, lowest = self._missing
        cell, exact = self.cell, self.exact
        K, r = cell.K, exact.r
        # if F fits everything, every R is a minimiser
        alive, right = ([], []) if cell.everything else (exact.alive, list(missing))
        equations, width = len(alive) + len(zero), K * r + exact.m
        rank, bits = min(equations, width), cell.bits + max(sizes or [0])
        if equations * width > SINGLE or rank > 2 * EXACT_RANK or rank**2 * bits > 4 * EXACT_WORK:
            return None
        pattern = cell.pattern.tolist()
        rows = [
            [*(a if on else 0 for on in pattern[i] for a in exact.rows[i]), *exact.free[i]] for i in alive
        ]
        for i, j in zero:
            row = [0] * width
            row[j * r : (j + 1) * r] = exact.rows[i]
            rows.append(row)
            right.append([-denominator * values[i, j]])
        cell.afford_system(min(len(rows), width))
        sizes = [0] * width if sizes is None else sizes
        rows = [[a << s for a, s in zip(row, sizes, strict=True)] for row in rows] if any(sizes) else rows
        change = nearest(dyadic.matrix(rows, width), dyadic.matrix(right, 1))
        if change is None:
            return None
        by_neuron, more = change
        at = [[j * r + k for j in range(K)] for k in range(r)]
        sums = [[by_neuron[n, 0] << sizes[n] for n in row] for row in at]
        moves = exact.X * dyadic.matrix(sums, K)
        return values * (denominator * more) + moves, denominator * more, lowest


def witness_margins(
    cell: Cell, R: NDArray[np.float64], signs: NDArray[np.int8], rest: NDArray[np.float64] | None = None
) -> Iterator[fmpq]:
    """The margins, at most 1, that R (K, D) shows for signs (K,): those of exact minimisers near it.

    rest : (n, K, D), to be added to R exactly.
    None at all if none is found in the cell. Raises ArithmeticError where F's columns depend on each other
    and are too many to say how.
    """
    parts = [R] if rest is None else [R, *rest]
    if cell.pattern.size > VALUES or not all(np.isfinite(part).all() for part in parts):
        return
    if cell.pattern.size * (cell.samples.bits + dyadic.bits(np.concatenate(parts))) <= VALUE_BITS:
        yield from ExactWitness(cell.exact, parts, signs).margins()


def witness_margin(
    cell: Cell, R: NDArray[np.float64], signs: NDArray[np.int8], rest: NDArray[np.float64] | None = None
) -> fmpq | None:
    """A positive one of ``witness_margins``, or None.

    The best one of independent samples, where all of them take little time.
    """
    positive = (margin for margin in witness_margins(cell, R, signs, rest) if margin > 0)
    return max(positive, default=None) if cell.samples.independent else next(positive, None)
