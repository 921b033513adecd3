"""Nothing is proven by what rounding hides: forgeries on data of extreme size, refused by both checkers."""

import json
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import forger_rounding
import numpy as np
import pytest
from second_checker import check_certificate

from relucells import Decision, Leaf, decide, export_certificate, verification_level
from relucells.cells.inspection import draw_weights
from relucells.certify.enclosures import ProvenMinimum
from relucells.certify.multipliers import floating_bound
from relucells.certify.quality import quality_level
from relucells.certify.verify import cell_of, leaf_bound
from relucells.samples.floating import finer_product, residual
from relucells.samples.gaussian import two_gaussians
from relucells.samples.inputs import prepare
from relucells.samples.randomness import stream


@pytest.mark.parametrize("value", [1e-150, 1e-155, 1e-200, 1e-300])
def test_tolerances_that_overflow_allow_nothing(value):
    """Beyond exact arithmetic: multipliers so large, once their sum is 1, that every size is infinite."""
    rng = np.random.default_rng(0)
    X, R = rng.integers(-4, 5, (620, 260)).astype(float), rng.integers(-4, 5, 260) * 2.0
    X = X[X @ R != 0]
    pattern = np.repeat((X @ R > 0)[:, None], 2, axis=1)
    y, signs = pattern[:, 0] * (X @ R) / 2, np.array([1, -1], np.int8)
    pairs = np.array([[np.argmin(pattern[:, 0]), 1], [np.argmax(pattern[:, 0]), 1]])
    leaf = Leaf(signs, -1.0, -1, pairs, np.array([1.0, value]))
    assert leaf_bound(cell_of(X, y, pattern), leaf).level == "rejected"
    assert decide(X, y, pattern, signs, margin="sign").verdict == "genuine"


@pytest.mark.parametrize("power", [0, -500, 500, -560, 560, -900, 900])
def test_tolerances_do_not_depend_on_the_unit_of_the_labels(power):
    """Beyond exact arithmetic: squares of labels may underflow, and a size of 0 would allow everything."""
    rng = np.random.default_rng(0)
    X, R = rng.integers(-4, 5, (620, 260)).astype(float), rng.integers(-4, 5, 260) * 2.0
    X = X[X @ R != 0]
    pattern = np.repeat((X @ R > 0)[:, None], 2, axis=1)
    y, signs = np.ldexp(pattern[:, 0] * (X @ R) / 2, power), np.array([1, -1], np.int8)
    R = np.ldexp(np.stack([R, -R / 2]), power)
    margin = min(1.0, 2.0**power) * (1 - 1e-7)
    true = Decision("genuine", margin, R, signs, 0.0, "given", exact=False, given=signs)
    assert verification_level(X, y, pattern, true) == "numerical"
    for wrong in (2 * R, R / 2, -R, 0 * R, R * [[1.0], [0.5]]):
        assert verification_level(X, y, pattern, replace(true, R=wrong)) == "rejected"
    with np.errstate(over="ignore", under="ignore"):
        wrong_losses = {float(np.ldexp(1e-3, 2 * power)), np.inf} - {0.0}
    for loss in wrong_losses:
        assert verification_level(X, y, pattern, replace(true, loss=loss)) == "rejected"
    for i in (np.argmin(pattern[:, 0]), np.argmax(pattern[:, 0])):
        leaf = Leaf(np.where(pattern[i], int(np.sign(y[i])) or 1, 0).astype(np.int8), -1.0, int(i))
        assert leaf_bound(cell_of(X, y, pattern), leaf).level == "rejected"


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


@pytest.mark.parametrize("n", [1, 40, 3000])
def test_a_finer_product_is_known_nearly_to_its_last_bit(rng, n):
    """Entries that cancel, columns of many sizes, zeros."""
    left, right = rng.standard_normal((n, 3)), rng.standard_normal((n, 4)) * [1, 1e-90, 1e90, 0]
    left[:, 0] -= right[:, 0] * (left[:, 0] @ right[:, 0]) / (right[:, 0] @ right[:, 0])
    found, error = finer_product(left, right)
    for i in range(3):
        for j in range(4):
            pairs = zip(left[:, i].tolist(), right[:, j].tolist(), strict=True)
            exact = sum((Fraction(a) * Fraction(b) for a, b in pairs), Fraction(0))
            size = float(np.abs(left[:, i]) @ np.abs(right[:, j]))
            assert abs(Fraction(found[i, j]) - exact) <= Fraction(error[i, j])
            assert error[i, j] <= 2.0**-52 * abs(found[i, j]) + 2.0**-70 * size + 5e-324


def test_a_finer_product_of_extreme_numbers_is_bounded_too():
    left, right = np.array([[1e-200], [3.0]]), np.array([[1e-200], [0.1]])
    found, error = finer_product(left * 1e-200, right)
    assert abs(Fraction(found[0, 0]) - Fraction(3e-200) * Fraction(0.1)) <= Fraction(error[0, 0])


def test_finer_bounds_hold_the_exact_one_and_spare_exact_arithmetic(monkeypatch):
    """Nearly all neurons active on nearly all of many samples: the columns' differences are few."""
    doubts = []
    # what determined sums tell needs no more digits
    nothing = property(lambda minimum: np.zeros(minimum.G, dtype=bool))
    monkeypatch.setattr(ProvenMinimum, "determined", nothing)
    for trial in range(12):
        rng = stream(5, "nearly equal columns", trial)
        X, y = two_gaussians(3, 1000, rng)
        W, _ = draw_weights(rng, 12, 4, 3.0)
        pattern = X @ W.T > 0
        decision = decide(X, y, pattern, "exists", margin="sign")
        cell = cell_of(prepare(X), y, pattern)
        leaf = decision.certificate.leaves[0]
        if not len(leaf.values) or not np.isfinite(leaf.bound):
            continue
        plain, finer = floating_bound(cell.enclosure, leaf), floating_bound(cell.finer_enclosure, leaf)
        exact = Fraction(str(cell.exact.leaf_bound(leaf))) / Fraction(2) ** cell.exponent
        assert abs(exact - Fraction(finer[0])) <= Fraction(finer[1])
        doubts.append((plain[1], finer[1]))
        with monkeypatch.context() as patched:
            patched.setattr("relucells.certify.rational.ExactCell.leaf_bound", None)
            if finer[1] <= 5e-7 * abs(finer[0]):
                assert verification_level(X, y, pattern, decision) == "proven"
    plain, finer = np.array(doubts).T
    assert len(doubts) >= 3 and np.median(plain / finer) > 20
    assert (finer < 5e-7).any()


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
