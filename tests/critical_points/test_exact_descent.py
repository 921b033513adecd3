"""Descent from closed cell to closed cell ends in a local minimum and never rises."""

import numpy as np
import pytest
from points import loss, lowest_nearby, problem

from relucells.cells.pattern import activation_pattern
from relucells.critical_points import exact_descent
from relucells.critical_points.classify import critical_point
from relucells.critical_points.closed_cell import minimum_on_closed_cell
from relucells.critical_points.closed_minimum import closed_minimum
from relucells.critical_points.exact_descent import settle
from relucells.critical_points.gradient import gradient_descent
from relucells.critical_points.saddles import saddle_in_cell
from relucells.samples.gaussian import two_gaussians
from relucells.samples.randomness import stream


def test_settling_where_every_pre_activation_is_free(rng):
    """rank X = N: samples served by a neuron of their sign are fitted, the others end at 0."""
    X, y = np.column_stack([rng.standard_normal((12, 14)), np.ones(12)]), np.repeat([1.0, -1.0], 6)
    W, z = rng.standard_normal((2, 15)), np.array([1.0, 1.0])
    end = settle(X, y, W, z)
    point = critical_point(X, y, end.W, end.z)
    active = activation_pattern(X, W).any(axis=1)
    assert (active & (y < 0)).any()
    assert point.kind == "non-differentiable minimum"
    assert point.loss == pytest.approx(1 - (active & (y > 0)).mean(), abs=1e-12)
    assert lowest_nearby(X, y, end.W, end.z, rng) >= -1e-15


@pytest.mark.parametrize("case", ["zero sample", "repeated samples", "one coordinate", "any real labels"])
def test_unusual_samples(rng, case):
    """Everything runs, and what is called a minimum is one."""
    X, y = two_gaussians(3, 12, rng)
    if case == "zero sample":
        X, y = np.vstack((X, np.zeros(4))), np.append(y, 1.0)
    elif case == "repeated samples":
        X, y = np.vstack((X, X)), np.concatenate((y, y))
    elif case == "one coordinate":
        X = X[:, :1]
    else:
        y = 100 * rng.standard_normal(12)
    for _ in range(3):
        W, z = rng.standard_normal((3, X.shape[1])), rng.standard_normal(3)
        saddle_in_cell(X, y, W)
        minimum_on_closed_cell(X, y, W, z)
        run = gradient_descent(X, y, W, z, 200)
        end = settle(X, y, run.W, run.z)
        if "minimum" in critical_point(X, y, end.W, end.z).kind:
            assert lowest_nearby(X, y, end.W, end.z, rng) >= -1e-12 * (y @ y)


@pytest.mark.parametrize("number", range(30))
def test_settling_is_a_descent_to_a_minimum(rng, number, monkeypatch):
    X, y, W, z = problem(rng, number)
    losses = [loss(X, y, W, z)]
    solve = closed_minimum

    def watched(C, y, pattern, signs, V, held):
        V, held = solve(C, y, pattern, signs, V, held)
        pre = C @ V.T
        assert (np.where(pattern, 1, -1) * pre).min() >= -1e-11 * np.abs(pre).max(initial=1)
        losses.append(np.mean((np.maximum(pre, 0) @ signs - y) ** 2) * (scale @ scale))
        return V, held

    scale = np.linalg.norm(y, keepdims=True)
    monkeypatch.setattr(exact_descent, "closed_minimum", watched)
    end = settle(X, y, W, z)
    final = loss(X, y, end.W, end.z)
    rounding = 1e-13 * np.mean(y**2)
    assert (np.diff(losses) <= rounding).all()
    assert final == pytest.approx(losses[-1], rel=1e-9, abs=rounding)
    assert end.finished
    point = critical_point(X, y, end.W, end.z)
    assert point.kind != "not converged"
    assert point.gradient_norm < 1e-9
    if "minimum" in point.kind:
        assert lowest_nearby(X, y, end.W, end.z, rng) >= -rounding
    # What has settled stays.
    again = settle(X, y, end.W, end.z)
    assert loss(X, y, again.W, again.z) == pytest.approx(final, rel=1e-9, abs=rounding)


@pytest.mark.parametrize("number", [24, 371, 802])
def test_settling_never_raises_the_loss(number):
    """Small overparameterised cells, where what is left free may be rounding alone."""
    rng = stream(8, "settle", number)
    d, K, N = int(rng.integers(1, 5)), int(rng.integers(2, 16)), 2 * int(rng.integers(3, 15))
    X, y = two_gaussians(d, N, rng)
    W, z = rng.standard_normal((K, d + 1)), rng.standard_normal(K)
    end = settle(X, y, W, z)
    assert end.finished
    before, after = (np.mean((np.maximum(X @ V.T, 0) @ u - y) ** 2) for V, u in ((W, z), (end.W, end.z)))
    assert after <= before * (1 + 1e-9)
