"""Cell diameters and cell counts against the definition, chords computed by hand, and exact enumeration."""

import itertools
import math

import numpy as np
import pytest
from count_cells import enumerated

from relucells.cells.diameter import cell_diameter, cell_diameters, count_cells, count_cones, enumerate_cells


def by_loops(X, w, directions):
    """The paper's words, one number at a time."""
    longest = 0.0
    for delta in directions:
        length = math.sqrt(sum(c * c for c in delta))
        hits = []
        for x in X:
            along = sum(a * b for a, b in zip(delta, x, strict=True)) / length
            if along != 0:
                hits.append(-sum(a * b for a, b in zip(w, x, strict=True)) / along)
        ahead = [s for s in hits if s >= 0]
        behind = [-s for s in hits if s < 0]
        if not ahead or not behind:
            return math.inf
        longest = max(longest, min(ahead) + min(behind))
    return longest


def test_chords_in_the_plane_computed_by_hand():
    # Hyperplanes: both axes. From (3, 4) along (1, −1): the axis y = 0 after 4 steps of √2, x = 0 after −3.
    X, w = [[1.0, 0.0], [0.0, 1.0]], [3.0, 4.0]
    assert cell_diameter(X, w, [[1, -1]]) == pytest.approx(7 * math.sqrt(2))
    # The length of a direction is of no account, nor is its sign or the length of a sample.
    assert cell_diameter(X, w, [[-5, 5]]) == pytest.approx(7 * math.sqrt(2))
    assert cell_diameter([[9, 0], [0, -0.1]], w, [[1, -1]]) == pytest.approx(7 * math.sqrt(2))
    # Along (2, −1): y = 0 after 4 units of (2, −1), x = 0 after 3/2 backwards: 11/2 times √5.
    assert cell_diameter(X, w, [[1, -1], [2, -1]]) == pytest.approx(5.5 * math.sqrt(5))
    assert cell_diameter(X, w, [[1, -1], [1, 1]]) == math.inf  # (1, 1) meets both behind, none ahead
    assert cell_diameter(X, w, [[1, 0]]) == math.inf  # parallel to one, and the other is met behind


@pytest.mark.parametrize("positive", [False, True], ids=["around the origin", "one orthant"])
def test_fast_forms_equal_the_loops(rng, positive):
    opened = 0
    for N, D, M in [(1, 1, 3), (7, 2, 5), (30, 3, 20), (60, 5, 40), (300, 4, 12)]:
        X = rng.standard_normal((N, D))
        X = np.abs(X) if positive else X
        W, directions = rng.standard_normal((4, D)), rng.standard_normal((M, D))
        expected = [by_loops(X, w, directions) for w in W]
        opened += np.isinf(expected).sum()
        np.testing.assert_allclose([cell_diameter(X, w, directions) for w in W], expected, rtol=1e-9)
        np.testing.assert_allclose(cell_diameters(X, W, directions), expected, rtol=1e-9)
    assert opened > 0


@pytest.mark.parametrize("size", [1e-150, 1.0, 1e150])
def test_bounds_in_single_precision_lose_no_chord(rng, size):
    """Samples for all rounds, directions for several strips, long chords, open cells, numbers of any size."""
    X = np.column_stack([rng.uniform(0, 1, (150, 8)), np.ones(150)])
    W, directions = rng.uniform(-0.5, 0.5, (30, 9)), rng.standard_normal((1300, 9))
    W[:3] *= 1e3
    X[7] *= 1e-3  # the length of a sample is of no account
    expected = np.array([cell_diameter(X, w, directions) for w in W])
    assert np.isinf(expected).any() and np.isfinite(expected).sum() > 10
    found = cell_diameters(X * size, W * size, directions / size)
    np.testing.assert_allclose(found, size * expected, rtol=1e-10)


