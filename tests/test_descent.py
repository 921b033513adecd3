"""Gradient descent against finite differences, and its two forms against each other."""

import numpy as np
import pytest

from relucells.descent import descend, gradient


def loss(X, y, W, z):
    """Eq. (1) as the paper writes it."""
    return np.mean((np.maximum(X @ W.T, 0) @ z - y) ** 2)


@pytest.fixture
def problem(rng):
    X = np.column_stack([rng.standard_normal((12, 4)), np.ones(12)])
    return X, rng.choice([-1.0, 1.0], 12), rng.standard_normal((3, 5)), rng.standard_normal(3)


def test_gradient_is_the_finite_difference(problem):
    X, y, W, z = problem
    by_W, by_z = gradient(X, y, W, z)
    h = 1e-6
    for index in np.ndindex(W.shape):
        step = np.zeros_like(W)
        step[index] = h
        numeric = (loss(X, y, W + step, z) - loss(X, y, W - step, z)) / (2 * h)
        assert by_W[index] == pytest.approx(numeric, rel=1e-6, abs=1e-8)
    for j in range(3):
        step = np.zeros(3)
        step[j] = h
        numeric = (loss(X, y, W, z + step) - loss(X, y, W, z - step)) / (2 * h)
        assert by_z[j] == pytest.approx(numeric, rel=1e-6, abs=1e-8)


def test_forms_agree_step_by_step(problem):
    """After each number of steps, the Gram form and the plain form stand at the same point."""
    X, y, W, z = problem
    for steps in range(25):
        gram, plain = (descend(X, y, W, z, 1e-3, 1e-9, steps, form=form) for form in ("gram", "plain"))
        assert (gram.outcome, gram.steps) == (plain.outcome, plain.steps)
        np.testing.assert_allclose(gram.W, plain.W, atol=1e-12)
        np.testing.assert_allclose(gram.z, plain.z, atol=1e-12)
        assert gram.gradient_norm == pytest.approx(plain.gradient_norm, rel=1e-9)


def test_follows_the_textbook_loop(problem):
    """The definition, word for word: gradient tested before each step, crossing after it."""
    X, y, W, z = problem
    start = X @ W.T
    w, v, steps = W, z, 0
    while True:
        by_W, by_z = gradient(X, y, w, v)
        if np.sqrt((by_W**2).sum() + (by_z**2).sum()) < 1e-3:
            expected = "trapped"
            break
        next_w, next_v, steps = w - 1e-3 * by_W, v - 1e-3 * by_z, steps + 1
        if ((X @ next_w.T) * start <= 0).any():
            expected = "crossed"
            break
        w, v = next_w, next_v
    found = descend(X, y, W, z, step=1e-3, gradient_tolerance=1e-3, max_steps=10**6)
    assert (found.outcome, found.steps) == (expected, steps)
    np.testing.assert_allclose(found.W, w, atol=1e-10)
    np.testing.assert_allclose(found.z, v, atol=1e-10)
    assert ((X @ found.W.T) * start > 0).all()


def test_trapped_on_the_plateau(rng):
    X = np.column_stack([rng.standard_normal((8, 2)), np.ones(8)])
    W = np.array([[0.0, 0.0, -5.0], [0.1, 0.1, -6.0]])
    found = descend(X, np.ones(8), W, [1.0, -1.0], 1e-6, 1e-3, 10)
    assert (found.outcome, found.steps, found.gradient_norm) == ("trapped", 0, 0.0)
    np.testing.assert_array_equal(found.W, W)


def test_undecided_at_the_step_limit(problem):
    X, y, W, z = problem
    found = descend(X, y, W, z, step=1e-12, gradient_tolerance=0.0, max_steps=7)
    assert (found.outcome, found.steps) == ("undecided", 7)


def test_trapped_at_a_least_squares_minimum_with_positive_targets(rng):
    """All neurons active and a target that a positive linear model fits: descent ends in the cell."""
    X = np.column_stack([rng.uniform(0.5, 1.5, (10, 2)), np.ones(10)])
    y = X @ np.array([0.5, 0.3, 0.2])
    found = descend(X, y, [[0.4, 0.4, 0.3]], [1.0], step=0.05, gradient_tolerance=1e-6, max_steps=10**6)
    assert found.outcome == "trapped"
    np.testing.assert_allclose(found.z[0] * found.W[0], [0.5, 0.3, 0.2], atol=1e-4)


def test_a_sample_on_the_start_boundary_counts_as_crossed():
    found = descend([[1.0, -1.0], [1.0, 2.0]], [1.0, -1.0], [[1.0, 1.0]], [1.0], 1e-3, 0.0, 100)
    assert (found.outcome, found.steps) == ("crossed", 1)


@pytest.mark.parametrize("exponent", [-3, 3])
def test_scaling_between_layers(problem, exponent):
    """(w_j c, z_j / c) is the same network: same loss gradient with respect to R, same cell."""
    X, y, W, z = problem
    c = 2.0**exponent
    by_W, by_z = gradient(X, y, W, z)
    scaled_W, scaled_z = gradient(X, y, W * c, z / c)
    np.testing.assert_allclose(scaled_W, by_W / c, rtol=1e-12)
    np.testing.assert_allclose(scaled_z, by_z * c, rtol=1e-12)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"step": 0}, "step: must be positive"),
        ({"step": np.nan}, "step: must be positive"),
        ({"gradient_tolerance": -1}, "gradient_tolerance"),
        ({"max_steps": -1}, "max_steps"),
        ({"W": np.zeros((3, 4))}, "W: must have one column per input coordinate, 5, not 4"),
        ({"z": np.zeros(2)}, "z: must have one entry per neuron, 3, not 2"),
        ({"form": "fast"}, "form: must be auto, gram or plain"),
        ({"y": [np.nan] * 12}, "y: must be finite"),
    ],
)
def test_bad_arguments_are_named(problem, change, message):
    X, y, W, z = problem
    arguments = {"X": X, "y": y, "W": W, "z": z, "step": 1e-3, "gradient_tolerance": 1e-3, "max_steps": 5}
    with pytest.raises(ValueError, match=message):
        descend(**(arguments | change))


def test_a_product_that_underflows_is_no_crossing():
    """w·x is 1e-200 before and after the step: only the signs tell that nothing was crossed."""
    found = descend([[1e-100]], [1.0], [[1e-100]], [1.0], step=1e-6, gradient_tolerance=0.0, max_steps=3)
    assert (found.outcome, found.steps) == ("undecided", 3)
    crossed = descend([[1.0]], [-1.0], [[1e-200]], [1.0], step=1e-6, gradient_tolerance=0.0, max_steps=3)
    assert (crossed.outcome, crossed.steps) == ("crossed", 1)
