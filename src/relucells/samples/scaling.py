"""Rows and columns brought near 1 by powers of two, which rounds nothing that is not far below the rest."""

import numpy as np
from numpy.typing import NDArray


def scale_columns(X: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """X with every column divided by a power of two 2^e so that its largest entry is near 1, and e (D,)."""
    exponents = np.frexp(np.abs(X).max(axis=0))[1].astype(np.int64)
    return np.ldexp(X, -exponents), exponents


def rows_near_one(matrix: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.int32]]:
    """Rows over powers of two so that their largest entries are near 1, and the powers, (n,).

    What underflows is far below the rounding of a product with the row.
    """
    powers = np.frexp(np.abs(matrix).max(axis=1, initial=0.0))[1]
    return np.ldexp(matrix, -powers[:, None]), powers


def row_lengths(matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    """Euclidean lengths of rows (N, n), right even where the squares underflow or overflow."""
    rows, powers = rows_near_one(matrix)
    return np.ldexp(np.linalg.norm(rows, axis=1), powers)
