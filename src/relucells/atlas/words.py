"""The atlas in words: how to read it, and what a landscape shows, computed from its numbers."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from relucells.atlas.sectors import samples


def how_to_read() -> list[str]:
    """Three short paragraphs: axes, colours and marks, certificates and signs."""
    return [
        "Each axis is the direction of one neuron’s weight. The direction says where on the data’s axis "
        "the neuron switches on (its hinge), and on which side of the hinge it is active. So every "
        "rectangle is a cell: each neuron is active on the same samples throughout. The edges wrap around.",
        "Colour is the loss at the cell’s minimum. A frame marks a genuine minimum: it lies in its own "
        "cell. A star marks the lowest loss of any network with two neurons. A diamond marks a local "
        "minimum on a wall between cells, where the loss has a kink.",
        "Every verdict carries a certificate that was checked. The signs of the output weights decide "
        "which cells are framed: compare all positive, as in the paper’s runs, with one of each.",
    ]


def place(value: float, stored: Mapping[str, NDArray], digits: int) -> str:
    """A place on the data's axis. ``digits`` : of the samples' span, so that years stay apart."""
    span = float(stored["unit"] * np.ptp(stored["x"]))
    return f"{value:.{max(0, digits - 1 - int(np.floor(np.log10(span))))}f}".replace("-", "−")


def neuron(angle: float, stored: Mapping[str, NDArray]) -> str:
    """A neuron's hinge and side in the data's units; ``angle`` : of its weight, NaN for R_j = 0."""
    if not np.isfinite(angle):
        return "silent"
    own = samples(stored["x"], stored["y"])
    k = int(own.sector(angle))
    if k == own.sectors - 1:
        return "active on no sample"
    if k == own.sectors // 2 - 1:
        return "active on every sample"
    hinge = place(float(stored["centre"]) + float(stored["unit"]) * -np.tan(angle), stored, digits=3)
    return f"hinge at {hinge}, active to the {'right' if np.cos(angle) > 0 else 'left'}".replace("-", "−")


def findings(stored: Mapping[str, NDArray], summary: pd.DataFrame) -> list[str]:
    """What this landscape says about the paper's conclusion, from ``storage.in_numbers``."""
    table = summary.set_index("signs")
    rows = table.to_dict("index")
    paper, some, mixed = rows["positive"], rows["exists"], rows["+-"]
    kinked = int((stored["wall_kinks"] > 0).sum())
    inside = (stored["quality"] == "global").any()
    where = "inside a cell" if inside else "on a wall between cells, at a kink of the loss"
    runs = some["runs"]

    def share(column: str, row=some) -> str:
        return f"{100 * row[column] / row['runs']:.0f} %"

    lowest = float(stored["best_loss"])
    return [
        f"With both output weights positive, as in the paper’s runs, {paper['genuine']} of {paper['cells']} "
        f"cells hold a genuine minimum. With one of each sign {mixed['genuine']} do. With some choice of "
        f"signs, as the paper’s criterion is stated, {some['genuine']} do: how many cells hold one depends "
        f"on the signs. Of the {some['genuine']} cells, {some['bad']} hold a bad one for some signs.",
        f"The lowest loss of any network with two neurons is {lowest:.4g}; it lies {where}. "
        f"The landscape has {kinked} non-differentiable local minima. The paper calls such minima "
        "exponentially unlikely.",
        f"Only {100 * some['bad'] / some['cells']:.1f} % of the cells hold a bad minimum for some signs, but "
        f"gradient descent meets them. Of {runs} descents from a grid of directions and all signs, "
        f"{share('ends_global')} end at the lowest loss, {share('ends_bad_inside')} in a bad minimum inside "
        f"a cell, {share('ends_bad_wall')} in one on a wall and {share('ends_zero')} with a silent neuron. "
        f"At the end, {share('ends_dead')} have a neuron that no sample activates. With both output weights "
        f"positive {share('ends_global', paper)} reach the lowest loss.",
    ]
