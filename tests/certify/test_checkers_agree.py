"""Both checkers, and decide, on cells on which one of them once refused the truth or raised."""

import warnings
from dataclasses import replace

import numpy as np
import pytest
from second_checker import check_certificate

from relucells import Certificate, Decision, Leaf, decide, export_certificate, verification_level
from relucells.samples.randomness import stream


@pytest.fixture
def both(tmp_path):
    """The words of both checkers about a decision."""

    def ask(X, y, pattern, decision, free=None) -> tuple[str, str]:
        X, y, pattern = np.array(X, dtype=float), np.array(y, dtype=float), np.array(pattern, dtype=bool)
        export_certificate(X, y, pattern, decision, tmp_path / "certificate.json", free=free)
        try:
            check_certificate.check(check_certificate.read(tmp_path / "certificate.json"))
            second = "proven"
        except check_certificate.Rejected as error:
            second = str(error)
        return verification_level(X, y, pattern, decision, free=free), second

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


ALIKE = [[0, 0, 1, 0], [0, 1, 0, 0], [0, 0, 1, 1], [1, 0, 0, 1], [0, 0, 1, 1], [0, 0, 1, 1], [1, 1, 0, 0]]
COLUMNS = [[3.0, 0], [0, -3], [2, 3], [-2, 3], [3, 1], [2, 2], [-3, -2]]
LABELS = [6.0, 0, 4, -2, 6, 4, -3] + 2.0**-49 * np.array([0, 1.5, 1.5, -7.5, 0.5, 1, 4])


@pytest.mark.parametrize("scale", [1.0, 2.0**-5, 2.0**-20, 2.0**-151, 2.0**300])
def test_values_far_below_the_labels_may_be_zero(both, scale):
    """A witness with a margin of 2^-52 of the labels, and inactive pairs that are exactly 0."""
    F = np.array([[-2.0], [-1], [2], [2], [-1], [1], [2]])
    for signs in ("exists", [-1, 1, 1, 1]):
        found = decide(COLUMNS, np.multiply(LABELS, scale), ALIKE, signs, free=F)
        assert found.verdict == "genuine"
        assert both(COLUMNS, np.multiply(LABELS, scale), ALIKE, found, F) == ("proven", "proven")


@pytest.mark.parametrize("with_free_part", [False, True])
def test_labels_of_zero_leave_room_for_unlike_signs(both, with_free_part):
    """R_1 = −R_2 along a line that two inactive samples allow: their values have to be exactly 0."""
    X, y, pattern = [[1.0, -3], [-1, 3], [2, 0]], np.zeros(3), [[0, 0], [0, 0], [1, 1]]
    F = np.array([[-1.0, 2], [-2, -1], [-2, 1]]) if with_free_part else None
    for signs in ("exists", [1, -1], [-1, 1]):
        for margin in ("exact", "sign"):
            found = decide(X, y, pattern, signs, margin=margin, free=F)
            assert found.verdict == "genuine" and found.margin == 1.0
            assert both(X, y, pattern, found, F) == ("proven", "proven")
    for signs in ("positive", [-1, -1]):
        found = decide(X, y, pattern, signs, free=F)
        assert found.verdict == "none" and both(X, y, pattern, found, F) == ("proven", "proven")


def test_rounded_multipliers_that_cancel_need_no_lambda(both):
    """Samples differ in length: what rounding leaves of their sum would ask for a λ of the wrong sign."""
    x = np.array([-65536.0, -0.000732421875, 12288.0, 8.0])[:, None]
    F = np.column_stack([np.ones(4), x])
    for margin in ("exact", "sign"):
        found = decide(x, [3.0, -1, -3, 2], [[1, 1], [0, 1], [1, 1], [1, 1]], "exists", free=F, margin=margin)
        assert found.verdict == "none"
        assert both(x, [3.0, -1, -3, 2], [[1, 1], [0, 1], [1, 1], [1, 1]], found, F) == ("proven", "proven")


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


