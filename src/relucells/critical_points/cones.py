"""The cell of one neuron, and where it meets a plane."""

from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from relucells.critical_points.coordinates import BOUNDARY
from relucells.samples.decomposition import svd
from relucells.search.highs import Unsolved

# Up to this many coordinates a cone's extreme rays are enumerated; beyond, a linear program finds the
# furthest.
RAY_DIMENSIONS = 6


class FreeCell:
    """A cell of one neuron for linearly independent samples: every pre-activation is free (derived). C is
    then an orthogonal matrix."""

    def __init__(self, C: NDArray, active: NDArray, w: NDArray):
        self.C, self.active, self.pre = C, active, C @ w

    def on_plane(self, g: NDArray, e: NDArray) -> NDArray | None:
        """A w in the cell with w·g = Σ_active e_i w·x_i = 0, or None: e must take both signs there."""
        share = np.where(self.active, e * self.pre, 0.0)
        up, down = share[share > 0].sum(), -share[share < 0].sum()
        if up == 0 or down == 0:
            return None
        return self.C.T @ np.where(share > 0, self.pre * (down / up), self.pre)


class Cone:
    """A cell of one neuron, {w : w·x_i > 0 for active i, < 0 for the others}, and a w inside it."""

    def __init__(self, C: NDArray, active: NDArray, w: NDArray):
        rows = np.where(active, 1.0, -1.0)[:, None] * C
        rows = rows[rows.any(axis=1)]  # a sample at the origin is inactive whatever w is
        self.rows = rows / np.linalg.norm(rows, axis=1)[:, None]
        self.inside = w / np.linalg.norm(w)

    @cached_property
    def rays(self) -> NDArray | None:
        """Its extreme rays, (n, r): the facets of the convex hull of the half-spaces' normals.

        The normals are scaled to normal·inside = 1 (the cone's dual, cut by a plane). None where Qhull finds
        the hull too flat, or where ``inside`` lies on the boundary, so that there is no such plane.
        """
        from scipy.spatial import ConvexHull, QhullError

        across = svd(self.inside[None])[2][1:]
        height = self.rows @ self.inside
        if height.min() < BOUNDARY:
            return None
        try:
            facets = ConvexHull((self.rows / height[:, None]) @ across.T).equations
        except QhullError:
            return None
        rays = -facets[:, :-1] @ across - facets[:, -1:] * self.inside
        return rays / np.linalg.norm(rays, axis=1)[:, None]

    def on_plane(self, g: NDArray, e: NDArray) -> NDArray | None:
        """A w in the open cell with w·g = 0, or None.

        It lies between ``inside`` and the point of the closed cell that is furthest on the plane's other
        side. Unsolved where no solver finds that point.
        """
        here = g @ self.inside
        if here == 0:
            return self.inside
        ray = self._furthest(np.sign(here) * g)
        there = g @ ray
        if here * there >= -1e-12 * here**2:
            return None
        w = self.inside - (here / there) * ray
        return w / np.linalg.norm(w)

    def _furthest(self, g: NDArray) -> NDArray:
        """The point of the closed cell, on a slice of it, with the least g·w."""
        r = len(g)
        # Qhull needs at least two dimensions.
        if 3 <= r <= RAY_DIMENSIONS and self.rays is not None:
            return self.rays[np.argmin(self.rays @ g)]
        from scipy.optimize import linprog

        slice_ = self.rows.mean(axis=0)
        if not (np.isfinite(self.rows).all() and np.isfinite(g).all() and g.any()):
            raise Unsolved("a sample is too short for floats beside the others")
        found = linprog(
            g / np.linalg.norm(g), -self.rows, np.zeros(len(self.rows)), slice_[None], [1.0], (None, None)
        )
        if found.status != 0 or found.x is None:
            raise Unsolved(found.message)
        return found.x
