"""The cones of single neurons and the linear forms that are non-negative on them.

C_j = {v : σ_ij x_i·v ≥ 0 for all samples i}, in orthonormal coordinates of the samples' span. Let v be its
analytic centre and c = A_jᵀA_j v, which is positive on the cone where A_j has full column rank. For a
direction a let lo and hi be the least and the largest value of a·r on the cone's slice c·r = 1. Then
f = a − lo c and f' = hi c − a are non-negative on the cone; f f' is positive inside and negative far out
along ±a. By linear duality f is a non-negative combination of D − 1 of the σ_i x_i, the optimal basis.

These are two linear programs for each a. Forms that serve as well take a tenth of the time: of all
non-negative combinations of the σ_i x_i, those nearest to a − λ c and λ' c − a, where λ and λ' are what a·r
is some standard deviations from the centre. What is nearest is non-negative on the cone whatever λ is.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

# A cone counts as open if it holds a unit vector that is this far from all its half-spaces.
OPEN = 1e-9
# Heights below which −log becomes a parabola, in units of the half-spaces, and Newton steps for each.
HEIGHTS = (1e-2, 1e-3, 1e-4)
STEPS = 15
# A vertex of a slice may violate half-spaces, whose vectors have unit length, by this.
TOLERANCE = 1e-9
# Half-spaces that a slice's program starts with, and those that nearest forms are made of, as multiples of
# the dimensions.
NEAREST = 4
NEAREST_COMBINED = 3
# Standard deviations from the centre to the λ of a nearest form. A slice ends some six from it, by median.
REACH = 3.0


@dataclass(frozen=True)
class LinearForm:
    """f(v) = Σ_n multipliers_n σ_i x_i·v, i = samples_n; ``vector`` (r,) is f in orthonormal coordinates."""

    samples: NDArray[np.int64]
    multipliers: NDArray[np.float64]
    vector: NDArray[np.float64]


@dataclass(frozen=True)
class Cone:
    """An open C_j. rows : (n, r) of unit length, positive inside; samples : (n,) whose rows they are, without
    zero samples; lengths : (n,) of the samples in these coordinates; centre, axis : v and c, |A_j v| = 1."""

    rows: NDArray[np.float64]
    samples: NDArray[np.int64]
    lengths: NDArray[np.float64]
    centre: NDArray[np.float64]
    axis: NDArray[np.float64]

    @classmethod
    def of(cls, coordinates: NDArray[np.float64], active: NDArray[np.bool_]) -> "Cone | None":
        """The cone of a neuron that is active on these samples, (N,); None if it is not open."""
        lengths = np.linalg.norm(coordinates, axis=1)
        samples = np.flatnonzero(lengths)
        side = np.where(active[samples], 1.0, -1.0)
        rows = side[:, None] * coordinates[samples] / lengths[samples, None]
        inside = _interior(rows)
        centre = None if inside is None else _analytic_centre(rows, inside)
        if centre is None:
            return None
        block = coordinates[active]
        values = block @ centre
        size = np.linalg.norm(values)
        return cls(rows, samples, lengths[samples], centre / size, block.T @ values / size)

    def form(self, rows: NDArray[np.int64], multipliers: NDArray[np.float64]) -> LinearForm | None:
        """The combination of these rows (n,) with these multipliers ≥ 0, (n,), scaled to 1 at the centre."""
        large = multipliers > 1e-12 * multipliers.max(initial=0.0)
        used, mine = rows[large], multipliers[large]
        value = float(mine @ (self.rows[used] @ self.centre))
        if not value > 0:
            return None
        mine = mine / value
        return LinearForm(self.samples[used], mine / self.lengths[used], mine @ self.rows[used])

    def facet(self, row: int) -> LinearForm:
        """The form of a single row."""
        scale = 1.0 / float(self.rows[row] @ self.centre)
        return LinearForm(self.samples[[row]], np.array([scale / self.lengths[row]]), scale * self.rows[row])

    def principal_axes(self) -> tuple[NDArray, NDArray, NDArray]:
        """The slice as the Hessian of −Σ log h_i·r at the centre shows it: the Hessian's inverse (r, r),
        variances (r − 1,) and the unit vectors a whose they are, (r − 1, r)."""
        scaled = self.rows / (self.rows @ self.centre)[:, None]
        inverse = np.linalg.inv(scaled.T @ scaled)
        along = inverse @ self.axis
        covariance = inverse - np.outer(along, along) / (self.axis @ along)
        variances, vectors = np.linalg.eigh(covariance)
        return inverse, np.maximum(variances[1:], 0.0), vectors[:, 1:].T

    def nearest_forms(self) -> list[tuple[LinearForm, LinearForm]]:
        """f and f' of each principal axis without a linear program: non-negative combinations of the nearest
        rows, in the Hessian's metric as near to a − λ c and λ' c − a as they come."""
        from scipy.optimize import nnls

        inverse, variances, axes = self.principal_axes()
        spread, turn = np.linalg.eigh(inverse)
        root = turn * np.sqrt(np.maximum(spread, 0.0))
        heights = self.rows @ self.centre
        near = np.argsort(heights)[: NEAREST_COMBINED * len(root)]
        generators = np.ascontiguousarray(((self.rows[near] / heights[near, None]) @ root).T)
        middle = axes - np.outer(axes @ self.centre, self.axis)
        outward = REACH * np.outer(np.sqrt(variances), self.axis)
        found = []
        for pair in zip((outward + middle) @ root, (outward - middle) @ root, strict=True):
            try:
                combined = [nnls(generators, target)[0] / heights[near] for target in pair]
            except RuntimeError:  # it gives up after some steps
                continue
            f, g = (self.form(near, multipliers) for multipliers in combined)
            if f is not None and g is not None:
                found.append((f, g))
        return found

    def opposite_forms(self) -> Iterator[tuple[LinearForm, LinearForm]]:
        """f and f' of each principal axis, as the linear programs have them."""
        program, every = _Slice(self), np.arange(len(self.rows))
        for a in self.principal_axes()[2]:
            pair = [program.lowest(a), program.lowest(-a)]
            forms = [None if multipliers is None else self.form(every, multipliers) for multipliers in pair]
            if forms[0] is not None and forms[1] is not None:
                yield forms[0], forms[1]


