"""Rational weights as sums of floats."""

from fractions import Fraction

import numpy as np
import pytest

from relucells.samples.exact_weights import ExactWeights, prescribed_exactly


def total(parts) -> list[list[Fraction]]:
    """The exact sum of floats, (n, K, D)."""
    return [
        [sum(map(Fraction, entry)) for entry in zip(*row, strict=True)]
        for row in zip(*parts.tolist(), strict=True)
    ]


@pytest.mark.parametrize("power", [0, 700, -900])
@pytest.mark.parametrize("count", [1, 2, 4])
def test_each_part_adds_a_float_of_digits(power, count):
    weights = ExactWeights([[1, -7, 0], [2**200 + 1, 5, 3]], 3**40, [power, power - 60, power])
    parts = weights.parts(count)
    assert parts.shape == (count, 2, 3)
    for row, found in zip(weights.numerators, total(parts), strict=True):
        for numerator, exponent, value in zip(row, weights.powers, found, strict=True):
            exact = Fraction(numerator, weights.denominator) * Fraction(2) ** exponent
            error = abs(value - exact)
            assert error <= abs(exact) * Fraction(2) ** (-52 * count) or error <= Fraction(5e-324)
    assert (parts[0] == weights.floats).all()


def test_numbers_beyond_all_floats_become_infinite_and_no_more():
    parts = ExactWeights([[1, -1, 1]], 1, [2000, 2000, 0]).parts(3)
    assert parts[:, 0].tolist() == [[np.inf, -np.inf, 1.0], [0.0] * 3, [0.0] * 3]


def test_a_step_towards_other_weights():
    here, there = ExactWeights([[1, 2]], 3, [0, 5]), ExactWeights([[7, 0]], 5, [0, 5])
    first = total(here.towards(there, 4).parts(40))
    expected = [
        Fraction(3, 4) * Fraction(1, 3) + Fraction(1, 4) * Fraction(7, 5),
        Fraction(3, 4) * Fraction(64, 3),
    ]
    assert [float(a) for a in first[0]] == [float(b) for b in expected]
    assert max(abs(a - b) for a, b in zip(first[0], expected, strict=True)) < Fraction(2) ** -1000


def test_values_are_prescribed_exactly():
    rng = np.random.default_rng(0)
    X, values = rng.standard_normal((3, 5)) * [[1.0], [1e40], [1e-40]], rng.standard_normal((3, 2))
    parts = prescribed_exactly(X, values).parts(12)
    for x, wanted in zip(X.tolist(), values.tolist(), strict=True):
        for R, value in zip(total(parts), wanted, strict=True):
            found = sum(a * Fraction(b) for a, b in zip(R, x, strict=True))
            assert abs(found - Fraction(value)) < Fraction(1e-60)
