"""Linear algebra of the samples."""

import numpy as np
import pytest

from relucells.samples.inputs import gram_factor, inverse_lower


@pytest.mark.parametrize("n", [1, 2, 64, 65, 131, 300])
def test_triangular_inverse(rng, n):
    triangle = np.tril(rng.standard_normal((n, n))) / np.sqrt(n) + 2 * np.eye(n)
    inverse = inverse_lower(triangle)
    assert not np.triu(inverse, 1).any()
    np.testing.assert_allclose(inverse @ triangle, np.eye(n), atol=1e-12)


def test_gram_factor_is_the_root_of_the_inverse(rng):
    A = rng.standard_normal((100, 150))
    factor = gram_factor(A @ A.T)
    np.testing.assert_allclose(factor.T @ factor @ (A @ A.T), np.eye(100), atol=1e-9)
    A[1] = A[0] * (1 + 1e-9)
    assert gram_factor(A @ A.T) is None
