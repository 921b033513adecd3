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
groups, t) by HiGHS with a dual simplex that restarts when rows are added. Coordinates are those of an
orthonormal basis of the columns of X, and y is scaled to 1, so the scales of X and y do not matter.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from relucells.cells.factorised import large_minimum
from relucells.cells.minimum import least_squares
from relucells.cells.pattern import distinct_columns
from relucells.samples.inputs import Inputs

FREE = -1

# Rows violated by less are satisfied (values are of the order of max|y| = 1 after scaling): the
# smallest feasibility tolerance HiGHS accepts.
FEASIBILITY = 1e-10
# Most violated half-spaces added per constraint block and round.
ROWS_PER_BLOCK = 4


# HiGHS now and then gives up on a degenerate program (status "Not Set"): it is then asked again from
# scratch, with the primal simplex method, without scaling, and with both.
USUAL = {"simplex_strategy": 1, "simplex_scale_strategy": 2}
ATTEMPTS = (
    {},
    {},
    {"simplex_strategy": 4},
    {"simplex_scale_strategy": 0},
    {"simplex_strategy": 4, "simplex_scale_strategy": 0},
)


class WorkLimit(Exception):
    """The number of linear programs, or the time, allowed for a decision is used up."""


class Unsolved(Exception):
    """HiGHS found neither an optimum nor a proof that there is none."""


@dataclass(frozen=True)
class Bound:
    """Optimum of a margin program, or an upper bound on it that already decides.

    margin : in units of y; −inf if infeasible. sums : (G, r) group sums at the optimum, in the
    program's coordinates; minus : {group: q₋}; pairs, values : multipliers as ``certificates.Leaf``
    holds them, with columns (sample, group, sign); optimal : False for an early stop.
    """

    margin: float
    sums: NDArray[np.float64]
    minus: dict[int, NDArray[np.float64]]
    pairs: NDArray[np.int64]
    values: NDArray[np.float64]
    optimal: bool


