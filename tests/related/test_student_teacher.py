"""The student–teacher objective against sampling and differences; descent, certificate, families."""

import numpy as np
import pandas as pd
import pytest
from certify_student_teacher import certify_student_teacher
from check_student_teacher_cells import check_draw, sample
from descend_student_teacher import draw_students
from mapping import missing
from tabulate_safran_shamir import FAMILIES, agreement_rows, count_row, family_rows
from tabulate_student_teacher_cells import COLUMNS

from relucells.related import student_teacher
from relucells.related.student_teacher import (
    certify,
    descend,
    families,
    gradient,
    hessian,
    objective,
    permutation,
    polish,
)


def students(runs, n, k, seed=0):
    return np.random.default_rng(seed).standard_normal((runs, n, k)) / np.sqrt(k)


@pytest.fixture(scope="module")
def spurious():
    """Spurious end points of some descents with k = n = 8."""
    ends = descend(
        students(60, 8, 8), step=0.1, gradient_tolerance=1e-9, spurious_objective=1e-3, max_steps=200_000
    )
    assert (ends.outcome != "undecided").all()
    found = ends.W[ends.outcome == "spurious"]
    assert len(found) > 0
    return found


def test_objective_is_half_the_mean_squared_difference():
    W = students(2, 4, 3, seed=1) * 2
    x = np.random.default_rng(2).standard_normal((400_000, 3))
    teacher = np.maximum(x, 0).sum(axis=1)
    for run in range(2):
        loss = (np.maximum(x @ W[run].T, 0).sum(axis=1) - teacher) ** 2 / 2
        assert abs(loss.mean() - objective(W)[run]) < 4 * loss.std() / np.sqrt(len(x))


def test_gradient_is_the_mean_of_the_sampled_gradients():
    W = students(1, 3, 4, seed=3)[0]
    x = np.random.default_rng(4).standard_normal((200_000, 4))
    active = x @ W.T > 0
    difference = np.maximum(x @ W.T, 0).sum(axis=1) - np.maximum(x, 0).sum(axis=1)
    samples = (difference[:, None] * active)[:, :, None] * x[:, None, :]
    error = samples.std(axis=0) / np.sqrt(len(x))
    assert (np.abs(samples.mean(axis=0) - gradient(W)) < 5 * error).all()


@pytest.mark.parametrize("n, k", [(1, 1), (1, 3), (4, 3), (5, 5)])
def test_derivatives_against_differences(n, k):
    W = students(2, n, k, seed=n + k) * 3
    h = 1e-6
    for i in range(n * k):
        shift = np.zeros(n * k)
        shift[i] = h
        shift = shift.reshape(n, k)
        slope = (objective(W + shift) - objective(W - shift)) / (2 * h)
        assert np.allclose(slope, gradient(W).reshape(2, -1)[:, i], atol=1e-8)
        column = (gradient(W + shift) - gradient(W - shift)) / (2 * h)
        assert np.allclose(column.reshape(2, -1), hessian(W)[:, :, i], atol=1e-7)


def test_hessian_as_the_work_prints_it():
    W = students(1, 3, 3, seed=9)[0]
    n, k = W.shape
    eye = np.eye(k)

    def parts(a, b):
        a_bar, b_bar = a / np.linalg.norm(a), b / np.linalg.norm(b)
        c = a_bar @ b_bar
        return a_bar, b_bar, c, np.sqrt(1 - c * c)

    def h1(w, v):
        w_bar, v_bar, c, s = parts(w, v)
        inner = (1 - c * c) * (eye - np.outer(w_bar, w_bar)) + np.outer(c * w_bar - v_bar, c * w_bar - v_bar)
        return np.linalg.norm(v) / (2 * np.pi * s * np.linalg.norm(w)) * inner

    def h2(w, v):
        w_bar, v_bar, c, s = parts(w, v)
        inner = np.outer(w_bar + v_bar, w_bar + v_bar)
        inner -= (1 + c) * (np.outer(w_bar, w_bar) + np.outer(v_bar, v_bar))
        return (np.pi - np.arccos(c)) * eye / (2 * np.pi) + inner / (2 * np.pi * s)

    H = hessian(W).reshape(n, k, n, k)
    for i in range(n):
        others = sum(h1(W[i], W[j]) for j in range(n) if j != i)
        teachers = sum(h1(W[i], v) for v in eye)
        assert np.allclose(H[i, :, i], eye / 2 + others - teachers)
        for j in range(n):
            if j != i:
                assert np.allclose(H[i, :, j], h2(W[i], W[j]))


