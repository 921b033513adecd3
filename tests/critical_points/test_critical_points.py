"""Saddles and non-differentiable minima: every verdict against an independent check."""

import numpy as np
import pytest

from relucells.cells.pattern import activation_pattern
from relucells.critical_points import classify as critical_points
from relucells.critical_points.classify import (
    critical_point,
    gradient_descent,
    minimum_on_closed_cell,
    saddle_in_cell,
    settle,
)
from relucells.descent import gradient
from relucells.samples.gaussian import two_gaussians
from relucells.samples.inputs import prepare
from relucells.samples.randomness import stream


def loss(X, y, W, z):
    return float(np.mean((np.maximum(X @ W.T, 0) @ z - y) ** 2))


def lowest_nearby(X, y, W, z, rng, radius=1e-5, tries=400):
    """The least loss among random small displacements, relative to the loss at the point."""
    best = np.inf
    for _ in range(tries):
        dW, dz = rng.standard_normal(W.shape), rng.standard_normal(z.shape)
        size = radius * rng.uniform() / np.sqrt((dW**2).sum() + (dz**2).sum())
        best = min(best, loss(X, y, W + size * dW, z + size * dz))
    return best - loss(X, y, W, z)


def hessian(X, y, W, z, step=1e-5):
    """Of the loss in (W, z), by central differences of the gradient."""
    point = np.column_stack((W, z))
    flat = []
    for k in range(point.size):
        sides = []
        for sign in (1, -1):
            moved = point.ravel().copy()
            moved[k] += sign * step
            moved = moved.reshape(point.shape)
            sides.append(np.column_stack(gradient(X, y, moved[:, :-1], moved[:, -1])).ravel())
        flat.append((sides[0] - sides[1]) / (2 * step))
    return (np.array(flat) + np.array(flat).T) / 2


@pytest.fixture
def gaussian(rng):
    return two_gaussians(2, 60, rng)


def converged(X, y, rng, K=3):
    W, z = rng.standard_normal((K, X.shape[1])), rng.standard_normal(K)
    run = gradient_descent(X, y, W, z, 500)
    return run, settle(X, y, run.W, run.z)


def test_a_random_point_is_not_critical(gaussian, rng):
    X, y = gaussian
    assert critical_point(X, y, rng.standard_normal((3, 3)), rng.standard_normal(3)).kind == "not converged"


def test_a_kink_by_hand():
    """One neuron, z > 0, two orthogonal samples: the one labelled −1 is best left at w·x = 0."""
    X, y = np.eye(2), np.array([1.0, -1.0])
    point = critical_point(X, y, np.array([[1.0, 0.0]]), np.array([1.0]))
    assert point.kind == "non-differentiable minimum"
    assert (point.loss, point.on_boundary, point.kinks) == (0.5, 1, 1)
    # With the sign of z turned the other sample is the one at the kink, and the loss falls beyond it.
    assert critical_point(X, y, np.array([[1.0, 0.0]]), np.array([-1.0])).kind == "not converged"
    assert critical_point(X, y, np.array([[0.0, 1.0]]), np.array([-1.0])).kind == "non-differentiable minimum"


def test_a_saddle_by_hand():
    """z = 0 and w with Σ_active y_i w·x_i = 0: the loss falls when z and w move together."""
    X, y = np.eye(2), np.array([1.0, -1.0])
    W, z = np.array([[1.0, 1.0]]), np.array([0.0])
    point = critical_point(X, y, W, z)
    assert point.kind == "saddle"
    assert point.curvature == pytest.approx(np.linalg.eigvalsh(hessian(X, y, W, z))[0], abs=1e-6)
    assert loss(X, y, W + 0.01 * np.array([[1, -1]]), z + 0.01) < 1


