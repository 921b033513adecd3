"""No false certificate passes, at any level and on any path; true ones do."""

from collections import Counter
from dataclasses import replace

import forger
import forger_cells
import forger_claims
import naive
import numpy as np
import pytest
from second_checker import answer, exported

from relucells import decide, verification_level, verify
from relucells.samples.randomness import stream


def passes(X, y, pattern, decision) -> bool:
    return verify(X, y, pattern, decision, level="numerical")


def forgeries(cell: forger_cells.Planted, rng):
    """(name, decision) of every false decision about a planted cell."""
    for make in forger.FALSE_NONE:
        yield from ((make.__name__, decision) for decision in make(cell, rng))
    turned = forger_cells.opposed(cell)
    if turned is not None:
        for make in forger.FALSE_GENUINE:
            yield from ((make.__name__, decision) for decision in make(turned, rng))
    if verify(cell.X, cell.y, cell.pattern, cell.given):
        for make in (forger_claims.false_claims, forger_claims.hostile_objects):
            yield from ((make.__name__, decision) for decision in make(cell.given, rng))


def forge(cells: int, seed: str) -> Counter:
    """How many forgeries of each kind were tried. Fails at the first that passes."""
    tried: Counter = Counter()
    for n, cell in enumerate(forger_cells.genuine_cells(lambda n: stream(11, seed, n), cells)):
        for name, decision in forgeries(cell, stream(12, seed, n)):
            tried[name] += 1
            assert not passes(cell.X, cell.y, cell.pattern, decision), (name, cell, decision)
    return tried


def test_planted_cells_are_proven():
    """What the forgeries are false about: the true decisions of the planted cells pass."""
    for cell in forger_cells.genuine_cells(lambda n: stream(11, "planted", n), 104):
        assert verification_level(cell.X, cell.y, cell.pattern, cell.given) == "proven", cell


def test_no_forgery_passes(checking):
    tried = forge(13, "few")
    assert len(tried) >= 12 and sum(tried.values()) > 500


def test_no_loss_that_is_off_by_little_is_proven(tmp_path):
    """By either checker, on cells as they are and with time stamps beside the constant 1."""
    tried = 0
    for n, cell in enumerate(forger_cells.genuine_cells(lambda n: stream(11, "losses", n), 26)):
        X = cell.X.copy()
        X[:, :1] += 2.0**31 * (n % 2) * X[:, -1:]
        true = decide(X, cell.y, cell.pattern, cell.signs)
        assert answer(exported(tmp_path, X, cell.y, cell.pattern, true)) == "proven"
        for false in forger_claims.losses_off_by_little(true, cell.y):
            tried += 1
            assert verification_level(X, cell.y, cell.pattern, false) != "proven", (cell, false)
            assert "loss" in answer(exported(tmp_path, X, cell.y, cell.pattern, false)), (cell, false)
    assert tried > 50


@pytest.mark.campaign
def test_no_forgery_passes_in_a_long_campaign(checking):
    tried = forge(52, "campaign")
    assert sum(tried.values()) > 2000


def test_no_changed_decision_passes():
    tried = 0
    for n in range(15):
        rng = stream(13, "changed", n)
        X, y, pattern = naive.random_cell(rng)
        for signs in ("positive", "uniform", "exists", rng.choice([-1, 1], pattern.shape[1])):
            decision = decide(X, y, pattern, signs)
            makers = [forger_claims.false_claims, forger_claims.hostile_objects]
            makers += [forger_claims.mutations] * (decision.verdict == "none")
            for make in makers:
                for changed in make(decision, rng):
                    tried += 1
                    assert not passes(X, y, pattern, changed), (n, make, decision, changed)
    assert tried > 2500


@pytest.mark.campaign
@pytest.mark.parametrize("part", range(5))
def test_2000_true_decisions_are_proven(part):
    for n in range(100 * part, 100 * part + 100):
        rng = stream(14, "true", n)
        X, y, pattern = naive.random_cell(rng)
        for signs in ("positive", "uniform", "exists", rng.choice([-1, 1], pattern.shape[1])):
            decision = decide(X, y, pattern, signs)
            assert verification_level(X, y, pattern, decision) == "proven", (n, signs, decision)


def test_a_true_decision_may_be_given_as_lists():
    X, y, pattern = np.eye(2), np.array([1.0, 1.0]), np.eye(2, dtype=bool)
    decision = decide(X, y, pattern, "positive")
    assert verify(X, y, pattern, replace(decision, R=decision.R.tolist(), signs=[1, 1]))
