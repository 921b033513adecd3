"""Critical points of the landscape, certified: an exact one of the kind stated lies close to a stored one.

Stored: (W, z), the pairs on the boundary, a multiplier t for each, the kind, a distance. Write
v_j = |z_j| w_j and s_j = sign z_j for the neurons with z_j ≠ 0, the *loud* ones, e_i = f(x_i) − y_i, and
g_j = Σ e_i x_i over the samples active in j. The exact point has the same z, and W' with

    v'_j·x_i = 0 on the boundary,   s_j g_j + Σ_boundary t_ij x_i = 0     for every loud neuron,

linear equations in (v', t) that are solved over the rationals; every other pair of a loud neuron and a
sample ≠ 0 must be strictly on the side where W has it. On each hyperplane, with normal u and its samples
x_i = c_i u, let a = Σ_{c_i > 0} s_j e_i c_i, b = Σ_{c_i < 0} s_j e_i |c_i|, θ = Σ t_i c_i; needed is
−b ≤ θ ≤ a.

**Minima.** Move the loud v by δ. As long as no side that is strict changes, f(x_i) changes by exactly some
φ_i(δ), and N times the loss by 2 Σ e_i φ_i + Σ φ_i². The first sum is, over neurons and hyperplanes, that of
a [δ·u]_+ + b [−δ·u]_+ − θ δ·u ≥ 0. A silent neuron (z_j = 0) whose sides are strict and whose g_j is 0 adds
ζ Σ e_i [(w_j + ω)·x_i]_+ = ζ g_j·(w_j + ω) = 0 to it. So the point is a local minimum: *differentiable* if no
hyperplane has a + b ≠ 0, else *non-differentiable*.

**Saddle.** A silent neuron has strict sides and g_j ≠ 0; its w'_j is w_j less its part along g_j. The
gradient vanishes there (g_j·w'_j in z_j, z_j g_j = 0 in w_j), and the loud neurons have no first-order
descent, as above. Along z_j = ε, w_j = w'_j ∓ ρ g_j, N times the loss changes by ∓2 ε ρ |g_j|² + O(ε²): it
falls one way and rises the other. Strict: g_j ≠ 0.

A **free part** F c joins f. The exact point then has c' with Σ_i e_i F_i = 0 besides; moving c by γ adds
F_i·γ to φ_i and Σ e_i F_i·γ = 0 to the first sum.

The distance is |W' − W|, or |(W', c') − (W, c)|, rounded up. Where these equations are too large and the
samples are linearly independent, ``independent_points`` has an exact point without any.
"""

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from flint import fmpq, fmpz, fmpz_mat
from numpy.typing import ArrayLike, NDArray

from relucells.certify import coercion, dyadic
from relucells.certify.cell import EXACT_BITS
from relucells.certify.free_part import COLUMNS as FREE_COLUMNS
from relucells.certify.independent_points import ENTRIES as INDEPENDENT
from relucells.certify.independent_points import IndependentPoint, affordable
from relucells.certify.systems import solve
from relucells.samples.free_part import coefficients, free_array
from relucells.samples.inputs import Inputs, prepare, targets
from relucells.samples.records import Record

KINDS = ("differentiable minimum", "non-differentiable minimum", "saddle")
# Limits of exact arithmetic: unknowns; unknowns times samples; their square times the bits of the numbers;
# coordinates of samples times neurons; and these times the digits that all unknowns have together.
UNKNOWNS, ENTRIES = 500, 400_000
WORK = 40_000_000
TERMS = 4_000_000
DIGITS = 2_000_000_000


@dataclass(frozen=True, eq=False)
class CertifiedPoint(Record):
    """kind; W (K, D), z (K,); boundary (M, 2) int, pairs (sample, neuron) with w_j·x_i = 0 and z_j ≠ 0;
    multipliers (M,); distance : some exact point of that kind, with the same z, has |W' − W| ≤ distance;
    c (m,) : of a free part, which the distance counts too, else None."""

    kind: str
    W: NDArray[np.float64]
    z: NDArray[np.float64]
    boundary: NDArray[np.int64]
    multipliers: NDArray[np.float64]
    distance: float
    c: NDArray[np.float64] | None = None


class _Refused(Exception):
    """The point is not what it is said to be."""


def point_level(
    X: ArrayLike | Inputs, y: ArrayLike, point: CertifiedPoint, *, free: ArrayLike | None = None
) -> str:
    """ "proven" if an exact critical point of the kind stated lies within the distance stated, else
    "rejected". Raises ValueError for a bad X, y or free only."""
    return "rejected" if point_loss(X, y, point, free=free) is None else "proven"


