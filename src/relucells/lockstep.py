"""Runs of gradient descent that are taken together, step by step (``relucells.descent``).

A form keeps T runs on the same samples, computes their gradient, finds signs that a step changes, and steps.
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
    """Where T runs stand: pre-activations (T, k, N), and their signs at the start, which define the cells.

    moving : (T, k) the neurons that can move. A dead neuron has no gradient; where all runs have dead ones,
        these are left out
    F (N, m) : the free part, None without one; c (T, m) : its coefficients; by_c : the gradient in them
    of_runs : the attributes with an entry for each run
    """

    F: NDArray | None = None
    c: NDArray
    by_c: NDArray
    of_runs: tuple[str, ...]

    def __init__(self, inputs: Inputs, y: NDArray, W: NDArray, step: float):
        self.inputs, self.y, self.step = inputs, y, step
        self.W = W
        pre = np.matmul(W, inputs.X.T)
        # A sample that is zero has no hyperplane, so its distance is no limit; it counts as crossed.
        self.per_length = np.divide(CERTAIN, inputs.lengths, out=np.zeros(len(y)), where=inputs.lengths > 0)
        can_move = (pre > 0).any(axis=2) | (self._room(pre) <= 0)
        most = max(1, int(can_move.sum(axis=1).max()))
        self.moving = np.argsort(~can_move, axis=1, kind="stable")[:, :most]
        self.pre = np.take_along_axis(pre, self.moving[:, :, None], axis=1)
        self.signs = np.sign(self.pre)

    @abstractmethod
    def gradient(self, z: NDArray) -> tuple[NDArray, NDArray, NDArray]:
        """∂L/∂z (T, k), ‖∂L/∂R_j‖² (T, k), and what rounding may hide of ‖∂L/∂R_j‖ (T,)."""

    @abstractmethod
    def _next(self, runs: NDArray[np.intp]) -> NDArray[np.float64]:
        """Pre-activations of these runs after the next step."""

    @abstractmethod
    def move(self) -> None:
        """Take the step that ``gradient`` has found."""

    @abstractmethod
    def weights(self, t: int) -> NDArray[np.float64]:
        """W (K, D) of run t."""

    def distances(self) -> NDArray[np.float64]:
        """How far each w_j may go, (T, k), before it can reach a hyperplane."""
        return self._room(self.pre)

    def _room(self, pre: NDArray) -> NDArray[np.float64]:
        sizes = np.abs(pre)
        sizes *= self.per_length
        return sizes.min(axis=2)

    def look(self, runs: NDArray[np.intp]) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
        """Whether the next step takes each run out of its cell, and how far its w_j may go after it."""
        after = self._next(runs)
        changed = np.sign(after)  # the product of the numbers themselves may underflow
        changed *= self.signs[runs]
        return changed.min(axis=(1, 2)) <= 0, self._room(after)

    def keep(self, kept: NDArray[np.bool_]) -> None:
        """Drop the other runs, between ``gradient`` and ``move``."""
        for name in self.of_runs:
            setattr(self, name, getattr(self, name)[kept])


class PlainForm(Form):
    """Runs by their weights."""

    of_runs: tuple[str, ...] = ("W", "moving", "pre", "signs", "active", "now", "by_R", "z")

    def __init__(self, inputs: Inputs, y: NDArray, W: NDArray, step: float):
        super().__init__(inputs, y, W, step)
        self.active = (self.signs > 0).astype(float)
        self.now = np.take_along_axis(W, self.moving[:, :, None], axis=1)

    def set_free(self, F: NDArray, c: NDArray) -> None:
        """Give the networks a free part that starts at c (T, m)."""
        self.F, self.c, self.of_runs = F, c, (*self.of_runs, "c", "by_c")

    def gradient(self, z: NDArray) -> tuple[NDArray, NDArray, NDArray]:
        output = np.matmul(z[:, None, :], self.pre * self.active)
        if self.F is not None:
            output = output + (self.c @ self.F.T)[:, None, :]
            self.by_c = (2 / len(self.y)) * ((output[:, 0] - self.y) @ self.F)
        errors = (2 / len(self.y)) * (output - self.y) * self.active
        self.z, self.by_R = z, np.matmul(errors, self.inputs.X)
        return (errors * self.pre).sum(axis=2), (self.by_R**2).sum(axis=2), np.zeros(len(z))

    def _next(self, runs: NDArray[np.intp]) -> NDArray[np.float64]:
        following = self.now[runs] - self.step * self.z[runs][:, :, None] * self.by_R[runs]
        return np.matmul(following, self.inputs.X.T)

    def move(self) -> None:
        self.now = self.now - self.step * self.z[:, :, None] * self.by_R
        if self.F is not None:
            self.c = self.c - self.step * self.by_c
        self.pre = np.matmul(self.now, self.inputs.X.T)

    def weights(self, t: int) -> NDArray[np.float64]:
        found = self.W[t].copy()
        found[self.moving[t]] = self.now[t]
        return found


class GramForm(Form):
    """Runs by their pre-activations: now at W + moved X.

    Samples on which all neurons are active have the same error for all neurons, so one product with G serves
    them. The few others with an active neuron, ``rows`` (T, m), are treated one by one; if they are not few,
    ``rows`` are all samples. Between two calls of ``_arrange`` the pre-activations are

        pre = base − own_moved G_rows,

    of which steps change ``base`` (T, k, N) by what is shared alone, and ``own_moved`` (T, k, m) by little.
    """

    FEW = 4  # rows are few if they are at most N / FEW
    of_runs = (
        *("W", "moving", "signs", "moved", "base", "rows", "active", "rows_y", "rows_pre", "own_moved"),
        *("shared", "errors", "spread_of_shared", "own", "spread", "z"),
    )

    def __init__(self, inputs: Inputs, y: NDArray, W: NDArray, step: float):
        super().__init__(inputs, y, W, step)
        self.moved = np.zeros_like(self.pre)
        self._arrange()

    def _arrange(self) -> None:
        """Tell the samples apart, for the runs that are left."""
        N, gram = len(self.y), self.inputs.gram
        pattern = self.signs > 0
        every = pattern.all(axis=1)
        some = pattern.any(axis=1) & ~every
        m = max(1, int(some.sum(axis=1).max()))
        self.all_rows = self.FEW * m > N
        if self.all_rows:
            some, every, m = np.ones_like(some), np.zeros_like(every), N
        self.rows = np.argsort(~some, axis=1, kind="stable")[:, :m]
        self.active = self._at_rows(pattern & some[:, None, :]).astype(float)
        self.rows_y, self.lengths = self.y[self.rows], self.inputs.lengths[self.rows]
        self.shared = every * (2 / N)
        self.any_shared = bool(every.any())
        self.errors, self.spread_of_shared = np.zeros(every.shape), np.zeros(every.shape)
        self.across = gram[None] if self.all_rows else gram[self.rows]  # (T, m, N)
        self.within = (
            gram if self.all_rows else np.take_along_axis(self.across, self.rows[:, None, :], axis=2)
        )
        self.base, self.rows_pre = self.pre, self._at_rows(self.pre).copy()
        self.change = np.empty_like(self.base)  # made once: fresh memory costs more than what is done in it
        self.own_moved, self.stale = np.zeros_like(self.rows_pre), False
        self.kept: list[tuple[NDArray, NDArray]] = []

    def _at_rows(self, values: NDArray) -> NDArray:
        return values if self.all_rows else np.take_along_axis(values, self.rows[:, None, :], axis=2)

    def gradient(self, z: NDArray) -> tuple[NDArray, NDArray, NDArray]:
        self.z, N = z, len(self.y)
        # (2/N) (f(x_i) − y_i) I_ij of the rows, ...
        errors = np.matmul(z[:, None, :], self.rows_pre * self.active)[:, 0]
        errors -= self.rows_y
        errors *= 2 / N
        self.own = errors[:, None, :] * self.active
        self.spread = np.matmul(self.own, self.within)
        by_z = np.einsum("tkm,tkm->tk", self.own, self.rows_pre)
        size = (np.abs(errors) * self.lengths).sum(axis=1)
        if not self.any_shared:
            squares = np.einsum("tkm,tkm->tk", self.own, self.spread)
            return by_z, squares, size * np.sqrt(N * np.finfo(float).eps)
        # ... and of the samples that all neurons share.
        output = np.matmul(z[:, None, :], self.base)
        output -= np.matmul(np.matmul(z[:, None, :], self.own_moved), self.across)
        self.errors = (output[:, 0] - self.y) * self.shared
        self.spread_of_shared = self.errors @ self.inputs.gram
        at_rows = self.spread_of_shared[np.arange(len(z))[:, None], self.rows]
        self.spread += at_rows[:, None, :]
        by_z += np.matmul(self.base, self.errors[:, :, None])[:, :, 0]
        by_z -= np.matmul(self.own_moved, at_rows[:, :, None])[:, :, 0]
        squares = np.einsum("tkm,tkm->tk", self.own, self.spread)
        squares += np.matmul(self.own, at_rows[:, :, None])[:, :, 0]
        squares += (self.errors * self.spread_of_shared).sum(axis=1)[:, None]
        size += np.abs(self.errors) @ self.inputs.lengths
        return by_z, squares, size * np.sqrt(N * np.finfo(float).eps)

    def _next(self, runs: NDArray[np.intp]) -> NDArray[np.float64]:
        steps = (self.step * self.z[runs])[:, :, None]
        across = self.across if self.all_rows else self.across[runs]
        after = np.matmul(self.own_moved[runs] + steps * self.own[runs], across)
        np.subtract(self.base[runs], after, out=after)
        return after - steps * self.spread_of_shared[runs][:, None, :] if self.any_shared else after

    def keep(self, kept: NDArray[np.bool_]) -> None:
        self._add_up()
        super().keep(kept)
        self.change, self.stale = np.empty_like(self.base), True
        if not self.all_rows:
            self.across = self.across[kept]

    def move(self) -> None:
        steps = (self.step * self.z)[:, :, None]
        self.own_moved += self.own * steps
        self.rows_pre -= self.spread * steps
        if self.any_shared:
            np.multiply(self.spread_of_shared[:, None, :], steps, out=self.change)
            self.base -= self.change
            self.kept.append((self.errors, self.z))
        if len(self.kept) == KEPT or self.stale:
            self._add_up()
        if self.stale:
            runs, neurons = map(np.arange, self.z.shape)
            self.moved[runs[:, None, None], neurons[:, None], self.rows[:, None, :]] -= self.own_moved
            self.pre = self.base - np.matmul(self.own_moved, self.across)
            self._arrange()

    def _add_up(self) -> None:
        """Bring what ``moved`` holds of the shared errors up to date."""
        if self.kept:
            errors, z = (np.stack(parts) for parts in zip(*self.kept, strict=True))
            self.moved -= self.step * np.matmul(z.transpose(1, 2, 0), errors.transpose(1, 0, 2))
            self.kept = []

    def weights(self, t: int) -> NDArray[np.float64]:
        self._add_up()
        moved = self.moved[t].copy()
        moved[:, self.rows[t]] -= self.own_moved[t]
        found = self.W[t].copy()
        found[self.moving[t]] += moved @ self.inputs.X
        return found
