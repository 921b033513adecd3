"""Coordinates in which X has orthonormal columns, and the sides on which samples lie.

Errors are in units of ‖y‖ here: every |g_j| is then at most 1 where the network is no worse than 0, and no
scale of X, y, w or z matters.
"""

import numpy as np
from numpy.typing import NDArray

from relucells.samples.inputs import Inputs

# A pair (i, j) lies on the boundary when |w_j·x_i| ≤ BOUNDARY |w_j| |x_i|. Solves leave about 1e-15; a
# random pair comes that close once in 1e9.
BOUNDARY = 1e-9
# Multipliers and pulls that ``settle`` takes for zeros with rounding: within a closed cell and, ten times
# that, across its boundary, so that no neuron returns to where it came from.
STATIONARY = 1e-10
CROSSING = 10 * STATIONARY
# Moves along a half-space's edge change its value by rounding alone, relative to their length.
ALONG = 1e-12


def orthonormal(inputs: Inputs) -> tuple[NDArray, NDArray]:
    """C (N, r) with orthonormal columns and T (D, r) with X T = C: w = T v has w·x_i = v·c_i."""
    C, T = inputs.orthonormal
    root = np.sqrt(len(C))
    return C / root, T / root


def directions(inputs: Inputs, C: NDArray, W: NDArray) -> NDArray:
    """W (K, D) in the coordinates of C: (K, r)."""
    return (inputs.X @ W.T).T @ C


def sides_of(C: NDArray, V: NDArray) -> tuple[NDArray, NDArray]:
    """Pre-activations (N, K), and which of them lie on the boundary."""
    pre = C @ V.T
    return pre, np.abs(pre) <= BOUNDARY * np.linalg.norm(C, axis=1)[:, None] * np.linalg.norm(V, axis=1)