class MarginProgram:
    """What all linear programs about one cell share."""

    def __init__(self, inputs: Inputs, y: NDArray, pattern: NDArray[np.bool_], budget: "Budget"):
        self.alive, self.nonzero = pattern.any(axis=1), inputs.X.any(axis=1)
        self.scale = float(np.abs(y[self.alive]).max()) or 1.0
        self.y, self.budget = y / self.scale, budget
        self.coordinates, self.lift = inputs.orthonormal
        self.columns, self.group = distinct_columns(pattern)
        self.size = np.bincount(self.group[self.group >= 0], minlength=self.columns.shape[1])
        self.G, self.r = self.columns.shape[1], self.coordinates.shape[1]
        self.large = large_minimum(inputs, y, pattern)
        if self.large:
            self.sums, self.kernel = self.large.sums / self.scale, self.large.kernel
            self.rank = self.large.rank
        else:
            shape = (len(pattern), pattern.shape[1] * inputs.X.shape[1])
            self.sums, self.kernel, self.rank = self._minimisers(shape)
        self.values = self._values(self.sums)
        self.pool: dict[tuple[int, int], set[int]] = {}

    def _minimisers(self, shape: tuple[int, int]) -> tuple[NDArray, NDArray, int]:
        """u* (G, r) and Z (G, r, k); singular values are cut where the dense A's would be."""
        rows = self.alive
        A = (self.columns[rows][:, :, None] * self.coordinates[rows][:, None, :]).reshape(rows.sum(), -1)
        u, rank = least_squares(A, self.y[rows], *shape)
        if rank == A.shape[1]:
            kernel = np.zeros((rank, 0))
        elif rank == len(A):
            kernel = np.linalg.qr(A.T, mode="complete")[0][:, rank:]
        else:
            kernel = np.linalg.svd(A, full_matrices=len(A) < A.shape[1])[2][rank:].T
        return u.reshape(self.G, self.r), kernel.reshape(self.G, self.r, kernel.shape[1]), rank

    def _values(self, sums: NDArray) -> NDArray[np.float64]:
        return self.coordinates @ sums.T

    @property
    def fitted(self) -> NDArray[np.float64]:
        """The fitted values p, (N,), in units of y."""
        return self.scale * (self.columns * self.values).sum(axis=1)

    @cached_property
    def determined(self) -> NDArray[np.bool_]:
        """Groups, (G,), whose sum is the same for every minimiser."""
        if self.kernel is None:
            return np.zeros(self.G, dtype=bool)
        return np.sqrt((self.kernel**2).sum(axis=(1, 2))) < 1e-9

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
        values = sign * self.values[:, group]
        active = self.columns[:, group]
        if values[~active].max(initial=-np.inf) > FEASIBILITY:
            return -np.inf
        return min(1.0, self.scale * values[active].min() / self.size[group])

    def maximise(self, plus: NDArray[np.int64], stop: float = -np.inf, inner: bool = False) -> Bound:
        """The largest margin for groups with ``plus`` (G,) positive members each, or FREE.

        Stops early, with an upper bound below ``stop`` (units of y), once that is certain. ``inner``
        asks for the same margin on inactive pairs (≤ −t, zero samples apart): a point strictly inside.
        Raises WorkLimit where A's kernel, whose columns are the program's variables, is too large to form.
        """
        import highspy

        if self.kernel is None:
            raise WorkLimit

        split = [g for g in range(self.G) if 0 < plus[g] < self.size[g]]
        k = self.kernel.shape[2]
        width = k + self.r * len(split) + 1
        infinity = highspy.kHighsInf
        solver = new_solver()
        upper = np.full(width, infinity)
        upper[-1] = 1.0 / self.scale
        solver.addVars(width, np.full(width, -infinity), upper)
        solver.changeColCost(width - 1, 1.0)
        solver.changeObjectiveSense(highspy.ObjSense.kMaximize)

        blocks = self._blocks(plus, split)
        pairs: list[tuple[int, int, int]] = []
        held: set[tuple[int, int, int]] = set()
        point = np.zeros(width)
        point[-1] = upper[-1]
        fresh = [
            (i, g, s) for (g, s, *_) in blocks for i in sorted(self.pool.get((g, s), ()))
        ] or self._violated(blocks, point, held, inner)
        while fresh:
            self.budget.spend()
            matrix, lower = self._rows(blocks, fresh, width, inner)
            starts = np.arange(len(fresh), dtype=np.int32) * width
            indices = np.tile(np.arange(width, dtype=np.int32), len(fresh))
            solver.addRows(
                len(fresh), lower, np.full(len(fresh), infinity), matrix.size, starts, indices, matrix.ravel()
            )
            pairs += fresh
            held |= set(fresh)
            status = _run(solver)
            if status == highspy.HighsModelStatus.kInfeasible:
                ray = np.abs(np.asarray(solver.getDualRay()[2]))
                return self._bound(-np.inf, point, split, plus, pairs, ray, True)
            solution = solver.getSolution()
            point = np.asarray(solution.col_value)
            duals = np.abs(np.asarray(solution.row_dual))
            if self.scale * point[-1] < stop:
                return self._bound(point[-1], point, split, plus, pairs, duals, False)
            fresh = self._violated(blocks, point, held, inner)
        duals = duals if pairs else np.zeros(0)
        return self._bound(point[-1], point, split, plus, pairs, duals, True)

    def _blocks(self, plus: NDArray, split: list[int]) -> list[tuple]:
        """(group, sign, members that share the constraint, scale of u_g, column of q₋, factor of q₋)."""
        k = self.kernel.shape[2]
        blocks: list[tuple] = []
        for g in range(self.G):
            m = int(self.size[g])
            if plus[g] == FREE:
                continue
            if g not in split:
                sign = 1 if plus[g] else -1
                blocks.append((g, sign, 1.0 / m, None, 0.0))
                continue
            start = k + self.r * split.index(g)
            n = int(plus[g])
            blocks.append((g, 1, 1.0 / n, start, (m - n) / n))
            blocks.append((g, -1, 0.0, start, 1.0))
        return blocks

    def _block_values(self, block: tuple, point: NDArray) -> NDArray[np.float64]:
        """s_j R_j·x_i for all samples, (N,), for the neurons of one block."""
        g, sign, factor, start, q_factor = block
        q = sign * factor * (self.sums[g] + self.kernel[g] @ point[: self.kernel.shape[2]])
        if start is not None:
            q = q + q_factor * point[start : start + self.r]
        return self.coordinates @ q

    def _violated(self, blocks: list, point: NDArray, held: set, inner: bool) -> list[tuple[int, int, int]]:
        """The most violated half-spaces of each block that the program does not hold yet."""
        found = []
        for block in blocks:
            g, sign = block[:2]
            active = self.columns[:, g]
            values = self._block_values(block, point)
            excess = np.where(active, point[-1] - values, values + inner * self.nonzero * point[-1])
            worst = np.argpartition(-excess, min(ROWS_PER_BLOCK, len(excess) - 1))[: ROWS_PER_BLOCK + 1]
            for i in worst[np.argsort(-excess[worst])]:
                pair = (int(i), g, sign)
                if excess[i] > FEASIBILITY and pair not in held:
                    found.append(pair)
                    self.pool.setdefault((g, sign), set()).add(int(i))
        return found

    def _rows(self, blocks: list, pairs: list, width: int, inner: bool) -> tuple[NDArray, NDArray]:
        """Coefficients and lower limits of rows "≥" over (c, q₋, t)."""
        by_key = {block[:2]: block for block in blocks}
        k = self.kernel.shape[2]
        matrix, lower = np.zeros((len(pairs), width)), np.zeros(len(pairs))
        for row, (i, g, sign) in enumerate(pairs):
            _, _, factor, start, q_factor = by_key[g, sign]
            x = self.coordinates[i]
            direction = 1.0 if self.columns[i, g] else -1.0
            matrix[row, :k] = direction * sign * factor * (x @ self.kernel[g])
            if start is not None:
                matrix[row, start : start + self.r] = direction * q_factor * x
            matrix[row, -1] = -1.0 if direction > 0 or (inner and self.nonzero[i]) else 0.0
            lower[row] = -direction * sign * factor * (x @ self.sums[g])
        return matrix, lower

    def _bound(self, margin, point, split, plus, pairs, duals, optimal) -> Bound:
        k = self.kernel.shape[2]
        sums = self.sums + self.kernel @ point[:k]
        minus = {g: point[k + self.r * n : k + self.r * (n + 1)] for n, g in enumerate(split)}
        used = duals > FEASIBILITY * duals.max(initial=0.0)  # what is smaller is a zero with rounding
        # the multiplier of a shared constraint is spread over the neurons that share it
        sharing = {(g, s): self._sharing(g, s, plus) for g in range(self.G) for s in (1, -1)}
        values = np.array([d / sharing[g, s] for d, (_, g, s) in zip(duals, pairs, strict=True)])
        held = np.array(pairs, dtype=np.int64).reshape(-1, 3)
        return Bound(self.scale * margin, sums, minus, held[used], values.reshape(-1)[used], optimal)

    def _sharing(self, g: int, sign: int, plus: NDArray) -> int:
        """Neurons of group g with this sign."""
        n = int(plus[g])
        return max(n if sign > 0 else int(self.size[g]) - n, 1)