def test_the_samples_that_end_a_chord_are_told_apart_in_double_precision(rng):
    X = np.column_stack([rng.uniform(0, 1, (60, 400)), np.ones(60)])
    X = np.vstack([X, X * (1 + 1e-12 * rng.standard_normal(X.shape))])  # pairs that it cannot tell apart
    W, directions = rng.uniform(-0.5, 0.5, (40, 401)), rng.standard_normal((700, 401))
    expected = np.array([cell_diameter(X, w, directions) for w in W])
    assert np.isfinite(expected).sum() > 20
    np.testing.assert_allclose(cell_diameters(X, W, directions), expected, rtol=1e-9)


def test_pixels_that_no_sample_uses_lengthen_directions_and_nothing_else(rng):
    X = np.column_stack([rng.standard_normal((40, 2)), np.zeros(40), np.ones(40), np.zeros(40)])
    W, directions = rng.standard_normal((5, 5)), rng.standard_normal((30, 5))
    expected = [cell_diameter(X, w, directions) for w in W]
    np.testing.assert_allclose(cell_diameters(X, W, directions), expected, rtol=1e-10)
    seen = cell_diameters(X[:, [0, 1, 3]], W[:, [0, 1, 3]], directions[:, [0, 1, 3]])
    assert (seen < expected).all()  # its directions are shorter before they are scaled
    directions[7, [0, 1, 3]] = 0.0
    assert np.isinf(cell_diameters(X, W, directions)).all()


def test_a_chord_beyond_single_precision_is_found():
    """Hyperplanes that one direction all but misses: the chord is 1e60 times the distance to the nearest."""
    X = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, -1.0, 1e-60], [0.0, 1.0, 1e-60]]
    w = [1.0, 2.0, 0.0]
    directions = [[1.0, -1.0, 0.0], [1e-70, 0.0, 1.0]]
    expected = cell_diameter(X, w, directions)
    assert 1e58 < expected < np.inf
    assert cell_diameters(X, [w], directions)[0] == pytest.approx(expected)


def test_scaling_the_weight_scales_the_diameter(rng):
    X, w, directions = rng.standard_normal((40, 3)), rng.standard_normal(3), rng.standard_normal((20, 3))
    diameter = cell_diameter(X, w, directions)
    assert np.isfinite(diameter)
    assert cell_diameter(X, 7 * w, directions) == pytest.approx(7 * diameter)
    assert cell_diameter(X * rng.uniform(1, 9, (40, 1)), w, directions) == pytest.approx(diameter)
    assert cell_diameter(rng.permutation(X), w, rng.permutation(directions)) == pytest.approx(diameter)


def test_lengths_of_raw_directions_divide_the_chord():
    X, W = [[1.0, 0.0], [0.0, 1.0]], [[3.0, 4.0]]
    assert cell_diameters(X, W, [[2, -2]], normalise=False)[0] == pytest.approx(3.5)


@pytest.mark.parametrize(
    ("X", "w", "directions", "message"),
    [
        ([[1.0, 1.0]], [1.0, -1.0], [[1.0, 0.0]], "w: lies on the hyperplane of sample 0"),
        (
            [[1.0, 1.0, 1.0]],
            [0.1, 0.2, -0.3],
            [[1.0, 0.0, 0.0]],
            "w: lies on the hyperplane",
        ),  # up to rounding
        ([[1.0, 1.0]], [1.0, 1.0], [[1.0, 0.0], [0.0, 0.0]], "directions: row 1 is zero"),
        ([[1.0, 1.0], [0.0, 0.0]], [1.0, 1.0], [[1.0, 0.0]], "X: row 1 is zero and has no hyperplane"),
        ([[1.0, 1.0]], [1.0, 1.0, 1.0], [[1.0, 0.0]], "w: must have one column"),
        ([[1.0, 1.0]], [1.0, 1.0], [[1.0]], "directions: must have one column"),
        ([[1.0, 1.0]], [1.0, np.nan], [[1.0, 0.0]], "w: must be finite"),
    ],
)
def test_bad_arguments_are_named(X, w, directions, message):
    with pytest.raises(ValueError, match=rf"^{message}"):
        cell_diameter(X, w, directions)


