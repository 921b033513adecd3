"""Points near a network that might be critical: on its nearest walls, with its weakest neurons silent.

Pairs (sample, neuron) and output weights within some distance of 0 are put at 0. The loss is then a convex
quadratic of what may still move. The candidate is its minimiser nearest to the network. Nothing is decided
here: ``points`` keeps the candidates that are certified.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from relucells.critical_points.coordinates import directions, orthonormal, sides_of
from relucells.examination.nearness import in_span
from relucells.examination.problem import Net, Problem
from relucells.samples.decomposition import svd

# Distances, as shares of ‖(W, z, c)‖, within which a neuron is put on a wall and an output weight at 0.
LADDER = (0.0, 1e-12, 1e-10, 1e-9, 1e-8, 1e-7, 1e-6, 1e-5, 1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 0.1)
# Unknowns up to which the least squares is solved, unless samples are independent: certificates end there.
UNKNOWNS = 600
# Directions along a wall whose singular value is below this share of the largest are dependent.
DEPENDENT = 1e-9
# Singular values below this share of the largest leave the output as it is.
RANK = 1e-11
# A sum of pulls below this share of their sizes is 0 with rounding.
PULL = 1e-9


def candidates(problem: Problem, net: Net, reach: float) -> Iterator[Net]:
    """One candidate for each set of walls and silent neurons within ``reach`` · ‖(W, z, c)‖."""
    X = problem.inputs.X
    lengths = np.linalg.norm(X, axis=1)
    apart = np.abs(X @ net.W.T) / np.where(lengths > 0, lengths, 1.0)[:, None]
    apart[lengths == 0] = np.inf
    seen = set()
    for step in LADDER:
        if step > reach:
            return
        silent = np.abs(net.z) <= step * net.size
        met = (apart <= step * net.size) & ~silent
        key = silent.tobytes() + met.tobytes()
        if key not in seen:
            seen.add(key)
            found = _independent if problem.inputs.independent else _general
            moved = found(problem, net, silent, met)
            if moved is not None:
                yield _with_silent(problem, moved, silent)


def _general(problem: Problem, net: Net, silent: NDArray, met: NDArray) -> Net | None:
    """Least squares over what may move, by the shortest step; None where that is too large."""
    C, T = orthonormal(problem.inputs)
    loud = np.flatnonzero(~silent)
    if len(loud) * C.shape[1] > UNKNOWNS:
        return None
    V = directions(problem.inputs, C, net.W) * np.abs(net.z)[:, None]
    pattern = (C @ V.T > 0) & ~met
    V[silent] = 0.0
    edges, blocks = {}, [problem.F]
    for j in loud:
        edges[j] = _edge(C[met[:, j]])
        V[j] = edges[j] @ (edges[j].T @ V[j])
        blocks.append(np.sign(net.z[j]) * pattern[:, j, None] * (C @ edges[j]))
    M = np.column_stack(blocks)
    start = (pattern * (C @ V.T)) @ np.sign(net.z) + problem.F @ net.c
    step = np.linalg.lstsq(M, problem.y - start, rcond=RANK)[0] if M.size else np.zeros(M.shape[1])
    c, used = net.c + step[: problem.F.shape[1]], problem.F.shape[1]
    for j in loud:
        width = edges[j].shape[1]
        V[j] += edges[j] @ step[used : used + width]
        used += width
    W = net.W.copy()
    old = directions(problem.inputs, C, net.W)
    W[loud] += in_span(problem, (V[loud] / np.abs(net.z[loud])[:, None] - old[loud]) @ T.T)
    return Net(W, np.where(silent, 0.0, net.z), c)


def _edge(rows: NDArray) -> NDArray[np.float64]:
    """Orthonormal columns (r, q) that span what is orthogonal to the rows."""
    r = rows.shape[1]
    if not len(rows):
        return np.eye(r)
    _, singular, right = svd(rows / np.linalg.norm(rows, axis=1)[:, None])
    return right[int((singular > DEPENDENT * singular[0]).sum()) :].T


def _independent(problem: Problem, net: Net, silent: NDArray, met: NDArray) -> Net:
    """rank X = N: every sample by itself. One with an active neuron is fitted, by the shortest change.

    The free part then serves the samples without one, by its shortest change.
    """
    pre = problem.inputs.X @ net.W.T
    z = np.where(silent, 0.0, net.z)
    change = np.where(met, -pre, 0.0)
    active = ((pre > 0) & ~met) * z
    size = (active**2).sum(axis=1)
    left = problem.F[size == 0]
    missing = problem.y[size == 0] - left @ net.c
    c = net.c + (np.linalg.lstsq(left, missing, rcond=RANK)[0] if left.size else 0.0)
    e = np.maximum(pre, 0.0) * ~met @ z + problem.F @ c - problem.y
    change -= active * np.divide(e, size, out=np.zeros_like(e), where=size > 0)[:, None]
    return Net(net.W + problem.inputs.prescribe(change), z, c)


def _with_silent(problem: Problem, net: Net, silent: NDArray) -> Net:
    """Silent neurons moved to where their gradient vanishes, g_j·w_j = 0."""
    W = net.W.copy()
    X, e = problem.inputs.X, problem.errors(net)
    pre, on = sides_of(X, W)
    for j in np.flatnonzero(silent):
        parts = (((pre[:, j] > 0) & ~on[:, j]) * e)[:, None] * X
        g = parts.sum(axis=0)
        if np.linalg.norm(g) > PULL * np.abs(parts).sum():
            W[j] -= (g @ W[j] / float(g @ g)) * g
    return Net(W, net.z, net.c)
