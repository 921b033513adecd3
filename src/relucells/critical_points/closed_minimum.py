"""The least loss over a closed cell: least squares under half-spaces, over the c of a free part too."""

import numpy as np
from numpy.typing import NDArray

from relucells.critical_points.coordinates import ALONG, STATIONARY
from relucells.critical_points.faces import Faces
from relucells.samples.decomposition import triangle
from relucells.samples.free_part import FreePart

# Most rounds for each unknown of a closed cell's minimum; fewer than 9 were seen.
ROUNDS = 100
# Most steps of Newton's method for the c of independent samples; fewer than 10 were seen.
NEWTON = 200


def closed_minimum(C, y, pattern, signs, V, held) -> tuple[NDArray, NDArray]:
    """(V (K, r), held (N, K)): where the loss is least on the closed cell, from a V in it.

    held : (N, K), the half-spaces on whose edges V lies, independent for each neuron. The result has those at
    the end, for the next call.
    """
    if len(C) == C.shape[1]:  # rank X = N
        return closed_minimum_independent(C, y, pattern, signs, V), held
    return closed_minimum_general(C, y, pattern, signs, V, held)


def closed_minimum_with_free_part(
    part: FreePart, C, y, pattern, signs, V, held
) -> tuple[NDArray, NDArray, NDArray, NDArray]:
    """(V, held, labels (N,), c (m,)): the same with a free part; labels : y − F c."""
    if len(C) == C.shape[1]:
        c = best_coefficients(part, y, pattern, signs)
        labels = y - part.F @ c
        return closed_minimum_independent(C, labels, pattern, signs, V), held, labels, c
    V, held = closed_minimum_general(C, y, pattern, signs, V, held, part.complement)
    missing = y - np.where(pattern, C @ V.T, 0.0) @ signs
    return V, held, y - part.projection(missing), part.coefficients(missing)


def best_coefficients(part: FreePart, y, pattern, signs) -> NDArray:
    """rank X = N with a free part: c with the least loss that the closed cell leaves (derived).

    Let r = y_i − F_i·c. A sample costs r² if none of its active neurons has the sign of r, and nothing
    otherwise. The sum of the costs is convex with a continuous gradient, and piecewise quadratic with
    finitely many pieces. Newton's method, each time to the least loss along its direction.
    """
    F = part.inputs.orthonormal[0] / np.sqrt(len(y))
    if part.everything:
        return part.coefficients(y)
    costs = {s: ~(pattern & (signs == s)).any(axis=1) for s in (1, -1)}

    def unserved(r):
        return (costs[1] & (r > 0)) | (costs[-1] & (r < 0))

    q = np.zeros(F.shape[1])
    for _ in range(NEWTON):
        r = y - F @ q
        rows = unserved(r)
        pull = F[rows].T @ r[rows]
        if np.linalg.norm(pull) <= STATIONARY / 100 * max(float(np.linalg.norm(y)), 1e-300):
            break
        step = np.linalg.lstsq(F[rows], r[rows], rcond=None)[0]
        q = q + _along(F @ step, r, unserved) * step
    return part.inputs.orthonormal[1] @ q / np.sqrt(len(y))


def _along(way: NDArray, r: NDArray, unserved) -> float:
    """The a ≥ 0 for which r − a·way costs least. The slope is piecewise linear and increasing in a."""

    def slope(a: float) -> float:
        rest = r - a * way
        return -float(way @ np.where(unserved(rest), rest, 0.0))

    with np.errstate(divide="ignore", invalid="ignore"):
        bends = np.unique(r / way)
    bends = np.concatenate([[0.0], bends[np.isfinite(bends) & (bends > 0)]])
    low, high = 0, len(bends)
    while high - low > 1:  # the last bend at which it still falls
        middle = (low + high) // 2
        low, high = (middle, high) if slope(bends[middle]) < 0 else (low, middle)
    end = bends[high] if high < len(bends) else bends[low] + 1.0
    rows = unserved(r - 0.5 * (bends[low] + end) * way)
    square = float(way[rows] @ way[rows])
    return float(way[rows] @ r[rows]) / square if square else float(bends[low])


