"""Decisions against the naive linear program over all signs, and on cells made to be difficult."""

from fractions import Fraction

import naive
import numpy as np
import pytest

from relucells.certify.verify import verification_level, verify
from relucells.samples.inputs import prepare
from relucells.samples.randomness import stream
from relucells.search import question
from relucells.search.decide import decide

EXACT_LEVELS = ("proven",)


def same(found: float, wanted: float) -> bool:
    return found == wanted or abs(found - wanted) <= 1e-7 * (1 + abs(wanted))


def witness_is_in_cell(X, y, pattern, decision) -> bool:
    """The witness is a minimiser, and its values lie on their sides with the margin claimed."""
    values = decision.signs * (X @ decision.R.T)
    residual = (pattern * (X @ decision.R.T)).sum(axis=1) - y
    gradient = X.T @ (pattern * residual[:, None])
    inside = values[pattern].min(initial=1.0) >= decision.margin * (1 - 1e-6) - 1e-12
    return inside and values[~pattern].max(initial=-1.0) <= 1e-12 and np.abs(gradient).max() <= 1e-8


@pytest.mark.parametrize("part", range(10))
def test_agrees_with_the_naive_program_on_500_cells(part):
    for n in range(50 * part, 50 * part + 50):
        rng = stream(1, "cell", n)
        X, y, pattern = naive.random_cell(rng)
        margins = naive.all_margins(X, y, pattern)
        K = pattern.shape[1]
        given = tuple(int(s) for s in rng.choice([-1, 1], K))
        ones = (1,) * K
        wanted = {
            "exists": max(margins.values()),
            "positive": margins[ones],
            "uniform": max(margins[ones], margins[tuple(-s for s in ones)]),
            "given": margins[given],
        }
        asked = ["exists", ["positive", "uniform", "given"][n % 3]]
        for convention in asked:
            signs = given if convention == "given" else convention
            for mode in ("exact", "sign") if convention == "exists" else ("exact",):
                decision = decide(X, y, pattern, signs, margin=mode)
                where = f"cell {n}, {convention}, {mode}: {decision}"
                assert (decision.verdict == "genuine") == (wanted[convention] > 1e-9), where
                if mode == "exact":
                    assert same(decision.margin, wanted[convention]), where
                if decision.verdict == "genuine":
                    assert witness_is_in_cell(X, y, pattern, decision), where
                else:
                    assert decision.R is None and decision.signs is None, where
                assert verification_level(X, y, pattern, decision) in EXACT_LEVELS, where


def test_independent_samples_have_the_closed_form():
    rng = stream(1, "closed form")
    X, y = rng.standard_normal((6, 9)), np.array([2.0, -1.0, 0.5, -3.0, 1.0, -0.2])
    pattern = rng.random((6, 4)) < 0.6
    signs = np.array([1, -1, 1, -1])
    expected = 1.0
    for i in range(6):
        carried = set(signs[pattern[i]])
        if len(carried) == 1:
            expected = min(expected, carried.pop() * y[i] / pattern[i].sum())
    decision = decide(X, y, pattern, signs)
    assert decision.margin == pytest.approx(expected)
    assert decision.loss == pytest.approx((y[~pattern.any(axis=1)] ** 2).sum() / 6)


def test_many_neurons_with_independent_samples():
    rng = stream(1, "fifty")
    X = rng.standard_normal((120, 150))
    y = np.repeat([1.0, -1.0], 60)
    pattern = rng.random((120, 50)) < 0.06
    decision = decide(prepare(X), y, pattern, "exists")
    assert verify(X, y, pattern, decision)
    if decision.verdict == "genuine":
        assert all((y[i] == decision.signs[pattern[i]]).any() for i in range(120) if pattern[i].any())


