"""The search for certificates against every choice of signs: finds them, and never where none can be."""

import itertools
from dataclasses import replace

import naive
import numpy as np
import pytest
import scipy.optimize
from planted import KINDS, planted

from relucells.certify.certificates import Leaf
from relucells.certify.sign_free import refutes
from relucells.certify.verify import cell_of, verification_level
from relucells.samples.gaussian import two_gaussians
from relucells.samples.inputs import prepare
from relucells.samples.randomness import stream
from relucells.search import cones, sign_free
from relucells.search.budget import Budget, WorkLimit
from relucells.search.cones import Cone
from relucells.search.decide import decide
from relucells.search.implied import for_given_signs
from relucells.search.negative_sum import Sum, adjust, optimise
from relucells.search.sign_free import Search


def draw(d: int, K: int, N: int, seed: int, bias: float = 0.0):
    rng = stream(seed, "search sign-free", d, K, N)
    X, y = two_gaussians(d, N, rng)
    W = rng.standard_normal((K, d + 1))
    W[:, -1] += bias
    return X, y, X @ W.T > 0


def search_of(X, y, pattern, budget: Budget | None = None) -> Search:
    A = (pattern[:, :, None] * X[:, None, :]).reshape(len(X), -1)
    fitted = A @ np.linalg.lstsq(A, y)[0]
    return Search(prepare(X), fitted, cell_of(X, y, pattern), budget or Budget())


# --- cones ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("bias", [-1.0, 0.0, 1.0])
def test_forms_are_non_negative_on_the_cone_and_one_at_its_centre(bias):
    X, _, pattern = draw(3, 6, 60, 0, bias)
    coordinates = prepare(X).orthonormal[0]
    for active in pattern.T:
        if active.sum() < 4:
            continue
        cone = Cone.of(coordinates, active)
        sides = np.where(active, 1.0, -1.0)
        assert (sides * (coordinates @ cone.centre) > 0).all()
        inside = cone.centre + 0.02 * stream(0, "cone").standard_normal((400, 4))
        inside = inside[(sides * (inside @ coordinates.T) >= 0).all(axis=1)]
        by_program, nearest = list(cone.opposite_forms()), cone.nearest_forms()
        assert len(by_program) == len(nearest) == 3
        for form in itertools.chain.from_iterable(by_program + nearest):
            by_samples = (sides[form.samples] * form.multipliers) @ coordinates[form.samples]
            assert np.allclose(by_samples, form.vector) and (form.multipliers > 0).all()
            assert form.vector @ cone.centre == pytest.approx(1.0)
            assert (inside @ form.vector >= -1e-12).all()
        assert all(len(form.samples) <= 3 for pair in by_program for form in pair)
        assert all(len(form.samples) <= 4 for pair in nearest for form in pair)


def test_extreme_values_of_a_slice_are_those_of_a_linear_program():
    from scipy.optimize import linprog

    X, _, pattern = draw(2, 1, 40, 3)
    coordinates = prepare(X).orthonormal[0]
    cone = Cone.of(coordinates, pattern[:, 0])
    for f, g in cone.opposite_forms():
        # f + g is a positive multiple of c, and each vanishes somewhere on the slice
        for form in (f, g):
            least = linprog(
                form.vector, A_ub=-cone.rows, b_ub=np.zeros(len(cone.rows)), A_eq=cone.axis[None], b_eq=[1.0],
                bounds=(None, None),
            )  # fmt: skip
            assert least.fun == pytest.approx(0.0, abs=1e-9)


def test_a_form_beyond_the_slice_is_found_as_it_is_asked_for(monkeypatch):
    """There a − λ c is a combination of the half-spaces itself, and nothing is nearer to it."""
    X, _, pattern = draw(3, 1, 60, 4)
    cone = Cone.of(prepare(X).orthonormal[0], pattern[:, 0])
    _, variances, axes = cone.principal_axes()
    monkeypatch.setattr(cones, "REACH", 1e3)
    for a, variance, pair in zip(axes, variances, cone.nearest_forms(), strict=True):
        for side, form in zip((1.0, -1.0), pair, strict=True):
            asked = side * (a - (a @ cone.centre) * cone.axis) + 1e3 * np.sqrt(variance) * cone.axis
            assert np.allclose(form.vector, asked / (asked @ cone.centre), atol=1e-9)


