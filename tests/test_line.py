"""Section III against drawn samples, plain linear algebra, 50-digit arithmetic and brute force."""

from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from relucells import line as g
from relucells.samples.randomness import stream

ARRANGEMENTS = {
    "two weights": ([0.7, 0.0], [1, -1]),
    "figure 3b": ([-0.05, 0.0, 0.05, 0.1], [-1, -1, 1, 1]),
    "overlapping": ([-0.4, 0.3, 1.1, -1.0, 0.2], [1, -1, -1, 1, 1]),
    "all mirrored": ([-1.0, 0.5, 2.0], [-1, -1, -1]),
    "one": ([0.3], [1]),
}
SIGMAS = 5  # of a Monte Carlo mean's standard error; the seeds are fixed, so a pass stays a pass


@pytest.fixture(params=ARRANGEMENTS.values(), ids=ARRANGEMENTS.keys())
def arrangement(request):
    return request.param


@pytest.fixture(scope="module")
def drawn():
    return g.draw(400_000, stream(1, "samples"))


def within(values, expected):
    """Whether the mean over the first axis is within the Monte Carlo error of ``expected``."""
    variance = values.var(axis=0)
    if values.dtype == bool:  # of rare events perhaps none was drawn
        variance = expected * (1 - expected)
    error = np.sqrt(variance / len(values))
    return np.all(np.abs(values.mean(axis=0) - expected) <= SIGMAS * error + 1e-12)


def activations(x, locations, normals):
    return (x[:, None] - locations) * normals > 0


# ---- eqs. (11)–(16) ----


def test_normal_equations_are_the_means_over_drawn_samples(arrangement, drawn):
    (x, y), (locations, normals) = drawn, arrangement
    F, f = g.normal_equations(locations, normals)
    active = activations(x, locations, normals)
    # With equal priors P+ + P- is twice the share of all samples.
    assert within(2.0 * active[:, :, None] * active[:, None, :], F)  # eq. (15)
    assert within(2.0 * active * (active.sum(axis=1) * x - y)[:, None], f)  # eq. (16)


@pytest.mark.parametrize("h", [0.0, 0.7, 2.0])
def test_two_weights_have_the_printed_solution(h, drawn):
    """Eq. (13): F is diagonal; eq. (14): each h* from its own region, also on drawn samples."""
    locations, normals = [h, -0.2], [1, -1]
    F, _ = g.normal_equations(locations, normals)
    cut = g.regions(locations, normals)
    assert F[0, 1] == F[1, 0] == 0
    best = g.optimal_locations(locations, normals)
    for weight, region in ((0, 2), (1, 0)):
        P, mean = np.exp(cut.log_probability[:, region]), cut.mean[:, region]
        printed = (P @ mean - P[0] + P[1]) / P.sum()
        assert F[weight, weight] == pytest.approx(P.sum(), rel=1e-14)
        assert best[weight] == pytest.approx(printed, abs=1e-13)
        x, y = drawn
        active = activations(x, locations, normals)[:, weight]
        assert within((x - y)[active], best[weight])


@given(st.integers(0, 2**32 - 1), st.integers(1, 8))
@settings(max_examples=60)
def test_closed_form_solves_the_normal_equations(seed, K):
    rng = np.random.default_rng(seed)
    locations, normals = rng.uniform(-2.5, 2.5, K), rng.choice([-1, 1], K)
    F, f = g.normal_equations(locations, normals)
    best = g.optimal_locations(locations, normals)
    scale = np.abs(F) @ np.abs(best) + np.abs(f)
    np.testing.assert_array_less(np.abs(F @ best - f), 1e-12 * scale)
    if np.linalg.cond(F) < 1e5:
        np.testing.assert_allclose(best, np.linalg.solve(F, f), rtol=1e-9, atol=1e-9)


@given(st.integers(0, 2**32 - 1), st.integers(1, 8))
@settings(max_examples=40)
def test_mirroring_and_reordering_change_nothing(seed, K):
    rng = np.random.default_rng(seed)
    locations, normals = rng.uniform(-4, 4, K), rng.choice([-1, 1], K)
    best = g.optimal_locations(locations, normals)
    order = rng.permutation(K)
    np.testing.assert_array_equal(g.optimal_locations(locations[order], normals[order]), best[order])
    np.testing.assert_allclose(g.optimal_locations(-locations, -normals), -best, rtol=1e-9, atol=1e-9)