def test_dead_cells_are_genuine_whatever_the_signs():
    X, y = np.eye(3), np.array([1.0, -1.0, 2.0])
    pattern = np.zeros((3, 2), dtype=int)
    for signs in ("positive", "uniform", "exists", [1, -1]):
        decision = decide(X, y, pattern, signs)
        assert (decision.verdict, decision.margin) == ("genuine", 1.0)
        assert decision.loss == pytest.approx(2.0)
        assert not decision.R.any() and verify(X, y, pattern, decision)


def test_all_active_cells_have_genuine_minima_iff_both_signs_occur():
    rng = stream(1, "linear")
    X = np.column_stack([rng.standard_normal((40, 3)), np.ones(40)])
    y = np.where(rng.random(40) < 0.5, 1.0, -1.0)
    pattern = np.ones((40, 3), dtype=bool)
    assert decide(X, y, pattern, "positive").verdict == "none"
    assert decide(X, y, pattern, "uniform").verdict == "none"
    for signs in ("exists", [1, -1, -1]):
        decision = decide(X, y, pattern, signs)
        assert (decision.verdict, decision.margin) == ("genuine", 1.0)
        assert verify(X, y, pattern, decision)


@pytest.mark.parametrize("power", [20, 30, 40, 50, 60, 100])
@pytest.mark.parametrize("side", [1, -1, 0])
def test_margins_near_zero(power, side):
    """One neuron whose only minimiser is known: R = (1, side 2^-power), all of it exact in floats."""
    tiny = Fraction(side, 2**power)
    X = np.array([[1.0, 0.0], [0.0, 1.0], [2.0, 0.0]])
    y = np.array([1.0, float(tiny), 2.0])
    active = decide(X, y, np.array([[1], [1], [1]]), "positive")
    assert active.verdict == ("genuine" if side > 0 else "none")
    assert active.margin == pytest.approx(float(tiny), rel=1e-6, abs=0)
    assert verification_level(X, y, np.array([[1], [1], [1]]), active) in EXACT_LEVELS
    # the same sample inactive: its value must not be positive, and nothing forces it away from zero
    X = np.array([[1.0, 0.0], [1.0, 1.0], [0.0, 1.0]])
    y = np.array([1.0, float(1 + tiny), 0.0])
    pattern = np.array([[1], [1], [0]])
    exact_tiny = Fraction(y[1]) - 1
    inactive = decide(X, y, pattern, "positive")
    assert inactive.verdict == ("none" if exact_tiny > 0 else "genuine")
    assert verification_level(X, y, pattern, inactive) in EXACT_LEVELS


@pytest.mark.parametrize("gap", [1e-3, 1e-6, 1e-9, 1e-12])
def test_nearly_dependent_samples(gap):
    """Two samples a hair apart with opposite labels, fitted by one or by two neurons."""
    X = np.array([[1.0, 1.0], [1.0, 1.0 + gap]])
    y = np.array([1.0, -1.0])
    one = decide(X, y, np.array([[1], [1]]), "exists")
    assert one.verdict == "none" and verify(X, y, np.array([[1], [1]]), one)
    both = np.array([[1, 1], [1, 1]])
    two = decide(X, y, both, "exists")
    assert two.verdict == "genuine" and verify(X, y, both, two)


@pytest.mark.parametrize("scale_X", [1e-6, 1.0, 1e6])
@pytest.mark.parametrize("scale_y", [1e-6, 1.0, 1e6])
def test_scales_change_no_verdict(scale_X, scale_y):
    for n in range(12):
        X, y, pattern = naive.random_cell(stream(2, "scale", n))
        plain = decide(X, y, pattern, "exists")
        scaled = decide(scale_X * X, scale_y * y, pattern, "exists")
        near_zero = abs(plain.margin) < 1e-9
        assert near_zero or scaled.verdict == plain.verdict
        if not near_zero and scale_y <= 1.0 and plain.margin < 1.0 and np.isfinite(plain.margin):
            assert scaled.margin == pytest.approx(scale_y * plain.margin, rel=1e-6)
        assert verify(scale_X * X, scale_y * y, pattern, scaled)


