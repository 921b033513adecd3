"""Large cells against dense references at a small size, and the target full_scale on a few images."""

import dataclasses

import naive
import numpy as np
import pandas as pd
import pytest
import yaml
from conftest import ROOT, SCHEMA
from decide_full_scale import decide_cell, two_classes
from image_files import draw_images
from mapping import not_on_the_map
from running import run
from tabulate_full_scale import REASONS

from relucells.cells import pattern as cells
from relucells.cells.factorised import LargeMinimum
from relucells.cells.inspection import sample_weights
from relucells.cells.minimum import cell_minimum
from relucells.cells.pattern import dense_matrix
from relucells.certify.verify import verification_level
from relucells.pipeline.job import write_npz
from relucells.pipeline.run_config import check_config
from relucells.samples.bases import ColumnBasis, pivoted_cholesky
from relucells.samples.inputs import prepare
from relucells.samples.randomness import stream
from relucells.search.decide import decide

# name: (N, D, K, share of active pairs)
SHAPES = {
    "tall": (60, 4, 5, 0.5),
    "few active": (60, 4, 5, 0.1),
    "nearly all active": (60, 5, 6, 0.97),
    "wide": (18, 5, 6, 0.6),
    "one neuron": (30, 6, 1, 0.5),
    "all but a few": (60, 6, 5, 0.95),
}