def test_many_sets_of_weights_at_once_are_as_each_alone():
    """Weights that meet, with one normal or two, beside others that do not."""
    rng = np.random.default_rng(5)
    normals = np.array([-1, 1, 1, -1, 1])
    many = np.round(rng.uniform(-2, 2, (6, 7, 5)), 1)
    many[0, :, 1] = many[0, :, 2]
    many[1, :, 1] = many[1, :, 0]
    many[2, :, 2:] = many[2, :, :1]
    for function in (g.optimal_locations, g.gaps, g.expected_loss):
        alone = [[function(locations, normals) for locations in row] for row in many]
        np.testing.assert_array_equal(function(many, normals), alone)
    F, f = g.normal_equations(many, normals)
    for at in np.ndindex(many.shape[:-1]):
        np.testing.assert_array_equal(F[at], g.normal_equations(many[at], normals)[0])
        np.testing.assert_array_equal(f[at], g.normal_equations(many[at], normals)[1])


def fifty_digits(locations, normals, N):
    """F h = f, eqs. (11), (15), (16), by elimination in long arithmetic; h* and log P_t, (17), (18)."""
    mp = pytest.importorskip("mpmath", reason="mpmath comes with torch; without it no long arithmetic")
    K = len(locations)
    with mp.workdps(100):  # elimination loses up to 50 of them
        h = [mp.mpf(float(value)) for value in locations]
        edges = sorted(h)
        inside = [edges[0] - 1, *((a + b) / 2 for a, b in pairwise(edges)), edges[-1] + 1]
        F, f = mp.matrix(K, K), mp.matrix(K, 1)
        for j, middle in enumerate(inside):
            active = [k for k in range(K) if (middle - h[k]) * int(normals[k]) > 0]
            P, Px, Py = mp.mpf(0), mp.mpf(0), mp.mpf(0)
            for mu in (1, -1):
                a = (0, 0) if j == 0 else (mp.ncdf(edges[j - 1] - mu), mp.npdf(edges[j - 1] - mu))
                b = (1, 0) if j == K else (mp.ncdf(edges[j] - mu), mp.npdf(edges[j] - mu))
                P, Px, Py = P + b[0] - a[0], Px + mu * (b[0] - a[0]) + a[1] - b[1], Py + mu * (b[0] - a[0])
            for l in active:
                f[l] += len(active) * Px - Py
                for k in active:
                    F[l, k] += P
        best = mp.lu_solve(F, f)
        free = []
        for k in range(K):
            low, high = sorted([h[k], best[k]])
            free.append(mp.fsum(mp.ncdf(low - mu) + mp.ncdf(mu - high) for mu in (1, -1)) / 2)
        return np.array([float(value) for value in best]), float(N * mp.log(min(free)))


@pytest.mark.parametrize("shift", [-6.0, -1.37, 2.5])
def test_long_arithmetic_agrees_where_double_precision_cannot_solve(shift):
    """60 weights as in Figure 3c; at -6 F has condition number 1e17 and numeric rank 49."""
    locations, normals = np.linspace(-3, 3, 60) + shift, np.repeat([-1, 1], 30)
    best, log_P_t = fifty_digits(locations, normals, 100)
    assert np.abs(g.optimal_locations(locations, normals) - best).max() < 1e-9
    ours = g.log_probability_free(g.gaps(locations, normals), 100).min()
    assert ours == pytest.approx(log_P_t, rel=1e-9)


def test_weights_with_one_location_and_normal_share_their_sum():
    locations, normals = [0.5, 0.5, -0.3, 0.5], [1, 1, -1, -1]
    best = g.optimal_locations(locations, normals)
    F, f = g.normal_equations(locations, normals)
    assert np.linalg.matrix_rank(F) == 3
    np.testing.assert_allclose(best, np.linalg.pinv(F) @ f, atol=1e-12)
    assert best[0] == best[1]


@pytest.mark.parametrize("step", [1e-7, -1e-7])
def test_crossing_a_weight_of_the_opposite_normal_is_continuous(step):
    at = g.optimal_locations([0.2, 0.2, -0.5], [1, -1, 1])
    near = g.optimal_locations([0.2 + step, 0.2, -0.5], [1, -1, 1])
    np.testing.assert_allclose(near, at, atol=1e-5)


# ---- the loss ----


def test_expected_loss_is_the_mean_over_drawn_samples(arrangement, drawn):
    (x, y), (locations, normals) = drawn, arrangement
    losses = (g.output(x, locations, normals) - y) ** 2
    assert within(losses, g.expected_loss(locations, normals))
    assert g.empirical_loss(x, y, locations, normals) == pytest.approx(losses.mean(), rel=1e-12)


def test_normal_equations_are_the_gradient_of_the_expected_loss(arrangement):
    locations, normals = np.array(arrangement[0]), arrangement[1]
    F, f = g.normal_equations(locations, normals)
    for k, direction in enumerate(np.eye(len(locations)) * 1e-5):
        rise = g.expected_loss(locations + direction, normals) - g.expected_loss(
            locations - direction, normals
        )
        assert rise / 2e-5 == pytest.approx((F @ locations - f)[k], abs=1e-7)