def test_a_loss_within_the_doubt_of_an_enclosure_is_not_proven(both):
    """Time stamps and labels nearly on a line: the loss is small, and known to less than may be stated."""
    for n in range(12):
        rng = stream(31, "nearly on a line", n)
        N = int(rng.integers(3, 8))
        t = np.sort(rng.integers(0, 40, N)) / 2.0 ** int(rng.integers(5, 14))
        X, pattern = np.stack([2.0**31 + t, np.ones(N)], axis=1), np.ones((N, 1))
        y = 1 + rng.random() + rng.random() * t + rng.integers(-1, 2, N) * 2.0**-44
        found = decide(X, y, pattern, "positive")
        assert both(X, y, pattern, found) == ("proven", "proven")
        root, size = np.sqrt(found.loss), np.sqrt(np.mean(y**2))
        for part, wanted in ((0.5, True), (-0.5, True), (2.0, False), (100.0, False)):
            stated = root + part * (1e-9 * root + 1e-12 * size)
            if stated > 0:
                first, second = both(X, y, pattern, replace(found, loss=stated**2))
                assert (first == "proven", second == "proven") == (wanted, wanted), (n, part)


def test_the_loss_of_a_cell_in_several_scales_is_stated_right(both):
    X = [[1.661534994731145e35], [-9.353610478917787e49], [-8.307674973655724e34], [1.8707220957835574e50]]
    y = [7.276130722085716e-12, 0.7471725229953219, -1.4119841193055e-16, 0.3179505576778657]
    pattern = [[0, 0, 0, 1], [0, 1, 1, 0], [1, 0, 0, 1], [1, 0, 0, 1]]
    found = decide(X, y, pattern, "uniform")
    assert found.verdict != "undecided" and both(X, y, pattern, found) == ("proven", "proven")


EPS = 2.0**-50
WITH_FREE_PART = {
    "a free part that is everything, inactive pairs on their hyperplane": (
        [[-0.6, 1.5], [0.4, 3.0], [2.8, -0.8]],
        [2.0, 4.0, -2.133333333333333],
        [[1, 1, 0, 0], [1, 1, 0, 0], [1, 1, 1, 1]],
        "positive",
    ),
    "the same with four samples on a line": (
        [[100663296.0, 0, 48], [805306368, 0.00390625, 98304], [0, 0, 0], [-536870912, 0, -6291456]],
        [0.18482408660661143, -0.7048839790630123, -0.25046569479932845, 0.2585584523466386],
        [[0, 0], [0, 0], [0, 0], [1, 1]],
        "exists",
    ),
    "equal columns beside nearly equal ones": (
        [
            [-1 + 2 * EPS, -1 + 2 * EPS, -1.0],
            [-1 + 2 * EPS, -1 + 2 * EPS, -1 + 2 * EPS],
            [-2 + 2 * EPS, -2 + 2 * EPS, -2 - 2 * EPS],
            [2 + 2 * EPS, 2 + 2 * EPS, 2.0],
        ],
        [-4 * EPS, 0.0, -8 * EPS, 3 + 2 * EPS],
        [[1, 1, 0], [1, 1, 0], [1, 1, 0], [0, 0, 1]],
        "uniform",
    ),
}


@pytest.mark.parametrize("name", WITH_FREE_PART)
def test_witnesses_beside_a_skip_connection_and_a_bias(name, both):
    X, y, pattern, convention = WITH_FREE_PART[name]
    free = np.column_stack([X, np.ones(len(X))])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = decide(X, y, pattern, convention, free=free)
    assert found.verdict == "genuine" and both(X, y, pattern, found, free) == ("proven", "proven")


def test_the_free_part_moves_before_the_witness_where_columns_are_wide(both):
    X = [[-2.2987433112988333e54, 4.611686018427388e18], [3.533694129556769e72, -6.044629098073146e23]]
    X += [[-5.78960446186581e76, -1.1333679558887149e23]]
    y = [1.039310480330144e109, 3.4669887135465243e127, 2.6176026547233193e131]
    pattern, free = [[1, 1, 0, 0], [0, 0, 1, 1], [1, 1, 0, 0]], np.ones((3, 1))
    found = decide(X, y, pattern, [1, -1, -1, -1], free=free)
    assert found.verdict == "genuine" and both(X, y, pattern, found, free) == ("proven", "proven")


