"""Cell diameters and the number of cells (Liu, Part 2, section VI).

From a weight w inside a cell, along a unit vector δ and its opposite: the hyperplane of sample i is
met at s_i = −(w·x_i)/(δ·x_i). The chord is s1 + s2, with s1 the smallest positive and s2 the absolute
value of the largest negative s_i, and the diameter is the longest chord over the given directions.

Derived: with r_i = (δ·x_i)/(w·x_i), s1 = 1/max_i(−r_i) and s2 = 1/max_i r_i. So a minimum and a maximum over
the samples give the chord, and leaving samples out never shortens it.

All hyperplanes pass through the origin, so every cell is a cone and unbounded. A cell is called *open* if
some given direction, or its opposite, meets no hyperplane at all.
"""

from fractions import Fraction
from math import comb
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from relucells.samples.inputs import Inputs, prepare, real_array, weights
from relucells.samples.scaling import rows_near_one

if TYPE_CHECKING:
    from relucells.cells.chords import Cells

# Directions that are taken together, so that their products with the samples stay in the processor's cache.
STRIP = 512
# Samples with the nearest hyperplanes, which bound a chord before all samples are looked at.
NEAREST = 64
# Numbers in a temporary array, for the same reason as STRIP.
TILE = 1 << 16


def cell_diameter(X: ArrayLike | Inputs, w: ArrayLike, directions: ArrayLike) -> float:
    """The diameter of the cell of w along the given directions, by its definition.

    X : (N, D) samples; w : (D,) a weight inside a cell; directions : (M, D), of any length but 0.
    Returns a length in weight space, inf where a direction meets no hyperplane on one side.
    Raises ValueError, naming the argument, also where w lies on a hyperplane.
    """
    X, W, powers, directions = _checked(X, real_array("w", w, dimensions=1)[None], directions, name="w")
    u = X @ W[0]
    _refuse_boundary(X, W, np.zeros(1), name="w")
    unit, _ = _unit_rows(directions)
    longest = 0.0
    for v in unit @ X.T:
        with np.errstate(divide="ignore", over="ignore"):
            s = -u / v
        ahead, behind = s[s > 0], s[s < 0]
        s1 = ahead.min() if len(ahead) else np.inf
        s2 = -behind.max() if len(behind) else np.inf
        longest = max(longest, s1 + s2)
    return float(np.ldexp(longest, powers[0]))


def cell_diameters(
    X: ArrayLike | Inputs, W: ArrayLike, directions: ArrayLike, normalise: bool = True
) -> NDArray[np.float64]:
    """``cell_diameter`` of many weights along the same directions, (n,) for W (n, D).

    normalise : False measures each chord in multiples of its direction's length instead, a reading of
        the paper that its numbers rule out (paper/readings.md)

    Exact up to rounding. The nearest hyperplanes, in single precision, bound every chord from above. A chord
    that may exceed the longest one known so far is then computed from all samples (``cells.chords``).
    Memory: n·N + STRIP·N floats.
    """
    from relucells.cells.chords import lengthen  # numba takes a while to load

    X, W, powers, directions = _checked(X, W, directions, name="W")
    # A column of zeros, such as a pixel that no image uses, adds nothing to any product.
    nonzero = X.any(axis=0)
    used = slice(None) if nonzero.all() else np.flatnonzero(nonzero)
    X, W = X[:, used], W[:, used]
    samples = np.ascontiguousarray(_unit_rows(X)[0])
    cells, scale = _cells(X, samples, W)
    # Raw directions are all divided by the longest one, so that their products stay in range too.
    unit = 1.0 if normalise else _unit_rows(directions)[1].max()
    # In single precision δ·x_i is wrong by less: both are of length 1, so Σ|δ_p x_ip| ≤ 1.
    single, doubt = samples.astype(np.float32), np.float32((X.shape[1] + 4) * 2.0**-24)
    longest = np.zeros(len(W))
    for start in range(0, len(directions), STRIP):
        strip, lengths = _unit_rows(directions[start : start + STRIP])
        if not normalise:
            strip *= (lengths / unit)[:, None]
        strip = np.ascontiguousarray(strip[:, used])
        products = strip.astype(np.float32) @ single.T
        lengthen(longest, products, np.ascontiguousarray(products.T), doubt, strip, samples, cells)
    return np.ldexp(longest * scale / unit, powers)


