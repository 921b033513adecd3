"""Witnesses that no matrix of floats holds: R and its rest, whose exact sum is one."""

import tracemalloc
from dataclasses import replace

import numpy as np
import pytest
from second_checker import answer, exported

from relucells import decide, verification_level, verify
from relucells.certify import coercion
from relucells.certify.stored import pack, unpack
from relucells.samples.randomness import stream

pytestmark = pytest.mark.filterwarnings("ignore:the rank of X hinges:RuntimeWarning")


def long_samples(n: int):
    """X, y, pattern and F: independent samples whose lengths have ratios up to 2^100; F None for odd n."""
    rng = stream(98, "long samples", n)
    N, K = int(rng.integers(2, 6)), int(rng.integers(1, 4))
    X = rng.standard_normal((N, N + int(rng.integers(0, 3))))
    X = np.ldexp(X, rng.permutation([0, 100, *rng.integers(0, 101, N - 2)])[:, None])
    F = None if n % 2 else [np.ones((N, 1)), rng.standard_normal((N, 2)), X[:, :2]][n // 2 % 3]
    return X, np.abs(rng.standard_normal(N)), rng.random((N, K)) < 0.6, F


def nearly_equal_columns(n: int):
    """The same with columns of X that differ by rounding, so that weights are as long as 10^15."""
    rng = stream(98, "nearly equal columns", n)
    N, K = int(rng.integers(2, 5)), int(rng.integers(1, 4))
    x = rng.standard_normal(N)
    X = np.column_stack([x, x * (1.0 + 2.0**-51 * rng.integers(-3, 4, N)), rng.standard_normal(N)])
    F = np.ones((N, 1)) if n % 3 == 0 else None
    return X, rng.standard_normal(N), rng.random((N, K)) < 0.6, F


def decided(cells: int):
    """(X, y, pattern, F, decision) of such cells under some conventions."""
    for n in range(cells):
        for X, y, pattern, F in (long_samples(n), nearly_equal_columns(n)):
            for signs, margin in (("positive", "sign"), ("exists", "exact")):
                yield X, y, pattern, F, decide(X, y, pattern, signs, free=F, margin=margin)


def witness_with_a_rest(free: bool):
    """One of them with a rest."""
    for X, y, pattern, F, decision in decided(40):
        if decision.rest is not None and (F is not None) == free:
            return X, y, pattern, F, decision
    raise AssertionError("no witness has a rest")


def test_small_cells_are_decided_whatever_the_lengths_of_samples_and_columns(tmp_path):
    rests, needed = 0, 0
    for X, y, pattern, F, decision in decided(40):
        assert decision.level == "proven", (X, y, pattern, F)
        rests += decision.rest is not None
        data = exported(tmp_path, X, y, pattern, decision, F)
        assert answer(data) == "proven", (X, y, pattern, F)
        assert data["format_version"] == (4 if decision.rest is not None else 2 if F is None else 3)
        assert unpack(pack([decision])) == [decision]
        if decision.rest is not None:
            assert decision.verdict == "genuine"
            alone = verification_level(X, y, pattern, replace(decision, rest=None), free=F)
            needed += alone == "rejected"
    assert rests >= 10 and needed >= 5


@pytest.mark.parametrize("free", [False, True])
def test_a_rest_counts_exactly(free, tmp_path):
    X, y, pattern, F, decision = witness_with_a_rest(free)
    R, rest = decision.R, decision.rest
    same = [{"rest": np.array([*rest, -R, R])}, {"R": rest[0], "rest": np.array([R, *rest[1:]])}]
    same += [{"rest": np.array([*rest, np.zeros_like(R)])}, {"rest": np.array([R, *rest, -R])}]
    others = [{"rest": rest[:0]}, {"rest": np.zeros_like(rest)}, {"rest": -rest}, {"rest": rest + R}]
    others += [{"rest": np.array([*rest, R])}, {"rest": np.array([*rest, *rest])}, {"rest": rest, "R": 0 * R}]
    for change in same + others:
        altered = replace(decision, **change)
        level = verification_level(X, y, pattern, altered, free=F)
        found = answer(exported(tmp_path, X, y, pattern, altered, F))
        assert (found == "proven") == (level == "proven"), change
        if any(change is one for one in same):
            assert level == "proven", change
        elif F is None:  # else c may make up for another R
            assert level == "rejected", change


def test_a_rest_is_looked_at_before_it_is_read(monkeypatch):
    X, y, pattern, F, decision = witness_with_a_rest(False)
    K, D = decision.R.shape
    strange = [np.full((1, K, D), value) for value in (np.nan, np.inf, 1j, None, "a")]
    strange += [decision.R, decision.rest[:, :-1], decision.rest[..., :-1], decision.rest[None], [], [[]], 1]
    strange += ["rest", {}, np.broadcast_to(1.0, (10**9, K, D)), np.ma.masked_array(decision.rest, False)]
    tracemalloc.start()
    for thing in strange:
        assert not verify(X, y, pattern, replace(decision, rest=thing), free=F, level="numerical")
    assert tracemalloc.get_traced_memory()[1] < 20e6
    tracemalloc.stop()
    none = decide(X, -y, pattern, "positive", free=F)
    assert none.verdict == "none" and verify(X, -y, pattern, none, free=F)
    assert not verify(X, -y, pattern, replace(none, rest=decision.rest), free=F)
    monkeypatch.setattr(coercion, "REST", decision.rest.size - 1)
    assert not verify(X, y, pattern, decision, free=F)


def test_files_with_a_strange_rest_are_refused_in_words(tmp_path):
    X, y, pattern, F, decision = witness_with_a_rest(False)
    data = exported(tmp_path, X, y, pattern, decision, F)
    rest = data["rest"]
    for thing in (
        [],
        None,
        "0x0p+0",
        1,
        rest[0],
        [rest],
        [rest[0][:-1]],
        [[row[:-1] for row in rest[0]]],
        [[]],
    ):
        assert answer({**data, "rest": thing}) != "proven", thing
    assert "format 4" in answer({**data, "format_version": 2})
    assert "format 4" in answer({key: value for key, value in data.items() if key != "rest"})
    zeros = [["0x0.0p+0"] * X.shape[1]] * len(data["R"])
    assert "too large" in answer({**data, "rest": [zeros] * 300_000})
    none = exported(tmp_path, X, -y, pattern, decide(X, -y, pattern, "positive"))
    assert answer(none) == "proven"
    assert "rest" in answer({**none, "format_version": 4, "rest": rest})


def test_files_that_are_older_than_rests_are_read():
    decision = decide(np.eye(2), np.ones(2), np.eye(2), "positive")
    old = {name: array for name, array in pack([decision]).items() if not name.startswith("rest")}
    assert unpack(old) == [decision]
