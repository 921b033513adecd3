"""Decisions and points as arrays: what comes back, and what no file may do."""

import numpy as np
import pytest

from relucells import decide, verify
from relucells.certify.critical import CertifiedPoint
from relucells.certify.stored import pack, pack_points, unpack, unpack_points
from relucells.samples.randomness import stream


def cells():
    """X, y, pattern, F and decisions, some of each kind of certificate."""
    for n in range(12):
        rng = stream(45, "stored", n)
        N, D, K = int(rng.integers(3, 14)), int(rng.integers(1, 4)), int(rng.integers(2, 5))
        X, y, W = rng.integers(-8, 9, (N, D)) / 4.0, rng.integers(-8, 9, N) / 4.0, rng.standard_normal((K, D))
        F = np.ones((N, 1)) if n % 3 == 0 else None
        pattern = X @ W.T > 0
        yield X, y, pattern, F, decide(X, y, pattern, ["exists", "uniform", "positive"][n % 3], free=F)


def altered(array):
    """An array, each time with another thing wrong."""
    shape, size = array.shape, max(1, array.size)
    yield from (np.full(shape, value) for value in (np.nan, np.inf, -1, 2**62, 1j, "x", b"x", True, 2.9))
    yield from (np.zeros(0), np.array(3.0), np.zeros((3, 3)), np.array([object()] * size, dtype=object))
    yield from (np.array(["2020-01-01"] * size, dtype="datetime64[D]"), np.zeros(shape, dtype=[("a", float)]))
    if array.ndim:
        yield from (np.concatenate([array, array]), array[::-1], array[:-1], array[..., None])


def test_whatever_an_array_holds_a_file_is_refused_in_one_line_or_read():
    refused = 0
    for X, y, pattern, F, decision in cells():
        good = pack([decision])
        assert unpack(good) == [decision]
        for name in good:
            files = [{key: value for key, value in good.items() if key != name}]
            files += [{**good, name: array} for array in altered(good[name])]
            for arrays in files:
                try:
                    found = unpack(arrays)
                except ValueError as error:
                    assert "\n" not in str(error) and str(error).split(":")[0] in good
                    refused += 1
                else:
                    assert all(verify(X, y, pattern, one, free=F) in (True, False) for one in found)
    assert refused > 1000


def test_points_are_read_as_carefully():
    point = CertifiedPoint("saddle", np.ones((2, 2)), np.ones(2), np.array([[0, 1]]), np.zeros(1), 0.5, None)
    for good in (pack_points([point]), pack_points([point]) | {"c": np.ones((1, 1))}):
        assert len(unpack_points(good)) == 1
        for name in good:
            for array in altered(good[name]):
                try:
                    unpack_points({**good, name: array})
                except ValueError as error:
                    assert str(error).split(":")[0] in good


def test_a_file_of_many_decisions_is_read_in_one_pass():
    """Owners are looked up in order: a million rests of a thousand decisions take no billion comparisons."""
    decision = next(decision for *_, decision in cells() if decision.verdict == "genuine")
    many = pack([decision] * 1000)
    K, D = decision.R.shape
    many |= {"rest": np.repeat(np.arange(1000), 1000), "rest_R": np.zeros((10**6, K, D))}
    found = unpack(many)
    assert len(found) == 1000 and all(one.rest.shape == (1000, K, D) for one in found)


@pytest.mark.parametrize("version", [2.9, "2", [2], 1j])
def test_a_format_version_is_a_number_and_no_other(version):
    with pytest.raises(ValueError, match="format_version: "):
        unpack({**pack([]), "format_version": np.array(version)})
