"""Small cells in exact rational arithmetic, for margins that floating point cannot tell from zero.

Floats are dyadic rationals, so X, y and a certificate have exact values. An exact minimiser near a
witness, or exact multipliers near the given ones, are found by Gaussian elimination over the rationals
and then compared exactly; where the floating-point optimum was not one, sympy solves the linear program
over the rationals.
"""

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from relucells.certificates import Leaf
from relucells.halfspaces import distinct_columns

# Beyond so many unknowns, or products in forming the normal equations, rationals take many seconds.
UNKNOWNS = 80
PRODUCTS = 300_000
# Inactive pairs this close to zero, relative to max|y|, are tried as exactly zero.
TIGHT = 1e-7

rational = np.vectorize(Fraction, otypes=[object])


def fits(X: NDArray, pattern: NDArray[np.bool_]) -> bool:
    """Whether the cell is small enough for this module."""
    unknowns = pattern.shape[1] * X.shape[1]
    return unknowns <= UNKNOWNS and len(X) * unknowns**2 <= PRODUCTS


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
    """The margin, at most 1, of an exact minimiser near R that lies in the cell; None if none is found."""
    for tight in (True, False):
        margin = _margin_near(X, y, pattern, R, signs, tight)
        if margin is not None:
            return margin
    return None


def _margin_near(X, y, pattern, R, signs, tight: bool) -> Fraction | None:
    N, D = X.shape
    K = pattern.shape[1]
    x, exact_R = rational(X), rational(R)
    values = x @ exact_R.T
    residual = rational(y) - (values * pattern).sum(axis=1)
    columns = distinct_columns(pattern)[0]
    A = (pattern[:, :, None] * x[:, None, :]).reshape(N, K * D)
    B = (columns[:, :, None] * x[:, None, :]).reshape(N, -1)
    rows, right = [B.T @ A], [B.T @ residual]
    if tight:
        near = np.abs(X @ R.T) <= TIGHT * np.abs(y).max()
        for i, j in np.argwhere(near & ~pattern & pattern.any(axis=0) & X.any(axis=1)[:, None]):
            row = np.full((1, K * D), Fraction(0))
            row[0, j * D : (j + 1) * D] = x[i]
            rows.append(row)
            right.append(-values[i, j : j + 1])
    zero = np.full(K * D, Fraction(0))
    change = solve(np.concatenate(rows), np.concatenate(right), zero)
    if change is None:
        return None
    values = (values + x @ change.reshape(K, D).T) * signs.astype(int)
    if (values[~pattern] > 0).any():
        return None
    return min(values[pattern].min(initial=Fraction(1)), Fraction(1))


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
    N, D = X.shape
    x = rational(X)
    columns = distinct_columns(pattern)[0]
    B = (columns[:, :, None] * x[:, None, :]).reshape(N, -1)
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


def maximise(X: NDArray, y: NDArray, pattern: NDArray[np.bool_], signs: NDArray) -> Optimum:
    """The largest margin for the given signs, by linear programming over the rationals."""
    (N, D), K = X.shape, pattern.shape[1]
    x = rational(X)
    first = _first_of_class(pattern, signs)
    classes = np.flatnonzero(first == np.arange(K))
    position = {int(j): n for n, j in enumerate(classes)}
    sharing = np.array([(first == j).sum() for j in classes])
    A = (pattern[:, classes, None] * sharing[None, :, None] * x[:, None, :]).reshape(N, -1)
    rows, pivots = reduce(np.concatenate([A.T @ A, (A.T @ rational(y))[:, None]], axis=1), A.shape[1])
    free = [c for c in range(A.shape[1]) if c not in pivots]
    offset, basis = np.full(A.shape[1], Fraction(0)), np.full((A.shape[1], len(free)), Fraction(0))
    for row, column in enumerate(pivots):
        offset[column] = rows[row, -1]
        basis[column] = -rows[row, free]
    for n, column in enumerate(free):
        basis[column, n] = Fraction(1)

    # one constraint per class and sample: coefficients of (c, t), "at least" lower
    pairs = [(i, int(j)) for j in classes for i in range(N)]
    coefficients, lower = [], []
    for i, j in pairs:
        block = slice(position[j] * D, (position[j] + 1) * D)
        side = int(signs[j]) * (1 if pattern[i, j] else -1)
        t = Fraction(-1 if pattern[i, j] else 0)
        coefficients.append([*(side * (x[i] @ basis[block])), t] if free else [t])
        lower.append(-side * (x[i] @ offset[block]))
    coefficients, lower = np.array(coefficients, dtype=object), np.array(lower, dtype=object)
    margin, point = _largest_last(coefficients, lower)
    pairs = np.array(pairs)
    values = _multipliers(coefficients, lower, margin, point)
    used = np.flatnonzero(values > 0)
    q = None if point is None else (offset + basis @ point[:-1]).reshape(-1, D).astype(float)
    R = None if q is None else q[[position[int(j)] for j in first]]
    shared = sharing[[position[int(j)] for j in pairs[used, 1]]]
    return Optimum(float(margin), R, pairs[used], values[used].astype(float) / shared)


