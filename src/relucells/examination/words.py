"""An examination in plain words. Samples and neurons are counted from 0, as arrays are."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from relucells.examination.cell import CellMinimum
    from relucells.examination.examine import Examination

LISTED = 8  # numbers of neurons or samples that a sentence lists


def words(found: Examination) -> list[str]:
    """A string for each subject: network, pattern, what it is, walls, cell, what is better."""
    return [
        _network(found),
        _pattern(found),
        _what_it_is(found),
        *([_quality(found)] if found.point is not None and found.point.kind != "saddle" else []),
        _descent(found),
        _walls(found),
        *_cell(found),
        *([_better(found)] if found.better is not None else []),
    ]


def number(value: float) -> str:
    """Three digits, with a minus sign."""
    return f"{value:.3g}".replace("e-0", "e-").replace("e+0", "e+").replace("-", "−")


def many(count: int, one: str, more: str | None = None) -> str:
    """A count with its noun."""
    return f"{count} {one if count == 1 else more or one + 's'}"


def listed(indices: np.ndarray) -> str:
    """Indices, the first few of many."""
    shown = ", ".join(map(str, indices[:LISTED]))
    return shown + (" …" if len(indices) > LISTED else "")


def _network(found: Examination) -> str:
    (N, D), K = found.problem.inputs.X.shape, len(found.net.z)
    free = found.problem.F.shape[1]
    linear = f" and {many(free, 'weight')} of a free linear part" if free else ""
    return (
        f"The network has {many(K, 'neuron')}{linear} on {many(N, 'sample')} with {many(D, 'coordinate')}. "
        f"Its loss is {number(found.loss)}; a network that is 0 has {number(found.problem.mean_square)}. The "
        f"gradient's norm is {number(found.gradient_norm)}."
    )


def _pattern(found: Examination) -> str:
    dead, left_out = found.dead_neurons, found.dead_samples
    share = f"{100 * found.walls.pattern.mean():.3g} % of the pairs of sample and neuron are active. "
    neurons = f"{many(len(dead), 'neuron is', 'neurons are')} dead ({listed(dead)})" if len(dead) else ""
    samples = (
        f"{many(len(left_out), 'sample activates', 'samples activate')} no neuron ({listed(left_out)})"
        if len(left_out)
        else ""
    )
    rest = ", and ".join(filter(None, [neurons, samples])) or "Every neuron and every sample takes part"
    return f"{share}{rest}."


def _what_it_is(found: Examination) -> str:
    point = found.point
    if point is None:
        return (
            f"It is not stationary: no certified minimum or saddle was found within {100 * found.near:g} % "
            f"of its size and {100 * found.near:g} % of the labels' mean square in loss."
        )
    gap = point.excess * found.problem.mean_square
    where = f"{number(abs(gap))} {'above' if gap > 0 else 'below'} it" if gap else "the same"
    return (
        f"It lies within {number(point.distance)} of a {point.kind} with loss {number(point.loss)}: an exact "
        f"one is certified there. That is {number(100 * point.relative_distance)} % of the network's size. "
        f"The network's loss is {where}."
    )


def _quality(found: Examination) -> str:
    if found.quality is None:
        return (
            "Whether that minimum is bad is open: no network of as many neurons with a lower loss was found, "
            "and its loss is not 0."
        )
    if found.quality.kind == "global":
        return "That minimum is global: its loss is exactly 0."
    return "That minimum is bad: a network of as many neurons has a strictly lower loss, which is proven."


def _descent(found: Examination) -> str:
    end, start = found.descent, "Exact descent from the network"
    if end.kind == "not converged":
        return (
            f"{start} came down to loss {number(end.loss)} at distance {number(end.distance)} within "
            f"{many(end.cells, 'closed cell')}, and was not at rest there."
        )
    seen = "certified" if end.level == "proven" else "to rounding; no certificate of it was found"
    way = "inside the closed cell" if end.cells == 1 else f"through {end.cells} closed cells"
    return (
        f"{start}, {way}, ends in a {end.kind} with loss {number(end.loss)} at distance "
        f"{number(end.distance)} ({seen})."
    )


def _walls(found: Examination) -> str:
    walls = found.walls
    if not np.isfinite(walls.distance).any():
        return "Its cell has no walls."
    j = int(np.argmin(walls.distance))
    wall = f"that of sample {walls.sample[j]}, for neuron {j}"
    return f"The nearest wall of its cell is {number(walls.distance[j])} away: {wall}."


def _cell(found: Examination) -> list[str]:
    """The minimum of the network's cell; some other signs only where the network's own do not serve."""
    given, some = found.cell["given"], found.cell["exists"]
    start = f"The minimum of its cell has loss {number(given.decision.loss)}; it "
    if given.decision.verdict == "genuine":
        return [f"{start}is genuine for the network's signs ({given.level}): {_genuine(given)}"]
    known = {
        "none": f"is not genuine for the network's signs ({given.level}): no minimiser lies in the cell.",
        "undecided": "is undecided within the limit: it may be genuine for the network's signs.",
    }
    return [start + known[given.decision.verdict], _other_signs(some)]


def _other_signs(some: CellMinimum) -> str:
    if some.decision.verdict == "genuine":
        return f"With other signs of the output weights it is genuine ({some.level}): {_genuine(some)}"
    if some.decision.verdict == "none":
        return f"Nor is it genuine for any other signs ({some.level})."
    return "Whether it is genuine for some other signs is undecided within the limit."


def _genuine(cell: CellMinimum) -> str:
    quality = {
        "bad": "bad, because a network with a lower loss is known",
        "global": "global, because its loss is 0",
        "open": "good or bad, which is open",
    }[cell.quality]
    far = f"{'' if cell.unique else 'at most '}{number(cell.distance)}"
    return f"a minimiser lies in the cell, {far} away from the network. That minimum is {quality}."


def _better(found: Examination) -> str:
    assert found.better is not None
    known, loss = found.better.origin, number(found.better.loss)
    return f"A better network is known, from {known}: its loss is at most {loss}."
