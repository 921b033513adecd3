"""Cells that decide() once answered wrongly, not at all, or with certificates that nobody confirmed."""

from dataclasses import replace

import naive
import numpy as np
import pytest

from relucells.certify.verify import verification_level
from relucells.samples.randomness import stream
from relucells.search import budget
from relucells.search.decide import decide


def same_margin(a: float, b: float) -> bool:
    return a == b or abs(a - b) <= 2e-6 * max(abs(a), abs(b))


def random_cell(rng, N, D, K):
    X = np.column_stack([rng.standard_normal((N, D - 1)), np.ones(N)])
    return X, rng.choice([-1.0, 1.0], N), X @ rng.standard_normal((K, D)).T > 0


# --- the answer depends on the span of X's columns alone ---------------------------------------------


def dyadic_shift(X, rng):
    return np.column_stack([X[:, :-1] + X[:, [-1]] * 2.0**31, X[:, -1]])


def powers_of_two(X, rng):
    return X * 2.0 ** rng.integers(-30, 31, X.shape[1])


def integer_shear(X, rng):
    shear = np.eye(X.shape[1], dtype=int)
    a, b = rng.permutation(X.shape[1])[:2]
    shear[a, b] = rng.integers(-7, 8)
    return X @ shear


@pytest.mark.parametrize("change", [dyadic_shift, powers_of_two, integer_shear])
@pytest.mark.parametrize("part", range(3))
def test_columns_may_be_written_in_any_way(change, part):
    """On samples that the change does not round; hundreds of cells in ``campaign``."""
    check_columns(change, range(12 * part, 12 * part + 12))


@pytest.mark.campaign
@pytest.mark.parametrize("change", [dyadic_shift, powers_of_two, integer_shear])
def test_columns_of_many_cells_may_be_written_in_any_way(change):
    check_columns(change, range(100, 250))


def check_columns(change, numbers):
    for n in numbers:
        rng = stream(12, "columns", n)
        N, D, K = int(rng.integers(3, 25)), int(rng.integers(2, 4)), int(rng.integers(1, 5))
        X = np.column_stack([rng.integers(-200, 201, (N, D - 1)) / 16.0, np.ones(N)])
        y = rng.choice([-1.0, 1.0], N) if n % 2 else np.round(rng.standard_normal(N), 2)
        pattern = X @ (rng.standard_normal((K, D)) * ([0.2] * (D - 1) + [1])).T > 0
        other = change(X, rng)
        convention = ("exists", "positive", "uniform", rng.choice([-1, 1], K))[n % 4]
        found, again = (decide(Z, y, pattern, convention) for Z in (X, other))
        where = f"cell {n}: {found.margin} {found.level} and {again.margin} {again.level} {again.reason}"
        assert found.verdict == again.verdict, where
        assert found.level == again.level == "proven", where
        assert not again.exact or same_margin(found.margin, again.margin), where
        assert again.loss == pytest.approx(found.loss, rel=1e-9, abs=1e-14 * np.mean(y**2)), where


@pytest.mark.parametrize("k", [-500, -300, -40, 1, 30, 300, 500])
def test_labels_may_have_any_scale(k):
    for n in range(10):
        rng = stream(13, "labels", n)
        X, y, pattern = naive.random_cell(rng)
        convention = ("exists", "positive", "uniform")[n % 3]
        found, again = (decide(X, labels, pattern, convention) for labels in (y, np.ldexp(y, k)))
        where = f"cell {n}: {found.margin} and {again.margin}, {again.level} {again.reason}"
        assert (again.verdict, again.level) == (found.verdict, "proven"), where
        if found.margin < 1 and np.ldexp(found.margin, k) < 1 and again.exact:
            assert same_margin(again.margin, np.ldexp(found.margin, k)), where
        assert np.ldexp(again.loss, -2 * k) == pytest.approx(found.loss, rel=1e-9, abs=1e-15), where


@pytest.mark.parametrize("length", [1e-5, 1e-10, 1e-20, 1e10])
def test_half_spaces_do_not_see_the_length_of_their_sample(length):
    """An inactive sample demands a side alone: its length changes neither verdict nor margin."""
    for n in range(12):
        rng = stream(14, "short", n)
        X, y, pattern = random_cell(rng, 14, 3, 3)
        pattern[4] = False
        other = X.copy()
        other[4] *= length
        found, again = (decide(Z, y, pattern, "exists") for Z in (X, other))
        assert (again.verdict, again.level) == (found.verdict, "proven")
        assert same_margin(found.margin, again.margin)


@pytest.mark.parametrize("n", range(8))
def test_time_stamps_beside_a_constant(n):
    rng = stream(15, "unix", n)
    t = np.sort(rng.integers(0, 100_000, 60)).astype(float)
    y, K = rng.choice([-1.0, 1.0], 60), int(rng.integers(1, 7))
    pattern = (t[:, None] - rng.uniform(0, 100_000, K)) * rng.choice([-1, 1], K) > 0
    centred, seconds = (np.column_stack([t + shift, np.ones(60)]) for shift in (-50_000, 1.7e9))
    for convention in ("positive", "exists"):
        found, again = (decide(X, y, pattern, convention) for X in (centred, seconds))
        assert (again.verdict, again.level) == (found.verdict, "proven")
        assert same_margin(found.margin, again.margin)
        assert again.loss == pytest.approx(found.loss, rel=1e-9)


# --- single cells -------------------------------------------------------------------------------------


def test_an_empty_violated_row_is_its_own_proof():
    pattern = np.zeros((3, 41), dtype=int)
    pattern[:2, 0] = 1
    found = decide([[1, 0], [0, 1], [1, 1]], [1, 1, 0], pattern, "positive")
    assert (found.verdict, found.margin, found.level) == ("none", -np.inf, "proven")


