"""Cells of finite numbers on which decide() or cell_minimum once raised, or answered wrongly by rounding."""

import dataclasses
import warnings
from collections import Counter
from itertools import product

import numpy as np
import pytest
import second_checker

import relucells
from relucells.samples.randomness import stream

BIG, TINY, EPS = 2.0**1001, 2.0**-1022, 2.0**-49
CELLS = {
    "time stamps beside 1, a bias, and labels near the largest float": (
        np.array([[2147483648.002075, 1], [2147483648.0008545, 1], [2147483648.001831, 1]]),
        [0.0, -1.5 * BIG, 1.5 * BIG],
        [[1, 0]] * 3,
        np.ones((3, 1)),
    ),
    "columns from the largest to the smallest float": (
        np.array([[BIG, -3 * TINY, 3 * 5e-324], [BIG, 2.0**500, -3 * TINY], [5e-324, 2 * TINY, 0]]),
        [-(2.0**500), 3.0, -BIG],
        [[1, 0], [1, 1], [0, 0]],
        None,
    ),
    "a sample too short for floats beside the others": (
        np.array([[2.0, -BIG / 2], [1e-323, 3 * TINY], [1.0, -BIG], [2.0**500, -3], [BIG, -(2.0**502)]]),
        [1.0, 0.0, 1.5, -(2.0**-500), 0.5],
        [[0, 1], [1, 0], [0, 1], [1, 1], [1, 0]],
        np.array([[2.0, -EPS], [1 + EPS, EPS], [2, -1], [-2, -1], [-1, 1.0]]),
    ),
    "labels near the largest float, fitted only in part, beside a bias": (
        np.array([[-1.0, 1], [1, -2], [-3, 1]]),
        [2.0**1023, 0.0, -(2.0**1023)],
        [[0, 0], [1, 0], [1, 1]],
        np.array([[-1.0], [1], [1]]),
    ),
    "subnormal samples": (
        np.array([[-3, -6], [1, 2.0]]) * 5e-324,
        [1.5, 2.0],
        [[0, 1], [1, 1]],
        np.array([[2.0], [2 + 2.0**-50]]),
    ),
    "all samples at the origin": (np.zeros((2, 2)), [1.0, 2.0], [[1, 0], [1, 1]], np.ones((2, 1))),
    "one sample at the origin": (np.zeros((1, 1)), [0.0], [[1, 1]], None),
}


@pytest.mark.parametrize("convention", ["positive", "uniform", "exists"])
@pytest.mark.parametrize("with_free_part", [False, True])
@pytest.mark.parametrize("name", CELLS)
def test_no_finite_cell_raises(name, with_free_part, convention):
    X, y, pattern, free = CELLS[name]
    free = np.ones((len(X), 1)) if free is None else free
    free = free if with_free_part else None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = relucells.decide(X, y, pattern, convention, free=free)
        relucells.cell_minimum(X, y, pattern, free=free)
        if found.verdict != "undecided":
            assert relucells.verify(X, y, pattern, found, free=free)
        if not np.any(X):
            assert (found.verdict, found.margin, found.level) == ("none", 0.0, "proven")


def test_margins_below_the_error_of_a_program_are_the_largest():
    """Two sign vectors have 3 times the margin of a third one, of 2^-32 each."""
    e = 2.0**-32
    X = [[1 + e, 2 + 2 * e], [-1 + e, -2 + 2 * e], [-1 + e, -2 - 2 * e], [-e, 2 * e]]
    y, pattern = [-6.0, -3 + 6 * e, -3 + 6 * e, -5 * e], [[1, 0, 1], [0, 1, 0], [0, 1, 0], [1, 1, 1]]
    best = max(
        (relucells.decide(X, y, pattern, signs) for signs in product((1, -1), repeat=3)),
        key=lambda found: found.margin,
    )
    found = relucells.decide(X, y, pattern, "exists")
    assert found.exact and found.margin == pytest.approx(best.margin, rel=1e-9) and best.margin > 2 * e
    assert relucells.verify(X, y, pattern, found)


@pytest.mark.parametrize("y", [[2.0, 2.0], [1.0, 2.0], [1.0, -3.0]])
def test_samples_that_differ_in_one_bit_are_decided(y):
    X = np.array([[1.0, 1.0], [1.0, 1.0 + 2.0**-52]])
    for scale in (1.0, 2.0**-300, 2.0**900):
        for pattern in ([[1], [1]], [[1, 1], [0, 1]], [[1, 0], [0, 1]]):
            for convention in ("positive", "exists"):
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    found = relucells.decide(X * scale, y, pattern, convention)
                assert found.level == "proven", (scale, pattern, convention)
                assert found.verdict == "genuine" or min(y) < 0


