"""How ``relucells.descent`` carries a run: by its weights, or by its pre-activations.

A form knows where the run stands, computes its gradient, finds signs that a step changes, and steps.
"""

from abc import ABC, abstractmethod

import numpy as np
from numpy.typing import NDArray

from relucells.samples.inputs import Inputs

# Signs are checked once a path has covered this part of the distance. It is below 1 by more than rounding.
CERTAIN = 0.99
# Steps whose errors are kept before they are added up in one product.
KEPT = 64


class Form(ABC):
    """Where a run stands: pre-activations (k, N), and their signs at the start, which define the cell.

    moving : (k,) the neurons that can move. A dead neuron has no gradient and is left out
    F (N, m) : the free part, None without one; c (m,) : its coefficients; by_c : the gradient in them
    """

    F: NDArray | None = None
    c: NDArray
    by_c: NDArray

    def __init__(self, inputs: Inputs, y: NDArray, W: NDArray, step: float):
        self.inputs, self.y, self.W, self.step = inputs, y, W, step
        pre = W @ inputs.X.T
        # A sample that is zero has no hyperplane, so its distance is no limit; it counts as crossed.
        self.per_length = np.divide(CERTAIN, inputs.lengths, out=np.zeros(len(y)), where=inputs.lengths > 0)
        self.moving = _some((pre > 0).any(axis=1) | (self._room(pre) <= 0))
        self.pre = pre[self.moving]
        self.signs = np.sign(self.pre)

    @abstractmethod
    def gradient(self, z: NDArray) -> tuple[NDArray, NDArray, float]:
        """∂L/∂z (k,), ‖∂L/∂R_j‖² (k,), and what rounding may hide of ‖∂L/∂R_j‖."""

    @abstractmethod
    def _next(self) -> NDArray[np.float64]:
        """Pre-activations after the next step."""

    @abstractmethod
    def move(self) -> None:
        """Take the step that ``gradient`` has found."""

    @abstractmethod
    def weights(self) -> NDArray[np.float64]:
        """W (K, D)."""

    def distances(self) -> NDArray[np.float64]:
        """How far each w_j may go, (k,), before it can reach a hyperplane."""
        return self._room(self.pre)

    def _room(self, pre: NDArray) -> NDArray[np.float64]:
        sizes = np.abs(pre)
        sizes *= self.per_length
        return sizes.min(axis=1)

    def look(self) -> tuple[bool, NDArray[np.float64]]:
        """Whether the next step leaves the cell, and how far each w_j may go after it."""
        after = self._next()
        changed = np.sign(after)  # the product of the numbers themselves may underflow
        changed *= self.signs
        return bool(changed.min() <= 0), self._room(after)


def _some(chosen: NDArray[np.bool_]) -> NDArray[np.intp]:
    """The chosen places; the first place if there is none, so that no array is empty."""
    return np.flatnonzero(chosen) if chosen.any() else np.zeros(1, dtype=np.intp)


class PlainForm(Form):
    """A run by its weights."""

    def __init__(self, inputs: Inputs, y: NDArray, W: NDArray, step: float):
        super().__init__(inputs, y, W, step)
        self.active = (self.signs > 0).astype(float)
        self.now = W[self.moving]

    def set_free(self, F: NDArray, c: NDArray) -> None:
        """Give the network a free part that starts at c (m,)."""
        self.F, self.c = F, c

    def gradient(self, z: NDArray) -> tuple[NDArray, NDArray, float]:
        output = z @ (self.pre * self.active)
        if self.F is not None:
            output = output + self.F @ self.c
            self.by_c = (2 / len(self.y)) * ((output - self.y) @ self.F)
        errors = (2 / len(self.y)) * (output - self.y) * self.active
        self.z, self.by_R = z, errors @ self.inputs.X
        return (errors * self.pre).sum(axis=1), (self.by_R**2).sum(axis=1), 0.0

    def _after(self) -> NDArray[np.float64]:
        return self.now - self.step * self.z[:, None] * self.by_R

    def _next(self) -> NDArray[np.float64]:
        return self._after() @ self.inputs.X.T

    def move(self) -> None:
        self.now = self._after()
        if self.F is not None:
            self.c = self.c - self.step * self.by_c
        self.pre = self.now @ self.inputs.X.T

    def weights(self) -> NDArray[np.float64]:
        found = self.W.copy()
        found[self.moving] = self.now
        return found


