"""The minimum of a cell, enclosed: fitted values and minimisers with proven error bounds.

Let U be a set of samples and let every column of the pattern agree off U with one of a few reduced
columns, whose blocks restricted to the other samples form A'. If

    M = [ A_U ; A'ᵀ A_off ],   h = [ y_U ; A'ᵀ y_off ]

has full row rank, then R is a minimiser of the cell iff M R = h: its residual vanishes on U and is
orthogonal to A', whose ranges together contain A's. So minimisers near an approximate one, the fitted
values, and dual bounds follow from floating-point bounds on M alone, whatever the rank of A (derived).
For linearly independent samples U is everything, and A Aᵀ = G ∘ (I Iᵀ) makes the smallest singular
value of A at least that of X (Schur's product theorem).
"""

from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from relucells.halfspaces import distinct_columns
from relucells.inputs import Inputs
from relucells.linear_bounds import RowSystem, gamma, norm, row_system
from relucells.minima import cell_minimum


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
        self.saturated, self.reduced = self._structure()

    def _structure(self) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """U, (N,), and the reduced columns off U, (N, G'), for which full row rank is likely."""
        alive = self.groups.any(axis=1)
        if alive.sum() <= self.G * self.D:
            trial = row_system(self._matrix(alive, np.zeros((self.N, 0), bool))[0])
            if trial.proven:
                self.__dict__["system"] = trial
                return alive, np.zeros((self.N, 0), dtype=bool)
        return saturate(self.X, self.groups)

    def _matrix(self, saturated: NDArray, reduced: NDArray) -> tuple[NDArray, NDArray]:
        """M, (|U| + G' D, G D), and bounds on the norm of the rounding error of each row."""
        top = self.groups[saturated][:, :, None] * self.X[saturated][:, None, :]
        top = top.reshape(-1, self.G * self.D)
        free = ~saturated
        blocks, errors = [top], [np.zeros(len(top))]
        if reduced.shape[1]:
            X = self.X[free]
            A = (self.groups[free][:, :, None] * X[:, None, :]).reshape(len(X), -1)
            B = (reduced[free][:, :, None] * X[:, None, :]).reshape(len(X), -1)
            blocks.append(B.T @ A)
            errors.append(gamma(len(X)) * norm(A) * np.linalg.norm(B, axis=0))
        return np.concatenate(blocks), np.concatenate(errors)

    @cached_property
    def system(self) -> RowSystem:
        """M with its proof of full row rank, if it has one."""
        return row_system(*self._matrix(self.saturated, self.reduced))

    @cached_property
    def right(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """h and a bound on the rounding error of each entry."""
        return self._project(self.y, np.zeros(self.N))

    def _project(self, vector: NDArray, error: NDArray) -> tuple[NDArray, NDArray]:
        """[v_U ; A'ᵀ v_off] and the errors of its entries, for v (N,) known to ``error`` (N,)."""
        X, free = self.X[~self.saturated], ~self.saturated
        masks = self.reduced[free].astype(float)
        below = (masks[:, :, None] * X[:, None, :]).reshape(len(X), masks.shape[1] * self.D)
        rounded = np.abs(below).T @ (error[free] + gamma(self.N) * np.abs(vector[free]))
        return (
            np.concatenate([vector[self.saturated], below.T @ vector[free]]),
            np.concatenate([error[self.saturated], rounded * (1.0 + gamma(self.N))]),
        )

    def distance(self, sums: NDArray) -> float:
        """How far, in norm, the sums u_g of an exact minimiser can be from ``sums`` (G, D)."""
        residual = self.y - (self.groups * (self.X @ sums.T)).sum(axis=1)
        error = gamma(self.D + self.G) * (np.abs(self.X) @ np.abs(sums).sum(axis=0) + np.abs(self.y))
        return self.system.distance(*self._project(residual, error))

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
        self.X, self.y, self.system = inputs.X, y, inputs.rows
        self.groups, self.group = distinct_columns(pattern)
        self.size = np.bincount(self.group[self.group >= 0])
        self.lengths = inputs.lengths

    @property
    def fitted(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """As ``ProvenMinimum.fitted``."""
        return np.where(self.groups.any(axis=1), self.y, 0.0), np.zeros(len(self.y))

    def distance(self, sums: NDArray) -> float:
        """As ``ProvenMinimum.distance``."""
        alive = self.groups.any(axis=1)
        residual = np.where(alive, self.y - (self.groups * (self.X @ sums.T)).sum(axis=1), 0.0)
        terms = gamma(sum(sums.shape)) * (self.lengths * norm(sums) * np.sqrt(len(sums)) + np.abs(self.y))
        return (norm(residual) + norm(terms)) * norm(self.system.precondition) / self.system.sigma


def proven_minimum(inputs: Inputs, y: NDArray, pattern: NDArray[np.bool_]) -> ProvenMinimum | ExactFit:
    """The enclosure that fits the data; the pattern must have an active pair."""
    if len(inputs.X) <= inputs.X.shape[1] and inputs.rows.proven:
        return ExactFit(inputs, y, pattern)
    return ProvenMinimum(inputs, y, pattern)


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
