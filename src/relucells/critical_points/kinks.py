"""How the loss begins to change as one neuron moves off the boundary of its cell."""

from itertools import product

import numpy as np
from numpy.typing import NDArray

from relucells.critical_points.coordinates import ALONG, BOUNDARY

# For up to this many hyperplanes at which the loss bends down, all choices of sides are tried, 2^8. With more
# the loss is taken to fall (as at w_j = 0, z_j ≠ 0, where every sample is on the boundary).
SIDES = 8


class Kinks:
    """pull·δ + Σ slope_i [δ·x_i]_+, how the loss begins to change as one neuron moves by δ.

    rows : (m, r), the samples on its boundary, none 0; slopes : (m,); pull : (r,). Samples on one
    hyperplane are taken together: with u its unit normal the terms add up to base·δ + Σ bend_k [δ·u_k]_+.
    A hyperplane with |bend| ≤ tolerance has no kink.
    """

    def __init__(self, rows: NDArray, slopes: NDArray, pull: NDArray, tolerance: float):
        self.tolerance = tolerance
        length = np.linalg.norm(rows, axis=1)
        self.u = rows / length[:, None]
        self.side, self.member = np.ones(len(rows)), np.arange(len(rows))
        self.base, self.bend = pull, slopes * length
        self._solve()
        if not self.independent:
            self._merge()
            self._solve()
        self.kinked = np.abs(self.bend[self.member]) > tolerance

    @property
    def falls_either_way(self) -> bool:
        """Whether the sum is not 0 everywhere, so that one sign of a silent z_j makes the loss fall.

        Terms [δ·u_k]_+ of different hyperplanes and a linear one add up to 0 only if each of them is 0.
        """
        return bool(self.kinked.any() or np.linalg.norm(self.base) > self.tolerance)

    def _solve(self) -> None:
        """t with base = −Σ t_k u_k, as far as possible."""
        self.t, _, rank, _ = np.linalg.lstsq(self.u.T, -self.base, rcond=BOUNDARY)
        self.independent = rank == len(self.u)

    def _merge(self) -> None:
        """One normal for each hyperplane, with the sums of the samples' terms."""
        # Of two opposite normals the one on a fixed side stands for both.
        self.side = np.where(self.u @ np.cos(np.arange(self.u.shape[1])) > 0, 1.0, -1.0)
        normals = np.round(self.side[:, None] * self.u, 8) + 0.0
        _, first, self.member = np.unique(normals, axis=0, return_index=True, return_inverse=True)
        self.u = self.side[first, None] * self.u[first]
        behind = np.bincount(self.member, np.where(self.side < 0, self.bend, 0.0), len(self.u))
        self.bend = np.bincount(self.member, self.bend, len(self.u))
        self.base = self.base - behind @ self.u

    def smallest_subgradient(self) -> tuple[NDArray, NDArray, bool]:
        """(share of each sample in [0, 1], subgradient (r,), whether all were looked at).

        The smallest subgradient where all kinks bend up. Kinks that bend down get one side each: the first
        choice whose subgradient exceeds the tolerance, so that the loss falls against it.
        """
        up, down = self.bend > self.tolerance, self.bend < -self.tolerance
        all_sides = down.sum() <= SIDES
        share = np.zeros(len(self.u))
        for sides in product((0.0, 1.0), repeat=int(down.sum())):
            share[down] = sides
            pull = self.base + (share * self.bend)[down] @ self.u[down]
            t, rest = _multipliers(self.u[up], pull, self.bend[up], self.t if up.all() else None)
            share[up] = t / self.bend[up]
            if np.linalg.norm(rest) > self.tolerance or not all_sides:
                break
        of_sample = share[self.member]
        return np.where(self.side > 0, of_sample, 1.0 - of_sample), rest, bool(all_sides)

    def sides_of_descent(self) -> NDArray:
        """For each sample the sign of δ·x_i, 0 if that does not matter, of a δ along which the loss falls.

        With independent normals pull = −Σ t_k u_k, and each u_k·δ can be chosen by itself: positive if t_k is
        above bend_k, negative if t_k < 0. All 0: the loss does not fall.
        """
        if self.independent:
            above, below = self.t - self.bend, -self.t
            sides = np.where(above > below, 1.0, -1.0) * (np.maximum(above, below) > self.tolerance)
        else:
            rest = self.smallest_subgradient()[1]
            slide = -self.u @ rest
            sides = np.sign(slide) * (np.abs(slide) > ALONG) * (np.linalg.norm(rest) > self.tolerance)
        return self.side * sides[self.member]


def _multipliers(
    rows: NDArray, pull: NDArray, upper: NDArray, free: NDArray | None = None
) -> tuple[NDArray, NDArray]:
    """t ∈ [0, upper] for which |pull + Σ t_i x_i| is smallest, and that vector; free : t without bounds."""
    if not len(rows):
        return np.zeros(0), pull
    t = np.linalg.lstsq(rows.T, -pull, rcond=BOUNDARY)[0] if free is None else free
    if ((t < 0) | (t > upper)).any():
        from scipy.optimize import lsq_linear

        t = lsq_linear(rows.T, -pull, bounds=(0, upper), method="bvls", tol=1e-14).x
        t = np.clip(t, 0, upper)
    return t, pull + t @ rows
