"""Critical points on independent samples, too large for their equations: both checkers, and forgeries."""

import json
from dataclasses import replace

import numpy as np
import pytest
from second_checker import check_certificate

from relucells.certify.critical import certify_point, export_point, point_level
from relucells.certify.quality import Quality, point_quality_level

N, D, K = 8, 90, 7  # more than 500 unknowns, even with a silent neuron


@pytest.fixture
def samples(rng):
    return rng.standard_normal((N, D))


def weights(X, values):
    """Weights (K, D) with those values on the samples."""
    return np.linalg.lstsq(X, values, rcond=None)[0].T


@pytest.fixture
def points(samples, rng):
    """(y, W, z, kind, boundary) : a differentiable minimum, a kink and a saddle, by hand.

    Sample 0 activates no neuron; in the kink it lies on the hyperplane of neuron 0, whose z has the sign of
    its error −y; in the saddle the last neuron is silent and active on it and on sample 1.
    """
    X = samples
    values = np.where(rng.random((N, K)) < 0.6, 1.0, -1.0) * rng.uniform(0.5, 2, (N, K))
    values[1:, 0], values[0] = np.abs(values[1:, 0]), -1.0
    z = np.array([0.7, -0.4, 0.5, 1.0, -2.0, 0.3, -0.6])
    y = np.maximum(values, 0) @ z
    y[0] = -1.5
    minimum = values + 0.0
    kink = values.copy()
    kink[0, 0] = 0.0
    saddle, silent, labels = values.copy(), z.copy(), y.copy()
    silent[-1], saddle[:2, -1] = 0.0, (1.0, 2.0)
    saddle[:2, :-1], labels[:2] = -1.0, (2.0, -1.0)
    labels[2:] = np.maximum(saddle, 0)[2:] @ silent
    none = np.zeros((0, 2), dtype=int)
    return {
        "differentiable minimum": (y, weights(X, minimum), z, none),
        "non-differentiable minimum": (y, weights(X, kink), z, np.array([[0, 0]])),
        "saddle": (labels, weights(X, saddle), silent, none),
    }


@pytest.mark.parametrize("kind", check_certificate.KINDS_OF_POINTS)
@pytest.mark.parametrize("away", [0.0, 1e-8, 1e-3])
def test_both_checkers_prove_it_and_no_other_kind(samples, points, kind, away, rng, tmp_path):
    y, W, z, boundary = points[kind]
    step = rng.standard_normal(W.shape)
    W = W + away * step / np.linalg.norm(step)
    point = certify_point(samples, y, W, z, kind, boundary)
    assert point is not None and point.distance <= 3 * away * np.sqrt(D) + 1e-12
    assert point_level(samples, y, point) == "proven"
    export_point(samples, y, point, tmp_path / "point.json")
    stored = json.loads((tmp_path / "point.json").read_text())
    check_certificate.check(stored)
    forged = [replace(point, kind=other) for other in set(check_certificate.KINDS_OF_POINTS) - {kind}]
    forged += [replace(point, z=-point.z), replace(point, W=-point.W), replace(point, distance=-1.0)]
    forged += [replace(point, z=0 * point.z), replace(point, W=0 * point.W)]
    if kind != "saddle":  # a silent neuron may have any sign
        forged.append(replace(point, boundary=np.array([[1, 0]]), multipliers=np.zeros(1)))
    if away:
        forged.append(replace(point, distance=away * 1e-3))
    for wrong in forged:
        assert point_level(samples, y, wrong) == "rejected"
        export_point(samples, y, wrong, tmp_path / "wrong.json")
        with pytest.raises(check_certificate.Rejected):
            check_certificate.check(json.loads((tmp_path / "wrong.json").read_text()))


def test_a_kink_where_the_loss_falls_is_refused(samples, points):
    """The sample on the hyperplane with the other sign of its label: crossing it lowers the loss."""
    y, W, z, boundary = points["non-differentiable minimum"]
    y = y.copy()
    y[0] = 1.5
    for kind in check_certificate.KINDS_OF_POINTS:
        assert certify_point(samples, y, W, z, kind, boundary) is None
    y[0] = 0.0  # no kink: nothing is lost or gained there
    assert certify_point(samples, y, W, z, "differentiable minimum", boundary) is not None


def test_dependent_samples_are_refused(samples, points):
    y, W, z, boundary = points["differentiable minimum"]
    X = np.vstack([samples, samples[2:3]])
    y = np.append(y, y[2] + 1)
    assert certify_point(X, y, W, z, "differentiable minimum", boundary) is None


def test_bad_and_global_are_proven_from_the_exact_loss(samples, points, tmp_path):
    y, W, z, boundary = points["non-differentiable minimum"]
    point = certify_point(samples, y, W, z, "non-differentiable minimum", boundary)
    values = np.where(np.sign(y)[:, None] == [1, -1], np.abs(y)[:, None], -1.0)
    better = Quality("bad", weights(samples, values), np.array([1.0, -1.0]))
    assert point_quality_level(samples, y, point, better) == "proven"
    export_point(samples, y, point, tmp_path / "bad.json", quality=better)
    check_certificate.check(json.loads((tmp_path / "bad.json").read_text()))
    wrong = [Quality("global"), Quality("bad", W, z), Quality("bad"), Quality("good"), Quality("open")]
    wrong.append(Quality("bad", np.tile(better.W, (4, 1)), np.tile(better.z, 4) / 4))  # more neurons
    for quality in wrong:
        assert point_quality_level(samples, y, point, quality) == "rejected"
        export_point(samples, y, point, tmp_path / "wrong.json", quality=quality)
        with pytest.raises(check_certificate.Rejected):
            check_certificate.check(json.loads((tmp_path / "wrong.json").read_text()))
    y[0] = 0.0
    whole = certify_point(samples, y, W, z, "differentiable minimum", boundary)
    assert point_quality_level(samples, y, whole, Quality("global")) == "proven"
    export_point(samples, y, whole, tmp_path / "global.json", quality=Quality("global"))
    check_certificate.check(json.loads((tmp_path / "global.json").read_text()))
