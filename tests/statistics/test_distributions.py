"""Quantiles and tails against scipy.stats, which has them too but takes long to import."""

import numpy as np
import pytest
from scipy import stats

from relucells.statistics import distributions as ours

TAILS = np.array([1e-13, 1e-6, 0.025, 0.3, 0.5, 0.9, 0.975, 1 - 1e-13])


def same(value, expected):
    assert value == pytest.approx(expected, rel=1e-11, abs=1e-300)


def test_normal():
    same(ours.normal_quantile(TAILS), stats.norm.ppf(TAILS))
    x = np.array([-30.0, -1.0, 0.0, 2.5, 9.0])
    same(ours.normal_below(x), stats.norm.cdf(x))
    same(ours.normal_density(-1.7), stats.norm.pdf(-1.7))


@pytest.mark.parametrize("freedom", [1, 1.5, 7.3, 99, 1e4])
def test_students_t(freedom):
    for p in TAILS[1:-1]:
        assert ours.t_quantile(p, freedom) == pytest.approx(stats.t.ppf(p, freedom), rel=1e-9, abs=1e-12)
    for x in (-1.0, 0.0, 2.5, 40.0):
        same(ours.t_above(x, freedom), stats.t.sf(x, freedom))


@pytest.mark.parametrize("freedom", [0.3, 1, 2.2, 50, 1e3])
def test_chi_squared(freedom):
    for p in TAILS[2:-1]:
        same(ours.chi2_quantile(p, freedom), stats.chi2.ppf(p, freedom))
        same(ours.chi2_quantile_above(p, freedom), stats.chi2.isf(p, freedom))
    x = np.array([0.0, 0.1, 3.0, 200.0])
    same(ours.chi2_above(x, freedom), stats.chi2.sf(x, freedom))


def test_the_least_p_value_has_a_finite_quantile():
    same(ours.chi2_quantile_above(1e-300, 1), stats.chi2.isf(1e-300, 1))


def test_counts():
    for count in range(-1, 22):
        same(ours.binomial_above(count, 20, 0.05), stats.binom.sf(count, 20, 0.05))
    counts = np.arange(101)
    same(ours.beta_binomial(counts, 100, 3.5, 97.5), stats.betabinom.pmf(counts, 100, 3.5, 97.5))


@pytest.mark.parametrize(("freedom", "centre"), [(1, 1.0), (3, 1.0), (10, 4.0), (300, 1.0)])
def test_noncentral_chi_squared(freedom, centre):
    law = stats.ncx2(freedom, centre)
    same(ours.noncentral_chi2_quantile(TAILS, freedom, centre), law.ppf(TAILS))
    x = np.linspace(*law.ppf([1e-6, 1 - 1e-6]), 40)
    assert ours.noncentral_chi2_density(x, freedom, centre) == pytest.approx(law.pdf(x), rel=1e-9)
