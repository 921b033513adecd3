"""Numbers that docs/atlas.md states about whole landscapes, against reference/."""

import pandas as pd
import pytest
from claims import cases, read, settings, unsaid

PAGE = "docs/atlas.md"


def landscape(folder: str) -> pd.DataFrame:
    return read(f"{folder}/summary.csv").astype({"signs": str}).set_index("signs")


def genuine() -> str:
    rows = landscape("atlas")
    (cells,) = set(rows["cells"])
    assert cells == (2 * settings()["atlas"]["N"]) ** 2 and (rows["proven"] == rows["decisions"]).all()
    return (
        f"With both output weights positive, as in the paper’s runs, {rows['genuine']['positive']} of "
        f"{cells} cells hold a genuine minimum. With one of each sign {rows['genuine']['+-']} do. With some "
        f"choice of signs, as the paper’s criterion is stated, {rows['genuine']['exists']} do: how many "
        f"cells hold one depends on the signs. Of the {rows['genuine']['exists']} cells, "
        f"{rows['bad']['exists']} hold a bad one for some signs."
    )


def kinked(minima: pd.DataFrame) -> int:
    """Non-differentiable minima; two that differ by the order of the neurons are one."""
    own = minima[minima["kind"] == "non-differentiable"]
    return len(
        {
            frozenset((row["signs"][j - 1], row[f"R_{j}_slope"], row[f"R_{j}_offset"]) for j in (1, 2))
            for row in own.to_dict("records")
        }
    )


def lowest() -> str:
    minima = read("atlas/minima.csv")
    loss = landscape("atlas")["lowest_loss"]["exists"]
    assert "differentiable" in set(minima[minima["quality"] == "global"]["kind"])
    return (
        f"The lowest loss of any network with two neurons is {loss:.4f}; it lies inside a cell. The "
        f"landscape has {kinked(minima)} non-differentiable local minima."
    )


def ends(rows: pd.DataFrame, signs: str) -> list[str]:
    """Per cent of descents that end globally, in a bad minimum inside and on a wall, and silent."""
    row = rows.loc[signs]
    names = ("ends_global", "ends_bad_inside", "ends_bad_wall", "ends_zero", "ends_dead")
    return [f"{100 * row[name] / row['runs']:.0f}" for name in names]


def descents() -> str:
    rows = landscape("atlas")
    row = rows.loc["exists"]
    best, inside, wall, silent, dead = ends(rows, "exists")
    return (
        f"Only {100 * row['bad'] / row['cells']:.1f} % of the cells hold a bad minimum for some signs, but "
        f"gradient descent meets them. Of {row['runs']:.0f} descents from a grid of directions and all "
        f"signs, {best} % end at the lowest loss, {inside} % in a bad minimum inside a cell, {wall} % in "
        f"one on a wall and {silent} % with a silent neuron. At the end, {dead} % have a neuron that no "
        f"sample activates. With both output weights positive {ends(rows, 'positive')[0]} % reach the "
        "lowest loss."
    )


def forty_samples() -> str:
    rows = landscape("atlas_40/atlas")
    best, inside, wall, silent, _ = ends(rows, "exists")
    loss = rows["lowest_loss"]["exists"]
    minima = read("atlas_40/atlas/minima.csv")
    assert set(minima[minima["quality"] == "global"]["kind"]) == {"non-differentiable"}
    assert (rows["proven"] == rows["decisions"]).all() and (rows["bad"] == rows["genuine"]).all()
    return (
        f"{rows['decisions'][['++', '+-', '-+', '--']].sum():,} decisions, all proven […] There "
        f"{rows['genuine']['positive']} of {rows['cells']['positive']} cells hold a genuine minimum for "
        f"both output weights positive, {rows['genuine']['+-']} for one of each sign, and "
        f"{rows['genuine']['exists']} for some choice. All of these minima are bad, because the lowest "
        f"loss, {loss:.4f}, lies on a wall. Of {rows['runs']['exists']} descents {best} % end there, "
        f"{inside} % in a bad minimum inside a cell, {wall} % in one on a wall and {silent} % with a silent "
        "neuron."
    )


SAID = {PAGE: [genuine, lowest, descents, forty_samples]}


@pytest.mark.parametrize(("page", "says"), cases(SAID))
def test_the_page_says_what_the_reference_says(page, says):
    assert unsaid(page, says()) == []