def _cells(X: NDArray, samples: NDArray, W: NDArray) -> tuple["Cells", NDArray[np.float64]]:
    """The cells of n weights W (n, D), and the distance of each to its nearest hyperplane, (n,).

    samples : X (N, D), each of length 1. In units of the distance single precision stays in its range.
    """
    from relucells.cells.chords import Cells

    N, n = len(samples), len(W)
    count = min(NEAREST, N)
    scale, inverse, nearest = np.empty(n), np.empty((n, N)), np.empty((n, count), dtype=np.intp)
    rows = max(1, 2 * TILE // N)
    for start in range(0, n, rows):
        part = slice(start, start + rows)
        distances = W[part] @ samples.T
        sizes = np.abs(distances)
        scale[part] = sizes.min(axis=1)
        _refuse_boundary(X, W, scale[part], "W", start)
        np.divide(scale[part, None], distances, out=inverse[part])
        nearest[part] = _smallest(sizes, count)
    inverse_nearest = np.take_along_axis(inverse, nearest, axis=1).astype(np.float32)
    return Cells(inverse, nearest, inverse_nearest), scale


def _smallest(sizes: NDArray[np.float64], count: int) -> NDArray[np.intp]:
    """The places of the ``count`` smallest of each row, ascending, (n, count)."""
    # The values alone are told apart faster than the places, and in single precision faster still.
    with np.errstate(over="ignore"):
        limit = np.partition(sizes.astype(np.float32), count - 1, axis=1)[:, count - 1]
    near = np.nonzero(sizes <= limit[:, None])[1]
    if len(near) == count * len(sizes):
        places = near.reshape(-1, count)
    else:  # rounding has moved a limit past a value, or there are ties
        places = np.argpartition(sizes, count - 1, axis=1)[:, :count]
    order = np.argsort(np.take_along_axis(sizes, places, axis=1), axis=1)
    return np.take_along_axis(places, order, axis=1)


def _checked(X, W, directions, name: str) -> tuple[NDArray, NDArray, NDArray, NDArray]:
    """The samples, the weights, the powers of two that the weights were divided by, and the directions.

    No sample and no direction is zero. Samples and weights come near 1, so that no product overflows.
    """
    X = prepare(X).X
    W = weights(W, X.shape[1], name)
    directions = weights(directions, X.shape[1], "directions")
    _refuse_zeros("directions", directions)
    _refuse_zeros("X", X, " and has no hyperplane")
    return rows_near_one(X)[0], *rows_near_one(W), directions


def _refuse_zeros(name: str, rows: NDArray[np.float64], why: str = "") -> None:
    """ValueError for a row of zeros."""
    if not rows.any(axis=1).all():
        raise ValueError(f"{name}: row {int(np.argmin(rows.any(axis=1)))} is zero{why}")


def _unit_rows(rows: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Rows divided by their lengths, and the lengths, (n,), without overflow or underflow on the way."""
    largest = np.abs(rows).max(axis=1, keepdims=True)
    unit = rows / largest
    lengths = np.sqrt(np.einsum("ij,ij->i", unit, unit))
    unit /= lengths[:, None]
    return unit, lengths * largest[:, 0]


def _refuse_boundary(X: NDArray, W: NDArray, nearest: NDArray, name: str, start: int = 0) -> None:
    """ValueError where w·x_i is zero up to the rounding of a scalar product, for rows of W from ``start`` on.

    nearest : (n,) least distances to a hyperplane, few of which are so small that it may be
    """
    rounding = X.shape[1] * np.finfo(float).eps
    lengths = np.linalg.norm(W[start : start + len(nearest)], axis=1)
    for row in start + np.flatnonzero(~(nearest > 4 * rounding * lengths)):
        on = np.abs(X @ W[row]) <= rounding * (np.abs(X) @ np.abs(W[row]))
        if on.any():
            which = name if len(W) == 1 else f"{name}: row {row}"
            raise ValueError(f"{which}: lies on the hyperplane of sample {int(np.argmax(on))}, so in no cell")


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

    Hyperplanes are added one by one. The earlier hyperplanes cut a new one into cells, found by recursion:
    each of these is the trace of one cell that the new one cuts in two. Each cell keeps an exact point
    inside.
    """
    X = real_array("X", X, dimensions=2)
    _refuse_zeros("X", X, " and has no hyperplane")
    cells = _enumerate([[Fraction(value) for value in row] for row in X.tolist()], X.shape[1])
    return np.array(sorted(cells), dtype=bool).reshape(len(cells), len(X))


def _enumerate(normals: list[list[Fraction]], D: int) -> dict[tuple[bool, ...], list[Fraction]]:
    """Pattern of each cell of R^D → a point inside it."""
    cells: dict[tuple[bool, ...], list[Fraction]] = {(): [Fraction(0)] * D}
    for n, normal in enumerate(normals):
        cut = _cut(normals[:n], normal)
        grown: dict[tuple[bool, ...], list[Fraction]] = {}
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
