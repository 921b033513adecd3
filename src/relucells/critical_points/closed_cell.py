"""Which local minimum a closed cell holds: inside, on its boundary, or none."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from relucells.cells.pattern import rank
from relucells.critical_points.classify import critical_point
from relucells.critical_points.closed_minimum import closed_minimum, closed_minimum_with_free_part
from relucells.critical_points.coordinates import near_one, orthonormal
from relucells.samples.free_part import free_part
from relucells.samples.inputs import Inputs, network, prepare
from relucells.samples.records import Record
from relucells.samples.signs import positive
from relucells.samples.threads import one_thread


@dataclass(frozen=True, eq=False)
class ClosedCell(Record):
    """verdict; loss : the least on the closed cell (NaN if undecided); evidence : one line for a table."""

    verdict: Literal["differentiable minimum", "non-differentiable minimum", "none", "undecided"]
    loss: float
    evidence: str


@one_thread
def minimum_on_closed_cell(
    X: ArrayLike | Inputs,
    y: ArrayLike,
    W: ArrayLike,
    z: ArrayLike,
    program_limit: int | None = None,
    *,
    free: ArrayLike | None = None,
) -> ClosedCell:
    """Which local minimum of the landscape the closed cell of (W, signs of z) holds, with all z_j ≠ 0.

    It is a differentiable one inside (``search.decide``), or else a non-differentiable one on the boundary.
    The latter can only lie where the loss is least on the closed cell. *none*: that minimiser is the only
    one, and the loss falls beyond the boundary. *undecided*: there are more minimisers than the one tested,
    or program_limit linear programs did not decide. free : F, (N, m), of a network with a free part.
    """
    from relucells.search.decide import decide

    inputs = prepare(X)
    y, W, z = network(inputs, y, W, z)
    if not z.all():
        raise ValueError("z: must not hold zeros, its signs choose the cell")
    pattern, signs = positive(inputs, W), np.sign(z)
    part = free_part(free, len(y))
    decision = decide(inputs, y, pattern, signs, program_limit=program_limit, margin="sign", free=free)
    if decision.verdict == "genuine":
        return ClosedCell("differentiable minimum", decision.loss, "a minimiser lies in the open cell")
    C, T = orthonormal(inputs)
    small = near_one(inputs, C, y, W, z)
    unit = float(np.linalg.norm(small.y) or 1.0)
    start, labels = small.V * (np.abs(small.z) / unit)[:, None], small.y / unit
    question, unit = (C, labels, pattern, signs, start, np.zeros_like(pattern)), np.ldexp(unit, small.power)
    if part is None:
        (V, _), at = closed_minimum(*question), {}
    else:
        V, _, labels, c = closed_minimum_with_free_part(part, *question)
        at = {"free": free, "c": unit * c}
    with np.errstate(over="ignore", invalid="ignore"):
        weights = unit * V @ T.T
    if not np.isfinite(weights).all():
        return ClosedCell("undecided", np.nan, "the weights are too large for floats")
    point = critical_point(inputs, y, weights, signs, **at)
    if point.kind == "non-differentiable minimum":
        return ClosedCell(point.kind, point.loss, point.evidence)
    alive = pattern.any(axis=0)
    only_one = alive.any() and rank(inputs, pattern[:, alive], part) == alive.sum() * inputs.rank
    zero = np.flatnonzero(alive & ~V.any(axis=1))
    e = np.maximum(C @ V.T, 0.0) @ signs - labels
    descends = any(_leaves_zero(C, e, signs[j]) for j in zero) if len(zero) else True
    if decision.verdict == "none" and point.kind == "not converged" and only_one and descends:
        return ClosedCell("none", point.loss, point.evidence)
    return ClosedCell("undecided", np.nan, point.evidence)


def _leaves_zero(C: NDArray, e: NDArray, sign: float) -> bool:
    """Whether the loss falls as v_j leaves 0 along ±x_k for some sample: s_j Σ e_i [δ·x_i]_+ < 0."""
    products = C @ C.T
    return min((sign * e @ np.maximum(side * products, 0)).min() for side in (1, -1)) < 0
