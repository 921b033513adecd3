"""Rows and columns brought near 1 by powers of two, which rounds nothing that is not far below the rest."""

import numpy as np
from numpy.typing import NDArray

# Rows of so few entries are looked at column by column, which is several times faster.
SHORT = 64


def largest_in_columns(array: NDArray[np.float64]) -> NDArray[np.float64]:
    """The largest magnitude in each column, (n,), of (N, n)."""
    if array.shape[1] > SHORT:
        return np.maximum(array.max(axis=0), -array.min(axis=0))
    columns = np.ascontiguousarray(array.T)
    return np.maximum(columns.max(axis=1), -columns.min(axis=1))


def scale_columns(X: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """X with every column divided by a power of two 2^e so that its largest entry is near 1, and e (D,)."""
    exponents = np.frexp(largest_in_columns(X))[1].astype(np.int64)
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
