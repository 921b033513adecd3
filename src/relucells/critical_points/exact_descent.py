"""Exact descent from cell to cell, to a local minimum."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from relucells.critical_points.classify import critical_point
from relucells.critical_points.closed_minimum import closed_minimum, closed_minimum_with_free_part
from relucells.critical_points.coordinates import BOUNDARY, CROSSING, NearOne, near_one, orthonormal, sides_of
from relucells.critical_points.kinks import Kinks
from relucells.lower_loss import loss_bound
from relucells.samples.free_part import FreePart, free_array, free_part
from relucells.samples.inputs import Inputs, at_least, network, prepare
from relucells.samples.records import Record
from relucells.samples.threads import one_thread


@dataclass(frozen=True, eq=False)
class Settled(Record):
    """W (K, D), z (K,): the end point; cells : closed cells minimised on the way; finished : whether the
    first-order conditions hold there, by ``critical_point`` (else the limit on cells was met); c (m,) : of a
    free part, else None."""

    W: NDArray[np.float64]
    z: NDArray[np.float64]
    cells: int
    finished: bool
    c: NDArray[np.float64] | None = None


Point = tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]  # W, z, c


@one_thread
def settle(
    X: ArrayLike | Inputs,
    y: ArrayLike,
    W: ArrayLike,
    z: ArrayLike,
    max_cells: int = 1000,
    *,
    free: ArrayLike | None = None,
) -> Settled:
    """Descend from cell to cell, exactly: minimise over the closed cell, cross where that descends, repeat.

    The loss is a convex quadratic of v_j = |z_j| w_j on the closed cell. At its minimum a pair on the
    boundary has a multiplier t (``classify``). It lies outside [0, z_j e_i] exactly if the loss falls beyond
    the boundary. Those pairs change sides, and the next cell has a lower minimum. A neuron that arrives at
    v_j = 0 with g_j ≠ 0 goes through z_j = 0 to the other sign. No cell and sign comes twice, so this is
    finite. It ends in a local minimum. All of it is a descent path: the segment to a closed cell's minimum
    lies in that cell. A neuron that changes nothing, dead or with z_j = 0, moves inside its cell, away from
    the boundary. Where the rounded end point's loss is not known to be lower, the first point is returned.
    free : F, (N, m), of a network with a free part F c. Its c is the best one from the first cell on.
    """
    inputs = prepare(X)
    y, W, z = network(inputs, y, W, z)
    at_least("max_cells", max_cells, 1, "a number of cells", whole=True)
    part, F = free_part(free, len(y)), free_array(free, len(y))
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        output = np.maximum(inputs.X @ W.T, 0.0) @ z
        first: Point = W, z, np.zeros(F.shape[1]) if part is None else part.coefficients(y - output)
        try:
            end, cells = _path(inputs, y, W, z, part, max_cells)
            end = end if part is not None else (*end[:2], first[2])
        except np.linalg.LinAlgError:  # numbers that no float holds on the way
            end, cells = first, 0
        # weights of nearly dependent columns may be so large that rounding them undoes the descent
        if not _is_no_higher(inputs, y, F, end, first):
            end = first
    best = None if free is None else end[2]
    finished = critical_point(inputs, y, *end[:2], free=free, c=best).kind != "not converged"
    return Settled(*end[:2], cells, finished, best)


def _is_no_higher(inputs: Inputs, y: NDArray, F: NDArray, end: Point, first: Point) -> bool:
    """Whether the loss at (W, z, c), rounding included, is not above that of the first point."""
    if not all(np.isfinite(part).all() for part in end):
        return False
    if not all(np.isfinite(part).all() for part in first):
        return True
    bounds = [loss_bound(inputs, y, W, z, free=F, c=c) for W, z, c in (end, first)]
    return bounds[0] <= bounds[1] * (1 + 1e-9) + 1e-18 * float(np.mean(y**2))


def _path(
    inputs: Inputs, y: NDArray, W: NDArray, z: NDArray, part: FreePart | None, max_cells: int
) -> tuple[Point, int]:
    """W, z and c at the end of the descent from checked arguments, and the closed cells on it."""
    C, T = orthonormal(inputs)
    small = near_one(inputs, C, y, W, z)
    unit, direction = float(np.linalg.norm(small.y) or 1.0), small.V
    V = direction * (np.abs(small.z) / unit)[:, None]
    # w_j = 0 has no cell: through z_j = 0 the neuron moves to a cell with an active sample.
    direction[~direction.any(axis=1)] = C[np.argmax(np.linalg.norm(C, axis=1))]
    pattern = C @ direction.T > 0
    signs = np.where(z >= 0, 1.0, -1.0)
    held, seen = np.zeros_like(pattern), set()
    target = small.y / unit
    cells, labels, c = 0, target, np.zeros(0 if part is None else part.F.shape[1])
    while True:
        cells += 1
        if part is None:
            V, held = closed_minimum(C, target, pattern, signs, V, held)
        else:
            V, held, labels, c = closed_minimum_with_free_part(part, C, target, pattern, signs, V, held)
        moving = np.asarray(V.any(axis=1))
        direction = np.where(moving[:, None], V, direction)
        for j in np.flatnonzero(~moving | ~pattern.any(axis=0)):
            direction[j] = _inside(C, direction[j], pattern[:, j])
        V = np.where(moving[:, None], direction, V)
        cross, turn = _crossings(C, labels, pattern, signs, V)
        following = signs * np.where(turn, -1.0, 1.0), pattern ^ cross
        key = following[0].tobytes(), np.packbits(following[1]).tobytes()
        # A cell comes twice only by rounding, where the loss can fall no further.
        if cells == max_cells or not (cross.any() or turn.any()) or key in seen:
            break
        seen.add(key)
        held &= ~cross
        signs, pattern = following
    return (*_weights(small, unit * V, direction, signs, T), np.ldexp(unit * c, small.power)), cells


def _weights(
    small: NearOne, V: NDArray, direction: NDArray, signs: NDArray, T: NDArray
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """W (K, D) and z (K,) of v_j = |z_j| w_j, evenly shared; at v_j = 0, w_j in its direction and z_j = 0."""
    moving = V.any(axis=1)
    length = np.ldexp(np.sqrt(np.linalg.norm(V, axis=1)), small.power // 2)
    size = length / np.maximum(np.linalg.norm(direction, axis=1), np.finfo(float).tiny)
    size = np.where(moving, size, np.ldexp(1.0, small.powers))
    return (size[:, None] * direction) @ T.T, np.where(moving, signs * length, 0.0)


def _crossings(C, y, pattern, signs, V) -> tuple[NDArray, NDArray]:
    """Pairs (N, K) that change sides, and neurons (K,) at v_j = 0 that change sign, where the loss falls."""
    pre, boundary = sides_of(C, V)
    boundary &= C.any(axis=1)[:, None]
    e = np.where(pattern, pre, 0.0) @ signs - y
    cross = np.zeros_like(pattern)
    moving = V.any(axis=1)
    for j in np.flatnonzero(boundary.any(axis=0) & moving):
        rows = np.flatnonzero(boundary[:, j])
        pull = signs[j] * ((pattern[:, j] & ~boundary[:, j]) * e) @ C
        sides = Kinks(C[rows], signs[j] * e[rows], pull, CROSSING).sides_of_descent()
        cross[rows, j] = np.where(pattern[rows, j], sides < 0, sides > 0)
    turn = ~moving & (np.linalg.norm((pattern * e[:, None]).T @ C, axis=1) > CROSSING)
    return cross, turn


def _inside(C: NDArray, v: NDArray, pattern: NDArray) -> NDArray:
    """v moved off the boundary of its closed cell, halfway to the next hyperplane; v itself if inside."""
    side = np.where(pattern, 1.0, -1.0)
    pre, boundary = sides_of(C, v[None])
    boundary = boundary[:, 0] & C.any(axis=1)
    if not boundary.any():
        return v
    rows = side[boundary, None] * C[boundary]
    inwards = np.linalg.lstsq(rows, np.linalg.norm(rows, axis=1), rcond=BOUNDARY)[0]
    if (rows @ inwards <= 0).any():  # dependent half-spaces may have no common inside
        return v
    gap, rate = (side * pre[:, 0])[~boundary], (side * (C @ inwards))[~boundary]
    reach = min((gap[rate < 0] / -rate[rate < 0]).min(initial=np.inf), np.linalg.norm(v))
    return v + reach / 2 * inwards