def _first_of_class(pattern: NDArray[np.bool_], signs: NDArray) -> NDArray[np.int64]:
    """For each neuron the first one with the same column and sign, (K,)."""
    seen: dict[tuple[bytes, int], int] = {}
    keys = [
        (column.tobytes(), int(s)) for column, s in zip(np.ascontiguousarray(pattern.T), signs, strict=True)
    ]
    return np.array([seen.setdefault(key, j) for j, key in enumerate(keys)])


def _largest_last(coefficients: NDArray, lower: NDArray) -> tuple[Fraction | float, NDArray | None]:
    """max t ≤ 1 over coefficients·(c, t) ≥ lower, with a point that attains it; (−inf, None) if infeasible."""
    from sympy.solvers.simplex import InfeasibleLPError, linprog

    width = coefficients.shape[1]
    used: list[int] = []
    point = np.array([Fraction(0)] * (width - 1) + [Fraction(1)], dtype=object)
    while True:
        slack = coefficients @ point - lower
        violated = sorted((s, n) for n, s in enumerate(slack) if s < 0)[: max(4, width)]
        if not violated:
            return point[-1], point
        used += [n for _, n in violated]
        # c = c₊ − c₋ and t = 1 − τ, because sympy's unknowns are non-negative
        left = [[_sympy(v) for v in (*(-row[:-1]), *row[:-1], row[-1])] for row in coefficients[used]]
        right = [_sympy(v) for v in coefficients[used, -1] - lower[used]]
        try:
            _, solution = linprog([[0] * (2 * width - 2) + [1]], left, right)
        except InfeasibleLPError:
            return -np.inf, None
        found = np.array([Fraction(str(v)) for v in solution], dtype=object)
        point = np.append(found[: width - 1] - found[width - 1 : -1], 1 - found[-1])


def _sympy(value: Fraction):
    """The same rational as sympy's type."""
    from sympy import Rational

    return Rational(value.numerator, value.denominator)


def _multipliers(
    coefficients: NDArray, lower: NDArray, margin: Fraction | float, point: NDArray | None
) -> NDArray:
    """Non-negative multipliers, one per constraint, that prove that no larger margin exists."""
    from sympy.solvers.simplex import linprog

    values = np.full(len(lower), Fraction(0))
    if margin == 1:
        return values
    finite = point is not None
    tight = np.flatnonzero(coefficients @ point == lower if finite else coefficients[:, -1] == 0)
    # Σ y (row) = (0, −1) bounds t by −Σ y lower; without a t the multiplied limits contradict 0 ≥ 1
    last = coefficients[tight, -1] if finite else lower[tight]
    equations = [[_sympy(v) for v in row] for row in (*coefficients[tight, :-1].T, last)]
    goal = [0] * (len(equations) - 1) + [-1 if finite else 1]
    # sympy drops equalities that come without an inequality
    nothing = [[0] * len(tight)]
    _, solution = linprog(nothing, nothing, [0], A_eq=equations, b_eq=goal)
    values[tight] = [Fraction(str(v)) for v in solution]
    return values
