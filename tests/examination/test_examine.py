"""What ``examine`` says of small networks, against cases by hand and the rest of the library."""

import json
from fractions import Fraction

import numpy as np
import pytest
from second_checker import check_certificate

import relucells
from relucells.critical_points.exact_descent import settle
from relucells.examination.storage import as_data, write_certificates


@pytest.fixture
def problem(rng):
    """X, y, W, z of a random network."""
    N, D, K = 20, 3, 3
    X = np.column_stack([rng.standard_normal((N, D - 1)), np.ones(N)])
    return X, rng.choice([-1.0, 1.0], N), rng.standard_normal((K, D)), rng.standard_normal(K)


def test_a_random_network_is_not_stationary_and_says_where_descent_goes(problem):
    X, y, W, z = problem
    found = relucells.examine(X, y, W, z)
    assert found.kind == "not stationary" and found.point is None and found.quality is None
    assert found.loss == pytest.approx(np.mean((np.maximum(X @ W.T, 0) @ z - y) ** 2))
    end = found.descent
    assert end.kind == relucells.critical_point(X, y, end.net.W, end.net.z).kind != "not converged"
    assert end.loss < found.loss and end.level == "proven"
    text = " ".join(found.words())
    assert "It is not stationary" in text and f"ends in a {end.kind}" in text


@pytest.mark.parametrize("away", [1e-3, 1e-6, 1e-9, 0.0])
def test_a_network_beside_an_end_of_descent_is_told_what_it_is_beside(problem, rng, away):
    X, y, W, z = problem
    end = settle(X, y, W, z)
    size = np.sqrt((end.W**2).sum() + (end.z**2).sum())
    step = rng.standard_normal((len(z), X.shape[1] + 1))
    step *= away * size / np.linalg.norm(step)
    found = relucells.examine(X, y, end.W + step[:, :-1], end.z + step[:, -1])
    assert found.kind == relucells.critical_point(X, y, end.W, end.z).kind
    assert found.point.level == "proven" and found.point.distance <= 20 * away * size + 1e-12
    assert f"of a {found.kind}" in " ".join(found.words())
    assert relucells.critical_point(X, y, found.point.net.W, found.point.net.z).kind == found.kind


def test_a_kink_by_hand():
    """One neuron, z > 0, two orthogonal samples: the one labelled −1 is best left at w·x = 0, loss 1/2."""
    X, y = np.eye(2), np.array([1.0, -1.0])
    found = relucells.examine(X, y, [[1.0, 1e-4]], [1.0])
    assert found.kind == "non-differentiable minimum"
    assert found.point.loss == pytest.approx(0.5) and found.point.distance == pytest.approx(1e-4, rel=0.01)
    assert found.walls.distance.tolist() == [1e-4] and found.walls.sample.tolist() == [1]
    # with two neurons it would be 0: with one it is the best of this sign, and that is not known to be bad
    assert found.quality is None and "is open" in " ".join(found.words())
    two = relucells.examine(X, y, [[1.0, 1e-4], [-1.0, -1.0]], [1.0, 1.0])
    assert two.quality.kind == "bad" and two.better.loss < 1e-20


def test_a_saddle_by_hand():
    """z = 0 and w with Σ_active y_i w·x_i = 0: the loss falls when z and w move together."""
    X, y = np.eye(2), np.array([1.0, -1.0])
    found = relucells.examine(X, y, [[1.0, 1.0]], [1e-5])
    assert found.kind == "saddle" and found.point.net.z.tolist() == [0.0]
    assert found.point.distance == pytest.approx(1e-5, rel=0.01) and found.quality is None
    assert found.descent.loss < found.point.loss


def test_a_global_minimum_is_called_global():
    X = np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])
    y = np.array([1.0, -1.0, 0.5])
    W, z = np.array([[1.0, -1.0], [-1.0, 1.0], [1.0, 1.0]]), np.array([0.75, -1.25, 0.25])
    assert np.abs(np.maximum(X @ W.T, 0) @ z - y).max() == 0
    found = relucells.examine(X, y, W, z + 1e-6)
    assert found.quality.kind == "global" and found.better is None and found.point.loss < 1e-20
    assert found.cell["given"].quality == "global"


