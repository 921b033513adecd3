"""Saddles, differentiable and non-differentiable local minima (Liu, Part 1, arXiv 2002.04763).

Part 1 gives the conditions; the forms used here are *derived*. With e_i = f(x_i) − y_i, B_j the samples
with w_j·x_i = 0, and g_j = Σ e_i x_i over the samples with w_j·x_i > 0:

* Inside a cell (z, w) is critical iff z_j g_j = 0 and g_j·w_j = 0 for all j. If all g_j = 0 it is a minimum.
  If some g_j ≠ 0, then z_j = 0, and it is a saddle: the Hessian holds the block [[h, g_jᵀ], [g_j, 0]].
* On a boundary the first-order condition of a neuron with z_j ≠ 0 is
  z_j (g_j·δ + Σ_{B_j} e_i [δ·x_i]_+) ≥ 0 for all δ. It holds if numbers t_i ∈ [0, z_j e_i] exist on B_j with
  z_j g_j + Σ_{B_j} t_i x_i = 0. If the x_i, i ∈ B_j, are linearly independent it holds only then. The t_i are
  the certificate.
* No second-order test is needed (derived). Where z_j ≠ 0 the network depends locally on v_j = |z_j| w_j and
  sign z_j alone, and near the point it is piecewise linear in v. Moving by δ changes f(x_i) by exactly some
  φ_i(δ), homogeneous of degree 1, and N·L by 2 Σ e_i φ_i + Σ φ_i². The first sum is the first-order term,
  which is not negative. The second is a sum of squares. So a first-order point with all z_j ≠ 0 is a local
  minimum.
* For a neuron with z_j = 0, look at g_j·δ + Σ_{B_j} e_i [δ·x_i]_+. If it is 0 for all δ (samples on one
  hyperplane may cancel), the neuron changes the sign of neither sum. If not, one sign of z_j makes the loss
  fall: a saddle.
* By the same argument a local minimum on the boundary of a cell (signs of z given) minimises the convex
  quadratic over the closed cell. So there is one value to test, and no search.
* A free linear part F c adds one condition, Σ_i e_i F_i = 0, and changes no other: moving c by γ adds F_i·γ
  to φ_i, which is linear in γ (derived).
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from relucells.critical_points.coordinates import near_one, orthonormal, sides_of
from relucells.critical_points.kinks import Kinks
from relucells.samples.free_part import free_part_at
from relucells.samples.inputs import Inputs, at_least, network, prepare
from relucells.samples.records import Record
from relucells.samples.scaling import scale_columns
from relucells.samples.threads import one_thread

# Errors below this share of the terms that they are sums of are taken for rounding alone.
ROUNDING = 1e-12

Kind = Literal["differentiable minimum", "non-differentiable minimum", "saddle", "not converged"]


@dataclass(frozen=True, eq=False)
class CriticalPoint(Record):
    """What a point is, and the evidence.

    kind; loss; gradient_norm : of the smallest subgradient (the gradient where there is one) with respect
    to v_j = |z_j| w_j, or to z_j where z_j = 0 (w_j then has length 1), and to c. Coordinates: X and F have
    orthonormal columns. Unit: (2/N) ‖y‖. So 1 is large, whatever the scales of X, y, w, z;
    curvature : at a differentiable minimum a lower bound of the smallest Hessian eigenvalue,
    −(2/N) max |g_j|, and for a saddle the negative eigenvalue of the block in (z_j, w_j);
    on_boundary : pairs with w_j·x_i = 0, kinks : those at which the loss is not differentiable;
    multipliers : (N, K), t of the certificate, 0 off the boundary. Samples on one hyperplane share one kink.
    One of their z_j e_i may be negative; its t_i then lies between that and 0.
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
    """For neurons with z_j ≠ 0: multipliers (N, K), pairs with a kink (N, K), squared lengths of the smallest
    subgradients (K,), and whether all sides of the kinks that bend down were tried."""
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
    output_bias, skip (D,) : of f = Σ_j z_j [w_j·x]_+ + output_bias + skip·x. None: the network has none, and
        there is no condition on it. free (N, m), c (m,) : any other free part F c.
    """
    inputs = prepare(X)
    y, W, z = network(inputs, y, W, z)
    at_least("tolerance", tolerance, 0, "a number below 1")
    if tolerance >= 1:
        raise ValueError(f"tolerance: must be below 1, in units in which 1 is large, not {tolerance}")
    F, c = free_part_at(inputs, output_bias, skip, free, c)
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        return _classified(inputs, y, W, z, tolerance, F, c)


def _unit_without_labels(C: NDArray, V: NDArray, z: NDArray, F: NDArray, c: NDArray, e: NDArray) -> float:
    """The unit of errors e where all labels are 0: their length, or that of the output's terms where e may be
    all rounding."""
    sizes = np.outer(np.linalg.norm(C, axis=1), np.linalg.norm(V, axis=1)) @ np.abs(z) + np.abs(F) @ np.abs(c)
    terms, length = float(np.linalg.norm(sizes)), float(np.linalg.norm(e))
    return (length if length > ROUNDING * terms else terms) or 1.0


def _classified(inputs: Inputs, y, W, z, tolerance: float, F: NDArray, c: NDArray) -> CriticalPoint:
    """``critical_point`` of checked arguments; what is not finite is not critical."""
    C, N = orthonormal(inputs)[0], len(y)
    scaled, exponents = scale_columns(F)
    offset = (np.frexp(c)[1] + exponents)[c != 0].max(initial=-4000)
    small = near_one(inputs, C, y, W, z, int(offset))
    y, V, z, twice = small.y, small.V, small.z, 2 * small.power
    pre, boundary = sides_of(C, V)
    c = np.ldexp(c, exponents - small.power)
    e = np.maximum(pre, 0.0) @ z + scaled @ c - y
    near = np.ldexp(e, -(largest := int(np.frexp(np.abs(e).max())[1])))
    loss = float(np.ldexp(near @ near / N, twice + 2 * largest))
    unit = float(np.linalg.norm(y)) or _unit_without_labels(C, V, z, scaled, c, e)
    # a pair whose part of the output is not small is off the boundary, however close it is
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
    multipliers = np.ldexp(multipliers, twice - small.powers)
    minimum: Kind = "non-differentiable minimum" if kinked.any() else "differentiable minimum"
    kind: Kind = "saddle" if any(bends) else minimum
    if not norm <= tolerance or not proven:
        kind = "not converged"
    pull = np.linalg.norm((active * e[:, None]).T @ inputs.coordinates, axis=1)
    pull = np.ldexp(scale * pull, small.power)
    curvature = _curvature(kind, pull, np.ldexp(np.where(active, pre, 0.0), small.powers), silent)
    counts = int(boundary.sum()), int(kinked.sum())
    return CriticalPoint(kind, loss, norm, curvature, *counts, multipliers)
