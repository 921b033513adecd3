"""The interior-point method for given signs: the same verdicts as the simplex method's, proven."""

from collections import Counter

import numpy as np
import pytest

from relucells import decide
from relucells.certify.verify import verification_level
from relucells.samples.gaussian import two_gaussians
from relucells.samples.randomness import stream
from relucells.search import interior
from relucells.search.block_interior import Program
from relucells.search.budget import Budget


def draw(N: int, d: int, K: int, n: int, bias: float = 0.0):
    rng = stream(n, "interior", N, d, K)
    X, y = two_gaussians(d, N, rng)
    W = rng.standard_normal((K, d + 1))
    W[:, -1] += bias
    return X, y, X @ W.T > 0, rng.choice([-1, 1], K)


def test_verdicts_are_those_of_the_simplex_method(monkeypatch):
    seen: Counter = Counter()
    for n in range(40):
        N, d, K = ((8, 3, 6), (10, 3, 8), (8, 2, 8), (16, 4, 8))[n % 4]
        X, y, pattern, signs = draw(N, d, K, n)
        if n % 5 == 0:
            pattern[:, 1] = pattern[:, 0]
            X[0] = 0.0
            pattern[0] = False
        some = decide(X, y, pattern, "exists", margin="sign") if n % 2 else None
        if some is not None and some.verdict == "genuine":
            signs = some.signs
        usual = decide(X, y, pattern, signs, margin="sign")
        with monkeypatch.context() as patch:
            patch.setattr(interior, "LARGE_KERNEL", 1)
            found = decide(X, y, pattern, signs, margin="sign")
        assert (found.verdict, found.level) == (usual.verdict, "proven")
        assert verification_level(X, y, pattern, found) == "proven"
        seen[found.verdict, found.reason] += 1
    assert min(seen["genuine", "witness"], seen["none", "multipliers"]) >= 2


def test_a_cell_with_a_large_kernel_takes_one_program():
    X, y, pattern, signs = draw(120, 30, 20, 0, 3.0)
    decision = decide(X, y, pattern, signs, margin="sign", program_limit=1)
    assert decision.verdict in ("genuine", "none") and decision.level == "proven"
    assert decision.programs <= 1


def test_limits_end_it(monkeypatch):
    monkeypatch.setattr(interior, "LARGE_KERNEL", 1)
    X, y, pattern, _ = draw(12, 2, 8, 0)
    for limits in ({"program_limit": 0}, {"time_limit": 0.0}):
        for signs in ([1, -1] * 4, [-1, 1] * 4):
            decision = decide(X, y, pattern, signs, margin="sign", **limits)
            assert decision.verdict in ("undecided", "none")
            assert decision.programs == 0


@pytest.mark.parametrize("split", [True, False])
def test_groups_of_both_signs_are_left_to_the_simplex_method(monkeypatch, split):
    monkeypatch.setattr(interior, "LARGE_KERNEL", 1)
    X, y, pattern, signs = draw(12, 3, 6, 1)
    pattern[:, 1] = pattern[:, 0]
    signs[:2] = [1, -1] if split else [1, 1]
    assert decide(X, y, pattern, signs, margin="sign").verdict in ("genuine", "none")


def test_the_optimum_is_that_of_another_solver():
    """Blocks of half-spaces and a few equations, drawn so that t is positive, negative, or at its cap."""
    from scipy.optimize import linprog

    seen = Counter()
    for n in range(30):
        rng = stream(n, "block interior")
        G, m, r, N = (int(rng.integers(*limits)) for limits in ((2, 5), (6, 12), (2, 4), (1, 4)))
        H, A = rng.standard_normal((G, m, r)), rng.standard_normal((G, N, r))
        if n % 3 == 0:
            H[:, :, 0] = np.abs(H[:, :, 0])  # cones are open
        right = rng.standard_normal(N)
        flat = A.transpose(1, 0, 2).reshape(N, -1)
        start = (flat.T @ np.linalg.solve(flat @ flat.T, right)).reshape(G, r)
        found = Program(H, A, right).maximise(start, Budget())
        rows = np.zeros((G * m, G * r + 1))
        for g in range(G):
            rows[g * m : (g + 1) * m, g * r : (g + 1) * r] = -H[g]
        rows[:, -1] = 1.0
        usual = linprog(
            np.eye(G * r + 1)[-1] * -1.0,
            A_ub=rows,
            b_ub=np.zeros(G * m),
            A_eq=np.column_stack([flat, np.zeros(N)]),
            b_eq=right,
            bounds=[(None, None)] * (G * r) + [(None, 1.0)],
        )
        wanted = -usual.fun
        values = np.matmul(H, found.u[:, :, None])
        assert np.abs(flat @ found.u.ravel() - right).max() < 1e-7
        if wanted > 1e-2:
            assert values.min() > 0  # a point strictly inside ends it
        else:
            assert found.t == pytest.approx(wanted, abs=1e-6)
            assert (found.z >= 0).all()
            stationary = np.matmul(H.transpose(0, 2, 1), found.z[:, :, None])[:, :, 0]
            stationary += np.matmul(A.transpose(0, 2, 1), found.multipliers)
            assert np.abs(stationary).max() < 1e-6
        seen[bool(wanted > 1e-2)] += 1
    assert min(seen[True], seen[False]) >= 5


@pytest.mark.parametrize("N, d, K", [(200, 50, 20), pytest.param(500, 50, 40, marks=pytest.mark.campaign)])
def test_cells_between_small_and_full_size_are_decided_with_proof(N, d, K):
    X, y, pattern, signs = draw(N, d, K, 1, 3.0)
    decision = decide(X, y, pattern, signs, margin="sign", program_limit=1)
    assert decision.verdict in ("genuine", "none")
    assert verification_level(X, y, pattern, decision) == "proven"


@pytest.mark.campaign
@pytest.mark.parametrize("large", [150, interior.LARGE_KERNEL])
def test_cells_of_table_III_are_proven_by_either_method(large, monkeypatch):
    monkeypatch.setattr(interior, "LARGE_KERNEL", large)
    for n in range(12):
        X, y, pattern, signs = draw(400, 10, 50, n, 3.0)
        decision = decide(X, y, pattern, signs, margin="sign")
        assert (decision.verdict, decision.level) == ("none", "proven")
