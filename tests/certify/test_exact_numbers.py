"""Bounds that hold whatever underflows, and primes that nobody can know before."""

from fractions import Fraction

import numpy as np
import pytest
from second_checker import check_certificate

from relucells import Decision, decide, export_certificate, verify
from relucells.certify import dyadic
from relucells.lower_loss import loss_bound


@pytest.mark.parametrize(
    ("x", "w", "z"),
    [
        (1e-200, 1e-200, 1e300),
        (1.0, 1e-170, 1.0),
        (1e-300, 1e-300, 1e-300),
        (1e200, 1e200, 1e-250),
        (1, 0, 1),
    ],
)
def test_a_bound_on_a_loss_is_one_where_products_underflow(x, w, z):
    loss = (Fraction(x) * Fraction(w) * Fraction(z)) ** 2
    bound = loss_bound([[x]], [0.0], [[w]], [z])
    assert bound == np.inf or loss <= Fraction(bound)
    assert w or bound == 0.0


def test_a_loss_whose_terms_overflow_has_no_finite_bound():
    assert loss_bound([[1e200]], [0.0], [[1e200], [1e200]], [1.0, -1.0]) == np.inf


def test_no_numbers_can_be_made_to_fit_the_prime_of_their_matrix(tmp_path):
    """Made for Python's hash of a tuple, which can be steered: it led to a prime that divides all minors of
    two columns, so that exact arithmetic gave up."""
    X = [
        [11609400369.0, -4564529454.0, 1.0384593717069655e34],
        [13336551879.0, 8848677849.0, 1.0],
        [3869800123.0, -1521509818.0, -3.0221349866109084e19],
        [1.0, -2.0, 0.0],
    ]
    y, pattern = [18654271284.0, 35521781607.0, 6218090428.0, 0.0], [[1], [1], [1], [0]]
    true = Decision("genuine", 1.0, np.array([[2.0, 1, 0]]), np.ones(1, np.int8), 0.0, "positive")
    for decision in (true, decide(X, y, pattern, "positive")):
        assert decision.verdict == "genuine" and verify(X, y, pattern, decision)
        export_certificate(X, y, pattern, decision, tmp_path / "certificate.json")
        check_certificate.check(check_certificate.read(tmp_path / "certificate.json"))


@pytest.mark.parametrize("unlucky", [0, 1])
def test_a_prime_that_divides_all_minors_costs_nothing(tmp_path, monkeypatch, unlucky):
    """The second prime is asked where the first one shows less than full rank."""
    X = np.array([[3.0, 0.0], [0.0, 5.0], [3.0, 5.0], [-3.0, 5.0]])
    y, pattern = np.array([1.0, 1.0, 3.0, 0.0]), np.array([[1], [1], [1], [0]], dtype=bool)
    true = decide(X, y, pattern, "positive")
    primes = [3, 4611686018427387847]
    two = primes if not unlucky else primes[::-1]
    for module in (dyadic, check_certificate):
        monkeypatch.setattr(module, "primes_of", lambda table: two)
    assert dyadic.pivots(dyadic.matrix([[3, 0], [0, 5]], 2)) == [0, 1]
    assert dyadic.rank_at_least(X) == 2
    for decision in (true, decide(X, y, pattern, "positive")):
        assert decision.verdict == "genuine" and verify(X, y, pattern, decision)
        export_certificate(X, y, pattern, decision, tmp_path / "certificate.json")
        check_certificate.check(check_certificate.read(tmp_path / "certificate.json"))
