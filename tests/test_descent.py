"""Gradient descent against finite differences and against the definition, one step at a time."""

import numpy as np
import pytest

from relucells.descent import descend, descend_all, gradient


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


def textbook(X, y, W, z, step, tolerance, max_steps):
    """The definition, word for word: gradient tested before each step, crossing after it."""
    start, w, v, steps = X @ W.T, W, z, 0
    while True:
        by_W, by_z = gradient(X, y, w, v)
        norm = np.sqrt((by_W**2).sum() + (by_z**2).sum())
        if norm < tolerance or steps == max_steps:
            return "trapped" if norm < tolerance else "undecided", steps, w, v, norm
        next_w, next_v, steps = w - step * by_W, v - step * by_z, steps + 1
        if (np.sign(X @ next_w.T) * np.sign(start) <= 0).any():
            return "crossed", steps, w, v, norm
        w, v = next_w, next_v


@pytest.mark.parametrize(
    ("N", "D", "bias"),
    [(12, 5, 0.0), (40, 5, 0.0), (6, 9, 0.0), (40, 60, 0.0), (40, 60, 12.0), (40, 60, -14.0)],
    ids=["by samples", "by moments", "by pre-activations", "mixed", "nearly all active", "few active pairs"],
)
def test_runs_follow_the_textbook_loop(rng, N, D, bias):
    """Whichever form carries the run."""
    X = np.column_stack([rng.standard_normal((N, D - 1)), np.ones(N)])
    y, z = rng.choice([-1.0, 1.0], N), rng.standard_normal((9, 3))
    W = rng.standard_normal((9, 3, D))
    W[:, :, -1] += bias
    z[:2] = 1e-3  # slow: still inside after all steps
    W[2, :, -1] = -50  # nothing active: at rest
    settings = (1e-3 if bias == 0 else 1e-4, 1e-3, 150)
    ends = descend_all(X, y, W, z, *settings)
    for t, end in enumerate(ends):
        outcome, steps, w, v, norm = textbook(X, y, W[t], z[t], *settings)
        assert (end.outcome, end.steps) == (outcome, steps)
        np.testing.assert_allclose(end.W, w, atol=1e-10)
        np.testing.assert_allclose(end.z, v, atol=1e-10)
        assert end.gradient_norm == pytest.approx(norm, rel=1e-9, abs=1e-15)
        assert (np.sign(X @ end.W.T) == np.sign(X @ W[t].T)).all()
        alone = descend(X, y, W[t], z[t], *settings)
        assert (alone.outcome, alone.steps) == (outcome, steps)
    assert len({(end.outcome, end.steps) for end in ends}) > 2


@pytest.mark.parametrize("wide", [False, True])
def test_a_run_ends_bit_for_bit_the_same_whatever_others_are_asked_for(rng, wide):
    """Trials are cut into blocks of any size."""
    N, D, K = (6, 40, 4) if wide else (40, 6, 4)
    X, y = rng.standard_normal((N, D)), rng.choice([-1.0, 1.0], N)
    W, z = rng.standard_normal((5, K, D)), rng.standard_normal((5, K))
    W[2, 1] -= 10 * X.mean(axis=0)  # a neuron that hardly any sample activates
    together = descend_all(X, y, W, z, 1e-4, 1e-3, 300)
    for t, end in enumerate(together):
        (alone,) = descend_all(X, y, W[t : t + 1], z[t : t + 1], 1e-4, 1e-3, 300)
        assert alone == end


def test_native_code_is_compiled_once_for_runs_of_every_shape(rng):
    """Compiling takes seconds in a fresh checkout, once for each memory order and type that it meets."""
    from relucells.descent_gram import _advance

    for N, D, K, bias in [
        (1, 3, 1, 0.0),
        (1, 3, 2, 0.0),
        (6, 40, 1, 0.0),
        (6, 40, 4, 30.0),
        (20, 40, 5, -9.0),
    ]:
        X = np.column_stack([rng.standard_normal((N, D - 1)), np.ones(N)])
        W = rng.standard_normal((4, K, D))
        W[:, :, -1] += bias
        W[1, :, -1] = -50  # nothing active
        descend_all(X, rng.choice([-1.0, 1.0], N), W, rng.standard_normal((4, K)), 1e-4, 1e-3, 20)
    assert len(_advance.signatures) == 1


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
        ({"step": np.nan}, "step: must be a positive number"),
        ({"gradient_tolerance": -1}, "gradient_tolerance"),
        ({"max_steps": -1}, "max_steps"),
        ({"W": np.zeros((3, 4))}, "W: must have one column per input coordinate, 5, not 4"),
        ({"z": np.zeros(2)}, "z: must have one entry per neuron, 3, not 2"),
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


def test_runs_must_be_as_many_as_their_output_weights(problem):
    X, y, W, z = problem
    with pytest.raises(ValueError, match="z: must have one row per run, 2, not 1"):
        descend_all(X, y, np.stack([W, W]), z[None])
