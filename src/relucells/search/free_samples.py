"""What a free part's c must do on single samples: the rule that takes the place of "one sample refutes".

Let all m_i active neurons of sample i have one sign s_i. Their values add up to p_i − F_i·c', where c' is by
how much c differs from the one of the fitted values p, so the margin is at most the t of

    max t ≤ 1   subject to   s_i (p_i − F_i·c') ≥ m_i t for such samples,   F_i·c' = 0 without active neurons.

Of linearly independent samples nothing else is asked, so that this program in few variables is the margin;
of others it is a relaxation. Its prices are the λ of a leaf (``certify.free_part``). Derived.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from relucells.certify import clauses
from relucells.certify.certificates import Leaf
from relucells.certify.free_part import KIND
from relucells.samples.columns import integers, rounded
from relucells.samples.free_part import FreePart
from relucells.samples.inputs import distinct_columns
from relucells.search import highs
from relucells.search.budget import Budget
from relucells.search.rational_simplex import Program, independent_rows, optimise
from relucells.search.satisfiability import satisfy

# A t of the program in floating point, for values near 1, refutes only if it is below this.
ERROR = 1e-9
# Multipliers below this share of the largest are zeros with rounding.
NEGLIGIBLE = 1e-9


def one_signed(pattern: NDArray[np.bool_], signs: NDArray) -> NDArray[np.int64]:
    """The sign of all of a sample's active neurons, (N,); 0 where they differ, are open, or are none."""
    plus, minus = (signs == 1).astype(int), (signs == -1).astype(int)
    count = pattern.sum(axis=1)
    positive, negative = pattern @ plus == count, pattern @ minus == count
    return np.where(count == 0, 0, positive.astype(int) - negative)


def leaf_of(pattern: NDArray[np.bool_], samples: list[int], weights: list[float], bound: float) -> Leaf:
    """The leaf of these λ: neurons that are active on a sample get the sign of its λ."""
    signs = np.zeros(pattern.shape[1], dtype=np.int8)
    for i, w in zip(samples, weights, strict=True):
        signs[pattern[i]] = 1 if w > 0 else -1
    arrays = {"samples": np.array(samples, dtype=np.int64), "weights": np.array(weights, dtype=float)}
    return Leaf(signs, bound, kind=KIND, arrays=arrays)


@dataclass(frozen=True)
class Optimum:
    """The margin of one sign vector, and the leaf that bounds one below 1.

    outputs : what the neurons have to put out at a c that attains it, (N,), each rounded once
    """

    margin: float
    outputs: NDArray[np.float64]
    leaf: Leaf | None


