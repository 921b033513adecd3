"""Helpers: losses around a point, and points to look at."""

import numpy as np

from relucells.critical_points.exact_descent import settle
from relucells.critical_points.gradient import gradient_descent
from relucells.descent import gradient


def loss(X, y, W, z):
    return float(np.mean((np.maximum(X @ W.T, 0) @ z - y) ** 2))


def lowest_nearby(X, y, W, z, rng, radius=1e-5, tries=400):
    """The least loss among random small displacements, relative to the loss at the point."""
    best = np.inf
    for _ in range(tries):
        dW, dz = rng.standard_normal(W.shape), rng.standard_normal(z.shape)
        size = radius * rng.uniform() / np.sqrt((dW**2).sum() + (dz**2).sum())
        best = min(best, loss(X, y, W + size * dW, z + size * dz))
    return best - loss(X, y, W, z)


def hessian(X, y, W, z, step=1e-5):
    """Of the loss in (W, z), by central differences of the gradient."""
    point = np.column_stack((W, z))
    flat = []
    for k in range(point.size):
        sides = []
        for sign in (1, -1):
            moved = point.ravel().copy()
            moved[k] += sign * step
            moved = moved.reshape(point.shape)
            sides.append(np.column_stack(gradient(X, y, moved[:, :-1], moved[:, -1])).ravel())
        flat.append((sides[0] - sides[1]) / (2 * step))
    return (np.array(flat) + np.array(flat).T) / 2


def converged(X, y, rng, K=3):
    W, z = rng.standard_normal((K, X.shape[1])), rng.standard_normal(K)
    run = gradient_descent(X, y, W, z, 500)
    return run, settle(X, y, run.W, run.z)


def problem(rng, number):
    """Small samples of every shape and a start, with what is unusual about them by turns."""
    N, K, D = rng.integers(3, 61), rng.integers(1, 11), rng.integers(1, 13)
    if number % 4 == 0:
        N, K, D = rng.integers(30, 61), 10, 10  # more unknowns than samples, which are dependent
    X = rng.standard_normal((N, D))
    if number % 3 == 0:
        X[:, -1] = 1.0
    y = rng.choice([-1.0, 1.0], N) if number % 2 else rng.standard_normal(N)
    W, z = rng.standard_normal((K, D)), rng.standard_normal(K)
    if number % 5 == 0:
        X = X[rng.integers(0, N, N)]  # repeated samples, with different labels
    if number % 7 == 0:
        X = np.round(X * 2.0**20) / 2.0**20  # dependent coordinates, exactly
        X = np.column_stack((X, X @ rng.integers(-3, 4, (D, 2))))
        W = rng.standard_normal((K, D + 2))
    if number % 6 == 0:
        X[0] = 0.0
    if number % 8 == 0:
        W[0] = -X.T @ np.linalg.lstsq(X @ X.T, np.ones(N), rcond=None)[0]  # dead if N ≤ D
    if number % 9 == 0:
        W[-1], z[0] = 0.0, 0.0
    return X, y, W, z