def test_the_teacher_is_the_global_minimum():
    assert objective(np.eye(5)) == pytest.approx(0, abs=1e-14)
    assert np.abs(gradient(np.eye(5))).max() < 1e-14
    assert np.linalg.eigvalsh(hessian(np.eye(5)))[0] > 0
    # a neuron of the teacher split into two parallel ones computes the same function
    split = np.vstack([np.eye(3), 0.3 * np.eye(3)[:1]])
    split[0] *= 0.7
    assert objective(split) == pytest.approx(0, abs=1e-14)
    assert np.abs(gradient(split)).max() < 1e-14
    assert np.isfinite(hessian(split)).all()


def test_permutations_change_nothing():
    W = students(3, 5, 4, seed=5)
    p, q = np.random.default_rng(6).permutation(5), np.random.default_rng(7).permutation(4)
    moved = W[:, p][:, :, q]
    assert np.allclose(objective(moved), objective(W), rtol=1e-13)
    assert np.allclose(gradient(moved), gradient(W)[:, p][:, :, q])
    assert np.allclose(np.linalg.eigvalsh(hessian(moved)), np.linalg.eigvalsh(hessian(W)))


def test_descend_steps_down_the_gradient_and_stops_by_its_rules():
    W = students(7, 6, 6, seed=8)
    common = dict(step=0.1, gradient_tolerance=1e-9, spurious_objective=1e-3)
    one = descend(W, max_steps=1, **common)
    assert np.allclose(one.W, W - 0.1 * gradient(W), atol=1e-15)
    assert (one.outcome == "undecided").all() and (one.steps == 1).all()

    ends = descend(W, max_steps=100_000, **common)
    assert np.allclose(ends.objective, objective(ends.W), atol=1e-13)
    assert (ends.objective[ends.outcome == "retired"] < 1e-3).all()
    stopped = ends.outcome == "spurious"
    assert (ends.objective[stopped] >= 1e-3).all() and (ends.gradient[stopped] <= 1e-9).all()
    slope = 2 * np.pi * np.linalg.norm(gradient(ends.W), axis=2).max(axis=1)
    assert np.allclose(ends.gradient, slope, atol=1e-13)


def test_a_run_does_not_depend_on_the_others(monkeypatch):
    W = students(12, 8, 8, seed=11)
    settings = dict(step=0.1, gradient_tolerance=1e-9, spurious_objective=1e-3, max_steps=2000)
    together = descend(W, **settings)
    monkeypatch.setattr(student_teacher, "PAIRS_AT_ONCE", 5 * 8 * 16)
    in_fives = descend(W, **settings)
    for name, value in vars(together).items():
        assert (value == getattr(in_fives, name)).all(), name


def test_certificate_holds_at_minima_and_nowhere_else(spurious):
    found = certify(spurious)
    assert found.holds.all() and (found.min_eigenvalue > 0).all()
    assert (found.radius < 1e-5).all()
    # the minimum that is promised is there: Newton's method reaches it within the radius
    minima = polish(spurious)
    assert np.linalg.norm(gradient(minima), axis=(1, 2)).max() < 1e-13
    assert (np.linalg.norm(minima - spurious, axis=(1, 2)) <= found.radius).all()
    # the random starts, and points 0.1 away, certify nothing
    assert not certify(students(20, 8, 8)).holds.any()
    assert not certify(spurious + 0.1 * students(len(spurious), 8, 8, seed=3)).holds.any()


