"""Saddles, differentiable and non-differentiable local minima (Liu, Part 1, arXiv 2002.04763).

Part 1 gives the conditions; the forms used here are *derived*. With e_i = f(x_i) − y_i, B_j the samples
with w_j·x_i = 0, and g_j = Σ e_i x_i over the samples with w_j·x_i > 0:

* Inside a cell (z, w) is critical iff z_j g_j = 0 and g_j·w_j = 0 for all j. All g_j = 0: a minimum.
  Some g_j ≠ 0, so z_j = 0: a saddle, because the Hessian holds the block [[h, g_jᵀ], [g_j, 0]].
* On a boundary a neuron with z_j ≠ 0 satisfies the first-order condition
  z_j (g_j·δ + Σ_{B_j} e_i [δ·x_i]_+) ≥ 0 for all δ if numbers t_i ∈ [0, z_j e_i] exist on B_j with
  z_j g_j + Σ_{B_j} t_i x_i = 0; for linearly independent x_i, i ∈ B_j, only then. The t_i are the
  certificate.
* No second-order test is left to make (derived). Where z_j ≠ 0 the network depends locally on
  v_j = |z_j| w_j and sign z_j alone, and is piecewise linear in v near the point: moving by δ changes
  f(x_i) by exactly some φ_i(δ), homogeneous of degree 1, and N·L by 2 Σ e_i φ_i + Σ φ_i². The first sum
  is the first-order term, which is not negative; the second is a sum of squares. So a first-order point
  with all z_j ≠ 0 is a local minimum. Neurons with z_j = 0 change neither sum's sign if g_j·δ + Σ_{B_j} e_i
  [δ·x_i]_+ is 0 for all δ (samples on one hyperplane may cancel); if it is not, one sign of z_j makes the
  loss fall: a saddle. The same argument makes a local minimum on the boundary of a cell (signs of z given) a
  minimiser of the convex quadratic over the closed cell: there is one value to test, not a search.
* A free linear part F c adds one condition, Σ_i e_i F_i = 0, and changes no other: moving c by γ adds F_i·γ
  to φ_i, and nothing bends there (derived).
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from relucells.critical_points.coordinates import directions, orthonormal, sides_of
from relucells.critical_points.kinks import Kinks
from relucells.samples.free_part import free_part_at
from relucells.samples.inputs import Inputs, network, prepare
from relucells.samples.records import Record
from relucells.samples.threads import one_thread

Kind = Literal["differentiable minimum", "non-differentiable minimum", "saddle", "not converged"]


@dataclass(frozen=True, eq=False)
class CriticalPoint(Record):
    """What a point is, and the evidence.

    kind; loss; gradient_norm : of the smallest subgradient (the gradient where there is one) with respect
    to v_j = |z_j| w_j, or to z_j where z_j = 0, w_j then of length 1, and to c, in coordinates in which X
    and F have orthonormal columns and in units of (2/N) ‖y‖: whatever the scales of X, y, w, z, 1 is large;
    curvature : at a differentiable minimum a lower bound of the smallest Hessian eigenvalue,
    −(2/N) max |g_j|, and for a saddle the negative eigenvalue of the block in (z_j, w_j);
    on_boundary : pairs with w_j·x_i = 0, kinks : those at which the loss is not differentiable;
    multipliers : (N, K), t of the certificate, 0 off the boundary. Samples on one hyperplane have one kink
    together: one of their z_j e_i may be negative, and its t_i then lies between it and 0.
    """

    kind: Kind
    loss: float
    gradient_norm: float
    curvature: float
    on_boundary: int
    kinks: int
    multipliers: NDArray[np.float64]

    @property
    def evidence(self) -> str:
        """One line for a table."""
        words = f"smallest subgradient {self.gradient_norm:.1e}; pairs on the boundary {self.on_boundary}"
        if self.kind == "saddle":
            return f"{words}; negative Hessian eigenvalue {self.curvature:.1e}"
        if self.kind == "differentiable minimum":
            return f"{words}; Hessian eigenvalues at least {self.curvature:.1e}"
        if self.kind == "non-differentiable minimum":
            return f"{words}, {self.kinks} with a kink; largest multiplier {self.multipliers.max():.1e}"
        return words


def _loud_neurons(
    C, e, g, z, boundary, tolerance: float, scale: float
) -> tuple[NDArray, NDArray, NDArray, bool]:
    """Of neurons with z_j ≠ 0: multipliers (N, K), pairs with a kink (N, K), squared lengths of the smallest
    subgradients (K,), and whether all sides of kinks that bend down were looked at."""
    multipliers, kinked = np.zeros(boundary.shape), np.zeros(boundary.shape, dtype=bool)
    squares, proven, length = np.zeros(len(z)), True, np.linalg.norm(C, axis=1)
    for j in np.flatnonzero(z):
        rows = np.flatnonzero(boundary[:, j] & (length > 0))
        kinks = Kinks(C[rows], np.sign(z[j]) * e[rows], np.sign(z[j]) * g[j], tolerance)
        shares, rest, tested = kinks.smallest_subgradient()
        multipliers[rows, j] = scale * z[j] * e[rows] * shares
        kinked[rows, j] = kinks.kinked
        squares[j] = rest @ rest
        proven &= tested
    return multipliers, kinked, squares, proven


def _curvature(kind: Kind, pull: NDArray, outputs: NDArray, silent: NDArray) -> float:
    """As in ``CriticalPoint``; pull : (K,), (2/N) |g_j|; outputs : (N, K), [w_j·x_i]_+."""
    if kind != "saddle":
        return -float(pull.max())
    h = (2 / len(outputs)) * (outputs**2).sum(axis=0)
    return float(((h - np.sqrt(h**2 + 4 * pull**2)) / 2)[silent].min())


@one_thread
def critical_point(
    X: ArrayLike | Inputs,
    y: ArrayLike,
    W: ArrayLike,
    z: ArrayLike,
    tolerance: float = 1e-7,
    *,
    output_bias: float | None = None,
    skip: ArrayLike | None = None,
    free: ArrayLike | None = None,
    c: ArrayLike | None = None,
) -> CriticalPoint:
    """Classify a point by the first-order conditions of the module's head.

    X : (N, D) or ``relucells.prepare(X)``; y : (N,); W : (K, D); z : (K,). tolerance : a subgradient of
    that norm, in the units of ``gradient_norm``, counts as 0. Raises ValueError naming the argument.
    output_bias, skip (D,) : of a network that has one, f = Σ_j z_j [w_j·x]_+ + output_bias + skip·x; None: it
        has none, and is not free to move there. free (N, m), c (m,) : any other free part F c.
    """
    inputs = prepare(X)
    y, W, z = network(inputs, y, W, z)
    F, c = free_part_at(inputs, output_bias, skip, free, c)
    C, _ = orthonormal(inputs)
    N = len(y)
    V = directions(inputs, C, W)
    pre, boundary = sides_of(C, V)
    e = np.maximum(pre, 0.0) @ z - y
    if F.shape[1]:
        e = e + F @ c
    loss = float(e @ e) / N
    unit = float(np.linalg.norm(y) or np.linalg.norm(e) or 1.0)
    # a pair is off the boundary, however close, if its part of the output is not small
    boundary &= np.abs(pre * z) <= tolerance * unit
    active = (pre > 0) & ~boundary
    e /= unit
    g = (active * e[:, None]).T @ C
    length = np.linalg.norm(C, axis=1)
    silent = z == 0
    along = (g * V).sum(axis=1) / np.maximum(np.linalg.norm(V, axis=1), np.finfo(float).tiny)
    scale = (2 / N) * unit
    multipliers, kinked, squares, proven = _loud_neurons(C, e, g, z, boundary, tolerance, scale)
    squares = np.where(silent, along**2, squares)
    if F.any():
        pulled = orthonormal(Inputs(F))[0].T @ e
        squares = np.append(squares, pulled @ pulled)
    norm = float(np.sqrt(squares.sum()))
    bends = [
        Kinks(C[rows], e[rows], g[j], tolerance).falls_either_way
        for j in np.flatnonzero(silent)
        for rows in [np.flatnonzero(boundary[:, j] & (length > 0))]
    ]
    minimum: Kind = "non-differentiable minimum" if kinked.any() else "differentiable minimum"
    kind: Kind = "saddle" if any(bends) else minimum
    if norm > tolerance or not proven:
        kind = "not converged"
    pull = scale * np.linalg.norm((active * e[:, None]).T @ inputs.coordinates, axis=1)
    curvature = _curvature(kind, pull, np.where(active, pre, 0.0), silent)
    counts = int(boundary.sum()), int(kinked.sum())
    return CriticalPoint(kind, loss, norm, curvature, *counts, multipliers)
