"""Sectors, exact closed minima, minima on walls, and the decided landscape."""

from fractions import Fraction

import numpy as np
import pytest
from naive import all_margins
from scipy.optimize import nnls

import relucells
from relucells import line
from relucells.atlas import basins, sectors, storage
from relucells.atlas.faces import SIGNS, SUBSETS, Rays, rays_of, wall_minima
from relucells.atlas.landscape import survey
from relucells.lower_loss import train
from relucells.samples.randomness import stream


def draw(N, *names):
    return sectors.samples(*line.draw(N, stream(0, "atlas tests", N, *names)))


@pytest.fixture(scope="module", params=["gaussian", "repeated", "whole numbers"])
def small(request):
    """Samples with what own data may have: equal inputs, equal samples, labels of any size."""
    if request.param == "gaussian":
        return draw(5)
    if request.param == "repeated":
        return sectors.samples([0.0, 1.0, 1.0, 2.0, 2.0, 4.0], [1.0, -1.0, -1.0, 3.0, 0.0, -2.5])
    return sectors.samples(np.arange(5.0)[:, None], np.array([0, 2, 1, 0, 3]))


@pytest.fixture(scope="module")
def landscape(small):
    return survey(small)


def test_sectors_are_the_patterns_of_all_directions(small):
    middles = small.angles + np.diff(np.append(small.angles, small.angles[0] + 2 * np.pi)) / 2
    W = np.column_stack([np.cos(middles), np.sin(middles)])
    assert np.array_equal(relucells.activation_pattern(small.X, W).T, small.patterns)
    assert np.array_equal(small.sector(middles + 4 * np.pi), np.arange(small.sectors))
    assert len(np.unique(small.patterns, axis=0)) == small.sectors == 2 * len(np.unique(small.x))


@pytest.mark.parametrize(
    ("x", "y", "problem"),
    [([1.0, 1.0], [0.0, 1.0], "two different"), ([1.0], [1.0, 2.0], "one entry per sample"),
     ([[1.0, 2.0]], [1.0], "one real number per sample"), ([0.0, np.nan], [1.0, 1.0], "finite")],
)  # fmt: skip
def test_bad_samples_are_named(x, y, problem):
    with pytest.raises(ValueError, match=problem):
        sectors.samples(x, y)


def test_scaling_is_undone_exactly_and_keeps_every_cell():
    years = np.array([1990.0, 1994, 2001, 2010])
    small, centre, unit = sectors.scaled(years)
    assert np.array_equal(centre + unit * small, years) and np.abs(small).max() < 4
    y = np.array([1.0, 3, 2, 5])
    raw, new = survey(sectors.samples(years, y)), survey(sectors.samples(small, y))
    assert np.array_equal(raw.genuine, new.genuine) and raw.best.loss == new.best.loss
    assert raw.loss == pytest.approx(new.loss)


def test_closed_minima_are_those_of_non_negative_least_squares(small):
    rays = Rays(small)
    phi = np.maximum(small.sides[:, None] * (small.x - small.hinges[:, None]), 0.0)
    cells = np.argwhere(np.ones((small.sectors, small.sectors)))
    for signs in SIGNS:
        for cell, proposed in zip(cells, rays.propose(cells, signs), strict=True):
            face = rays.closed_minimum(tuple(cell), signs, proposed)
            A = (np.repeat(signs, 2)[:, None] * phi[list(rays_of(tuple(cell), small.sectors))]).T
            assert float(face.loss) == pytest.approx(nnls(A, small.y)[1] ** 2 / len(small.y), abs=1e-12)
            assert isinstance(face.loss, Fraction)


def test_a_wrong_proposal_changes_no_closed_minimum(small):
    rays = Rays(small)
    losses = {rays.closed_minimum((0, 3), (1, -1), n).loss for n in range(len(SUBSETS))}
    assert len(losses) == 1


def test_verdicts_and_margins_are_those_of_the_definition(landscape, rng):
    s = landscape.samples
    for a, b in rng.integers(s.sectors, size=(25, 2)):
        expected = all_margins(s.X, s.y, s.patterns[[a, b]].T)
        for n, signs in enumerate(SIGNS):
            assert landscape.margin[a, b, n] == pytest.approx(expected[signs], abs=1e-7)
            assert landscape.genuine[a, b, n] == (landscape.margin[a, b, n] > 0)


def test_every_certificate_stands_also_for_the_mirror_image(landscape):
    s = landscape.samples
    assert np.isin(landscape.level, ["proven"]).all()
    for a, b, n in np.argwhere(landscape.genuine):
        R, signs = landscape.witness[a, b, n], np.array(SIGNS[n])
        values = signs * (s.X @ R.T)
        pattern = s.patterns[[a, b]].T
        assert (values[pattern] > 0).all() and (values[~pattern] <= 1e-9).all()
        loss = np.mean((np.maximum(values, 0) @ signs - s.y) ** 2)
        assert loss == pytest.approx(landscape.loss[a, b])
        assert landscape.genuine[b, a, SIGNS.index(SIGNS[n][::-1])]


