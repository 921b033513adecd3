"""The margin of a small cell as a linear program over the rationals.

Where the floating-point optimum is not one, the program is solved by iterative refinement (Gleixner,
Steffy, Wolter 2016): HiGHS solves the program of the exact, scaled-up residuals until its basis is optimal
in exact arithmetic.
"""

from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from relucells.search.margin_program import WorkLimit, new_solver

# Beyond so many unknowns, or products in forming the normal equations, rationals take many seconds.
UNKNOWNS = 80
PRODUCTS = 300_000
# Rounds of refinement; each gains up to 6 digits, and the basis is usually right in the first two.
ROUNDS = 8

rational = np.vectorize(Fraction, otypes=[object])


def fits(X: NDArray, pattern: NDArray[np.bool_]) -> bool:
    """Whether the cell is small enough for this module, and its samples have the rank that they seem to.

    Columns that depend on each other up to rounding are dependent everywhere else in the search.
    """
    unknowns = pattern.shape[1] * X.shape[1]
    small = unknowns <= UNKNOWNS and len(X) * unknowns**2 <= PRODUCTS
    return small and not _dependent_by_rounding(X.tobytes(), X.shape)


@lru_cache(maxsize=16)
def _dependent_by_rounding(samples: bytes, shape: tuple[int, int]) -> bool:
    X = np.frombuffer(samples).reshape(shape)
    rank = np.linalg.matrix_rank(X)
    return bool(rank < min(shape) and rank < len(reduce(rational(X), shape[1])[1]))


def solve(matrix: NDArray, right: NDArray, start: NDArray) -> NDArray | None:
    """A solution of matrix @ z = right over the rationals, or None if there is none.

    Columns are made pivots from left to right; unknowns that are not needed keep their ``start``.
    """
    rows, pivots = reduce(np.concatenate([matrix, right[:, None]], axis=1), matrix.shape[1])
    if (rows[len(pivots) :, -1] != 0).any():
        return None
    solution = start.copy()
    rest = np.setdiff1d(np.arange(matrix.shape[1]), pivots)
    for row, column in enumerate(pivots):
        solution[column] = rows[row, -1] - sum((rows[row, c] * start[c] for c in rest), Fraction(0))
    return solution


def reduce(rows: NDArray, columns: int) -> tuple[NDArray, list[int]]:
    """The reduced row echelon form with pivots in the first ``columns`` columns, and those pivots."""
    pivots: list[int] = []
    for column in range(columns):
        top = len(pivots)
        below = np.flatnonzero(rows[top:, column] != 0)
        if not len(below):
            continue
        rows[[top, top + below[0]]] = rows[[top + below[0], top]]
        rows[top] = rows[top] / rows[top, column]
        for other in np.flatnonzero(rows[:, column] != 0):
            if other != top:
                rows[other] = rows[other] - rows[other, column] * rows[top]
        pivots.append(column)
        if len(pivots) == len(rows):
            break
    return rows, pivots


@dataclass(frozen=True)
class Optimum:
    """The exact margin of a cell with given signs: a minimiser R that attains it, or None for −inf, and
    the multipliers that bound it as ``certificates.Leaf`` holds them."""

    margin: float
    R: NDArray[np.float64] | None
    pairs: NDArray[np.int64]
    values: NDArray[np.float64]


def maximise(
    X: NDArray, y: NDArray, pattern: NDArray[np.bool_], signs: NDArray, inner: bool = False
) -> Optimum:
    """The largest margin for the given signs, by linear programming over the rationals.

    ``inner`` asks for the same margin on inactive pairs (≤ −t), zero samples apart.
    """
    (N, D), K = X.shape, pattern.shape[1]
    # powers of two bring X and y to the order of 1
    unit_X, unit_y = _power(X), _power(y)
    x, label = rational(X) * unit_X, rational(y) * unit_y
    first = _first_of_class(pattern, signs)
    classes = np.flatnonzero(first == np.arange(K))
    position = {int(j): n for n, j in enumerate(classes)}
    sharing = np.array([(first == j).sum() for j in classes])
    A = (pattern[:, classes, None] * sharing[None, :, None] * x[:, None, :]).reshape(N, -1)
    rows, pivots = reduce(np.concatenate([A.T @ A, (A.T @ label)[:, None]], axis=1), A.shape[1])
    free = [c for c in range(A.shape[1]) if c not in pivots]
    offset, basis = np.full(A.shape[1], Fraction(0)), np.full((A.shape[1], len(free)), Fraction(0))
    for row, column in enumerate(pivots):
        offset[column] = rows[row, -1]
        basis[column] = -rows[row, free]
    for n, column in enumerate(free):
        basis[column, n] = Fraction(1)

    # one constraint per class and sample, coefficients of (c, t) ≥ lower
    pairs = [(i, int(j)) for j in classes for i in range(N)]
    coefficients, lower = [], []
    for i, j in pairs:
        block = slice(position[j] * D, (position[j] + 1) * D)
        side = int(signs[j]) * (1 if pattern[i, j] else -1)
        t = Fraction(-1 if pattern[i, j] or (inner and X[i].any()) else 0)
        coefficients.append([*(side * (x[i] @ basis[block])), t] if free else [t])
        lower.append(-side * (x[i] @ offset[block]))
    coefficients, lower = np.array(coefficients, dtype=object), np.array(lower, dtype=object)
    active = coefficients[:, -1] != 0
    pairs, values = np.array(pairs), np.full(len(pairs), Fraction(0))
    shared = sharing[[position[int(j)] for j in pairs[:, 1]]]

    # first: can the inactive half-spaces be fulfilled at all? Least excess e ≥ 0 over all of them
    inactive = coefficients[~active].copy()
    inactive[:, -1] = Fraction(1)
    excess, _, multipliers = optimise(_with_row(inactive, 1), np.append(lower[~active], Fraction(0)), -1)
    if excess < 0:
        values[~active] = multipliers[:-1]
        used = values > 0
        return Optimum(-np.inf, None, pairs[used], (values[used] / shared[used]).astype(float))
    margin, point, multipliers = optimise(_with_row(coefficients, -1), np.append(lower, -unit_y), 1)
    values = multipliers[:-1]
    used = values > 0
    q = ((offset + basis @ point[:-1]) * (unit_X / unit_y)).reshape(-1, D).astype(float)
    R = q[[position[int(j)] for j in first]]
    return Optimum(_rounded(margin / unit_y), R, pairs[used], (values[used] / shared[used]).astype(float))


