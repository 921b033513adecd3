"""The minimum of a cell with a free linear part, against numpy's dense least squares."""

import free_oracle
import naive
import numpy as np
import pytest

from relucells import cell_minimum, prepare
from relucells.cells import factorised
from relucells.cells.pattern import dense_matrix, rank
from relucells.samples.free_part import Complement, free_part
from relucells.samples.randomness import stream


def dense(X, y, pattern, F):
    """R of least norm, the fitted values and the rank of Q A, densely."""
    A = dense_matrix(X, pattern)
    Q = np.eye(len(X)) - F @ np.linalg.pinv(F)
    both = np.linalg.lstsq(np.hstack([A, F]), y, rcond=None)[0]
    left, singular, right = np.linalg.svd(Q @ A, full_matrices=False)
    number = int((singular > 1e-9 * max(np.linalg.norm(A), 1e-300)).sum())
    R = right[:number].T @ ((left[:, :number].T @ (Q @ y)) / singular[:number])
    return R.reshape(pattern.shape[1], -1), np.hstack([A, F]) @ both, number


def test_the_minimum_is_that_of_dense_least_squares():
    for n in range(200):
        rng = stream(82, "minimum", n)
        X, y, pattern = naive.random_cell(rng)
        F = free_oracle.free_columns(rng, X)
        found = cell_minimum(X, y, pattern, free=F)
        R, fitted, number = dense(X, y, pattern, F)
        assert found.rank == number == rank(X, pattern, F), n
        assert found.unique == (number == R.size)
        np.testing.assert_allclose(found.R, R, atol=1e-7)
        np.testing.assert_allclose(found.fitted, fitted, atol=1e-8)
        output = (pattern * (X @ found.R.T)).sum(axis=1) + F @ found.c
        np.testing.assert_allclose(output, fitted, atol=1e-7)
        assert found.loss == pytest.approx(np.mean((fitted - y) ** 2), abs=1e-10)


def test_without_a_free_part_there_are_no_coefficients():
    X, y, pattern = np.eye(2), np.ones(2), np.eye(2, dtype=bool)
    assert cell_minimum(X, y, pattern).c is None
    assert cell_minimum(X, y, pattern, free=np.zeros((2, 3))).c.tolist() == [0.0, 0.0, 0.0]


@pytest.mark.parametrize("N, D, K", [(60, 3, 5), (20, 9, 6), (24, 4, 6)])
def test_the_factorised_minimum_of_large_cells_is_the_same(N, D, K):
    """The code for large cells, on small ones."""
    for n in range(6):
        rng = stream(83, "large", N, n)
        X = np.column_stack([rng.standard_normal((N, D - 1)), np.ones(N)])
        W = rng.standard_normal((K, D))
        W[0, -1] += 10.0 * (n % 2)  # a neuron that is always active
        y, pattern = rng.standard_normal(N), X @ W.T > 0
        for F in (np.ones((N, 1)), X, rng.standard_normal((N, 2))):
            found = factorised.floating_minimum(prepare(X), y, pattern, free_part(F, N))
            _, fitted, number = dense(X, y, pattern, F)
            if found.doubtful:
                continue
            assert found.rank == number
            np.testing.assert_allclose(found.fitted[0], fitted, atol=1e-8)
            wanted = rng.standard_normal(N)
            wanted -= F @ np.linalg.lstsq(F, wanted, rcond=None)[0]
            vector = found.preimage(found.transposed(wanted))
            np.testing.assert_allclose(found.transposed(vector), found.transposed(wanted), atol=1e-7)
            np.testing.assert_allclose(F.T @ vector, 0.0, atol=1e-9)


def test_the_complement_is_an_orthonormal_basis():
    rng = stream(84, "complement", 0)
    for n, r in ((7, 2), (5, 5), (4, 1)):
        F = np.linalg.qr(rng.standard_normal((n, r)))[0]
        V = Complement(F).back(np.eye(n - r))
        np.testing.assert_allclose(np.hstack([F, V]).T @ np.hstack([F, V]), np.eye(n), atol=1e-12)
        values = rng.standard_normal((n, 3))
        np.testing.assert_allclose(Complement(F).onto(values), V.T @ values, atol=1e-12)
