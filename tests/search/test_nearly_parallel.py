"""Samples that are equal or parallel but for rounding: programs in floats take nodes for infeasible."""

from itertools import product

import numpy as np
import pytest
import second_checker

import relucells
from relucells.certify.certificates import Decision

CELLS = {
    "equal but for 2^-26": ([[1, 3], [-8, 4], [1, 3 + 2**-26]], [-1, -2, -0.5], [[0, 0], [1, 1], [1, 0]]),
    "equal but for 2^-24": (
        [[2, 0], [-2, 3], [2 + 2**-24, -(2**-26)]],
        [0.25, -0.5, -1],
        [[1, 1], [1, 1], [1, 0]],
    ),
    "a rounded multiple among five": (
        [[-0.3, 0.1, -0.6], [0, 0.9, 0.2], [-0.5, -1.3, 1.4], [-0.3, -0.7, -0.8], [0.51, 1.19, 1.36]],
        [-1.2, 0.2, 0.9, 0.8, 0],
        [[0, 0, 0], [0, 1, 1], [0, 1, 1], [1, 0, 0], [1, 1, 1]],
    ),
    "a rounded multiple among four": (
        [[0.5, 0.3, 1.3], [0.4, 1, -1.1], [0.65, 0.39, 1.6900000000000002], [-1.2, -2.4, 0]],
        [1.6, 1.1, 1.2, 0.1],
        [[0, 1], [0, 0], [0, 1], [1, 1]],
    ),
    "a better choice of signs in a node taken for infeasible": (
        [[-2.8600000000000003, 0.13, 0.26], [0.4, 1.7, -0.5], [-2.2, 0.1, 0.2], [0.4, 0.6, -1.3]],
        [-0.6, 0.7, 0.4, -0.8],
        [[0, 1], [0, 0], [0, 0], [1, 1]],
    ),
    "the same with three neurons": (
        [[-0.9, -1.1, 0], [-0.2, -0.9, 1.3], [-1.7, 0.3, -0.2], [-2.21, 0.39, -0.26]],
        [-0.7, -1.1, 0.4, 0.8],
        [[0, 1, 1], [0, 0, 1], [1, 0, 0], [0, 0, 0]],
    ),
}


@pytest.mark.parametrize("name", CELLS)
def test_some_choice_of_signs_is_as_good_as_the_best_that_is_given(tmp_path, name):
    X, y, pattern = (np.array(values, dtype=float) for values in CELLS[name])
    given = [relucells.decide(X, y, pattern, signs) for signs in product([1, -1], repeat=pattern.shape[1])]
    assert all(decision.level == "proven" for decision in given)
    best = max(decision.margin for decision in given)
    for margin in ("sign", "exact"):
        decision = relucells.decide(X, y, pattern, "exists", margin=margin)
        assert (decision.verdict, decision.level) == ("genuine" if best > 0 else "none", "proven")
        if margin == "exact" and best > 0:
            assert decision.margin == pytest.approx(best, rel=1e-5)
        assert second_checker.answer(second_checker.exported(tmp_path, X, y, pattern, decision)) == "proven"


def test_both_checkers_take_a_witness_whose_long_weight_cancels(tmp_path):
    """Borne by the long weight alone, what the sample misses would take its value below the margin."""
    X, pattern, margin, long = np.array([[1.0, 1.0]]), [[1, 1]], 2.0**-12, 2.0**40
    R, y = np.array([[long, -long + 3 * margin], [1024.0, 0.0]]), np.array([1024 - margin])
    claim = Decision("genuine", margin, R, np.ones(2, np.int8), 0.0, "positive", exact=False)
    assert relucells.verify(X, y, pattern, claim)
    assert second_checker.answer(second_checker.exported(tmp_path, X, y, pattern, claim)) == "proven"


def test_both_checkers_take_a_witness_whose_rounding_one_weight_alone_cannot_bear(tmp_path):
    """The long weight's value would fall below the margin, shared evenly it does not."""
    X, pattern, y, miss = np.array([[1.0, 1.0]]), [[1, 1]], np.array([1e-13]), 2e-13
    R = np.array([[1, -1 + miss], [2**-22, -(2**-22) + miss]])
    claim = Decision("genuine", 2e-14, R, np.ones(2, np.int8), 0.0, "positive", exact=False)
    assert relucells.verify(X, y, pattern, claim)
    assert second_checker.answer(second_checker.exported(tmp_path, X, y, pattern, claim)) == "proven"