def test_an_axis_whose_nearest_forms_are_not_found_is_left_out(monkeypatch):
    X, _, pattern = draw(3, 1, 60, 4)
    cone = Cone.of(prepare(X).orthonormal[0], pattern[:, 0])
    found = scipy.optimize.nnls
    calls = itertools.count()

    def gives_up(A, b):
        if next(calls) == 2:
            raise RuntimeError("Maximum number of iterations reached.")
        return found(A, b)

    monkeypatch.setattr(scipy.optimize, "nnls", gives_up)
    assert len(cone.nearest_forms()) == 2


@pytest.mark.parametrize("width", [1.0, 1e-3, 1e-6, 1e-8])
def test_points_inside_are_found_in_cones_of_any_width(width):
    """A wedge about a hyperplane: (1, 0, 0) is in it, and few others."""
    rng = stream(3, "wedge")
    normals = rng.standard_normal((40, 3))
    normals[:, 0] = width * (0.5 + rng.random(40))
    rows = normals / np.linalg.norm(normals, axis=1)[:, None]
    v = cones._interior(rows)
    assert (rows @ v > 0).all()
    assert (rows @ cones._analytic_centre(rows, v) > 0).all()


def test_points_inside_are_found_by_a_program_where_descent_finds_none(monkeypatch):
    X, _, pattern = draw(3, 1, 60, 4)
    coordinates = prepare(X).orthonormal[0]
    by_descent = Cone.of(coordinates, pattern[:, 0])
    monkeypatch.setattr(cones, "HEIGHTS", ())
    by_program = Cone.of(coordinates, pattern[:, 0])
    assert np.allclose(by_descent.centre, by_program.centre, atol=1e-6)


def test_a_cone_without_interior_is_no_cone():
    X = np.array([[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0]])
    assert Cone.of(X, np.array([True, True, True])) is None
    assert Cone.of(X, np.array([True, False, True])) is not None


# --- weights --------------------------------------------------------------------------------------


def test_weights_of_a_sum_that_can_be_negative_are_found():
    """M_k = −e_k e_kᵀ + a little of the others, and one matrix that spoils the sum if it weighs too much."""
    rng = stream(0, "sum")
    u, v = np.eye(8), -np.eye(8) + 0.05 * rng.standard_normal((8, 8))
    spoiled = Sum(np.vstack([u, np.ones(8)]), np.vstack([v, 3.0 * np.ones(8)]), np.ones(9))
    assert not spoiled.negative()
    assert adjust(spoiled, 60) and spoiled.negative() and (spoiled.weights > 0).all()


def test_a_missing_matrix_is_asked_for():
    rng = stream(1, "sum")
    Q = np.linalg.qr(rng.standard_normal((6, 6)))[0]
    total = Sum(Q[:5].copy(), -Q[:5].copy(), np.ones(5))  # nothing acts on the last direction
    asked = []

    def request(P):
        asked.append(P)
        assert np.linalg.eigvalsh(P)[0] > 0 and np.trace(P) == pytest.approx(1.0)
        return Q[5:].copy(), -Q[5:].copy()

    assert optimise(total, request, lambda kept, new: None, lambda: None)
    assert asked and total.negative()


def test_no_weights_are_found_where_a_dual_solution_forbids_them():
    """⟨M_k, P⟩ ≥ 0 for all k and one P ⪰ 0 ≠ 0."""
    rng = stream(2, "sum")
    x = rng.standard_normal(6)
    u = rng.standard_normal((40, 6))
    u *= np.sign(u @ x)[:, None]
    v = rng.standard_normal((40, 6))
    v *= np.sign(v @ x)[:, None]
    empty = np.zeros((0, 6))
    total = Sum(u, v, np.ones(40))
    assert not adjust(total, 20)
    assert not optimise(total, lambda P: (empty, empty), lambda kept, new: None, lambda: None)


