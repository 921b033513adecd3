"""What a decision may use."""

import numpy as np
import pytest

from relucells import decide
from relucells.certify.verify import leaf_bound
from relucells.search import budget
from relucells.search.budget import BRIEF, GRACE, Budget, WorkLimit


@pytest.mark.parametrize("late", [0.0, 0.5, 0.95, 10.0])
def test_steps_end_at_most_a_grace_after_the_deadline(monkeypatch, late):
    """However many steps there are: what the first ones took longer is not granted again."""
    monkeypatch.setattr(budget, "clock", lambda: 100.0 + late)
    left = Budget(deadline=100.0)
    second = 1e9 / budget.SECONDS_PER_BILLION
    left.afford(0.99 * max(GRACE - late, BRIEF) * second)
    with pytest.raises(WorkLimit):
        left.afford(1.01 * max(GRACE - late, BRIEF) * second)


def test_leaves_are_not_checked_after_the_deadline(monkeypatch):
    """Each may take a second in exact arithmetic, and there may be many."""
    rng = np.random.default_rng(0)
    X = np.ldexp(rng.standard_normal((40, 3)), rng.integers(-100, 100, (40, 3)))
    pattern, y = rng.random((40, 4)) < 0.5, rng.standard_normal(40)
    now, asked = [0.0], []

    def check(cell, leaf):
        asked.append(now[0])
        now[0] += 10.0
        return leaf_bound(cell, leaf)

    monkeypatch.setattr("relucells.search.given_signs.leaf_bound", check)
    monkeypatch.setattr(budget, "clock", lambda: now[0])
    assert decide(X, y, pattern, "exists").verdict == "none" and len(asked) > 1
    now[0], asked[:] = 0.0, []
    limited = decide(X, y, pattern, "exists", time_limit=5)
    assert (limited.verdict, limited.reason) == ("undecided", "limit") and len(asked) == 1


def test_thousands_of_neurons_are_too_deep_for_recursion():
    """Each of 1,100 samples needs one of its two neurons to be +, and the other to be −."""
    from relucells.search.satisfiability import satisfy

    pairs = [(1 << 2 * i, 1 << 2 * i + 1) for i in range(1100)]
    clauses = [clause for a, b in pairs for clause in ((a | b, 0), (0, a | b))]
    signs, branches = satisfy(clauses, 2200)
    assert (signs.reshape(-1, 2).sum(axis=1) == 0).all() and branches == []
    signs, branches = satisfy([*clauses, (1, 0), (2, 0)], 2200)
    assert signs is None and branches == []
