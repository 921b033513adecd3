"""The least loss over a closed cell: least squares under half-spaces."""

import numpy as np
from numpy.typing import NDArray

from relucells.critical_points.coordinates import ALONG, STATIONARY
from relucells.critical_points.faces import Faces

# Rounds for each unknown that a closed cell's minimum may take; seen: less than 9.
ROUNDS = 100


def closed_minimum(C, y, pattern, signs, V, held) -> tuple[NDArray, NDArray]:
    """(V (K, r), held (N, K)): where the loss is least on the closed cell, from a V in it.

    held : half-spaces to start with, independent for each neuron, at whose edges V lies; then those at the
    end, for the next call.
    """
    if len(C) == C.shape[1]:  # rank X = N
        return closed_minimum_independent(C, y, pattern, signs, V), held
    return closed_minimum_general(C, y, pattern, signs, V, held)


def closed_minimum_independent(C, y, pattern, signs, V) -> NDArray:
    """rank X = N: the pre-activations are free, so every sample is solved by itself (derived).

    A sample with an active neuron of sign y_i is fitted exactly, by scaling what the neurons of that sign
    give it; the others are best served by 0, so their active neurons go to the boundary.
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


def closed_minimum_general(C, y, pattern, signs, V, held) -> tuple[NDArray, NDArray]:
    """Least squares |A v − y|² under half-spaces G v ≥ 0 by an active-set method from a feasible v.

    Each round minimises over the edges held, by the shortest step where that leaves a choice (A may have
    any rank), goes there or to the first half-space in the way, which is then held, or, where the loss is
    least already, lets go of the half-space with the most negative multiplier. The loss never rises and v
    never leaves the closed cell. Rounds without a move take the first candidate instead of the best
    (Bland's rule), which keeps them from going round in circles.
    """
    r = C.shape[1]
    alive = np.flatnonzero(pattern.any(axis=0))
    V, everywhere = V.copy(), np.zeros_like(held)
    if not len(alive):
        return V, everywhere
    A, target = ((signs * pattern)[:, alive, None] * C[:, None, :]).reshape(len(C), -1), y
    if len(C) > A.shape[1]:
        triangle = np.linalg.qr(np.column_stack((A, y)), mode="r")
        A, target = triangle[:, :-1], triangle[:, -1]
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
