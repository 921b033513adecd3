"""No false certificate about a network with a free linear part passes, on any path; both checkers agree."""

from collections import Counter

import forger_cells
import free_forger
import free_oracle
import numpy as np
import pytest
from second_checker import answer, exported

from relucells import Decision, cell_minimum, verification_level, verify
from relucells.samples.randomness import stream


def cells(count: int, seed: str):
    """Planted cells with free parts of every kind in turn, and what makes their forgeries."""
    for n, cell in enumerate(forger_cells.genuine_cells(lambda n: stream(101, seed, n), count)):
        rng = stream(102, seed, n)
        yield free_forger.with_free_part(cell, free_forger.FREE[n % len(free_forger.FREE)], rng), rng


def second(free, decision, tmp_path) -> str:
    """What the second checker says."""
    return answer(exported(tmp_path, free.cell.X, free.cell.y, free.cell.pattern, decision, free.F))


def planted_decision(free) -> Decision:
    """The planted minimum."""
    cell = free.cell
    loss = cell_minimum(cell.X, cell.y, cell.pattern, free=free.F).loss
    return Decision("genuine", cell.margin, cell.R, cell.signs, loss, "given", exact=False, given=cell.signs)


def is_minimum(free) -> bool:
    """Whether the planted R is one with this free part: where labels are fitted without a loss."""
    return free.cell.loss == 0.0


def test_planted_cells_are_proven():
    shown = Counter()
    for free, _ in cells(40, "planted"):
        if is_minimum(free):
            level = verification_level(
                free.cell.X, free.cell.y, free.cell.pattern, planted_decision(free), free=free.F
            )
            shown[level] += 1
    assert shown["proven"] >= 30 and shown["proven"] >= 0.9 * sum(shown.values()), shown


def forge(count: int, seed: str) -> Counter:
    """How many forgeries of each kind were tried. Fails at the first that passes."""
    tried: Counter = Counter()
    for free, rng in cells(count, seed):
        if not is_minimum(free):
            continue
        for make in free_forger.NONE:
            for decision in make(free, rng):
                tried[make.__name__] += 1
                where = free.cell.X, free.cell.y, free.cell.pattern
                assert not verify(*where, decision, level="numerical", free=free.F), (make, free, decision)
    return tried


def test_no_forgery_passes(checking):
    tried = forge(7, "default")
    assert min(tried[make.__name__] for make in free_forger.NONE) > 10, tried


@pytest.mark.campaign
def test_no_forgery_passes_on_150_cells():
    assert sum(forge(150, "campaign").values()) > 8_000


def test_the_second_checker_refuses_the_same(tmp_path):
    tried = 0
    for free, rng in cells(8, "second"):
        if not is_minimum(free) or np.abs(np.log2(np.abs(free.cell.X[free.cell.X != 0]))).max() > 200:
            continue
        for make in free_forger.NONE:
            for n, decision in enumerate(make(free, rng)):
                if n % 9 == 0:
                    tried += 1
                    assert second(free, decision, tmp_path) != "proven", (make, free, decision)
    assert tried > 40


def test_false_witnesses_are_refused(tmp_path):
    tried = 0
    for free, rng in cells(20, "witness"):
        if free.cell.X.size > 12 or not is_minimum(free):
            continue
        if (
            free_oracle.verdict(free.cell.X, free.cell.y, free.cell.pattern, free.F, -free.cell.signs)
            == "genuine"
        ):
            continue
        for decision in free_forger.false_witnesses(free, rng):
            tried += 1
            where = free.cell.X, free.cell.y, free.cell.pattern
            assert not verify(*where, decision, level="numerical", free=free.F), (free, decision)
            assert second(free, decision, tmp_path) != "proven"
    assert tried > 10