def test_the_cell_is_what_the_library_says_and_its_minimum_is_where_it_is_said_to_be(rng):
    genuine = 0
    for _ in range(12):
        X = np.column_stack([rng.standard_normal((6, 3)), np.ones(6)])
        y, W, z = rng.standard_normal(6), rng.standard_normal((3, 4)), rng.standard_normal(3)
        found = relucells.examine(X, y, W, z, starts=0)
        pattern = relucells.activation_pattern(X, W)
        assert (found.walls.pattern == pattern).all()
        for name, signs in (("given", np.sign(z)), ("exists", "exists")):
            cell = found.cell[name]
            assert cell.decision.verdict == relucells.decide(X, y, pattern, signs).verdict
            assert cell.level == relucells.verification_level(X, y, pattern, cell.decision) == "proven"
            if cell.minimum is None:
                continue
            genuine += 1
            own = cell.minimum
            # close to an inactive pair at 0 the pattern may differ by rounding alone
            pre = X @ own.W.T
            assert ((pre > 0) == pattern)[np.abs(pre) > 1e-9].all()
            away = np.sqrt(((own.W - W) ** 2).sum() + ((own.z - z) ** 2).sum())
            assert cell.distance == pytest.approx(away, rel=1e-9)
            loss = np.mean((np.maximum(pre, 0) @ own.z - y) ** 2)
            assert loss == pytest.approx(cell.decision.loss, abs=1e-9)
    assert genuine > 2


def test_distances_to_walls_are_exact(rng):
    """Against rational arithmetic, also where the product is smaller than its rounding."""
    X, W = rng.standard_normal((7, 4)), rng.standard_normal((3, 4))
    X[2] = 0
    W[1] -= (W[1] @ X[4]) / (X[4] @ X[4]) * X[4]
    found = relucells.examine(X, np.ones(7), W, np.ones(3), starts=0)
    rows = [[Fraction(a) for a in row] for row in X.tolist()]
    for j, w in enumerate(W.tolist()):
        values = [sum(a * Fraction(b) for a, b in zip(row, w, strict=True)) for row in rows]
        assert [bool(on) for on in found.walls.pattern[:, j]] == [value > 0 for value in values]
        squares = [
            value**2 / sum(a * a for a in row) for value, row in zip(values, rows, strict=True) if any(row)
        ]
        assert found.walls.distance[j] == pytest.approx(float(min(squares)) ** 0.5, rel=1e-12)
    assert found.walls.sample[1] == 4 and found.walls.distance[1] < 1e-15


@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e3])
def test_scaling_a_neuron_scales_its_distances_and_not_what_it_is(problem, scale):
    X, y, W, z = problem
    end = settle(X, y, W, z)
    W, z = end.W.copy(), end.z.copy()
    W[0], z[0] = scale * W[0], z[0] / scale
    assert relucells.examine(X, y, W, z, starts=0).kind == relucells.critical_point(X, y, W, z).kind


def test_permuting_samples_and_neurons_permutes_the_answer(problem, rng):
    X, y, W, z = problem
    found = relucells.examine(X, y, W, z)
    rows, neurons = rng.permutation(len(y)), rng.permutation(len(z))
    other = relucells.examine(X[rows], y[rows], W[neurons], z[neurons])
    assert other.walls.distance == pytest.approx(found.walls.distance[neurons])
    assert (rows[other.walls.sample] == found.walls.sample[neurons]).all()
    assert (other.kind, other.loss) == (found.kind, pytest.approx(found.loss))
    for name in ("given", "exists"):
        assert other.cell[name].decision.verdict == found.cell[name].decision.verdict