def test_a_weight_on_a_hyperplane_is_named_by_its_row():
    with pytest.raises(ValueError, match=r"^W: row 1: lies on the hyperplane of sample 0"):
        cell_diameters([[1.0, 1.0]], [[1.0, 1.0], [1.0, -1.0]], [[1.0, 0.0]])


@pytest.mark.parametrize("power", [-1000, -300, 300, 1023])
def test_numbers_of_extreme_size_make_the_same_chord(power):
    """By powers of two, so that nothing is rounded."""
    X, w = np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]]), np.array([3.0, 4.0])
    directions = np.array([[1.0, -1.0]])
    chord, weights = 7 * math.sqrt(2), min(power, 1019)  # beyond, the chord is too long for a float
    for diameter in (cell_diameter, lambda X, w, d: cell_diameters(X, w[None], d)[0]):
        assert diameter(np.ldexp(X, power), w, directions) == pytest.approx(chord)
        assert diameter(X, w, np.ldexp(directions, power)) == pytest.approx(chord)
        assert np.ldexp(diameter(X, np.ldexp(w, weights), directions), -weights) == pytest.approx(chord)
        assert diameter(np.ldexp(X, power), np.ldexp(w, -power), directions) == pytest.approx(
            math.ldexp(chord, -power)
        )


def test_counts_by_formula():
    assert count_cells(3, 2) == 7  # three lines in the plane
    assert count_cells(4, 3) == 15
    assert count_cones(3, 2) == 6  # three lines through the origin
    # Section VI prints 1.9e13 cells for 1,000 samples in d = 10; those are the cells of 100 samples.
    assert f"{count_cells(100, 10):.1e}" == "1.9e+13"
    assert f"{count_cells(1000, 10):.1e}" == "2.7e+23"
    for N, d in itertools.product(range(1, 12), range(1, 6)):
        assert count_cones(N, d + 1) - count_cells(N, d) == math.comb(N - 1, d)
    with pytest.raises(ValueError, match=r"^N, d: "):
        count_cells(-1, 2)


@pytest.mark.parametrize(("N", "d"), [(1, 1), (4, 1), (5, 2), (7, 2), (6, 3)])
def test_enumerated_arrangements_have_as_many_cells(N, d):
    assert enumerated(0, N, d) == (count_cells(N, d), count_cones(N, d + 1))


def test_enumerated_patterns_are_those_that_weights_can_have(rng):
    X = rng.integers(-5, 6, (7, 3)).astype(float)  # not in general position: some samples share planes
    X[5] = 2 * X[4]
    X = X[X.any(axis=1)]
    cells = {pattern.tobytes() for pattern in enumerate_cells(X)}
    drawn = rng.standard_normal((100_000, 3))
    assert {pattern.tobytes() for pattern in drawn @ X.T > 0} == cells
    assert len(cells) < count_cones(len(X), 3)


def test_enumeration_agrees_with_linear_programs(rng):
    from scipy.optimize import linprog

    X = rng.standard_normal((6, 3))
    realisable = 0
    for signs in itertools.product([-1.0, 1.0], repeat=6):
        # Largest t ≤ 1 with s_i x_i·w ≥ t.
        A = np.column_stack([-np.array(signs)[:, None] * X, np.ones(6)])
        solved = linprog([0, 0, 0, -1], A, np.zeros(6), bounds=[(None, None)] * 3 + [(None, 1)])
        realisable += solved.status == 0 and -solved.fun > 0.5
    assert realisable == len(enumerate_cells(X))


def test_a_zero_sample_has_no_hyperplane():
    with pytest.raises(ValueError, match=r"^X: row 1 is zero"):
        enumerate_cells([[1.0, 0.0], [0.0, 0.0]])