class IndependentSamples:
    """The program of linearly independent samples, exactly. F : its integer columns, (N, r)."""

    def __init__(self, part: FreePart, y: NDArray[np.float64], pattern: NDArray[np.bool_], budget: Budget):
        self.part, self.y, self.pattern, self.budget = part, y, pattern, budget
        self.F = part.inputs.integer_samples.matrix.tolist()
        label, self.power = integers(y[:, None])
        self.label = [int(a) for a in label.entries()]
        self.dead = [int(i) for i in np.flatnonzero(~pattern.any(axis=1) & part.rows)]

    def margin(self, signs: NDArray[np.int8]) -> Optimum:
        """The margin of these signs."""
        self.budget.check()
        side = one_signed(self.pattern, signs)
        asked = [int(i) for i in np.flatnonzero(side)]
        columns = self._columns(asked + self.dead)
        program = self._program(side, asked, columns)
        (whole, denominator), prices = optimise(program, self._tight(side, asked, columns), self.budget)
        margin = rounded(int(whole[-1]), denominator, self.power)
        outputs = self._outputs(whole[:-1], denominator, columns)
        used = {
            asked[row]: float(int(a.p) / int(a.q)) for row, a in prices.items() if row < len(asked) and a > 0
        }
        if not used or margin >= 1.0:
            return Optimum(min(margin, 1.0), outputs, None)
        largest = max(used.values())
        weights = {i: int(side[i]) * a / largest for i, a in used.items()}
        weights |= self._dead_weights(weights)
        return Optimum(margin, outputs, leaf_of(self.pattern, list(weights), list(weights.values()), margin))

    def _columns(self, rows: list[int]) -> list[int]:
        """Columns of F that are independent on these samples and span all others there."""
        return independent_rows([[self.F[i][d] for i in rows] for d in range(len(self.F[0]))]) if rows else []

    def _program(self, side: NDArray, asked: list[int], columns: list[int]) -> Program:
        """Over (c on the columns, t), t in units of the labels' power of two."""
        rows: list[list] = [
            [*(-int(side[i]) * self.F[i][d] for d in columns), -int(self.pattern[i].sum())] for i in asked
        ]
        lower = [-int(side[i]) * self.label[i] for i in asked]
        rows.append([0] * len(columns) + [-(1 << max(0, self.power))])
        lower.append(-(1 << max(0, -self.power)))
        normal = [
            [*(sum(self.F[i][d] * self.F[i][e] for i in self.dead) for e in columns), 0] for d in columns
        ]
        right = [sum(self.F[i][d] * self.label[i] for i in self.dead) for d in columns]
        chosen = independent_rows(normal) if self.dead and normal else []
        goal = [0] * len(columns) + [1]
        return Program([normal[n] for n in chosen], [right[n] for n in chosen], rows, lower, goal)

    def _tight(self, side: NDArray, asked: list[int], columns: list[int]) -> list[int]:
        """Half-spaces that are tight at the optimum in floating point; the cap alone where there is none."""
        F, exponent = self.part.inputs.orthonormal[0], int(np.frexp(np.abs(self.y).max())[1])
        if not asked or not columns:
            return []
        start = np.ldexp(self.y, -exponent)
        if self.dead:
            start = start - F @ np.linalg.lstsq(F[self.dead], start[self.dead], rcond=None)[0]
        found = solve(F, start, self.pattern, side, self.dead, float(np.ldexp(1.0, -exponent)))
        return (
            [] if found is None else [asked.index(int(i)) for i in np.argsort(-found[1]) if found[1][i] > 0]
        )

    def _outputs(self, whole: list, denominator: int, columns: list[int]) -> NDArray[np.float64]:
        """y − F c, (N,): where c is long, floats would lose what the neurons have to put out."""
        c = [int(value) for value in whole]
        missing = [
            label * int(denominator) - sum(row[d] * a for d, a in zip(columns, c, strict=True))
            for row, label in zip(self.F, self.label, strict=True)
        ]
        return np.array([rounded(int(a), int(denominator), self.power) for a in missing])

    def _dead_weights(self, weights: dict[int, float]) -> dict[int, float]:
        """λ on samples without active neurons that brings Fᵀλ to 0."""
        if not self.dead:
            return {}
        F = self.part.inputs.orthonormal[0]
        pull = sum(w * F[i] for i, w in weights.items())
        rows = [self.dead[n] for n in independent_rows([self.F[i] for i in self.dead])]
        found = np.linalg.lstsq(F[rows].T, -pull, rcond=None)[0]
        size = max(np.abs(found).max(initial=0.0), 1.0)
        return {i: float(a) for i, a in zip(rows, found, strict=True) if abs(a) > NEGLIGIBLE * size}


