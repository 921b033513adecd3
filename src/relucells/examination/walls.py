"""The cell of a network: its pattern and its walls, by exact arithmetic where floats do not decide.

Neuron j reaches the wall of sample i when w_j moves by |w_j·x_i| / |x_i|.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from relucells.certify import dyadic
from relucells.samples.floating import gamma
from relucells.samples.inputs import Inputs
from relucells.samples.records import Record

# A product this far above its rounding is right to six digits, its sign with certainty.
CLEAR = 1e6


@dataclass(frozen=True, eq=False)
class Walls(Record):
    """pattern : (N, K); distance : (K,) of each neuron from its nearest wall, inf where no sample makes one;
    sample : (K,) whose wall that is, or −1."""

    pattern: NDArray[np.bool_]
    distance: NDArray[np.float64]
    sample: NDArray[np.int64]


def walls(inputs: Inputs, W: NDArray[np.float64]) -> Walls:
    """The cell of the weights W (K, D). Samples at the origin are inactive and make no wall."""
    X = inputs.X
    pre = X @ W.T
    lengths = np.linalg.norm(X, axis=1)
    rounding = gamma(X.shape[1]) * (np.abs(X) @ np.abs(W).T)
    _make_exact(pre, X, W, np.abs(pre) <= CLEAR * rounding)
    K = len(W)
    distance, sample = np.full(K, np.inf), np.full(K, -1)
    rows = np.flatnonzero(lengths)
    if len(rows):
        reach = np.abs(pre[rows]) / lengths[rows, None]
        first = reach.argmin(axis=0)
        least = reach[first, np.arange(K)]
        # six digits do not always tell which of two walls is nearer
        near = np.zeros(pre.shape, dtype=bool)
        near[rows] = reach <= least * (1 + 4 / CLEAR)
        _make_exact(pre, X, W, near)
        reach = np.abs(pre[rows]) / lengths[rows, None]
        first = reach.argmin(axis=0)
        distance, sample = reach[first, np.arange(K)], rows[first]
    return Walls(pre > 0, distance, sample)


def _make_exact(pre: NDArray, X: NDArray, W: NDArray, chosen: NDArray[np.bool_]) -> None:
    """Put the exact products, rounded once, at the chosen pairs."""
    for j in np.flatnonzero(chosen.any(axis=0)):
        rows = np.flatnonzero(chosen[:, j] & X.any(axis=1))
        if not len(rows) or not W[j].any():
            pre[chosen[:, j], j] = 0.0
            continue
        table, unit = dyadic.values(X[rows], W[j : j + 1])
        for n, i in enumerate(rows):
            value = int(table[n, 0])
            exact = dyadic.fraction(1.0) * value * dyadic.power(unit)
            pre[i, j] = int(exact.p) / int(exact.q) if value else 0.0
        pre[np.flatnonzero(chosen[:, j] & ~X.any(axis=1)), j] = 0.0