def _power(array: NDArray) -> Fraction:
    """The power of two that brings the largest entry to the order of 1."""
    return Fraction(2) ** -int(np.frexp(np.abs(array).max())[1])


def _rounded(margin: Fraction) -> float:
    """The nearest float of the same sign."""
    if margin and not float(margin):
        return np.copysign(np.finfo(float).tiny, margin.numerator)
    return float(margin)


def _with_row(rows: NDArray, last: int) -> NDArray:
    """The rows and below them (0, …, 0, last)."""
    row = np.full((1, rows.shape[1]), Fraction(0))
    row[0, -1] = Fraction(last)
    return np.concatenate([rows, row])


def _first_of_class(pattern: NDArray[np.bool_], signs: NDArray) -> NDArray[np.int64]:
    """For each neuron the first one with the same column and sign, (K,)."""
    seen: dict[tuple[bytes, int], int] = {}
    keys = [
        (column.tobytes(), int(s)) for column, s in zip(np.ascontiguousarray(pattern.T), signs, strict=True)
    ]
    return np.array([seen.setdefault(key, j) for j, key in enumerate(keys)])


def optimise(rows: NDArray, lower: NDArray, direction: int) -> tuple[Fraction, NDArray, NDArray]:
    """max direction · z_last over rows @ z ≥ lower, exactly: the value, a point z and multipliers ≥ 0.

    The program must have an optimum. Raises WorkLimit if no basis found is optimal exactly.
    """
    width = rows.shape[1]
    goal = np.full(width, Fraction(0))
    goal[-1] = Fraction(direction)
    z = np.full(width, Fraction(0))
    scale = Fraction(1)
    for n in range(ROUNDS):
        # a larger goal tightens HiGHS's dual tolerance, larger residuals its primal one
        step = _highs(rows, scale * (lower - rows @ z), goal * 16**n)
        if step is None:
            break
        z = z + rational(step[0]) / scale
        found = _basic_solution(rows, lower, goal, step[1], z)
        if found is not None:
            return direction * found[0][-1], *found
        scale = _scale((lower - rows @ z).max(), scale)
    raise WorkLimit


def _scale(error: Fraction, last: Fraction) -> Fraction:
    """The power of two that brings an error to about 1, at most 2²⁰ times the last one."""
    limit = last * 2**20
    if error <= 0:
        return limit
    return min(limit, Fraction(2) ** max(0, -int(np.floor(np.log2(max(float(error), 1e-300))))))


def _highs(rows: NDArray, lower: NDArray, goal: NDArray) -> tuple[NDArray, NDArray] | None:
    """HiGHS's optimum z of max goal·z, rows @ z ≥ lower, and the rows that its basis makes tight."""
    import highspy

    m, width = rows.shape
    solver = new_solver()
    infinity = highspy.kHighsInf
    solver.addVars(width, np.full(width, -infinity), np.full(width, infinity))
    solver.changeColsCost(width, np.arange(width, dtype=np.int32), goal.astype(float))
    solver.changeObjectiveSense(highspy.ObjSense.kMaximize)
    starts = np.arange(m, dtype=np.int32) * width
    indices = np.tile(np.arange(width, dtype=np.int32), m)
    limits = lower.astype(float)
    solver.addRows(m, limits, np.full(m, infinity), m * width, starts, indices, rows.astype(float).ravel())
    solver.run()
    if solver.getModelStatus() != highspy.HighsModelStatus.kOptimal:
        return None
    states = solver.getBasis().row_status
    tight = np.array([state != highspy.HighsBasisStatus.kBasic for state in states])
    return np.asarray(solver.getSolution().col_value), np.flatnonzero(tight)


def _basic_solution(
    rows: NDArray, lower: NDArray, goal: NDArray, basis: NDArray, start: NDArray
) -> tuple[NDArray, NDArray] | None:
    """The point and the multipliers of a basis, or None if it is not optimal exactly."""
    z = solve(rows[basis], lower[basis], start)
    if z is None or (rows @ z < lower).any():
        return None
    prices = solve(rows[basis].T, -goal, np.full(len(basis), Fraction(0)))
    if prices is None or (prices < 0).any():
        return None
    multipliers = np.full(len(rows), Fraction(0))
    multipliers[basis] = prices
    return z, multipliers
