"""The minimum of a cell, enclosed: fitted values and minimisers with proven error bounds.

Let U be a set of samples and let every column of the pattern agree off U with a sum of a few *masks*
with entries in {−1, 0, 1}: differences along a tree, so that nearly equal columns do no harm. The masks'
blocks, mask ∘ X restricted to the other samples, form A'. If

    M = [ A_U ; A'ᵀ A_off ],   h = [ y_U ; A'ᵀ y_off ]

has full row rank, then R is a minimiser of the cell iff M R = h: its residual vanishes on U and is
orthogonal to A', whose ranges together contain A's. So minimisers near an approximate one, the fitted
values, and dual bounds follow from floating-point bounds on M alone, whatever the rank of A (derived).
For linearly independent samples U is everything.
"""

from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from relucells.cells.factorised import LargeMinimum, large_minimum
from relucells.cells.minimum import cell_minimum
from relucells.cells.pattern import distinct_columns
from relucells.samples.inputs import Inputs
from relucells.samples.linear_bounds import RowSystem, gamma, norm, row_system


class ProvenMinimum:
    """The minimisers of a cell as the solutions of M u = h in the sums u_g of each group's R_j."""

    def __init__(self, inputs: Inputs, y: NDArray, pattern: NDArray[np.bool_]):
        self.inputs, self.pattern = inputs, pattern
        self.X, self.y = inputs.X, y
        self.groups, self.group = distinct_columns(pattern)
        self.N, self.D = self.X.shape
        self.G = self.groups.shape[1]
        self.size = np.bincount(self.group[self.group >= 0], minlength=self.G)
        self.lengths = inputs.lengths
        self.saturated, self.masks = self._structure()
        X, masks = self.X[~self.saturated], self.masks[~self.saturated]
        self.below = (masks[:, :, None] * X[:, None, :]).reshape(len(X), masks.shape[1] * self.D)

    def _structure(self) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
        """U, (N,), and the masks off U, (N, m), for which full row rank is likely."""
        alive = self.groups.any(axis=1)
        if alive.sum() <= self.G * self.D:
            A = (self.groups[:, :, None] * self.X[:, None, :]).reshape(self.N, -1)
            trial = row_system(A[alive])
            if trial.proven:
                self.__dict__["system"] = trial
                return alive, np.zeros((self.N, 0))
        saturated, rest = saturate(self.X, self.groups)
        return saturated, differences(rest)

    def blocks(self, masks: NDArray) -> tuple[NDArray, NDArray, NDArray]:
        """[mask_U ∘ X_U ; A'ᵀ (mask ∘ X)_off] side by side for each mask (N, m), with bounds on the norm of
        the rounding error of each row and of each column."""
        X = (masks[:, :, None] * self.X[:, None, :]).reshape(self.N, masks.shape[1] * self.D)
        top, rest = X[self.saturated], X[~self.saturated]
        unit, lengths = gamma(len(rest)), np.linalg.norm(self.below, axis=0)
        rows = np.concatenate([np.zeros(len(top)), unit * lengths * norm(rest)])
        columns = unit * norm(lengths) * np.linalg.norm(rest, axis=0) * (1.0 + gamma(self.N))
        return np.concatenate([top, self.below.T @ rest]), rows * (1.0 + gamma(self.N)), columns

    @cached_property
    def system(self) -> RowSystem:
        """M with its proof of full row rank, if it has one."""
        return row_system(*self.blocks(self.groups)[:2])

    @cached_property
    def right(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """h and a bound on the rounding error of each entry."""
        return self._project(self.y, np.zeros(self.N))

    def _project(self, vector: NDArray, error: NDArray) -> tuple[NDArray, NDArray]:
        """[v_U ; A'ᵀ v_off] and the errors of its entries, for v (N,) known to ``error`` (N,)."""
        free = ~self.saturated
        rounded = np.abs(self.below).T @ (error[free] + gamma(self.N) * np.abs(vector[free]))
        return (
            np.concatenate([vector[self.saturated], self.below.T @ vector[free]]),
            np.concatenate([error[self.saturated], rounded * (1.0 + gamma(self.N))]),
        )

    def distance(self, sums: NDArray) -> float:
        """How far, in norm, the sums u_g of an exact minimiser can be from ``sums`` (G, D)."""
        residual = self.y - (self.groups * (self.X @ sums.T)).sum(axis=1)
        error = gamma(self.D + self.G) * (np.abs(self.X) @ np.abs(sums).sum(axis=0) + np.abs(self.y))
        return self.system.distance(*self._project(residual, error))

    def displacement(self, R: NDArray) -> NDArray[np.float64]:
        """How far the values R_j·x_i, (N, K), of some exact minimiser can be from those of R (K, D)."""
        alive = self.group >= 0
        sums = np.zeros((self.G, self.D))
        np.add.at(sums, self.group[alive], R[alive])
        distance = self.distance(sums) + gamma(len(R)) * norm(R)
        moved = np.where(alive, min(distance, np.finfo(float).max ** 0.5) / self.size[self.group], 0.0)
        return self.lengths[:, None] * moved

    @cached_property
    def fitted(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """The fitted values p, (N,), and a bound on the error of each (inf if nothing is proven)."""
        if not self.system.proven:
            return cell_minimum(self.inputs, self.y, self.pattern).fitted, np.full(self.N, np.inf)
        h, _ = self.right
        u = self.system.solve(h)
        for _ in range(2):
            u = u + self.system.solve(h - self.system.matrix @ u)
        sums = u.reshape(self.G, self.D)
        values = self.X @ sums.T
        p = (self.groups * values).sum(axis=1)
        count = np.sqrt(self.groups.sum(axis=1))
        error = count * self.lengths * self.distance(sums)
        error = error + gamma(self.D + self.G) * (np.abs(self.X) @ np.abs(sums).sum(axis=0))
        p[self.saturated], error[self.saturated] = self.y[self.saturated], 0.0
        return p, np.where(count > 0, error, 0.0)


class ExactFit:
    """The minimum of a cell of linearly independent samples: every alive sample is fitted exactly."""

    def __init__(self, inputs: Inputs, y: NDArray, pattern: NDArray[np.bool_]):
        self.X, self.y, self.pattern = inputs.X, y, pattern

    @property
    def fitted(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """As ``ProvenMinimum.fitted``."""
        return np.where(self.pattern.any(axis=1), self.y, 0.0), np.zeros(len(self.y))

    def displacement(self, R: NDArray) -> NDArray[np.float64]:
        """As ``ProvenMinimum.displacement``: the values at active pairs make up for the residual evenly,
        those at inactive ones stay, because any values can be prescribed."""
        values, size = self.X @ R.T, np.abs(self.X) @ np.abs(R).T
        residual = np.abs(self.y - (self.pattern * values).sum(axis=1))
        rounding = gamma(sum(R.shape)) * ((self.pattern * size).sum(axis=1) + np.abs(self.y))
        return self.pattern * ((residual + rounding) / np.maximum(self.pattern.sum(axis=1), 1))[:, None]


def proven_minimum(
    inputs: Inputs, y: NDArray, pattern: NDArray[np.bool_]
) -> ProvenMinimum | ExactFit | LargeMinimum:
    """The enclosure that fits the data, without proof in large cells; the pattern needs an active pair."""
    if len(inputs.X) <= inputs.X.shape[1] and inputs.rows.proven:
        return ExactFit(inputs, y, pattern)
    return large_minimum(inputs, y, pattern) or ProvenMinimum(inputs, y, pattern)


def saturate(X: NDArray, columns: NDArray[np.bool_]) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Samples fitted exactly because few of them tell columns apart, and the columns reduced off them.

    Two blocks of A whose columns differ in samples S, at most D and linearly independent, have
    ℝ^S as the range of their difference, so A's range contains it; the zero column counts as a block.
    Columns are compared off what is known already until nothing is added. Returns U (N,) and the
    distinct nonzero columns off U, (N, G').
    """
    D = X.shape[1]
    saturated = np.zeros(len(X), dtype=bool)
    while True:
        rest = distinct_columns(columns & ~saturated[:, None])[0]
        trial = np.concatenate([rest, np.zeros((len(X), 1), dtype=bool)], axis=1)
        count = trial.astype(float)
        inside = count.T @ count
        differing = np.diag(inside)[:, None] + np.diag(inside)[None, :] - 2 * inside
        grown = False
        for a, b in np.argwhere(np.triu(differing <= D, 1)):
            S = (trial[:, a] ^ trial[:, b]) & ~saturated
            if S.any() and np.linalg.matrix_rank(X[S]) == S.sum():
                saturated |= S
                grown = True
        if not grown:
            return saturated, rest


def differences(columns: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Masks (N, m) that span the columns (N, m): differences along a shortest tree from the zero column."""
    nodes = np.concatenate([np.zeros((len(columns), 1)), columns.astype(float)], axis=1)
    masks = np.zeros(columns.shape)
    outside = np.arange(1, nodes.shape[1])
    nearest = np.zeros(nodes.shape[1], dtype=int)
    far = np.abs(nodes).sum(axis=0)
    for n in range(columns.shape[1]):
        k = int(np.argmin(far[outside]))
        node, outside = outside[k], np.delete(outside, k)
        masks[:, n] = nodes[:, node] - nodes[:, nearest[node]]
        distance = np.abs(nodes - nodes[:, [node]]).sum(axis=0)
        closer = distance < far
        nearest[closer], far[closer] = node, distance[closer]
    return masks
