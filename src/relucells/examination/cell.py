"""The minimum of a network's cell: is it genuine, for the network's signs and for some, and how far away?"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from relucells.cells.minimum import cell_minimum
from relucells.cells.pattern import outputs
from relucells.certify.certificates import Decision
from relucells.certify.quality import Quality, quality_level
from relucells.certify.verify import verification_level
from relucells.examination.nearness import distance, nearest_representative
from relucells.examination.problem import Net, Problem
from relucells.lower_loss import Network
from relucells.samples.records import Record
from relucells.search.decide import decide


@dataclass(frozen=True, eq=False)
class CellMinimum(Record):
    """The minimum of the network's cell under one sign convention.

    decision : its verdict, margin, loss and certificate; level : at which the certificate was checked
    distance : of a genuine minimum from the network, in (W, z, c): the least one where the minimiser is
        unique, else that of one of them, so an upper bound; NaN if none is genuine
    minimum : that minimum as a network, or None
    quality : of a genuine one, "bad", "global" or "open"; quality_level : at which that was checked
    """

    decision: Decision
    level: str
    distance: float
    unique: bool
    minimum: Net | None
    quality: str
    shown_by: Quality | None
    quality_level: str


def signs_of(z: NDArray) -> NDArray[np.int8]:
    """The signs of the output weights; a silent neuron counts as positive."""
    return np.where(z < 0, -1, 1).astype(np.int8)


def minimum_of_cell(
    problem: Problem,
    net: Net,
    pattern: NDArray[np.bool_],
    signs: str | NDArray,
    better: Network | None,
    program_limit: int | None,
) -> CellMinimum:
    """The cell's minimum under a sign convention, with its certificates checked."""
    arguments = problem.inputs, problem.y, pattern
    decision = decide(*arguments, signs, program_limit=program_limit, **problem.free)
    level = (
        "" if decision.verdict == "undecided" else verification_level(*arguments, decision, **problem.free)
    )
    if decision.verdict != "genuine" or level == "rejected":
        return CellMinimum(decision, level, np.nan, False, None, "", None, "")
    unique = cell_minimum(*arguments, **problem.free).unique
    minimum = _nearest(problem, net, pattern, decision)
    quality, shown, checked = _quality(problem, pattern, decision, better)
    far = distance(net, minimum)
    return CellMinimum(decision, level, far, unique, minimum, quality, shown, checked)


def _nearest(problem: Problem, net: Net, pattern: NDArray, decision: Decision) -> Net:
    """A minimum in the cell, near the network.

    The minimisers are convex, so the witness may go towards the nearest of them as far as the cell allows.
    """
    assert decision.R is not None and decision.signs is not None
    signs = decision.signs.astype(float)
    own = net.z[:, None] * net.W
    missing = problem.y - problem.F @ net.c - outputs(problem.inputs, pattern, own)
    way = own + cell_minimum(problem.inputs, missing, pattern, **problem.free).R - decision.R
    side = np.where(pattern, signs, -signs)
    gap, rate = side * (problem.inputs.X @ decision.R.T), side * (problem.inputs.X @ way.T)
    shrinks = (rate < 0) & (gap > 0)
    far = float(
        np.min(np.where(shrinks, gap, 1.0) / np.where(shrinks, -rate, 1.0), initial=1.0, where=shrinks)
    )
    stuck = ((gap <= 0) & (rate < 0) & problem.inputs.nonzero[:, None]).any()
    part = 0.0 if stuck else 1.0 if far >= 1.0 else 0.999 * far
    R = decision.R + part * way
    missing = problem.y - problem.F @ net.c - outputs(problem.inputs, pattern, R)
    c = net.c + (np.linalg.lstsq(problem.F, missing, rcond=None)[0] if problem.free else 0.0)
    return nearest_representative(problem, net, Net(signs[:, None] * R, signs, c))


def qualities(better: Network | None, loss: float) -> list[Quality]:
    """What may be true of a minimum with this loss: global, or bad because of a network with a lower one."""
    tried = [Quality("global")]
    if better is not None and better.loss < loss:
        tried.append(Quality("bad", better.W, better.z, better.c))
    return tried


def _quality(
    problem: Problem, pattern: NDArray, decision: Decision, better: Network | None
) -> tuple[str, Quality | None, str]:
    """("bad", "global" or "open", what shows it, level)."""
    for quality in qualities(better, decision.loss):
        level = quality_level(problem.inputs, problem.y, pattern, decision, quality, **problem.free)
        if level != "rejected":
            return quality.kind, quality, level
    return "open", None, ""
