"""Full rank of the Jacobian against dense references, exact ranks and counts of regions."""

from fractions import Fraction
from itertools import product

import numpy as np
import pandas as pd
import pytest
from mapping import missing
from measure_jacobian_rank import input_dimension, measure_jacobian_rank
from sample_uniform_regions import examine, sample_uniform_regions
from scipy.optimize import linprog
from tabulate_jacobian_rank import agreement, tabulate
from tabulate_uniform_regions import tabulate as tabulate_regions

from relucells.cells import pattern as cells
from relucells.cells.diameter import count_cones
from relucells.related.jacobian_rank import draw_region, draw_step_patterns, full_row_rank


def jacobian(X, W, v):
    """d F(x_i) / d (W, b) by differences of the network itself; W (d1, d0 + 1) with the bias last."""
    h = 1e-7
    columns = []
    for place in range(W.size):
        shift = np.zeros(W.size)
        shift[place] = h
        up, down = W + shift.reshape(W.shape), W - shift.reshape(W.shape)
        columns.append((np.maximum(X @ up.T, 0) @ v - np.maximum(X @ down.T, 0) @ v) / (2 * h))
    return np.array(columns).T


def exact_rank(matrix):
    """Rank over the rationals."""
    rows = [[Fraction(value) for value in row] for row in matrix.tolist()]
    rank = 0
    for column in range(matrix.shape[1]):
        pivot = next((i for i in range(rank, len(rows)) if rows[i][column]), None)
        if pivot is None:
            continue
        rows[rank], rows[pivot] = rows[pivot], rows[rank]
        for i in range(rank + 1, len(rows)):
            factor = rows[i][column] / rows[rank][column]
            if factor:
                rows[i] = [a - factor * b for a, b in zip(rows[i], rows[rank], strict=True)]
        rank += 1
    return rank


def test_jacobian_is_the_matrix_A_with_scaled_columns():
    rng = np.random.default_rng(0)
    X = np.hstack([rng.random((6, 2)), np.ones((6, 1))])
    W, v = rng.uniform(-1, 1, (4, 3)), rng.standard_normal(4)
    A = cells.dense_matrix(X, cells.activation_pattern(X, W))
    assert np.allclose(jacobian(X, W, v), A * np.repeat(v, 3), atol=1e-6)


@pytest.mark.parametrize("d0, n, d1", [(1, 6, 30), (2, 20, 25), (3, 25, 10), (12, 12, 3), (30, 12, 3)])
def test_full_rank_agrees_with_dense_decompositions(d0, n, d1):
    rng = np.random.default_rng(d0 + n + d1)
    seen = set()
    for _ in range(60):
        X, pattern, v = draw_region(rng, d0, n, d1)
        dense = cells.dense_matrix(X, pattern) * np.repeat(v, d0 + 1)
        double = full_row_rank(X, pattern, v)
        assert double == (np.linalg.matrix_rank(dense) == n)
        # rounding A before or after repeated columns are merged moves its singular values by an ulp
        spectrum = np.linalg.svd(dense.astype(np.float32), compute_uv=False)
        limit = spectrum[0] * max(dense.shape) * np.finfo(np.float32).eps
        if len(spectrum) < n or not 0.9 * limit < spectrum[-1] < 1.1 * limit:
            single = len(spectrum) == n and spectrum[-1] > limit
            assert full_row_rank(X, pattern, v, "float32") == single
        seen.add(double)
    assert seen == {True, False}


def test_precision_matters():
    X = np.array([[0.0, 1.0], [1e-9, 1.0]])
    pattern, v = np.ones((2, 1), dtype=bool), np.ones(1)
    assert full_row_rank(X, pattern, v, "float64")
    assert not full_row_rank(X, pattern, v, "float32")


def test_with_as_many_coordinates_as_samples_only_dead_samples_matter():
    rng = np.random.default_rng(1)
    seen = set()
    for d0, n in [(9, 10), (12, 8)]:
        for _ in range(60):
            X, pattern, v = draw_region(rng, d0, n, 2)
            covered = bool(pattern.any(axis=1).all())
            assert full_row_rank(X, pattern, v) == covered
            seen.add(covered)
    assert seen == {True, False}


@pytest.mark.parametrize("n, d0", [(1, 1), (4, 1), (5, 2), (6, 3)])
def test_the_count_of_regions_against_a_linear_program_for_each_sign_pattern(n, d0):
    rng = np.random.default_rng(n * 10 + d0)
    X = np.hstack([rng.random((n, d0)), np.ones((n, 1))])
    found = 0
    for signs in product((-1, 1), repeat=n):
        inside = -np.array(signs)[:, None] * X  # sign_i w·x_i ≥ 1; bounds default to w ≥ 0 in scipy
        found += linprog(np.zeros(d0 + 1), A_ub=inside, b_ub=-np.ones(n), bounds=(None, None)).success
    assert found == count_cones(n, d0 + 1)


def test_step_patterns_are_all_regions_equally_often():
    rng = np.random.default_rng(2)
    n, draws = 5, 20_000
    columns, counts = np.unique(draw_step_patterns(rng, n, draws), axis=1, return_counts=True)
    assert len(counts) == count_cones(n, 2) == 2 * n
    expected = draws / (2 * n)
    assert (np.abs(counts - expected) < 5 * np.sqrt(expected)).all()
    # the regions of sorted inputs under random weights are the same columns
    X = np.column_stack([np.sort(rng.random(n)), np.ones(n)])
    W = rng.standard_normal((20_000, 1)) * np.array([1, 0.0])
    W[:, 1] = -W[:, 0] * rng.uniform(-0.5, 1.5, len(W))
    real = np.unique(cells.activation_pattern(X, W), axis=1)
    assert {column.tobytes() for column in real.T} == {column.tobytes() for column in columns.T}