def _run(solver):
    """HiGHS's verdict, optimal or infeasible with a ray, from scratch if its restart fails; or Unsolved."""
    import highspy

    for attempt, options in enumerate(ATTEMPTS):
        if attempt:
            solver.clearSolver()
        for name, value in options.items():
            solver.setOptionValue(name, value)
        solver.run()
        status = solver.getModelStatus()
        for name in options:
            solver.setOptionValue(name, USUAL[name])
        if status == highspy.HighsModelStatus.kOptimal:
            return status
        if status == highspy.HighsModelStatus.kInfeasible and solver.getDualRay()[1]:
            return status
    raise Unsolved(str(status))


def new_solver():
    """HiGHS for small programs that are solved again and again: quiet, serial, at its best tolerances."""
    import highspy

    solver = highspy.Highs()
    for name, value in (
        ("output_flag", False),
        ("threads", 1),
        ("presolve", "off"),
        ("solver", "simplex"),
        ("primal_feasibility_tolerance", FEASIBILITY),
        ("dual_feasibility_tolerance", FEASIBILITY),
    ):
        solver.setOptionValue(name, value)
    return solver


@dataclass
class Budget:
    """Linear programs and seconds that a decision may use; None is unlimited."""

    programs: int | None = None
    deadline: float | None = None
    spent: int = 0

    def spend(self) -> None:
        """Count a linear program; WorkLimit if none is left."""
        self.check()
        if self.programs is not None and self.spent >= self.programs:
            raise WorkLimit
        self.spent += 1

    def check(self) -> None:
        """WorkLimit if the time is up."""
        import time

        if self.deadline is not None and time.monotonic() > self.deadline:
            raise WorkLimit
