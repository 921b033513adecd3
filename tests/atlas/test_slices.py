"""Planes through a network: polygons, cells, loss, descent, and what is refused."""

import numpy as np
import pytest
from mapping import missing

import relucells
from relucells.atlas.slices import CONVENTIONS, polygons, slice_landscape
from relucells.descent import gradient
from relucells.pipeline.slice_picture import slice_counts, slice_rows


def area(polygon):
    x, y = polygon.T
    return 0.5 * abs(x @ np.roll(y, 1) - y @ np.roll(x, 1))


@pytest.fixture(params=["few samples", "many samples"])
def problem(request, rng):
    """X, y, W, z with independent samples, and with more samples than coordinates."""
    N, D, K = (5, 8, 3) if request.param == "few samples" else (12, 3, 2)
    X = np.column_stack([rng.standard_normal((N, D - 1)), np.ones(N)])
    return X, rng.choice([-1.0, 1.0], N), rng.standard_normal((K, D)), rng.standard_normal(K)


def network_at(found, W, a, b):
    return W + a * found.directions[0] + b * found.directions[1]


def test_polygons_tile_the_window_and_are_as_many_as_the_lines_make(rng):
    normals = rng.standard_normal((12, 2))
    lines = np.column_stack(
        [normals / np.linalg.norm(normals, axis=1)[:, None], 0.3 * rng.standard_normal(12)]
    )
    window = (-1.0, 1.5, -0.7, 1.0)
    found = polygons(lines, window)
    assert sum(map(area, found)) == pytest.approx(2.5 * 1.7)
    inside = 0  # crossings of two lines within the window, each of which adds a cell
    for n in range(12):
        for m in range(n):
            a, b = np.linalg.solve(lines[[n, m], :2], -lines[[n, m], 2])
            inside += window[0] < a < window[1] and window[2] < b < window[3]
    box = np.array([(a, b) for a in window[:2] for b in window[2:]])
    crossing = (np.ptp(np.sign(box @ lines[:, :2].T + lines[:, 2]), axis=0) == 2).sum()
    assert len(found) == 1 + crossing + inside
    middles = np.array([polygon.mean(axis=0) for polygon in found])
    sides = middles @ lines[:, :2].T + lines[:, 2] > 0
    assert len(np.unique(sides, axis=0)) == len(found)


def test_a_line_through_a_corner_or_twice_the_same_cuts_once():
    line = np.array([[1.0, -1.0, 0.0]]) / np.sqrt(2)
    assert len(polygons(line, (-1, 1, -1, 1))) == 2
    assert len(polygons(np.repeat(line, 3, axis=0), (-1, 1, -1, 1))) == 2
    assert len(polygons(np.zeros((0, 3)), (-1, 1, -1, 1))) == 1


def test_every_cell_of_the_window_is_what_the_library_says(problem):
    X, y, W, z = problem
    found = slice_landscape(X, y, W, z, lines=10, resolution=5)
    here = relucells.activation_pattern(X, W)
    assert len(found.cells) > 5
    for cell in found.cells:
        pattern = relucells.activation_pattern(X, network_at(found, W, *cell.polygon.mean(axis=0)))
        flipped = here.copy()
        flipped[tuple(cell.flipped.T)] ^= True
        assert np.array_equal(flipped, pattern)
        assert cell.loss == pytest.approx(relucells.cell_minimum(X, y, pattern).loss, abs=1e-10)
        wanted = ("positive", np.where(z < 0, -1, 1), "exists")
        assert cell.verdicts == tuple(relucells.decide(X, y, pattern, signs).verdict for signs in wanted)
        assert "rejected" not in cell.levels
    counts = slice_counts(found)
    assert counts["positive"] <= counts["exists"] and counts["given"] <= counts["exists"]
    rows = list(slice_rows(found))
    assert len(rows) == counts["cells"] == len(found.cells)
    assert missing("figures/data/atlas_slices", rows[0]) == []
    assert len(CONVENTIONS) == 3


def test_the_loss_on_the_grid_is_that_of_the_networks(problem):
    X, y, W, z = problem
    found = slice_landscape(X, y, W, z, lines=6, resolution=4)
    a, b, losses = found.grid
    for n in range(4):
        for m in range(4):
            output = np.maximum(X @ network_at(found, W, a[n], b[m]).T, 0) @ z
            assert losses[m, n] == pytest.approx(np.mean((output - y) ** 2))
    assert found.loss == pytest.approx(np.mean((np.maximum(X @ W.T, 0) @ z - y) ** 2))


def test_the_default_plane_holds_the_gradient_and_the_nearest_minimum(problem):
    X, y, W, z = problem
    found = slice_landscape(X, y, W, z, lines=4, resolution=3)
    slope = gradient(X, y, W, z)[0]
    assert found.directions[0] == pytest.approx(-slope / np.linalg.norm(slope))
    minimum = network_at(found, W, *found.minimum)
    pattern = relucells.activation_pattern(X, W)
    fitted = (pattern * (X @ (z[:, None] * minimum).T)).sum(axis=1)
    assert np.mean((fitted - y) ** 2) == pytest.approx(relucells.cell_minimum(X, y, pattern).loss, abs=1e-9)


def test_descent_starts_at_the_network_and_goes_down_the_gradient(problem):
    X, y, W, z = problem
    found = slice_landscape(X, y, W, z, lines=20, resolution=3, max_steps=50)
    assert found.path[0].tolist() == [0.0, 0.0] and len(found.path) > 1
    assert found.path[1][0] > 0 and abs(found.path[1][1]) < 1e-12
    assert 0.0 <= found.off_plane <= 1.0


def test_directions_and_window_may_be_chosen(problem):
    X, y, W, z = problem
    first, second = np.zeros_like(W), np.zeros_like(W)
    first[0, 0], second[0, :2] = 2.0, 1.0
    found = slice_landscape(X, y, W, z, (first, second), (-0.5, 1.0, -2.0, 0.25), resolution=3)
    assert found.window == (-0.5, 1.0, -2.0, 0.25)
    assert found.directions[0] == pytest.approx(first / 2)
    assert (found.directions[0] * found.directions[1]).sum() == pytest.approx(0)
    assert sum(area(cell.polygon) for cell in found.cells) == pytest.approx(1.5 * 2.25)


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        ({"directions": [np.ones((2, 2))]}, "directions"),
        ({"directions": [np.ones((2, 2)), np.ones((3, 2))]}, "directions"),
        ({"directions": [np.ones((2, 2)), -np.ones((2, 2))]}, "directions"),
        ({"directions": [np.ones((2, 2)), np.full((2, 2), np.nan)]}, "directions"),
        ({"window": (0, 1, -1, 1)}, "window"),
        ({"window": (-1, 1)}, "window"),
    ],
)
def test_what_cannot_be_a_plane_is_refused_by_name(arguments, name):
    with pytest.raises(ValueError, match=name):
        slice_landscape([[1.0, 1.0], [2.0, 1.0]], [1.0, -1.0], np.eye(2), [1.0, 1.0], **arguments)


@pytest.mark.parametrize("W", [[[0.0, -1.0], [0.0, -2.0]], [[1.0, 0.0], [1.0, 0.0]]])
def test_a_network_without_a_gradient_or_with_equal_neurons_has_a_plane_too(W):
    X, y = np.array([[1.0, 1.0], [2.0, 1.0], [4.0, 1.0]]), np.array([1.0, -1.0, 0.5])
    found = slice_landscape(X, y, np.array(W), np.array([1.0, 0.0]), lines=6, resolution=3)
    assert len(found.cells) > 1
