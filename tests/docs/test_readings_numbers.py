"""Numbers that paper/readings.md states about each reading of what the paper leaves unsaid."""

import math

import pandas as pd
import pytest
from claims import cases, read, unsaid
from scipy.stats import chi2

PAGE = "paper/readings.md"
BOUNDS = (50, 70, 100, 120, 135, 150, 165, 180, 200, 300, 1000)
MEANS = (("mnist", 2000), ("mnist", 200), ("cifar10", 2000), ("cifar10", 200))


def fits(point: str, reading: str) -> str:
    """How many printed numbers fit: 16 of 18."""
    row = read("tables/readings.csv").set_index(["point", "reading"]).loc[(point, reading)]
    return f"{row['fit']} of {row['numbers']}"


def alone(point: str, reading: str) -> str:
    return fits(point, reading).partition(" ")[0]


def weights() -> str:
    rows = read("readings.csv")
    own = rows[(rows["point"] == "weights") & (rows["reading"] == "added") & ~rows["fits"]]
    assert set(own["column"]) == {"activated_pct"} and len(own) == 2
    return (
        f"added: {fits('weights', 'added')} numbers; the two it misses are mean activations | replaced: "
        f"{fits('weights', 'replaced')} |"
    )


def signs() -> str:
    return (
        f"all z_j > 0: {fits('sign', 'all z_j > 0')} | better sign per neuron: "
        f"{alone('sign', 'better sign per neuron')}; better sign for all: "
        f"{alone('sign', 'better sign for all')}; signs of the drawn z: "
        f"{alone('sign', 'signs of the drawn z')} |"
    )


def data() -> str:
    return (
        f"one: {fits('data', 'one data set a table')} | fresh data in each trial: "
        f"{fits('data', 'fresh data each trial')} |"
    )


def diameters() -> str:
    rows = read("tables/readings.csv")
    rows = rows[rows["point"] == "diameters"]
    good = rows[rows["verdict"] == "fits"]
    assert not rows[rows["verdict"] != "fits"]["fit"].any() and (good["fit"] == good["numbers"]).all()
    assert len(good) == 2
    return "δ on the sphere, or in the cube and normalised: 4 of 4 each | every other reading: none of 4 |"


def open_cells() -> pd.DataFrame:
    rows = read("readings.csv")
    rows = rows[(rows["point"] == "open") & rows["reading"].str.startswith("two_classes, rgb2gray")]
    return rows.set_index(["dataset", "N", "open_beyond"]).sort_index()


def p_of(value: float) -> str:
    """Two digits above 0.01, fewer below."""
    if value < 1e-4:
        return "< 1e-4"
    if value < 0.001:
        return f"{value:.4f}"
    return f"{value:.3f}" if value < 0.1 else f"{value:.2f}"


def bounds() -> str:
    rows, lines = open_cells(), []
    for bound in BOUNDS:
        p = [rows.loc[(dataset, N, bound), "p"] for dataset, N in MEANS]
        joint = chi2.sf(-2 * sum(math.log(value) for value in p), 2 * len(p))
        lines.append(f"| {bound} | {' | '.join(map(p_of, p))} | {p_of(joint)} |")
    p = [rows.loc[(dataset, N, math.inf), "p"] for dataset, N in MEANS]
    lines.append(f"| none, by rank among 40 | {' | '.join(map(p_of, p))} (the least possible) | |")
    return " […] ".join(lines)


def range_of_bounds() -> str:
    rows = open_cells()
    fitting = [
        bound for bound in BOUNDS if all(rows.loc[(dataset, N, bound), "fits"] for dataset, N in MEANS)
    ]
    return f"T from {fitting[0]} to {fitting[-1]} fits all four printed means; 150 is the default."


SAID = {PAGE: [weights, signs, data, diameters, bounds, range_of_bounds]}


@pytest.mark.parametrize(("page", "says"), cases(SAID))
def test_the_page_says_what_the_reference_says(page, says):
    assert unsaid(page, says()) == []
