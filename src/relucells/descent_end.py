"""How a descent ends, and what its two forms share (``descent_weights``, ``descent_gram``)."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from relucells.samples.inputs import Inputs
from relucells.samples.records import Record

Outcome = Literal["crossed", "trapped", "undecided"]
# Signs are checked once a path has covered this part of the distance. It is below 1 by more than rounding.
CERTAIN = 0.99


@dataclass(frozen=True, eq=False)
class Descent(Record):
    """outcome; steps : taken, the crossing one included; W (K, D), z (K,) : last point in the cell;
    gradient_norm : there; c (m,) : of a free part, there, else None."""

    outcome: Outcome
    steps: int
    W: NDArray[np.float64]
    z: NDArray[np.float64]
    gradient_norm: float
    c: NDArray[np.float64] | None = None


def per_length(inputs: Inputs) -> NDArray[np.float64]:
    """How far a weight may go unseen, (N,), per unit of its pre-activation on each sample.

    A sample that is zero has no hyperplane, so its distance is no limit; it counts as crossed.
    """
    found = np.zeros(len(inputs.X))
    return np.divide(CERTAIN, inputs.lengths, out=found, where=inputs.lengths > 0)
