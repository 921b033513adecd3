"""Both checkers, and decide, on cells on which one of them once refused the truth or raised."""

import warnings

import numpy as np
import pytest
from second_checker import check_certificate

from relucells import Certificate, Decision, Leaf, decide, export_certificate, verification_level
from relucells.samples.randomness import stream


@pytest.fixture
def both(tmp_path):
    """The words of both checkers about a decision."""

    def ask(X, y, pattern, decision) -> tuple[str, str]:
        X, y, pattern = np.array(X, dtype=float), np.array(y, dtype=float), np.array(pattern, dtype=bool)
        export_certificate(X, y, pattern, decision, tmp_path / "certificate.json")
        try:
            check_certificate.check(check_certificate.read(tmp_path / "certificate.json"))
            second = "proven"
        except check_certificate.Rejected as error:
            second = str(error)
        return verification_level(X, y, pattern, decision), second

    return ask


def planted(rng, N: int, D: int, K: int):
    """A cell of integers with two equal columns, and its witness."""
    X = rng.integers(-8, 9, (N, D)).astype(float)
    X[:, 1] = X[:, 0]
    R = rng.integers(-8, 9, (K, D)) / 4.0
    values = X @ R.T
    return X, np.maximum(values, 0).sum(axis=1), values > 0, R


def test_dependent_columns_are_settled_exactly(monkeypatch, both):
    """Where balls are tried first: a change of R that must make up for everything is none for balls."""
    monkeypatch.setattr(check_certificate, "EXACT", 6)
    X, y, pattern, R = planted(stream(23, "dependent"), 40, 4, 3)
    values = X @ R.T
    margin = float(min(1.0, values[pattern].min()))
    witness = Decision("genuine", margin, R, np.ones(3, np.int8), 0.0, "positive")
    assert both(X, y, pattern, witness) == ("proven", "proven")


def test_zeros_beside_a_loss(both):
    """Equal neurons of unlike signs, tight inactive pairs, and labels that no minimiser reaches."""
    X = [[3.0, -1], [3, -1], [1, 0], [1, 3], [-1, -3]]
    y, pattern = [6.0, 4, 1.5, 0, 0], np.repeat([[1, 1], [0, 0]], [3, 2], axis=0).astype(bool)
    found = decide(X, y, pattern, [1, -1])
    assert found.verdict == "genuine" and both(X, y, pattern, found) == ("proven", "proven")
    R = np.array([[2.5, -0.8333333333333334], [-1, 0.3333333333333333]])
    signs = np.array([1, -1], np.int8)
    third = Decision("genuine", 1.0, R, signs, found.loss, "given", given=signs)
    assert both(X, y, pattern, third) == ("proven", "proven")


def test_minors_that_a_fixed_prime_divides(both):
    """A determinant of 4611686018427387847, by small integers: no prime that data can know is used."""
    p, a, b = 4611686018427387847, 2**31 - 1, 2**31 + 11
    d = p * pow(a, -1, b) % b
    M = np.array([[a, b], [(a * d - p) // b, d]], dtype=float)
    X = np.vstack([M, M[0] + M[1], M[0] - M[1]])
    for pattern in (np.ones((4, 1), bool), np.array([[1, 0], [1, 0], [1, 1], [1, 1]], bool)):
        for y in ([1.0, 2, 3, 4], [-1.0, -2, -3, -4], [1.0, -1, 1, -1]):
            for convention in ("positive", "exists"):
                found = decide(X, y, pattern, convention)
                assert both(X, y, pattern, found) == ("proven", "proven"), (pattern, y, convention)


def test_a_witness_whose_zeros_move_by_rounding(both):
    """Where R_j·x_i = 0 term by term, the nearest minimiser may still have 1e-17 there."""
    X = [[2.0, 0.0], [-3.0, -2.0], [-1.0, 3.0], [0.0, -2.0], [3.0, -2.0]]
    y, pattern = [6.0, -5, 0, 0, 9], [[0, 0, 1], [1, 0, 0], [1, 1, 0], [0, 0, 0], [0, 0, 1]]
    for signs, margin in (("exists", "exact"), ("exists", "sign"), ([-1, 1, 1], "exact")):
        found = decide(X, y, pattern, signs, margin=margin)
        assert found.verdict == "genuine"
        assert both(X, y, pattern, found) == ("proven", "proven")


def test_a_loss_that_no_float_holds(both):
    found = decide([[2.0]], [-3.2e265], [[0]], "exists")
    assert found.loss == np.inf and both([[2.0]], [-3.2e265], [[0]], found) == ("proven", "proven")
    claim = Decision("genuine", 1.0, np.zeros((1, 1)), np.ones(1, np.int8), np.inf, "exists")
    first, second = both([[2.0]], [-3.2e100], [[0]], claim)
    assert first == "rejected" and second != "proven"


def test_no_margin_above_zero_is_none(both):
    leaf = Leaf(np.ones(1, np.int8), 0.0, 0)
    for margin in (5e-324, 2e-323):
        claim = Decision("none", margin, None, None, 0.0, "positive", certificate=Certificate((leaf,)))
        first, second = both([[1.0]], [0.0], [[1]], claim)
        assert first == "rejected" and second != "proven"


WIDE = {
    "an inverse that overflows": (
        [[1.0, 2.0**500], [0, 2.0**-573], [0, 2.0**-573], [0, 2.0**-573]],
        [0, 2.0**-80, 2.0**-80, 2.0**-80],
        [[0], [1], [1], [1]],
        "positive",
        "genuine",
    ),
    "rows that HiGHS does not take": (
        [
            [-2.3283064365386963e-10, 0.0],
            [0.0, 1.0704357695294699e45],
            [1.0889035741470031e40, 4.0],
            [-4194304.0, 5.421010862427522e-20],
            [-1.925929944387236e-34, -1.5777218104420236e-30],
        ],
        [0.0, -2.0, 1.0, -1.0, 3.0],
        [[0], [0], [0], [0], [1]],
        "positive",
        "genuine",
    ),
    "forms that vanish": (
        [[2, 1], [-1, -3], [3, -1], [0, 3], [2, -2], [1, 0], [2, 0]],
        [0, -6, -3, -6, -6, 0, 0],
        [
            [0, 0, 0, 0, 0],
            [1, 1, 0, 1, 0],
            [0, 1, 0, 0, 0],
            [0, 0, 1, 0, 1],
            [0, 1, 0, 0, 0],
            [0, 0, 0, 0, 0],
            [0, 0, 0, 0, 0],
        ],
        "exists",
        "genuine",
    ),
}


@pytest.mark.parametrize("name", WIDE)
@pytest.mark.parametrize("margin", ["exact", "sign"])
def test_decide_answers_where_numbers_are_extreme(name, margin, both):
    X, y, pattern, convention, verdict = WIDE[name]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = decide(X, y, pattern, convention, margin=margin)
    assert found.verdict == verdict
    assert both(X, y, pattern, found) == ("proven", "proven")
