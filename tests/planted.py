"""Cells in which a genuine minimum was planted: whatever refutes one of them is wrong."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

KINDS = ("plain", "equal neurons", "dead neuron", "zero sample", "dependent columns", "large labels")


@dataclass(frozen=True)
class Planted:
    """Samples X (N, D), labels y, a pattern, and the minimiser R (K, D) inside the cell with its signs."""

    X: NDArray[np.float64]
    y: NDArray[np.float64]
    pattern: NDArray[np.bool_]
    R: NDArray[np.float64]
    signs: NDArray[np.int8]


def planted(
    rng: np.random.Generator, d: int, K: int, N: int, bias: float = 0.0, kind: str = "plain"
) -> Planted:
    """A genuine minimum of a random cell: y = A R, R_j = s_j w_j, and a residual orthogonal to A's range."""
    X = np.column_stack([rng.standard_normal((N, d)), np.ones(N)])
    W = rng.standard_normal((K, d + 1))
    W[:, -1] += bias
    if kind == "zero sample":
        X[int(rng.integers(N))] = 0.0
    if kind == "equal neurons" and K > 1:
        W[1] = W[0] * (1.0 + rng.random())
    if kind == "dead neuron":
        W[0] = 0.0
        W[0, -1] = -1e3
    if kind == "dependent columns":
        X = np.column_stack([X, X[:, 0], np.zeros(N)])
        W = np.column_stack([W, np.zeros((K, 2))])
    values = X @ W.T
    pattern = values > 0
    signs = rng.choice(np.array([-1, 1], dtype=np.int8), K)
    R = np.where(pattern.any(axis=0)[:, None], signs[:, None] * W, 0.0) * (
        1e6 if kind == "large labels" else 1.0
    )
    A = (pattern[:, :, None] * X[:, None, :]).reshape(N, -1)
    y = (pattern * (X @ R.T)).sum(axis=1)
    left, singular, _ = np.linalg.svd(A, full_matrices=False)
    left = left[:, singular > 1e-9 * singular.max(initial=1e-300)]
    noise = np.abs(y).max() * rng.standard_normal(N)
    residual = noise - left @ (left.T @ noise)
    if left.shape[1] < pattern.any(axis=1).sum():
        y = y + residual
    return Planted(X, y, pattern, R, signs)