@pytest.mark.parametrize("trial", range(20))
def test_line_minima_are_those_of_the_loss_on_a_fine_grid(trial):
    rng = stream(2, "line", trial)
    x, y = g.draw(12, rng)
    y = y + 0.3 * rng.normal(size=12)
    at = np.sort(np.concatenate([np.arange(x.min() - 4, x.max() + 0.2, 2e-4), x]))
    loss = np.mean((np.maximum(x[:, None] - at, 0) - y[:, None]) ** 2, axis=0)
    lowest = at[1:-1][(loss[1:-1] < loss[:-2]) & (loss[1:-1] < loss[2:])]
    found = g.line_minima(x, y)
    np.testing.assert_allclose(np.sort(np.concatenate([found.smooth, found.kinks])), lowest, atol=4e-4)
    assert np.isin(found.kinks, x).all()
    assert not np.isin(found.smooth, x).any()


@pytest.mark.parametrize("trial", range(30))
def test_line_minima_against_exact_derivatives(trial):
    """Integers over 10 and repeated samples: derivatives that vanish exactly, or miss it by rounding."""
    rng = stream(2, "exact line", trial)
    x, y = rng.integers(-4, 5, 8) / 10, rng.integers(-3, 4, 8) / 10

    def derivative(h: Fraction, active) -> Fraction:
        return sum(
            (h - Fraction(a) + Fraction(b) for a, b in zip(x[active], y[active], strict=True)), Fraction(0)
        )

    kinks, smooth, places = [], [], sorted(set(x.tolist()))
    for low, place in zip([None, *places], places, strict=False):
        left, right = (derivative(Fraction(place), active) for active in (x >= place, x > place))
        if left <= 0 <= right and place < x.max():  # a vanishing derivative: the loss rises on that side too
            (kinks if left < right else smooth).append(place)
        if left > 0 and (low is None or derivative(Fraction(low), x >= place) < 0):
            smooth.append(np.mean((x - y)[x >= place]))
    found = g.line_minima(x, y)
    assert found.kinks.tolist() == kinks
    np.testing.assert_allclose(found.smooth, np.sort(smooth), atol=1e-12)


def test_a_side_on_which_the_derivative_vanishes_rises_too():
    found = g.line_minima([1.0, 0.0], [2.0, -1.0])
    assert found.kinks.tolist() == [0.0]
    assert not len(found.smooth)
    found = g.line_minima([2.0, 0.0, -2.0], [2.0, 0.0, -9.0])  # the sample at 0 does not bend the loss
    assert 0.0 in found.smooth


@pytest.mark.parametrize("label", [-0.3, -0.1, -1e-17, 0.0, 0.7])
def test_the_last_sample_begins_the_plateau_and_is_not_listed(label):
    for place in (0.1, 0.7, 1.3, 1e8 + 0.1):
        found = g.line_minima([place, place - 1.0], [label, 5.0])
        assert place not in found.kinks.tolist()


@pytest.mark.parametrize("trial", range(5))
def test_genuine_on_a_line_is_conditions_7_for_the_own_minimum(trial):
    x, y = g.draw(15, stream(3, "genuine", trial))
    locations = np.linspace(-3, 4, 200)
    found = g.line_is_genuine(x, y, locations)
    for h, genuine in zip(locations, found, strict=True):
        active = x > h
        best = np.mean((x - y)[active]) if active.any() else h
        assert genuine == (np.all(x[active] > best) and np.all(x[~active] <= best))
    assert found.any()
    assert not found.all()


# ---- eqs. (17)–(20) ----


def test_gap_probability_is_the_share_of_drawn_samples(arrangement, drawn):
    x, gaps = drawn[0], g.gaps(*arrangement)
    inside = (x[:, None] > gaps[:, 0]) & (x[:, None] < gaps[:, 1])
    assert within(inside, np.exp(g.log_probability_within(*gaps.T)))  # eq. (20)
    assert within(~inside, np.exp(g.log_probability_free(gaps, 1)))
    assert within(~inside.any(axis=1), np.exp(g.log_probability_all_free(gaps, 1)))


def test_no_sample_in_any_gap_on_drawn_sets_beside_the_largest_gap_alone():
    """Eqs. (17) and (18) take the largest gap for all of them: here 0.59 for 0.33."""
    N, gaps = 8, g.gaps([0.3, -0.3], [1, -1])
    x = g.draw(N * 50_000, stream(4, "sets"))[0].reshape(-1, N, 1)
    free = ~((x > gaps[:, 0]) & (x < gaps[:, 1])).any(axis=(1, 2))
    exact = g.log_probability_all_free(gaps, N)
    assert within(free, np.exp(exact))
    assert not within(free, np.exp(g.log_probability_free(gaps, N).min()))


