"""Results compare by what they hold."""

from dataclasses import dataclass, replace

import numpy as np
import pytest

import relucells
from relucells.samples.records import Record, same

X = np.array([[1.0, 0.0, 0.5], [0.0, 1.0, 0.5]]).T
Y = np.array([0.0, 0.0, 1.0])
PATTERN = np.ones((3, 2), dtype=bool)


def results():
    """One result of each public function."""
    W, z = np.array([[1.0, 2.0], [1.0, 1.0]]), np.array([0.5, -0.25])
    decision = relucells.decide(X, Y, PATTERN, "exists")
    yield decision
    yield relucells.decide(X, -np.ones(3), PATTERN, "positive").certificate
    yield relucells.cell_minimum(X, Y, PATTERN)
    yield relucells.descend(X, Y, W, z, max_steps=3)
    yield relucells.critical_point(X, Y, W, z)
    yield relucells.examine(X, Y, W, z)


@pytest.mark.parametrize(
    ("first", "second"),
    [pytest.param(*pair, id=type(pair[0]).__name__) for pair in zip(results(), results(), strict=True)],
)
def test_the_same_question_gives_an_equal_result(first, second):
    assert first is not second
    assert first == second and not first != second
    assert first in [second] and first != "something else"


def test_decisions_that_differ_are_unequal():
    decision = relucells.decide(X, Y, PATTERN, "exists")
    assert decision != relucells.decide(X, Y, PATTERN, "positive")
    assert decision != replace(decision, margin=decision.margin / 2)
    assert decision != replace(decision, R=decision.R + 1)
    assert decision != replace(decision, R=None)


def test_nan_equals_nan_and_shapes_count():
    @dataclass(frozen=True, eq=False)
    class Result(Record):
        value: object

    assert Result(np.array([np.nan, 1])) == Result(np.array([np.nan, 1]))
    assert Result(float("nan")) == Result(float("nan"))
    assert Result(np.zeros(2)) != Result(np.zeros((1, 2)))
    assert Result((np.ones(2), None)) != Result((np.ones(2),))
    assert same(["a"], ("a",)) and not same(np.array(["a"]), np.array(["b"]))


def test_a_result_with_arrays_has_no_hash():
    with pytest.raises(TypeError, match="unhashable"):
        hash(relucells.decide(X, Y, PATTERN, "exists"))