def test_order_of_samples_and_neurons_does_not_matter():
    for n in range(15):
        rng = stream(3, "order", n)
        X, y, pattern = naive.random_cell(rng)
        rows, columns = rng.permutation(len(X)), rng.permutation(pattern.shape[1])
        plain = decide(X, y, pattern, "exists")
        moved = decide(X[rows], y[rows], pattern[np.ix_(rows, columns)], "exists")
        assert moved.verdict == plain.verdict and same(moved.margin, plain.margin)


def test_limits_leave_questions_open_and_never_change_answers():
    rng = stream(1, "limits")
    X = np.column_stack([rng.standard_normal((60, 3)), np.ones(60)])
    y = np.where(X[:, 0] > 0, 1.0, -1.0)
    pattern = X @ rng.standard_normal((16, 4)).T > 0
    free = decide(X, y, pattern, "exists", margin="sign")
    for limits in ({"program_limit": 0}, {"time_limit": 0.0}, {"program_limit": 1}):
        limited = decide(X, y, pattern, "exists", margin="sign", **limits)
        assert limited.verdict in ("undecided", free.verdict)
        assert limited.verdict != "undecided" or not verify(X, y, pattern, limited)
        assert limited.loss == pytest.approx(free.loss)


@pytest.mark.parametrize(
    ("changed", "start"),
    [
        ({"signs": "negative"}, "signs"),
        ({"signs": [1, 0]}, "signs"),
        ({"signs": [1]}, "signs"),
        ({"time_limit": -1}, "time_limit"),
        ({"time_limit": 10**400}, "time_limit"),
        ({"margin": "rough"}, "margin"),
        ({"y": [1.0]}, "y"),
        ({"pattern": [[1, 0]]}, "pattern"),
        ({"X": [[np.nan, 1.0], [0.0, 1.0]]}, "X"),
    ],
)
def test_bad_arguments_are_named(changed, start):
    arguments = {"X": np.eye(2), "y": [1.0, -1.0], "pattern": np.eye(2, dtype=int), "signs": "exists"}
    with pytest.raises(ValueError, match=f"^{start}: "):
        decide(**arguments | changed)


@pytest.mark.parametrize("n", range(6))
def test_columns_that_depend_on_each_other_up_to_rounding(n):
    """Their exact rank is higher by one: the verdict is that of the exact numbers, with a warning."""
    rng = stream(4, "rounding", n)
    X = np.column_stack((np.zeros(40), rng.standard_normal((40, 2)), np.ones(40)))
    X[:, 0] = 2 * X[:, 1] + 1
    y, pattern = rng.choice([-1.0, 1.0], 40), X @ rng.standard_normal((4, 3)) > 0
    # the same column space: what rounding left of the first column stands on its own
    rest = np.array([float(Fraction(a) - 2 * Fraction(b) - 1) for a, b in X[:, :2].tolist()])
    assert rest.any()
    same = np.column_stack((rest, X[:, 1:]))
    for signs in ("positive", "uniform", "exists"):
        with pytest.warns(RuntimeWarning, match="singular values of the size of rounding"):
            decision = decide(X, y, pattern, signs, margin="sign")
        assert decision.verdict == decide(same, y, pattern, signs, margin="sign").verdict
        assert verify(X, y, pattern, decision)


def test_what_the_checker_rejects_is_no_answer_where_a_limit_ends_the_work(monkeypatch):
    """The sign comes first under a limit; it stays when the limit ends the search for the margin, if it was
    confirmed."""
    monkeypatch.setattr(question, "level_of", lambda cell, decision: "rejected")
    for n in range(4):
        X, y, pattern = naive.random_cell(stream(7, "rejected", n))
        for limit in range(8):
            assert decide(X, y, pattern, "exists", program_limit=limit).verdict == "undecided"
