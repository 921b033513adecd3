"""``relucells.examine``: what a trained network is, what its cell holds, and whether that is good."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from relucells.certify.quality import Quality, point_quality_level
from relucells.examination import better as better_networks
from relucells.examination.cell import CellMinimum, minimum_of_cell, qualities, signs_of
from relucells.examination.points import Found, end_of_descent, nearest_point
from relucells.examination.problem import Net, Problem, problem_and_network
from relucells.examination.walls import Walls, walls
from relucells.lower_loss import Network
from relucells.samples.inputs import Inputs, at_least
from relucells.samples.records import Record
from relucells.samples.threads import one_thread

NOT_STATIONARY = "not stationary"
# Two losses that differ by less than this share of the labels' mean square count as equal.
SAME_LOSS = 1e-9


@dataclass(frozen=True, eq=False)
class Examination(Record):
    """What was found. ``words()`` says it in sentences; ``relucells examine --json`` writes it as data.

    problem, net : the samples and the network; near : what counts as being there
    kind : "differentiable minimum", "non-differentiable minimum" or "saddle", where an exact point of that
        kind, ``point``, is certified near the network, else "not stationary"
    loss, gradient_norm : at the network; the norm is over W, z and c, samples on a hyperplane are inactive
    walls : the cell's pattern; the nearest wall of each neuron
    descent : where exact descent from the network ends
    cell : the minimum of its cell, for the network's signs ("given") and for some ("exists")
    better : the network of the lowest loss that is known, if that is lower than the point's (or than the
        network's own, where it is not stationary)
    quality : proof that ``point``, if that is a minimum, is bad or global; None where neither is known
    """

    problem: Problem
    net: Net
    near: float
    kind: str
    loss: float
    gradient_norm: float
    walls: Walls
    point: Found | None
    descent: Found
    cell: dict[str, CellMinimum]
    better: Network | None
    quality: Quality | None

    @property
    def dead_neurons(self) -> NDArray[np.int64]:
        """Neurons that no sample activates."""
        return np.flatnonzero(~self.walls.pattern.any(axis=0))

    @property
    def dead_samples(self) -> NDArray[np.int64]:
        """Samples that activate no neuron."""
        return np.flatnonzero(~self.walls.pattern.any(axis=1))

    def words(self) -> list[str]:
        """The findings in plain words, a sentence or two each."""
        from relucells.examination.words import words

        return words(self)


@one_thread
def examine(
    X: ArrayLike | Inputs,
    y: ArrayLike,
    W: ArrayLike,
    z: ArrayLike,
    output_bias: float | None = None,
    skip: ArrayLike | None = None,
    *,
    near: float = 0.01,
    program_limit: int | None = 200,
    max_cells: int = 1000,
    starts: int = 4,
    iterations: int = 2000,
    seed: int = 0,
) -> Examination:
    """Is a trained network a minimum, a bad one, and where does descent go from it?

    X : (N, D) or ``relucells.prepare(X)``, with the constant 1 as its last column if the neurons have biases
    y : (N,) real; W : (K, D) with the biases last; z : (K,)
    output_bias : a number if the network has an output bias; None : it has none
    skip : (D,) weights of a linear skip connection, or None
    near : a certified point counts as the network's own if it lies within this share of the network's size,
        ‖(W, z)‖ with the output bias and skip, and its loss within this share of the labels' mean square
    program_limit : linear programs for one question about the cell, then it is undecided
    max_cells : closed cells that descent may minimise
    starts, iterations : runs of L-BFGS from random weights in search of a better network, and their length;
        seed : of their random streams
    Raises ValueError, naming the argument.
    """
    _check_settings(near, program_limit, max_cells, starts, iterations, seed)
    problem, net = problem_and_network(X, y, W, z, output_bias, skip)
    end = end_of_descent(problem, net, max_cells)
    point = nearest_point(problem, net, end, near)
    cell_walls = walls(problem.inputs, net.W)
    loss = problem.loss(net)
    below = max(loss, end.loss)
    best = better_networks.lowest(problem, net, end, below, starts, iterations, seed)
    cell = {
        name: minimum_of_cell(problem, net, cell_walls.pattern, signs, best, program_limit)
        for name, signs in (("given", signs_of(net.z)), ("exists", "exists"))
    }
    shown = quality_of_point(problem, point, best)
    if best is not None and not _is_better(problem, loss, point, shown, best):
        best = None
    slope = problem.gradient(net)
    return Examination(
        problem, net, near, NOT_STATIONARY if point is None else point.kind, loss, slope.size, cell_walls,
        point, end, cell, best, shown,
    )  # fmt: skip


def quality_of_point(problem: Problem, point: Found | None, best: Network | None) -> Quality | None:
    """Whether a minimum is proven to be bad or global; None where neither is, and for a saddle."""
    if point is None or point.certificate is None or point.kind == "saddle":
        return None
    arguments = problem.inputs, problem.y, point.certificate
    for quality in qualities(best, point.loss):
        if point_quality_level(*arguments, quality, **problem.free) == "proven":
            return quality
    return None


def _is_better(
    problem: Problem, loss: float, point: Found | None, shown: Quality | None, best: Network
) -> bool:
    """Whether a network is worth naming: it shows the point to be bad, or lies clearly below the network."""
    if point is not None and point.kind != "saddle":
        return shown is not None and shown.kind == "bad"
    return best.loss < loss - SAME_LOSS * problem.mean_square


def _check_settings(near, program_limit, max_cells, starts, iterations, seed) -> None:
    at_least("near", near, 0, "above 0 and at most 0.1")
    if not 0 < near <= 0.1:
        raise ValueError(f"near: must be above 0 and at most 0.1, not {near!r}")
    if program_limit is not None:
        at_least("program_limit", program_limit, 0, "a number of linear programs")
    for name, value, least in (
        ("max_cells", max_cells, 1),
        ("starts", starts, 0),
        ("iterations", iterations, 1),
        ("seed", seed, 0),
    ):
        at_least(name, value, least, "a whole number", whole=True)
