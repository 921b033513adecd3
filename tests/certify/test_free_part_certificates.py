"""Certificates about networks with a free linear part: both checkers prove them and refuse altered ones."""

import copy
import json
from collections import Counter
from dataclasses import replace

import free_oracle
import naive
import numpy as np
import oracle
import pytest
from second_checker import answer, exported

from relucells import cell_minimum, critical_point, decide, export_certificate, verification_level, verify
from relucells.certify.certificates import Certificate, Leaf
from relucells.certify.critical import export_point, point_level
from relucells.certify.quality import Quality, point_quality_level, quality_level
from relucells.certify.stored import pack, pack_points, unpack, unpack_points
from relucells.certify.verify import cell_of, leaf_bound
from relucells.critical_points.certificate import certificate_of
from relucells.critical_points.exact_descent import settle
from relucells.samples.randomness import stream


def small_decisions(start: int, stop: int):
    """(X, y, pattern, F, decision) of random small cells under every convention."""
    for n in range(start, stop):
        rng = stream(97, "exported", n)
        X, y, pattern = naive.random_cell(rng) if n % 3 else oracle.difficult_cell(rng)
        F = free_oracle.free_columns(rng, X)
        for signs in ("positive", "uniform", "exists", rng.choice([-1, 1], pattern.shape[1])):
            decision = decide(X, y, pattern, signs, free=F)
            if decision.verdict != "undecided":
                yield X, y, pattern, F, decision


def larger_decisions():
    """Cells of 60 samples, for their margins' signs: dependent samples, and independent ones."""
    for seed, D in enumerate((4, 6, 80)):
        rng = stream(98, "exported", seed)
        y = np.repeat([1.0, -1.0], 30) if D < 80 else np.round(rng.standard_normal(60), 2)
        X = np.column_stack([rng.standard_normal((60, D - 1)), np.ones(60)])
        pattern = X @ rng.standard_normal((6, D)).T > 0
        for F in (np.ones((60, 1)), X, np.column_stack([np.ones(60), X[:, 0] ** 2])):
            for signs in ("positive", "exists", np.array([1, 1, 1, -1, -1, -1])):
                decision = decide(X, y, pattern, signs, margin="sign", program_limit=200, free=F)
                if decision.verdict != "undecided":
                    yield X, y, pattern, F, decision


def kinds_of(decision) -> set[str]:
    if decision.verdict == "genuine":
        return {"witness"}
    leaves = decision.certificate.leaves
    return {leaf.kind or ("sample" if leaf.sample >= 0 else "multipliers") for leaf in leaves}


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("part", ["small", "larger"])
def test_both_checkers_prove_what_is_decided(part, tmp_path):
    seen: Counter = Counter()
    for X, y, pattern, F, decision in small_decisions(0, 24) if part == "small" else larger_decisions():
        assert verify(X, y, pattern, decision, free=F)
        data = exported(tmp_path, X, y, pattern, decision, F)
        assert answer(data) == "proven", (answer(data), X, y, pattern, F, decision)
        assert verify(X, y, pattern, unpack(pack([decision]))[0], free=F)
        seen.update(kinds_of(decision))
    assert min(seen[kind] for kind in ("witness", "samples", "multipliers")) > 0, seen


@pytest.mark.campaign
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_both_checkers_prove_400_more(tmp_path):
    for X, y, pattern, F, decision in small_decisions(24, 124):
        assert verify(X, y, pattern, decision, free=F)
        assert answer(exported(tmp_path, X, y, pattern, decision, F)) == "proven", (
            X,
            y,
            pattern,
            F,
            decision,
        )


def test_files_without_a_free_part_are_what_they_were(tmp_path):
    X, y, pattern = np.eye(2), np.ones(2), np.eye(2, dtype=bool)
    decision = decide(X, y, pattern, "positive")
    export_certificate(X, y, pattern, decision, tmp_path / "old.json")
    for nothing in (np.zeros((2, 0)), np.zeros((2, 3))):
        data = exported(tmp_path, X, y, pattern, decision, nothing)
        assert data == json.loads((tmp_path / "old.json").read_text())
    assert data["format_version"] == 2 and "free" not in data


