"""A free linear part F c: verdicts and margins against z3, and what the theory says of special cases."""

import warnings
from collections import Counter

import free_oracle
import naive
import numpy as np
import oracle
import pytest

from relucells import cell_minimum, decide, prepare, verification_level, verify
from relucells.samples.free_part import free_part
from relucells.samples.randomness import stream
from relucells.search import rational_program
from relucells.search.budget import Budget

# Weights from here on are too coarse, as floats, for a witness whose values are near 1.
COARSE = 1e12


def cell_and_free_part(n: int):
    rng = stream(77, "free", n)
    X, y, pattern = naive.random_cell(rng) if n % 3 else oracle.difficult_cell(rng)
    F = free_oracle.free_columns(rng, X)
    return X, y, pattern, F, ["exists", "positive", "uniform", rng.choice([-1, 1], pattern.shape[1])][n % 4]


def too_coarse(X, y, pattern, F, convention) -> bool:
    """Whether every witness has weights so large that floats cannot hold it."""
    for signs in oracle.allowed(convention, pattern.shape[1]):
        best = rational_program.maximise(
            prepare(X), y, pattern, np.array(signs), Budget(), inner=True, part=free_part(F, len(y))
        )
        if best.margin > 0 and np.abs(best.R).max() < COARSE:
            return False
    return True


def disagreement(n: int, margins: bool, seen: Counter | None = None) -> str | None:
    """What is wrong with the decision about cell n, if anything."""
    X, y, pattern, F, convention = cell_and_free_part(n)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # ranks that hinge on rounding are meant here
        found = decide(X, y, pattern, convention, margin="exact" if margins else "sign", free=F)
        minimum = cell_minimum(X, y, pattern, free=F)
    where = f"cell {n}, {convention}: {found.verdict} {found.margin} {found.level} {found.reason}"
    if found.reason == "precision":
        return None if too_coarse(X, y, pattern, F, convention) else where
    if found.verdict != free_oracle.verdict(X, y, pattern, F, convention):
        return f"verdict of {where}"
    if found.level != "proven" or verification_level(X, y, pattern, found, free=F) != "proven":
        return f"level of {where}"
    if not np.isclose(found.loss, minimum.loss, rtol=1e-7, atol=1e-12 * np.mean(y**2)):
        return f"loss of {where}: {minimum.loss}"
    if margins and found.exact and not free_oracle.margin_is(X, y, pattern, F, convention, found.margin):
        return f"margin of {where}"
    if seen is not None:
        seen[found.verdict if found.verdict == "genuine" else found.reason] += 1
    return None


@pytest.mark.parametrize("part", range(4))
def test_verdicts_and_margins_are_those_of_the_definition(part):
    seen: Counter = Counter()
    wrong = [what for n in range(part, 60, 4) if (what := disagreement(n, n % 3 == 0, seen))]
    assert not wrong, wrong
    assert len(seen) >= 2


@pytest.mark.campaign
def test_verdicts_of_400_cells_are_those_of_the_definition():
    seen: Counter = Counter()
    wrong = [what for n in range(60, 460) if (what := disagreement(n, n % 3 == 0, seen))]
    assert not wrong, wrong
    assert min(seen[kind] for kind in ("genuine", "sample", "samples", "multipliers", "conflicts")) > 0, seen


# Cases that the theory settles


@pytest.mark.parametrize("nothing", [None, "no columns", "zeros"])
def test_a_free_part_of_nothing_changes_nothing(nothing):
    for n in range(12):
        rng = stream(78, "nothing", n)
        X, y, pattern = naive.random_cell(rng)
        F = {None: None, "no columns": np.zeros((len(X), 0)), "zeros": np.zeros((len(X), 2))}[nothing]
        with_it, without = (decide(X, y, pattern, "exists", free=free) for free in (F, None))
        assert (with_it.verdict, with_it.margin, with_it.loss) == (
            without.verdict,
            without.margin,
            without.loss,
        )
        assert without.R is None or np.array_equal(with_it.R, without.R)
        assert verify(X, y, pattern, with_it, free=F)
        assert np.array_equal(cell_minimum(X, y, pattern, free=F).R, cell_minimum(X, y, pattern).R)


