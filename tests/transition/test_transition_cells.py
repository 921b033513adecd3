"""What holds for a single cell, and for the geometry of data."""

import numpy as np
import pytest
from flint import fmpq, fmpq_mat
from locate_transition import dimension_crossing
from scipy.optimize import nnls
from scipy.stats import binom

from relucells.cells import pattern as cells
from relucells.samples.gaussian import embed, two_gaussians
from relucells.samples.images import pooled
from relucells.samples.inputs import prepare
from relucells.search.decide import decide
from relucells.transition.geometry import cone_dimension, covered, geometry


def draw_cell(rng, N, d, K, bias=0.0):
    X, y = two_gaussians(d, N, rng)
    W = rng.standard_normal((K, d + 1))
    W[:, -1] += bias
    return X, y, cells.activation_pattern(X, W), rng.choice([-1, 1], K)


@pytest.mark.parametrize("N, d, K", [(8, 2, 5), (10, 3, 4), (6, 9, 3), (16, 3, 6)])
def test_for_a_given_pattern_only_the_column_space_of_the_samples_matters(rng, N, d, K):
    seen = set()
    for _ in range(12):
        X, y, pattern, signs = draw_cell(rng, N, d, K)
        # With y of ±1 and the constant 1 among the columns some minimisers lie exactly on a hyperplane of
        # an inactive pair, and rounding X M takes them to either side.
        y = y + 0.1 * rng.standard_normal(N)
        M = rng.standard_normal((d + 1, d + 1)) + 2 * np.eye(d + 1)
        for asked in (signs, "exists"):
            one, other = (decide(samples, y, pattern, asked, margin="sign") for samples in (X, X @ M))
            assert one.verdict == other.verdict
            assert one.loss == pytest.approx(other.loss, abs=1e-9)
            seen.add(one.verdict)
        assert cells.rank(X, pattern) == cells.rank(X @ M, pattern)
    assert seen == {"genuine", "none"}


def test_covered_decides_where_samples_are_independent_and_bounds_where_A_has_full_rank(rng):
    seen = set()
    for number in range(150):
        N, d, K = ((6, 9, 4), (10, 3, 5), (8, 2, 6))[number % 3]
        X, y, pattern, signs = draw_cell(rng, N, d, K)
        genuine = decide(X, y, pattern, signs, margin="sign").verdict == "genuine"
        inputs, full = prepare(X), cells.rank(X, pattern) == N
        if inputs.independent:
            assert genuine == covered(y, pattern, signs)
        elif full and genuine:
            assert covered(y, pattern, signs)
        seen.add((inputs.independent, genuine, covered(y, pattern, signs)))
    assert len(seen) >= 5


def test_the_drawn_signs_are_some_signs(rng):
    for _ in range(25):
        X, y, pattern, signs = draw_cell(rng, 8, 2, 4)
        if decide(X, y, pattern, signs, margin="sign").verdict == "genuine":
            assert decide(X, y, pattern, "exists", margin="sign").verdict == "genuine"


def test_statistical_dimension_of_known_cones(rng):
    def mean(X, column):
        return np.mean([cone_dimension(prepare(X), column, rng) for _ in range(4000)])

    # r orthogonal half-spaces of R^r have δ = r / 2
    assert mean(np.eye(4)[:1], np.array([True])) == pytest.approx(0.5, abs=0.06)
    assert mean(np.eye(4), np.array([True, False, True, True])) == pytest.approx(2, abs=0.12)
    # {w_1 ≥ 0, w_2 = 0}: a ray
    ray = np.array([[1.0, 0], [0, 1.0], [0, -1.0]])
    assert mean(ray, np.array([True, True, True])) == pytest.approx(0.5, abs=0.06)
    # a cone and its polar: δ(C) + δ(C°) = dimension
    normals = np.array([[1.0, 0.2], [0.3, 1.0]])
    polar = -np.linalg.inv(normals).T
    column = np.array([True, True])
    assert mean(normals, column) + mean(polar, column) == pytest.approx(2, abs=0.12)


def test_geometry_of_simple_data():
    X = np.array([[1.0, 0], [1, 0], [0, 1], [0, 1]])
    y = np.array([1.0, 1, -1, -1])
    pattern = np.array([[1, 0], [1, 0], [0, 0], [0, 0]], dtype=bool)
    shape = geometry(prepare(X), y, pattern)
    assert (shape.rank, shape.participation, shape.linear_fit) == pytest.approx((2, 2, 1))
    assert shape.cosine == pytest.approx(1 / 3)
    assert (shape.same_class, shape.other_class) == (1, 0.5)
    assert (shape.dead, shape.single, shape.distinct) == (0.5, 0.5, 0.5)


def test_embedded_samples_keep_their_products_and_have_their_rank_exactly(rng):
    X, _ = two_gaussians(3, 12, rng)
    Z = embed(X, 8)
    assert Z.shape == (12, 9) and prepare(Z).rank == 4
    assert fmpq_mat([[fmpq(*value.as_integer_ratio()) for value in row] for row in Z.tolist()]).rank() == 4
    assert (Z @ Z.T == X @ X.T).all()
    with pytest.raises(ValueError, match=r"^d: must be at least the 3"):
        embed(X, 2)


def test_distance_moves_the_classes_apart():
    near, y = two_gaussians(3, 10, np.random.default_rng(0))
    far, _ = two_gaussians(3, 10, np.random.default_rng(0), distance=10)
    assert np.allclose((far - near)[:, 0], 4 * y) and (far[:, 1:] == near[:, 1:]).all()


def test_pooling_averages_blocks(rng):
    rows = rng.random((5, 36))
    assert np.allclose(pooled(rows, 36), rows)
    assert np.allclose(pooled(rows, 1)[:, 0], rows.mean(axis=1))
    corner = rows.reshape(5, 6, 6)[:, :3, :3].mean(axis=(1, 2))
    assert np.allclose(pooled(rows, 4)[:, 0], corner)
    for d in (5, 16):
        with pytest.raises(ValueError, match=r"^d: images of 6×6 can be pooled to \[1, 4, 9, 36\] values"):
            pooled(rows, d)


@pytest.mark.parametrize("K", [5, 9, 21])
def test_cones_that_are_half_lines_meet_the_equations_as_wendel_has_it(rng, K):
    """y is a positive combination of K random vectors of R^N with P(Bin(K, ½) ≥ N)."""
    lines = [cone_dimension(prepare(np.ones((1, 1))), np.array([True]), rng) for _ in range(4000)]
    assert np.mean(lines) == pytest.approx(0.5, abs=0.06)
    sizes = np.arange(1, K + 3)
    result = {"N": sizes, "cone_dimension": np.full((len(sizes), 1), 0.5)}
    half = dimension_crossing({"K": K}, result)
    assert half == pytest.approx((K + 1) / 2) and binom.sf(round(half) - 1, K, 0.5) == pytest.approx(0.5)
    reached = []
    for _ in range(300):
        A, y = rng.standard_normal((round(half), K)), rng.choice([-1.0, 1.0], round(half))
        reached.append(nnls(A, y)[1] < 1e-9)
    assert np.mean(reached) == pytest.approx(0.5, abs=0.12)