def test_a_file_about_another_free_part_is_refused(tmp_path):
    """Left out, empty, zero, another one, of another size, or in a file of the older format."""
    X, y, pattern = np.eye(2), np.array([-1.0, -2.0]), np.eye(2, dtype=bool)
    decision = decide(X, y, pattern, np.array([1, -1]), free=np.ones((2, 1)))
    assert decision.verdict == "genuine"  # c between −2 and −1; without it sample 0 refutes
    data = exported(tmp_path, X, y, pattern, decision, np.ones((2, 1)))
    assert answer(data) == "proven" and data["format_version"] == 3
    one, zero = (1.0).hex(), (0.0).hex()
    for free in (
        [],
        [[], []],
        [[zero], [zero]],
        [[one], [zero]],
        [[one]],
        [[one], [one, one]],
        None,
        "1",
        [[1], [1]],
    ):
        assert answer({**data, "free": free}) != "proven", free
    without = {name: value for name, value in data.items() if name != "free"}
    assert "format" in answer(without)
    assert answer({**without, "format_version": 2}) != "proven"
    assert "format 3" in answer({**data, "format_version": 2})
    for version in (1, 4, "3", 3.0, True, None):
        assert answer({**data, "format_version": version}) != "proven"
    for other in (None, np.array([[1.0], [-1.0]]), np.array([[1.0], [0.0]]), np.array([[1.0], [1.001]])):
        assert verification_level(X, y, pattern, decision, free=other) == "rejected"
    # a column of zeros, or one twice, is no other free part
    same = np.column_stack([np.zeros(2), np.ones(2), 2 * np.ones(2)])
    assert verify(X, y, pattern, decision, free=same)
    assert answer(exported(tmp_path, X, y, pattern, decision, same)) == "proven"


def samples_leaf(K, samples, weights, signs, bound):
    arrays = {"samples": np.array(samples, dtype=np.int64), "weights": np.array(weights, dtype=float)}
    return Leaf(np.array(signs, dtype=np.int8), bound, kind="samples", arrays=arrays)


def test_false_leaves_of_samples_are_refused(tmp_path):
    """λ·F ≠ 0, signs that are not λ's, none at all, zeros, and a single sample where F_i ≠ 0."""
    X, y, pattern = np.eye(3), np.array([1.0, 2.0, 5.0]), np.array([[1, 0], [0, 1], [0, 0]], dtype=bool)
    F = np.array([[1.0], [1.0], [0.0]])
    cell = cell_of(X, y, pattern, F)
    true = samples_leaf(2, [0, 1], [1.0, -1.0], [1, -1], -0.5)
    assert leaf_bound(cell, true).level == "proven"
    loss = cell_minimum(X, y, pattern, free=F).loss
    decision = decide(X, y, pattern, np.array([1, -1]), free=F)
    assert decision.loss == pytest.approx(loss)

    def forged(leaf):
        return replace(decision, certificate=Certificate((leaf,)), margin=leaf.bound)

    assert verify(X, y, pattern, forged(true), free=F)
    assert answer(exported(tmp_path, X, y, pattern, forged(true), F)) == "proven"
    false = [
        samples_leaf(2, [0, 1], [1.0, 1.0], [1, 1], -0.5),  # Fᵀλ ≠ 0
        samples_leaf(2, [0, 1], [-1.0, 1.0], [1, -1], -0.5),  # signs that are not λ's
        samples_leaf(2, [0, 1], [1.0, -1.0], [1, 1], -0.5),
        samples_leaf(2, [0, 1], [1.0, -1.0], [1, 0], -0.5),
        samples_leaf(2, [0, 1], [1.0, -1.0], [0, 0], -0.5),
        samples_leaf(2, [0], [1.0], [1, -1], -1.0),  # a single sample where F_i ≠ 0
        samples_leaf(2, [], [], [1, -1], 0.0),  # empty
        samples_leaf(2, [0, 1], [0.0, 0.0], [1, -1], 0.0),  # all zero
        samples_leaf(2, [2], [1.0], [1, -1], 0.0),  # no sample with an active neuron
        samples_leaf(2, [0, 0], [1.0, -1.0], [1, -1], -0.5),
        samples_leaf(2, [0, 1], [1.0, -1.0], [1, -1], -0.6),  # another bound
        Leaf(np.array([1, -1], dtype=np.int8), -1.0, 0),  # a sample leaf where F_i ≠ 0
        replace(true, arrays={**true.arrays, "weights": np.array([np.nan, 1.0])}),
        replace(true, arrays={"samples": true.arrays["samples"]}),
        replace(true, sample=0),
        replace(true, pairs=np.array([[0, 0]]), values=np.ones(1)),
    ]
    for leaf in false:
        assert verification_level(X, y, pattern, forged(leaf), free=F) == "rejected", leaf
        if np.isfinite(leaf.arrays.get("weights", np.zeros(1))).all():
            assert answer(exported(tmp_path, X, y, pattern, forged(leaf), F)) != "proven", leaf


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_decisions_of_one_free_part_do_not_pass_for_another(tmp_path):
    """Whatever a certificate says about another free part, it passes only if z3 finds it true there."""
    refused = 0
    for n, (X, y, pattern, _, decision) in enumerate(small_decisions(200, 206)):
        rng = stream(99, "other", n)
        for other in (None, rng.standard_normal((len(X), 1)), np.ones((len(X), 1)), X):
            signs = decision.convention if decision.given is None else decision.given
            true = (
                oracle.verdict(X, y, pattern, signs)
                if other is None
                else free_oracle.verdict(X, y, pattern, other, signs)
            )
            levels = [verification_level(X, y, pattern, decision, free=other)]
            levels.append(answer(exported(tmp_path, X, y, pattern, decision, other)))
            assert (levels[0] == "proven") == (levels[1] == "proven"), (n, other, levels)
            refused += levels[0] != "proven"
            assert levels[0] != "proven" or decision.verdict == true
    assert refused > 10


