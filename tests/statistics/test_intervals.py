"""Intervals: against other implementations, and by how often they cover."""

import numpy as np
import pytest
from scipy import stats

from relucells.statistics import (
    bounded_mean_interval,
    mean_interval,
    mean_prediction,
    rank_prediction,
    rare_mean_interval,
    share_interval,
    share_prediction,
    wilson,
)


@pytest.mark.parametrize(("successes", "n"), [(0, 100), (3, 100), (60, 100), (100, 100), (1, 2), (0, 1)])
def test_wilson_is_scipys(successes, n):
    expected = stats.binomtest(successes, n).proportion_ci(0.95, method="wilson")
    assert wilson(successes, n) == pytest.approx((expected.low, expected.high), abs=1e-12)


@pytest.mark.parametrize(("successes", "n"), [(-1, 10), (11, 10), (0, 0)])
def test_wilson_refuses_impossible_counts(successes, n):
    with pytest.raises(ValueError, match="successes"):
        wilson(successes, n)


def test_mean_interval_is_scipys(rng):
    values = rng.exponential(size=37)
    expected = stats.ttest_1samp(values, 0).confidence_interval(0.95)
    assert mean_interval(values) == pytest.approx((expected.low, expected.high))


def test_a_single_value_has_no_interval():
    assert np.isnan(mean_interval([3.0])).all()


def coverage(hits, runs=2000):
    """Bounds that the count of a 95 % event stays within, once in a million tests outside."""
    low, high = stats.binom.interval(1 - 1e-6, runs, 0.95)
    return low / runs, high / runs, np.mean(hits)


@pytest.mark.parametrize("share", [0.03, 0.5, 0.86])
def test_share_prediction_covers_another_experiment(rng, share):
    """Discrete counts: the interval may cover more than 95 %, never clearly less."""
    hits = []
    for _ in range(2000):
        low, high, mass = share_prediction(rng.binomial(100, share), 100, 100)
        hits.append(low <= rng.binomial(100, share) / 100 <= high)
    lowest, _, covered = coverage(hits)
    assert covered >= lowest
    assert mass.sum() == pytest.approx(1)


def test_share_prediction_of_a_certain_event():
    low, high, _ = share_prediction(100, 100, 100)
    assert high == 1.0
    assert 0.9 < low < 1.0


def test_share_prediction_of_several_data_sets_follows_their_spread(rng):
    """No more spread than binomial: close to the pooled binomial. A spread of 0.2: far wider."""
    from scipy.stats import binom

    low, high, mass = share_prediction([60, 55, 64, 61, 58, 63, 57, 66, 59, 62], 100, 100)
    pooled = binom.interval(0.95, 100, 0.605)
    assert mass.sum() == pytest.approx(1)
    assert pooled[1] - pooled[0] <= 100 * (high - low) <= 1.25 * (pooled[1] - pooled[0])
    low, high, _ = share_prediction(rng.binomial(100, rng.beta(3, 2, 20)), 100, 100)
    assert high - low > 0.6


@pytest.mark.parametrize("successes", [[101], [-1, 3], [50, 101]])
def test_share_prediction_refuses_impossible_counts(successes):
    with pytest.raises(ValueError, match="successes"):
        share_prediction(successes, 100, 100)


def test_undecided_trials_widen_a_share_to_both_sides():
    assert share_interval(0, 11, 100) == (0.0, wilson(11, 100)[1])
    assert share_interval(89, 11, 100) == (wilson(89, 100)[0], 1.0)


def test_an_interval_for_rare_events_does_not_collapse():
    """No event in 100: the Poisson upper limit of 3.69 events of the largest size (Fay and Feuer, w = 1)."""
    low, high = rare_mean_interval(np.zeros(100), largest=0.5)
    assert (low, high) == (0.0, pytest.approx(0.5 * stats.chi2.ppf(0.975, 2) / 2 / 100))
    # Events of one size: exactly the Poisson interval (Garwood).
    low, high = rare_mean_interval([0.2] * 3 + [0.0] * 97, largest=1)
    assert low == pytest.approx(0.2 * stats.chi2.ppf(0.025, 6) / 2 / 100)
    assert high == pytest.approx(0.2 * stats.chi2.ppf(0.975, 8) / 2 / 100)


def test_rare_events_at_either_end_are_alike(rng):
    values = np.where(rng.random(100) < 0.05, rng.random(100), 0.0)
    low, high = bounded_mean_interval(values, 1.0)
    assert bounded_mean_interval(1 - values, 1.0) == pytest.approx((1 - high, 1 - low))
    ordinary = rng.uniform(0.2, 0.8, 50)
    assert bounded_mean_interval(ordinary, 1.0) == pytest.approx(mean_interval(ordinary))


def test_rare_mean_interval_covers(rng):
    """Three events expected among 100 values, of uneven sizes."""
    hits = []
    for _ in range(2000):
        values = np.where(rng.random(100) < 0.03, rng.beta(2, 1, 100), 0.0)
        low, high = rare_mean_interval(values, 1.0)
        hits.append(low <= 0.03 * 2 / 3 <= high)
    assert coverage(hits)[2] >= coverage(hits)[0]


@pytest.mark.parametrize(
    ("repetitions", "n", "n_other"), [(1, 100, 100), (1, 100, 10), (20, 100, 100), (20, 5, 100)]
)
def test_mean_prediction_covers_another_experiment(rng, repetitions, n, n_other):
    """Means over trials, each experiment on data of its own (spread 0.3) where there are repetitions."""
    data_spread = 0.3 if repetitions > 1 else 0.0
    hits = []
    for _ in range(2000):
        centres = data_spread * rng.standard_normal(repetitions)
        trials = centres[:, None] + rng.standard_normal((repetitions, n))
        low, high, _, _ = mean_prediction(trials.mean(axis=1), trials.var(axis=1, ddof=1).mean(), n, n_other)
        other = data_spread * rng.standard_normal() + rng.standard_normal(n_other).mean()
        hits.append(low <= other <= high)
    lowest, highest, covered = coverage(hits)
    assert lowest <= covered
    assert covered <= highest or n < n_other


def test_rank_prediction_covers_one_more_value_without_a_mean(rng):
    """Cauchy: no expectation, no standard error, and the ranks cover all the same."""
    hits = []
    for _ in range(2000):
        *values, following = rng.standard_cauchy(40)
        low, high = rank_prediction(values)
        hits.append(low <= following <= high)
    lowest, highest, covered = coverage(hits)
    assert lowest <= covered <= highest
    assert rank_prediction(range(10)) == (-np.inf, np.inf)
    assert rank_prediction(range(1, 80)) == (2, 78)
