"""Weights w ≥ 0 with which symmetric matrices of rank two add up to a negative definite one.

The matrices are M_k = (u_k v_kᵀ + v_k u_kᵀ)/2, and new ones may be asked for. First a few rounds that lower
each weight as its matrix is positive on the eigenvectors that are still wrong. Where that does not end, an
interior-point method for the semidefinite program

    max t   subject to   −Σ w_k M_k ⪰ t I,  Σ w = 1,  w ≥ 0,

which is feasible with t > 0 iff such weights exist. Its Newton steps cost O(m²n + m³) for m matrices of order
n, because ⟨M_k, Z M_l Z⟩ needs inner products of the u and v alone. P = Z/tr Z, Z the inverse of the slack,
is nearly the dual solution: only matrices with ⟨M, P⟩ < 0 can raise t, so the caller is asked for these.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

# The largest eigenvalue must be below −SLACK times the size of the smallest, so that a check succeeds.
SLACK = 1e-3
# Newton steps between two requests for new matrices, requests, and matrices that are kept at most.
STEPS = 5
REQUESTS = 16
LARGEST = 900
# The search goes on while three requests bring t, which is negative, to this share of what it was.
PROGRESS = 0.7


@dataclass
class Sum:
    """The matrices' vectors u, v, (P, n), and their weights, (P,)."""

    u: NDArray[np.float64]
    v: NDArray[np.float64]
    weights: NDArray[np.float64]

    def matrix(self, weights: NDArray[np.float64] | None = None) -> NDArray[np.float64]:
        """Σ w_k M_k, (n, n)."""
        w = self.weights if weights is None else weights
        total = (self.u * w[:, None]).T @ self.v
        return (total + total.T) / 2

    def values(self, P: NDArray[np.float64]) -> NDArray[np.float64]:
        """⟨M_k, P⟩, (P,), for a symmetric P."""
        return np.einsum("ij,ij->i", self.u @ P, self.v)

    def negative(self) -> bool:
        """Whether the sum is negative definite, with some slack."""
        eigenvalues = np.linalg.eigvalsh(self.matrix())
        return bool(eigenvalues[-1] < -SLACK * abs(eigenvalues[0]))


def adjust(total: Sum, rounds: int) -> bool:
    """Change the weights by factors from e⁻¹ to e a round until the sum is negative; False if it is not."""
    for _ in range(rounds):
        values, vectors = np.linalg.eigh(total.matrix())
        if values[-1] < -SLACK * abs(values[0]):
            return True
        wrong = vectors[:, values >= min(0.0, values[-1])]
        amount = ((total.u @ wrong) * (total.v @ wrong)).sum(axis=1)
        usual = float(np.median(np.abs(amount))) or 1.0
        weights = total.weights * np.exp(-np.clip(amount / (3 * usual), -1.0, 1.0))
        total.weights = weights / weights.mean()
    return total.negative()


Request = Callable[[NDArray[np.float64]], tuple[NDArray[np.float64], NDArray[np.float64]]]


def optimise(total: Sum, request: Request, replace: Callable[[NDArray[np.int64], int], None], spend) -> bool:
    """Whether the sum can be made negative; its matrices change on the way.

    request(P) : vectors u, v, (m, n) of unit length, of new matrices with ⟨M, P⟩ < 0
    replace(kept, m) : told which matrices stay, and how many new ones follow them
    spend() : called before every request; may raise to end the search
    """
    for vectors in (total.u, total.v):
        vectors /= np.linalg.norm(vectors, axis=1)[:, None]
    total.weights = np.full(len(total.u), 1.0 / len(total.u))
    t = _below(total)
    barrier, reached = 2.0 * abs(t) / len(total.u), []
    for _ in range(REQUESTS):
        reached.append(t)
        if len(reached) > 4 and t < PROGRESS * reached[-4]:
            return False
        spend()
        for _ in range(STEPS):
            try:
                t, decrement, inverse = _newton(total, t, barrier)
            except np.linalg.LinAlgError:
                return False
            if not (np.isfinite(t) and np.isfinite(total.weights).all()):
                return False
            if t > 0 and total.negative():
                return True
            if decrement < 4.0:
                barrier *= 0.3 if decrement < 1.0 else 0.5
        u, v = request(inverse / np.trace(inverse))
        if not len(u):
            return False
        heaviest = np.argsort(-total.weights)[: max(LARGEST - len(u), 0)]
        kept = np.sort(heaviest[total.weights[heaviest] > 1e-3 * total.weights.max()])
        replace(kept, len(u))
        total.u, total.v = np.concatenate([total.u[kept], u]), np.concatenate([total.v[kept], v])
        weights = total.weights[kept]
        total.weights = np.concatenate([weights, np.full(len(u), 0.05 * weights.sum() / len(u))])
        total.weights /= total.weights.sum()
        t = min(1.05 * t, _below(total))
        barrier = max(barrier, 0.3 * abs(t) / len(total.u))
    return False


def _below(total: Sum) -> float:
    """A t at which the slack −Σ w M − t I is safely positive."""
    eigenvalues = np.linalg.eigvalsh(total.matrix())
    return -float(eigenvalues[-1]) - 0.1 * max(abs(float(eigenvalues[-1])), 1e-3 * abs(float(eigenvalues[0])))


def _newton(total: Sum, t: float, barrier: float) -> tuple[float, float, NDArray[np.float64]]:
    """One damped Newton step of t + barrier · (log det slack + Σ log w) within Σ w = 1: the new t, the
    Newton decrement before it, and Z, the inverse of the slack before it. Changes the weights."""
    from scipy.linalg import cho_factor, cho_solve, solve_triangular

    u, v, w = total.u, total.v, total.weights
    n, P = u.shape[1], len(w)
    lower = np.linalg.cholesky(-total.matrix() - t * np.eye(n))
    root = solve_triangular(lower, np.eye(n), lower=True)
    Z = root.T @ root
    a, b = u @ root.T, v @ root.T
    hessian = ((a @ a.T) * (b @ b.T) + (a @ b.T) * (b @ a.T)) / 2
    hessian[np.diag_indices(P)] += 1.0 / w**2
    mixed = np.einsum("ij,ij->i", a @ root, b @ root)
    gradient, slope = 1.0 / w - np.einsum("ij,ij->i", a, b), 1.0 / barrier - np.trace(Z)
    solved = cho_solve(cho_factor(hessian), np.stack([gradient, mixed, np.ones(P)], axis=1))
    corner = np.array(
        [
            [(Z * Z).sum() - mixed @ solved[:, 1], -mixed @ solved[:, 2]],
            [solved[:, 1].sum(), solved[:, 2].sum()],
        ]
    )
    dt, price = np.linalg.solve(corner, [slope - mixed @ solved[:, 0], solved[:, 0].sum()])
    dw = solved @ [1.0, -dt, -price]
    decrement = float(np.sqrt(max(gradient @ dw + slope * dt, 0.0)))
    change = root @ (-total.matrix(dw) - dt * np.eye(n)) @ root.T
    slowest = max(-float(np.linalg.eigvalsh(change)[0]), float((-dw / w).max()), 1e-12)
    step = min(
        1.0 if decrement < 1.0 else 2.0 / (1.0 + decrement) if decrement <= 5.0 else np.inf, 0.9 / slowest
    )
    total.weights = w + step * dw
    return t + step * dt, decrement, Z
