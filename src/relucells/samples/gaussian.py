"""Two Gaussian classes (Liu, Part 2, section IV): means ±e_1, identity covariance, equal sizes."""

import numpy as np
from numpy.typing import NDArray

from relucells.samples.images import augment


def two_gaussians(
    d: int, N: int, rng: np.random.Generator, distance: float = 2.0
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """N/2 samples of N(+e_1, I_d), labelled +1, then N/2 of N(−e_1, I_d), labelled −1.

    distance : between the two means; the paper's is 2
    Returns the augmented X, (N, d + 1), its last column the constant 1, and y, (N,).
    Raises ValueError unless d ≥ 1 and N is positive and even.
    """
    if d < 1:
        raise ValueError(f"d: must be at least 1, not {d}")
    if N < 2 or N % 2:
        raise ValueError(f"N: must be positive and even, N/2 of each class, not {N}")
    y = np.repeat([1.0, -1.0], N // 2)
    X = rng.standard_normal((N, d))
    X[:, 0] += y * (distance / 2)
    return augment(X), y


def embed(X: NDArray[np.float64], d: int) -> NDArray[np.float64]:
    """Samples of r dimensions, augmented, (N, r + 1), in an r-dimensional subspace of d: (N, d + 1).

    The subspace is that of the first r coordinates, so that the rank is exactly r + 1; a rotated subspace has
    that rank only up to rounding. All directions of w ~ N(0, I) are alike. So random weights have the same
    distribution of patterns as in any other subspace, and as in r dimensions (derived).
    Raises ValueError unless d ≥ r.
    """
    r = X.shape[1] - 1
    if d < r:
        raise ValueError(f"d: must be at least the {r} dimensions of the samples, not {d}")
    return np.concatenate([X[:, :-1], np.zeros((len(X), d - r)), X[:, -1:]], axis=1)
