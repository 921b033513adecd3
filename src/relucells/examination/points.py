"""The certified critical point near a network, and the local minimum in which exact descent from it ends."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from relucells.certify.critical import CertifiedPoint
from relucells.critical_points.certificate import certificate_of
from relucells.critical_points.classify import critical_point
from relucells.critical_points.exact_descent import settle
from relucells.examination.candidates import candidates
from relucells.examination.nearness import distance, nearest_representative
from relucells.examination.problem import Net, Problem
from relucells.samples.records import Record


@dataclass(frozen=True, eq=False)
class Found(Record):
    """A point near the network, or at the end of its descent.

    kind : "differentiable minimum", "non-differentiable minimum", "saddle", or "not converged"
    level : "proven" where a certificate shows an exact point of that kind, "numerical" where the conditions
        hold within rounding and no certificate was found, "" for "not converged"
    loss : at (W, z, c); distance : an upper bound on that of the exact point from the network, in (W, z, c)
    relative_distance : the same in units of the network's ‖(W, z, c)‖
    excess : the network's loss less this one, in units of the mean square of y
    cells : closed cells that descent minimised on the way, 0 for a point found otherwise
    """

    kind: str
    level: str
    loss: float
    distance: float
    relative_distance: float
    excess: float
    net: Net
    certificate: CertifiedPoint | None
    cells: int = 0


def classified(problem: Problem, net: Net, end: Net, cells: int = 0) -> Found:
    """What ``end`` is, and how far from ``net``."""
    arguments = problem.inputs, problem.y, end.W, end.z
    at = {"c": end.c, **problem.free} if problem.free else {}
    point = critical_point(*arguments, **at)
    certificate = certificate_of(*arguments, point, **at)
    level = "" if point.kind == "not converged" else "numerical"
    far = distance(net, end)
    if certificate is not None:
        level, far = "proven", far + certificate.distance
    excess = (problem.loss(net) - point.loss) / (problem.mean_square or 1.0)
    share = far / net.size if net.size else np.inf
    return Found(point.kind, level, point.loss, far, share, excess, end, certificate, cells)


def end_of_descent(problem: Problem, net: Net, max_cells: int) -> Found:
    """Where exact descent ends: the loss falls all the way, from closed cell to closed cell."""
    run = settle(problem.inputs, problem.y, net.W, net.z, max_cells, **problem.free)
    last = Net(run.W, run.z, net.c if run.c is None else _nearest_free_weights(problem, net.c, run.c))
    end = nearest_representative(problem, net, last)
    end = end if end.finite else last
    found = classified(problem, net, end, run.cells)
    if found.level != "proven":  # the representative may be worse scaled than the run's own
        own = classified(problem, net, last, run.cells)
        if (own.level == "proven", own.level) > (found.level == "proven", found.level):
            return own
    return found


def _nearest_free_weights(problem: Problem, start: NDArray, end: NDArray) -> NDArray[np.float64]:
    """Of all c with F c as at ``end``, the one nearest to ``start``."""
    return start + np.linalg.lstsq(problem.F, problem.F @ (end - start), rcond=None)[0]


def is_near(found: Found, near: float) -> bool:
    """Whether the point is proven, and as near in weights and in loss as counts as being there."""
    return found.level == "proven" and found.relative_distance <= near and abs(found.excess) <= near


def nearest_point(problem: Problem, net: Net, end: Found, near: float) -> Found | None:
    """The nearest certified critical point that was found within reach, or None."""
    reach = near * net.size
    finite = [one for one in candidates(problem, net, near) if one.finite]
    found = [(distance(net, one), n, one) for n, one in enumerate(finite)]
    for far, _, candidate in sorted(found, key=lambda entry: entry[:2]):
        if far > min(reach, end.distance):
            break
        one = classified(problem, net, candidate)
        if is_near(one, near):
            return one
    return end if is_near(end, near) else None
