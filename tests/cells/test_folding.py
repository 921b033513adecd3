"""Folding samples that share a row of the pattern changes no minimum, no rank and no decision."""

import numpy as np
import pytest

from relucells.cells import folding
from relucells.cells import minimum as minimum_module
from relucells.cells.minimum import cell_minimum
from relucells.cells.pattern import dense_matrix, rank
from relucells.samples.columns import exact_rank
from relucells.samples.inputs import prepare
from relucells.search.decide import decide


def cell_of_few_rows(rng, N=150, D=3, K=6):
    """Samples whose patterns take few values, one of them without active neurons."""
    rows = rng.random((6, K)) < 0.6
    rows[0] = False
    X = np.column_stack([rng.standard_normal((N, D - 1)), np.ones(N)])
    return X, rng.standard_normal(N), rows[rng.integers(0, len(rows), N)]


def copies(X, y, pattern):
    """All samples of one row are one sample: the set has rank 1."""
    same = (pattern == pattern[0]).all(axis=1)
    return np.where(same[:, None], X[0], X), y, pattern


def raw_columns(X, y, pattern):
    """A year beside the constant 1."""
    return X * [1e-3, 1.0, 1.0] + [2000.0, 0.0, 0.0], y, pattern


CHANGES = {
    "as drawn": lambda *cell: cell,
    "copies of one sample": copies,
    "ill-conditioned": raw_columns,
    "equal neurons": lambda X, y, pattern: (X, y, pattern[:, [0, 1, 1, 2, 0, 3]]),
    "one row": lambda X, y, pattern: (X, y, np.ones_like(pattern)),
    "no active pair": lambda X, y, pattern: (X, y, np.zeros_like(pattern)),
    "at the origin": lambda X, y, pattern: (0.0 * X, y, pattern),
}


@pytest.fixture(params=CHANGES.values(), ids=CHANGES.keys())
def cell(request, rng):
    return request.param(*cell_of_few_rows(rng))


def test_rows_have_the_same_normal_equations(cell):
    X, y, pattern = cell
    inputs = prepare(X)
    fold = folding.fold_samples(inputs, pattern)
    assert (fold is not None) == (pattern.any() and X.any())
    if fold is None:
        return
    assert len(fold.pattern) < len(X) / 2
    C = inputs.orthonormal[0]
    A, B = dense_matrix(C, pattern), dense_matrix(fold.down(C), fold.pattern)
    np.testing.assert_allclose(B.T @ B, A.T @ A, rtol=0, atol=1e-12 * np.abs(A.T @ A).max())
    np.testing.assert_allclose(B.T @ fold.down(y), A.T @ y, rtol=0, atol=1e-12 * np.abs(A).sum())
    q = np.random.default_rng(0).standard_normal(A.shape[1])
    np.testing.assert_allclose(fold.up(B @ q, len(X)), A @ q, rtol=0, atol=1e-11 * np.abs(A @ q).max())


def test_minimum_rank_and_decision_are_those_without_folding(cell, monkeypatch):
    X, y, pattern = cell
    monkeypatch.setattr(minimum_module, "NARROW", 0)  # fold these small cells, too

    def answers():
        return cell_minimum(X, y, pattern), rank(X, pattern), decide(X, y, pattern, "positive")

    minimum, number, decision = answers()
    monkeypatch.setattr(folding, "MOST_COORDINATES", 0)
    plain, plain_number, plain_decision = answers()
    assert minimum.rank == number == plain.rank == plain_number == exact_rank(dense_matrix(X, pattern))
    np.testing.assert_allclose(minimum.fitted, plain.fitted, rtol=0, atol=1e-10)
    size = np.abs(plain.R).max()
    np.testing.assert_allclose(minimum.R, plain.R, rtol=0, atol=1e-6 * size)
    assert minimum.loss == pytest.approx(plain.loss, rel=1e-10)
    assert decision.verdict == plain_decision.verdict
    assert decision.margin == pytest.approx(plain_decision.margin, rel=1e-8)


def test_more_neurons_than_a_number_has_bits_are_left_as_they_are(rng):
    X, _, pattern = cell_of_few_rows(rng, K=65)
    assert folding.fold_samples(prepare(X), pattern) is None
