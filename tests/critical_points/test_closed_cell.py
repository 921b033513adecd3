"""The least loss over a closed cell, against a general solver."""

import numpy as np
import pytest

from relucells.cells.pattern import activation_pattern
from relucells.critical_points.closed_cell import minimum_on_closed_cell
from relucells.critical_points.closed_minimum import (
    closed_minimum,
    closed_minimum_general,
    closed_minimum_independent,
)
from relucells.critical_points.coordinates import directions, orthonormal
from relucells.samples.gaussian import two_gaussians
from relucells.samples.inputs import prepare


def test_closed_cell_minimum_against_a_general_solver(rng):
    from scipy.optimize import minimize

    for _ in range(4):
        X, y = two_gaussians(2, 16, rng)
        W, z = rng.standard_normal((2, 3)), rng.choice([-1.0, 1.0], 2)
        pattern = activation_pattern(X, W)
        inputs = prepare(X)
        C, T = orthonormal(inputs)
        start = directions(inputs, C, W) * np.abs(z)[:, None]
        V, _ = closed_minimum(C, y, pattern, z, start, np.zeros_like(pattern))
        V = V @ T.T
        side = np.where(pattern, 1.0, -1.0)

        def cell_loss(v, X=X, y=y, z=z, pattern=pattern):
            return np.mean(((pattern * (X @ v.reshape(2, 3).T)) @ z - y) ** 2)

        def slack(v, X=X, side=side):
            return (side * (X @ v.reshape(2, 3).T)).ravel()

        other = minimize(cell_loss, W.ravel(), method="SLSQP", constraints={"type": "ineq", "fun": slack})
        assert slack(V.ravel()).min() > -1e-9
        assert cell_loss(V.ravel()) <= other.fun + 1e-6
        assert cell_loss(V.ravel()) == pytest.approx(other.fun, abs=1e-5)


def test_both_routes_agree_on_independent_samples(rng):
    for _ in range(5):
        X, y = rng.standard_normal((5, 5)), rng.choice([-1.0, 1.0], 5)
        W, signs = rng.standard_normal((3, 5)), rng.choice([-1.0, 1.0], 3)
        inputs, pattern = prepare(X), activation_pattern(X, W)
        C, _ = orthonormal(inputs)
        start = directions(inputs, C, W)
        free = closed_minimum_independent(C, y, pattern, signs, start)
        general, _ = closed_minimum_general(C, y, pattern, signs, start, np.zeros_like(pattern))
        for V in (free, general):
            assert (np.where(pattern, 1, -1) * (C @ V.T)).min() > -1e-12
        losses = [np.mean(((pattern * (C @ V.T)) @ signs - y) ** 2) for V in (free, general)]
        assert losses[0] == pytest.approx(losses[1], abs=1e-12)


def test_closed_cells_of_independent_samples_always_hold_a_minimum(rng):
    kinds = []
    for N in (2, 2, 2, 2, 2, 2, 8, 8, 8, 8, 8, 8):  # with few samples there is often none left over
        X, y = np.column_stack([rng.standard_normal((N, 9)), np.ones(N)]), rng.choice([-1.0, 1.0], N)
        W, z = rng.standard_normal((3, 10)), rng.standard_normal(3)
        found = minimum_on_closed_cell(X, y, W, z)
        served = (activation_pattern(X, W) & (np.sign(z) == y[:, None])).any(axis=1)
        lonely = activation_pattern(X, W).any(axis=1) & ~served
        wanted = "non-differentiable minimum" if lonely.any() else "differentiable minimum"
        assert found.verdict == wanted
        assert found.loss == pytest.approx(1 - served.mean(), abs=1e-12)
        kinds.append(found.verdict)
    assert len(set(kinds)) == 2