def closed_minimum_independent(C, y, pattern, signs, V) -> NDArray:
    """rank X = N: the pre-activations are free, so every sample is solved by itself (derived).

    A sample with an active neuron of sign y_i is fitted exactly: the outputs of its neurons of that sign are
    scaled. For the other samples 0 is best, so their active neurons go to the boundary.
    """
    u = C @ V.T
    with_sign = pattern & (signs == np.sign(y)[:, None])
    against = pattern & ~with_sign
    served = with_sign.any(axis=1) & (y != 0)
    boundary = against & ~served[:, None]
    have = np.where(with_sign, np.maximum(u, 0.0), 0.0)
    missing = with_sign & (have.sum(axis=1) == 0)[:, None]
    have = np.where(missing, 1.0, have)
    need = np.abs(y) + np.where(against, np.maximum(u, 0.0), 0.0).sum(axis=1)
    total = np.where(served, have.sum(axis=1), 1.0)
    u = np.where(with_sign, have * (need / total)[:, None], u)
    u = np.where(pattern, np.maximum(u, 0.0), np.minimum(u, 0.0))
    u[boundary] = 0.0
    return u.T @ C


def closed_minimum_general(C, y, pattern, signs, V, held, off=None) -> tuple[NDArray, NDArray]:
    """Least squares |A v − y|² under half-spaces G v ≥ 0 by an active-set method from a feasible v.

    Each round minimises over the edges held. Where that leaves a choice (A may have any rank), it takes the
    shortest step. It goes to the minimum, or to the first half-space in the way, which is then held. Where
    the loss is least already, it lets go of the half-space with the most negative multiplier. The loss never
    rises, and v never leaves the closed cell. Rounds without a move take the first candidate instead of the
    best (Bland's rule), so that they cannot cycle. off : V of a free part's complement
    (``samples.free_part``), off whose range A and y are projected.
    """
    r = C.shape[1]
    alive = np.flatnonzero(pattern.any(axis=0))
    V, everywhere = V.copy(), np.zeros_like(held)
    if not len(alive):
        return V, everywhere
    A, target = ((signs * pattern)[:, alive, None] * C[:, None, :]).reshape(len(C), -1), y
    if off is not None:
        A, target = off.onto(A), off.onto(y)
    if len(A) > A.shape[1]:
        R = triangle(np.column_stack((A, target)))
        A, target = R[:, :-1], R[:, -1]
    size = np.maximum(np.linalg.norm(C, axis=1), np.finfo(float).tiny)[:, None]
    unit, side = C / size, np.where(pattern, 1.0, -1.0)[:, alive]
    v, held = V[alive], held[:, alive]
    faces = Faces(A, r)
    for k in range(len(alive)):
        faces.set(k, np.flatnonzero(held[:, k]), side[:, k], unit)
    least, careful, doubtful = False, False, False
    for _ in range(ROUNDS * A.shape[1]):
        error = A @ v.ravel() - target
        if least:
            row, k = faces.let_go(error, careful)
            if row is None:
                break
            held[row, k] = False
            faces.set(k, np.flatnonzero(held[:, k]), side[:, k], unit)
        step, sure = faces.step(error, doubtful)
        way, rate = side * (unit @ v.T), side * (unit @ step.T)
        beyond = np.flatnonzero((way + rate < 0) & (rate < -ALONG * np.linalg.norm(step, axis=1)) & ~held)
        if len(beyond):
            reach = np.maximum(way.ravel()[beyond], 0.0) / -rate.ravel()[beyond]
            row, k = np.unravel_index(beyond[np.argmin(reach)], held.shape)
            v = v + reach.min() * step
            held[row, k] = True
            faces.set(k, np.flatnonzero(held[:, k]), side[:, k], unit)
            v[k] = faces.onto(k, v[k])  # off the edge by rounding only
            least, careful, doubtful = False, reach.min() == 0.0, False
        else:
            v = v + step
            least = sure or faces.slope(A @ v.ravel() - target) < STATIONARY / 10
            careful, doubtful = False, not least
    V[alive] = v
    everywhere[:, alive] = held
    return V, everywhere
