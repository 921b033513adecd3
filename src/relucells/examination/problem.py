"""Samples, labels and the free linear part; networks on them.

    f(x_i) = Σ_j z_j [w_j·x_i]_+ + F_i·c

F (N, m) is the free part: a column of ones for an output bias, X for a skip connection, nothing otherwise.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from relucells.cells.minimum import scaled_by_power
from relucells.samples.inputs import Inputs, network, prepare, real_array
from relucells.samples.records import Record


@dataclass(frozen=True, eq=False)
class Net(Record):
    """W (K, D), z (K,), c (m,): the free part's weights."""

    W: NDArray[np.float64]
    z: NDArray[np.float64]
    c: NDArray[np.float64]

    @property
    def size(self) -> float:
        """‖(W, z, c)‖."""
        weights, power = scaled_by_power(np.concatenate([self.W.ravel(), self.z, self.c]))
        return float(np.ldexp(np.linalg.norm(weights), power))

    @property
    def finite(self) -> bool:
        """Whether every weight is a finite number."""
        return all(bool(np.isfinite(part).all()) for part in (self.W, self.z, self.c))


@dataclass(frozen=True, eq=False)
class Problem(Record):
    """inputs; y (N,); F (N, m), m = 0 without a free part."""

    inputs: Inputs
    y: NDArray[np.float64]
    F: NDArray[np.float64]

    @property
    def free(self) -> dict[str, Any]:
        """The further argument of functions that allow a free part."""
        return {"free": self.F} if self.F.shape[1] else {}

    @cached_property
    def mean_square(self) -> float:
        """Mean of y²: the loss of a network that is 0."""
        return float(self.y @ self.y) / len(self.y)

    def errors(self, net: Net) -> NDArray[np.float64]:
        """f(x_i) − y_i, (N,)."""
        return np.maximum(self.inputs.X @ net.W.T, 0.0) @ net.z + self.F @ net.c - self.y

    def loss(self, net: Net) -> float:
        """(1/N) Σ_i (f(x_i) − y_i)²."""
        e = self.errors(net)
        return float(e @ e) / len(e)

    def gradient(self, net: Net) -> Net:
        """∂L/∂W, ∂L/∂z and ∂L/∂c; a sample on a neuron's hyperplane counts as inactive."""
        pre = self.inputs.X @ net.W.T
        e = (2 / len(self.y)) * self.errors(net)
        own = e[:, None] * (pre > 0)
        return Net(net.z[:, None] * (own.T @ self.inputs.X), (own * pre).sum(axis=0), self.F.T @ e)


def problem_and_network(
    X: ArrayLike | Inputs,
    y: ArrayLike,
    W: ArrayLike,
    z: ArrayLike,
    output_bias: float | None,
    skip: ArrayLike | None,
) -> tuple[Problem, Net]:
    """The arguments of ``examine``, checked. Raises ValueError, naming the argument."""
    inputs = prepare(X)
    try:
        y, W, z = network(inputs, y, W, z)
    except ValueError as error:
        raise ValueError(_about_ones(str(error), inputs, W)) from None
    columns, c = [np.zeros((len(y), 0))], [np.zeros(0)]
    if output_bias is not None:
        columns.append(np.ones((len(y), 1)))
        c.append(real_array("output_bias", [output_bias], 1))
    if skip is not None:
        weights = real_array("skip", skip, 1)
        if len(weights) != inputs.X.shape[1]:
            raise ValueError(
                f"skip: must have one entry per column of X, {inputs.X.shape[1]}, not {len(weights)}"
            )
        columns.append(inputs.X)
        c.append(weights)
    return Problem(inputs, y, np.column_stack(columns)), Net(W, z, np.concatenate(c))


def _about_ones(text: str, inputs: Inputs, W: ArrayLike) -> str:
    """Where W has one column more than X, the constant 1 is what is missing."""
    if text.startswith("W: must have one column") and np.shape(W)[1] == inputs.X.shape[1] + 1:
        return f"{text}; a network with biases needs the constant 1 as the last column of X"
    return text