def test_bad_and_global_minima_with_a_free_part(tmp_path):
    """Bad: a network with the same free part is better. Global: loss exactly 0."""
    X = np.array([[1.0, 1.0], [2.0, 1.0], [3.0, 1.0], [-1.0, 1.0], [-3.0, 1.0]])
    F, pattern = np.ones((5, 1)), np.repeat(X[:, [0]] > 0, 2, axis=1)
    y = np.array([4.0, 6.0, 8.0, 1.0, 3.0])
    decision = decide(X, y, pattern, "exists", free=F)
    assert decision.verdict == "genuine"
    better = Quality("bad", np.array([[2.0, 1.0], [-1.0, -1.0]]), np.ones(2), np.array([1.0]))
    assert (np.maximum(X @ better.W.T, 0.0).sum(axis=1) + 1.0 == y).all() and decision.loss > 0.1
    assert quality_level(X, y, pattern, decision, better, free=F) == "proven"
    data = exported(tmp_path, X, y, pattern, decision, F, quality=better)
    assert answer(data) == "proven"
    for c in (None, np.array([0.0]), np.array([9.0]), np.zeros(2), np.array([np.nan]), "4"):
        assert quality_level(X, y, pattern, decision, replace(better, c=c), free=F) == "rejected"
    for c in ([(0.0).hex()], [], None, [(4.0).hex()] * 2):
        assert answer({**data, "better": {**data["better"], "c": c}}) != "proven"
    exact = np.where(pattern[:, 0], 2.0 * X[:, 0] + 2.0, 2.0)  # what the cell and c fit
    off = np.append(exact[:-1], 2.0 + 2.0**-40)
    for labels, kind in ((exact, "proven"), (off, "rejected"), (y, "rejected")):
        found = decide(X, labels, pattern, "exists", free=F)
        assert quality_level(X, labels, pattern, found, Quality("global"), free=F) == kind
        told = answer(exported(tmp_path, X, labels, pattern, found, F, quality=Quality("global")))
        assert (told == "proven") == (kind == "proven")


@pytest.mark.parametrize("shape", [(14, 3, 2), (6, 9, 3), (40, 170, 4)])
def test_critical_points_are_proven_twice(shape, tmp_path):
    """Ends of exact descent, small ones and one that needs independent samples; nothing altered passes."""
    N, D, K = shape
    rng = stream(100, "points", N)
    X = np.column_stack([rng.standard_normal((N, D - 1)), np.ones(N)])
    y, W, z = rng.standard_normal(N), rng.standard_normal((K, D)), rng.standard_normal(K)
    for F in (np.ones((N, 1)), np.column_stack([np.ones(N), np.cos(X[:, 0]), 2 * np.ones(N)])):
        end = settle(X, y, W, z, free=F)
        point = critical_point(X, y, end.W, end.z, free=F, c=end.c)
        found = certificate_of(X, y, end.W, end.z, point, free=F, c=end.c)
        assert found is not None and point_level(X, y, found, free=F) == "proven", point
        assert found.distance < 1e-6 * (1.0 + np.linalg.norm(end.W) + np.linalg.norm(end.c))
        export_point(X, y, found, tmp_path / "point.json", free=F)
        data = json.loads((tmp_path / "point.json").read_text())
        assert answer(data) == "proven"
        (stored,) = unpack_points(pack_points([found]))
        assert point_level(X, y, stored, free=F) == "proven"
        for other in (None, F[:, :1] + rng.standard_normal((N, 1)), np.hstack([F, X[:, :1]])):
            assert point_level(X, y, found, free=other) == "rejected"
        moved = replace(found, c=found.c + 1e-3)
        assert point_level(X, y, moved, free=F) == "rejected"
        assert point_level(X, y, replace(found, c=None), free=F) == "rejected"
        for change in (
            {"c": [(9.0).hex()] * F.shape[1]},
            {"c": []},
            {"free": [[(0.0).hex()]] * N},
            {"c": None},
        ):
            assert answer({**copy.deepcopy(data), **change}) != "proven"
        better = Quality("bad", end.W, end.z, found.c)
        assert point_quality_level(X, y, found, better, free=F) == "rejected"  # not lower than itself
