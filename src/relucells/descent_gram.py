"""A descent by pre-activations, for fewer samples than coordinates, as native code.

Inside a cell every gradient lies in the span of the samples, so W = W0 − M X, and the pre-activations on
the *alive* samples, those with an active neuron, say where the run stands. With E_ji = (2/N) (f(x_i) − y_i)
I_ij and the Gram matrix G = X Xᵀ of these samples, the rows of E G are the changes of the pre-activations,
and those of E the changes of M, up to factors η z_j.

Neurons are active on much the same samples. So E G is computed once, over the samples on which most neurons
are active. Each neuron then adds or takes away the samples on which it differs.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from relucells.descent_end import Descent, Outcome, per_length
from relucells.progress import progress
from relucells.samples.inputs import Inputs
from relucells.samples.native import native

# Steps that are taken at a time, before Python can hear of an interruption.
AT_ONCE = 1000
EPS = float(np.finfo(float).eps)
ENDS: tuple[Outcome, ...] = ("undecided", "trapped", "crossed")


class Cell(NamedTuple):
    """What does not change during a run.

    across : (A, N), Gram matrix of the A alive samples with all; gram : (A, A), with each other
    start : (K, N), pre-activations at first; active : (K, A), 1 or 0; y, lengths : (A,), of the alive samples
    neurons : (K,), those with an active sample; most : the samples on which most of these are active
    others : those on which neuron j differs from them, from ``first_other[j]`` on
    per_length : (N,), of ``descent_end``; step : η; tolerance : of the gradient norm
    """

    across: NDArray[np.float64]
    gram: NDArray[np.float64]
    start: NDArray[np.float64]
    active: NDArray[np.float64]
    y: NDArray[np.float64]
    lengths: NDArray[np.float64]
    neurons: NDArray[np.bool_]
    most: NDArray[np.intp]
    others: NDArray[np.intp]
    first_other: NDArray[np.intp]
    per_length: NDArray[np.float64]
    step: float
    tolerance: float


class Place(NamedTuple):
    """Where a run is: ``pre`` and ``moved`` (M), (K, A), z (K,), how far w_j may still go unseen (K,)."""

    pre: NDArray[np.float64]
    moved: NDArray[np.float64]
    z: NDArray[np.float64]
    room: NDArray[np.float64]


def descend_by_gram(
    inputs: Inputs, y: NDArray, W: NDArray, z: NDArray, step: float, tolerance: float, max_steps: int
) -> Descent:
    """As ``descent.descend``, with its arguments checked."""
    start = W @ inputs.X.T
    pattern = start > 0
    alive, neurons = np.flatnonzero(pattern.any(axis=0)), np.asarray(pattern.any(axis=1))
    # Rows first in all arrays, whatever their shape: native code is compiled for each order that it meets.
    active = np.ascontiguousarray(pattern[:, alive])
    most = np.asarray(2 * active.sum(axis=0) > neurons.sum())
    neuron, sample = np.nonzero((active != most) & neurons[:, None])
    across, to_go = np.ascontiguousarray(inputs.gram[alive]), per_length(inputs)
    cell = Cell(
        across,
        np.ascontiguousarray(across[:, alive]),
        start,
        active.astype(float),
        y[alive],
        inputs.lengths[alive],
        neurons,
        np.flatnonzero(most),
        np.ascontiguousarray(sample),
        np.searchsorted(neuron, np.arange(len(W) + 1)),
        to_go,
        float(step),
        float(tolerance),
    )
    room = (np.abs(start) * to_go).min(axis=1)
    place = Place(np.ascontiguousarray(start[:, alive]), np.zeros(active.shape), z.copy(), room)
    steps, end, norm = 0, 0, 0.0
    for begun in progress(range(0, max_steps + 1, AT_ONCE), "thousand steps"):
        end, taken, norm = _advance(cell, place, min(AT_ONCE, max_steps - begun))
        steps += taken
        if end:
            break
    return Descent(ENDS[end], steps, W - place.moved @ inputs.X[alive], place.z, norm)


@native
def _advance(cell, place, limit):
    """Take at most ``limit`` steps: which of ENDS it came to, how many steps, and the last gradient norm."""
    pre, moved, z, room = place
    K, A = pre.shape
    errors, spread, by_z, squares = np.empty(A), np.empty((K, A)), np.empty(K), np.empty(K)
    for steps in range(limit + 1):
        rounding = _gradients(cell, place, errors, spread, by_z, squares)
        total = 0.0
        for j in range(K):
            total += by_z[j] ** 2 + z[j] ** 2 * squares[j]
        norm = np.sqrt(total)
        if norm < cell.tolerance:
            return 1, steps, norm
        if steps == limit:
            break
        for j in range(K):
            if cell.neurons[j]:  # a dead neuron stays where it is
                room[j] -= abs(cell.step * z[j]) * (np.sqrt(squares[j]) + rounding)
            if room[j] <= 0:
                room[j] = _look(cell, place, errors, j)
                if room[j] <= 0:
                    return 2, steps + 1, norm
        for j in range(K):
            along = cell.step * z[j]
            for i in range(A):
                pre[j, i] -= along * spread[j, i]
                moved[j, i] += along * errors[i] * cell.active[j, i]
            z[j] -= cell.step * by_z[j]
    return 0, limit, norm


@native
def _gradients(cell, place, errors, spread, by_z, squares):
    """The errors, E G, ∂L/∂z_j and ‖∂L/∂R_j‖² at a place. Returns what rounding may hide of ‖∂L/∂R_j‖."""
    K, A = place.pre.shape
    N = cell.start.shape[1]
    for i in range(A):
        errors[i] = -cell.y[i]
    for j in range(K):
        for i in range(A):
            errors[i] += place.z[j] * place.pre[j, i] * cell.active[j, i]
    size = 0.0
    for i in range(A):
        errors[i] *= 2 / N
        size += abs(errors[i]) * cell.lengths[i]
    shared, own = np.empty(A), np.empty(A)
    _combine(shared, errors, cell.most, cell.gram)
    for j in range(K):
        for i in range(A):
            spread[j, i] = shared[i]
        for n in range(cell.first_other[j], cell.first_other[j + 1]):
            i = cell.others[n]
            _add(spread[j], errors[i] if cell.active[j, i] else -errors[i], cell.gram[i])
        for i in range(A):
            own[i] = errors[i] * cell.active[j, i]
        by_z[j] = _dot(own, place.pre[j])
        squares[j] = max(_dot(own, spread[j]), 0.0)  # rounding can leave it slightly below zero
    return size * np.sqrt(N * EPS)


@native
def _look(cell, place, errors, j):
    """How far w_j may go after the next step; 0 if that step leaves the cell."""
    after = np.empty(cell.start.shape[1])
    for i in range(len(after)):
        after[i] = cell.start[j, i]
    for i in range(len(errors)):
        ahead = place.moved[j, i] + cell.step * place.z[j] * errors[i] * cell.active[j, i]
        _add(after, -ahead, cell.across[i])
    room = np.inf
    for i in range(len(after)):
        was = cell.start[j, i]
        if was == 0 or after[i] == 0 or (was > 0) != (after[i] > 0):
            return 0.0
        room = min(room, abs(after[i]) * cell.per_length[i])
    return room


@native
def _combine(to, factors, places, rows):
    """to = Σ_i factors_i rows_i over some i, four at a time, so that ``to`` is loaded less often."""
    for m in range(len(to)):
        to[m] = 0
    fours = len(places) // 4 * 4
    for n in range(0, fours, 4):
        i, j, k, l = places[n], places[n + 1], places[n + 2], places[n + 3]
        p, q, r, s = factors[i], factors[j], factors[k], factors[l]
        a, b, c, d = rows[i], rows[j], rows[k], rows[l]
        for m in range(len(to)):
            to[m] += (p * a[m] + q * b[m]) + (r * c[m] + s * d[m])
    for n in range(fours, len(places)):
        _add(to, factors[places[n]], rows[places[n]])


@native
def _add(to, factor, row):
    for i in range(len(to)):
        to[i] += factor * row[i]


@native
def _dot(a, b):
    """A scalar product, in four sums that the processor forms side by side."""
    n = len(a) // 4 * 4
    p, q, r, s = 0.0, 0.0, 0.0, 0.0
    for i in range(0, n, 4):
        p += a[i] * b[i]
        q += a[i + 1] * b[i + 1]
        r += a[i + 2] * b[i + 2]
        s += a[i + 3] * b[i + 3]
    for i in range(n, len(a)):
        p += a[i] * b[i]
    return (p + q) + (r + s)
