"""Signs offered by reflections: near both sets, never twice, and nothing is claimed without proof."""

import numpy as np
import pytest

from relucells.certify.verify import verification_level
from relucells.samples.gaussian import two_gaussians
from relucells.samples.inputs import prepare
from relucells.samples.randomness import stream
from relucells.search import budget as budgets
from relucells.search import reflections
from relucells.search.branch import Branching
from relucells.search.budget import Budget, WorkLimit
from relucells.search.decide import decide


def draw(K: int, N: int, seed: int, d: int = 3):
    rng = stream(seed, "reflections", d, K, N)
    X, y = two_gaussians(d, N, rng)
    return X, y, X @ rng.standard_normal((K, d + 1)).T > 0


def program_of(X, y, pattern, budget: Budget | None = None):
    return Branching(prepare(X), y, pattern, budget or Budget()).program


def test_the_nearest_point_of_a_union_of_cones():
    rng = stream(0, "nearest")
    cones = [rng.standard_normal((3, 8)) for _ in range(4)]
    size = np.array([1, 1, 1, 2])
    for _ in range(20):
        sums = rng.standard_normal((4, 3))
        found, plus = reflections._nearest(cones, size, sums)
        for g in range(3):
            side = 1 if plus[g] else -1
            assert (side * found[g] @ cones[g] >= -1e-9).all()
            # the residual is orthogonal to the point, and no other point of either cone is nearer
            assert (found[g] - sums[g]) @ found[g] == pytest.approx(0, abs=1e-9)
            rays = rng.standard_normal((3000, 3))
            inside = rays[(rays @ cones[g] >= 0).all(axis=1)]
            distance = np.linalg.norm(found[g] - sums[g])
            for ray in np.concatenate([inside, -inside]):
                nearest = max(ray @ sums[g], 0) / (ray @ ray) * ray
                assert np.linalg.norm(nearest - sums[g]) >= distance - 1e-9
        assert (found[3] == sums[3]).all()  # two neurons of both signs leave their sum free


def test_a_point_inside_is_its_own_nearest_with_its_sign():
    cones, u = [np.eye(2), np.eye(2)], np.array([[1.0, 2.0], [-1.0, -3.0]])
    found, plus = reflections._nearest(cones, np.array([1, 3]), u)
    assert (found == u).all() and plus.tolist() == [1, 0]


def test_no_sign_vector_is_offered_twice_and_all_are_the_same_again():
    cell = draw(12, 40, 0)
    first = [plus.tolist() for plus in reflections.candidates(program_of(*cell), Budget())]
    again = [plus.tolist() for plus in reflections.candidates(program_of(*cell), Budget())]
    assert first == again and first and len({tuple(plus) for plus in first}) == len(first)
    assert all(set(plus) <= {0, 1} for plus in first)


@pytest.mark.parametrize("K, N", [(20, 24), (30, 40)])
def test_minima_are_found_that_branching_misses_at_its_limit(K, N, monkeypatch):
    for seed in range(3):
        X, y, pattern = draw(K, N, seed)
        found = decide(X, y, pattern, "exists", margin="sign", program_limit=60)
        assert found.verdict == "genuine"
        assert verification_level(X, y, pattern, found) == "proven"
    monkeypatch.setattr(reflections, "STEPS", 0)
    without = [decide(*draw(K, N, seed), "exists", margin="sign", program_limit=60) for seed in range(3)]
    assert "undecided" in [decision.verdict for decision in without]


def test_cells_without_a_minimum_stay_so():
    X, y, pattern = draw(10, 40, 1)
    program = program_of(X, y, pattern)
    offered = list(reflections.candidates(program, Budget()))
    assert offered and all(program.maximise(plus).margin <= 0 for plus in offered)
    assert decide(X, y, pattern, "exists", margin="sign").verdict == "none"


def test_the_time_limit_is_kept(monkeypatch):
    program = program_of(*draw(12, 40, 0))
    now = iter(range(100))
    monkeypatch.setattr(budgets, "clock", lambda: next(now))
    with pytest.raises(WorkLimit):
        list(reflections.candidates(program, Budget(deadline=5.5)))
    assert next(now) == 7


def test_what_is_too_large_is_left_alone(monkeypatch):
    program = program_of(*draw(12, 40, 0))
    monkeypatch.setattr(reflections, "LARGEST_SPACE", program.G * program.r - 1)
    assert not list(reflections.candidates(program, Budget()))