def unequal_lengths(span: int, n: int):
    """X, y, pattern and signs: independent samples of lengths 2^-span to 2^span, labels of their signs."""
    rng = stream(63, "lengths", span, n)
    N, K = int(rng.integers(2, 6)), int(rng.integers(1, 4))
    D = N + int(rng.integers(0, 3))
    X, W, signs = rng.standard_normal((N, D)), rng.standard_normal((K, D)), rng.choice([-1, 1], K)
    X *= 2.0 ** rng.integers(-span, span + 1, (N, 1))
    pattern = X @ W.T > 0
    own = [signs[p][0] if p.any() else 1.0 for p in pattern]
    return X, np.abs(rng.standard_normal(N)) * own, pattern, signs


@pytest.mark.parametrize("span", [10, 20])
def test_independent_samples_of_unequal_lengths_are_decided(span):
    """Prescribed values may leave no room for rounded weights where other values do."""
    for n in range(40):
        X, y, pattern, signs = unequal_lengths(span, n)
        decision = relucells.decide(X, y, pattern, signs)
        assert decision.verdict != "undecided" and decision.level == "proven", n


@pytest.mark.parametrize(
    ("X", "y", "pattern"),
    [
        (
            [[0.0, 1.0], [0.842210021280533, 1.0]],
            [-1.3587344900680143e-12, -105934863519600.53],
            [[0, 0, 1], [1, 1, 0]],
        ),
        (
            [[14681764578515.94, 4044084465595.7324], [6.612730947027949e-19, -2.8175378893140922e-18]],
            [0.2506310162852609, 0.9573764179757062],
            [[0, 1], [1, 0]],
        ),
    ],
)
def test_independent_samples_that_need_exact_programs(X, y, pattern):
    """Margins of inactive pairs in proportion to lengths, as rounding is."""
    decision = relucells.decide(X, y, pattern, "exists")
    assert (decision.verdict, decision.level) == ("genuine", "proven")


@pytest.mark.parametrize("exponent", [20, 40, 60, 100, 400])
def test_a_short_sample_leaves_room_for_what_its_long_weight_rounds_away(tmp_path, exponent):
    """The weight of neuron 1 is so long that its value on the first sample is rounding; neuron 0 is not."""
    X = np.array([[1.0, 1.0], [1.0, -1 / 3]]) * [[1.0], [2.0**-exponent]]
    for pattern in ([[1, 0], [0, 1]], [[1, 1], [0, 1]], [[0, 1], [1, 1]], [[1, 0], [1, 1]]):
        for convention in ("positive", "exists"):
            decision = relucells.decide(X, [1.0, 2.0], pattern, convention)
            assert (decision.verdict, decision.level) == ("genuine", "proven"), pattern
            data = second_checker.exported(tmp_path, X, [1.0, 2.0], pattern, decision)
            assert second_checker.answer(data) == "proven"


@pytest.mark.parametrize("span", [30, 40, 60, 300])
def test_far_from_equal_lengths_leave_no_cell_undecided(tmp_path, span):
    """Where no float holds a witness, the sum of a few does."""
    for n in range(40):
        X, y, pattern, signs = unequal_lengths(span, n)
        decision = relucells.decide(X, y, pattern, signs)
        assert decision.level == "proven", n
        data = second_checker.exported(tmp_path, X, y, pattern, decision)
        assert second_checker.answer(data) == "proven", n


@pytest.mark.parametrize("power", [600, 1000])
def test_a_dead_cell_that_a_bias_fits_has_no_loss_however_large_the_labels(power):
    X, y, pattern, bias = np.eye(5), np.full(5, np.ldexp(1.0 / 3.0, power)), np.zeros((5, 2)), np.ones((5, 1))
    decision = relucells.decide(X[:, :3], y, pattern, "positive", free=bias)
    assert (decision.verdict, decision.level, decision.loss) == ("genuine", "proven", 0.0)


