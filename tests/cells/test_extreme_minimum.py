"""Minima of cells of extreme numbers, and of columns that depend on each other but for their last bits."""

import warnings
from fractions import Fraction

import numpy as np
import pytest
from flint import fmpq, fmpq_mat

import relucells
from relucells.cells.pattern import rank
from relucells.samples.randomness import stream


@pytest.mark.parametrize(
    ("X", "y", "free"),
    [
        ([[2.0**-1070], [2.0**-1071]], [1.0, 2.0], np.ones((2, 1))),
        ([[2.0**-1070], [2.0**-1071]], [1.0, 2.0], None),
        (np.array([[1.0, 2], [3, 4], [5, 7]]) * 2.0**-600, np.array([1.0, 2, 1]) * 2.0**1015, None),
        (np.array([[1.0, 2], [3, 4], [5, 7]]) * 2.0**1000, [1.0, 2, 1], np.ones((3, 1))),
    ],
)
def test_a_minimum_beyond_the_floats_says_so_without_warnings(X, y, free):
    """Weights are infinite where no float holds them, and so is the loss; c has no value beside them."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = relucells.cell_minimum(X, y, np.ones((len(y), 1)), free=free)
    assert not np.isnan(found.R).any() and not np.isnan(found.loss)
    if free is not None:
        assert np.isfinite(found.R).all() == np.isfinite(found.c).all()


def exact_loss(X, y, pattern, free):
    """The least mean square, and the rank of [A F]."""
    missed, n = exact_residual(X, y, pattern, free)
    return sum(a * a for a in missed) / len(y), n


def exact_residual(X, y, pattern, free):
    """y less the fitted values, by rational normal equations on columns that a rational echelon form picks,
    and the rank of [A F]."""
    rows = [
        [*(a if on else 0.0 for on in p for a in x), *f] for p, x, f in zip(pattern, X, free, strict=True)
    ]
    A = fmpq_mat([[fmpq(*float(a).as_integer_ratio()) for a in row] for row in rows])
    reduced, n = A.rref()
    pivots = [next(c for c in range(A.ncols()) if reduced[i, c]) for i in range(n)]
    B = fmpq_mat([[A[i, c] for c in pivots] for i in range(A.nrows())])
    label = fmpq_mat([[fmpq(*float(a).as_integer_ratio())] for a in y])
    e = label - B * (B.transpose() * B).solve(B.transpose() * label) if n else label
    return [Fraction(int(a.p), int(a.q)) for a in e.entries()], n


def nearly_dependent(rng):
    """Small integers and their last bits, and perhaps columns over powers of two of their own."""
    N, D, K = int(rng.integers(3, 8)), int(rng.integers(1, 4)), int(rng.integers(1, 4))
    X = rng.integers(-2, 3, (N, 1)) * rng.integers(-2, 3, D) + rng.integers(-2, 3, (N, D)) * 2.0**-51
    pattern = rng.random((N, K)) < 0.6
    F = [np.zeros((N, 0)), np.ones((N, 1)), X + rng.integers(-1, 2, (N, D)) * 2.0**-50][rng.integers(3)]
    if rng.random() < 0.3:
        X = X * 2.0 ** rng.integers(-150, 151, D)
    return X, rng.standard_normal(N), pattern, F


@pytest.mark.filterwarnings("ignore:the rank of X hinges:RuntimeWarning")
def test_minima_of_nearly_dependent_columns_are_exact():
    """The loss, the rank and the fitted values; singular values alone have them wrong in the first digit."""
    for n in range(120):
        X, y, pattern, F = nearly_dependent(stream(61, "nearly dependent", n))
        found = relucells.cell_minimum(X, y, pattern, free=F)
        loss, together = exact_loss(X, y, pattern, F)
        assert found.loss == pytest.approx(float(loss), rel=1e-9, abs=1e-16), n
        assert found.rank == rank(X, pattern, F) == together - exact_loss(X, y, pattern & False, F)[1]
        assert np.mean((found.fitted - y) ** 2) == pytest.approx(found.loss, rel=1e-9, abs=1e-16)
        terms = (pattern * (np.abs(X) @ np.abs(found.R).T)).sum(axis=1) + np.abs(F) @ np.abs(found.c)
        image = (pattern * (X @ found.R.T)).sum(axis=1) + F @ found.c
        assert np.abs(image - found.fitted).max() <= 1e-13 * (terms.max() + 1), n
        same = relucells.decide(X, y, pattern, "positive", free=F)
        assert same.loss == pytest.approx(found.loss, rel=1e-8, abs=1e-16)


@pytest.mark.parametrize("kind", ["columns", "samples", "length", "free part"])
@pytest.mark.filterwarnings("ignore:the rank of X hinges:RuntimeWarning")
def test_fitted_values_keep_nine_digits_however_near_to_dependence(kind):
    for n in range(100):
        rng = stream(65, kind, n)
        N, D, K, m = int(rng.integers(3, 8)), int(rng.integers(2, 4)), int(rng.integers(1, 4)), 1
        X, y, F = rng.standard_normal((N, D)), rng.standard_normal(N), rng.standard_normal((N, m))
        pattern, near = rng.random((N, K)) < 0.6, 10.0 ** -rng.uniform(3, 12)
        if kind == "columns":
            X[:, 1] = X[:, 0] + near * X[:, 1]
        elif kind == "samples":
            X[1] = X[0] + near * X[1]
        elif kind == "length":
            X[0] *= near
        else:
            F[:, 0] = pattern[:, 0] * X[:, 0] + near * F[:, 0]
        found = relucells.cell_minimum(X, y, pattern, free=F)
        missed = [float(a) for a in exact_residual(X, y, pattern, F)[0]]
        assert np.abs(y - found.fitted - missed).max() <= 1e-9 * np.abs(y).max(), n


def test_the_weights_of_an_exact_minimum_have_the_least_norm():
    """R = (1, 1)·y / 2 on two equal columns, and the same beside a third that differs in its last bit."""
    X = np.array([[1.0, 1.0], [1.0, 1.0 + 2.0**-52]])
    found = relucells.cell_minimum(X, [2.0, 2.0], [[1], [1]])
    np.testing.assert_array_equal(X @ found.R[0], [2.0, 2.0])
    X = np.column_stack([X, X[:, 0]])
    found = relucells.cell_minimum(X, [2.0, 2.0], [[1, 1], [1, 1]])
    np.testing.assert_allclose(found.R, [[0.5, 0.0, 0.5]] * 2, atol=1e-15)


@pytest.mark.parametrize("shorter", [20, 40, 46, 50, 55, 80, 200])
@pytest.mark.parametrize("with_bias", [False, True])
def test_samples_far_shorter_than_inactive_ones_keep_their_minimum(shorter, with_bias):
    for n in range(12):
        rng = stream(64, "shorter", shorter, n)
        N, D, K = int(rng.integers(2, 6)), int(rng.integers(1, 5)), int(rng.integers(1, 4))
        X, y, F = rng.standard_normal((N, D)), rng.standard_normal(N), np.ones((N, int(with_bias)))
        X[:-1] *= 2.0**-shorter
        pattern = rng.random((N, K)) < 0.6
        pattern[-1] = False
        found = relucells.cell_minimum(X, y, pattern, free=F)
        assert found.loss == pytest.approx(float(exact_loss(X, y, pattern, F)[0]), rel=1e-8, abs=1e-14), n
        image = (pattern * (X @ found.R.T)).sum(axis=1) + F @ found.c
        np.testing.assert_allclose(image, found.fitted, atol=1e-7)
        if not with_bias:  # then the long sample has no say: the same without it
            alone = relucells.cell_minimum(X[:-1], y[:-1], pattern[:-1])
            size = np.abs(alone.R).max()
            np.testing.assert_allclose(found.R, alone.R, rtol=1e-6, atol=1e-6 * size)


@pytest.mark.parametrize("last_bits", range(6, 53, 2))
@pytest.mark.parametrize("with_bias", [False, True])
def test_inactive_samples_off_the_span_of_the_others_change_no_minimum(last_bits, with_bias):
    """They make X's own coordinates ill-conditioned, and not the cell."""
    rng = stream(62, "inactive", last_bits)
    span = rng.integers(-3, 4, (2, 4)) + 0.0
    active, near = rng.integers(-3, 4, (6, 2)) @ span, rng.integers(-3, 4, (3, 2)) @ span
    X = np.concatenate([active, near + rng.integers(-1, 2, (3, 4)) * 2.0**-last_bits])
    y, F = rng.standard_normal(9), np.ones((9, int(with_bias)))
    pattern = np.concatenate([rng.random((6, 3)) < 0.6, np.zeros((3, 3), dtype=bool)])
    found = relucells.cell_minimum(X, y, pattern, free=F)
    # with a bias they still have a say in it, as samples of output 0 besides
    X[6:] = 0.0
    expected = relucells.cell_minimum(X, y, pattern, free=F)
    np.testing.assert_allclose(found.R, expected.R, rtol=1e-6, atol=5e-7)
    np.testing.assert_allclose(found.fitted, expected.fitted, rtol=1e-9, atol=1e-10)


def test_a_minimum_that_is_too_large_to_be_exact_says_so(monkeypatch):
    """Collinear but for the last bit of one sample, which one of two patterns leaves out."""
    X = np.array([[1.0, 2], [-1, -2], [-1 + 2.0**-51, -2 + 2.0**-50], [-1 - 2.0**-51, -2 - 2.0**-50], [3, 1]])
    y, pattern = [-0.5, 0.75, 0.25, -0.05, 1.0], [[1, 0], [0, 1], [0, 1], [0, 1], [1, 0]]
    X[2, 0] += 2.0**-52
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = relucells.cell_minimum(X, y, pattern)
    assert found.loss == pytest.approx(float(exact_loss(X, y, pattern, np.zeros((5, 0)))[0]), rel=1e-12)
    monkeypatch.setattr("relucells.cells.exact_minimum.ENTRIES", 5)
    with pytest.warns(RuntimeWarning, match="hinges on singular values"):
        relucells.cell_minimum(X, y, pattern)