def test_saddle_is_not_certified():
    # all students equal: symmetry makes the common direction (1, 1) critical after a line search
    low, high = 0.1, 3.0
    for _ in range(80):
        middle = (low + high) / 2
        student = np.full((2, 2), middle)
        low, high = (middle, high) if gradient(student).sum() < 0 else (low, middle)
    assert np.abs(gradient(student)).max() < 1e-12
    assert not certify(student).holds


def test_certificate_conditions_follow_the_formula(spurious):
    W = spurious[0]
    found = certify(W)
    n, k = W.shape
    norms = np.linalg.norm(W, axis=1)
    L = n * (np.sqrt(2) * (n - 1) * (norms.max() + norms.min()) + k) / (np.pi * norms.min() ** 2)
    lowest, g = np.linalg.eigvalsh(hessian(W))[0], np.linalg.norm(gradient(W))
    radius = (3 * lowest - np.sqrt(9 * lowest**2 - 25 * g * L)) / (2 * L)
    assert found.min_eigenvalue == pytest.approx(lowest, rel=1e-9)
    assert found.gradient_norm == pytest.approx(g, rel=1e-6)
    assert found.radius == pytest.approx(radius, rel=0.05)  # L grows a little over the ball


def test_polish_leaves_what_it_cannot_improve():
    split = np.vstack([0.5 * np.eye(2)[:1], 0.5 * np.eye(2)[:1], np.eye(2)[1:]])
    moved = polish(split)
    assert np.linalg.norm(gradient(moved)) <= np.linalg.norm(gradient(split)) + 1e-15


def test_families_are_classes_up_to_both_permutations(spurious):
    rng = np.random.default_rng(12)
    minima = polish(spurious)
    mixed = np.concatenate([minima, [W[rng.permutation(8)][:, rng.permutation(8)] for W in minima]])
    family = families(mixed)
    assert (family[: len(minima)] == family[len(minima) :]).all()
    value = objective(mixed)
    for number in range(family.max() + 1):
        assert np.ptp(value[family == number]) < 1e-10
    assert list(dict.fromkeys(family)) == list(range(family.max() + 1))


def test_equal_entries_are_not_enough_for_a_family():
    # two 3-cycles and one 6-cycle: same entries, same row and column multisets, no permutation
    ring = np.roll(np.eye(6), 1, axis=1) + np.eye(6)
    rings = np.kron(np.eye(2), np.roll(np.eye(3), 1, axis=1) + np.eye(3))
    assert permutation(ring, rings, 1e-9) is None
    assert families(np.stack([ring, rings, ring[::-1]])).tolist() == [0, 1, 0]


def test_permutation_is_found_among_many_symmetries():
    rng = np.random.default_rng(13)
    A = np.full((9, 7), 0.25) + np.eye(9, 7)
    A[8] = -1
    p, q = rng.permutation(9), rng.permutation(7)
    B = A[p][:, q] + rng.uniform(-1e-9, 1e-9, A.shape)
    rows, columns = permutation(A, B, 1e-7)
    assert np.abs(A[rows][:, columns] - B).max() < 1e-7
    assert permutation(A, B + 1e-5, 1e-7) is None


@pytest.mark.parametrize(
    "W, message",
    [
        ([1.0, 2.0], r"^W: must be \(…, n, k\)"),
        ([[1.0, np.nan]], "^W: must be finite"),
        ([[1.0, 0.0], [0.0, 0.0]], "^W: holds a neuron of weight 0"),
        ([["a", "b"]], "^W: not an array of real numbers"),
    ],
)
def test_bad_students_are_named(W, message):
    for function in (objective, gradient, hessian, certify, polish):
        with pytest.raises(ValueError, match=message):
            function(W)


@pytest.mark.parametrize(
    "name, value", [("step", 0), ("gradient_tolerance", -1), ("max_steps", 0), ("W", np.eye(2))]
)
def test_bad_descents_are_named(name, value):
    good = dict(W=np.ones((1, 2, 2)), step=0.1, gradient_tolerance=1e-9, spurious_objective=1e-3, max_steps=5)
    with pytest.raises(ValueError, match=f"^{name}: "):
        descend(**{**good, name: value})


