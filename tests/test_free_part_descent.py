"""Descent of networks with a free linear part: gradients by differences, a bias neuron, crossings, rests."""

import numpy as np
import pytest

from relucells import cell_minimum, descend
from relucells.descent import descend_all, gradient
from relucells.samples.randomness import stream


def problem(n: int, N: int = 12, D: int = 4, K: int = 3, m: int = 2):
    rng = stream(90, "descent", n)
    X, F = rng.standard_normal((N, D)), rng.standard_normal((N, m))
    return (
        X,
        rng.standard_normal(N),
        rng.standard_normal((K, D)),
        rng.standard_normal(K),
        F,
        rng.standard_normal(m),
    )


def loss(X, y, W, z, F, c):
    return float(np.mean((np.maximum(X @ W.T, 0.0) @ z + F @ c - y) ** 2))


@pytest.mark.parametrize("shape", [(12, 4, 3, 2), (5, 9, 2, 1)])
def test_one_step_is_the_gradient_of_all_weights(shape):
    X, y, W, z, F, c = problem(0, *shape)
    step = 1e-7
    end = descend(X, y, W, z, step=step, gradient_tolerance=0.0, max_steps=1, free=F, c=c)
    by_W, by_z = gradient(X, y - F @ c, W, z)
    eps = 1e-6
    by_c = [
        (loss(X, y, W, z, F, c + eps * d) - loss(X, y, W, z, F, c - eps * d)) / (2 * eps)
        for d in np.eye(len(c))
    ]
    np.testing.assert_allclose((c - end.c) / step, by_c, rtol=1e-6)
    np.testing.assert_allclose((W - end.W) / step, by_W, rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose((z - end.z) / step, by_z, rtol=1e-5, atol=1e-7)
    start = descend(X, y, W, z, step=step, gradient_tolerance=0.0, max_steps=0, free=F, c=c)
    total = (by_W**2).sum() + (by_z**2).sum() + np.sum(np.square(by_c))
    assert start.gradient_norm == pytest.approx(np.sqrt(total), rel=1e-6)


def test_a_bias_that_is_free_is_appended_to_the_free_programs():
    """An output bias moves like the output weight of a neuron that is 1 everywhere and does not move."""
    X, y, W, z, _, _ = problem(1)
    ones, step = np.ones((len(X), 1)), 1e-3
    end = descend(X, y, W, z, step=step, gradient_tolerance=0.0, max_steps=50, free=ones)
    bias = np.zeros(1)
    for _ in range(end.steps - (end.outcome == "crossed")):
        missing = y - bias
        by_W, by_z = gradient(X, missing, W, z)
        e = np.maximum(X @ W.T, 0.0) @ z - missing
        W, z, bias = W - step * by_W, z - step * by_z, bias - step * 2 * e.mean()
    np.testing.assert_allclose(end.W, W, atol=1e-10)
    np.testing.assert_allclose(end.c, bias, atol=1e-10)


def test_runs_together_are_the_runs_alone():
    X, y, _, _, F, _ = problem(2)
    rng = stream(91, "together", 0)
    W, z, c = rng.standard_normal((5, 3, 4)), rng.standard_normal((5, 3)), rng.standard_normal((5, 2))
    together = descend_all(X, y, W, z, 1e-2, 1e-3, 400, free=F, c=c)
    assert len({run.steps for run in together}) > 2
    for n, run in enumerate(together):
        alone = descend(X, y, W[n], z[n], 1e-2, 1e-3, 400, free=F, c=c[n])
        assert (alone.outcome, alone.steps) == (run.outcome, run.steps)
        np.testing.assert_allclose(alone.c, run.c, atol=1e-12)
        np.testing.assert_allclose(alone.W, run.W, atol=1e-12)


def test_at_a_minimum_that_is_planted_descent_rests_at_once():
    X, y, W, z, F, _ = problem(3)
    pattern = X @ W.T > 0
    R = z[:, None] * W
    rng = stream(92, "planted", 0)
    c = rng.standard_normal(2)
    A = np.hstack([(pattern[:, :, None] * X[:, None, :]).reshape(len(X), -1), F])
    residual = rng.standard_normal(len(X))
    residual -= A @ np.linalg.lstsq(A, residual, rcond=None)[0]
    y = (pattern * (X @ R.T)).sum(axis=1) + F @ c + residual
    end = descend(X, y, W, z, 1e-3, 1e-9, 10, free=F, c=c)
    assert (end.outcome, end.steps) == ("trapped", 0)
    assert cell_minimum(X, y, pattern, free=F).loss == pytest.approx(loss(X, y, W, z, F, c))
    assert descend(X, y, W, z, 1e-3, 1e-9, 10, free=F, c=c + 0.1).steps > 0


def test_nothing_changes_without_columns():
    X, y, W, z, _, _ = problem(4)
    one = descend(X, y, W, z, 1e-2, 1e-3, 100)
    other = descend(X, y, W, z, 1e-2, 1e-3, 100, free=np.zeros((len(X), 0)))
    assert one.c is None and other.c.shape == (0,)
    assert np.array_equal(one.W, other.W) and one.steps == other.steps


def test_bad_arguments_are_refused_by_name():
    X, y, W, z, F, _ = problem(5)
    for free, c, name in (
        (F, np.zeros(3), "c"),
        (F[:3], None, "free"),
        (F, [np.nan, 0.0], "c"),
        (None, [1.0], "c"),
    ):
        with pytest.raises(ValueError, match=rf"^{name}: "):
            descend(X, y, W, z, free=free, c=c)
