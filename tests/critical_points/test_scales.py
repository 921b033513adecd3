"""No scale of X, y, w, z or c matters to what a point is, even where squares are no floats."""

from fractions import Fraction

import numpy as np
import pytest
from points import converged

from relucells.critical_points.classify import critical_point
from relucells.critical_points.closed_cell import minimum_on_closed_cell
from relucells.critical_points.exact_descent import settle
from relucells.critical_points.saddles import saddle_in_cell
from relucells.lower_loss import loss_bound
from relucells.samples.gaussian import two_gaussians
from relucells.samples.randomness import stream


def test_labels_that_are_all_0_leave_a_unit():
    """That of the output, a free part in it; where the output is rounding alone, that of its terms."""
    X, y, W = [[0.0, 1], [1, -1]], [0.0, 0], [[1.0, 1]]
    for z in (0.0, 1e-200, 1e-3):
        found = critical_point(X, y, W, [z], output_bias=1.0)
        assert found.kind == "not converged" and found.gradient_norm > 0.1
        assert found.loss == pytest.approx(np.mean((z * np.maximum(np.array(X) @ [1, 1], 0) + 1) ** 2))
        assert critical_point(X, y, W, [z], output_bias=1e-300).loss >= 0
    assert (
        critical_point([[-1.0]], [0.0], [[1.0]], [0.0], free=[[0.0]], c=[-1.0]).kind
        == "differentiable minimum"
    )
    X, W = [[-2.0, -2], [1, 1], [-2, 0]], [[2.0, -2]]  # two samples on the hyperplane, the third one inactive
    assert critical_point(X, [0.0] * 3, W, [-1.0]).kind == "differentiable minimum"
    assert settle(X, [0.0] * 3, W, [-1.0]).finished


# Powers of two by which y, z, w and x are multiplied, so that f is too.
POWERS = [(664, 664, 0, 0), (-664, -664, 0, 0), (-664, 0, -664, 0), (0, 600, -600, 0), (900, 0, 300, 600)]
POWERS += [(0, -900, 500, 400), (0, 0, -1000, 1000), (-800, -1000, -600, 800)]


def points():
    """Points of every kind, with their sample and a free part."""
    for n in range(3):
        rng = stream(71, "points in scales", n)
        X, y = two_gaussians(2, 30, rng)
        W, z = rng.standard_normal((3, 3)), rng.standard_normal(3)
        yield X, y, W, z, None, None
        end = converged(X, y, rng)[1]
        yield X, y, end.W, end.z, None, None
        free = np.column_stack([np.ones(30), X[:, 0] ** 2])
        end = settle(X, y, W, z, free=free)
        yield X, y, end.W, end.z, free, end.c
    yield np.eye(2), np.array([1.0, -1.0]), np.array([[1.0, 1.0]]), np.array([0.0]), None, None
    yield np.eye(2), np.array([1.0, -1.0]), np.array([[1.0, 0.0]]), np.array([1.0]), None, None


@pytest.mark.parametrize("powers", POWERS)
def test_a_point_is_what_it_is_in_any_scale(powers):
    of_y, of_z, of_w, of_x = powers
    kinds = set()
    for X, y, W, z, free, c in points():
        point = critical_point(X, y, W, z, free=free, c=c)
        scaled = np.ldexp(X, of_x), np.ldexp(y, of_y), np.ldexp(W, of_w), np.ldexp(z, of_z)
        with np.errstate(over="ignore"):
            loss = np.ldexp(point.loss, 2 * of_y)
        same = critical_point(*scaled, free=free, c=None if c is None else np.ldexp(c, of_y))
        kinds.add(point.kind)
        assert (same.kind, same.on_boundary, same.kinks) == (point.kind, point.on_boundary, point.kinks)
        assert same.gradient_norm == pytest.approx(point.gradient_norm, rel=1e-6, abs=1e-12)
        assert same.loss == pytest.approx(loss, rel=1e-9)
        with np.errstate(over="ignore"):
            np.testing.assert_allclose(same.multipliers, np.ldexp(point.multipliers, of_y + of_z), rtol=1e-6)
    assert len(kinds) == 4