def test_gaps_that_overlap_or_touch_count_once():
    gaps = [[0.0, 1.0], [0.5, 2.0], [-3.0, -2.0], [0.6, 0.7], [2.0, 2.5], [-1.0, -1.0]]
    inside = np.exp(g.log_probability_within([0.0, -3.0], [2.5, -2.0])).sum()
    assert g.log_probability_all_free(gaps, 7) == pytest.approx(7 * np.log1p(-inside), rel=1e-13)
    assert g.log_probability_all_free(gaps[:1], 7) == pytest.approx(
        float(g.log_probability_free(gaps[0], 7)), rel=1e-13
    )


def test_tails_are_not_lost_to_rounding():
    from scipy.special import log_ndtr

    far = g.log_probability_within(20.0, np.inf)
    assert far == pytest.approx(np.logaddexp(log_ndtr(-19), log_ndtr(-21)) - np.log(2), rel=1e-14)
    assert g.log_probability_within(-30.0, -20.0) == pytest.approx(far, rel=1e-14)
    assert g.log_probability_free([-20.0, 20.0], 3) == pytest.approx(3 * (far + np.log(2)), rel=1e-14)
    assert g.log_probability_within(1.0, 1.0) == -np.inf
    assert g.log_probability_free([1.0, 1.0], 100) == 0
    narrow = np.exp(g.log_probability_within(9.0, 9.0 + 1e-6))
    density = np.exp(-(8.0**2) / 2) / np.sqrt(2 * np.pi) / 2
    assert narrow == pytest.approx(density * 1e-6, rel=1e-5)


def test_claims_about_figure_2():
    """The peak lies at the minimum of the expected loss; far out P_t goes to 1; the maximum over both
    gaps (18) would stay below 1e-5."""
    from scipy.optimize import minimize_scalar

    grid = np.arange(0, 600) / 100
    gaps = np.array([g.gaps([h, 0.0], [1, -1]) for h in grid])
    log_P = g.log_probability_free(gaps, 100)
    lowest = minimize_scalar(
        lambda h: g.expected_loss([h, 0.0], [1, -1]), bounds=(0, 2), method="bounded", options={"xatol": 1e-9}
    ).x
    near = grid < 3
    assert abs(grid[near][np.argmax(log_P[near, 0])] - lowest) <= 0.01
    at_lowest = g.gaps([lowest, 0.0], [1, -1])[0]
    assert np.exp(g.log_probability_free(at_lowest, 100)) == pytest.approx(1, abs=1e-4)
    assert np.exp(g.log_probability_free(g.gaps([9.0, 0.0], [1, -1])[0], 100)) > 0.999999
    assert np.exp(log_P.min(axis=1)).max() < 1e-5


# ---- arguments ----


@pytest.mark.parametrize(
    ("locations", "normals", "message"),
    [
        ([0.0, np.nan], [1, -1], "^locations: must be finite"),
        ([], [], "^locations: must not be empty"),
        ([0.0, 1.0], [1], "^normals: must have one entry per location, 2, not 1"),
        ([0.0, 1.0], [1, 0], "^normals: must hold only 1 and -1"),
        ([[0.0]], [[1]], "^normals: must have 1 dimensions"),
        ([[0.0, 1.0], [0.0, 2.0]], [1], "^normals: must have one entry per location, 2, not 1"),
    ],
)
def test_bad_arguments_are_named(locations, normals, message):
    with pytest.raises(ValueError, match=message):
        g.optimal_locations(locations, normals)


@pytest.mark.parametrize("power", [0, -1, -100])
def test_line_minima_of_numbers_whose_sums_overflow(power):
    """Scaled by a power of two, which is exact, the same minimum."""
    x, y = np.array([1.5e308, 1.5e308, -1e308]), np.array([1e307, 1e307, 0.0])
    scaled = np.ldexp(x, power), np.ldexp(y, power)
    found = g.line_minima(*scaled)
    np.testing.assert_allclose(found.smooth, [np.ldexp(1.4e308, power)], rtol=1e-15)
    assert not len(found.kinks) and g.line_is_genuine(*scaled, [0.0]).all()


def test_line_minima_of_equal_samples_at_the_end_of_the_floats():
    x = [1.7e308, 1.7e308, -1.7e308, -1.7e308]
    found = g.line_minima(x, [0.0, 0, 1.7e308, 1.7e308])
    same = g.line_minima(np.ldexp(x, -9), np.ldexp([0.0, 0, 1.7e308, 1.7e308], -9))
    np.testing.assert_array_equal(np.ldexp(found.smooth, -9), same.smooth)
    np.testing.assert_array_equal(np.ldexp(found.kinks, -9), same.kinks)