def point_loss(
    X: ArrayLike | Inputs, y: ArrayLike, point: CertifiedPoint, *, free: ArrayLike | None = None
) -> fmpq | None:
    """The loss of the exact critical point, or None where ``point_level`` rejects the certificate."""
    X = prepare(X).X
    y = targets(y, len(X))
    try:
        exact = _exact(X, y, point, free_array(free, len(X)))
        distance = dyadic.fraction(coercion.number(point.distance))
        return exact.loss if distance >= 0 and exact.moved <= distance * distance else None
    except (*coercion.UNSHOWN, _Refused):
        return None


def certify_point(
    X: ArrayLike | Inputs,
    y: ArrayLike,
    W: ArrayLike,
    z: ArrayLike,
    kind: str,
    boundary: ArrayLike,
    multipliers: ArrayLike | None = None,
    *,
    free: ArrayLike | None = None,
    c: ArrayLike | None = None,
) -> CertifiedPoint | None:
    """A certificate that an exact point of the kind is near (W, z, c), or None. Arguments as in the class.

    free, c : F (N, m) and c (m,) of a network with a free part.
    """
    X = prepare(X).X
    y = targets(y, len(X))
    boundary = np.asarray(boundary, dtype=np.int64).reshape(-1, 2)
    start = np.zeros(len(boundary)) if multipliers is None else np.asarray(multipliers, dtype=float)
    W, z = np.asarray(W, dtype=float), np.asarray(z, dtype=float)
    F = free_array(free, len(X))
    at = None if free is None else coefficients("c", c, F)
    point = CertifiedPoint(kind, W, z, boundary, start, 0.0, at)
    try:
        exact = _exact(X, y, point, F)
        distance = float(np.sqrt(int(exact.moved.p) / int(exact.moved.q)))
    except (*coercion.UNSHOWN, _Refused):
        return None
    return CertifiedPoint(kind, W, z, boundary, start, distance * (1 + 1e-9) + 2.0**-530, at)


def export_point(
    X: ArrayLike | Inputs,
    y: ArrayLike,
    point: CertifiedPoint,
    path,
    quality=None,
    *,
    free: ArrayLike | None = None,
) -> None:
    """Write the certificate for ``python check_certificate.py FILE``.

    quality : a ``Quality``, whether a minimum is bad or global, to be checked too; free : F, (N, m), of a
    network with a free part.
    """
    from relucells.certify.export import free_part_data, hexadecimal, quality_data, write

    X = prepare(X).X
    F = free_array(free, len(X))
    data = {**free_part_data(F), "kind": "critical point", "point": point.kind}
    if F.any():
        data["c"] = hexadecimal(np.zeros(F.shape[1]) if point.c is None else point.c)
    data |= {"X": hexadecimal(X), "y": hexadecimal(targets(y, len(X)))}
    data |= {"W": hexadecimal(point.W), "z": hexadecimal(point.z), "distance": float(point.distance).hex()}
    data |= {"boundary": np.asarray(point.boundary).astype(int).tolist()}
    data |= {"multipliers": hexadecimal(point.multipliers)}
    write(data | quality_data(quality, F), path)


def _exact(
    X: NDArray[np.float64], y: NDArray[np.float64], point: CertifiedPoint, F: NDArray[np.float64]
) -> "_ExactPoint | IndependentPoint":
    """The exact point, all of whose conditions hold. Raises _Refused."""
    N, D = X.shape
    given = coercion.parts(point, CertifiedPoint)
    if type(given["kind"]) is not str or given["kind"] not in KINDS:
        raise _Refused
    z = coercion.reals(point.z, None)
    if N * D * len(z) > (INDEPENDENT if N <= D else TERMS):
        raise _Refused  # before W is read
    W = coercion.reals(point.W, len(z), D)
    pairs = coercion.integers(point.boundary, None, 2, high=max(N, len(z)))
    t = coercion.reals(point.multipliers, len(pairs))
    if not len(z) or (pairs >= (N, len(z))).any() or len(np.unique(pairs, axis=0)) < len(pairs):
        raise _Refused
    loud = np.flatnonzero(z)
    if (z[pairs[:, 1]] == 0).any():
        raise _Refused
    if (point.c is None) and F.any():
        raise _Refused
    c = np.zeros(F.shape[1]) if point.c is None else coercion.reals(point.c, F.shape[1])
    unknowns = len(loud) * D + len(pairs) + F.shape[1]
    boundary = [tuple(pair) for pair in pairs.tolist()]
    bits = max(dyadic.bits(X), dyadic.bits(F)) + dyadic.bits(y[:, None])
    long = unknowns**2 * bits > WORK or N * D * len(z) * unknowns * bits > DIGITS
    if unknowns > UNKNOWNS or N * unknowns > ENTRIES or long:
        return _independent(X, y, W, z, boundary, point.kind, F, c)
    found = _ExactPoint(X, y, W, z, boundary, t, F, c)
    found.check(point.kind)
    return found


