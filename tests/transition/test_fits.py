"""Half points, laws and rank correlations: what they find and what they know of it."""

import numpy as np
import pytest

from relucells.pipeline.names import even_grid
from relucells.transition.half_points import crossing, falling, locate
from relucells.transition.laws import class_jackknife, fit_law, rank_correlation

GRID = np.array([2, 4, 6, 8, 12, 16, 22, 32, 46, 64, 90, 128])


def curve(N, half, width):
    return 1 / (1 + (N / half) ** (1 / width))


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

    right = fit_law(half, power, [0, 1, 1], confidence=0.9999)  # missed once in thousands of draws
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
