"""A plane through a network: the cells that it meets, their minima and verdicts, the loss, a descent.

The plane is W(a, b) = W + a U + b V; the output weights z stay as they are. In it every pair (i, j) is a line
w_j·x_i = 0. The lines cut a window into convex polygons, one for each cell. The loss of a cell's minimum and
its verdict are those of the whole cell, not only of its part in the plane.

    found = slice_landscape(X, y, W, z)                      # both directions and the window chosen
    found = slice_landscape(X, y, W, z, (U, V), (-1, 1, -1, 1))
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from relucells.cells.minimum import cell_minimum
from relucells.certify.verify import verification_level
from relucells.descent import gradient
from relucells.samples.inputs import Inputs, network, prepare
from relucells.search.decide import decide

CONVENTIONS = ("positive", "given", "exists")  # given: the signs of z
# A direction of which less than this share is left, once the other one is projected out, is no direction.
PARALLEL = 1e-6
# A vertex at most this far from a line, relative to the window, lies on it.
ON_LINE = 1e-10


@dataclass(frozen=True)
class PlaneCell:
    """One cell in the window.

    polygon : (n, 2) corners; flipped : (m, 2) pairs (sample, neuron) whose activation differs from the
    network's; loss : of the cell's minimum; verdicts, levels : by convention, in the order of CONVENTIONS
    """

    polygon: NDArray[np.float64]
    flipped: NDArray[np.int64]
    loss: float
    verdicts: tuple[str, ...]
    levels: tuple[str, ...]


@dataclass(frozen=True)
class Slice:
    """What the plane shows, in its coordinates (a, b) with the network at (0, 0).

    directions : (2, K, D) orthonormal U, V; window : (a_min, a_max, b_min, b_max)
    cells : those in the window; grid : (G,), (G,) and the loss (G, G) at [b, a]
    path : (T, 2) gradient descent from the network, in W and z, projected on the plane, until it leaves
        the window or comes to an end; off_plane : share of its way in W that is not in the plane
    minimum : (2,) the minimiser of the network's cell that is nearest to it, projected on the plane
    loss : of the network itself
    """

    directions: NDArray[np.float64]
    window: tuple[float, float, float, float]
    cells: list[PlaneCell]
    grid: tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]
    path: NDArray[np.float64]
    off_plane: float
    minimum: NDArray[np.float64]
    loss: float


def slice_landscape(
    X: ArrayLike | Inputs,
    y: ArrayLike,
    W: ArrayLike,
    z: ArrayLike,
    directions: Sequence[ArrayLike] | None = None,
    window: Sequence[float] | None = None,
    *,
    lines: int = 24,
    resolution: int = 81,
    max_steps: int = 1000,
    program_limit: int | None = 20,
) -> Slice:
    """The plane through a network along two directions.

    X : (N, D) or ``relucells.prepare(X)``; y : (N,); W : (K, D); z : (K,)
    directions : two of (K, D), made orthonormal, the first kept; by default the negative gradient of the
        loss by W, and the way to the nearest minimiser of the cell's loss
    window : a_min, a_max, b_min, b_max about 0; by default the square that this many ``lines`` cross
    resolution : points of the loss's grid along each side; max_steps : of gradient descent
    program_limit : linear programs for one cell and convention, then it is undecided
    Raises ValueError, naming the argument.
    """
    inputs = prepare(X)
    y, W, z = network(inputs, y, W, z)
    nearest = _nearest_minimum(inputs, y, W, z)
    plane = _plane(inputs, y, W, z, nearest, directions)
    pre = np.stack([inputs.X @ matrix.T for matrix in (W, *plane)])
    view = _window(pre, lines) if window is None else _checked(window)
    cells = [_decided(inputs, y, z, pre, polygon, program_limit) for polygon in polygons(_lines(pre), view)]
    path, off_plane = _descent(inputs, y, W, z, plane, view, max_steps)
    a, b = np.linspace(*view[:2], resolution), np.linspace(*view[2:], resolution)
    losses = np.array([_losses(pre, y, z, a, level) for level in b])
    here = float(_losses(pre, y, z, np.zeros(1), 0.0)[0])
    minimum = np.tensordot(plane, nearest - W, axes=2)
    return Slice(plane, view, cells, (a, b, losses), path, off_plane, minimum, here)


def _nearest_minimum(inputs: Inputs, y: NDArray, W: NDArray, z: NDArray) -> NDArray[np.float64]:
    """W (K, D) of the minimiser of the cell's loss whose R_j = z_j w_j lie nearest to the network's."""
    pre = inputs.X @ W.T
    missing = y - np.maximum(pre, 0.0) @ z
    step = cell_minimum(inputs, missing, pre > 0).R
    return W + np.divide(step, z[:, None], out=np.zeros_like(step), where=z[:, None] != 0)


def _plane(inputs, y, W, z, nearest, directions) -> NDArray[np.float64]:
    """Two orthonormal directions (2, K, D)."""
    if directions is not None:
        given = [np.asarray(direction, dtype=float) for direction in directions]
        if len(given) != 2 or any(one.shape != W.shape or not np.isfinite(one).all() for one in given):
            raise ValueError(f"directions: must be two finite arrays of shape {W.shape}")
        pair = _orthonormal(given)
        if len(pair) < 2:
            raise ValueError("directions: must be neither zero nor parallel")
        return np.stack(pair)
    # Where the gradient or the way to the minimum vanishes: all neurons towards the samples' mean, and
    # every other one away from it.
    towards = np.tile(inputs.X.mean(axis=0), (len(W), 1))
    apart = towards * np.where(np.arange(len(W)) % 2, -1.0, 1.0)[:, None]
    single = np.zeros_like(W)
    single[0, 0] = 1.0
    descent = -gradient(inputs, y, W, z)[0]
    pair = _orthonormal([descent, nearest - W, towards, apart, single])[:2]
    if len(pair) < 2:
        raise ValueError("W: the weights of one neuron with one input have no plane")
    return np.stack(pair)


def _orthonormal(vectors: list[NDArray]) -> list[NDArray]:
    """Gram–Schmidt; nearly dependent vectors are left out."""
    found: list[NDArray] = []
    for vector in vectors:
        rest = vector.copy()
        for _ in range(2):
            for one in found:
                rest = rest - (rest * one).sum() * one
        size = np.linalg.norm(vector)
        if size > 0 and np.linalg.norm(rest) > PARALLEL * size:
            found.append(rest / np.linalg.norm(rest))
    return found


def _lines(pre: NDArray) -> NDArray[np.float64]:
    """(L, 3) lines α a + β b + γ = 0 of unit (α, β), one for each pair that changes in the plane."""
    gamma, alpha, beta = pre.reshape(3, -1)
    size = np.hypot(alpha, beta)
    keep = size > 0
    return np.stack([alpha, beta, gamma], axis=1)[keep] / size[keep, None]


def _window(pre: NDArray, lines: int) -> tuple[float, float, float, float]:
    """The largest square about 0 that at most so many lines cross."""
    found = _lines(pre)
    reach = np.unique(np.abs(found[:, 2]) / np.abs(found[:, :2]).sum(axis=1))
    reach = reach[reach > 0]
    half = float(reach[lines] if len(reach) > lines else 1.1 * reach.max(initial=1.0 / 1.1))
    return -half, half, -half, half


def _checked(window: Sequence[float]) -> tuple[float, float, float, float]:
    view = tuple(float(edge) for edge in window)
    if len(view) != 4 or not np.isfinite(view).all() or not (view[0] < 0 < view[1] and view[2] < 0 < view[3]):
        raise ValueError("window: must be a_min < 0 < a_max, b_min < 0 < b_max")
    return view


def polygons(lines: NDArray, window: tuple[float, float, float, float]) -> list[NDArray[np.float64]]:
    """The convex polygons into which lines (L, 3) cut a window; corners (n, 2) in order."""
    left, right, low, high = window
    found = [np.array([[left, low], [right, low], [right, high], [left, high]])]
    near = ON_LINE * max(right - left, high - low)
    box = found[0]
    crossing = lines[(np.ptp(np.sign(box @ lines[:, :2].T + lines[:, 2]), axis=0) == 2)]
    for line in crossing:
        following = []
        for polygon in found:
            following += _split(polygon, polygon @ line[:2] + line[2], near)
        found = following
    return found


def _split(polygon: NDArray, height: NDArray, near: float) -> list[NDArray[np.float64]]:
    """The parts of a polygon on either side of a line, from its corners' heights above the line."""
    if height.max() <= near or height.min() >= -near:
        return [polygon]
    parts: tuple[list, list] = ([], [])
    for n, (corner, h) in enumerate(zip(polygon, height, strict=True)):
        following, next_h = polygon[(n + 1) % len(polygon)], height[(n + 1) % len(polygon)]
        for part, side in zip(parts, (1, -1), strict=True):
            if side * h >= -near:
                part.append(corner)
        if min(h, next_h) < -near and max(h, next_h) > near:
            cut = corner + h / (h - next_h) * (following - corner)
            parts[0].append(cut)
            parts[1].append(cut)
    return [np.array(part) for part in parts]