def _independent(X, y, W, z, pairs, kind: str, F, c) -> IndependentPoint:
    """A point too large for its equations, on independent samples. Raises _Refused."""
    N, D = X.shape
    large = X.size * dyadic.bits(X) > EXACT_BITS or F.shape[1] > FREE_COLUMNS
    if not affordable(N, D, len(z)) or large:
        raise _Refused
    found = IndependentPoint(X, y, W, z, pairs, F, c)
    if not found.holds(kind) or not found.system.proven:
        raise _Refused
    return found


class _ExactPoint:
    """(W', z, c') near (W, z, c), its residual and its multipliers, as rationals."""

    def __init__(self, X, y, W, z, boundary: list[tuple[int, int]], multipliers: NDArray, F, c):
        self.N, self.D = X.shape
        self.W, self.z = _rationals(W), [dyadic.fraction(a) for a in z.tolist()]
        self.X = _rationals(X)
        self.zero = (~X.any(axis=1)).tolist()
        self.boundary, self.on = boundary, set(boundary)
        self.sign = [int(s) for s in np.sign(z)]
        self.loud = np.flatnonzero(z).tolist()
        table, _ = dyadic.values(X, W)
        self.active = [
            [table[i, j] > 0 and (i, j) not in self.on for j in range(len(z))] for i in range(self.N)
        ]
        self.c = [dyadic.fraction(a) for a in c.tolist()]
        self.rows, self.exponents = dyadic.integers(X)
        self.free, self.below_free = dyadic.integers(F) if F.shape[1] else ([[]] * self.N, [])
        self._solve(common([[dyadic.fraction(a)] for a in y.tolist()]), multipliers)

    def _solve(self, labels: tuple[list[list[int]], int], multipliers: NDArray) -> None:
        """v', c' and t from the first-order equations, in integer columns of X and F; what is not needed
        stays."""
        m, width = len(self.boundary), len(self.loud) * self.D + len(self.free[0])
        A = dyadic.matrix([self._features(i) for i in range(self.N)], width)
        H = [
            [*(a if k == j else 0 for k in self.loud for a in self.rows[i]), *([0] * len(self.free[0]))]
            for i, j in self.boundary
        ]
        gram, wanted = A.transpose() * A, dyadic.matrix(labels[0], 1)
        equations = [
            [*(gram[r, c] for c in range(width)), *(H[n][r] for n in range(m))] for r in range(width)
        ]
        equations += [[*h, *([0] * m)] for h in H]
        # unknowns in units of the labels' denominator and of a common one of the start
        whole, below = common([[a] for a in self._start(multipliers)])
        b = A.transpose() * wanted * below
        found = solve(
            dyadic.matrix(equations, width + m),
            dyadic.matrix([*b.tolist(), *([[0]] * m)], 1),
            [a[0] * labels[1] for a in whole],
        )
        if found is None:
            raise _Refused
        z, denominator = found if found[1] > 0 else (-found[0], -found[1])
        # Residual and values stay integers over ``below``: sums of rationals cost a common divisor each.
        self.below = denominator * below * labels[1]
        self._keep(z)
        self.e = (A * dyadic.rows_of(z, list(range(width))) - wanted * (denominator * below)).entries()

    def _features(self, i: int) -> list[int]:
        """f(x_i) as a function of the loud v and of c."""
        own = (self.sign[j] * a if self.active[i][j] else 0 for j in self.loud for a in self.rows[i])
        return [*own, *self.free[i]]

    def _start(self, multipliers: NDArray) -> list[fmpq]:
        """The unknowns at the point that is stored."""
        v = [
            abs(self.z[j]) * w * dyadic.power(e)
            for j in self.loud
            for w, e in zip(self.W[j], self.exponents, strict=True)
        ]
        c = [a * dyadic.power(e) for a, e in zip(self.c, self.below_free, strict=True)]
        return [*v, *c, *(dyadic.fraction(t) for t in multipliers.tolist())]

    def _keep(self, z: fmpz_mat) -> None:
        """The unknowns by name, in their own units, and v_j·x_i of the loud neurons over ``below``."""
        D, entries = self.D, z.entries()
        v = [entries[k * D : (k + 1) * D] for k in range(len(self.loud))]
        rest = [fmpq(a, self.below) for a in entries[len(v) * D :]]
        self.v = {
            j: [fmpq(a, self.below) * dyadic.power(-e) for a, e in zip(own, self.exponents, strict=True)]
            for j, own in zip(self.loud, v, strict=True)
        }
        self.new_c = [a * dyadic.power(-e) for a, e in zip(rest[: len(self.c)], self.below_free, strict=True)]
        self.t = dict(zip(self.boundary, rest[len(self.c) :], strict=True))
        values = dyadic.matrix(v, D) * dyadic.matrix(self.rows, D).transpose()
        self.values = dict(zip(self.loud, values.tolist(), strict=True))

    def check(self, kind: str) -> None:
        """Raises _Refused unless all conditions of the kind hold exactly."""
        for j in self.loud:
            self._check_sides(j, self.values[j])
        kinks = sum(self._kinks(j) for j in self.loud)
        for j, w in self.silent.items():
            self._check_sides(j, [_dot(x, w) for x in self.X])
        falls = any(any(self._pull(j)) for j in self.silent)
        if falls != (kind == "saddle") or (kind != "saddle" and bool(kinks) != (kind == KINDS[1])):
            raise _Refused

    def _check_sides(self, j: int, values: list) -> None:
        """Every sample but those at the origin is on its side of neuron j, or on the boundary."""
        for i, v in enumerate(values):
            if (i, j) in self.on:
                right = v == 0
            else:
                right = self.zero[i] or (v > 0 if self.active[i][j] else v < 0)
            if not right:
                raise _Refused

    def _kinks(self, j: int) -> int:
        """The hyperplanes at which the loss has a kink in v_j, after the condition on each of them."""
        lines: dict[tuple, list[tuple[int, fmpq]]] = {}
        for i, k in self.boundary:
            if k == j and not self.zero[i]:
                lead = next(a for a in self.X[i] if a)
                key = tuple(str(a / lead) for a in self.X[i])
                lines.setdefault(key, []).append((i, lead))
        count = 0
        for members in lines.values():
            up = sum((self.sign[j] * self.e[i] * c for i, c in members if c > 0), fmpq(0)) / self.below
            down = sum((self.sign[j] * self.e[i] * -c for i, c in members if c < 0), fmpq(0)) / self.below
            theta = sum((self.t[i, j] * c for i, c in members), fmpq(0))
            if not -down <= theta <= up:
                raise _Refused
            count += up + down != 0
        return count

    def _pull(self, j: int) -> list[fmpq]:
        """g_j."""
        mine = [i for i in range(self.N) if self.active[i][j]]
        sums = [sum((self.e[i] * self.rows[i][d] for i in mine), fmpz(0)) for d in range(self.D)]
        return [fmpq(a, self.below) * dyadic.power(e) for a, e in zip(sums, self.exponents, strict=True)]

    @cached_property
    def silent(self) -> dict[int, list[fmpq]]:
        """w'_j of the neurons with z_j = 0: w_j less its part along g_j."""
        found = {}
        for j, w in enumerate(self.W):
            if not self.z[j]:
                g = self._pull(j)
                square = _dot(g, g)
                part = _dot(g, w) / square if square else fmpq(0)
                found[j] = [b - part * a for a, b in zip(g, w, strict=True)]
        return found

    @property
    def loss(self) -> fmpq:
        """(1/N) Σ e_i²."""
        return fmpq(sum((a * a for a in self.e), fmpz(0)), self.below**2 * self.N)

    @property
    def moved(self) -> fmpq:
        """|W' − W|² + |c' − c|²."""
        new = self.silent | {j: [a / abs(self.z[j]) for a in v] for j, v in self.v.items()}
        changes = [[a - b for a, b in zip(new[j], w, strict=True)] for j, w in enumerate(self.W)]
        changes.append([a - b for a, b in zip(self.new_c, self.c, strict=True)])
        return sum((_dot(change, change) for change in changes), fmpq(0))


def common(rows: list[list[fmpq]]) -> tuple[list[list[int]], int]:
    """Rows of rationals as integers over their common denominator."""
    denominator = math.lcm(*(int(a.q) for row in rows for a in row))
    return [[int(a.p) * (denominator // int(a.q)) for a in row] for row in rows], denominator


def _rationals(array: NDArray[np.float64]) -> list[list[fmpq]]:
    return [[dyadic.fraction(a) for a in row] for row in array.tolist()]


def _dot(a: list[fmpq], b: list[fmpq]) -> fmpq:
    return sum((x * y for x, y in zip(a, b, strict=True)), fmpq(0))
