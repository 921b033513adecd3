"""Saddles in cells, and the cones that they are looked for in."""

import numpy as np
import pytest
from points import hessian

from relucells.cells.pattern import activation_pattern
from relucells.critical_points import cones
from relucells.critical_points.cones import Cone
from relucells.critical_points.saddles import saddle_in_cell
from relucells.descent import gradient
from relucells.samples.gaussian import two_gaussians


def test_saddles_of_one_neuron_in_the_plane(rng):
    """K = 1, D = 2: the cell is an arc, and the saddle a direction on it at right angles to Σ_active y x."""
    verdicts = []
    for _ in range(60):
        X, y = rng.standard_normal((5, 2)), rng.choice([-1.0, 1.0], 5)
        W = rng.standard_normal((1, 2))
        active = activation_pattern(X, W)
        if not active.any():
            continue
        g = (active[:, 0] * y) @ X
        across = np.array([[-g[1], g[0]], [g[1], -g[0]]])
        if np.abs(X @ across.T).min() < 1e-9:
            continue  # g is along one sample: only rounding would say which side of it
        wanted = any((activation_pattern(X, w[None]) == active).all() for w in across)
        found = saddle_in_cell(X, y, W)
        assert found.complete
        assert found.verdict == ("saddle" if wanted else "none")
        verdicts.append(found.verdict)
    assert set(verdicts) == {"saddle", "none"}


@pytest.mark.parametrize("independent", [False, True])
def test_saddles_are_critical_indefinite_and_in_their_cell(rng, independent):
    found = 0
    for _ in range(6):
        if independent:
            X, y = rng.standard_normal((6, 7)), np.array([1.0, -1, 1, -1, 1, -1])
        else:
            X, y = two_gaussians(2, 8, rng)
        W = rng.standard_normal((2, X.shape[1]))
        cell = saddle_in_cell(X, y, W)
        if cell.verdict != "saddle":
            continue
        found += 1
        assert (activation_pattern(X, cell.W) == activation_pattern(X, W)).all()
        by_W, by_z = gradient(X, y, cell.W, cell.z)
        assert max(np.abs(by_W).max(), np.abs(by_z).max()) < 1e-7
        # Near enough to stay in the cell, far enough to be seen above rounding.
        pre = np.abs(X @ cell.W.T).min()
        eigenvalues = np.linalg.eigvalsh(hessian(X, y, cell.W, cell.z, step=min(1e-5, pre / 100)))
        assert eigenvalues[0] <= cell.point.curvature + 1e-5 < 0
    assert found


def test_rays_and_linear_program_agree(rng, monkeypatch):
    X, _ = two_gaussians(3, 40, rng)
    answers = []
    for limit in (6, 0):
        monkeypatch.setattr(cones, "RAY_DIMENSIONS", limit)
        local = np.random.default_rng(1)
        some = []
        for _ in range(40):
            w, g = local.standard_normal(4), local.standard_normal(4)
            if len(some) % 2:
                g -= (g @ w) * w / (w @ w) - 0.05 * w  # nearly at right angles to w: often a hit
            cone = Cone(X, X @ w > 0, w)
            on_plane = cone.on_plane(g, np.zeros(len(X)))
            some.append(on_plane is not None)
            if on_plane is not None:
                assert abs(on_plane @ g) < 1e-12 and (cone.rows @ on_plane > 0).all()
        answers.append(some)
    assert answers[0] == answers[1]
    assert 0 < sum(answers[0]) < 40


def saddles(X, y, draws):
    return [saddle_in_cell(X, y, W).verdict for W in draws]


def test_saddles_without_qhull_and_without_any_solver(rng, monkeypatch):
    """Where Qhull gives up the linear program answers; where that fails too nothing is claimed."""
    import scipy.optimize
    import scipy.spatial

    X, y = two_gaussians(2, 10, rng)
    draws = [rng.standard_normal((2, 3)) for _ in range(12)]
    usual = saddles(X, y, draws)
    assert {"saddle", "none"} <= set(usual)

    def flat(points):
        raise scipy.spatial.QhullError("QH6154 initial simplex is flat")

    monkeypatch.setattr(scipy.spatial, "ConvexHull", flat)
    assert saddles(X, y, draws) == usual

    failed = scipy.optimize.OptimizeResult(status=4, message="numerical difficulties", x=None)
    monkeypatch.setattr(scipy.optimize, "linprog", lambda *arguments: failed)
    assert set(saddles(X, y, draws)) <= {"undecided", "none"}
    assert "undecided" in saddles(X, y, draws)


def test_a_weight_on_the_boundary_has_rays_all_the_same(rng):
    """w·x = 0 for a sample: the plane that Qhull's points are scaled to does not exist."""
    X, _ = two_gaussians(2, 10, rng)
    w = np.cross(X[0], rng.standard_normal(3))
    assert abs(X[0] @ w) < 1e-12
    cone = Cone(X, X @ w > 1e-12, w)
    assert cone.rays is None
    for _ in range(10):
        g = rng.standard_normal(3)
        v = cone.on_plane(g, np.zeros(10))
        if v is not None:
            assert abs(v @ g) < 1e-12 and (cone.rows @ v >= -1e-12).all()


@pytest.mark.parametrize("W", [3.0, [1.0, 2.0], [[1.0, 2.0, 3.0]]])
def test_weights_that_do_not_fit_are_named(W):
    with pytest.raises(ValueError, match=r"^W: "):
        saddle_in_cell(np.eye(2), [1.0, -1.0], W)
