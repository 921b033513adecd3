"""The span of X's columns: exact rank and accurate orthonormal coordinates, against rational arithmetic."""

import numpy as np
import pytest
from flint import fmpq, fmpq_mat

from relucells.samples.columns import ColumnSpace, exact_rank, rounded
from relucells.samples.inputs import prepare
from relucells.samples.randomness import stream
from relucells.samples.scaling import row_lengths


def exactly(matrix: np.ndarray) -> fmpq_mat:
    return fmpq_mat([[fmpq(*value.as_integer_ratio()) for value in row] for row in matrix.tolist()])


def unix(rng):
    return np.column_stack([1.7e9 + rng.uniform(0, 1e5, 40), np.ones(40)])


def dependent_by_rounding(rng):
    X = rng.standard_normal((30, 4))
    X[:, 0] = 0.1 * X[:, 1] + 0.7 * X[:, 2]
    return X


def hilbert(rng):
    return 1.0 / (np.arange(20)[:, None] + np.arange(1, 9)[None, :])


def integer_rank_two(rng):
    return rng.integers(-9, 10, (25, 2)) @ rng.integers(-9, 10, (2, 5)).astype(float)


def short_and_long(rng):
    X = rng.standard_normal((20, 3))
    X[3] *= 1e-10
    X[4] *= 1e-200
    X[5] *= 1e10
    return X


def unequal_units(rng):
    return rng.standard_normal((30, 5)) * 2.0 ** np.array([-300, 0, 300, 17, -60])


def extremes(rng):
    return np.array([[1.0, 0.0, 1e300], [1e-300, 1e-200, 1.0], [5e-324, 2.0, 1e-300], [1.0, 1.0, 1.0]])


def duplicates(rng):
    X = rng.standard_normal((12, 30))
    X[3], X[5] = X[2], -2.0 * X[4]
    return X


KINDS = [
    unix,
    dependent_by_rounding,
    hilbert,
    integer_rank_two,
    short_and_long,
    unequal_units,
    extremes,
    duplicates,
]


@pytest.mark.parametrize("kind", KINDS)
def test_rank_and_coordinates(kind):
    X = kind(stream(1, "columns", kind.__name__))
    space = ColumnSpace(X)
    assert space.rank == exactly(X).rank() == exact_rank(X) == prepare(X).rank
    assert exactly(X[:, space.columns]).rank() == space.rank == len(space.columns)
    C = space.coordinates
    assert np.abs(C.T @ C - np.eye(space.rank)).max() < 1e-12
    if space.rank == len(X):
        return
    # C is in the span of the columns up to the rounding of its entries, each of them: solve exactly
    scaled = exactly(np.ldexp(X[:, space.columns], -space.exponents[space.columns]))
    through = (scaled.transpose() * scaled).solve(scaled.transpose() * exactly(C))
    misfit = (scaled * through - exactly(C)).tolist()
    lengths = row_lengths(C) + 1e-300  # below, floats have fewer digits
    for row, length in zip(misfit, lengths, strict=True):
        assert all(abs(int(e.p) / int(e.q)) <= 1e-12 * length for e in row), kind


def test_the_same_columns_have_the_same_span_however_they_are_written(rng):
    t = rng.integers(0, 100, 50).astype(float)
    plain, late = (ColumnSpace(np.column_stack([t + shift, np.ones(50)])) for shift in (0.0, 2.0**31))
    projection = plain.coordinates @ plain.coordinates.T
    np.testing.assert_allclose(projection @ late.coordinates, late.coordinates, atol=1e-14)
    # lengths of samples in these coordinates are the same too
    np.testing.assert_allclose(
        np.linalg.norm(plain.coordinates, axis=1), np.linalg.norm(late.coordinates, axis=1), rtol=1e-12
    )


def test_what_hinges_on_rounding_is_told():
    rng = stream(1, "hinges")
    assert prepare(dependent_by_rounding(rng)).hinges_on_rounding
    for kind in (unix, integer_rank_two, unequal_units):
        assert not prepare(kind(rng)).hinges_on_rounding


def test_quotients_are_rounded_once_and_never_to_zero():
    assert rounded(1, 3, 0) == 1 / 3 and rounded(-(10**400), 3 * 10**400, 1) == -2 / 3
    assert rounded(1, 1, -5000) > 0 and rounded(-1, 1, -5000) < 0 and rounded(0, 5, 3) == 0
    assert rounded(7, 1, 5000) == np.inf