def test_minima_found_by_descent_are_lowest_nearby(gaussian, rng):
    X, y = gaussian
    kinds = set()
    for _ in range(8):
        run, end = converged(X, y, rng)
        assert end.finished
        assert loss(X, y, end.W, end.z) <= loss(X, y, run.W, run.z) * (1 + 1e-12)
        point = critical_point(X, y, end.W, end.z)
        kinds.add(point.kind)
        assert lowest_nearby(X, y, end.W, end.z, rng) >= -1e-15
        assert point.loss == pytest.approx(loss(X, y, end.W, end.z), rel=1e-9)
    assert "non-differentiable minimum" in kinds


def test_certificate_holds_without_the_code_that_made_it(gaussian, rng):
    """0 ≤ t ≤ z e on the boundary, and z_j g_j + Σ t_i x_i = 0, from X, y, W, z and t alone."""
    X, y = gaussian
    for _ in range(5):
        _, end = converged(X, y, rng)
        point = critical_point(X, y, end.W, end.z)
        if point.kind != "non-differentiable minimum":
            continue
        t, pre = point.multipliers, X @ end.W.T
        e = np.maximum(pre, 0) @ end.z - y
        strict = pre > 1e-8
        assert (np.abs(pre[t > 0]) < 1e-8).all()
        assert ((t >= 0) & (t <= np.maximum((2 / len(y)) * np.outer(e, end.z), 0) + 1e-12)).all()
        g = (2 / len(y)) * (strict * e[:, None]).T @ X
        assert np.abs(end.z[:, None] * g + t.T @ X).max() < 1e-7
        return
    pytest.fail("no non-differentiable minimum among five runs")


def test_hessian_bound_of_a_differentiable_minimum(rng):
    X, y = two_gaussians(2, 30, rng)
    W = np.array([[0.1, 0.0, 20.0], [0.0, 0.1, 20.0]])
    run = gradient_descent(X, y, W, np.array([1.0, -1.0]), 20000)
    point = critical_point(X, y, run.W, run.z)
    assert point.kind == "differentiable minimum"
    linear = np.linalg.lstsq(X, y, rcond=None)[1][0] / len(y)
    assert point.loss == pytest.approx(linear, rel=1e-9)
    assert np.linalg.eigvalsh(hessian(X, y, run.W, run.z))[0] >= point.curvature - 1e-6


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


def test_closed_cell_minimum_against_a_general_solver(rng):
    from scipy.optimize import minimize

    for _ in range(4):
        X, y = two_gaussians(2, 16, rng)
        W, z = rng.standard_normal((2, 3)), rng.choice([-1.0, 1.0], 2)
        pattern = activation_pattern(X, W)
        inputs = prepare(X)
        C, T = critical_points._orthonormal(inputs)
        start = critical_points._directions(inputs, C, W) * np.abs(z)[:, None]
        V, _ = critical_points._closed_minimum(C, y, pattern, z, start, np.zeros_like(pattern))
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
        C, _ = critical_points._orthonormal(inputs)
        start = critical_points._directions(inputs, C, W)
        free = critical_points._closed_minimum_independent(C, y, pattern, signs, start)
        general, _ = critical_points._closed_minimum_general(
            C, y, pattern, signs, start, np.zeros_like(pattern)
        )
        for V in (free, general):
            assert (np.where(pattern, 1, -1) * (C @ V.T)).min() > -1e-12
        losses = [np.mean(((pattern * (C @ V.T)) @ signs - y) ** 2) for V in (free, general)]
        assert losses[0] == pytest.approx(losses[1], abs=1e-12)


def test_closed_cells_of_independent_samples_always_hold_a_minimum(rng):
    kinds = []
    for _ in range(12):
        X, y = np.column_stack([rng.standard_normal((8, 9)), np.ones(8)]), rng.choice([-1.0, 1.0], 8)
        W, z = rng.standard_normal((3, 10)), rng.standard_normal(3)
        found = minimum_on_closed_cell(X, y, W, z)
        served = (activation_pattern(X, W) & (np.sign(z) == y[:, None])).any(axis=1)
        lonely = activation_pattern(X, W).any(axis=1) & ~served
        wanted = "non-differentiable minimum" if lonely.any() else "differentiable minimum"
        assert found.verdict == wanted
        assert found.loss == pytest.approx(1 - served.mean(), abs=1e-12)
        kinds.append(found.verdict)
    assert len(set(kinds)) == 2


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