@pytest.mark.parametrize("convention", ["positive", "uniform", "exists"])
def test_a_zero_sample_that_activates_neurons_leaves_no_margin(convention):
    """Its values are 0 for every R, also where all other samples are fitted and nothing else is asked."""
    X, pattern = np.array([[0.0, 0.0], [2.0, 1.0]]), [[1, 1, 0], [1, 1, 1]]
    decision = relucells.decide(X, [1.0, 1.0], pattern, convention)
    assert (decision.verdict, decision.margin, decision.level) == ("none", 0.0, "proven")


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_numbers_that_no_float_holds_on_the_way_raise_nothing():
    X, y, pattern = [[5e-324, 5e-324], [2, -3], [0, 0]], [-2.0, 2.0, -1.0], [[1], [0], [0]]
    assert relucells.decide(X, y, pattern, "exists").verdict == "undecided"  # no float64 holds a witness
    found = relucells.cell_minimum(X, y, pattern)
    assert found.loss == pytest.approx(5 / 3)
    assert found.fitted.tolist() == [-2.0, 0.0, 0.0]


@pytest.mark.parametrize("signs", ["exists", "uniform", "positive"])
def test_samples_of_any_lengths_are_decided_where_none_depends_on_others(signs):
    """Values of a long sample have steps that grow with the weights which a short one needs."""
    verdicts = Counter()
    for trial in range(200):
        rng = stream(33, "lengths", signs, trial)
        D = int(rng.integers(2, 5))
        N, K = int(rng.integers(2, D + 1)), int(rng.integers(1, 4))
        X = rng.integers(-5, 6, (N, D)).astype(float) if trial % 2 else rng.standard_normal((N, D))
        X[rng.integers(N)] *= 2.0 ** -rng.integers(30, 66)
        y, pattern = rng.integers(-3, 4, N).astype(float), rng.integers(0, 2, (N, K))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)
            decision = relucells.decide(X, y, pattern, signs)
        verdicts[decision.verdict] += 1
        assert decision.level == "proven", (trial, decision)
    assert min(verdicts["genuine"], verdicts["none"]) > 20


@pytest.mark.parametrize("power", [0, 500, 570, 580, 600, 1000])
def test_a_loss_too_large_for_a_float_is_proven_though_next_to_nothing_beside_the_labels(power, tmp_path):
    """y → c y keeps the verdict: what rounding of the labels leaves squares to more than a float holds."""
    X, y, pattern = [[0.75], [0.3]], np.ldexp([0.1, 0.04], power), [[1], [1]]
    decision = relucells.decide(X, y, pattern, "positive")
    assert decision.verdict == "genuine" and relucells.verify(X, y, pattern, decision)
    assert (decision.loss == np.inf) == (power >= 580)
    relucells.export_certificate(X, y, pattern, decision, tmp_path / "c.json")
    data = second_checker.check_certificate.read(tmp_path / "c.json")
    second_checker.check_certificate.check(data)
    infinite = dataclasses.replace(decision, loss=np.inf)
    assert relucells.verify(X, y, pattern, infinite) == (power >= 580)


@pytest.mark.parametrize("power", [0, 100, 600])
@pytest.mark.parametrize("length", [20, 66, 200])
def test_bounds_that_long_samples_hide_are_told_from_the_margin(power, length):
    """All signs have a margin of at most -y; a sample alone shows that some have at most 0."""
    X, y = np.array([[1.0], [1.0], [2.0**length]]), np.array([0.0, 2.0**power, 0.0])
    decision = relucells.decide(X, y, [[1, 1, 1], [0, 1, 0], [0, 0, 1]], "exists")
    assert (decision.verdict, decision.level, decision.exact) == ("none", "proven", True)
    assert decision.margin == pytest.approx(-(2.0**power), rel=1e-9)


def test_outputs_beside_a_long_output_bias_keep_their_digits():
    """c is some 3e29, and what the neurons put out is 1 and 2."""
    X = np.array([[0.0, -(2.0**61), -(2.0**60)], [2.0**28, 0.0, 1.5 * 2.0**28]])
    y, pattern = np.array([-1.93428131e25, -3.16912650e29]), [[1, 1], [0, 1]]
    for signs in ("positive", "exists"):
        decision = relucells.decide(X, y, pattern, signs, free=np.ones((2, 1)))
        assert (decision.margin, decision.exact, decision.level) == (1.0, True, "proven")


@pytest.mark.parametrize("signs", ["exists", "uniform", "positive"])
def test_extreme_numbers_warn_of_nothing_but_the_rank(signs):
    cells = (
        ([[1e-83]], [-1e184], [[1]]),
        ([[5e-107], [1.0], [4e37]], np.zeros(3), [[0, 1], [1, 1], [0, 0]]),
        (np.full((2, 2), 1e200), [1e300, -1e-300], [[1, 1], [0, 1]]),
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", "the rank of X hinges")
        for X, y, pattern in cells:
            for margin in ("sign", "exact"):
                assert relucells.decide(X, y, pattern, signs, margin=margin).level == "proven"
