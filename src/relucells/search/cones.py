"""The cones of single neurons and the linear forms that are non-negative on them.

C_j = {v : σ_ij x_i·v ≥ 0 for all samples i}, in orthonormal coordinates of the samples' span. Let v be its
analytic centre and c = A_jᵀA_j v, which is positive on the cone where A_j has full column rank. For a
direction a let lo and hi be the least and the largest value of a·r on the cone's slice c·r = 1. Then
f = a − lo c and f' = hi c − a are non-negative on the cone; f f' is positive inside and negative far out
along ±a. By linear duality f is a non-negative combination of D − 1 of the σ_i x_i, the optimal basis.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

# A cone counts as open if it holds a unit vector that is this far from all its half-spaces.
OPEN = 1e-9
# A vertex of a slice may violate half-spaces, whose vectors have unit length, by this.
TOLERANCE = 1e-9
# Half-spaces that a slice's program starts with, as a multiple of the dimensions.
NEAREST = 4


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

    def form(self, multipliers: NDArray[np.float64]) -> LinearForm | None:
        """The combination of the rows with these multipliers ≥ 0, (n,), scaled to 1 at the centre."""
        used = np.flatnonzero(multipliers > 1e-12 * multipliers.max(initial=0.0))
        value = float(multipliers[used] @ (self.rows[used] @ self.centre))
        if not value > 0:
            return None
        mine = multipliers[used] / value
        return LinearForm(self.samples[used], mine / self.lengths[used], mine @ self.rows[used])

    def facet(self, row: int) -> LinearForm:
        """The form of a single row."""
        scale = 1.0 / float(self.rows[row] @ self.centre)
        return LinearForm(self.samples[[row]], np.array([scale / self.lengths[row]]), scale * self.rows[row])

    def opposite_forms(self) -> Iterator[tuple[LinearForm, LinearForm]]:
        """f and f' of each principal axis of the slice, as the Hessian at the centre shows them."""
        scaled = self.rows / (self.rows @ self.centre)[:, None]
        inverse = np.linalg.inv(scaled.T @ scaled)
        along = inverse @ self.axis
        covariance = inverse - np.outer(along, along) / (self.axis @ along)
        program = _Slice(self)
        for a in np.linalg.eigh(covariance)[1][:, 1:].T:
            pair = [program.lowest(a), program.lowest(-a)]
            forms = [None if multipliers is None else self.form(multipliers) for multipliers in pair]
            if forms[0] is not None and forms[1] is not None:
                yield forms[0], forms[1]


def _interior(rows: NDArray[np.float64]) -> NDArray[np.float64] | None:
    """A v with rows @ v > 0, as far inside as the best one of a box is; None if there is none."""
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
    v = np.asarray(solver.getSolution().col_value)[:r]
    return v if (rows @ v).min() > OPEN * np.linalg.norm(v) else None


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
