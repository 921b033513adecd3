"""Where gradient descent ends on the torus of the two directions.

Runs start on a grid of directions with |w_j| = |z_j| = 1, for each choice of the signs of z. They follow eqs.
(23) and (24) of Liu, Part 2, through all cells, all runs side by side. At walls the gradient jumps, and
gradient descent becomes slower and slower. So each run is brought to rest over closed cells (``faces``): from
a closed cell's minimum on a wall it goes into the next cell, for as long as the loss falls there. Signs of z
never change: the flow keeps |z_j|² − |w_j|², so z_j becomes 0 only together with w_j.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from relucells.atlas.faces import PROPOSED, SIGNS, SUBSETS, Place, Rays, rays_of
from relucells.atlas.sectors import Samples

RECORDS = 200  # points of a path that are recorded, more of them at its start, where it is fast
KEPT = 16  # of these, points that are kept


@dataclass(frozen=True)
class Descents:
    """Runs from a grid of n × n directions for each sign vector; B = 4 n² runs in the order of SIGNS.

    start : (B, 2) angles of both neurons; signs : (B,) row of SIGNS
    way : (B, KEPT, 2) angles along the way, as far as gradient descent went
    end : (B, 2) angles where it came to rest; loss : (B,) there
    kind : (B,) "inside" (a genuine minimum of a cell), "wall" (a minimum on a wall), "zero" (a neuron
        with R_j = 0, and no direction with its sign lowers the loss)
    cell : (B, 2) the sectors, those after the wall where the end lies on one
    """

    start: NDArray[np.float64]
    signs: NDArray[np.int64]
    way: NDArray[np.float64]
    end: NDArray[np.float64]
    loss: NDArray[np.float64]
    kind: NDArray[np.str_]
    cell: NDArray[np.int64]


def descents(
    samples: Samples, genuine: NDArray[np.bool_], starts: int, step: float, max_steps: int
) -> Descents:
    """Run gradient descent from ``starts`` × ``starts`` directions under every sign vector.

    genuine : (2M, 2M, 4), of ``landscape.Landscape``; step : in units of what is stable at the start.
    """
    angles = -np.pi / 2 + 2 * np.pi * (np.arange(starts) + 0.5) / starts
    grid = np.stack(np.meshgrid(angles, angles, indexing="ij"), axis=-1).reshape(-1, 2)
    start = np.tile(grid, (len(SIGNS), 1))
    signs = np.repeat(np.arange(len(SIGNS)), len(grid))
    path = _gradient_descent(samples, start, np.array(SIGNS)[signs], step, max_steps)
    rays = Rays(samples)
    ends = [
        settle(rays, genuine, tuple(samples.sector(last)), int(s))
        for last, s in zip(path[:, -1], signs, strict=True)
    ]
    lasts = zip(ends, path[:, -1], strict=True)
    return Descents(
        start=start,
        signs=signs,
        way=_thinned(path),
        end=np.array([end.angles(samples, last) for end, last in lasts]),
        loss=np.array([end.loss for end in ends]),
        kind=np.array([end.kind for end in ends]),
        cell=np.array([end.cell for end in ends]),
    )


def _gradient_descent(samples: Samples, start, signs, step: float, max_steps: int) -> NDArray[np.float64]:
    """Angles (B, records, 2) along gradient descent with a fixed step; labels are scaled to size 1."""
    X, N = samples.X, len(samples.y)
    y = samples.y / (np.sqrt(np.mean(samples.y**2)) or 1.0)
    W = np.stack([np.cos(start), np.sin(start)], axis=-1)
    z = signs.astype(float)
    rate = step / (4 / N * np.linalg.norm(X, 2) ** 2)
    looked_at = set(np.geomspace(1, max_steps, RECORDS).astype(int).tolist())
    recorded = [start]
    for n in range(1, max_steps + 1):
        pre = W @ X.T
        active = np.maximum(pre, 0.0)
        e = (2 / N) * (np.einsum("bj,bji->bi", z, active) - y)
        by_W = (z[..., None] * (pre > 0) * e[:, None, :]) @ X
        by_z = np.einsum("bji,bi->bj", active, e)
        W, z = W - rate * by_W, z - rate * by_z
        if n in looked_at:
            recorded.append(np.arctan2(W[..., 1], W[..., 0]))
    return np.stack(recorded, axis=1)


def _thinned(path: NDArray[np.float64]) -> NDArray[np.float64]:
    """KEPT points of every path, evenly along it."""
    steps = np.abs(np.angle(np.exp(1j * np.diff(path, axis=1)))).sum(axis=2)
    along = np.concatenate([np.zeros((len(path), 1)), np.cumsum(steps, axis=1)], axis=1)
    wanted = along[:, -1:] * np.linspace(0, 1, KEPT)
    rows = [np.searchsorted(a, w - 1e-12).clip(0, len(a) - 1) for a, w in zip(along, wanted, strict=True)]
    return np.take_along_axis(path, np.array(rows)[..., None], axis=1)


@dataclass(frozen=True)
class End:
    """Where a run rests: the cell, the coefficients (4,) on its rays, the places, the kind, the loss."""

    cell: tuple[int, int]
    coefficients: NDArray[np.float64]
    places: tuple[Place | None, Place | None]
    kind: str
    loss: float

    def angles(self, samples: Samples, before: NDArray[np.float64]) -> list[float]:
        """The directions of both neurons; a neuron with R_j = 0 keeps its last direction, ``before`` (2,)."""
        found = []
        for j, k in enumerate(self.cell):
            pair = samples.rays[[k, (k + 1) % samples.sectors]]
            w = self.coefficients[2 * j : 2 * j + 2] @ pair
            found.append(float(np.arctan2(w[1], w[0]) if w.any() else before[j]))
        return found


def settle(rays: Rays, genuine: NDArray[np.bool_], cell: tuple[int, int], s: int) -> End:
    """From closed cell to closed cell, each with a lower minimum, until none is lower."""
    sectors, signs = rays.samples.sectors, SIGNS[s]
    dead = sectors - 1
    seen = {cell}
    while True:
        a, c, loss = _closed_minimum(rays, cell, signs)
        first, second = (
            k if k == dead else _beyond(k, pair, sign * c, sectors)
            for k, pair, sign in zip(cell, a.reshape(2, 2), signs, strict=True)
        )
        inside = bool(genuine[*cell, s])
        # A cell comes twice only by rounding, where the loss can fall no further.
        if inside or (first, second) in seen:
            places = _places(a, cell, signs, sectors)
            kind = "inside" if inside else "zero" if None in places else "wall"
            on = rays.lengths[list(rays_of(cell, sectors))]
            scale = np.linalg.norm(rays.samples.y) / np.where(on > 0, on, 1.0)
            return End(cell, scale * a, places, kind, loss)
        cell = first, second
        seen.add(cell)


def _places(a: NDArray, cell, signs, sectors: int) -> tuple[Place | None, Place | None]:
    """Each neuron's place; None for a silent one, R_j = 0.

    Where two neurons of one sign meet on a ray, the closed cell's minimum gives the whole coefficient to one
    of them. The other one is at this place too, and not silent.
    """
    found: list[Place | None] = []
    for k, pair in zip(cell, a.reshape(2, 2), strict=True):
        on = tuple(ray for ray, value in zip((k, (k + 1) % sectors), pair, strict=True) if value > 0)
        found.append(() if k == sectors - 1 else on or None)
    for j, other in ((0, found[1]), (1, found[0])):
        beside = (cell[j], (cell[j] + 1) % sectors)
        if found[j] is None and other and len(other) == 1 and other[0] in beside and signs[0] == signs[1]:
            found[j] = other
    return found[0], found[1]


def _closed_minimum(rays: Rays, cell, signs) -> tuple[NDArray, NDArray, float]:
    """Coefficients (4,) of the normalised rays at the closed cell's minimum, c (2M,), the loss."""
    gram, right = rays.float
    on, own = np.array(rays_of(cell, rays.samples.sectors)), np.repeat(np.array(signs, dtype=float), 2)
    subset = SUBSETS[rays.propose(np.array([cell]), signs)[0]]
    a = np.zeros(4)
    system, fit = gram[np.ix_(on, on)] * np.outer(own, own), right[on] * own
    a[subset] = np.maximum(np.linalg.solve(system[np.ix_(subset, subset)], fit[subset]), 0.0)
    return a, right - gram[:, on] @ (own * a), float((1.0 - a @ fit) * np.mean(rays.samples.y**2))


def _beyond(k: int, a: NDArray, c: NDArray, sectors: int) -> int:
    """The sector into which a neuron in sector k goes on.

    The loss falls towards a ray where s c > 0, here c.
    """
    after = (k + 1) % sectors
    if a[0] > 0 and a[1] > 0:
        return k
    if not a.any():
        ray = int(np.argmax(c))
        return ray if c[ray] > PROPOSED else k
    if a[1] == 0:
        return (k - 1) % sectors if c[(k - 1) % sectors] > PROPOSED else k
    return after if c[(k + 2) % sectors] > PROPOSED else k