def test_with_independent_samples_and_a_bias_a_pair_decides():
    """p_i = y_i; sample 0 wants c < y_0, sample 1 wants c > y_1."""
    X, pattern = np.eye(2), np.eye(2, dtype=bool)
    for y, verdict in (((1.0, 0.0), "genuine"), ((0.0, 1.0), "none"), ((1.0, 1.0), "none")):
        found = decide(X, np.array(y), pattern, np.array([1, -1]), free=np.ones((2, 1)))
        assert (found.verdict, found.level) == (verdict, "proven"), (y, found)
    assert found.certificate.leaves[0].kind == "samples"
    for signs in ("positive", np.array([-1, -1])):  # a single sample refutes nothing: c may fit it
        assert decide(X, np.array([-1.0, -2.0]), pattern, signs, free=np.ones((2, 1))).verdict == "genuine"


def test_the_mean_label_of_dead_samples_must_lie_in_the_interval():
    """Independent samples with a bias: dead ones put c at their mean label, 3/2."""
    X, F = np.eye(4), np.ones((4, 1))
    pattern = np.array([[1, 0], [0, 1], [0, 0], [0, 0]], dtype=bool)
    for above, below, genuine in (
        (2.0, 1.0, True),
        (1.5, 1.0, False),
        (1.25, 1.0, False),
        (2.0, 1.75, False),
    ):
        y = np.array([above, below, 1.0, 2.0])
        found = decide(X, y, pattern, np.array([1, -1]), free=F)
        assert (found.verdict == "genuine") == genuine
        assert found.loss == pytest.approx(0.5 / 4) and found.level == "proven"


def test_with_a_skip_connection_and_independent_samples_every_cell_is_genuine():
    for n in range(20):
        rng = stream(79, "skip", n)
        N, K = int(rng.integers(1, 6)), int(rng.integers(1, 4))
        X, y = rng.standard_normal((N, N + 2)), rng.standard_normal(N) * 10.0 ** rng.integers(-5, 6)
        pattern = rng.random((N, K)) < 0.5
        for signs in ("positive", "exists", rng.choice([-1, 1], K)):
            found = decide(X, y, pattern, signs, free=X)
            assert (found.verdict, found.margin, found.loss) == ("genuine", 1.0, 0.0)
            assert verify(X, y, pattern, found, free=X)


def test_only_the_range_of_the_free_part_matters():
    for n in range(20):
        X, y, pattern, F, convention = cell_and_free_part(3 * n + 1)
        wide = np.column_stack([-4.0 * F[:, ::-1], np.zeros(len(F)), 0.5 * F])  # without rounding
        one, other = (decide(X, y, pattern, convention, free=free) for free in (F, wide))
        assert one.verdict == other.verdict and np.isclose(one.loss, other.loss, rtol=1e-7, atol=1e-14)
        assert one.margin == other.margin or np.isclose(one.margin, other.margin, rtol=1e-6)
        assert verify(X, y, pattern, one, free=wide) and verify(X, y, pattern, other, free=F)


def test_a_bias_is_a_neuron_without_half_spaces():
    """Labels moved by a constant change nothing but c."""
    for n in range(20):
        rng = stream(80, "moved", n)
        X, y, pattern = naive.random_cell(rng)
        y, ones = np.round(y, 3), np.ones((len(X), 1))
        one, other = (decide(X, labels, pattern, "exists", free=ones) for labels in (y, y + 0.5))
        assert one.verdict == other.verdict and np.isclose(one.loss, other.loss, atol=1e-9)


def test_limits_are_kept_with_a_free_part():
    rng = stream(81, "limits", 0)
    X = np.column_stack([rng.standard_normal((40, 4)), np.ones(40)])
    y, pattern = rng.standard_normal(40), X @ rng.standard_normal((8, 5)).T > 0
    found = decide(X, y, pattern, "exists", program_limit=0, free=np.ones((40, 1)))
    assert found.verdict in ("none", "undecided") and found.programs == 0


@pytest.mark.parametrize(
    "free",
    [
        np.ones(3),
        np.ones((2, 1)),
        np.full((3, 1), np.nan),
        [["a"]] * 3,
        np.ones((3, 1, 1)),
        np.ma.ones((3, 1)),
    ],
)
def test_a_bad_free_part_is_refused_by_name(free):
    X, y, pattern = np.eye(3), np.ones(3), np.eye(3, dtype=bool)
    for call in (
        lambda: decide(X, y, pattern, "exists", free=free),
        lambda: cell_minimum(X, y, pattern, free=free),
        lambda: verification_level(X, y, pattern, None, free=free),
    ):
        with pytest.raises(ValueError, match=r"^free: "):
            call()