def test_the_lowest_loss_is_reached_by_its_network_and_by_no_training_run(landscape, rng):
    s, best = landscape.samples, float(landscape.best.loss)
    stored = storage.arrays(landscape)
    signs = stored["best_signs"]
    output = np.maximum(s.X @ (signs[:, None] * stored["best_R"]).T, 0) @ signs
    assert np.mean((output - s.y) ** 2) == pytest.approx(best, abs=1e-12)
    starts = [(rng.standard_normal((2, 2)), rng.standard_normal(2)) for _ in range(20)]
    assert min(train(s.X, s.y, W, z, 300).loss for W, z in starts) >= best - 1e-9


def test_genuine_minima_are_global_exactly_where_nothing_is_lower(landscape):
    gap = landscape.loss - float(landscape.best.loss)
    for s in range(len(SIGNS)):
        own = landscape.genuine[..., s]
        assert (gap[own & (landscape.quality[..., s] == "global")] < 1e-12).all()
        assert (gap[own & (landscape.quality[..., s] == "bad")] > 1e-12).all()
        assert (landscape.quality[..., s][~own] == "").all()


def weights(samples, wall):
    """W and z of a minimum on a wall; a dead neuron is put into the dead sector."""
    R = storage._weights(samples, wall.face, wall.signs)
    W = np.array(wall.signs)[:, None] * R
    W[~W.any(axis=1)] = [0.0, -1.0]
    return W, np.array(wall.signs, dtype=float)


def test_minima_on_walls_are_local_minima_with_kinks(landscape, rng):
    s = landscape.samples
    assert landscape.walls
    for wall in landscape.walls:
        W, z = weights(s, wall)
        here = np.mean((np.maximum(s.X @ W.T, 0) @ z - s.y) ** 2)
        assert here == pytest.approx(float(wall.face.loss))
        steps = 1e-5 * np.abs(W).max() * rng.standard_normal((500, 2, 2))
        near = np.mean((np.maximum(np.einsum("nd,bkd->bnk", s.X, W + steps), 0) @ z - s.y) ** 2, axis=1)
        assert near.min() >= here - 1e-12
        kind = relucells.critical_point(s.X, s.y, W, z).kind
        assert kind == ("non-differentiable minimum" if wall.kinks else "differentiable minimum")


def test_descents_end_in_the_minima_that_are_listed(landscape):
    s, rays = landscape.samples, Rays(landscape.samples)
    listed = {(w.places, w.signs) for w in landscape.walls}
    listed |= {(places[::-1], signs[::-1]) for places, signs in listed}
    seen = set()
    for n, signs in enumerate(SIGNS):
        for cell in np.argwhere(np.ones((s.sectors, s.sectors))):
            end = basins.settle(rays, landscape.genuine, tuple(cell.tolist()), n)
            seen.add(end.kind)
            if end.kind == "inside":
                assert landscape.genuine[*end.cell, n]
                assert end.loss == pytest.approx(landscape.loss[end.cell], abs=1e-12)
            elif end.kind == "wall":
                assert (end.places, signs) in listed
            start = rays.closed_minimum(tuple(cell.tolist()), signs, 0)
            assert end.loss <= float(start.loss) + 1e-12
    assert {"inside", "wall"} <= seen


def test_descent_goes_down_and_records_its_way(landscape):
    small = landscape.samples
    runs = basins.descents(small, landscape.genuine, starts=4, step=0.5, max_steps=300)
    assert runs.way.shape == (64, basins.KEPT, 2)
    assert np.array_equal(runs.way[:, 0], runs.start)
    W = np.stack([np.cos(runs.start), np.sin(runs.start)], axis=-1)
    z = np.array(SIGNS)[runs.signs]
    output = np.einsum("bj,bjn->bn", z, np.maximum(W @ small.X.T, 0))
    assert (runs.loss <= np.mean((output - small.y) ** 2, axis=1) + 1e-12).all()


def test_places_on_walls_depend_on_no_order_of_the_samples(small, rng):
    order = rng.permutation(len(small.x))
    again = sectors.samples(small.x[order], small.y[order])
    assert [(w.places, w.face.loss) for w in wall_minima(Rays(again))] == [
        (w.places, w.face.loss) for w in wall_minima(Rays(small))
    ]


def test_the_table_has_a_row_per_cell_and_names_its_certificates(landscape):
    stored = storage.arrays(landscape)
    rows = list(storage.cell_rows(stored, landscape.samples))
    S = landscape.samples.sectors
    assert len(rows) == S * S
    for row in rows[:: S + 3]:
        a, b = row["sector_1"], row["sector_2"]
        assert row["loss"] == landscape.loss[a, b]
        for n, name in enumerate(storage.SIGN_NAMES):
            reason, at = row[f"certificate {name}"].split()
            decision = landscape.decisions[int(at)]
            assert (decision.verdict, decision.reason) == (row[f"verdict {name}"], reason)
            assert tuple(decision.given) == (SIGNS[n] if a <= b else SIGNS[n][::-1])


def test_descents_that_reach_the_lowest_loss_are_counted_also_where_it_is_zero():
    two = sectors.samples([0.0, 1.0], [1.0, -1.0])
    made = survey(two)
    assert made.best.loss == 0
    runs = storage.descent_arrays(basins.descents(two, made.genuine, 4, 0.5, 200))
    for row in storage.in_numbers(storage.arrays(made), runs):
        ends = [row[f"ends_{name}"] for name in ("global", "bad_inside", "bad_wall", "zero")]
        assert sum(ends) == row["runs"]
        assert (row["ends_global"] > 0) == (row["signs"] in ("exists", "+-", "-+"))
