"""Coordinates in which X has orthonormal columns, and the sides on which samples lie.

Errors are in units of ‖y‖ here. Then every |g_j| is at most 1 where the network's loss is no worse than that
of the network 0, and no scale of X, y, w or z matters.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from relucells.samples.inputs import Inputs

# A pair (i, j) lies on the boundary when |w_j·x_i| ≤ BOUNDARY |w_j| |x_i|. Solving leaves about 1e-15, and a
# random pair comes as close as BOUNDARY about once in 1e9.
BOUNDARY = 1e-9
# ``settle`` takes smaller multipliers and pulls for zeros with rounding within a closed cell. Across its
# boundary the limit is ten times this, so that no neuron returns to where it came from.
STATIONARY = 1e-10
CROSSING = 10 * STATIONARY
# A move along a half-space's edge changes its value by rounding alone: less than this, relative to its
# length.
ALONG = 1e-12


def orthonormal(inputs: Inputs) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """C (N, r) with orthonormal columns and T (D, r) with X T = C: w = T v has w·x_i = v·c_i."""
    C, T = inputs.orthonormal
    root = np.sqrt(len(C))
    return C / root, T / root


@dataclass(frozen=True)
class NearOne:
    """A network and its labels over powers of two, so that nothing over- or underflows: y (N,) / 2^power,
    V (K, r) / 2^powers_j in the coordinates of C, and z (K,) times 2^(powers_j − power)."""

    y: NDArray[np.float64]
    V: NDArray[np.float64]
    z: NDArray[np.float64]
    power: int
    powers: NDArray[np.int64]


def near_one(inputs: Inputs, C: NDArray, y: NDArray, W: NDArray, z: NDArray, largest: int = -4000) -> NearOne:
    """y (N,), W (K, D) and z (K,) over powers of two; ``power`` is even.

    largest : where all labels are 0, a power of two of what else the output has, such as a free part
    """
    V, powers = scaled_directions(inputs, C, W)
    z_power = np.where(z != 0, np.frexp(z)[1] + powers, np.iinfo(np.int32).min)
    power = int(np.frexp(np.abs(y).max())[1]) if y.any() else max(int(z_power.max()), largest)
    power += power % 2
    with np.errstate(over="ignore", under="ignore"):
        return NearOne(np.ldexp(y, -power), V, np.ldexp(z, powers - power), power, powers)


def directions(inputs: Inputs, C: NDArray, W: NDArray) -> NDArray:
    """W (K, D) in the coordinates of C: (K, r)."""
    return (inputs.X @ W.T).T @ C


def scaled_directions(
    inputs: Inputs, C: NDArray, W: NDArray
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """V (K, r) and powers (K,): W (K, D) in the coordinates of C is V_j 2^powers_j, whatever its size."""
    part, exponents = np.frexp(W)
    exponents = exponents + inputs.space.exponents
    powers = np.where(W != 0, exponents, np.iinfo(np.int32).min).max(axis=1)
    powers = np.where(W.any(axis=1), powers, 0)
    with np.errstate(under="ignore"):
        weights = np.ldexp(part, np.where(W != 0, exponents - powers[:, None], 0))
    return (inputs.space.scaled @ weights.T).T @ C, powers


def sides_of(C: NDArray, V: NDArray) -> tuple[NDArray, NDArray]:
    """Pre-activations (N, K), and which of them lie on the boundary."""
    pre = C @ V.T
    return pre, np.abs(pre) <= BOUNDARY * np.linalg.norm(C, axis=1)[:, None] * np.linalg.norm(V, axis=1)