def problem(rng, number):
    """Small samples of every shape and a start, with what is unusual about them by turns."""
    N, K, D = rng.integers(3, 61), rng.integers(1, 11), rng.integers(1, 13)
    if number % 4 == 0:
        N, K, D = rng.integers(30, 61), 10, 10  # more unknowns than samples, which are dependent
    X = rng.standard_normal((N, D))
    if number % 3 == 0:
        X[:, -1] = 1.0
    y = rng.choice([-1.0, 1.0], N) if number % 2 else rng.standard_normal(N)
    W, z = rng.standard_normal((K, D)), rng.standard_normal(K)
    if number % 5 == 0:
        X = X[rng.integers(0, N, N)]  # repeated samples, with different labels
    if number % 7 == 0:
        X = np.round(X * 2.0**20) / 2.0**20  # dependent coordinates, exactly
        X = np.column_stack((X, X @ rng.integers(-3, 4, (D, 2))))
        W = rng.standard_normal((K, D + 2))
    if number % 6 == 0:
        X[0] = 0.0
    if number % 8 == 0:
        W[0] = -X.T @ np.linalg.lstsq(X @ X.T, np.ones(N), rcond=None)[0]  # dead if N ≤ D
    if number % 9 == 0:
        W[-1], z[0] = 0.0, 0.0
    return X, y, W, z


@pytest.mark.parametrize("number", range(30))
def test_settling_is_a_descent_to_a_minimum(rng, number, monkeypatch):
    X, y, W, z = problem(rng, number)
    losses = [loss(X, y, W, z)]
    solve = critical_points._closed_minimum

    def watched(C, y, pattern, signs, V, held):
        V, held = solve(C, y, pattern, signs, V, held)
        pre = C @ V.T
        assert (np.where(pattern, 1, -1) * pre).min() >= -1e-11 * np.abs(pre).max(initial=1)
        losses.append(np.mean((np.maximum(pre, 0) @ signs - y) ** 2) * (scale @ scale))
        return V, held

    scale = np.linalg.norm(y, keepdims=True)
    monkeypatch.setattr(critical_points, "_closed_minimum", watched)
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


@pytest.mark.parametrize("number", [5, 8, 11])
def test_scales_change_no_class(rng, number):
    """y, X, w and z in other units: the same classes, the same relative evidence."""
    X, y, W, z = problem(rng, number)
    end = settle(X, y, W, z)
    for a, b, c in ((1e3, 1, 1), (1, 1e3, 1), (1, 1e-3, 1e3)):
        # f = Σ z [w·x]_+ is multiplied by a, as y is, while x is by b; c goes from w to z.
        for W0, z0 in ((W, z), (end.W, end.z)):
            here = critical_point(X, y, W0, z0)
            there = critical_point(b * X, a * y, W0 / b * c, a * z0 / c)
            assert there.kind == here.kind
            assert there.gradient_norm == pytest.approx(here.gradient_norm, rel=1e-6, abs=1e-11)
            assert there.kinks == here.kinks
        other = settle(b * X, a * y, W / b * c, a * z / c)
        assert other.finished
        assert loss(b * X, a * y, other.W, other.z) == pytest.approx(
            a**2 * loss(X, y, end.W, end.z), rel=1e-6, abs=1e-13 * (y @ y) * a**2
        )


def test_samples_on_one_hyperplane_have_one_kink(rng):
    """Errors −1 and 3 at one point, or at opposite points: together the kink points down or up."""
    X, W, z = np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]]), np.array([[0.0, 1.0]]), np.array([1.0])
    y = np.array([1.0, -3.0, 1.0])
    point = critical_point(X, y, W, z)
    assert point.kind == "non-differentiable minimum"
    assert lowest_nearby(X, y, W, z, rng) >= 0
    assert critical_point(X, -np.array([1.0, -3.0, -1.0]), W, z).kind == "not converged"
    opposite = np.array([[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0]])
    # Slopes e = −1 to one side and 3 to the other: the loss falls to the first.
    assert critical_point(opposite, y, W, z).kind == "not converged"
    assert lowest_nearby(opposite, y, W, z, rng) < -1e-6
    both = np.array([-1.0, -3.0, 1.0])
    assert critical_point(opposite, both, W, z).kind == "non-differentiable minimum"
    assert lowest_nearby(opposite, both, W, z, rng) >= 0