def test_rounded_inactive_values_beside_a_free_part_that_is_everything(both):
    """Values of tenths that are 0 but for rounding."""
    seen = 0
    for n in range(25):
        rng = stream(32, "tenths", n)
        X, W = rng.integers(-9, 10, (4, 2)) / 10.0, rng.integers(-9, 10, (3, 2)) / 10.0
        pattern, y = X @ W.T > 0, rng.normal(size=4)
        found = decide(X, y, pattern, "exists", free=np.eye(4))
        if found.verdict == "genuine":
            seen += 1
            assert both(X, y, pattern, found, np.eye(4)) == ("proven", "proven")
    assert seen > 15


E = 2.0**-51
SMALL_MARGINS = {
    "a margin of 1e-29 beside weights of 8": (
        [[-2 - 4 * E, 2 - 4 * E], [1, -2], [2, -2], [1, -2], [1, -2], [-2 * E, -2 - 4 * E], [-1 + 2 * E, 1]],
        [0, -8 + 16 * E, 0, -8 + 16 * E, -8 + 16 * E, -16, 0],
        [[0, 0, 0], [1, 1, 0], [1, 1, 1], [1, 1, 0], [1, 1, 0], [1, 1, 0], [0, 0, 0]],
        None,
    ),
    "columns from 2^18 to 2^-11 beside a free part": (
        [
            [-131072.0, 256 + 2.0**-42, -0.00048828124999999957],
            [-262144.0, -256 - 2.0**-42, 0.00048828125],
            [-262144 - 2.0**-33, 2.0**-41, -(2.0**-60)],
        ],
        [32703.999877929673, 0, 0],
        [[1], [0], [0]],
        [[0.25827656394660714], [-0.30668547942774], [0.45012717670053654]],
    ),
}


@pytest.mark.parametrize("name", SMALL_MARGINS)
def test_witnesses_move_in_proportion_to_their_weights(name, both):
    """The nearest minimiser moves all weights alike, by more than the small ones are worth."""
    X, y, pattern, free = SMALL_MARGINS[name]
    free = None if free is None else np.array(free)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = decide(X, y, pattern, "exists", free=free)
    assert found.verdict == "genuine" and both(X, y, pattern, found, free) == ("proven", "proven")
    for forged in (replace(found, margin=4 * found.margin), replace(found, R=-found.R)):
        assert "proven" not in both(X, y, pattern, forged, free)


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


def test_columns_with_a_common_power_of_two(both):
    """The least change of R is one in columns of like size, whatever their unit."""
    X, y = [[0, 1], [0, 0], [-(2.0**343), 0]], [0, 2.0**-160, 0]
    F = np.array([[-(2.0**320), 2.0**320], [0, 2.0**66], [-5 * 2.0**230, -(2.0**230)]])
    pattern = [[1], [0], [1]]
    for margin in ("exact", "sign"):
        found = decide(X, y, pattern, "exists", free=F, margin=margin)
        assert found.verdict == "genuine" and found.margin == pytest.approx(1.0)
        assert both(X, y, pattern, found, F) == ("proven", "proven")


def test_another_minimiser_near_a_witness_may_have_the_margin(both):
    """The least change leaves 1.5e-6 too little; one in proportion to the weights leaves enough."""
    X = [[2, -0.75, 0], [0, -0.75, 8], [4, 0, 16], [3, 0.25, -12]]
    y = [5.000001788139343, 22.999998450279236, 24.000000953674316, 0]
    pattern, signs = [[1, 0, 0], [1, 1, 1], [1, 1, 0], [0, 0, 0]], np.ones(3, np.int8)
    R = np.array([[-2.0, -12, 1], [0, 4, 1], [-3, 4, 0.5]])
    witness = Decision("genuine", 1.0, R, signs, 0.0, "given", given=signs)
    assert both(X, y, pattern, witness) == ("proven", "proven")


@pytest.mark.parametrize("n", [1000, 1900])
def test_values_of_many_digits_are_refused(both, n):
    """Short numbers in R and its rest may make values of thousands of digits, for every sample and neuron."""
    X, pattern = 2.0 ** -(np.arange(n) % 500)[:, None], np.ones((n, n))
    rest = (2.0**-1000 * (1 + 2.0**-52 * np.arange(1, n + 1)))[None, :, None]
    signs, R = np.ones(n, np.int8), np.ones((n, 1))
    claim = Decision("genuine", 2.0**-499, R, signs, 0.0, "positive", exact=False, rest=rest)
    assert both(X, n * X[:, 0], pattern, claim) == ("rejected", "the witness's values have too many digits")
