"""cell_minimum against numpy.linalg.lstsq on the dense A, and what the paper says about minima."""

import numpy as np
import pytest
from flint import fmpq, fmpq_mat

import relucells
from relucells.cells.inspection import inspect_cell
from relucells.cells.minimum import cell_minimum
from relucells.cells.pattern import dense_matrix, rank
from relucells.samples.columns import exact_rank
from relucells.samples.inputs import prepare


def check_against_lstsq(X, y, pattern, rtol=1e-9):
    """The contract of cell_minimum, held against the dense A."""
    found = cell_minimum(X, y, pattern)
    A = dense_matrix(X, pattern)
    expected, _, _, singular = np.linalg.lstsq(A, y, rcond=None)
    assert found.rank == np.linalg.matrix_rank(A)
    assert found.unique == (found.rank == A.shape[1])
    assert found.R.shape == (np.shape(pattern)[1], np.shape(X)[1])
    # Forward error of least squares grows with the condition number of what is kept, squared when
    # the residual is not zero.
    kept = singular[: found.rank]
    condition = kept[0] / kept[-1] if found.rank else 1.0
    residual = np.linalg.norm(A @ expected - y)
    bound = rtol + 1e-13 * condition * (1 + condition * residual)
    assert np.linalg.norm(found.R.ravel() - expected) <= bound * (1 + np.linalg.norm(expected))
    assert np.linalg.norm(found.fitted - A @ expected) <= (rtol + 1e-14 * condition) * (1 + np.linalg.norm(y))
    assert found.loss == pytest.approx(residual**2 / len(y), rel=1e-7, abs=1e-12)
    return found


@pytest.mark.parametrize(
    ("N", "D", "K", "bias"),
    [
        (60, 3, 4, 0.0),  # unique
        (60, 3, 4, 3.0),  # neurons that share a pattern: rank-deficient
        (60, 3, 4, 30.0),  # all active
        (12, 5, 6, 0.0),  # over-parameterised
        (10, 25, 3, 0.0),  # independent samples
        (30, 4, 5, -1.5),  # dead neurons and dead samples
        (1, 3, 2, 0.0),
        (1, 1, 1, 5.0),
        (20, 3, 1, 0.0),
        (2, 40, 1, 0.0),
    ],
)
def test_matches_lstsq(rng, random_cell, N, D, K, bias):
    for _ in range(20):
        check_against_lstsq(*random_cell(rng, N, D, K, bias))


@pytest.mark.parametrize("gap", [0.0, 1e-4, 1e-6, 1e-8, 1e-10, 1e-13])
@pytest.mark.parametrize("D", [3, 30])
def test_duplicate_and_nearly_duplicate_samples(rng, random_cell, gap, D):
    """A Gram matrix cannot see ratios of singular values below 1e-8; the decomposition behind it must."""
    X, y, pattern = random_cell(rng, 16, D, 3)
    X[1] = X[0] + gap * rng.standard_normal(D)
    pattern[1] = pattern[0]
    y[1] = y[0]
    check_against_lstsq(X, y, pattern)


@pytest.mark.parametrize("spread", [0, 1, 3, 40])
def test_the_rank_of_columns_that_differ_on_few_samples(rng, spread):
    """Against exact arithmetic: neurons that differ from others, or from none, on few samples or on many."""
    for _ in range(12):
        X = rng.standard_normal((80, 3))
        pattern = np.repeat(rng.random((80, 3)) < [0.9, 0.5, 0.02], 3, axis=1)
        for j in range(9):
            flipped = rng.choice(80, rng.integers(0, spread + 1), replace=False)
            pattern[flipped, j] ^= True
        pattern[: rng.integers(0, 6)] = False
        assert rank(X, pattern) == exact_rank(dense_matrix(X, pattern))


@pytest.mark.parametrize("gap", [0.0, 1e-5, 1e-10, 1e-15, 1e-20])
def test_nearly_dependent_columns(rng, random_cell, gap):
    """Against rational arithmetic: a decomposition in double precision is too inaccurate to compare with."""
    X, y, pattern = random_cell(rng, 40, 4, 3)
    X[:, 0] = np.round(X[:, 0] * 2**10) / 2**10  # so that small differences are not rounded away
    X[:, 1] = X[:, 0] + gap * rng.standard_normal(40)
    found = cell_minimum(X, y, pattern)
    A = fmpq_mat([[fmpq(*v.as_integer_ratio()) for v in row] for row in dense_matrix(X, pattern).tolist()])
    labels = fmpq_mat([[fmpq(int(label))] for label in y])
    assert found.rank == A.rank()
    independent = dense_matrix(X[:, [0, 2, 3] if (X[:, 0] == X[:, 1]).all() else [0, 1, 2, 3]], pattern)
    B = fmpq_mat([[fmpq(*v.as_integer_ratio()) for v in row] for row in independent.tolist()])
    if B.rank() == B.ncols():
        fitted = B * (B.transpose() * B).solve(B.transpose() * labels)
        exact = np.array([int(v.p) / int(v.q) for v in fitted.entries()])
        np.testing.assert_allclose(found.fitted, exact, atol=1e-10)
        assert found.loss == pytest.approx(np.mean((exact - y) ** 2), rel=1e-9)


