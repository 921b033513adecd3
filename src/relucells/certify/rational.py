"""Small cells in exact rational arithmetic, for margins that floating point cannot tell from zero.

Floats are dyadic rationals, so X, y and a certificate have exact values. An exact minimiser near a
witness, or exact multipliers near the given ones, are found by Gaussian elimination over the rationals
and then compared exactly. Where the floating-point optimum is not one, the linear program is solved
over the rationals by iterative refinement (Gleixner, Steffy, Wolter 2016): HiGHS solves the program of
the exact, scaled-up residuals until its basis is optimal in exact arithmetic.
"""

from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from relucells.cells.pattern import distinct_columns
from relucells.certify.certificates import Leaf
from relucells.search.margin_program import WorkLimit, new_solver

# Beyond so many unknowns, or products in forming the normal equations, rationals take many seconds.
UNKNOWNS = 80
PRODUCTS = 300_000
# Rounds of refinement; each gains up to 6 digits, and the basis is usually right in the first two.
ROUNDS = 8
# Inactive pairs this close to zero, relative to max|y|, are tried as exactly zero.
TIGHT = 1e-7

rational = np.vectorize(Fraction, otypes=[object])


def fits(X: NDArray, pattern: NDArray[np.bool_]) -> bool:
    """Whether the cell is small enough for this module, and its samples have the rank that they seem to.

    Columns that depend on each other up to rounding are dependent everywhere else in the library.
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


def witness_margin(
    X: NDArray, y: NDArray, pattern: NDArray[np.bool_], R: NDArray, signs: NDArray
) -> Fraction | None:
    """The margin, at most 1, of an exact minimiser near R that lies in the cell; None if none is found.

    Inactive pairs that come out on the wrong side, or else all that are close to zero, are tried as
    exactly zero.
    """
    (N, D), K = X.shape, pattern.shape[1]
    x, exact_R = rational(X), rational(R)
    values = x @ exact_R.T
    residual = rational(y) - (values * pattern).sum(axis=1)
    columns = distinct_columns(pattern)[0]
    A = (pattern[:, :, None] * x[:, None, :]).reshape(N, K * D)
    B = (columns[:, :, None] * x[:, None, :]).reshape(N, -1)
    near = np.abs(X @ R.T) <= TIGHT * np.abs(y).max()
    near &= ~pattern & pattern.any(axis=0) & X.any(axis=1)[:, None]

    def moved(zero: NDArray[np.bool_]) -> NDArray | None:
        """s_j R_j·x_i of the exact minimiser that has these inactive pairs at zero."""
        rows, right = [B.T @ A], [B.T @ residual]
        for i, j in np.argwhere(zero):
            row = np.full((1, K * D), Fraction(0))
            row[0, j * D : (j + 1) * D] = x[i]
            rows.append(row)
            right.append(-values[i, j : j + 1])
        change = solve(np.concatenate(rows), np.concatenate(right), np.full(K * D, Fraction(0)))
        return None if change is None else (values + x @ change.reshape(K, D).T) * signs.astype(int)

    zero = np.zeros_like(pattern)
    while (trial := moved(zero)) is not None:
        outside = (trial > 0) & ~pattern
        if not outside.any():
            break
        if (outside & (zero | ~near)).any():
            trial = None
            break
        zero |= outside
    if trial is None:
        trial = moved(near)
    if trial is None or (trial[~pattern] > 0).any():
        return None
    return min(trial[pattern].min(initial=Fraction(1)), Fraction(1))


def leaf_bound(X: NDArray, y: NDArray, pattern: NDArray[np.bool_], leaf: Leaf) -> Fraction | float | None:
    """The bound on the margin that exact multipliers near the leaf's give, −inf, or None if none exist."""
    N, D = X.shape
    x = rational(X)
    columns, group = distinct_columns(pattern)
    G = columns.shape[1]
    B = (columns[:, :, None] * x[:, None, :]).reshape(N, G * D)
    normal = B.T @ B
    samples, owners = leaf.pairs.T
    carried = {(int(g), int(s)) for g, s in zip(group[owners], leaf.signs[owners], strict=True)}
    rows = []
    for g in range(G):
        for sign in sorted(set(leaf.signs[group == g].tolist())):
            block = np.full((D, len(owners)), Fraction(0))
            if sign and (g, sign) in carried:
                for m in np.flatnonzero((group[owners] == g) & (leaf.signs[owners] == sign)):
                    side = 1 if pattern[samples[m], owners[m]] else -1
                    block[:, m] = sign * side * x[samples[m]]
            rows.append(np.concatenate([normal[g * D : (g + 1) * D], block], axis=1))
    sharing = (group[None, :] == group[owners][:, None]) & (
        leaf.signs[None, :] == leaf.signs[owners][:, None]
    )
    shares = np.where(pattern[samples, owners], sharing.sum(axis=1), 0)
    right = [Fraction(0)] * (D * len(rows))
    finite = bool((shares > 0).any())
    weights = shares if finite else np.ones(len(owners), dtype=int)
    rows.append(np.concatenate([np.full(G * D, Fraction(0)), rational(weights)])[None, :])
    values = leaf.values / (weights @ leaf.values)
    # the largest multipliers are solved for, the smallest keep their values
    order = np.concatenate([np.arange(G * D), G * D + np.argsort(-values)])
    start = np.concatenate([np.full(G * D, Fraction(0)), rational(values)])
    found = solve(np.concatenate(rows)[:, order], np.array([*right, Fraction(1)]), start[order])
    if found is None:
        return None
    z = np.empty_like(found)
    z[order] = found
    if (z[G * D :] < 0).any():
        return None
    bound = -((B.T @ rational(y)) @ z[: G * D])
    if finite:
        return bound
    return -np.inf if bound < 0 else None


def fitted(X: NDArray, y: NDArray, pattern: NDArray[np.bool_], sample: int) -> Fraction:
    """The exact fitted value of one sample."""
    x = rational(X)
    columns = distinct_columns(pattern)[0]
    B = (columns[:, :, None] * x[:, None, :]).reshape(len(X), -1)
    u = solve(B.T @ B, B.T @ rational(y), np.full(B.shape[1], Fraction(0)))
    return B[sample] @ u


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
