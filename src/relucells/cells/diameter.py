"""Cell diameters and the number of cells (Liu, Part 2, section VI).

From a weight w inside a cell, along a unit vector δ and its opposite: the hyperplane of sample i is
met at s_i = −(w·x_i)/(δ·x_i). The chord is s1 + s2, with s1 the smallest positive and s2 the absolute
value of the largest negative s_i, and the diameter is the longest chord over the given directions.

Derived: with r_i = (δ·x_i)/(w·x_i), s1 = 1/max_i(−r_i) and s2 = 1/max_i r_i, so that a minimum and
a maximum over the samples give the chord, and leaving samples out never shortens it.

The hyperplanes all pass through the origin, so every cell is a cone and has no end; "open" means that
some given direction (or its opposite) meets no hyperplane at all.
"""

from fractions import Fraction
from math import comb

import numpy as np
from numpy.typing import ArrayLike, NDArray

from relucells.samples.inputs import Inputs, prepare, real_array, weights

# Samples, nearest hyperplanes first, that enter between two looks at which directions can still hold the
# longest chord: FIRST of them, then GROWTH times as many each time. Speed alone depends on it.
FIRST, GROWTH = 8, 4


def cell_diameter(X: ArrayLike | Inputs, w: ArrayLike, directions: ArrayLike) -> float:
    """The diameter of the cell of w along the given directions, by its definition.

    X : (N, D) samples; w : (D,) a weight inside a cell; directions : (M, D), of any length but 0.
    Returns a length in weight space, inf where a direction meets no hyperplane on one side.
    Raises ValueError, naming the argument, also where w lies on a hyperplane.
    """
    X, W, unit = _checked(X, real_array("w", w, dimensions=1)[None], directions, name="w")
    u = _preactivations(X, W, name="w")[0]
    longest = 0.0
    for v in unit @ X.T:
        with np.errstate(divide="ignore", over="ignore"):
            s = -u / v
        ahead, behind = s[s > 0], s[s < 0]
        s1 = ahead.min() if len(ahead) else np.inf
        s2 = -behind.max() if len(behind) else np.inf
        longest = max(longest, s1 + s2)
    return float(longest)


def cell_diameters(
    X: ArrayLike | Inputs, W: ArrayLike, directions: ArrayLike, normalise: bool = True
) -> NDArray[np.float64]:
    """``cell_diameter`` of many weights along the same directions, (n,) for W (n, D).

    normalise : False measures each chord in multiples of its direction's length instead, a reading of
        the paper that its numbers rule out (paper/conventions.md)

    Exact: the hyperplanes nearest to w bound every chord from above, the most promising chord is
    computed in full, and directions whose bound does not exceed it cannot hold the longest.
    Memory: N·M floats.
    """
    X, W, unit = _checked(X, W, directions, name="W")
    u = _preactivations(X, W, name="W")
    steps = unit if normalise else np.asarray(directions, dtype=float)
    V = X @ steps.T  # (N, M): the entries of a sample are contiguous
    nearest = np.argsort(np.abs(u) / np.linalg.norm(X, axis=1), axis=1, kind="stable")
    return np.array([_longest_chord(V, *pair) for pair in zip(u, nearest, strict=True)])


def _longest_chord(V: NDArray, u: NDArray, order: NDArray) -> float:
    """The longest chord from δ·x_i, (N, M), and w·x_i, (N,); ``order`` ranks the samples."""
    columns = np.arange(V.shape[1])
    ahead, behind = np.zeros((2, len(columns)))
    longest, start, stop = 0.0, 0, FIRST
    while len(columns):
        rows = order[start:stop]
        r = (V[rows] if start == 0 else V[np.ix_(rows, columns)]) / u[rows, None]
        ahead, behind = np.maximum(ahead, r.max(axis=0)), np.maximum(behind, -r.min(axis=0))
        bounds = _chords(ahead, behind)
        whole = V[:, columns[bounds.argmax()]] / u
        longest = max(longest, float(_chords(max(whole.max(), 0.0), max(-whole.min(), 0.0))))
        keep = bounds > longest
        columns, ahead, behind = columns[keep], ahead[keep], behind[keep]
        start, stop = stop, GROWTH * stop
    return longest


def _chords(ahead: NDArray | float, behind: NDArray | float) -> NDArray[np.float64]:
    """s1 + s2 from the largest r_i and −r_i, or 0 where there is no positive one."""
    with np.errstate(divide="ignore", over="ignore"):
        return np.divide(1.0, ahead) + np.divide(1.0, behind)


