"""``examine`` against brute force at planted points: directional derivatives, along edges of cones too."""

import numpy as np
import pytest
from planted_points import DIRECTIONS, FALSE_KINK, KINDS, brute_force, plant

import relucells
from relucells.samples.randomness import stream

AWAY = (0.0, 1e-9, 1e-8, 1e-7, 1e-6, 1e-5, 1e-4, 1e-3)  # of the planted point, in units of its size


def plants(count, seed, kinds):
    """(kind, X, y, W, z, rng) of so many networks, the kinds in turn."""
    made, draw = 0, 0
    while made < count:
        rng = stream(seed, "planted points", draw)
        kind = kinds[made % len(kinds)]
        if (found := plant(kind, rng)) is not None:
            yield kind, *found, rng
            made += 1
        draw += 1


def word(kind):
    """What brute force calls it."""
    return "minimum" if "minimum" in kind else kind


def near_miss(W, z, away, rng):
    """W and z moved by that share of their size, and the distance."""
    size = np.sqrt((W**2).sum() + (z**2).sum())
    step = rng.standard_normal((len(z), W.shape[1] + 1))
    step *= away * size / np.linalg.norm(step)
    return W + step[:, :-1], z + step[:, -1], away * size


def check_plants(count, directions, seed):
    for n, (kind, X, y, W, z, rng) in enumerate(plants(count, seed, KINDS)):
        assert brute_force(X, y, W, z, rng, directions) == word(kind), n
        moved, other, away = near_miss(W, z, AWAY[n // len(KINDS) % len(AWAY)], rng)
        found = relucells.examine(X, y, moved, other, starts=0)
        assert found.kind == kind, n
        assert found.point.level == "proven" and found.point.distance <= 10 * away + 1e-12, n
        assert brute_force(X, y, found.point.net.W, found.point.net.z, rng, directions) == word(kind), n


def check_false_kinks(count, directions, seed):
    """What only looks like a minimum is never called one; a true one further away is confirmed."""
    elsewhere = 0
    for n, (_, X, y, W, z, rng) in enumerate(plants(count, seed, [FALSE_KINK])):
        assert brute_force(X, y, W, z, rng, directions) == "not stationary", n
        moved, other, _ = near_miss(W, z, AWAY[n % len(AWAY)], rng)
        found = relucells.examine(X, y, moved, other, starts=0)
        if found.point is None:
            continue
        elsewhere += 1
        assert brute_force(X, y, found.point.net.W, found.point.net.z, rng, directions) == word(found.kind), n
        assert found.point.loss < relucells.critical_point(X, y, W, z).loss, n
    assert elsewhere < count


def test_planted_points_and_near_misses_are_told_apart():
    check_plants(24, 1000, seed=5)


def test_a_kink_across_which_the_loss_falls_is_no_minimum():
    check_false_kinks(8, 1000, seed=6)


@pytest.mark.campaign
def test_three_hundred_networks_against_ten_thousand_directions():
    check_plants(240, DIRECTIONS, seed=7)
    check_false_kinks(60, DIRECTIONS, seed=8)
