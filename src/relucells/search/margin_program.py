"""The margin of a cell as a linear program in few variables, half-spaces added as they are violated.

Neurons with equal columns of the pattern form a *group*; only the sum u_g of their R_j enters the
output. All minimisers are u = u* + Z c with u* = A⁺y and the columns of Z a basis of A's kernel
(eq. 4 restricted to what matters). Neurons of one group with one sign may share their R_j, since
averages stay inside a cell, so a group of m neurons of which ``plus`` have sign + demands

    plus = m :       v_i ≥ m t on active samples,  v_i ≤ 0 on inactive ones,    v_i = x_i·u_g
    plus = 0 :      −v_i ≥ m t,                   −v_i ≤ 0
    0 < plus < m :  u_g = plus·q₊ − (m − plus)·q₋ with both q inside (active ≥ t, inactive ≤ 0)
    FREE :          nothing (signs still open)

and the margin is the largest t ≤ 1 (eqs. 7–9). The program is solved over (c, q₋ of the split
groups, t) by HiGHS with a dual simplex that restarts when rows are added.

No scale of the data matters. Coordinates are those of an orthonormal basis of the columns of X. y is scaled
so that the fitted values are near 1. Every half-space is divided by the length of its sample, so that
tolerances do not depend on it. Where only the sign of the margin is wanted, t is that of samples of length 1,
which has the same sign.

A free part (``samples.free_part``) has no half-spaces: A and y are replaced by VᵀA and Vᵀy, nothing else.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from relucells.cells.factorised import large_minimum
from relucells.cells.folding import fold_samples
from relucells.cells.minimum import least_squares
from relucells.cells.pattern import rank
from relucells.samples.decomposition import kernel_of
from relucells.samples.floating import TINY
from relucells.samples.free_part import FreePart
from relucells.samples.inputs import Inputs, distinct_columns
from relucells.samples.scaling import row_lengths
from relucells.search import highs
from relucells.search.budget import Budget, WorkLimit
from relucells.search.highs import FEASIBILITY

FREE = -1

# Most violated half-spaces added per constraint block and round.
ROWS_PER_BLOCK = 4
# The largest t, in units of the fitted values, for which a program is asked; beyond, a direction is sought.
HIGHEST = 1e6
# Fitted values this small, relative to max|y|, are zeros with rounding.
FITTED_NOISE = 1e-11
# A group whose kernel block is shorter has the same sum in every minimiser.
DETERMINED = 1e-9


@dataclass(frozen=True)
class Bound:
    """Optimum of a margin program, or an upper bound on it that already decides.

    margin : in units of y; −inf if infeasible. height : the program's own t, of samples of length 1 where
    only the sign is asked for. sums : (G, r) group sums at the optimum, in the program's coordinates;
    minus : {group: q₋}; pairs, values : multipliers as ``certificates.Leaf`` holds them, with columns
    (sample, group, sign); optimal : False for an early stop.
    """

    margin: float
    height: float
    sums: NDArray[np.float64]
    minus: dict[int, NDArray[np.float64]]
    pairs: NDArray[np.int64]
    values: NDArray[np.float64]
    optimal: bool


class MarginProgram:
    """What all linear programs about one cell share.

    exact : whether ``maximise`` is to find the margin, or a number of the same sign
    """

    def __init__(
        self, inputs: Inputs, y: NDArray, pattern: NDArray, budget: Budget, part: FreePart | None = None
    ):
        self.alive, self.nonzero, self.budget = np.asarray(pattern.any(axis=1)), inputs.nonzero, budget
        self.part, self.labels = part, y
        self.rows = self.alive if part is None else part.reached(pattern)
        self.exact = False
        self.coordinates, self.lift = inputs.orthonormal
        length = np.maximum(row_lengths(self.coordinates), TINY)
        self.length = np.where(self.nonzero, length, 1.0)
        self.unit = self.coordinates / self.length[:, None]
        self.columns, self.group = distinct_columns(pattern)
        self.size = np.bincount(self.group[self.group >= 0], minlength=self.columns.shape[1])
        self.G, self.r = self.columns.shape[1], self.coordinates.shape[1]
        rows, width = int(self.alive.sum()), self.G * self.r
        budget.afford(rows * width * min(rows, width) + (width**3 if rows < width else 0))
        exponent = int(np.frexp(np.abs(y[self.rows]).max())[1])
        self.large = large_minimum(inputs, y, pattern, part)
        self.fold = None if part or self.large else fold_samples(inputs, pattern)
        if self.large:
            sums, self.rank = np.ldexp(self.large.sums, -exponent), self.large.rank
        else:
            sums, self.rank = self._minimiser(inputs, np.ldexp(y, -exponent), pattern)
        largest = float(np.abs((self.columns * (self.coordinates @ sums.T)).sum(axis=1)).max())
        more = int(np.frexp(largest)[1]) if largest > FITTED_NOISE else 0
        self.scale_power = exponent + more
        self.sums = np.ldexp(sums, -more)
        self.values = self.unit @ self.sums.T
        self.pool: dict[tuple[int, int], set[int]] = {}

    def _matrix(self) -> NDArray[np.float64]:
        """A on the rows that matter, (n, G·r)."""
        columns, coordinates = self.columns[self.rows], self.coordinates[self.rows]
        if self.fold:
            columns, coordinates = distinct_columns(self.fold.pattern)[0], self.fold.down(self.coordinates)
        return (columns[:, :, None] * coordinates[:, None, :]).reshape(len(columns), -1)

    def _off(self, values: NDArray) -> NDArray[np.float64]:
        """Values on those rows without their part in the free part's range."""
        return values if self.part is None else self.part.restricted(self.rows).onto(values)

    def _minimiser(self, inputs: Inputs, y: NDArray, pattern: NDArray) -> tuple[NDArray, int]:
        """u* (G, r) and A's rank, at which singular values are cut."""
        whole, shape = self._matrix(), (len(pattern), pattern.shape[1] * inputs.X.shape[1])
        A, number = self._off(whole), lambda: rank(inputs, pattern, self.part, self.fold)
        if not A.any() or (self.part is not None and not number()):
            return np.zeros((self.G, self.r)), 0
        wanted = self.fold.down(y) if self.fold else self._off(y[self.rows])
        u, found = least_squares(A, wanted, *shape, exact=number, whole=whole if self.part else None)
        return u.reshape(self.G, self.r), found

    @cached_property
    def kernel(self) -> NDArray[np.float64] | None:
        """Z (G, r, k); None where it is too large to form."""
        if self.large:
            return self.large.kernel
        kernel = kernel_of(self._off(self._matrix()), self.rank)
        return kernel.reshape(self.G, self.r, kernel.shape[1])

    @property
    def _directions(self) -> NDArray[np.float64]:
        """``kernel``; WorkLimit where it is too large to form."""
        if self.kernel is None:
            raise WorkLimit
        return self.kernel

    def in_units_of_y(self, values):
        """Numbers of the program, not of samples of length 1, times its scale."""
        with np.errstate(over="ignore", under="ignore"):
            return np.ldexp(values, self.scale_power)

    @property
    def output_per_length(self) -> NDArray[np.float64]:
        """A u*, (N,), over the samples' lengths, in the program's scale; fitted without a free part."""
        return (self.columns * self.values).sum(axis=1)

    @cached_property
    def fitted_per_length(self) -> NDArray[np.float64]:
        """The fitted values p_i, (N,), divided by the samples' lengths, in the program's scale."""
        return self.output_per_length if self.part is None else self.scaled_fitted / self.length

    @property
    def fitted(self) -> NDArray[np.float64]:
        """The fitted values p, (N,), in units of y."""
        return self.in_units_of_y(self.scaled_fitted)

    @cached_property
    def scaled_fitted(self) -> NDArray[np.float64]:
        """The fitted values, (N,), in the program's scale."""
        output = self.length * self.output_per_length
        if self.part is None:
            return output
        labels = np.ldexp(np.where(self.rows, self.labels, 0.0), -self.scale_power)
        whole = labels if self.part.everything else output + self.part.projection(labels - output)
        return np.where(self.rows, whole, 0.0)

    @property
    def fits(self) -> bool:
        """Whether every label that anything reaches is fitted, as the rank shows."""
        return self.rank + (self.part.rank if self.part else 0) == self.rows.sum()

    @cached_property
    def determined(self) -> NDArray[np.bool_]:
        """Groups, (G,), whose sum is the same for every minimiser."""
        if self.kernel is None:
            return np.zeros(self.G, dtype=bool)
        return np.sqrt((self.kernel**2).sum(axis=(1, 2))) < DETERMINED

    @cached_property
    def known(self) -> NDArray[np.bool_]:
        """Pairs (sample, group), (N, G), whose value x_i·u_g is the same for every minimiser: those of
        ``determined`` groups, and single ones where the cell is large."""
        if self.large:
            return self.large.known
        return np.broadcast_to(self.determined, self.columns.shape)

    def single(self, group: int, plus: int) -> float:
        """The margin, in units of y, that a group allows whose sum is determined and not split."""
        sign = 1.0 if plus else -1.0
        values, active = sign * self.values[:, group], self.columns[:, group]
        if values[~active].max(initial=-np.inf) > FEASIBILITY:
            return -np.inf
        lowest = self.in_units_of_y((values * self.length)[active].min())
        return min(1.0, float(lowest) / int(self.size[group]))

    @cached_property
    def _shortest(self) -> float:
        return float(self.length[self.alive & self.nonzero].min(initial=np.inf))

    @property
    def _weights(self) -> NDArray[np.float64]:
        """What t counts on each sample of length 1, (N,), and with it the unit of t: at most 1."""
        if not self.exact or not np.isfinite(self._shortest):
            return np.ones(len(self.length))
        return np.where(self.nonzero, self._shortest / self.length, 1.0)

    @property
    def _cap(self) -> float:
        """The margin 1 as a t of the program, as far as it is asked for."""
        if not self.exact:
            return 1.0
        with np.errstate(over="ignore", under="ignore"):
            unit = self._shortest if np.isfinite(self._shortest) else 1.0
            return float(np.ldexp(1.0 / unit, -self.scale_power))

    def violations(self, group: int, sign: int, bound: Bound) -> NDArray[np.float64]:
        """How far outside its half-space, samples of length 1, each sample's value lies, (N,), where all
        members of the group have that sign."""
        values = sign * (self.unit @ bound.sums[group])
        wanted = min(bound.height, self._cap) * self._weights * self.size[group]
        return np.where(self.columns[:, group], wanted - values, values)

    def maximise(self, plus: NDArray[np.int64], stop: float = -np.inf, inner: bool = False) -> Bound:
        """The largest margin for groups with ``plus`` (G,) positive members each, or FREE.

        Stops early, with an upper bound, once the program's own t is certain to be below ``stop``.
        ``inner`` asks for the same on inactive pairs (≤ −t, zero samples apart): a point strictly inside.
        Raises WorkLimit where A's kernel, whose columns are the program's variables, is too large to form.
        """
        outside = self._outside(plus)
        if outside is not None:
            return outside
        cap = min(self._cap, HIGHEST)
        found = self._solve(plus, stop, inner, cap, self.sums)
        if found.height < cap or cap == self._cap:
            return found
        # as far as asked: is there a direction in which t grows without end?
        way = self._solve(plus, -np.inf, inner, 1.0, np.zeros_like(self.sums))
        if way.height <= FEASIBILITY:
            return found
        steps = (self._cap - found.height) / way.height
        minus = {g: q + steps * way.minus[g] for g, q in found.minus.items()}
        height = found.height + steps * way.height
        return self._bound(height, found.sums + steps * way.sums, minus, plus, [], np.zeros(0), True)

    def _outside(self, plus: NDArray) -> Bound | None:
        """A determined group with an inactive value on the wrong side leaves no margin: its own proof."""
        worst, pair = FEASIBILITY, None
        for g in np.flatnonzero(self.determined):
            if plus[g] in (0, self.size[g]):
                sign = 1 if plus[g] else -1
                excess = np.where(self.columns[:, g], -np.inf, sign * self.values[:, g])
                if excess.max() > worst:
                    worst, pair = float(excess.max()), (int(excess.argmax()), int(g), sign)
        if pair is None:
            return None
        return self._bound(-np.inf, self.sums, {}, plus, [pair], np.ones(1), True)

    def _solve(self, plus: NDArray, stop: float, inner: bool, cap: float, sums: NDArray) -> Bound:
        import highspy

        split = [g for g in range(self.G) if 0 < plus[g] < self.size[g]]
        k = self._directions.shape[2]
        width = k + self.r * len(split) + 1
        infinity = highspy.kHighsInf
        solver = highs.new_solver()
        upper = np.full(width, infinity)
        upper[-1] = cap
        solver.addVars(width, np.full(width, -infinity), upper)
        solver.changeColCost(width - 1, 1.0)
        solver.changeObjectiveSense(highspy.ObjSense.kMaximize)

        def bound(point, pairs, duals, optimal, height=None) -> Bound:
            minus = {g: point[k + self.r * n : k + self.r * (n + 1)] for n, g in enumerate(split)}
            height = point[-1] if height is None else height
            at = sums + self._directions @ point[:k]
            return self._bound(height, at, minus, plus, pairs, duals, optimal)

        blocks = self._blocks(plus, split)
        pairs: list[tuple[int, int, int]] = []
        held: set[tuple[int, int, int]] = set()
        point, duals = np.zeros(width), np.zeros(0)
        point[-1] = cap
        fresh = [
            (i, g, s) for (g, s, *_) in blocks for i in sorted(self.pool.get((g, s), ()))
        ] or self._violated(blocks, point, held, inner, sums)
        while fresh:
            self.budget.spend()
            matrix, lower = self._rows(blocks, fresh, width, inner, sums)
            starts = np.arange(len(fresh), dtype=np.int32) * width
            indices = np.tile(np.arange(width, dtype=np.int32), len(fresh))
            solver.addRows(
                len(fresh), lower, np.full(len(fresh), infinity), matrix.size, starts, indices, matrix.ravel()
            )
            pairs += fresh
            held |= set(fresh)
            status = highs.solve(solver, self.budget)
            if status == highspy.HighsModelStatus.kInfeasible:
                ray = highs.one_each(np.abs(np.asarray(solver.getDualRay()[2])), pairs)
                return bound(point, pairs, ray, True, -np.inf)
            solution = solver.getSolution()
            point = np.asarray(solution.col_value)
            duals = highs.one_each(np.abs(np.asarray(solution.row_dual)), pairs)
            if point[-1] < stop:
                return bound(point, pairs, duals, False)
            fresh = self._violated(blocks, point, held, inner, sums)
        return bound(point, pairs, duals, True)

    def _blocks(self, plus: NDArray, split: list[int]) -> list[tuple]:
        """(group, sign, members that share the constraint, scale of u_g, column of q₋, factor of q₋)."""
        k = self._directions.shape[2]
        blocks: list[tuple] = []
        for g in range(self.G):
            m = int(self.size[g])
            if plus[g] == FREE:
                continue
            if g not in split:
                sign = 1 if plus[g] else -1
                blocks.append((g, sign, 1.0 / m, None, 0.0))
                continue
            n, start = int(plus[g]), k + self.r * split.index(g)
            blocks += [(g, 1, 1.0 / n, start, (m - n) / n), (g, -1, 0.0, start, 1.0)]
        return blocks

    def _block_values(self, block: tuple, point: NDArray, sums: NDArray) -> NDArray[np.float64]:
        """s_j R_j·x_i / |x_i| for all samples, (N,), for the neurons of one block."""
        g, sign, factor, start, q_factor = block
        q = sign * factor * (sums[g] + self._directions[g] @ point[: self._directions.shape[2]])
        if start is not None:
            q = q + q_factor * point[start : start + self.r]
        return self.unit @ q

    def _violated(
        self, blocks: list, point: NDArray, held: set, inner: bool, sums: NDArray
    ) -> list[tuple[int, int, int]]:
        """The most violated half-spaces of each block that the program does not hold yet."""
        found = []
        t = self._weights * point[-1]
        for block in blocks:
            g, sign = block[:2]
            active = self.columns[:, g]
            values = self._block_values(block, point, sums)
            excess = np.where(active, t - values, values + inner * self.nonzero * t)
            worst = np.argpartition(-excess, min(ROWS_PER_BLOCK, len(excess) - 1))[: ROWS_PER_BLOCK + 1]
            for i in worst[np.argsort(-excess[worst])]:
                pair = (int(i), g, sign)
                if excess[i] > FEASIBILITY and pair not in held:
                    found.append(pair)
                    self.pool.setdefault((g, sign), set()).add(int(i))
        return found

    def _rows(
        self, blocks: list, pairs: list, width: int, inner: bool, sums: NDArray
    ) -> tuple[NDArray, NDArray]:
        """Coefficients and lower limits of rows "≥" over (c, q₋, t)."""
        by_key = {block[:2]: block for block in blocks}
        k, weights = self._directions.shape[2], self._weights
        matrix, lower = np.zeros((len(pairs), width)), np.zeros(len(pairs))
        for row, (i, g, sign) in enumerate(pairs):
            _, _, factor, start, q_factor = by_key[g, sign]
            x = self.unit[i]
            direction = 1.0 if self.columns[i, g] else -1.0
            matrix[row, :k] = direction * sign * factor * (x @ self._directions[g])
            if start is not None:
                matrix[row, start : start + self.r] = direction * q_factor * x
            matrix[row, -1] = -weights[i] if direction > 0 or (inner and self.nonzero[i]) else 0.0
            lower[row] = -direction * sign * factor * (x @ sums[g])
        return matrix, lower

    def _bound(self, height, sums, minus, plus, pairs, duals, optimal) -> Bound:
        """The bound with multipliers of the samples as they are."""
        used = duals > FEASIBILITY * duals.max(initial=0.0)  # what is smaller is a zero with rounding
        held = np.array(pairs, dtype=np.int64).reshape(-1, 3)
        # the multiplier of a shared constraint is spread over the neurons that share it
        sharing = np.array([self._sharing(g, s, plus) for _, g, s in pairs], dtype=float)
        values = duals / (sharing * self.length[held[:, 0]])
        margin = height
        if np.isfinite(height):
            unit = self._shortest if self.exact and np.isfinite(self._shortest) else 1.0
            if not self.exact and len(pairs):
                # −λ·p is the program's t; the samples' own multipliers on active pairs sum up to more
                active = self.columns[held[:, 0], held[:, 1]]
                total = float((values * sharing)[active].sum())
                unit = 1.0 / total if total > 0 else 1.0
            margin = min(1.0, float(self.in_units_of_y(height * unit)))
        return Bound(margin, height, sums, minus, held[used], values[used], optimal)

    def _sharing(self, g: int, sign: int, plus: NDArray) -> int:
        """Neurons of group g with this sign."""
        n = int(plus[g])
        return max(n if sign > 0 else int(self.size[g]) - n, 1)