# --- the scripts around it ------------------------------------------------------------------------


def test_more_runs_begin_with_the_same_ones():
    assert (draw_students(3, 4, 5, 6)[:2] == draw_students(3, 4, 5, 2)).all()
    assert not np.isclose(draw_students(3, 4, 5, 2), draw_students(4, 4, 5, 2)).any()


def test_table_rows_from_certificates(spurious):
    minima = certify_student_teacher(spurious, tolerance=1e-6)
    runs = len(spurious) + 5
    outcome = np.array(["spurious"] * len(spurious) + ["retired"] * 5)
    ends = {"outcome": outcome, "objective": np.concatenate([objective(spurious), np.full(5, 1e-4)])}
    row = count_row(8, 8, ends, minima)
    assert (row["runs"], row["spurious"], row["certified"]) == (runs, len(spurious), len(spurious))
    assert row["mean_objective"] == pytest.approx(objective(spurious).mean())
    families_found = family_rows(8, 8, minima)
    assert sum(family["count"] for family in families_found) == len(spurious)
    assert all(family["certified"] for family in families_found)

    published = {"mean_min_eigenvalue": row["mean_min_eigenvalue"], "mean_objective": row["mean_objective"]}
    share = round(1000 * len(spurious) / runs)
    for count, verdict in [(share, "agrees"), (share // 4, "differs")]:
        judged = agreement_rows(row, ends, minima, pd.Series({**published, "spurious_of_1000": count}), 0.95)
        assert judged[0]["quantity"] == "spurious_share" and judged[0]["verdict"] == verdict
    judged = agreement_rows(
        row,
        ends,
        minima,
        pd.Series({"spurious_of_1000": share, "mean_min_eigenvalue": 1, "mean_objective": 1}),
        0.95,
    )
    assert [entry["verdict"] for entry in judged[1:]] == ["differs", "differs"]
    assert missing("related/safran_shamir", row) == missing("related/safran_shamir_families", FAMILIES) == []
    assert missing("related/safran_shamir_agreement", judged[0]) == []
    assert missing("related/safran_shamir_cells", COLUMNS) == []


def test_no_spurious_end_point_leaves_empty_tables():
    minima = certify_student_teacher(np.empty((0, 4, 4)), tolerance=1e-6)
    ends = {"outcome": np.array(["retired"] * 3), "objective": np.full(3, 1e-4)}
    row = count_row(4, 4, ends, minima)
    assert row["spurious"] == row["certified"] == 0 and np.isnan(row["mean_objective"])
    assert family_rows(4, 4, minima) == []
    published = pd.Series({"spurious_of_1000": 0, "mean_min_eigenvalue": 0.1, "mean_objective": 0.1})
    judged = agreement_rows(row, ends, minima, published, 0.95)
    assert [entry["verdict"] for entry in judged] == ["agrees", "not comparable", "not comparable"]


def test_cell_criterion_beside_the_population_minimum(spurious, rng):
    settings = {"time_limit": 60, "max_cells": 1000}
    W = polish(spurious[0])
    X, y = sample(rng, 150, 8)
    seen = check_draw(X, y, W, settings)
    # more samples than weights: one minimiser, above zero loss, below the loss where it was sought
    assert seen["full_column_rank"] and 0 < seen["cell_loss"] < seen["loss"]
    assert seen["verdict"] == "none"
    assert seen["end"] == "non-differentiable minimum" and seen["end_verdict"] == "none"
    assert seen["end_loss"] < seen["loss"] and seen["end_distance"] < 1
    # the teacher fits the samples inside its own cell
    taught = check_draw(X, y, np.eye(8), settings)
    assert taught["verdict"] == taught["end_verdict"] == "genuine"
    assert taught["loss"] == 0 and taught["end_loss"] < 1e-20