def _checked(X, W, directions, name: str) -> tuple[NDArray, NDArray, NDArray]:
    """The samples, the weights and the directions as unit vectors."""
    X = prepare(X).X
    W = weights(W, X.shape[1], name)
    directions = weights(directions, X.shape[1], "directions")
    largest = np.abs(directions).max(axis=1, keepdims=True)
    if not largest.all():
        raise ValueError(f"directions: row {int(np.argmin(largest))} is zero")
    unit = directions / largest
    return X, W, unit / np.linalg.norm(unit, axis=1, keepdims=True)


def _preactivations(X: NDArray, W: NDArray, name: str) -> NDArray[np.float64]:
    """u = w·x_i, (n, N), none of them zero up to the rounding of a scalar product."""
    u = W @ X.T
    rounding = X.shape[1] * np.finfo(float).eps * (np.abs(W) @ np.abs(X).T)
    on = np.abs(u) <= rounding
    if on.any():
        row, sample = np.argwhere(on)[0]
        which = name if len(W) == 1 else f"{name}: row {row}"
        raise ValueError(f"{which}: lies on the hyperplane of sample {sample}, so in no cell")
    return u


def count_cells(N: int, d: int) -> int:
    """Σ_{i≤d} C(N, i): the regions into which N hyperplanes in general position cut R^d (section VI)."""
    if N < 0 or d < 0:
        raise ValueError(f"N, d: must not be negative, got {N}, {d}")
    return sum(comb(N, i) for i in range(d + 1))


def count_cones(N: int, D: int) -> int:
    """2 Σ_{i<D} C(N − 1, i): the cells of N hyperplanes in general position *through the origin* of R^D.

    This is the arrangement in weight space, with D = d + 1. *Derived* (Cover's function counting):
    it exceeds ``count_cells(N, d)`` by C(N − 1, d).
    """
    if N < 1 or D < 1:
        raise ValueError(f"N, D: must be at least 1, got {N}, {D}")
    return 2 * sum(comb(N - 1, i) for i in range(D))


def enumerate_cells(X: ArrayLike) -> NDArray[np.bool_]:
    """The activation patterns of all cells of weight space, (cells, N), in exact arithmetic.

    X : (N, D) samples, none of them zero, in any position. The samples are read as the exact
    fractions that the floats are. Time and memory grow with the number of cells, about N^(D−1).

    Hyperplanes are added one by one. The cells that a new one cuts are the cells of the arrangement
    that the earlier ones leave on it, found by recursion; each cell keeps an exact point inside.
    """
    X = real_array("X", X, dimensions=2)
    if not X.any(axis=1).all():
        raise ValueError(f"X: row {int(np.argmin(X.any(axis=1)))} is zero and has no hyperplane")
    cells = _enumerate([[Fraction(value) for value in row] for row in X.tolist()], X.shape[1])
    return np.array(sorted(cells), dtype=bool).reshape(len(cells), len(X))


def _enumerate(normals: list[list[Fraction]], D: int) -> dict[tuple[bool, ...], list[Fraction]]:
    """Pattern of each cell of R^D → a point inside it."""
    cells = {(): [Fraction(0)] * D}
    for n, normal in enumerate(normals):
        cut = _cut(normals[:n], normal)
        grown = {}
        for pattern, point in cells.items():
            if pattern not in cut:
                grown[(*pattern, _dot(normal, point) > 0)] = point
                continue
            on = cut[pattern]
            # Half the way, along the new normal, to the nearest of the earlier hyperplanes.
            slopes = [(abs(_dot(x, on)), abs(_dot(x, normal))) for x in normals[:n]]
            step = min((height / slope / 2 for height, slope in slopes if slope), default=Fraction(1))
            for side, sign in ((True, 1), (False, -1)):
                grown[(*pattern, side)] = [a + sign * step * b for a, b in zip(on, normal, strict=True)]
        cells = grown
    return cells


def _cut(earlier: list[list[Fraction]], normal: list[Fraction]) -> dict[tuple[bool, ...], list[Fraction]]:
    """The cells that the hyperplane of ``normal`` cuts → a point of the hyperplane inside the cell."""
    pivot = next(q for q, value in enumerate(normal) if value)

    def drop(x: list[Fraction], multiple: Fraction) -> list[Fraction]:
        return [a - multiple * b for q, (a, b) in enumerate(zip(x, normal, strict=True)) if q != pivot]

    traces = [drop(x, x[pivot] / normal[pivot]) for x in earlier]
    if not all(any(trace) for trace in traces):
        return {}  # the same hyperplane again
    slopes = drop(normal, Fraction(0))
    lifted = {}
    for pattern, point in _enumerate(traces, len(normal) - 1).items():
        height = -_dot(slopes, point) / normal[pivot]
        lifted[pattern] = [*point[:pivot], height, *point[pivot:]]
    return lifted


def _dot(a: list[Fraction], b: list[Fraction]) -> Fraction:
    return sum((p * q for p, q in zip(a, b, strict=True)), Fraction(0))