def test_rays_and_linear_program_agree(rng, monkeypatch):
    X, _ = two_gaussians(3, 40, rng)
    answers = []
    for limit in (6, 0):
        monkeypatch.setattr(critical_points, "RAY_DIMENSIONS", limit)
        local = np.random.default_rng(1)
        some = []
        for _ in range(40):
            w, g = local.standard_normal(4), local.standard_normal(4)
            if len(some) % 2:
                g -= (g @ w) * w / (w @ w) - 0.05 * w  # nearly at right angles to w: often a hit
            cone = critical_points._Cone(X, X @ w > 0, w)
            on_plane = cone.on_plane(g, np.zeros(len(X)))
            some.append(on_plane is not None)
            if on_plane is not None:
                assert abs(on_plane @ g) < 1e-12 and (cone.rows @ on_plane > 0).all()
        answers.append(some)
    assert answers[0] == answers[1]
    assert 0 < sum(answers[0]) < 40


def test_every_sample_on_the_boundary(gaussian):
    """w = 0 and z = 1: the loss falls where the network can serve y > 0, and nowhere if there is none."""
    X, y = gaussian
    W, z = np.zeros((1, 3)), np.ones(1)
    assert critical_point(X, y, W, z).kind == "not converged"
    assert critical_point(X, -np.ones(60), W, z).kind == "non-differentiable minimum"
    end = settle(X, y, W, z)
    assert end.finished and loss(X, y, end.W, end.z) < 1


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
    cone = critical_points._Cone(X, X @ w > 1e-12, w)
    assert cone.rays is None
    for _ in range(10):
        g = rng.standard_normal(3)
        v = cone.on_plane(g, np.zeros(10))
        if v is not None:
            assert abs(v @ g) < 1e-12 and (cone.rows @ v >= -1e-12).all()


@pytest.mark.parametrize(("labels", "kind"), [((1, -1), "differentiable minimum"), ((1, -2), "saddle")])
def test_duplicates_at_a_silent_neuron_are_taken_together(labels, kind):
    """w = 0, z = 0 on two equal samples: the loss changes with the sum of their labels alone."""
    X = np.array([[1.0], [1.0]])
    assert critical_point(X, labels, [[0.0]], [0.0]).kind == kind
    assert critical_point(X @ [[-2.0]], labels, [[0.0]], [0.0]).kind == kind
    # opposite samples are on one hyperplane too, but no direction sees both
    assert critical_point([[1.0], [-1.0]], labels, [[0.0]], [0.0]).kind == "saddle"


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e6])
def test_a_pair_near_its_boundary_counts_as_far_as_the_output_sees_it(scale):
    """|w·x| is 1e-10 |w| |x|, but z is so large that the network's output is 100 there."""
    X, W, z = np.array([[1.0, 0.0], [0.0, -1.0]]), np.array([[1e-4, 1e6]]), np.array([1e6])
    found = critical_point(scale * X, [0.0, 0.0], W, z)
    assert found.loss == pytest.approx(5000.0 * scale**2)
    assert found.kind == "not converged" and found.on_boundary == 0


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


def test_bad_arguments_name_themselves():
    X, y = np.eye(2), np.ones(2)
    with pytest.raises(ValueError, match=r"^z: "):
        critical_point(X, y, np.eye(2), np.ones(3))
    with pytest.raises(ValueError, match=r"^z: "):
        minimum_on_closed_cell(X, y, np.eye(2), np.zeros(2))
    with pytest.raises(ValueError, match=r"^W: "):
        saddle_in_cell(X, y, np.ones((1, 3)))
