"""decide() against z3, which solves the definition itself in exact arithmetic."""

import warnings

import naive
import numpy as np
import oracle
import pytest

from relucells.certify.verify import verification_level
from relucells.samples.inputs import prepare
from relucells.samples.randomness import stream
from relucells.search.decide import decide


def disagreement(n: int, margins: bool) -> str | None:
    """What is wrong with the decisions about cell n, if anything."""
    rng = stream(11, "oracle", n)
    X, y, pattern = naive.random_cell(rng) if n % 4 == 0 else oracle.difficult_cell(rng)
    K = pattern.shape[1]
    for convention in ("exists", ["positive", "uniform", rng.choice([-1, 1], K)][n % 3]):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # ranks that hinge on rounding are meant here
            found = decide(X, y, pattern, convention, margin="exact" if margins else "sign")
        where = f"cell {n}, {convention}: {found.verdict} {found.margin} {found.level} {found.reason}"
        if found.reason == "precision" and prepare(X).hinges_on_rounding:
            continue  # weights as floats can be too coarse for a witness: R is as large as 1e16
        if found.verdict != oracle.verdict(X, y, pattern, convention):
            return f"verdict of {where}"
        if found.level != "proven" or verification_level(X, y, pattern, found) != "proven":
            return f"level of {where}"
        if margins and found.exact and not oracle.margin_is(X, y, pattern, convention, found.margin):
            return f"margin of {where}"
    return None


@pytest.mark.parametrize("n", range(40))
def test_verdicts_are_those_of_the_definition(n):
    assert disagreement(n, margins=n % 2 == 0) is None


@pytest.mark.campaign
def test_verdicts_of_500_cells_are_those_of_the_definition():
    wrong = [what for n in range(40, 540) if (what := disagreement(n, margins=n % 5 == 0))]
    assert not wrong, wrong


def test_the_oracle_tells_cells_apart():
    """Verdicts of both kinds, and a margin that is off by a thousandth is noticed."""
    cells = [oracle.difficult_cell(stream(11, "oracle", n)) for n in range(1, 20)]
    assert {oracle.verdict(*cell, "exists") for cell in cells} == {"genuine", "none"}
    X, y, pattern = np.array([[1.0], [2.0]]), np.array([0.25, 0.5]), np.array([[1], [1]])
    assert oracle.margin_is(X, y, pattern, "positive", 0.25)
    assert not oracle.margin_is(X, y, pattern, "positive", 0.2498)
    assert not oracle.margin_is(X, y, pattern, "positive", 0.2502)