class GramForm(Form):
    """A run by its pre-activations: now at W + moved X.

    Samples on which all neurons are active have the same error for all neurons, so one product with G serves
    them. The few others with an active neuron, ``rows`` (m,), are treated one by one; if they are not few,
    ``rows`` are all samples. The pre-activations are

        pre = base − own_moved G_rows,

    of which steps change ``base`` (k, N) by what is shared alone, and ``own_moved`` (k, m) by little.
    """

    FEW = 4  # rows are few if they are at most N / FEW

    def __init__(self, inputs: Inputs, y: NDArray, W: NDArray, step: float):
        super().__init__(inputs, y, W, step)
        N, pattern = len(y), np.asarray(self.signs > 0)
        every = np.asarray(pattern.all(axis=0))
        some = np.asarray(pattern.any(axis=0)) & ~every
        self.rows: NDArray[np.intp] | slice = _some(some)
        if self.FEW * len(self.rows) > N:
            self.rows, some, every = slice(None), np.ones(N, dtype=bool), np.zeros(N, dtype=bool)
        self.active = (pattern & some)[:, self.rows].astype(float)
        self.rows_y, self.lengths = y[self.rows], inputs.lengths[self.rows]
        self.shared, self.any_shared = every * (2 / N), bool(every.any())
        self.errors, self.spread_of_shared = np.zeros(N), np.zeros(N)
        self.across = inputs.gram[self.rows]  # (m, N)
        self.within = self.across[:, self.rows]
        self.base, self.rows_pre = self.pre, self.pre[:, self.rows].copy()
        self.own_moved, self.moved = np.zeros_like(self.rows_pre), np.zeros_like(self.pre)
        self.change = np.empty_like(self.base)  # made once: fresh memory costs more than what is done in it
        self.kept: list[tuple[NDArray, NDArray]] = []

    def gradient(self, z: NDArray) -> tuple[NDArray, NDArray, float]:
        self.z, N = z, len(self.y)
        # (2/N) (f(x_i) − y_i) I_ij of the rows, ...
        errors = z @ (self.rows_pre * self.active)
        errors -= self.rows_y
        errors *= 2 / N
        self.own = errors * self.active
        self.spread = self.own @ self.within
        by_z = np.einsum("km,km->k", self.own, self.rows_pre)
        size = float((np.abs(errors) * self.lengths).sum())
        if not self.any_shared:
            squares = np.einsum("km,km->k", self.own, self.spread)
            return by_z, squares, size * np.sqrt(N * np.finfo(float).eps)
        # ... and of the samples that all neurons share.
        output = z @ self.base
        output -= (z @ self.own_moved) @ self.across
        self.errors = (output - self.y) * self.shared
        self.spread_of_shared = self.errors @ self.inputs.gram
        at_rows = self.spread_of_shared[self.rows]
        self.spread += at_rows
        by_z += self.base @ self.errors
        by_z -= self.own_moved @ at_rows
        squares = np.einsum("km,km->k", self.own, self.spread)
        squares += self.own @ at_rows
        squares += (self.errors * self.spread_of_shared).sum()
        size += float(np.abs(self.errors) @ self.inputs.lengths)
        return by_z, squares, size * np.sqrt(N * np.finfo(float).eps)

    def _next(self) -> NDArray[np.float64]:
        steps = (self.step * self.z)[:, None]
        after = (self.own_moved + steps * self.own) @ self.across
        np.subtract(self.base, after, out=after)
        return after - steps * self.spread_of_shared if self.any_shared else after

    def move(self) -> None:
        steps = (self.step * self.z)[:, None]
        self.own_moved += self.own * steps
        self.rows_pre -= self.spread * steps
        if self.any_shared:
            np.multiply(self.spread_of_shared, steps, out=self.change)
            self.base -= self.change
            self.kept.append((self.errors, self.z))
        if len(self.kept) == KEPT:
            self._add_up()

    def _add_up(self) -> None:
        """Bring what ``moved`` holds of the shared errors up to date."""
        if self.kept:
            errors, z = (np.stack(parts) for parts in zip(*self.kept, strict=True))
            self.moved -= self.step * (z.T @ errors)
            self.kept = []

    def weights(self) -> NDArray[np.float64]:
        self._add_up()
        moved = self.moved.copy()
        moved[:, self.rows] -= self.own_moved
        found = self.W.copy()
        found[self.moving] += moved @ self.inputs.X
        return found
