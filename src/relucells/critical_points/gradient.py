"""Gradient descent through all cells, until the gradient vanishes or a kink stops it."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from relucells.descent import gradient
from relucells.samples.inputs import Inputs, network, prepare
from relucells.samples.records import Record
from relucells.samples.threads import one_thread


@dataclass(frozen=True, eq=False)
class Run(Record):
    """W (K, D), z (K,): the last point; steps; gradient_norm there."""

    W: NDArray[np.float64]
    z: NDArray[np.float64]
    steps: int
    gradient_norm: float


@one_thread
def gradient_descent(
    X: ArrayLike | Inputs,
    y: ArrayLike,
    W: ArrayLike,
    z: ArrayLike,
    max_steps: int,
    gradient_tolerance: float = 1e-9,
) -> Run:
    """Gradient descent through all cells, its step set by Barzilai and Borwein's quotient.

    A step is quartered until the loss lies below the largest of the last ten losses by Armijo's margin
    (Grippo, Lampariello and Lucidi's rule). Stops at a gradient norm below gradient_tolerance, after
    max_steps, or when no step is accepted. Where descent would have to move along a kink the gradient never
    vanishes; there ``settle`` takes over.
    """
    inputs = prepare(X)
    y, W, z = network(inputs, y, W, z)
    small = Inputs(np.ascontiguousarray(inputs.coordinates))
    across = W - (W @ inputs.basis) @ inputs.basis.T  # it changes no output, and no step moves it
    point = np.column_stack((W @ inputs.basis, z))
    loss, slope = _loss_and_slope(small, y, point)
    recent, step, steps = [loss], 1e-6, 0
    while steps < max_steps and np.linalg.norm(slope) >= gradient_tolerance:
        square = float((slope**2).sum())
        while True:
            following = point - step * slope
            next_loss, next_slope = _loss_and_slope(small, y, following)
            if next_loss <= max(recent) - 1e-4 * step * square:
                break
            step /= 4
            if step * np.sqrt(square) <= np.finfo(float).eps * np.linalg.norm(point):
                return _run(inputs, across, point, steps, slope)
        bend = -step * float(((next_slope - slope) * slope).sum())
        step = step**2 * square / bend if bend > 0 else 4 * step
        point, slope, steps = following, next_slope, steps + 1
        recent = [*recent[-9:], next_loss]
    return _run(inputs, across, point, steps, slope)


def _loss_and_slope(small: Inputs, y: NDArray, point: NDArray) -> tuple[float, NDArray]:
    W, z = point[:, :-1], point[:, -1]
    e = np.maximum(small.X @ W.T, 0.0) @ z - y
    by_W, by_z = gradient(small, y, W, z)
    return float(e @ e) / len(y), np.column_stack((by_W, by_z))


def _run(inputs: Inputs, across: NDArray, point: NDArray, steps: int, slope: NDArray) -> Run:
    return Run(across + point[:, :-1] @ inputs.basis.T, point[:, -1], steps, float(np.linalg.norm(slope)))
