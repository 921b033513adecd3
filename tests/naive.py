"""The margin by its definition: one linear program in R for each sign vector, and random small cells."""

import itertools

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linprog


def margin(X: NDArray, y: NDArray, pattern: NDArray, signs: NDArray) -> float:
    """The largest t ≤ 1 with s_j R_j·x_i ≥ t on active pairs and ≤ 0 on inactive ones, A R = A A⁺ y."""
    (N, D), K = X.shape, pattern.shape[1]
    if not pattern.any():
        return 1.0
    A = (pattern[:, :, None] * X[:, None, :]).reshape(N, K * D)
    left, singular, right = np.linalg.svd(A, full_matrices=False)
    rank = int((singular > 1e-11 * singular[0]).sum())
    sides = np.where(pattern, -signs, signs)
    rows = np.zeros((N, K, K, D + 1))
    for j in range(K):
        rows[:, j, j, :D] = sides[:, j, None] * X
    half_spaces = np.zeros((N * K, K * D + 1))
    half_spaces[:, :-1] = rows[..., :D].reshape(N * K, K * D)
    half_spaces[:, -1] = pattern.ravel()
    equations = np.column_stack([right[:rank], np.zeros(rank)])
    goal = np.zeros(K * D + 1)
    goal[-1] = -1.0
    result = linprog(
        goal,
        A_ub=half_spaces,
        b_ub=np.zeros(N * K),
        A_eq=equations,
        b_eq=(left[:, :rank].T @ y) / singular[:rank],
        bounds=[(None, None)] * (K * D) + [(None, 1)],
        method="highs",
    )
    if result.status == 2:
        return -np.inf
    assert result.status == 0, result.message
    return -result.fun


def all_margins(X: NDArray, y: NDArray, pattern: NDArray) -> dict[tuple[int, ...], float]:
    """The margin of each of the 2^K sign vectors."""
    K = pattern.shape[1]
    return {s: margin(X, y, pattern, np.array(s)) for s in itertools.product((1, -1), repeat=K)}


def random_cell(rng: np.random.Generator) -> tuple[NDArray, NDArray, NDArray]:
    """X, y, pattern of every kind: independent or dependent samples, integer data, dependent columns,
    equal neurons, patterns of weights and arbitrary ones, labels ±1, real or zero, dead samples."""
    kind = int(rng.integers(5))
    N, D, K = (int(rng.integers(1, top)) for top in (8, 5, 4))
    X = rng.integers(-2, 3, (N, D)).astype(float) if kind == 0 else rng.standard_normal((N, D))
    if kind == 1:
        X[:, -1] = 1.0
    if kind == 2 and D > 1:
        X[:, 0] = 2.0 * X[:, -1]
    y = rng.choice([-1.0, 1.0], N) if rng.random() < 0.6 else rng.standard_normal(N)
    if rng.random() < 0.1:
        y[rng.integers(N)] = 0.0
    if rng.random() < 0.25:
        return X, y, rng.random((N, K)) < rng.choice([0.2, 0.5, 0.8])
    W = rng.standard_normal((K, D))
    if rng.random() < 0.3:
        W[:, -1] += rng.choice([-2.0, 2.0])
    if rng.random() < 0.3:
        W[rng.integers(K)] = W[0]
    return X, y, X @ W.T > 0
