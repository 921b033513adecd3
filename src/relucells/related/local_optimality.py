"""Where training converges (Yun, Sra and Jadbabaie, *Efficiently testing local optimality and escaping
saddles for ReLU networks*, arXiv 1809.10858, section 4).

Samples and labels are drawn from standard normal laws. A network is trained by Adam on all samples with a
decaying step. Then the samples on the hyperplane of a neuron are counted: |w_j·x_i| is below a threshold.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

# Adam's constants (Kingma and Ba, arXiv 1412.6980).
FIRST, SECOND, SMALL = 0.9, 0.999, 1e-8
# How often the step decays in a run.
DECAYS = 10


@dataclass(frozen=True)
class Trained:
    """W (R, K, d + 1) with the biases last, z (R, K): R networks where training stopped; loss (R,)."""

    W: NDArray[np.float64]
    z: NDArray[np.float64]
    loss: NDArray[np.float64]


def draw(N: int, d: int, rng: np.random.Generator) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Samples (N, d + 1) with the constant 1 last, and labels (N,), all standard normal."""
    return np.column_stack([rng.standard_normal((N, d)), np.ones(N)]), rng.standard_normal(N)


def initial(d: int, K: int, rng: np.random.Generator) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Weights W (K, d + 1) and z (K,) uniform over ±1/√(inputs), as PyTorch's Linear draws them."""
    reach = 1 / np.sqrt(d)
    return rng.uniform(-reach, reach, (K, d + 1)), rng.uniform(-1, 1, K) / np.sqrt(K)


def train(
    X: NDArray[np.float64],
    y: NDArray[np.float64],
    W: NDArray[np.float64],
    z: NDArray[np.float64],
    step: float,
    decay: float,
    steps: int,
) -> Trained:
    """Adam on the mean squared error from R starts, each on samples of its own, in lockstep.

    X : (R, N, D), y : (R, N), W : (R, K, D), z : (R, K). step : at first, multiplied by ``decay`` after every
    tenth of the steps.
    """
    point = np.concatenate([W, z[:, :, None]], axis=2)
    mean, square = np.zeros_like(point), np.zeros_like(point)
    across = X.transpose(0, 2, 1)
    each = max(1, steps // DECAYS)
    for n in range(steps):
        slope = _gradient(X, across, y, point)
        mean += (1 - FIRST) * (slope - mean)
        square += (1 - SECOND) * (slope**2 - square)
        rate = step * decay ** (n // each) * np.sqrt(1 - SECOND ** (n + 1)) / (1 - FIRST ** (n + 1))
        point -= rate * mean / (np.sqrt(square) + SMALL)
    W, z = point[:, :, :-1], point[:, :, -1]
    output = np.matmul(np.maximum(np.matmul(X, W.transpose(0, 2, 1)), 0.0), z[:, :, None])[:, :, 0]
    return Trained(W, z, ((output - y) ** 2).mean(axis=1))


def _gradient(X: NDArray, across: NDArray, y: NDArray, point: NDArray) -> NDArray[np.float64]:
    """∂L/∂(w, z), (R, K, D + 1)."""
    z = point[:, :, -1]
    active = np.maximum(np.matmul(X, point[:, :, :-1].transpose(0, 2, 1)), 0.0)
    e = (2 / y.shape[1]) * (np.matmul(active, z[:, :, None])[:, :, 0] - y)
    own = e[:, :, None] * (active > 0)
    by_W = z[:, :, None] * np.matmul(across, own).transpose(0, 2, 1)
    by_z = np.matmul(e[:, None], active)[:, 0]
    return np.concatenate([by_W, by_z[:, :, None]], axis=2)


def on_walls(X: NDArray, W: NDArray, threshold: float) -> int:
    """Pairs of sample and neuron with |w_j·x_i| below the threshold, of one network."""
    return int((np.abs(X @ W.T) < threshold).sum())