def test_step_patterns_have_their_exact_rank():
    rng = np.random.default_rng(3)
    n = 5
    X = np.column_stack([np.sort(rng.choice(50, n, replace=False)) / 16, np.ones(n)])
    seen = set()
    for d1, _ in product((3, 5, 8), range(30)):
        pattern = draw_step_patterns(rng, n, d1)
        full = exact_rank(cells.dense_matrix(X, pattern)) == n
        assert full_row_rank(X, pattern, np.ones(d1)) == full
        # between two neighbouring thresholds A is linear in x: three inputs there are dependent
        changed = (pattern[1:] != pattern[:-1]).any(axis=1)
        blocks = np.diff(np.flatnonzero(np.concatenate([[True], changed, [True]])))
        assert not full or blocks.max() <= 2
        seen.add(full)
    assert seen == {True, False}


def test_rank_does_not_depend_on_the_order_of_samples_or_neurons():
    rng = np.random.default_rng(4)
    for _ in range(20):
        X, pattern, v = draw_region(rng, 2, 15, 20)
        p, q = rng.permutation(15), rng.permutation(20)
        assert full_row_rank(X, pattern, v) == full_row_rank(X[p], pattern[p][:, q], v[q])


@pytest.mark.parametrize(
    "change, message",
    [
        ({"v": [1.0]}, "^v: must hold 2 nonzero numbers"),
        ({"v": [1.0, 0.0]}, "^v: must hold 2 nonzero numbers"),
        ({"dtype": "float16"}, "^dtype: must be 'float64' or 'float32'"),
        ({"X": [[np.inf, 1.0]]}, "^X: must be finite"),
        ({"pattern": [[2, 0]]}, "^pattern: "),
    ],
)
def test_bad_arguments_are_named(change, message):
    good = {"X": [[0.5, 1.0]], "pattern": [[1, 0]], "v": [1.0, 1.0]}
    with pytest.raises(ValueError, match=message):
        full_row_rank(**{**good, **change})


# --- the scripts around it ------------------------------------------------------------------------


def inner_zero_loss(X, y, pattern, v):
    """Whether the region's interior holds a network through all labels, by a linear program in (W, b)."""
    n, d1 = pattern.shape
    fit = cells.dense_matrix(X, pattern) * np.repeat(v, 2)
    side = np.where(pattern, 1.0, -1.0)
    rows = [np.kron(np.eye(d1)[j], side[i, j] * X[i]) for i in range(n) for j in range(d1)]
    program = linprog(
        np.append(np.zeros(2 * d1), -1),
        A_ub=np.column_stack([-np.array(rows), np.array(pattern, dtype=float).ravel()]),
        b_ub=np.zeros(n * d1),
        A_eq=np.column_stack([fit, np.zeros(n)]),
        b_eq=y,
        bounds=[(None, None)] * (2 * d1) + [(None, 1)],
    )
    return bool(program.success and -program.fun > 1e-9)


def test_zero_loss_in_a_region_against_a_linear_program(rng):
    seen = set()
    for n, d1 in [(3, 4), (5, 8), (5, 14), (8, 30)]:
        for _ in range(12):
            X = np.column_stack([np.sort(rng.random(n)), np.ones(n)])
            y, pattern = rng.standard_normal(n), draw_step_patterns(rng, n, d1)
            v = np.where(np.arange(d1) % 2 == 0, 1.0, -1.0)
            full, loss = examine(X, y, pattern, time_limit=60)
            assert full == full_row_rank(X, pattern, v)
            assert loss == ("zero" if inner_zero_loss(X, y, pattern, v) else "positive")
            seen.add(loss)
    assert seen == {"zero", "positive"}


@pytest.mark.parametrize(
    "family, value, n, d0",
    [("fixed_d0", 3.0, 10, 3), ("proportional_d0", 0.25, 10, 3), ("proportional_d0", 0.1, 30, 3)],
)
def test_input_dimension(family, value, n, d0):
    assert input_dimension(family, value, n) == d0


def test_one_heat_map_as_rows_and_judged():
    result = measure_jacobian_rank(0, "fixed_d0", 2.0, [6, 12], [4, 8, 20], trials=12)
    table = pd.DataFrame(tabulate("fixed_d0", result))
    assert len(table) == 2 * 2 * 3 and (table["d0"] == 2).all()
    double = table[table["dtype"] == "float64"].set_index(["n", "d1"])["full_rank_share"]
    assert double[6, 20] > double[6, 4] and double[12, 4] == 0  # 12 samples, 4 · 3 columns, dead pairs
    # a trial is the same in a map of one cell
    alone = measure_jacobian_rank(0, "fixed_d0", 2.0, [6], [8], trials=12)
    assert (alone["full_rank"][:, 0, 0] == result["full_rank"][:, 0, 1]).all()

    earlier = table.assign(trials=30)
    judged = agreement(table, earlier, 0.95)
    assert (judged["verdict"] == "agrees").all()
    assert missing("related/jacobian_rank", table) == missing("related/jacobian_rank_agreement", judged) == []
    earlier["full_rank_share"] = 1 - earlier["full_rank_share"].round()
    assert (agreement(table, earlier, 0.95)["verdict"] == "differs").sum() > 0


def test_regions_in_one_dimension_as_rows():
    result = sample_uniform_regions(0, 4, [2, 12], {"trials": 3, "time_limit": 20})
    rows = tabulate_regions(4, result, 0.95)
    assert [(row["drawn"], row["d1"]) for row in rows] == [
        (kind, d1) for kind in result["kind"] for d1 in (2, 12)
    ]
    for row in rows:
        assert row["full_rank_low"] <= row["full_rank_share"] <= row["full_rank_high"]
    assert missing("related/uniform_regions", rows[0]) == []
