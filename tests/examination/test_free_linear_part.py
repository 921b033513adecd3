"""Networks with an output bias or a skip connection: what is near, the cell, and both checkers."""

import json

import numpy as np
import pytest
from second_checker import check_certificate

import relucells
from relucells.critical_points.exact_descent import settle
from relucells.examination.storage import as_data, write_certificates
from relucells.pipeline.network_files import read_problem
from relucells.samples.randomness import stream


def free_of(name, X):
    return np.ones((len(X), 1)) if name == "output_bias" else X


def argument(name, c):
    return {name: float(c[0]) if name == "output_bias" else c}


def ends(name, count):
    """(X, y, W, z, c, rng) of so many minima in which exact descent ends."""
    n = found = 0
    while found < count:
        n += 1
        rng = stream(1, "free ends", name, n)
        X = np.column_stack([rng.standard_normal((14, 2)), np.ones(14)])
        y, W, z = rng.standard_normal(14), rng.standard_normal((2, 3)), rng.standard_normal(2)
        end = settle(X, y, W, z, free=free_of(name, X))
        if end.finished:
            found += 1
            yield X, y, end.W, end.z, end.c, rng


@pytest.mark.parametrize("name", ["output_bias", "skip"])
def test_ends_of_descent_and_near_misses_are_found_and_proven_twice(name, tmp_path):
    for n, (X, y, W, z, c, rng) in enumerate(ends(name, 4)):
        F, kind = free_of(name, X), relucells.critical_point(X, y, W, z, free=free_of(name, X), c=c).kind
        moved = c + 1e-5 * rng.standard_normal(len(c))
        found = relucells.examine(X, y, W + 1e-5, z, **argument(name, moved), starts=1, iterations=200)
        assert found.kind == kind and found.point.level == "proven"
        near = found.point.net
        e = np.maximum(X @ near.W.T, 0) @ near.z + F @ near.c - y
        assert found.point.loss == pytest.approx(np.mean(e**2))
        assert np.abs(F.T @ e).max() < 1e-9  # no c is better
        assert found.loss == pytest.approx(
            np.mean((np.maximum(X @ (W + 1e-5).T, 0) @ z + F @ moved - y) ** 2)
        )
        away = np.sqrt(
            ((near.W - W - 1e-5) ** 2).sum() + ((near.z - z) ** 2).sum() + ((near.c - moved) ** 2).sum()
        )
        assert found.point.distance == pytest.approx(away, rel=1e-6)
        for path in write_certificates(found, tmp_path / str(n)):
            if path.suffix == ".json":
                check_certificate.check(json.loads(path.read_text()))
        assert as_data(found)["free_weights"] == len(c)


@pytest.mark.parametrize("name", ["output_bias", "skip"])
def test_the_cell_is_what_decide_says_of_the_free_part(name):
    genuine = 0
    for X, y, W, z, c, _ in ends(name, 6):
        pattern, F = relucells.activation_pattern(X, W), free_of(name, X)
        found = relucells.examine(X, y, W, z, **argument(name, c), starts=0)
        for which, signs in (("given", np.sign(z)), ("exists", "exists")):
            cell = found.cell[which]
            assert cell.decision.verdict == relucells.decide(X, y, pattern, signs, free=F).verdict
            if cell.minimum is not None:
                genuine += 1
                own = cell.minimum
                output = np.maximum(X @ own.W.T, 0) @ own.z + F @ own.c
                assert np.mean((output - y) ** 2) == pytest.approx(cell.decision.loss, abs=1e-9)
    assert genuine


def test_the_output_bias_is_free_and_none_is_not():
    """Labels all 1 and a dead neuron: with an output bias 1 is global, without one loss 1 is all there is."""
    X, y, W, z = np.eye(2), np.ones(2), np.array([[-1.0, -1.0]]), np.array([1.0])
    assert relucells.examine(X, y, W, z, output_bias=1.0 + 1e-6).quality.kind == "global"
    without = relucells.examine(X, y, W, z)
    assert without.point.loss == 1.0 and without.quality.kind == "bad"


def test_independent_samples_of_any_number_of_neurons_with_an_output_bias(tmp_path):
    rng = stream(1, "independent with a bias")
    X, y = rng.standard_normal((8, 90)), rng.choice([-1.0, 1.0], 8)
    W, z = rng.standard_normal((7, 90)), rng.standard_normal(7)
    end = settle(X, y, W, z, free=np.ones((8, 1)))
    found = relucells.examine(X, y, end.W + 1e-7, end.z, output_bias=float(end.c[0]))
    assert found.kind.endswith("minimum") and found.quality.kind == "global"
    for path in write_certificates(found, tmp_path / "shown"):
        check_certificate.check(json.loads(path.read_text()))


def test_a_state_dict_with_all_biases_is_examined(tmp_path):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    torch.manual_seed(0)
    module = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.ReLU(), torch.nn.Linear(3, 1))
    torch.save(module.state_dict(), tmp_path / "network.pt")
    rng = stream(1, "state dict")
    np.savez(tmp_path / "data.npz", X=rng.standard_normal((8, 2)), y=rng.choice([-1.0, 1.0], 8))
    found = read_problem(tmp_path / "data.npz", tmp_path / "network.pt")
    examined = relucells.examine(*found, starts=0)
    with torch.no_grad():
        output = module(torch.tensor(found.X[:, :2], dtype=torch.float32))[:, 0].double().numpy()
    assert examined.loss == pytest.approx(np.mean((output - found.y) ** 2), rel=1e-5)