# --- decisions ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "d, K, N, bias", [(3, 10, 64, 0.0), (3, 20, 90, 0.0), (10, 10, 90, 0.0), (2, 8, 40, 1.0)]
)
def test_exists_is_decided_at_once_and_proven(d, K, N, bias):
    X, y, pattern = draw(d, K, N, 1, bias)
    decision = decide(X, y, pattern, "exists", margin="sign", program_limit=40)
    assert decision.verdict == "none"
    assert verification_level(X, y, pattern, decision) == "proven"
    for changed in (replace(decision, margin=-0.01), replace(decision, loss=decision.loss + 0.01)):
        assert verification_level(X, y, pattern, changed) == "rejected"


def test_a_cell_of_table_III_takes_one_attempt():
    X, y, pattern = draw(10, 50, 400, 0)
    decision = decide(X, y, pattern, "exists", margin="sign", program_limit=2)
    assert (decision.verdict, decision.reason, decision.margin) == ("none", "products", 0.0)
    assert not decision.exact and verification_level(X, y, pattern, decision) == "proven"
    (leaf,) = decision.certificate.leaves
    assert isinstance(leaf, Leaf) and not leaf.signs.any()


def test_a_cell_of_table_III_needs_no_linear_program(monkeypatch):
    def asked(*_):
        raise AssertionError("a linear program")

    monkeypatch.setattr(cones, "_Slice", asked)
    monkeypatch.setattr(cones, "_by_program", asked)
    X, y, pattern = draw(10, 50, 400, 1)
    assert search_of(X, y, pattern, Budget(0)).quick() is not None


@pytest.mark.parametrize("d, K, N, seed, bias", [(2, 8, 32, 10, 0.0), (3, 6, 22, 1, 1.0), (1, 6, 12, 5, 1.0)])
def test_linear_programs_serve_where_nearest_forms_are_not_enough(monkeypatch, d, K, N, seed, bias):
    X, y, pattern = draw(d, K, N, seed, bias)
    search = search_of(X, y, pattern)
    found = search.quick()
    assert found is not None and search.nearest and search.opposite and search.budget.spent
    assert refutes(search.cell, np.zeros(K, dtype=np.int8), found.arrays())
    monkeypatch.setattr(sign_free, "FREE_SHARES", ())
    assert search_of(X, y, pattern).quick() is None


def test_a_proof_for_every_choice_of_signs_holds_for_given_ones():
    X, y, pattern = draw(3, 20, 72, 1)
    decision = decide(X, y, pattern, "exists", margin="sign", program_limit=40)
    signs = stream(0, "given").choice([-1, 1], 20)
    given = for_given_signs(decision, signs)
    assert (given.convention, given.verdict, given.programs) == ("given", "none", 0)
    assert (given.given == signs).all()
    assert verification_level(X, y, pattern, given) == given.level == "proven"
    assert decide(X, y, pattern, signs, margin="sign").verdict == "none"


@pytest.mark.parametrize("d, K, N, bias, verdict", [(2, 4, 12, 9.0, "genuine"), (3, 10, 200, 0.0, "none")])
def test_nothing_is_said_of_given_signs_without_one_leaf_for_all(d, K, N, bias, verdict):
    """A witness has signs of its own, and several leaves share the sign vectors among them."""
    X, y, pattern = draw(d, K, N, 0, bias)
    decision = decide(X, y, pattern, "exists", margin="sign")
    assert decision.verdict == verdict
    assert verdict == "genuine" or len(decision.certificate.leaves) > 1
    assert for_given_signs(decision, np.ones(K)) is None
    one = decide(X, y, pattern, np.ones(K, dtype=int), margin="sign")
    if one.verdict == "none":  # one leaf, but not for all signs
        assert for_given_signs(one, -np.ones(K)) is None