def _decided(inputs, y, z, pre, polygon, program_limit) -> PlaneCell:
    """The cell that holds a polygon: its minimum's loss, and verdicts with checked certificates."""
    a, b = polygon.mean(axis=0)
    pattern = pre[0] + a * pre[1] + b * pre[2] > 0
    wanted = ("positive", np.where(z < 0, -1, 1), "exists")
    decisions = [
        decide(inputs, y, pattern, signs, program_limit=program_limit, margin="sign") for signs in wanted
    ]
    levels = tuple(
        "undecided" if one.verdict == "undecided" else verification_level(inputs, y, pattern, one)
        for one in decisions
    )
    flipped = np.argwhere(pattern != (pre[0] > 0))
    return PlaneCell(polygon, flipped, decisions[0].loss, tuple(one.verdict for one in decisions), levels)


def _losses(pre: NDArray, y: NDArray, z: NDArray, a: NDArray, b: float) -> NDArray[np.float64]:
    """The loss at (a, b) for every a, (G,)."""
    values = pre[0] + a[:, None, None] * pre[1] + b * pre[2]
    return np.mean((np.maximum(values, 0.0) @ z - y) ** 2, axis=1)


def _descent(inputs, y, W, z, plane, view, max_steps) -> tuple[NDArray[np.float64], float]:
    """Gradient descent projected on the plane, and the share of its way in W that is not in it."""
    rate = 0.2 / _steepest(inputs, W, z)
    start, here = W, np.zeros(2)
    path, way, in_plane = [here], 0.0, 0.0
    for _ in range(max_steps):
        by_W, by_z = gradient(inputs, y, W, z)
        step = -rate * by_W
        way += float((step**2).sum())
        in_plane += float((np.tensordot(plane, step, axes=2) ** 2).sum())
        W, z = W + step, z - rate * by_z
        here = np.tensordot(plane, W - start, axes=2)
        path.append(here)
        if not (view[0] < here[0] < view[1] and view[2] < here[1] < view[3]):
            break
    return np.array(path), float(np.sqrt(1.0 - in_plane / way)) if way > 0 else 0.0


def _steepest(inputs: Inputs, W: NDArray, z: NDArray, rounds: int = 30) -> float:
    """The largest eigenvalue of (2/N) J Jᵀ, J the derivative of the outputs by W and z (power iteration)."""
    pre = inputs.X @ W.T
    active, values = (pre > 0) * z, np.maximum(pre, 0.0)
    vector = np.random.default_rng(0).standard_normal(len(pre))
    size = 0.0
    for _ in range(rounds):
        by_W = (active * vector[:, None]).T @ inputs.X
        vector = ((inputs.X @ by_W.T) * active).sum(axis=1) + values @ (values.T @ vector)
        size = float(np.linalg.norm(vector))
        if size == 0.0:
            return 1.0
        vector /= size
    return 2.0 * size / len(pre)
