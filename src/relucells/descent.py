"""The paper's check: gradient descent that stops when it leaves its cell (Liu, Part 2, eqs. 23, 24).

    ∂L/∂z_j = ∂L/∂R_j · w_j      ∂L/∂w_j = z_j ∂L/∂R_j            (23)
    ∂L/∂R_j = (2/N) Σ_i (f(x_i) − y_i) I_ij x_i                    (24)

Inside a cell every gradient lies in the span of the samples, so with fewer samples than coordinates
the N × K pre-activations and the Gram matrix G = X Xᵀ say everything: a step costs N²K operations
whatever the input dimension. With more samples than coordinates the plain form is cheaper. Both are
the same iteration.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from relucells.samples.inputs import Inputs, network, prepare

Outcome = Literal["crossed", "trapped", "undecided"]


@dataclass(frozen=True)
class Descent:
    """outcome; steps : taken, the crossing one included; W (K, D), z (K,) : last point in the cell;
    gradient_norm : there."""

    outcome: Outcome
    steps: int
    W: NDArray[np.float64]
    z: NDArray[np.float64]
    gradient_norm: float


def gradient(
    X: ArrayLike | Inputs, y: ArrayLike, W: ArrayLike, z: ArrayLike
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(∂L/∂W (K, D), ∂L/∂z (K,)) of L = (1/N) Σ_i (f(x_i) − y_i)², eqs. (23), (24)."""
    inputs = prepare(X)
    y, W, z = network(inputs, y, W, z)
    pre = inputs.X @ W.T
    errors = _errors(pre, y, z)
    by_R = errors.T @ inputs.X
    return z[:, None] * by_R, (errors * pre).sum(axis=0)


def descend(
    X: ArrayLike | Inputs,
    y: ArrayLike,
    W: ArrayLike,
    z: ArrayLike,
    step: float = 1e-6,
    gradient_tolerance: float = 1e-3,
    max_steps: int = 100_000,
    form: Literal["auto", "gram", "plain"] = "auto",
) -> Descent:
    """Gradient descent from (W, z) with a fixed step until it crosses a cell boundary or comes to rest.

    X : (N, D) or ``relucells.prepare(X)``; y : (N,); W : (K, D); z : (K,); step > 0.
    Before each step the joint gradient norm over z and all w_j is compared with gradient_tolerance:
    below it the run is *trapped*. After each step the signs of all w_j·x_i are compared with the
    start: where a product is ≤ 0 the run has *crossed*. After max_steps it is *undecided*.
    Raises ValueError, naming the argument, for arrays that do not fit or settings out of range.
    """
    inputs = prepare(X)
    y, W, z = network(inputs, y, W, z)
    if not (np.isfinite(step) and step > 0):
        raise ValueError(f"step: must be positive and finite, not {step}")
    if not gradient_tolerance >= 0:
        raise ValueError(f"gradient_tolerance: must be at least 0, not {gradient_tolerance}")
    if max_steps < 0:
        raise ValueError(f"max_steps: must be at least 0, not {max_steps}")
    if form not in ("auto", "gram", "plain"):
        raise ValueError(f"form: must be auto, gram or plain, not {form!r}")
    N, D = inputs.X.shape
    use_gram = form == "gram" or (form == "auto" and N < D)

    start = inputs.X @ W.T
    pre = start
    moved = np.zeros_like(start)  # Gram form: W = W_start + movedᵀ X
    current = W
    steps = 0
    while True:
        errors = _errors(pre, y, z)
        by_z = (errors * pre).sum(axis=0)
        if use_gram:
            spread = inputs.gram @ errors
            squares = (errors * spread).sum(axis=0)  # ‖∂L/∂R_j‖²
        else:
            by_R = errors.T @ inputs.X
            squares = (by_R * by_R).sum(axis=1)
        # Rounding can leave a Gram form a hair below zero.
        norm = float(np.sqrt(by_z @ by_z + np.maximum(squares, 0.0) @ (z * z)))
        outcome: Outcome | None = None
        if norm < gradient_tolerance:
            outcome = "trapped"
        elif steps >= max_steps:
            outcome = "undecided"
        else:
            if use_gram:
                next_pre = pre - step * (spread * z)
            else:
                following = current - step * (z[:, None] * by_R)
                next_pre = inputs.X @ following.T
            steps += 1
            if (np.sign(next_pre) * np.sign(start) <= 0).any():  # of signs: the product itself may underflow
                outcome = "crossed"
        if outcome is not None:
            if use_gram:
                current = W + moved.T @ inputs.X
            return Descent(outcome, steps, current, z, norm)
        if use_gram:
            moved = moved - step * (errors * z)
        else:
            current = following
        pre = next_pre
        z = z - step * by_z


def _errors(pre: NDArray, y: NDArray, z: NDArray) -> NDArray:
    """(2/N) (f(x_i) − y_i) I_ij, (N, K)."""
    active = pre > 0
    output = np.where(active, pre, 0.0) @ z
    return (2 / len(y)) * (output - y)[:, None] * active