def cell(rng, N, D, K, share, change=""):
    """X (N, D), y and a pattern; ``change`` names what makes A deficient."""
    X = np.column_stack([rng.standard_normal((N, D - 1)), np.ones(N)])
    pattern = rng.random((N, K)) < share
    if change == "equal" and K > 1:
        pattern[:, 1] = pattern[:, 0]
    if change == "nearly equal" and K > 1:
        pattern[:, 1:3] = pattern[:, [0]]
        pattern[rng.choice(N, 2, replace=False), 1] ^= True
    if change == "reference":
        pattern[:, K // 2] = True
    if change == "dead":
        pattern[:, -1] = False
        pattern[:3] = False
    if change == "deficient":
        X[:, 1] = np.round(X[:, 1] * 2**20) / 2**20  # so that the next line is exact
        X[:, 0] = 2 * X[:, 1] + X[:, -1]
    if change == "scales":
        X *= 10.0 ** -np.arange(D)
    pattern[-1, 0] = True
    return X, rng.choice([-1.0, 1.0], N), pattern


CHANGES = ["", "equal", "nearly equal", "dead", "deficient", "scales", "reference"]


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("shape", SHAPES)
def test_large_minimum_is_that_of_the_dense_matrix(rng, shape, change):
    for _ in range(8):
        X, y, pattern = cell(rng, *SHAPES[shape], change)
        inputs = prepare(X)
        A = dense_matrix(X, pattern)
        found = LargeMinimum(inputs, y, pattern)
        assert found.rank == np.linalg.matrix_rank(A)
        np.testing.assert_allclose(found.fitted[0], A @ np.linalg.lstsq(A, y, rcond=None)[0], atol=1e-8)
        wanted = found.transposed(rng.standard_normal(len(y)))
        np.testing.assert_allclose(found.transposed(found.preimage(wanted)), wanted, atol=1e-8)

        compact = (found.groups[:, :, None] * found.coordinates[:, None, :]).reshape(len(y), -1)
        right = np.linalg.svd(compact)[2][found.rank :].T.reshape(found.G, found.r, -1)
        moved = np.linalg.norm(np.einsum("ir,grk->igk", found.coordinates, right), axis=2)
        if found.wide:
            assert found.kernel is None and not found.known.any()
        else:
            kernel = found.kernel.reshape(compact.shape[1], -1)
            assert kernel.shape[1] == compact.shape[1] - found.rank
            assert np.abs(compact @ kernel).max(initial=0.0) < 1e-9
            assert not kernel.size or np.linalg.matrix_rank(kernel) == kernel.shape[1]
            np.testing.assert_array_equal(found.known, moved < 1e-9)


@pytest.mark.parametrize("gap", [1e-3, 1e-5, 1e-7, 1e-9])
def test_columns_far_below_the_resolution_of_a_gram_matrix(rng, gap):
    """Two columns a gap apart: AᵀA shows the difference down to 1e-8, the rounds far below."""
    A = rng.standard_normal((50, 6))
    A[:, 5] = A[:, 0] + gap * rng.standard_normal(50)
    v = rng.standard_normal(50)
    basis = ColumnBasis(A.copy(), 1e-24)
    assert basis.rank == 6 and basis.kernel.shape == (6, 0)
    best = A @ np.linalg.lstsq(A, v, rcond=None)[0]
    np.testing.assert_allclose(A @ basis.least_squares(v), best, atol=1e-13 / gap)
    A[:, 5] = A[:, 0]
    basis = ColumnBasis(A.copy(), 1e-24)
    assert basis.rank == 5
    np.testing.assert_allclose(A @ basis.kernel, 0.0, atol=1e-12)


def test_pivoted_cholesky_of_nothing():
    assert pivoted_cholesky(np.zeros((3, 3)), 1e-8)[2] == 0
    assert pivoted_cholesky(np.zeros((0, 0)), 1e-8)[2] == 0


@pytest.fixture
def every_cell_is_large(monkeypatch):
    monkeypatch.setattr("relucells.samples.bases.LARGE", 0)
    monkeypatch.setattr("relucells.certify.cell.ENTRIES", 0)
    no_exact_arithmetic(monkeypatch)


def no_exact_arithmetic(monkeypatch):
    monkeypatch.setattr("relucells.certify.cell.EXACT_RANK", 0)


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("shape", SHAPES)
def test_the_minimum_of_least_norm_and_the_rank_of_large_cells(rng, every_cell_is_large, shape, change):
    for _ in range(8):
        X, y, pattern = cell(rng, *SHAPES[shape], change)
        A = dense_matrix(X, pattern)
        found = cell_minimum(X, y, pattern)
        assert found.rank == cells.rank(X, pattern) == np.linalg.matrix_rank(A)
        expected = np.linalg.lstsq(A, y, rcond=None)[0]
        np.testing.assert_allclose(found.R.ravel(), expected, atol=1e-9, rtol=1e-6)


@pytest.mark.parametrize("part", range(4))
def test_large_cells_have_the_same_verdicts(monkeypatch, part):
    asked = {}
    for n in range(20 * part, 20 * part + 20):
        rng = stream(4, "large", n)
        change = ("", "equal", "nearly equal", "dead", "reference")[n // 2 % 5]
        X, y, pattern = naive.random_cell(rng) if n % 2 else cell(rng, 40, 4, 4, 0.8, change)
        given = rng.choice([-1, 1], pattern.shape[1])
        for signs in ("positive", "uniform", given, "exists"):
            asked[n, str(signs)] = X, y, pattern, signs, decide(X, y, pattern, signs, margin="sign").verdict
    monkeypatch.setattr("relucells.samples.bases.LARGE", 0)
    decided = 0
    for where, (X, y, pattern, signs, verdict) in asked.items():
        inputs = prepare(X)
        found = decide(inputs, y, pattern, signs, margin="sign")
        assert found.verdict in (verdict, "undecided"), where
        if found.verdict != "undecided":
            decided += 1
            assert verification_level(inputs, y, pattern, found) != "rejected", where
    assert decided >= len(asked) / 2


def test_pairs_of_known_value_decide_without_a_program(rng, every_cell_is_large):
    """Nearly all active: neurons differ in a few samples each, whose values follow from the fit."""
    X, y, pattern = cell(rng, 400, 6, 4, 1.0)
    for j in range(3):
        pattern[4 * j : 4 * j + 4, j] = False
    inputs = prepare(X)
    minimum = LargeMinimum(inputs, y, pattern)
    assert minimum.rank < 4 * 6 and minimum.known[:12].any() and not minimum.known.all(axis=0).any()
    decision = decide(inputs, y, pattern, "exists", margin="sign", program_limit=0)
    assert (decision.verdict, decision.programs) == ("none", 0)
    assert verification_level(inputs, y, pattern, decision) == "numerical"


def test_a_tampered_certificate_of_a_large_cell_is_rejected(rng, every_cell_is_large, monkeypatch):
    no_exact_arithmetic(monkeypatch)
    X, y, pattern = cell(rng, 200, 5, 6, 0.5)
    inputs = prepare(X)
    decision = decide(inputs, y, pattern, "exists", margin="sign")
    assert verification_level(inputs, y, pattern, decision) == "numerical"
    first, *others = decision.certificate.leaves
    i, j = first.pairs[0]
    values = first.signs[j] * LargeMinimum(inputs, y, pattern).values[:, j]
    inside = int(np.flatnonzero(pattern[:, j] & (values > 0.01))[0])
    wrong = [
        dataclasses.replace(first, signs=-first.signs),
        dataclasses.replace(first, pairs=np.array([[inside, j]])),
        dataclasses.replace(first, pairs=np.array([[i, (j + 1) % 6]])),
        dataclasses.replace(first, values=-first.values),
        dataclasses.replace(first, bound=first.bound - 1 if np.isfinite(first.bound) else 0.0),
    ]
    for leaf in wrong:
        certificate = dataclasses.replace(decision.certificate, leaves=(leaf, *others))
        tampered = dataclasses.replace(decision, certificate=certificate)
        assert verification_level(inputs, y, pattern, tampered) == "rejected"
    assert verification_level(inputs, -y, pattern[::-1], decision) == "rejected"


def test_normal_equations_that_fail_do_not_stop_the_check(rng, monkeypatch):
    """On images with dark pixels they may; the basis of a large cell then serves smaller ones too."""
    no_exact_arithmetic(monkeypatch)
    X, y, pattern = cell(rng, 300, 6, 5, 1.0)
    X = np.insert(X, 2, 0.0, axis=1)
    for j in range(4):
        pattern[8 * j : 8 * j + 8, j] = False
    decision = decide(X, y, pattern, "exists", margin="sign")
    assert decision.verdict == "none" and any(len(leaf.values) for leaf in decision.certificate.leaves)
    monkeypatch.setattr("relucells.certify.kinds.floating_bound", lambda minimum, leaf: None)
    assert verification_level(X, y, pattern, decision) == "numerical"
    monkeypatch.setattr("relucells.certify.numerical.multiplier_bound", lambda *_: ("rejected", np.inf, 0.0))
    assert verification_level(X, y, pattern, decision) == "rejected"


def test_a_wide_cell_is_decided_by_samples_or_left_open(rng, every_cell_is_large, monkeypatch):
    no_exact_arithmetic(monkeypatch)
    X, y, pattern = cell(rng, 30, 4, 12, 0.5)
    inputs = prepare(X)
    minimum = LargeMinimum(inputs, y, pattern)
    assert minimum.wide and minimum.kernel is None
    assert decide(inputs, y, pattern, "positive", margin="sign").verdict == "none"
    assert decide(inputs, y, pattern, "exists", margin="sign").verdict == "undecided"


@pytest.mark.parametrize("gap", [0.0, 1e-8, 1e-7, 1e-6, 1e-2])
def test_nearly_dependent_samples_of_a_wide_cell(rng, every_cell_is_large, monkeypatch, gap):
    """A Aᵀ shows no gap below 1e-6: the cell then takes the singular value decomposition after all."""
    monkeypatch.setattr("relucells.certify.cell.ENTRIES", 10**7)
    X, y, pattern = cell(rng, 30, 5, 12, 0.5)
    X[2] = X[0] + X[1] + gap * rng.standard_normal(5)
    pattern[:3] = pattern[0]
    y[:3] = 5.0, 0.1, 0.1
    inputs = prepare(X)
    rank = np.linalg.matrix_rank(dense_matrix(X, pattern))
    assert rank == (29 if gap == 0.0 else 30)
    found = LargeMinimum(inputs, y, pattern)
    assert found.wide and found.doubtful == (0 < gap < 1e-4) and (found.rank == rank or found.doubtful)
    decision = decide(inputs, y, pattern, "positive", margin="sign")
    expected = cell_minimum(X, y, pattern).loss
    assert decision.loss == pytest.approx(expected, abs=1e-6)
    assert decision.verdict == "undecided" or verification_level(inputs, y, pattern, decision) != "rejected"


def test_what_only_a_weak_direction_shows_is_no_minimiser(rng, every_cell_is_large):
    """A pixel that one image alone has, at 1/255 of the others: only that sample sees its weight."""
    X = np.column_stack((rng.uniform(0, 1, (400, 3)), np.ones(400), np.zeros(400)))
    X[7, 4] = 1 / 255
    y = 2 + rng.uniform(0, 1, 400)
    pattern = np.ones((400, 1), dtype=bool)
    best = np.linalg.lstsq(X, y, rcond=None)[0]
    off = best - np.array([0, 0, 0, 0, best[4] * 1e-3])
    decision = decide(X, y, pattern, "positive", margin="sign")
    assert decision.verdict == "genuine"
    for R, level in ((best, "numerical"), (off, "rejected")):
        margin = float((X @ R).min()) * 0.99
        claim = dataclasses.replace(decision, R=R[None], margin=min(1.0, margin))
        assert verification_level(X, y, pattern, claim) == level


def test_questions_about_one_cell_share_its_minimum(rng):
    inputs, made = prepare(rng.standard_normal((5, 2))), []

    def make():
        made.append(1)
        return len(made)

    assert [inputs.remembered(key, make) for key in ("a", "a", "b", "b", "a")] == [1, 1, 2, 2, 3]


def test_all_images_of_two_classes(rng):
    images, labels = draw_images(rng, 33, 28, 28)
    X, y = two_classes(images, labels, [1, 0], None)
    assert [(y == s).sum() for s in (1, -1)] == [(labels == c).sum() for c in (1, 0)]
    np.testing.assert_allclose(X[y > 0, :-1], images[labels == 1].reshape(-1, 784) / 255)
    assert (X[:, -1] == 1).all()
    first, y = two_classes(images, labels, [1, 0], 4)
    np.testing.assert_array_equal(first[:2], X[:2])
    assert y.tolist() == [1, 1, -1, -1]


@pytest.fixture
def settings(tmp_path):
    """Settings of a run whose images are drawn ones, of which two classes have 8 each."""
    images, labels = draw_images(stream(0, "full_scale images"), 80, 28, 28)
    write_npz(
        tmp_path / "data" / "images" / "mnist.npz",
        images=images,
        labels=labels,
        data_source=np.array("stand-in"),
    )
    return {"full_scale": {"N": [4, None], "K": [3], "biases": [0, -200], "trials": 3, "classes": [7, 2]}}


def test_every_n_and_bias_is_decided_and_counted(tmp_path, settings):
    run(tmp_path, settings, ("full_scale",))
    frame = pd.read_csv(tmp_path / "results" / "full_scale" / "shares.csv")
    assert len(frame) == 2 * 2 * 4 and (frame["n_trials"] == 3).all()
    assert set(frame["N"]) == {4, 16} and set(frame["data_source"]) == {"stand-in"}
    assert not_on_the_map(tmp_path / "results", "full_scale") == {}
    nones = frame[[f"none_by_{reason}" for reason in REASONS]].sum(axis=1)
    assert (nones + frame["undecided"] + (frame["genuine_pct"] * 3 / 100).round() == 3).all()
    assert (frame["verified"] + frame["undecided"] == 3).all() and (frame["numerical"] == 0).all()
    dead = frame[frame["bias"] == -200]
    assert (dead["genuine_pct"] == 100).all() and (dead["rank_high"] == 0).all()
    with np.load(tmp_path / "data" / "images" / "mnist.npz") as data:
        X, y = two_classes(data["images"], data["labels"], [7, 2], None)
    drawn = sample_weights(20060916, "mnist", "0", range(3), 3, X.shape[1], "added")
    found = [
        decide_cell(prepare(X), y, X @ W.T > 0, z, 20)[0] for W, z in zip(drawn["W"], drawn["z"], strict=True)
    ]
    for row in frame[(frame["bias"] == 0) & (frame["N"] == 16)].itertuples():
        verdicts = [decisions[row.convention].verdict for decisions in found]
        assert row.genuine_pct == pytest.approx(100 * verdicts.count("genuine") / 3)
    text = (tmp_path / "results" / "full_scale" / "shares.md").read_text(encoding="utf-8")
    assert "stand-in images" in text


def test_too_few_images_are_named(tmp_path, settings):
    settings["full_scale"]["N"] = [20]
    done = run(tmp_path, settings, ("full_scale",), check=False)
    assert done.returncode != 0
    assert (
        "full_scale: 10 images of class 7 asked for, but there are 8 in data/images/mnist.npz" in done.stdout
    )


def test_the_settings_for_100_neurons_are_valid():
    config = yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8"))
    more = yaml.safe_load((ROOT / "configs" / "full_scale_k100.yaml").read_text(encoding="utf-8"))
    config["full_scale"] |= more["full_scale"]
    check_config(config, SCHEMA)
    assert config["full_scale"]["K"] == [100]