def test_small_cells_agree_with_all_sign_vectors():
    """The search alone, where the margin of every sign vector is known: no genuine cell is refuted."""
    refuted = tried = 0
    for n in range(150):
        rng = stream(n, "small cells")
        d, K = int(rng.integers(1, 3)), int(rng.integers(2, 4))
        N = int(rng.integers(4 * K, 8 * K))
        X, y = two_gaussians(d, 2 * (N // 2), rng)
        pattern = X @ rng.standard_normal((K, d + 1)).T > 0
        found = search_of(X, y, pattern).certificate()
        tried += 1
        if found is not None:
            refuted += 1
            assert max(naive.all_margins(X, y, pattern).values()) <= 1e-9
    assert tried == 150 and refuted > 10


def test_the_search_stops_at_its_limits():
    X, y, pattern = draw(10, 20, 100, 0)  # no certificate is found at once
    for programs in (0, 1, 3, 6):
        budget = Budget(programs)
        with pytest.raises(WorkLimit):
            search_of(X, y, pattern, budget).certificate()
        assert budget.spent == programs


def test_cells_in_which_no_certificate_can_be_are_left_alone():
    X = np.ones((4, 1))
    pattern = np.array([[1, 1], [1, 0], [0, 1], [0, 0]], dtype=bool)
    budget = Budget(0)
    assert search_of(X, np.array([1.0, -1.0, 1.0, 1.0]), pattern, budget).certificate() is None
    images = stream(0, "wide").standard_normal((20, 400))
    assert search_of(images, np.ones(20), images[:, :3] > 0, budget).certificate() is None


@pytest.mark.campaign
@pytest.mark.parametrize("kind", KINDS)
def test_two_thousand_genuine_cells_are_never_refuted(kind):
    """Planted minima, up to the size of Table III. Small cells are decided too: never as none."""
    sizes = [(1, 3, 10, 160), (2, 6, 20, 160), (3, 10, 60, 40), (3, 20, 100, 10), (10, 10, 100, 6)]
    tried = 0
    for d, K, N, count in sizes:
        for n in range(count):
            rng = stream(n, "planted campaign", kind, d, K, N)
            small = int(rng.integers(2, K + 1)), int(rng.integers(d + 2, N + 1))
            case = planted(rng, d, *small, float(rng.choice([-1.0, 0.0, 1.0])), kind)
            if not case.pattern.any():
                continue
            tried += 1
            assert search_of(case.X, case.y, case.pattern).certificate() is None
            if K <= 3:
                decision = decide(case.X, case.y, case.pattern, "exists", margin="sign", program_limit=20)
                assert decision.verdict != "none"
    bias = (-3.0, 0.0, 3.0)[KINDS.index(kind) % 3]
    case = planted(stream(0, "planted campaign", kind), 10, 50, 400, bias, kind)
    assert search_of(case.X, case.y, case.pattern).certificate() is None
    assert tried > 300


@pytest.mark.campaign
@pytest.mark.parametrize("kind", KINDS[:3])
def test_genuine_cells_of_the_size_of_the_other_tables_are_never_refuted(kind):
    """Table II: planted. Tables IV and V, whose samples are independent: cells that have a witness."""
    tried = 0
    for n, bias in enumerate((-3.0, 0.0, 3.0)):
        case = planted(stream(n, "tables", kind), 3, 20, 2000, bias, kind)
        assert search_of(case.X, case.y, case.pattern, Budget(8)).quick() is None
        rng = stream(n, "wide tables", kind)
        X, y = rng.standard_normal((200, 785)) + 1.0, rng.choice([-1.0, 1.0], 200)
        pattern = X @ (rng.standard_normal((10, 785)) + bias / 28).T > 0
        if decide(X, y, pattern, "exists", margin="sign").verdict == "genuine":
            tried += 1
            assert search_of(X, y, pattern).certificate() is None
    assert tried
