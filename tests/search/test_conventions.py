"""A sign convention is one entry: search and checker ask it."""

import numpy as np
import pytest

import relucells
from relucells.certify.conventions import BY_NAME, Convention


@pytest.fixture
def alternating(monkeypatch):
    """A convention that the package does not have: signs + − + − … or − + − + …"""

    def candidates(K, _):
        signs = np.where(np.arange(K) % 2, -1, 1).astype(np.int8)
        return [signs, -signs]

    monkeypatch.setitem(BY_NAME, "alternating", Convention("alternating", "every other", candidates))
    return candidates


@pytest.mark.parametrize(("N", "D", "bias"), [(4, 6, 0.0), (4, 6, 3.0), (9, 3, 0.0), (6, 3, 6.0)])
def test_a_further_convention_is_decided_and_checked(alternating, random_cell, rng, N, D, bias):
    """It is genuine if and only if one of its sign vectors is, asked as given signs."""
    for _ in range(4):
        X, y, pattern = random_cell(rng, N, D, 3, bias)
        decision = relucells.decide(X, y, pattern, "alternating")
        single = [relucells.decide(X, y, pattern, signs) for signs in alternating(3, None)]
        assert decision.verdict == ("genuine" if "genuine" in {one.verdict for one in single} else "none")
        assert decision.margin == pytest.approx(max(one.margin for one in single), abs=1e-9)
        assert relucells.verify(X, y, pattern, decision)


def test_an_unknown_convention_is_named_with_the_known_ones():
    with pytest.raises(ValueError, match='signs: must be "positive", "uniform", "exists" or an array'):
        relucells.decide([[1.0]], [1.0], [[1]], "all")
