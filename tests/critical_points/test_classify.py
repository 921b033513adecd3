"""What a point is: every verdict against an independent check."""

import numpy as np
import pytest
from points import converged, hessian, loss, lowest_nearby, problem

from relucells.critical_points.classify import critical_point
from relucells.critical_points.closed_cell import minimum_on_closed_cell
from relucells.critical_points.exact_descent import settle
from relucells.critical_points.gradient import gradient_descent
from relucells.critical_points.saddles import saddle_in_cell
from relucells.samples.gaussian import two_gaussians


@pytest.fixture
def gaussian(rng):
    return two_gaussians(2, 60, rng)


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


def test_every_sample_on_the_boundary(gaussian):
    """w = 0 and z = 1: the loss falls where the network can serve y > 0, and nowhere if there is none."""
    X, y = gaussian
    W, z = np.zeros((1, 3)), np.ones(1)
    assert critical_point(X, y, W, z).kind == "not converged"
    assert critical_point(X, -np.ones(60), W, z).kind == "non-differentiable minimum"
    end = settle(X, y, W, z)
    assert end.finished and loss(X, y, end.W, end.z) < 1


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


def test_bad_arguments_name_themselves():
    X, y = np.eye(2), np.ones(2)
    with pytest.raises(ValueError, match=r"^z: "):
        critical_point(X, y, np.eye(2), np.ones(3))
    with pytest.raises(ValueError, match=r"^z: "):
        minimum_on_closed_cell(X, y, np.eye(2), np.zeros(2))
    with pytest.raises(ValueError, match=r"^W: "):
        saddle_in_cell(X, y, np.ones((1, 3)))
