"""Print's rounding, power, and several comparisons at once."""

import numpy as np
import pytest
from scipy.stats import combine_pvalues, norm

from relucells.pipeline.verdicts import half_unit
from relucells.statistics import beyond, holm, joint, power, printed_unit


def test_a_column_has_one_unit():
    """ "0" in a column of .48 and .77 is 0.00, not 0 ± 0.5."""
    assert printed_unit(["0.48", "0.77", "0"]) == pytest.approx(0.01)
    assert printed_unit(["100", "81.99", "0"]) == pytest.approx(0.01)


def test_rounding_moves_a_number_by_half_a_unit():
    assert half_unit("81.99") == pytest.approx(0.005)
    assert half_unit("100") == 0.5


def test_a_last_binary_digit_decides_nothing():
    assert not beyond(0.1 + 0.2, 0.0, 0.3)
    assert beyond(0.301, 0.0, 0.3)


@pytest.mark.parametrize(
    ("expected", "low", "high", "step", "smallest_deviation"),
    [
        (60.4, 48, 72, 1, 12),  # 47 is 13 below 60, 73 is 13 above: worked below
        (0, 0, 3, 1, 4),
        (97.0, 94, 100, 1, 4),
        (0.5, 0.4886, 0.5114, 0.01, 0.02),
        (50, 0, 100, 1, np.nan),
    ],
)
def test_power_is_the_nearest_number_outside(expected, low, high, step, smallest_deviation):
    found = power(expected, low, high, step, 0.0, 100.0)
    outside = [v for v in np.arange(0, 100 + step / 2, step) if beyond(v, low, high)]
    nearest = min(abs(v - round(expected / step) * step) for v in outside) if outside else np.nan
    assert found == pytest.approx(nearest, nan_ok=True)
    if expected != 60.4:
        assert found == pytest.approx(smallest_deviation, nan_ok=True)


def test_power_of_an_unbounded_number():
    assert power(0.034, 0.0335, 0.0345, 0.001) == pytest.approx(0.001)


def test_holm_by_hand():
    """Sorted p times 4, 3, 2, 1, never falling."""
    np.testing.assert_allclose(holm(np.array([0.01, 0.04, 0.03, 0.005])), [0.03, 0.06, 0.06, 0.02])


def test_several_scores_taken_together():
    z = np.array([0.3, -1.2, 2.5])
    statistic, freedom, p = joint(2 * norm.sf(np.abs(z)))
    assert (statistic, freedom) == (pytest.approx((z**2).sum()), 3)
    assert 0.05 < p < 0.06
    # Not Fisher's combination, but near it.
    assert p == pytest.approx(combine_pvalues(2 * norm.sf(np.abs(z))).pvalue, abs=0.03)
