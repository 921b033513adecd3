"""The edges of a closed cell that an active-set method holds, and the least squares on them."""

import numpy as np
from numpy.typing import NDArray

from relucells.critical_points.coordinates import STATIONARY

# Singular values below this share of the largest are zeros: such directions do not change the output.
RANK = 1e-11
# Normal equations square the condition. Their factor is not trusted if its diagonal's ratio is below this.
NORMAL = 1e-5


class Faces:
    """The edges on which the neurons hold half-spaces, and the least squares that is left on them.

    For each neuron an orthonormal basis whose last vectors span its edge: A in these bases, and AᵀA.
    """

    def __init__(self, A: NDArray, r: int):
        self.A, self.r, K = A, r, A.shape[1] // r
        # rounding is judged against all of A, because what is left in the products below may be rounding
        # alone
        self.size = float(np.linalg.norm(A, axis=0).max(initial=0.0))
        self.held: list[NDArray] = [np.zeros(0, dtype=int)] * K
        self.basis, self.triangle = np.tile(np.eye(r), (K, 1, 1)), [np.zeros((0, 0))] * K
        self.turned, self.gram, self.free = A.copy(), A.T @ A, np.ones(A.shape[1], dtype=bool)

    def set(self, k: int, held: NDArray, side: NDArray, unit: NDArray) -> None:
        """Neuron k holds the half-spaces of these samples: side · unit · v = 0."""
        block = slice(self.r * k, self.r * k + self.r)
        full, triangle = np.linalg.qr((side[held, None] * unit[held]).T, mode="complete")
        self.held[k], self.basis[k], self.triangle[k] = held, full, triangle[: len(held)]
        self.turned[:, block] = self.A[:, block] @ full
        self.gram[block] = self.turned[:, block].T @ self.turned
        self.gram[:, block] = self.gram[block].T
        self.free[block] = np.arange(self.r) >= len(held)

    def step(self, error: NDArray, doubtful: bool) -> tuple[NDArray, bool]:
        """(K, r), to the least |error + A step| on the edges, and whether that is exact.

        By the normal equations where they look well-conditioned, unless one of their steps was inexact.
        """
        from scipy.linalg import lstsq
        from scipy.linalg.lapack import dpotrf, dpotrs

        along = np.zeros(len(self.free))
        if self.free.any() and not doubtful:
            factor, failed = dpotrf(self.gram[np.ix_(self.free, self.free)], lower=1)
            diagonal = factor.diagonal()
            doubtful = failed or diagonal.min() < NORMAL * self.size
            if not doubtful:
                along[self.free] = dpotrs(factor, -(error @ self.turned)[self.free], lower=1)[0]
        if self.free.any() and doubtful:
            edges = self.turned[:, self.free]
            largest = np.linalg.norm(edges, axis=0).max()
            if largest > RANK * self.size:
                cut = RANK * self.size / largest
                found = lstsq(edges, -error, cond=cut, lapack_driver="gelsy", check_finite=False)
                along[self.free] = found[0]
        return np.einsum("kij,kj->ki", self.basis, along.reshape(-1, self.r)), bool(doubtful)

    def slope(self, error: NDArray) -> float:
        """Length of the gradient along the edges."""
        return float(np.linalg.norm((error @ self.turned)[self.free]))

    def onto(self, k: int, v: NDArray) -> NDArray:
        """The point of neuron k's edge nearest to v."""
        edge = self.basis[k][:, len(self.held[k]) :]
        return edge @ (edge.T @ v)

    def let_go(self, error: NDArray, first: bool) -> tuple[int | None, int]:
        """Half-space (sample, neuron) with the most negative multiplier, or the first; None if none has."""
        found, least, neuron = None, -STATIONARY, 0
        gradients = (error @ self.turned).reshape(-1, self.r)
        for k, held in enumerate(self.held):
            if not len(held):
                continue
            values = np.linalg.solve(self.triangle[k], gradients[k, : len(held)])
            where = int(np.argmax(values < -STATIONARY) if first else np.argmin(values))
            if values[where] < least:
                found, least, neuron = int(held[where]), values[where], k
                if first:
                    break
        return found, neuron
