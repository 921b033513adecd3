"""Critical points of networks with an output bias, a skip connection, or another free linear part."""

import numpy as np
import pytest

from relucells import critical_point
from relucells.critical_points.closed_cell import minimum_on_closed_cell
from relucells.critical_points.closed_minimum import best_coefficients
from relucells.critical_points.exact_descent import settle
from relucells.samples.free_part import free_part
from relucells.samples.randomness import stream


def loss(X, y, W, z, F, c):
    return float(np.mean((np.maximum(X @ W.T, 0.0) @ z + F @ c - y) ** 2))


def planted(n: int, F_of):
    """A differentiable minimum: the residual is orthogonal to A's and F's ranges."""
    rng = stream(93, "planted", n)
    X = np.column_stack([rng.standard_normal((14, 2)), np.ones(14)])
    F = F_of(X)
    W, z, c = rng.standard_normal((2, 3)), rng.standard_normal(2), rng.standard_normal(F.shape[1])
    pattern = X @ W.T > 0
    A = np.hstack([(pattern[:, :, None] * X[:, None, :]).reshape(len(X), -1), F])
    residual = rng.standard_normal(len(X))
    residual -= A @ np.linalg.lstsq(A, residual, rcond=None)[0]
    return X, np.maximum(X @ W.T, 0.0) @ z + F @ c + residual, W, z, F, c


FREE = {"bias": lambda X: np.ones((len(X), 1)), "skip": lambda X: X, "other": lambda X: np.cos(X[:, :2])}


@pytest.mark.parametrize("kind", FREE)
def test_a_planted_minimum_is_one_and_not_without_its_free_part(kind):
    for n in range(5):
        X, y, W, z, F, c = planted(n, FREE[kind])
        named = {"bias": {"output_bias": c[0]}, "skip": {"skip": c}, "other": {"free": F, "c": c}}[kind]
        assert critical_point(X, y, W, z, **named).kind == "differentiable minimum"
        assert critical_point(X, y, W, z, free=F, c=c).loss == pytest.approx(loss(X, y, W, z, F, c))
        assert critical_point(X, y, W, z).kind == "not converged"
        # a c that is off by a thousandth is not critical; neither is a residual that F still sees
        assert critical_point(X, y, W, z, free=F, c=1.001 * c).kind == "not converged"
        more = np.column_stack([F, stream(94, "column", n).standard_normal(len(X))])
        assert critical_point(X, y, W, z, free=more, c=np.append(c, 0.0)).kind == "not converged"


def test_kinks_and_saddles_stay_what_they_are():
    """Labels moved by a bias that the network has change nothing."""
    X, y = np.array([[1.0, 0.0], [0.0, 1.0]]), np.array([1.0, -1.0])
    W, z = np.array([[1.0, 0.0]]), np.array([1.0])
    without = critical_point(X, y, W, z)
    assert without.kind == "non-differentiable minimum"
    # with a free bias that point is no longer critical, with a free column that meets no error it is
    assert critical_point(X, y + 2.0, W, z, output_bias=2.0).kind == "not converged"
    same = critical_point(X, y, W, z, free=np.array([[1.0], [0.0]]), c=[0.0])
    assert (same.kind, same.kinks) == (without.kind, without.kinks)
    silent = critical_point(X, np.array([1.0, -1.0]), np.array([[1.0, 1.0]]), [0.0], output_bias=0.0)
    assert silent.kind == "saddle"


@pytest.mark.parametrize("shape", [(16, 3, 3), (6, 8, 3), (30, 4, 5)])
@pytest.mark.parametrize("kind", FREE)
def test_exact_descent_ends_in_a_local_minimum(shape, kind):
    N, D, K = shape
    for n in range(4):
        rng = stream(95, "settle", N, n)
        X = np.column_stack([rng.standard_normal((N, D - 1)), np.ones(N)])
        y, W, z = rng.standard_normal(N), rng.standard_normal((K, D)), rng.standard_normal(K)
        F = FREE[kind](X)
        end = settle(X, y, W, z, free=F)
        assert end.finished and end.c.shape == (F.shape[1],)
        best = np.linalg.lstsq(F, y - np.maximum(X @ W.T, 0.0) @ z, rcond=None)[0]
        before, after = loss(X, y, W, z, F, best), loss(X, y, end.W, end.z, F, end.c)
        assert after <= before + 1e-12
        for _ in range(200):  # nothing nearby is lower
            size = 10.0 ** -rng.integers(2, 6)
            step = [
                size * rng.standard_normal(a.shape) * max(np.abs(a).max(), 0.1) for a in (end.W, end.z, end.c)
            ]
            moved = [a + d for a, d in zip((end.W, end.z, end.c), step, strict=True)]
            if ((X @ end.W.T) * (X @ moved[0].T) >= -1e-6).all():
                assert loss(X, y, moved[0], moved[1], F, moved[2]) >= after - 1e-10
        closed = minimum_on_closed_cell(X, y, end.W, np.where(end.z == 0, 1.0, end.z), free=F)
        assert closed.verdict in ("differentiable minimum", "non-differentiable minimum", "none", "undecided")
        if closed.verdict.endswith("minimum"):
            assert closed.loss <= after + 1e-9


def test_the_best_c_of_independent_samples_beats_a_search():
    for n in range(30):
        rng = stream(96, "best c", n)
        N, m = int(rng.integers(2, 12)), int(rng.integers(1, 3))
        F, y = rng.standard_normal((N, m)), rng.standard_normal(N)
        pattern, signs = rng.random((N, 3)) < 0.4, rng.choice([-1.0, 1.0], 3)

        def cost(c, F=F, y=y, pattern=pattern, signs=signs):
            r = y - F @ c
            served = (pattern & (signs == np.sign(r)[:, None])).any(axis=1)
            return float((r[~served] ** 2).sum())

        found = best_coefficients(free_part(F, N), y, pattern, signs)
        lowest = cost(found)
        for size in (1e-6, 1e-3, 0.1, 1.0, 10.0):
            assert all(cost(found + size * rng.standard_normal(m)) >= lowest - 1e-9 for _ in range(40))


def test_bad_arguments_are_refused_by_name():
    X, y, W, z = np.eye(2), np.ones(2), np.eye(2), np.ones(2)
    for named, name in (
        ({"output_bias": np.nan}, "output_bias"),
        ({"skip": [1.0]}, "skip"),
        ({"c": [1.0]}, "c"),
        ({"free": np.ones((3, 1))}, "free"),
        ({"free": np.ones((2, 1)), "c": [1.0, 2.0]}, "c"),
    ):
        with pytest.raises(ValueError, match=rf"^{name}: "):
            critical_point(X, y, W, z, **named)
