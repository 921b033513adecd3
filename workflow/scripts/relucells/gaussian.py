"""Two Gaussian classes (Liu, Part 2, section IV): means ±e_1, identity covariance, equal sizes."""

import numpy as np
from numpy.typing import NDArray

from relucells.images import augment


def two_gaussians(
    d: int, N: int, rng: np.random.Generator
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """N/2 samples of N(+e_1, I_d), labelled +1, then N/2 of N(−e_1, I_d), labelled −1.

    Returns the augmented X, (N, d + 1), its last column the constant 1, and y, (N,).
    Raises ValueError unless d ≥ 1 and N is positive and even.
    """
    if d < 1:
        raise ValueError(f"d: must be at least 1, not {d}")
    if N < 2 or N % 2:
        raise ValueError(f"N: must be positive and even, N/2 of each class, not {N}")
    y = np.repeat([1.0, -1.0], N // 2)
    X = rng.standard_normal((N, d))
    X[:, 0] += y
    return augment(X), y