def _interior(rows: NDArray[np.float64]) -> NDArray[np.float64] | None:
    """A v with rows @ v > 0; None if there is none that is not too close to 0."""
    v = _by_descent(rows)
    if v is None:
        v = _by_program(rows)
    return v if v is not None and (rows @ v).min() > OPEN * np.linalg.norm(v) else None


def _by_descent(rows: NDArray[np.float64]) -> NDArray[np.float64] | None:
    """Such a v in a few Newton steps, or None.

    They lower Σ φ(h·v) + n|v|²/2 with φ = −log beyond a height, continued below it by the parabola of the
    same value, slope and curvature, so that points outside are no obstacle. Lower heights follow if need be.
    """
    n, r = rows.shape
    v = rows.mean(axis=0)
    for height in HEIGHTS:
        value, slopes, kept = _extended_barrier(rows @ v, height)
        for _ in range(STEPS):
            if (rows @ v).min() > OPEN * np.linalg.norm(v):
                return v
            inverse = rows / kept[:, None]
            gradient = n * v + slopes @ rows
            step = np.linalg.solve(inverse.T @ inverse + n * np.eye(r), gradient)
            decrement, share = float(step @ gradient), 1.0
            old = value + n * (v @ v) / 2
            while share > 1e-3:
                tried = v - share * step
                value, slopes, kept = _extended_barrier(rows @ tried, height)
                if value + n * (tried @ tried) / 2 <= old - 0.2 * share * decrement:
                    break
                share /= 2
            v = tried
            if decrement < 1e-2:
                break
    return None


def _extended_barrier(
    values: NDArray[np.float64], height: float
) -> tuple[float, NDArray[np.float64], NDArray[np.float64]]:
    """Σ φ, φ' (n,), and the values with those below ``height`` raised to it: φ'' is their inverse square."""
    kept = np.maximum(values, height)
    below = (kept - values) / kept
    return float((below + below**2 / 2 - np.log(kept)).sum()), -(1.0 + below) / kept, kept


