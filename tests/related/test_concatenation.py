"""Maximum-and-Concatenation Networks: derivatives by differences, endings by an independent look."""

import numpy as np
import pytest

from relucells.related.concatenation import (
    Network,
    hessian,
    linear_loss,
    loss_and_gradient,
    train,
)

BLOCK, CONTROL = Network(D=4, width=2, linear=1), Network(D=4, width=2, linear=0)


@pytest.fixture
def samples(rng):
    return np.column_stack((rng.standard_normal((20, 3)), np.ones(20))), rng.choice([-1.0, 1.0], 20)


def outputs(network, X, flat):
    """The network sample by sample, straight from its formula."""
    p = network.unpack(flat)
    values = []
    for x in X:
        leaky = [a if a > 0 else 0.15 * a for a in p["A"] @ x]
        hidden = [max(a, w) for a, w in zip(leaky, p["W"] @ x, strict=True)]
        if network.linear:
            power = p["s_out"] * np.exp(p["s_in"] * (p["S"] @ x))
            hidden = [*(p["L"] @ x), *(np.array(hidden) + power)]
        values.append(p["V"] @ np.array(hidden))
    return np.array(values)


@pytest.mark.parametrize("network", [BLOCK, CONTROL])
def test_loss_gradient_and_hessian(samples, rng, network):
    X, y = samples
    flat, step = network.draw(rng), 1e-6
    value, gradient = loss_and_gradient(network, X, y, flat)
    assert value == pytest.approx(np.mean((outputs(network, X, flat) - y) ** 2))
    second = hessian(network, X, y, flat)
    for k, direction in enumerate(np.eye(network.size)):
        (up, up_slope), (down, down_slope) = (
            loss_and_gradient(network, X, y, flat + side * step * direction) for side in (1, -1)
        )
        assert gradient[k] == pytest.approx((up - down) / (2 * step), rel=1e-5, abs=1e-7)
        assert second[k] == pytest.approx((up_slope - down_slope) / (2 * step), rel=1e-4, abs=1e-6)


def test_parameters_are_all_used_once():
    assert BLOCK.size == 4 * (2 + 2 + 2 + 1) + 3 + 2
    assert CONTROL.size == 4 * (2 + 2) + 2


def test_linear_loss_is_what_a_linear_block_reaches(samples):
    X, y = samples
    beta = np.linalg.lstsq(X, y, rcond=None)[0]
    assert linear_loss(X, y) == pytest.approx(np.mean((X @ beta - y) ** 2))
    parts = {name: np.zeros(shape) for name, shape in BLOCK.shapes.items()}
    parts["L"], parts["V"] = beta[None], np.array([1.0, 0.0, 0.0])
    flat = np.concatenate([parts[name].ravel() for name in BLOCK.shapes])
    assert loss_and_gradient(BLOCK, X, y, flat)[0] == pytest.approx(linear_loss(X, y))


def test_a_run_that_ends_in_a_minimum_has_no_lower_loss_nearby(samples, rng):
    X, y = samples
    small = Network(D=4, width=1, linear=0)
    endings = set()
    for _ in range(20):
        run = train(small, X, y, small.draw(rng), 200)
        endings.add(run.ending)
        if run.ending.startswith("minimum"):
            assert (run.kinks > 0) == (run.ending == "minimum at a kink")
            nearby = run.flat + 1e-6 * rng.standard_normal((200, small.size))
            assert min(loss_and_gradient(small, X, y, p)[0] for p in nearby) >= run.loss - 1e-12
            assert run.gradient_norm < 1e-8 and run.least_eigenvalue >= -1e-6
    assert {"minimum", "minimum at a kink"} <= endings


def test_the_origin_is_no_minimum_of_the_block(samples):
    """All parameters 0 is critical; the block has a way down, so it must not pass for a minimum."""
    X, y = samples
    parts = {name: np.zeros(shape) for name, shape in BLOCK.shapes.items()}
    flat = np.concatenate([parts[name].ravel() for name in BLOCK.shapes])
    run = train(BLOCK, X, y, flat, 100)
    assert run.gradient_norm == 0 and run.least_eigenvalue < -1e-6
    assert run.ending == "saddle"
    assert run.loss > linear_loss(X, y)
