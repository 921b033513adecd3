"""The paper's check: gradient descent that stops when it leaves its cell (Liu, Part 2, eqs. 23, 24).

    ∂L/∂z_j = ∂L/∂R_j · w_j      ∂L/∂w_j = z_j ∂L/∂R_j            (23)
    ∂L/∂R_j = (2/N) Σ_i (f(x_i) − y_i) I_ij x_i                    (24)
    ∂L/∂c = (2/N) Σ_i (f(x_i) − y_i) F_i                           (of a free linear part F c, derived)

Inside a cell every gradient lies in the span of the samples, so with fewer samples than coordinates
the N × K pre-activations and the Gram matrix G = X Xᵀ say everything: a step costs at most N²K operations
whatever the input dimension. With more samples than coordinates the plain form is cheaper. Both are
the same iteration. Runs on the same samples are taken together, so that a step is a few products of matrices.

Derived: a step moves w_j by η|z_j|‖∂L/∂R_j‖, hence w_j·x_i by at most ‖x_i‖ times that. As long as the path
of w_j is shorter than its least distance to a hyperplane, no sign can have changed, and none is looked at.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from relucells.progress import progress
from relucells.samples.free_part import coefficients, free_array
from relucells.samples.inputs import Inputs, network, prepare, real_array
from relucells.samples.records import Record
from relucells.samples.threads import one_thread

Outcome = Literal["crossed", "trapped", "undecided"]

# Floats in the largest array of the runs that are taken together.
TOGETHER = 4_000_000
# Part of a distance that a path may cover before signs are looked at: far from 1 compared with rounding.
CERTAIN = 0.99
# Steps whose errors are kept before they are added up in one product.
KEPT = 64


@dataclass(frozen=True, eq=False)
class Descent(Record):
    """outcome; steps : taken, the crossing one included; W (K, D), z (K,) : last point in the cell;
    gradient_norm : there; c (m,) : of a free part, there, else None."""

    outcome: Outcome
    steps: int
    W: NDArray[np.float64]
    z: NDArray[np.float64]
    gradient_norm: float
    c: NDArray[np.float64] | None = None


def gradient(
    X: ArrayLike | Inputs, y: ArrayLike, W: ArrayLike, z: ArrayLike
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(∂L/∂W (K, D), ∂L/∂z (K,)) of L = (1/N) Σ_i (f(x_i) − y_i)², eqs. (23), (24).

    With a free part at c it is the same with y − F c in y's place.
    """
    inputs = prepare(X)
    y, W, z = network(inputs, y, W, z)
    pre = inputs.X @ W.T
    active = pre > 0
    output = np.where(active, pre, 0.0) @ z
    errors = (2 / len(y)) * (output - y)[:, None] * active
    return z[:, None] * (errors.T @ inputs.X), (errors * pre).sum(axis=0)


@one_thread
def descend(
    X: ArrayLike | Inputs,
    y: ArrayLike,
    W: ArrayLike,
    z: ArrayLike,
    step: float = 1e-6,
    gradient_tolerance: float = 1e-3,
    max_steps: int = 100_000,
    *,
    free: ArrayLike | None = None,
    c: ArrayLike | None = None,
) -> Descent:
    """Gradient descent from (W, z) with a fixed step until it crosses a cell boundary or comes to rest.

    X : (N, D) or ``relucells.prepare(X)``; y : (N,); W : (K, D); z : (K,); step > 0.
    Before each step the joint gradient norm over z and all w_j is compared with gradient_tolerance:
    below it the run is *trapped*. After each step the signs of all w_j·x_i are compared with the
    start: where a product is ≤ 0 the run has *crossed*. After max_steps it is *undecided*.
    free, c : F (N, m) of a network with a free part F c, whose c moves too, from here (zeros by default).
    Raises ValueError, naming the argument, for arrays that do not fit or settings out of range.
    """
    inputs = prepare(X)
    y, W, z = network(inputs, y, W, z)
    settings = step, gradient_tolerance, max_steps
    start = None if c is None else coefficients("c", c, free_array(free, len(y)))[None]
    (run,) = descend_all(inputs, y, W[None], z[None], *settings, free=free, c=start)
    return run


