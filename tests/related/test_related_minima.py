"""The pipelines of Liu's Part 1, of the exponential neuron and of the concatenation block, end to end."""

import numpy as np
import pandas as pd
import pytest
from mapping import not_on_the_map
from running import TINY, run

CONFIG = TINY | {
    "related": {
        "critical_points": {
            "cells": {"trials": 4},
            "descents": {"trials": 3, "max_steps": 200},
        },
        "added_neuron": {"data_sets": 1, "starts": 2, "max_steps": 200, "runaway_steps": 64},
        "maximum_and_concatenation": {"starts": 6, "max_steps": 100},
    }
}


@pytest.fixture(scope="module")
def related(tmp_path_factory):
    folder = tmp_path_factory.mktemp("related")
    run(folder, CONFIG, ("critical_points", "added_neuron", "maximum_and_concatenation"))
    return folder / "results" / "related"


def test_every_column_is_on_the_map(related):
    assert not_on_the_map(related.parent, "related") == {}


def test_every_descent_has_its_row(related):
    points = pd.read_csv(related / "critical_points.csv")
    assert list(points.columns) == ["dataset", "bias", "start", "class", "loss", "evidence"]
    assert len(points) == 3 * 2 and set(points["start"]) == {0, 1, 2}
    assert points["loss"].between(0, 2).all() and points["evidence"].str.contains("subgradient").all()


def test_cells_and_their_shares(related):
    cells = pd.read_csv(related / "critical_cells.csv")
    summary = pd.read_csv(related / "critical_points_summary.csv")
    assert len(cells) == 4 * 2
    for question in ("saddle", "closed_cell"):
        for (bias, answer), group in cells.groupby(["bias", question]):
            chosen = (summary["question"] == question) & (summary["bias"] == bias)
            row = summary[chosen & (summary["answer"] == answer)].iloc[0]
            assert row["count"] == len(group) and row["n"] == 4
            assert row["low"] <= row["share"] <= row["high"]
    assert (summary.groupby(["question", "bias"])["share"].sum() - 1).abs().max() < 1e-9


def test_the_neuron_is_tried_on_the_same_networks(related):
    runs = pd.read_csv(related / "added_neuron.csv")
    without, with_neuron = runs[~runs["neuron"]], runs[runs["neuron"]]
    assert list(without["start"]) == list(with_neuron["start"]) == ["dead", "linear", "random 0", "random 1"]
    assert np.allclose(without["start_loss"].to_numpy(), with_neuron["start_loss"].to_numpy())
    constructed = with_neuron[with_neuron["start"].isin(["dead", "linear"])]
    assert (constructed["escaped_objective"] < constructed["start_loss"]).all()
    summary = pd.read_csv(related / "added_neuron_summary.csv")
    bad = summary[summary["outcome"] == "all bad endings"]
    assert bad["count"].sum() == (runs["ending"] != "global minimum").sum()


def test_losses_stand_beside_the_linear_loss(related):
    runs = pd.read_csv(related / "maximum_and_concatenation.csv")
    assert runs["network"].value_counts().to_dict() == {"block": 6, "control": 6}
    assert runs["linear_loss"].nunique() == 1
    assert (runs["at_most_linear"] == (runs["loss"] <= runs["linear_loss"] + 1e-9)).all()
    minima = runs[runs["ending"].str.startswith("minimum")]
    assert not minima.empty
    assert (minima["gradient_norm"] < 1e-8).all() and (minima["least_eigenvalue"] >= -1e-6).all()


@pytest.mark.parametrize("name", ["critical_points", "added_neuron", "maximum_and_concatenation"])
def test_figures_are_there(related, name):
    assert (related / f"{name}.png").read_bytes().startswith(b"\x89PNG")
    assert (related / f"{name}.pdf").read_bytes().startswith(b"%PDF")