def test_everything_written_is_proven_by_the_second_checker(problem, tmp_path):
    X, y, W, z = problem
    end = settle(X, y, W, z)
    found = relucells.examine(X, y, end.W + 1e-5, end.z, starts=20)
    data = json.loads(json.dumps(as_data(found), allow_nan=False))
    assert data["kind"] == found.kind and data["words"] == found.words()
    files = write_certificates(found, tmp_path / "shown")
    names = {path.name for path in files}
    assert {"point.json", "descent.json", "cell_given.json", "cell_exists.json"} <= names
    assert found.quality.kind == "bad" and "better_network.npz" in names
    for path in files:
        if path.suffix == ".json":
            check_certificate.check(json.loads(path.read_text()))
    with np.load(tmp_path / "shown" / "better_network.npz") as file:
        assert np.mean((np.maximum(X @ file["W"].T, 0) @ file["z"] - y) ** 2) <= found.better.loss
    # a claim too good is refused: another kind, another quality, a better network that is not
    stored = json.loads((tmp_path / "shown" / "point.json").read_text())
    kinds = set(check_certificate.KINDS_OF_POINTS) - {stored["point"]}
    wrong = [{"point": kind} for kind in kinds] + [{"quality": "global"}, {"distance": (0.0).hex()}]
    wrong += [{"better": {"W": stored["W"], "z": stored["z"]}}, {"better": None}, {"quality": "good"}]
    for change in wrong:
        with pytest.raises(check_certificate.Rejected):
            check_certificate.check(stored | change)


def test_a_folder_with_other_files_is_left_alone(problem, tmp_path):
    found = relucells.examine(*problem, starts=0)
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(ValueError, match=r"notes\.txt"):
        write_certificates(found, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]
    folder = tmp_path / "shown"
    write_certificates(found, folder)
    assert write_certificates(found, folder) and sorted(p.name for p in tmp_path.iterdir()) == [
        "notes.txt",
        "shown",
    ]


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({"X": [[1.0, np.nan]]}, "X"),
        ({"y": [1.0]}, "y"),
        ({"W": [[1.0, 2.0, 3.0, 4.0]]}, "constant 1"),
        ({"W": [[1.0]]}, "W"),
        ({"z": [1.0, 2.0]}, "z"),
        ({"z": [np.inf]}, "z"),
        ({"near": 0.5}, "near"),
        ({"near": 0}, "near"),
        ({"max_cells": 0}, "max_cells"),
        ({"starts": -1}, "starts"),
        ({"starts": True}, "starts"),
        ({"near": None}, "near"),
        ({"program_limit": "a"}, "program_limit"),
        ({"seed": -1}, "seed"),
        ({"seed": 1.5}, "seed"),
        ({"iterations": 0.5}, "iterations"),
        ({"program_limit": -1}, "program_limit"),
        ({"output_bias": np.nan}, "output_bias"),
        ({"skip": [1.0]}, "skip"),
    ],
)
def test_bad_arguments_are_named(change, name):
    good = {"X": np.eye(3), "y": [1.0, -1.0, 1.0], "W": [[1.0, 1.0, 0.0]], "z": [1.0]}
    with pytest.raises(ValueError, match=name):
        relucells.examine(**good | change)


@pytest.mark.parametrize("labels", [1e-300, 1e-200, 1e-150, 1e-100, 1e100, 1e150, 1e200, 1e300])
def test_labels_and_samples_of_any_size_are_examined(labels, rng):
    X, W, z = rng.standard_normal((6, 2)), rng.standard_normal((2, 2)), np.array([1.0, -1.0])
    y = rng.standard_normal(6)
    found = relucells.examine(X, y * labels, W, z * labels, iterations=50)
    assert found.words()
    found = relucells.examine(X * labels, y, W / labels, z, iterations=50)
    assert found.words()


@pytest.mark.parametrize("X", [[[1.0, 1.0, 1.0]], np.eye(3), [[1.0, 2.0], [0.0, 1.0]]])
def test_labels_that_are_all_zero_are_fitted_by_the_zero_network(X):
    X = np.array(X)
    found = relucells.examine(X, np.zeros(len(X)), np.ones((2, X.shape[1])), [1.0, 0.5])
    assert found.better.loss == 0.0