@pytest.mark.parametrize("power", [-200, -100, 100, 150])
def test_any_scale_of_samples_and_labels(rng, random_cell, power):
    X, y, pattern = random_cell(rng, 12, 3, 2)
    plain, scaled = (
        cell_minimum(X, y, pattern),
        cell_minimum(np.ldexp(X, 3 * power), np.ldexp(y, -power), pattern),
    )
    assert scaled.rank == plain.rank
    np.testing.assert_allclose(np.ldexp(scaled.fitted, power), plain.fitted, atol=1e-12)
    np.testing.assert_allclose(np.ldexp(scaled.R, 4 * power), plain.R, rtol=1e-9, atol=1e-12)


def test_a_cell_without_active_neurons_has_the_loss_of_the_zero_output(rng, random_cell):
    """Where no neuron is active on any sample the loss is 1 (labels ±1): the paper's plateau."""
    X, y, _ = random_cell(rng, 20, 3, 2)
    found = cell_minimum(X, y, np.zeros((20, 2), dtype=bool))
    assert (found.loss, found.rank, found.unique) == (1.0, 0, False)
    assert not found.R.any()
    assert not found.fitted.any()


def test_more_neurons_more_continuous_minima(rng, random_cell):
    """The paper's remark on Tables I and II: continuous minima become more frequent with K."""

    def continuous(K):
        return sum(not cell_minimum(*random_cell(rng, 200, 4, K, 2.0)).unique for _ in range(60))

    assert continuous(2) < continuous(6) < continuous(16)


@pytest.mark.parametrize(("N", "D", "K"), [(10, 4, 3), (30, 6, 6), (20, 3, 7)])
def test_every_minimum_continuous_with_fewer_samples_than_weights(rng, random_cell, N, D, K):
    assert all(not cell_minimum(*random_cell(rng, N, D, K)).unique for _ in range(30))


def test_permutations_change_nothing(rng, random_cell):
    X, y, pattern = random_cell(rng, 40, 4, 5)
    reference = cell_minimum(X, y, pattern)
    rows, neurons = rng.permutation(40), rng.permutation(5)
    found = cell_minimum(X[rows], y[rows], pattern[np.ix_(rows, neurons)])
    np.testing.assert_allclose(found.R, reference.R[neurons], atol=1e-10)
    np.testing.assert_allclose(found.fitted, reference.fitted[rows], atol=1e-10)
    assert (found.rank, found.loss) == (reference.rank, pytest.approx(reference.loss))


def test_positive_scaling_of_a_neuron_changes_no_cell(rng):
    X = rng.standard_normal((30, 4))
    W = rng.standard_normal((5, 4))
    scaled = W * rng.uniform(0.1, 10, (5, 1))
    pattern = relucells.activation_pattern
    assert (pattern(X, W) == pattern(X, scaled)).all()


def test_prepared_inputs_lists_and_integers_give_the_same(rng, random_cell):
    X, y, pattern = random_cell(rng, 15, 4, 3)
    reference = cell_minimum(X, y, pattern)
    for args in [
        (relucells.prepare(X), y, pattern),
        (X.tolist(), y.tolist(), pattern.astype(int).tolist()),
    ]:
        np.testing.assert_array_equal(cell_minimum(*args).R, reference.R)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"X": np.full((6, 3), np.nan)}, "X: must be finite"),
        ({"X": np.zeros(6)}, "X: must have 2 dimensions"),
        ({"X": np.zeros((0, 3))}, "X: must not be empty"),
        ({"X": np.array([["a"] * 3] * 6)}, "X: must hold real numbers"),
        ({"y": np.zeros(5)}, "y: must have one entry per sample, 6, not 5"),
        ({"y": np.full(6, np.inf)}, "y: must be finite"),
        ({"y": np.zeros((6, 1))}, "y: must have 1 dimensions"),
        ({"pattern": np.zeros((6, 0), dtype=bool)}, "pattern: must have at least one column"),
        ({"pattern": np.zeros((5, 2), dtype=bool)}, "pattern: must have one row per sample"),
        ({"pattern": np.full((6, 2), 0.5)}, "pattern: must be bool or hold only 0 and 1"),
        ({"pattern": np.zeros(6, dtype=bool)}, "pattern: must have 2 dimensions"),
    ],
)
def test_bad_arrays_are_named(rng, change, message):
    arguments = {
        "X": rng.standard_normal((6, 3)),
        "y": np.ones(6),
        "pattern": np.ones((6, 2), dtype=bool),
    } | change
    with pytest.raises(ValueError, match=message):
        cell_minimum(**arguments)


def test_a_neuron_that_the_minimum_does_not_use_is_active_nowhere(rng):
    """What rounding leaves of its weights has signs that say nothing: each version of numpy has others."""
    left = 0
    for _ in range(20):
        X, W = rng.standard_normal((40, 3)), rng.standard_normal((2, 3))
        y = np.maximum(X @ W[0], 0.0)
        cell = inspect_cell(prepare(X), y, W)
        left += cell.minimum.R[1].any()
        np.testing.assert_array_equal(cell.gap, [0.0, (X @ W[1] > 0).mean()])
    assert left > 10
