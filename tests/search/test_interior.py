"""The interior-point method for given signs: the same verdicts as the simplex method's, proven."""

from collections import Counter

import pytest

from relucells import decide
from relucells.certify.verify import verification_level
from relucells.samples.gaussian import two_gaussians
from relucells.samples.randomness import stream
from relucells.search import interior


def draw(N: int, d: int, K: int, n: int, bias: float = 0.0):
    rng = stream(n, "interior", N, d, K)
    X, y = two_gaussians(d, N, rng)
    W = rng.standard_normal((K, d + 1))
    W[:, -1] += bias
    return X, y, X @ W.T > 0, rng.choice([-1, 1], K)


def test_verdicts_are_those_of_the_simplex_method(monkeypatch):
    seen: Counter = Counter()
    for n in range(40):
        N, d, K = ((8, 3, 6), (10, 3, 8), (8, 2, 8), (16, 4, 8))[n % 4]
        X, y, pattern, signs = draw(N, d, K, n)
        if n % 5 == 0:
            pattern[:, 1] = pattern[:, 0]
            X[0] = 0.0
            pattern[0] = False
        some = decide(X, y, pattern, "exists", margin="sign") if n % 2 else None
        if some is not None and some.verdict == "genuine":
            signs = some.signs
        usual = decide(X, y, pattern, signs, margin="sign")
        with monkeypatch.context() as patch:
            patch.setattr(interior, "LARGE_KERNEL", 1)
            found = decide(X, y, pattern, signs, margin="sign")
        assert (found.verdict, found.level) == (usual.verdict, "proven")
        assert verification_level(X, y, pattern, found) == "proven"
        seen[found.verdict, found.reason] += 1
    assert min(seen["genuine", "witness"], seen["none", "multipliers"]) >= 2


def test_a_cell_with_a_large_kernel_takes_one_program():
    X, y, pattern, signs = draw(120, 30, 20, 0, 3.0)
    decision = decide(X, y, pattern, signs, margin="sign", program_limit=1)
    assert decision.verdict in ("genuine", "none") and decision.level == "proven"
    assert decision.programs <= 1


def test_limits_end_it(monkeypatch):
    monkeypatch.setattr(interior, "LARGE_KERNEL", 1)
    X, y, pattern, _ = draw(12, 2, 8, 0)
    for limits in ({"program_limit": 0}, {"time_limit": 0.0}):
        for signs in ([1, -1] * 4, [-1, 1] * 4):
            decision = decide(X, y, pattern, signs, margin="sign", **limits)
            assert decision.verdict in ("undecided", "none")
            assert decision.programs == 0


@pytest.mark.parametrize("split", [True, False])
def test_groups_of_both_signs_are_left_to_the_simplex_method(monkeypatch, split):
    monkeypatch.setattr(interior, "LARGE_KERNEL", 1)
    X, y, pattern, signs = draw(12, 3, 6, 1)
    pattern[:, 1] = pattern[:, 0]
    signs[:2] = [1, -1] if split else [1, 1]
    assert decide(X, y, pattern, signs, margin="sign").verdict in ("genuine", "none")
