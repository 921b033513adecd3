"""The drawn sets have the paper's distribution."""

import numpy as np
import pytest

from relucells.samples.gaussian import two_gaussians


@pytest.mark.parametrize("d", [1, 3, 10])
def test_means_and_covariance(d, rng):
    N = 40_000
    X, y = two_gaussians(d, N, rng)
    assert X.shape == (N, d + 1)
    assert (X[:, -1] == 1).all()
    assert y.tolist() == [1.0] * (N // 2) + [-1.0] * (N // 2)
    for label in (1.0, -1.0):
        samples = X[y == label, :-1]
        mean = np.eye(d)[0] * label
        # Five standard errors; variances of a variance and a covariance are 2/n and 1/n.
        error = 5 / np.sqrt(len(samples))
        assert np.abs(samples.mean(axis=0) - mean).max() < error
        assert np.abs(np.cov(samples.T).reshape(d, d) - np.eye(d)).max() < error * np.sqrt(2)


def test_the_draw_is_the_generators_alone():
    first, second, other = (two_gaussians(3, 20, np.random.default_rng(seed))[0] for seed in (1, 1, 2))
    assert np.array_equal(first, second)
    assert not np.array_equal(first, other)


@pytest.mark.parametrize(("d", "N", "name"), [(0, 10, "d"), (3, 7, "N"), (3, 0, "N"), (3, -2, "N")])
def test_impossible_sizes_are_refused(d, N, name):
    with pytest.raises(ValueError, match=f"^{name}: must be"):
        two_gaussians(d, N, np.random.default_rng(0))