def _by_program(rows: NDArray[np.float64]) -> NDArray[np.float64] | None:
    """The v of a box that is furthest inside; None where HiGHS finds no optimum."""
    import highspy

    from relucells.search.highs import new_solver

    n, r = rows.shape
    solver = new_solver()
    solver.addVars(r + 1, np.append(np.full(r, -1.0), 0.0), np.ones(r + 1))
    solver.changeColCost(r, -1.0)
    matrix = np.concatenate([rows, np.full((n, 1), -1.0)], axis=1)
    starts = np.arange(n, dtype=np.int32) * (r + 1)
    indices = np.tile(np.arange(r + 1, dtype=np.int32), n)
    infinite = np.full(n, highspy.kHighsInf)
    solver.addRows(n, np.zeros(n), infinite, matrix.size, starts, indices, matrix.ravel())
    solver.run()
    if solver.getModelStatus() != highspy.HighsModelStatus.kOptimal:
        return None
    return np.asarray(solver.getSolution().col_value)[:r]


def _analytic_centre(rows: NDArray[np.float64], v: NDArray[np.float64]) -> NDArray[np.float64] | None:
    """The v that minimises −Σ log(rows @ v) + n|v|²/2, whose length is 1, by damped Newton steps."""
    n, r = rows.shape
    v = v / np.linalg.norm(v)
    for _ in range(200):
        inverse = rows / (rows @ v)[:, None]
        gradient = n * v - inverse.sum(axis=0)
        step = np.linalg.solve(inverse.T @ inverse + n * np.eye(r), gradient)
        decrement = float(np.sqrt(max(step @ gradient, 0.0)))
        v = v - step / (1.0 + decrement if decrement > 0.25 else 1.0)
        if not (rows @ v > 0).all():
            return None
        if decrement < 1e-6:
            break
    return v


class _Slice:
    """max λ with a − λ c = Σ μ_i h_i, μ ≥ 0, over the rows h_i of a cone: the least a·r where c·r = 1.

    Its columns are at first the rows nearest to the centre; others join as the dual vertex violates them.
    """

    def __init__(self, cone: Cone):
        import highspy

        from relucells.search.highs import new_solver

        self.cone, self.r = cone, cone.rows.shape[1]
        self.index = np.arange(self.r, dtype=np.int32)
        self.solver, self.infinity = new_solver(), highspy.kHighsInf
        self.optimal = highspy.HighsModelStatus.kOptimal
        self.held: list[int] = []
        self.present = np.zeros(len(cone.rows), dtype=bool)
        zeros = np.zeros(self.r)
        nothing = np.zeros(0, dtype=np.int32)
        self.solver.addRows(self.r, zeros, zeros, 0, np.zeros(self.r, np.int32), nothing, np.zeros(0))
        self.solver.addCol(-1.0, -self.infinity, self.infinity, self.r, self.index, cone.axis)
        self._add(np.argsort(cone.rows @ cone.centre)[: NEAREST * self.r])

    def _add(self, rows: NDArray[np.int64]) -> None:
        n, zeros = len(rows), np.zeros(len(rows))
        starts, indices = np.arange(n, dtype=np.int32) * self.r, np.tile(self.index, n)
        values = self.cone.rows[rows].ravel()
        infinite = np.full(n, self.infinity)
        self.solver.addCols(n, zeros, zeros, infinite, values.size, starts, indices, values)
        self.held += rows.tolist()
        self.present[rows] = True

    def lowest(self, a: NDArray[np.float64]) -> NDArray[np.float64] | None:
        """μ ≥ 0, (n,), of f = a − lo c; None if the program has no optimum."""
        for row, value in enumerate(a.tolist()):
            self.solver.changeRowBounds(row, value, value)
        while True:
            self.solver.run()
            if self.solver.getModelStatus() != self.optimal:
                return None
            solution = self.solver.getSolution()
            vertex = -np.asarray(solution.row_dual)
            values = self.cone.rows @ vertex
            violated = np.flatnonzero((values < -TOLERANCE * np.linalg.norm(vertex)) & ~self.present)
            if not len(violated):
                found = np.zeros(len(self.cone.rows))
                found[self.held] = np.maximum(np.asarray(solution.col_value)[1:], 0.0)
                return found
            self._add(violated[np.argsort(values[violated])][: self.r])
