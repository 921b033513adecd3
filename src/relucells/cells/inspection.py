"""Random cells: the weights of one trial, and what the paper's tables report about the cell they fall in."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from relucells.cells.minimum import CellMinimum, cell_minimum
from relucells.cells.pattern import activation_pattern
from relucells.samples.inputs import Inputs
from relucells.samples.randomness import stream
from relucells.samples.records import Record

# Values R*_j·x_i below this share of |x_i| and the longest R*_j are 0 with rounding.
ROUNDING = 1e-9


def draw_weights(
    generator: np.random.Generator, K: int, D: int, bias: float, reading: str = "added"
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Input weights W (K, D) and output weights z (K,) of one trial.

    z ~ N(0, I_K); w ~ N(0, I_D) is the whole augmented vector, its last entry that of the constant input 1.
    reading : "added" adds the bias to that last entry, which fits the printed activations
        (paper/readings.md); "replaced" puts it in the entry's place. Raises ValueError for another one.
    """
    W = generator.standard_normal((K, D))
    if reading == "added":
        W[:, -1] += bias
    elif reading == "replaced":
        W[:, -1] = bias
    else:
        raise ValueError(f"reading: must be added or replaced, not {reading!r}")
    return W, generator.standard_normal(K)


@dataclass(frozen=True, eq=False)
class Cell(Record):
    """pattern (N, K); minimum; gap (K,), P(x ∈ g_j) over the samples; activated : share of active pairs."""

    pattern: NDArray[np.bool_]
    minimum: CellMinimum
    gap: NDArray[np.float64]
    activated: float


def inspect_cell(inputs: Inputs, y: NDArray[np.float64], W: NDArray[np.float64]) -> Cell:
    """The cell of W (K, D): its pattern, its minimum, and the gap of each neuron.

    The gap of neuron j is the share of samples on which the minimum-norm minimiser with z_j > 0 is
    active where the cell is not, or the reverse: [R*_j·x_i > 0] ≠ I_ij. The largest is the P_g of the
    paper's tables (eq. 18).
    """
    pattern = activation_pattern(inputs, W)
    minimum = cell_minimum(inputs, y, pattern)
    there = values_of_minimum(inputs, minimum.R) > 0
    return Cell(pattern, minimum, (there != pattern).mean(axis=0), float(pattern.mean()))


def values_of_minimum(inputs: Inputs, R: NDArray[np.float64]) -> NDArray[np.float64]:
    """R_j·x_i, (N, K), of a minimum R (K, D), and 0 where rounding may be all there is.

    A neuron that the exact minimum does not use is then active nowhere, whatever rounding leaves of it.
    """
    values = inputs.X @ R.T
    values[np.abs(values) <= ROUNDING * inputs.lengths[:, None] * np.linalg.norm(R, axis=1).max()] = 0.0
    return values


def sample_weights(
    seed: int, dataset: str, bias: str, trials: range, K: int, D: int, reading: str
) -> dict[str, np.ndarray]:
    """W (trials, K, D), z (trials, K) and the trials' numbers."""
    draws = [draw_weights(stream(seed, dataset, bias, i), K, D, float(bias), reading) for i in trials]
    return {
        "W": np.stack([W for W, _ in draws]),
        "z": np.stack([z for _, z in draws]),
        "trial": np.array(trials),
    }
