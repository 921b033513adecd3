"""On which side of a hyperplane a sample lies: exact, be numbers large, small or nearly orthogonal."""

from fractions import Fraction

import numpy as np
import pytest

import relucells
from relucells.critical_points.closed_cell import minimum_on_closed_cell
from relucells.samples.randomness import stream

HARD = {
    "cancelling": ([[1.0, 1e16, -1e16], [-1.0, 1e16, -1e16]], [[1.0, 1, 1]]),
    "products that underflow": ([[1e-200], [-1e-200], [5e-324]], [[1e-200], [5e-324]]),
    "products that overflow": ([[1e308, 1e308]], [[10.0, -9.0], [-10.0, 9.0]]),
    "squares that do neither alone": ([[1e300, 1e-300]], [[1e-300, 1e300], [-1e-300, 1e300]]),
    "exact zeros": ([[1.0, 2.0], [0.0, 0.0], [3.0, 6.0]], [[2.0, -1.0], [0.0, 0.0], [0.1, -0.05]]),
}


def exactly(X, W):
    return [[sum(Fraction(a) * Fraction(b) for a, b in zip(x, w, strict=True)) > 0 for w in W] for x in X]


@pytest.mark.parametrize("name", HARD)
def test_patterns_of_extreme_numbers_are_exact(name):
    X, W = HARD[name]
    assert relucells.activation_pattern(X, W).tolist() == exactly(X, W)


def test_patterns_of_nearly_orthogonal_weights_are_exact():
    for n in range(40):
        rng = stream(41, "nearly orthogonal", n)
        X = rng.standard_normal((6, 4))
        W = np.cross(X[:3, :3], X[3:, :3])
        W = np.column_stack([W, rng.integers(-1, 2, 3) * 2.0**-50])
        assert relucells.activation_pattern(X, W).tolist() == exactly(X, W)


def test_the_cell_of_a_point_is_the_one_of_its_exact_signs():
    """w·x = 1 though floats say 0: on this cell the single sample is fitted, on the other one it is dead."""
    found = minimum_on_closed_cell([[1.0, 1e16, -1e16]], [1.0], [[1.0, 1, 1]], [1.0])
    assert found.verdict == "differentiable minimum" and found.loss == 0.0
