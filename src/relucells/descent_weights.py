"""A descent by weights, for more samples than coordinates, or with a free part.

Inside the cell f = P r, with r_j = z_j w_j and blocks I_ij x_iᵀ in the rows of P (the A of
``cells.pattern``). So the samples enter the gradients through their moments alone,

    ∂L/∂R = (2/N) (PᵀP r − Pᵀy),

which have no more entries than weights squared. A run that is long enough to pay for them goes on by them.
With a free part it goes on by the samples.
"""

import numpy as np
from numpy.typing import NDArray

from relucells.descent_end import Descent, Outcome, per_length
from relucells.progress import progress
from relucells.samples.inputs import Inputs


def descend_by_weights(
    inputs: Inputs,
    y: NDArray,
    W: NDArray,
    z: NDArray,
    step: float,
    tolerance: float,
    max_steps: int,
    F: NDArray | None = None,
    c: NDArray | None = None,
) -> Descent:
    """As ``descent.descend``, with its arguments checked.

    F (N, m), c (m,) : the free part and its coefficients at the start
    """
    run = _Run(inputs, y, W, z, step, F, c)
    outcome: Outcome = "undecided"
    for steps in progress(range(max_steps + 1), "steps"):
        norm = run.gradient()
        if norm < tolerance:
            outcome = "trapped"
        elif steps < max_steps:
            if not run.leaves():
                run.move()
                continue
            outcome = "crossed"
        break
    return Descent(outcome, steps + (outcome == "crossed"), *run.weights(), norm, run.c)


class _Run:
    """Where a run stands.

    moving : (k,) the neurons that can move. A dead neuron has no gradient and is left out
    now (k, D), z (k,), c (m,) : their weights, and the coefficients of the free part
    room : (k,), how far w_j may still go before it can reach a hyperplane
    """

    def __init__(
        self,
        inputs: Inputs,
        y: NDArray,
        W: NDArray,
        z: NDArray,
        step: float,
        F: NDArray | None,
        c: NDArray | None,
    ):
        self.inputs, self.y, self.W, self.given, self.step, self.F, self.c = inputs, y, W, z, step, F, c
        pre = W @ inputs.X.T
        self.per_length = per_length(inputs)
        self.moving = np.flatnonzero((pre > 0).any(axis=1) | (self._room(pre) <= 0))
        self.pre, self.now, self.z = pre[self.moving], W[self.moving], z[self.moving]
        self.signs, self.room = np.sign(self.pre), self._room(self.pre)
        self.active = (self.signs > 0).astype(float)
        self.moments: tuple[NDArray, NDArray] | None = None
        # The moments cost what so many steps by the samples do.
        self.patience = self.now.size if F is None and self.now.size <= len(y) else np.inf

    def _room(self, pre: NDArray) -> NDArray[np.float64]:
        return (np.abs(pre) * self.per_length).min(axis=1)

    def gradient(self) -> float:
        """The norm of the joint gradient; its parts are kept as ``by_R``, ``by_z`` and ``by_c``."""
        if self.moments is None:
            self._by_samples()
        else:
            matrix, vector = self.moments
            self.by_R = (matrix @ (self.z[:, None] * self.now).ravel() - vector).reshape(self.now.shape)
            self.by_z = (self.by_R * self.now).sum(axis=1)
        self.squares = (self.by_R**2).sum(axis=1)
        total = (self.by_z**2 + self.z**2 * self.squares).sum()
        return float(np.sqrt(total if self.F is None else total + (self.by_c**2).sum()))

    def _by_samples(self) -> None:
        output = self.z @ (self.pre * self.active)
        if self.F is not None and self.c is not None:
            output = output + self.F @ self.c
        errors = (2 / len(self.y)) * (output - self.y)
        if self.F is not None:
            self.by_c = errors @ self.F
        own = errors * self.active
        self.by_R, self.by_z = own @ self.inputs.X, (own * self.pre).sum(axis=1)

    def leaves(self) -> bool:
        """Whether the next step leaves the cell."""
        self.room = self.room - self.step * np.abs(self.z) * np.sqrt(self.squares)
        if self.room.min(initial=np.inf) > 0:
            return False
        after = self._after() @ self.inputs.X.T
        # signs, because the product of the numbers themselves may underflow
        if (np.sign(after) * self.signs).min() <= 0:
            return True
        self.room = self._room(after)
        return False

    def _after(self) -> NDArray[np.float64]:
        return self.now - self.step * self.z[:, None] * self.by_R

    def move(self) -> None:
        """Take the step that ``gradient`` has found."""
        self.now, self.z = self._after(), self.z - self.step * self.by_z
        if self.c is not None:
            self.c = self.c - self.step * self.by_c
        if self.moments is None:
            self.pre = self.now @ self.inputs.X.T
            self.patience -= 1
            if self.patience <= 0:
                self.moments = self._moments()

    def _moments(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """(2/N) PᵀP (k·D, k·D) and (2/N) Pᵀy (k·D,), of the neurons that move."""
        X, (k, D) = self.inputs.X, self.now.shape
        matrix = np.empty((k, D, k, D))
        for j in range(k):
            of_j = X * self.active[j][:, None]
            for other in range(j + 1):
                matrix[j, :, other] = of_j.T @ (X * self.active[other][:, None])
                matrix[other, :, j] = matrix[j, :, other].T
        share = 2 / len(self.y)
        return share * matrix.reshape(k * D, k * D), share * ((self.active * self.y) @ X).ravel()

    def weights(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """W (K, D) and z (K,)."""
        W, z = self.W.copy(), self.given.copy()
        W[self.moving], z[self.moving] = self.now, self.z
        return W, z
