"""Networks with a critical point planted by choosing the labels, and brute force that knows nothing of how.

Errors e are chosen first, with f − y = e: Σ_active e_i x_i s_j + Σ_boundary t_i x_i = 0 for every loud neuron
is a linear system in e, and y = f − e.
"""

import numpy as np

KINDS = ("differentiable minimum", "non-differentiable minimum", "saddle")
# Like a non-differentiable minimum, but multipliers are a tenth above the slopes: the loss falls across.
FALSE_KINK = "false kink"
# Directions of brute force, and the distance that it moves to see what the second order does.
DIRECTIONS, STEP = 10_000, 1e-4


def plant(kind: str, rng):
    """(X, y, W, z) of a random network at a point of the kind; None for an unlucky draw."""
    D, K = int(rng.integers(2, 4)), int(rng.integers(1, 4))
    N = K * D + int(rng.integers(3, 8))
    X = np.column_stack([rng.standard_normal((N, D - 1)), np.ones(N)])
    W, z = rng.standard_normal((K, D)), rng.uniform(0.5, 2, K) * rng.choice([-1.0, 1.0], K)
    kinks = []
    if kind in ("non-differentiable minimum", FALSE_KINK):
        for j in rng.permutation(K)[: int(rng.integers(1, K + 1))]:
            rows = rng.permutation(N)[: int(rng.integers(1, D))]
            full = np.linalg.qr(X[rows].T, mode="complete")[0][:, len(rows) :]
            W[j] = full @ (full.T @ W[j])
            kinks += [(int(i), int(j)) for i in rows]
    if kind == "saddle":
        z[rng.integers(K)] = 0.0
    e = _errors(X, W, z, kinks, 1.1 if kind == FALSE_KINK else 0.5, rng)
    if kind == "saddle" and e is not None:
        W = _silent_moved(X, W, z, e)
    if e is None or W is None:
        return None
    pre = X @ W.T
    for i, j in kinks:
        pre[i, j] = 0.0
    return X, np.maximum(pre, 0) @ z - e, W, z


def _errors(X, W, z, kinks, share, rng):
    """e (N,) of the conditions; multipliers are that share of the slopes s_j e_i on the kinks."""
    pre, sign = X @ W.T, np.sign(z)
    for i, j in kinks:
        pre[i, j] = 0.0
    fixed = {i: sign[j] * rng.uniform(0.5, 1.5) for i, j in kinks}
    if any(fixed[i] * sign[j] < 0 for i, j in kinks):
        return None  # one sample on the hyperplanes of neurons with different signs
    rows = []
    right = []
    for j in np.flatnonzero(z):
        rows.append(sign[j] * (pre[:, j] > 0) * X.T)
        mine = [i for i, k in kinks if k == j]
        right.append(-sum((sign[j] * fixed[i] * share * X[i] for i in mine), np.zeros(X.shape[1])))
    for i, value in fixed.items():
        rows.append(np.eye(len(X))[i : i + 1])
        right.append([value])
    A, b = (np.vstack(rows), np.concatenate(right)) if rows else (np.zeros((0, len(X))), np.zeros(0))
    start = rng.standard_normal(len(X))
    e = start + np.linalg.lstsq(A, b - A @ start, rcond=None)[0] if len(A) else start
    return e if np.abs(A @ e - b).max(initial=0) < 1e-12 and np.abs(e).max() > 0.1 else None


def _silent_moved(X, W, z, e):
    """W with g_j·w_j = 0 for the silent neuron, inside its cell; None where that leaves the cell."""
    W = W.copy()
    for j in np.flatnonzero(z == 0):
        active = X @ W[j] > 0
        g = (active * e) @ X
        if np.linalg.norm(g) < 0.1:
            return None
        W[j] -= (g @ W[j]) / (g @ g) * g
        if ((X @ W[j] > 0) != active).any() or np.abs(X @ W[j]).min() < 1e-3:
            return None
    return W


def loss(X, y, W, z):
    return float(np.mean((np.maximum(X @ W.T, 0) @ z - y) ** 2))


def slopes(X, y, W, z, dW, dz):
    """One-sided derivatives of the loss along directions dW (M, K, D), dz (M, K)."""
    pre = X @ W.T
    on = np.abs(pre) <= 1e-9 * np.linalg.norm(X, axis=1)[:, None] * np.linalg.norm(W, axis=1)
    e = np.where(on, 0, np.maximum(pre, 0)) @ z - y
    moved = np.einsum("nd,mkd->mnk", X, dW)
    inner = np.where(on, np.maximum(moved, 0), np.where(pre > 0, moved, 0))
    change = inner @ z + np.einsum("nk,mk->mn", np.where(on, 0, np.maximum(pre, 0)), dz)
    return (2 / len(y)) * change @ e


def directions(X, W, rng, count):
    """Random unit directions, and along the edges of the cones that samples on hyperplanes make."""
    K, D = W.shape
    flat = rng.standard_normal((count, K * (D + 1)))
    edges = []
    pre = np.abs(X @ W.T) <= 1e-9 * np.linalg.norm(X, axis=1)[:, None] * np.linalg.norm(W, axis=1)
    for j in range(K):
        rows = X[pre[:, j]]
        for m in range(min(len(rows), D) + 1):
            for picked in _subsets(len(rows), m):
                right = np.linalg.svd(rows[picked])[2] if m else np.eye(D)
                for vector in right[m:]:
                    for sign in (1.0, -1.0):
                        edge = np.zeros((K, D + 1))
                        edge[j, :D] = sign * vector
                        edges.append(edge.ravel())
    flat = np.vstack([flat, *edges])
    flat /= np.linalg.norm(flat, axis=1)[:, None]
    both = flat.reshape(len(flat), K, D + 1)
    return both[:, :, :D], both[:, :, D]


def _subsets(n, m):
    from itertools import combinations

    return [list(chosen) for chosen in combinations(range(n), m)]


def brute_force(X, y, W, z, rng, count=DIRECTIONS):
    """ "minimum", "saddle" or "not stationary", from directional derivatives and losses nearby alone."""
    dW, dz = directions(X, W, rng, count)
    first = slopes(X, y, W, z, dW, dz)
    unit = float(y @ y) / len(y) + loss(X, y, W, z)
    if first.min() < -1e-6 * unit:
        return "not stationary"
    here = loss(X, y, W, z)
    # a silent neuron's own direction of descent: w_j along ∓ g_j, and z_j by as much as serves best
    for j in np.flatnonzero(z == 0):
        pre = X @ W[j]
        g = ((pre > 0) * (np.maximum(X @ W.T, 0) @ z - y)) @ X
        size, square = np.linalg.norm(g), float((np.maximum(pre, 0) ** 2).sum())
        for sign in (1, -1):
            moved, other = W.copy(), z.copy()
            moved[j] -= sign * STEP * g / (size or 1.0)
            other[j] = sign * STEP * size / square
            if here - loss(X, y, moved, other) > (STEP * size) ** 2 / square / len(y) / 2 > 0:
                return "saddle"
    down = [loss(X, y, W + STEP * a, z + STEP * b) for a, b in zip(dW[:500], dz[:500], strict=True)]
    return "minimum" if min(down) >= here - 1e-12 * unit else "saddle"