@pytest.mark.parametrize("power", [664, -664, 1000, -1000])
def test_what_goes_on_in_cells_does_not_depend_on_the_scale_of_y(power):
    for n in range(2):
        rng = stream(72, "descents in scales", n)
        X, y = two_gaussians(2, 30, rng)
        W, z = rng.standard_normal((3, 3)), rng.standard_normal(3)
        large, by = np.ldexp(y, power), np.ldexp(z, power)
        end, same = settle(X, y, W, z), settle(X, large, W, by)
        assert same.finished and same.cells == end.cells
        np.testing.assert_allclose(np.ldexp(same.W, -power // 2), end.W, rtol=1e-6, atol=1e-12)
        cell, again = minimum_on_closed_cell(X, y, W, z), minimum_on_closed_cell(X, large, W, by)
        assert again.verdict == cell.verdict
        assert saddle_in_cell(X, large, W).verdict == saddle_in_cell(X, y, W).verdict


def test_labels_that_no_network_of_this_size_reaches_are_no_critical_point():
    """The gradient is of the size of y, though the square of y is no float, or 0."""
    for y in (1e200, 1e-200):
        for z in (1.0, 1e-250):
            assert critical_point([[1.0]], [y], [[1.0]], [z]).kind == "not converged"
    assert critical_point([[1.0]], [1e200], [[1e150]], [1e50]).kind == "differentiable minimum"


RISING = {
    "columns equal but for 2^-35": (
        [[-2 + 2.0**-35, -2 - 2.0**-35], [1 - 2.0**-35, 1.0], [1 - 2.0**-35, 1.0]],
        [-1.4315905263672162, 0.9569570290675438, 0.07027665892263896],
        [[-1.126, -0.624], [-1.358, -0.114], [-0.892, -0.162], [1.731, -0.338]],
        [1.0, 1.0, -1.0, 2.0],
    ),
    "a sample too short for floats beside the others": (
        [[-2.0], [0.0], [-1.5e-323], [-4.4e-323]],
        [0.0, 0.75, 0.06, 0.2],
        [[-1.6]],
        [1.0],
    ),
    "subnormal samples": (
        [[-1.6e-316, 2.1e-309, 0.0], [-7.3e-304, 3.6e-307, 1.1e-308], [-7.1e-307, 1.4e-301, 2.6e-318]],
        [1.5e-08, 0.01, 1.0],
        [[2.0, -1, -1], [-2, -1, 1], [-2, -2, 2]],
        [1.0, -1.0, 2.0],
    ),
}


def exact_loss(X, y, W, z):
    """The mean square of the rational numbers that the floats are."""
    total = Fraction(0)
    for x, label in zip(X, y, strict=True):
        values = [sum(Fraction(float(a)) * Fraction(b) for a, b in zip(w, x, strict=True)) for w in W]
        out = sum(Fraction(float(s)) * max(v, Fraction(0)) for s, v in zip(z, values, strict=True))
        total += (out - Fraction(label)) ** 2
    return total / len(y)


@pytest.mark.parametrize("with_bias", [False, True])
@pytest.mark.parametrize("name", RISING)
def test_settling_never_raises_the_loss(name, with_bias):
    """Weights that nearly dependent columns make huge lose in rounding what the descent had gained."""
    X, y, W, z = RISING[name]
    found = settle(X, y, W, z, free=np.ones((len(y), 1)) if with_bias else None)
    assert np.isfinite(found.W).all() and np.isfinite(found.z).all()
    if not with_bias:
        assert exact_loss(X, y, found.W, found.z) <= exact_loss(X, y, W, z) * (1 + Fraction(1, 10**9))
    assert saddle_in_cell(X, y, W).verdict in ("saddle", "none", "undecided")
    assert minimum_on_closed_cell(X, y, W, z).verdict != ""


def test_a_free_part_of_zeros_changes_nothing():
    X, y, W, z = np.eye(2), [1.0, -1.0], [[1.0, 0.5]], [1.0]
    found, plain = settle(X, y, W, z, free=np.zeros((2, 2))), settle(X, y, W, z)
    np.testing.assert_array_equal(found.W, plain.W)
    np.testing.assert_array_equal(found.c, [0.0, 0.0])


def test_settling_beside_a_skip_connection_ends():
    """All samples activate one neuron, which then does what the free part does: its R_j is not determined."""
    for n in range(5):
        rng = stream(73, "skip connection", n)
        X = np.column_stack([rng.standard_normal((12, 2)), np.ones(12)])
        W, z = np.array([[0.1, 0.1, 9.0], [1.0, -1.0, 0.2]]), np.array([1.0, -1.0])
        y = rng.standard_normal(12)
        found = settle(X, y, W, z, free=X)
        before = loss_bound(X, y, W, z, free=X, c=np.linalg.lstsq(X, y - np.maximum(X @ W.T, 0) @ z)[0])
        assert loss_bound(X, y, found.W, found.z, free=X, c=found.c) <= before * (1 + 1e-9)
