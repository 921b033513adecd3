"""The law of the mean activation: closed forms and tails against plain simulation."""

import numpy as np
import pytest
from scipy.stats import norm

from relucells.samples.gaussian import two_gaussians
from relucells.statistics import (
    Activation,
    RareEvents,
    activation_probability,
    activation_variance,
    fixed_activation,
    gaussian_activation,
    gaussian_moments,
    half_space_draws,
)
from relucells.statistics.activation import active_shares


@pytest.fixture
def samples(rng):
    return two_gaussians(3, 60, rng)[0]


def drawn(X, bias, count, rng, reading="added"):
    """Active pairs (count, N) by drawing weights, as the pipeline does."""
    W = rng.standard_normal((count, X.shape[1]))
    W[:, -1] = bias + (W[:, -1] if reading == "added" else 0)
    return W @ X.T > 0


@pytest.mark.parametrize("reading", ["added", "replaced"])
@pytest.mark.parametrize("bias", [3.0, 0.0, -1.0])
def test_probability_of_a_pair(samples, rng, bias, reading):
    found = drawn(samples, bias, 40_000, rng, reading).mean(axis=0)
    np.testing.assert_allclose(found, activation_probability(samples, bias, reading), atol=0.013)


def test_half_of_all_pairs_are_active_without_a_bias(samples):
    assert (activation_probability(samples, 0.0) == 0.5).all()
    assert gaussian_moments(3, 0.0) == (pytest.approx(0.5), pytest.approx(0.0, abs=1e-15))


@pytest.mark.parametrize("bias", [3.0, 0.0, -1.0])
def test_variance_in_closed_form(samples, rng, bias):
    found = drawn(samples, bias, 60_000, rng).mean(axis=1).var()
    assert activation_variance(samples, bias) == pytest.approx(found, rel=0.03)


@pytest.mark.parametrize(
    ("d", "bias", "reading"), [(1, 3.0, "added"), (3, -3.0, "added"), (10, 3.0, "replaced")]
)
def test_moments_over_gaussian_data(rng, d, bias, reading):
    values = activation_probability(two_gaussians(d, 100_000, rng)[0], bias, reading)
    mean, variance = gaussian_moments(d, bias, reading)
    assert mean == pytest.approx(values.mean(), abs=4 * values.std() / np.sqrt(len(values)))
    assert variance == pytest.approx(values.var(), rel=0.05)


def test_saddlepoint_where_the_normal_tail_fails(samples, rng):
    """Twenty neurons at bias 4, nearly all pairs active: a long tail to the left."""
    shares = active_shares(samples, 4.0, 40_000, rng)
    law = Activation(float(shares.mean()), 0.0, shares - shares.mean(), 20)
    means = rng.choice(shares, (200_000, 20)).mean(axis=1)
    np.testing.assert_allclose(law.interval(), np.quantile(means, [0.025, 0.975]), atol=0.002)
    far = float(np.quantile(means, 0.001))
    assert law.p(far) == pytest.approx(0.002, rel=0.15)
    assert law.p(far) > 2 * (2 * norm.sf((law.mean - far) / law.sd))
    assert law.p(law.mean) == 1.0
    assert law.p(law.mean + 1e-4) == pytest.approx(1.0, abs=0.1)
    assert law.p(1.0 + 1e-9) == 0.0


def test_the_draw_of_the_data_belongs_to_the_law(rng):
    """Mean over 40 neurons on a fresh data set each time."""
    law = gaussian_activation(3, 40, -2.0, 40, rng)
    means = [drawn(two_gaussians(3, 40, rng)[0], -2.0, 40, rng).mean() for _ in range(4000)]
    assert law.mean == pytest.approx(np.mean(means), abs=0.002)
    assert law.sd == pytest.approx(np.std(means), rel=0.05)
    np.testing.assert_allclose(law.interval(), np.quantile(means, [0.025, 0.975]), atol=0.006)


def test_neurons_that_are_active_at_all(rng):
    """By importance as by drawing, where drawing still finds them."""
    X, _ = two_gaussians(10, 50, rng)
    q, W, shares, weights = half_space_draws(X, -10.0, 20_000, rng)
    active = drawn(X, -10.0, 60_000, rng)
    assert q == pytest.approx(active.any(axis=1).mean(), rel=0.05)
    assert weights.sum() == pytest.approx(1)
    np.testing.assert_allclose((W @ X.T > 0).mean(axis=1), shares)
    assert q * (weights @ shares) == pytest.approx(activation_probability(X, -10.0).mean(), rel=0.02)


@pytest.mark.parametrize("bias", [12.0, -12.0])
def test_rare_pairs(rng, bias):
    """Against 4000 experiments of 100 neurons; at +12 nearly every pair is active, and the rest is rare."""
    X, _ = two_gaussians(10, 20, rng)
    law = fixed_activation(X, bias, 100, rng)
    assert isinstance(law, RareEvents)
    pairs = np.array([drawn(X, bias, 100, rng).mean() for _ in range(4000)])
    assert law.none == pytest.approx((pairs == (bias > 0)).mean(), abs=0.03)
    assert law.experiments.mean() == pytest.approx(law.mean, rel=0.1)
    assert law.experiments.std() == pytest.approx(pairs.std(), rel=0.15)
    low, high = law.interval()
    assert 0.93 < np.mean((low <= pairs) & (pairs <= high)) <= 1
    assert law.p(law.mean) > 0.5
    assert law.p(0.5) < 1e-3


def test_a_reading_that_does_not_exist(samples):
    with pytest.raises(ValueError, match="reading"):
        activation_probability(samples, 1.0, "multiplied")