@one_thread
def descend_all(
    X: ArrayLike | Inputs,
    y: ArrayLike,
    W: ArrayLike,
    z: ArrayLike,
    step: float = 1e-6,
    gradient_tolerance: float = 1e-3,
    max_steps: int = 100_000,
    *,
    free: ArrayLike | None = None,
    c: ArrayLike | None = None,
) -> list[Descent]:
    """``descend`` from each of T points, W (T, K, D), z (T, K) and c (T, m), on the same samples, step by
    step."""
    inputs = prepare(X)
    W, z = real_array("W", W, dimensions=3), real_array("z", z, dimensions=2)
    if len(z) != len(W):
        raise ValueError(f"z: must have one row per run, {len(W)}, not {len(z)}")
    y, _, _ = network(inputs, y, W[0], z[0])
    if not (np.isfinite(step) and step > 0):
        raise ValueError(f"step: must be positive and finite, not {step}")
    if not gradient_tolerance >= 0:
        raise ValueError(f"gradient_tolerance: must be at least 0, not {gradient_tolerance}")
    if max_steps < 0:
        raise ValueError(f"max_steps: must be at least 0, not {max_steps}")
    N, D = inputs.X.shape
    F = free_array(free, N)
    starts = np.zeros((len(W), F.shape[1])) if c is None else real_array("c", c, dimensions=2)
    if starts.shape != (len(W), F.shape[1]):
        raise ValueError(f"c: must have shape {(len(W), F.shape[1])}, not {starts.shape}")
    # a free part needs the errors of all samples, which the Gram form does without
    form = _GramForm if N < D and free is None else _PlainForm
    at_once = max(1, TOGETHER // (max(N, D) * max(W.shape[1], N // _GramForm.FEW)))
    found: list[Descent] = []
    for start in range(0, len(W), at_once):
        part = slice(start, start + at_once)
        where = form(inputs, y, W[part], step)
        if free is not None:
            where.set_free(F, starts[part])
        runs = _Runs(where, z[part], step)
        ends = dict(runs.descend(gradient_tolerance, max_steps))
        found += [ends[number] for number in sorted(ends)]
    return found


class _Runs:
    """Runs that are still inside their cells, in lockstep.

    form : where they stand; z (T, K); numbers (T,) : which of the given runs they are
    room (T, K) : how far w_j may still go before a sign must be looked at
    """

    def __init__(self, form: "_GramForm | _PlainForm", z: NDArray, step: float):
        self.form, self.z, self.step = form, z, step
        self.numbers = np.arange(len(z))
        self.room = form.distances()

    def descend(self, tolerance: float, max_steps: int) -> Iterator[tuple[int, Descent]]:
        """The end of each run, with its number."""
        for steps in progress(range(max_steps + 1), "steps"):
            by_z, squares, rounding = self.form.gradient(self.z)
            # Rounding can leave a Gram form a hair below zero.
            squares = np.maximum(squares, 0.0)
            total = (by_z * by_z).sum(axis=1) + (squares * self.z**2).sum(axis=1)
            if self.form.F is not None:
                total = total + (self.form.by_c**2).sum(axis=1)
            norm = np.sqrt(total)
            ended = norm < tolerance
            outcome = np.where(ended, "trapped", "undecided")
            if steps == max_steps:
                ended = np.ones(len(norm), dtype=bool)
            else:
                self.room -= self.step * np.abs(self.z) * (np.sqrt(squares) + rounding[:, None])
                crossed = self._crossed() & ~ended
                outcome[crossed], ended = "crossed", ended | crossed
            if ended.any():
                for t in np.flatnonzero(ended):
                    taken = steps + int(outcome[t] == "crossed")
                    c = None if self.form.F is None else self.form.c[t]
                    end = Descent(str(outcome[t]), taken, self.form.weights(t), self.z[t], float(norm[t]), c)
                    yield int(self.numbers[t]), end
                self._keep(~ended)
                by_z = by_z[~ended]
                if not len(self.numbers):
                    return
            self.form.move()
            self.z = self.z - self.step * by_z

    def _crossed(self) -> NDArray[np.bool_]:
        """Which runs the next step takes out of their cells. Only where there is no room left can it."""
        crossed = np.zeros(len(self.numbers), dtype=bool)
        near = np.flatnonzero((self.room <= 0).any(axis=1))
        if len(near):
            crossed[near], self.room[near] = self.form.look(near)
        return crossed

    def _keep(self, kept: NDArray[np.bool_]) -> None:
        self.form.keep(kept)
        self.z, self.numbers, self.room = self.z[kept], self.numbers[kept], self.room[kept]


class _Form:
    """Where T runs stand: pre-activations (T, N, K), and their signs at the start, which define the cells.

    F (N, m) : the free part, None without one; c (T, m) : its coefficients; by_c : the gradient in them
    """

    F: NDArray | None = None
    of_runs: tuple[str, ...]

    def __init__(self, inputs: Inputs, y: NDArray, W: NDArray, step: float):
        self.inputs, self.y, self.step = inputs, y, step
        self.W = W
        self.pre = np.matmul(inputs.X, W.transpose(0, 2, 1))
        self.signs = np.sign(self.pre)
        # A sample that is zero has no hyperplane to keep away from, and counts as crossed.
        self.per_length = np.divide(CERTAIN, inputs.lengths, out=np.zeros(len(y)), where=inputs.lengths > 0)

    def distances(self) -> NDArray[np.float64]:
        """How far each w_j may go, (T, K), before it can reach a hyperplane."""
        return self._room(self.pre)

    def _room(self, pre: NDArray) -> NDArray[np.float64]:
        sizes = np.abs(pre)
        sizes *= self.per_length[:, None]
        return sizes.min(axis=1)

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


class _PlainForm(_Form):
    """Runs by their weights."""

    of_runs = ("W", "pre", "signs", "by_R", "z")

    def set_free(self, F: NDArray, c: NDArray) -> None:
        """Give the networks a free part that starts at c (T, m)."""
        self.F, self.c, self.of_runs = F, c, (*self.of_runs, "c", "by_c")

    def gradient(self, z: NDArray) -> tuple[NDArray, NDArray, NDArray]:
        """∂L/∂z (T, K), ‖∂L/∂R_j‖² (T, K), and what rounding may hide of ‖∂L/∂R_j‖ (T,)."""
        active = self.signs > 0
        output = np.matmul(self.pre * active, z[:, :, None])
        if self.F is not None:
            output = output + (self.c @ self.F.T)[:, :, None]
            self.by_c = (2 / len(self.y)) * ((output[:, :, 0] - self.y) @ self.F)
        errors = (2 / len(self.y)) * (output - self.y[:, None]) * active
        self.z, self.by_R = z, np.matmul(errors.transpose(0, 2, 1), self.inputs.X)
        return (errors * self.pre).sum(axis=1), (self.by_R**2).sum(axis=2), np.zeros(len(z))

    def _next(self, runs: NDArray[np.intp]) -> NDArray[np.float64]:
        following = self.W[runs] - self.step * self.z[runs][:, :, None] * self.by_R[runs]
        return np.matmul(self.inputs.X, following.transpose(0, 2, 1))

    def move(self) -> None:
        self.W = self.W - self.step * self.z[:, :, None] * self.by_R
        if self.F is not None:
            self.c = self.c - self.step * self.by_c
        self.pre = np.matmul(self.inputs.X, self.W.transpose(0, 2, 1))

    def weights(self, t: int) -> NDArray[np.float64]:
        return self.W[t]


class _GramForm(_Form):
    """Runs by their pre-activations: now at W + movedᵀ X.

    Samples that are active for all neurons have the same error for all, so that one product with G serves
    them. The few others of each run, ``rows`` (T, m), have errors of their own; where they are not few,
    they are all samples. Samples that no neuron sees have none.
    """

    FEW = 4  # rows are few if they are at most N / FEW
    of_runs = ("W", "pre", "signs", "moved", "rows", "active", "shared", "spread", "errors", "own", "z")

    def __init__(self, inputs: Inputs, y: NDArray, W: NDArray, step: float):
        super().__init__(inputs, y, W, step)
        self.moved = np.zeros_like(self.pre)
        self._arrange()

    def _arrange(self) -> None:
        """Tell the samples apart, for the runs that are left."""
        pattern = self.signs > 0
        every = pattern.all(axis=2)
        some = pattern.any(axis=2) & ~every
        m = int(some.sum(axis=1).max())
        if self.FEW * m > len(self.y):
            some, every, m = np.ones_like(some), np.zeros_like(every), len(self.y)
        self.rows = np.argsort(~some, axis=1, kind="stable")[:, :m]
        self.all_rows = m == len(self.y)
        self.active = self._at_rows(pattern & some[:, :, None]).astype(float)
        self.shared, self.errors = every * (2 / len(self.y)), np.zeros(every.shape)
        gram = self.inputs.gram
        self.across = gram[None] if self.all_rows else gram[self.rows].transpose(0, 2, 1)
        self.kept: list[tuple[NDArray, NDArray]] = []
        self.moved_rows, self.stale, self.unadded = np.zeros_like(self.active), False, False

    def _at_rows(self, values: NDArray) -> NDArray:
        return values if self.all_rows else values[np.arange(len(values))[:, None], self.rows]

    def gradient(self, z: NDArray) -> tuple[NDArray, NDArray, NDArray]:
        """∂L/∂z (T, K), ‖∂L/∂R_j‖² (T, K), and what rounding may hide of ‖∂L/∂R_j‖ (T,)."""
        self.z = z
        pre = self._at_rows(self.pre)
        # (2/N) (f(x_i) − y_i) I_ij of the rows, and what all neurons share.
        output = np.matmul(pre * self.active, z[:, :, None])[:, :, 0]
        errors = (2 / len(self.y)) * (output - self.y[self.rows])
        self.own = errors[:, :, None] * self.active
        self.spread = np.matmul(self.across, self.own)
        by_z = np.einsum("tmk,tmk->tk", self.own, pre)
        size = (np.abs(errors) * self.inputs.lengths[self.rows]).sum(axis=1)
        if not self.all_rows:
            self.errors = (np.matmul(self.pre, z[:, :, None])[:, :, 0] - self.y) * self.shared
            self.spread += (self.errors @ self.inputs.gram)[:, :, None]
            by_z += np.matmul(self.errors[:, None], self.pre)[:, 0]
            size += np.abs(self.errors) @ self.inputs.lengths
        squares = np.einsum("tmk,tmk->tk", self.own, self._at_rows(self.spread))
        if not self.all_rows:
            squares += np.matmul(self.errors[:, None], self.spread)[:, 0]
        return by_z, squares, size * np.sqrt(len(self.y) * np.finfo(float).eps)

    def _next(self, runs: NDArray[np.intp]) -> NDArray[np.float64]:
        change = self.spread[runs] * (self.step * self.z[runs])[:, None]
        return np.subtract(self.pre[runs], change, out=change)

    def keep(self, kept: NDArray[np.bool_]) -> None:
        self._add_up()
        super().keep(kept)
        self.moved_rows, self.stale = self.moved_rows[kept], True
        if len(self.across) > 1:
            self.across = self.across[kept]

    def move(self) -> None:
        self.spread *= (self.step * self.z)[:, None]
        self.pre -= self.spread
        if not self.all_rows:
            self.kept.append((self.errors, self.z))
        self.moved_rows -= self.own * (self.step * self.z)[:, None]
        self.unadded = True
        if len(self.kept) == KEPT or self.stale:
            self._add_up()
        if self.stale:
            self._arrange()

    def _add_up(self) -> None:
        """Bring ``moved`` up to date."""
        if self.kept:
            errors, z = (np.stack(parts) for parts in zip(*self.kept, strict=True))
            self.moved -= self.step * np.matmul(errors.transpose(1, 2, 0), z.transpose(1, 0, 2))
            self.kept = []
        if self.all_rows:
            self.moved += self.moved_rows
        else:
            self.moved[np.arange(len(self.moved))[:, None], self.rows] += self.moved_rows
        self.moved_rows, self.unadded = np.zeros_like(self.moved_rows), False

    def weights(self, t: int) -> NDArray[np.float64]:
        if self.unadded:
            self._add_up()
        return self.W[t] + self.moved[t].T @ self.inputs.X