def solve(
    F: NDArray[np.float64],
    p: NDArray[np.float64],
    pattern: NDArray[np.bool_],
    side: NDArray[np.int64],
    dead: list[int],
    cap: float,
) -> tuple[float, NDArray[np.float64], NDArray[np.float64]] | None:
    """t ≤ cap, the prices of the samples that are asked, (N,), and the λ of the dead ones, (N,), by HiGHS."""
    import highspy

    asked, infinity = np.flatnonzero(side), highspy.kHighsInf
    width = F.shape[1] + 1
    solver = highs.new_solver()
    solver.addVars(width, np.full(width, -infinity), np.append(np.full(width - 1, infinity), cap))
    solver.changeColCost(width - 1, 1.0)
    solver.changeObjectiveSense(highspy.ObjSense.kMaximize)
    rows = np.concatenate([asked, np.array(dead, dtype=np.int64)])
    s = np.where(side[rows] == 0, -1, side[rows]).astype(float)
    matrix = np.column_stack([-s[:, None] * F[rows], -pattern[rows].sum(axis=1)])
    lower = np.where(side[rows] == 0, 0.0, -s * p[rows])
    upper = np.where(side[rows] == 0, 0.0, infinity)
    starts = np.arange(len(rows), dtype=np.int32) * width
    indices = np.tile(np.arange(width, dtype=np.int32), len(rows))
    solver.addRows(len(rows), lower, upper, matrix.size, starts, indices, matrix.ravel())
    try:
        if highs.solve(solver, Budget()) != highspy.HighsModelStatus.kOptimal:
            return None
        duals = highs.one_each(np.asarray(solver.getSolution().row_dual), list(rows))
    except highs.Unsolved:
        return None
    prices, rest = np.zeros(len(p)), np.zeros(len(p))
    prices[asked], rest[dead] = np.abs(duals[: len(asked)]), duals[len(asked) :]
    if len(asked):  # the sign that HiGHS gives the prices of "≥" rows
        rest *= -1.0 if (duals[: len(asked)] <= 0).all() else 1.0
    return float(solver.getSolution().col_value[-1]), prices, rest


def refutation(
    part: FreePart, p: NDArray[np.float64], pattern: NDArray[np.bool_], signs: NDArray[np.int8]
) -> Leaf | None:
    """A leaf that refutes these signs by single samples' fitted values p, (N,), as far as floats go; none of
    one sample, for which there is ``sample``."""
    side = one_signed(pattern, signs)
    size = float(np.abs(p).max())
    if part.everything or not side[part.rows].any() or not size > 0:
        return None
    F, dead = part.inputs.orthonormal[0], [int(i) for i in np.flatnonzero(~pattern.any(axis=1) & part.rows)]
    found = solve(F, p / size, pattern, np.where(part.rows, side, 0), dead, 1.0)
    if found is None or found[0] >= -ERROR:
        return None
    _, prices, rest = found
    weights = {int(i): float(side[i] * prices[i]) for i in np.flatnonzero(prices > NEGLIGIBLE * prices.max())}
    weights |= {int(i): float(rest[i]) for i in np.flatnonzero(np.abs(rest) > NEGLIGIBLE * prices.max())}
    count = sum(abs(w) * int(pattern[i].sum()) for i, w in weights.items())
    bound = sum(w * float(p[i]) for i, w in weights.items()) / count
    return leaf_of(pattern, list(weights), list(weights.values()), bound) if bound < 0 else None


def best_signs(
    pattern: NDArray[np.bool_],
    settle: Callable[[NDArray[np.int8]], Optimum],
    exact: bool,
    budget: Budget,
) -> tuple[NDArray[np.int8] | None, Optimum, list[Leaf]]:
    """The best signs of all, what ``settle`` says of them, and leaves that show that no others are better;
    unless ``exact``, the first signs with a positive margin."""
    symmetric = clauses.equal_neurons(distinct_columns(pattern)[1])
    best, chosen = Optimum(-np.inf, np.zeros(0), None), None
    leaves: list[Leaf] = []
    while True:
        known = clauses.clauses_of(np.array([leaf.signs for leaf in leaves]).reshape(-1, pattern.shape[1]))
        signs, _ = satisfy([*known, *symmetric], pattern.shape[1], budget)
        if signs is None:
            return chosen, best, leaves
        found = settle(signs)
        if chosen is None or found.margin > best.margin:
            best, chosen = found, signs
        if found.leaf is None or (found.margin > 0 and not exact):
            return chosen, best, leaves
        leaves.append(found.leaf)
