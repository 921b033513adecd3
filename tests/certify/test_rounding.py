"""Nothing is proven by what rounding hides: forgeries on data of extreme size, refused by both checkers."""

import json
from fractions import Fraction
from pathlib import Path

import forger_rounding
import numpy as np
import pytest
from second_checker import check_certificate

from relucells import Decision, decide, export_certificate, verification_level
from relucells.certify.quality import quality_level
from relucells.samples.floating import residual
from relucells.samples.randomness import stream


def second(folder: Path, X, y, pattern, decision, **more) -> str:
    """ "proven", or the reason why the second checker refuses."""
    export_certificate(X, y, pattern, decision, folder / "certificate.json", **more)
    try:
        check_certificate.check(json.loads((folder / "certificate.json").read_text()))
        return "proven"
    except check_certificate.Rejected as error:
        return str(error)


@pytest.mark.parametrize("make", forger_rounding.ROUNDING, ids=lambda make: make.__name__)
def test_no_forgery_passes(make, tmp_path):
    tried = 0
    for X, y, pattern, decision in make(stream(21, make.__name__), 12):
        tried += 1
        assert verification_level(X, y, pattern, decision) != "proven", (X, y, pattern, decision)
        assert second(tmp_path, X, y, pattern, decision) != "proven", (X, y, pattern, decision)
    assert tried >= 12


def test_no_margin_is_lower_than_its_enclosure(monkeypatch, tmp_path):
    """Where exact arithmetic is not affordable, the upper end of what floating point encloses counts."""
    monkeypatch.setattr("relucells.certify.cell.EXACT_RANK", 0)
    tried = 0
    for X, y, pattern, decision in forger_rounding.doubtful_bounds(stream(21, "doubtful"), 12):
        tried += 1
        assert verification_level(X, y, pattern, decision) != "proven", (y[0], decision.margin)
        assert second(tmp_path, X, y, pattern, decision) != "proven"
    assert tried >= 12


def test_a_residual_is_known_to_eighty_bits():
    """Against exact arithmetic, at a solution, where all digits of an ordinary product cancel."""
    rng = stream(24, "residual")
    for scale in (1.0, 2.0**300, 2.0**-450):
        matrix = rng.standard_normal((9, 30)) * 10.0 ** rng.integers(-2, 3, (9, 30)) * scale
        matrix[2] = 0.0
        z = rng.standard_normal(30) * 10.0 ** rng.integers(-2, 3, 30)
        right = matrix @ z
        found, error = residual(matrix, z, right)
        usual = np.abs(matrix) @ np.abs(z) * 2.0**-53
        for row, b, value, bound, size in zip(matrix, right, found, error, usual, strict=True):
            exact = Fraction(b) - sum(Fraction(a) * Fraction(v) for a, v in zip(row, z, strict=True))
            assert abs(Fraction(value) - exact) <= Fraction(bound)
            assert bound <= size or scale < 2.0**-400 or not row.any()


def test_no_loss_is_lower_by_underflow(tmp_path):
    for X, y, pattern, decision, quality in forger_rounding.bad_by_underflow(stream(21, "bad"), 12):
        assert verification_level(X, y, pattern, decision) == "proven"
        assert quality_level(X, y, pattern, decision, quality) == "rejected", (y, quality)
        assert second(tmp_path, X, y, pattern, decision, quality=quality) != "proven"


def test_the_truth_about_these_cells_is_proven(tmp_path):
    """What the forgeries are false about, where decide finds it: the margins' signs are the planted ones."""
    for make, verdict in (
        (forger_rounding.collinear_samples, "genuine"),
        (forger_rounding.overflowing_witnesses, "none"),
    ):
        for X, y, pattern, _ in make(stream(22, make.__name__), 4):
            found = decide(X, y, pattern, "positive")
            assert (found.verdict, found.level) == (verdict, "proven"), (make, X, y, found)
            assert second(tmp_path, X, y, pattern, found) == "proven"


def test_a_margin_of_two_collinear_samples_is_exact(tmp_path):
    """Singular values call the two samples of the first neurons independent; their p is not y."""
    X = [[16877683130.0, -13243319600.0], [-1582975083030.0, 1242104427600.0], [966245.0, -735214.0]]
    pattern = np.array([[1, 1], [1, 1], [0, 0]])
    found = decide(X, [-3.0, -1.0, 3.0], pattern, "positive")
    assert (found.verdict, found.level) == ("none", "proven")
    assert found.margin == pytest.approx(-0.48395198252198496, rel=1e-9)
    assert second(tmp_path, X, [-3.0, -1.0, 3.0], pattern, found) == "proven"


def test_the_least_margin_that_a_float_can_state_is_proven(tmp_path):
    least, signs = 2.0**-1074, np.ones(2, dtype=np.int8)
    X, y, pattern = np.array([[2.0**-10]]), np.array([3 * least]), np.ones((1, 2), dtype=bool)
    R = np.full((2, 1), 1.5 * 2.0**-1064)
    decision = Decision("genuine", least, R, signs, 0.0, "positive", exact=False)
    assert verification_level(X, y, pattern, decision) == "proven"
    assert second(tmp_path, X, y, pattern, decision) == "proven"