def test_a_sign_vector_left_over_is_settled():
    X, y, pattern = [[1, 1], [1, 1 + 2.3e-16], [3, -1]], [1, -1, 1], [[1, 1], [0, 1], [1, 1]]
    found = decide(X, y, pattern, "exists")
    assert (found.verdict, found.level) == ("none", "proven")


def test_no_finite_margin_where_there_is_none():
    X = [[0.19, 1], [-0.52, 1], [-0.41, 1], [-2.44, 1]]
    found = decide(X, [0, -0.71, -0.6, -2.63], [[0], [1], [1], [1]], "positive")
    assert (found.verdict, found.margin, found.level) == ("none", -np.inf, "proven")


def test_a_bound_that_floating_point_overstates_is_not_taken():
    """HiGHS calls the node (+, +) infeasible where its multipliers prove −0.25 and the margin is −0.3."""
    X = [[-1.7e-12, 7e-13, 1.6e-12], [-0.5, 1.1, -0.4], [0.7, -0.6, 0.8], [-0.1, 1.8, 0.2]]
    found = decide(X, [-0.3, 0.9, 1.4, -0.5], [[0, 1], [0, 1], [1, 0], [1, 1]], "exists")
    assert (found.verdict, found.margin, found.level) == ("none", -0.3, "proven")


@pytest.mark.parametrize(("N", "D"), [(30, 4), (12, 20)])
@pytest.mark.parametrize("unit", [1e6, 1e-9])
def test_one_feature_in_another_unit(N, D, unit):
    for n in range(6):
        rng = stream(16, "unit", N, n)
        X, y, pattern = random_cell(rng, N, D, 4)
        X[:, 0] *= unit
        for convention in ("positive", "exists"):
            found = decide(X, y, pattern, convention, margin="sign")
            assert found.level == "proven" and verification_level(X, y, pattern, found) == "proven"


# --- limits -------------------------------------------------------------------------------------------


class Clock:
    """Advances by a second with each look at it."""

    def __init__(self):
        self.now = 0.0

    def __call__(self):
        self.now += 1.0
        return self.now


@pytest.mark.parametrize("limit", [0, 1, 2, 3, 5, 8, 13, 40, 200])
@pytest.mark.parametrize("margin", ["exact", "sign"])
def test_time_runs_out_in_any_part_of_the_work(monkeypatch, limit, margin):
    for n in range(6):
        rng = stream(17, "clock", n)
        X, y, pattern = random_cell(rng, 40, 4, 6) if n % 2 else naive.random_cell(rng)
        if n == 4:
            X, y = rng.standard_normal((60, 70)), rng.choice([-1.0, 1.0], 60)
            pattern = rng.random((60, 30)) < 0.1
        free = decide(X, y, pattern, "exists", margin=margin)
        clock = Clock()
        with monkeypatch.context() as patch:
            patch.setattr(budget, "clock", clock)
            limited = decide(X, y, pattern, "exists", limit, margin=margin)
        assert clock.now <= limit + 4 or limited.verdict != "undecided"
        if limited.verdict == "undecided":
            assert limited.reason == "limit" and limited.level == ""
        else:
            assert limited.verdict == free.verdict and limited.level == free.level
            assert limited.exact <= free.exact
        assert limited.loss == pytest.approx(free.loss, abs=1e-12)


@pytest.mark.parametrize("limit", range(6))
def test_programs_are_counted_exactly(limit):
    for n in range(6):
        X, y, pattern = random_cell(stream(18, "programs", n), 60, 4, 8)
        free = decide(X, y, pattern, "exists")
        limited = decide(X, y, pattern, "exists", program_limit=limit)
        assert limited.programs <= limit
        assert limited.verdict in (free.verdict, "undecided")
        assert limited.verdict == "undecided" or limited.level == "proven"


def test_a_limit_after_the_verdict_keeps_the_verdict():
    kept = 0
    for n in range(12):
        X, y, pattern = random_cell(stream(19, "kept", n), 20, 4, 6)
        sign = decide(X, y, pattern, "exists", margin="sign")
        limited = decide(X, y, pattern, "exists", program_limit=sign.programs)
        assert (limited.verdict, limited.level) == (sign.verdict, "proven")
        kept += not limited.exact
    assert kept > 0


def test_what_the_checker_rejects_is_not_claimed(monkeypatch):
    """In cells beyond exact arithmetic: undecided, for the reason "precision"."""
    X, y, pattern = random_cell(stream(20, "rejected"), 50, 4, 5)
    monkeypatch.setattr("relucells.certify.cell.EXACT_RANK", 0)
    true = decide(X, y, pattern, "positive", margin="sign")
    assert true.verdict == "none" and true.level in ("proven", "numerical")
    monkeypatch.setattr("relucells.search.question.level_of", lambda cell, decision: "rejected")
    found = decide(X, y, pattern, "positive", margin="sign")
    assert (found.verdict, found.reason, found.level) == ("undecided", "precision", "")
    assert verification_level(X, y, pattern, replace(found)) == "rejected"


def test_independent_samples_are_proven_whatever_the_number_of_neurons(monkeypatch):
    """Their check forms no matrix of a cell, so that the size of A does not matter."""
    monkeypatch.setattr("relucells.certify.cell.ENTRIES", 10**5)
    rng = stream(21, "many neurons")
    X, y = rng.standard_normal((60, 80)), rng.choice([-1.0, 1.0], 60)
    for share in (0.02, 0.2):
        pattern = rng.random((60, 40)) < share
        assert decide(X, y, pattern, "exists").level == "proven"
