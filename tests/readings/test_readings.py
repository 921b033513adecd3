"""What the paper leaves unsaid: readings drawn, and what counts as a fit."""

import numpy as np
import pandas as pd
import pytest
from diameter_readings import image_rows
from draw_readings import cells_of_a_row, gaps, mean_of
from plot_readings import condense, summary

from relucells.samples.inputs import prepare


def test_every_image_reading_meets_every_bound():
    paper = pd.DataFrame(
        {"table": "VI", "dataset": ["mnist", "cifar10"], "d": "4", "N": "200", "printed": "2.0"}
    ).assign(column="mean_diameter")
    diameters = np.random.default_rng(1).uniform(1, 3, (40, 50))
    entries = [
        {
            "dataset": dataset,
            "d": 4,
            "N": 200,
            "data_source": "official",
            "left_out": "",
            "choice": choice,
            "grey": "rgb2gray",
            "same_samples": True,
            "diameters": diameters,
        }
        for choice in ("two_classes", "every_class")
        for dataset in ("mnist", "cifar10")
    ]
    rows = image_rows(paper, entries, {"open_beyond": 2.5}, [1.5, 4.0, None], 0.95)
    assert len(rows) == 4 * (1 + 3)
    frame = pd.DataFrame(rows)
    tried = frame[frame["point"] == "open"].groupby("reading", sort=False)["fits"].agg(["size", "sum"])
    assert tried.index.tolist()[:3] == [
        "two_classes, rgb2gray; at most 1.5", "two_classes, rgb2gray; at most 4",
        "two_classes, rgb2gray; unbounded",
    ]  # fmt: skip
    assert tried["size"].tolist() == [2] * 6 and tried["sum"].tolist() == [0, 2, 2] * 2
    shown = summary(frame.astype({"printed": float}), 0.95)
    joint = shown.set_index("reading")["joint_p"]
    assert joint["two_classes, rgb2gray; at most 1.5"] < 1e-5 < joint["two_classes, rgb2gray; at most 4"]
    short = condense(shown)
    assert short["reading"].tolist() == [
        "two_classes", "two_classes, rgb2gray", "every_class", "every_class, rgb2gray",
        "two_classes, rgb2gray; at most 4 to unbounded", "every_class, rgb2gray; at most 4 to unbounded",
    ]  # fmt: skip
    assert short["fit"].tolist() == [0, 0, 0, 0, 2, 2]  # at most 2.5, the mean is 1.75


def test_a_reading_fits_unless_more_numbers_miss_than_chance_explains():
    def readings(fits):
        return pd.DataFrame(
            {"point": "p", "reading": "r", "fits": fits, "printed": 2.0, "drawn": 1.0, "p": np.nan}
        )

    assert summary(readings([True] * 17 + [False]), 0.95)["verdict"].tolist() == ["fits"]
    assert summary(readings([True] * 10 + [False] * 8), 0.95)["verdict"].tolist() == ["does not fit"]
    assert summary(readings([False]), 0.95)["verdict"].tolist() == ["does not fit"]
    assert summary(readings([True]), 0.95)["largest_factor"].tolist() == pytest.approx([2.0])


def test_gaps_under_each_sign():
    # One neuron active everywhere whose R is positive on 3 of 4 samples; a second the mirror image of it.
    inputs, R, pattern = (
        prepare([[1.0], [2.0], [3.0], [-1.0]]),
        np.array([[1.0], [-1.0]]),
        np.ones((4, 2), dtype=bool),
    )
    assert list(gaps(inputs, R, pattern, np.array([1.0, -1.0])).values()) == [0.75, 0.25, 0.75, 0.25]
    assert list(gaps(inputs, R, pattern, np.array([-1.0, 1.0])).values()) == [0.75, 0.25, 0.75, 0.75]


def test_seeds_decide_the_draws():
    wanted = {"data_sets": 2, "trials": 2}
    first, again = (cells_of_a_row(4, 2, 3, 20, 0, "added", wanted, True) for _ in range(2))
    pd.testing.assert_frame_equal(first, again)
    assert not first.equals(cells_of_a_row(5, 2, 3, 20, 0, "added", wanted, True))


@pytest.mark.parametrize("bias", [0, 3])
@pytest.mark.parametrize("N", [8, 40])
def test_continuous_minima_are_the_same_without_the_gaps(N, bias):
    wanted = {"data_sets": 2, "trials": 10}
    whole, short = (cells_of_a_row(4, 2, 3, N, bias, "added", wanted, gaps) for gaps in (True, False))
    assert whole["continuous"].tolist() == short["continuous"].tolist()


def test_prediction_holds_the_papers_means(rng):
    """Cells with a known spread between data sets (or none) and between draws: 95 % of new means inside."""
    for between in (0.0, 0.02):
        inside = 0
        for _ in range(200):
            values = 0.5 + between * rng.standard_normal((6, 1)) + 0.1 * rng.standard_normal((6, 20))
            _, low, high = mean_of(values, 0.95)
            inside += low <= 0.5 + between * rng.standard_normal() + 0.01 * rng.standard_normal() <= high
        assert 175 <= inside <= 200
