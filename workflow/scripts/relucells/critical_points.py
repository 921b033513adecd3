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
  with all z_j ≠ 0 is a local minimum. Neurons with z_j = 0, g_j = 0 and e = 0 on B_j change neither sum's
  sign. The same argument makes a local minimum on the boundary of a cell (signs of z given) a minimiser of
  the convex quadratic over the closed cell: there is one value to test, not a search.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from relucells.cells import rank
from relucells.descent import gradient
from relucells.inputs import Inputs, network, prepare

Kind = Literal["differentiable minimum", "non-differentiable minimum", "saddle", "not converged"]

# A pair (i, j) lies on the boundary when |w_j·x_i| ≤ BOUNDARY |w_j| |x_i|. Solves leave about 1e-15; a
# random pair comes that close once in 1e9.
BOUNDARY = 1e-9
# Pull towards the present point, relative to the largest column of the least-squares matrix. It makes a
# cell's quadratic strictly convex while the active half-spaces are sought; the refinement is free of it.
RIDGE = 1e-6
# Violated half-spaces added per neuron and round: most of a cell's N half-spaces are redundant.
ADDED = 8
# Up to this many coordinates a cone's extreme rays are enumerated; beyond, a linear program finds the one.
RAY_DIMENSIONS = 6
# A cell's minimum counts as lower than the one before only beyond rounding.
DECREASE = 1e-13


@dataclass(frozen=True)
class CriticalPoint:
    """What a point is, and the evidence.

    kind; loss; gradient_norm : of the smallest subgradient over z and all w (the gradient where there is
    one); curvature : a lower bound of the smallest Hessian eigenvalue on the smooth pieces that meet at a
    minimum, −(2/N) max |g_j|, and for a saddle the negative eigenvalue of the block in (z_j, w_j);
    on_boundary : pairs with w_j·x_i = 0, kinks : those at which the loss is not differentiable;
    multipliers : (N, K), t of the certificate, 0 off the boundary.
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


def critical_point(
    X: ArrayLike | Inputs, y: ArrayLike, W: ArrayLike, z: ArrayLike, tolerance: float = 1e-7
) -> CriticalPoint:
    """Classify a point by the first-order conditions of the module's head.

    X : (N, D) or ``relucells.prepare(X)``; y : (N,); W : (K, D); z : (K,). tolerance : a subgradient of
    that norm (loss per unit of a parameter) counts as 0. Raises ValueError naming the argument.
    """
    inputs = prepare(X)
    y, W, z = network(inputs, y, W, z)
    C, V = inputs.coordinates, W @ inputs.basis
    N, K = len(y), len(z)
    pre = C @ V.T
    scale = np.linalg.norm(C, axis=1)[:, None] * np.linalg.norm(V, axis=1)
    boundary = np.abs(pre) <= BOUNDARY * scale
    active = (pre > 0) & ~boundary
    e = np.where(active, pre, 0.0) @ z - y
    g = (2 / N) * (active * e[:, None]).T @ C
    by_z = (g * V).sum(axis=1)
    slack = (2 / N) * e[:, None] * z  # z_j e_i, the upper end of t_i, in units of the gradient
    kinked = boundary & (np.abs(slack) * np.linalg.norm(C, axis=1)[:, None] > tolerance)

    multipliers = np.zeros((N, K))
    squares = by_z**2
    for j in range(K):
        rows = np.flatnonzero(kinked[:, j] & (slack[:, j] > 0))
        t, rest = _multipliers(C[rows], z[j] * g[j], slack[rows, j])
        multipliers[rows, j] = t
        squares[j] += rest**2
    norm = float(np.sqrt(squares.sum()))
    # z_j e_i < 0: the kink points up, and moving across it in one of two opposite directions descends.
    descends = bool((kinked & (slack < 0)).any())
    silent = z == 0
    pull = np.linalg.norm(g, axis=1)
    kink_pull = (boundary & silent) * np.abs(e)[:, None] * (2 / N) * np.linalg.norm(C, axis=1)[:, None]
    loss = float(e @ e) / N
    counts = int(boundary.sum()), int(kinked.sum())
    if norm > tolerance or descends:
        kind: Kind = "not converged"
    elif (pull[silent] > tolerance).any() or kink_pull.max(initial=0) > tolerance:
        kind = "saddle"
    elif kinked.any():
        kind = "non-differentiable minimum"
    else:
        kind = "differentiable minimum"
    curvature = -float(pull.max())
    if kind == "saddle":
        h = (2 / N) * (np.where(active, pre, 0.0) ** 2).sum(axis=0)
        curvature = float(((h - np.sqrt(h**2 + 4 * pull**2)) / 2)[silent].min())
    return CriticalPoint(kind, loss, norm, curvature, *counts, multipliers)


def _multipliers(rows: NDArray, pull: NDArray, upper: NDArray) -> tuple[NDArray, float]:
    """t ∈ [0, upper] for which |pull + Σ t_i x_i| is smallest, and that length."""
    if not len(rows):
        return np.zeros(0), float(np.linalg.norm(pull))
    from scipy.optimize import lsq_linear

    t = np.linalg.lstsq(rows.T, -pull, rcond=None)[0]
    if ((t < 0) | (t > upper)).any():
        t = lsq_linear(rows.T, -pull, bounds=(0, upper), method="bvls", tol=1e-14).x
        t = np.clip(t, 0, upper)
    return t, float(np.linalg.norm(pull + t @ rows))


# --- descent to convergence -----------------------------------------------------------------------


@dataclass(frozen=True)
class Run:
    """W (K, D), z (K,): the last point; steps; gradient_norm there."""

    W: NDArray[np.float64]
    z: NDArray[np.float64]
    steps: int
    gradient_norm: float


def gradient_descent(
    X: ArrayLike | Inputs,
    y: ArrayLike,
    W: ArrayLike,
    z: ArrayLike,
    max_steps: int,
    gradient_tolerance: float = 1e-9,
) -> Run:
    """Gradient descent through all cells, its step set by Barzilai and Borwein's quotient.

    A step is accepted once the loss lies below the largest of the last ten losses by Armijo's margin
    (Grippo, Lampariello and Lucidi's rule) and quartered until then. Stops at a gradient norm below
    gradient_tolerance, after max_steps, or when no step is accepted: where descent wants to move along
    a kink the gradient never vanishes, and ``settle`` takes over.
    """
    inputs = prepare(X)
    y, W, z = network(inputs, y, W, z)
    small = Inputs(np.ascontiguousarray(inputs.coordinates))
    across = W - (W @ inputs.basis) @ inputs.basis.T  # no sample sees it, no step moves it
    point = np.column_stack((W @ inputs.basis, z))
    loss, slope = _loss_and_slope(small, y, point)
    recent, step, steps = [loss], 1e-6, 0
    while steps < max_steps and np.linalg.norm(slope) >= gradient_tolerance:
        square = float((slope**2).sum())
        while True:
            following = point - step * slope
            next_loss, next_slope = _loss_and_slope(small, y, following)
            if next_loss <= max(recent) - 1e-4 * step * square:
                break
            step /= 4
            if step * np.sqrt(square) <= np.finfo(float).eps * np.linalg.norm(point):
                return _run(inputs, across, point, steps, slope)
        bend = -step * float(((next_slope - slope) * slope).sum())
        step = step**2 * square / bend if bend > 0 else 4 * step
        point, slope, steps = following, next_slope, steps + 1
        recent = [*recent[-9:], next_loss]
    return _run(inputs, across, point, steps, slope)


def _loss_and_slope(small: Inputs, y: NDArray, point: NDArray) -> tuple[float, NDArray]:
    W, z = point[:, :-1], point[:, -1]
    e = np.maximum(small.X @ W.T, 0.0) @ z - y
    by_W, by_z = gradient(small, y, W, z)
    return float(e @ e) / len(y), np.column_stack((by_W, by_z))


def _run(inputs: Inputs, across: NDArray, point: NDArray, steps: int, slope: NDArray) -> Run:
    return Run(across + point[:, :-1] @ inputs.basis.T, point[:, -1], steps, float(np.linalg.norm(slope)))


@dataclass(frozen=True)
class Settled:
    """W (K, D), z (K,): the end point; cells : closed cells minimised on the way; finished : whether the
    first-order conditions hold there (else the limit on cells was met)."""

    W: NDArray[np.float64]
    z: NDArray[np.float64]
    cells: int
    finished: bool


def settle(X: ArrayLike | Inputs, y: ArrayLike, W: ArrayLike, z: ArrayLike, max_cells: int = 1000) -> Settled:
    """Descend from cell to cell, exactly: minimise over the closed cell, cross where that descends, repeat.

    The loss is a convex quadratic of v_j = |z_j| w_j on the closed cell. At its minimum a pair on the
    boundary has a multiplier t (module's head) outside [0, z_j e_i] exactly if the loss falls beyond it:
    those pairs change sides and the next cell has a lower minimum. A neuron that arrives at v_j = 0 with
    g_j ≠ 0 goes through z_j = 0 to the other sign. Finite, because no cell and sign comes twice; ends in a
    local minimum. All of it is a descent path: the segment to a closed cell's minimum lies in that cell.
    """
    inputs = prepare(X)
    y, W, z = network(inputs, y, W, z)
    C = inputs.coordinates
    direction = W @ inputs.basis
    pattern = C @ direction.T > 0
    signs = np.where(z >= 0, 1.0, -1.0)
    V = direction * np.abs(z)[:, None]
    working: set[tuple[int, int]] = set()
    best, cautious = np.inf, False
    for cells in range(1, max_cells + 1):
        V, boundary = _closed_minimum(inputs, y, pattern, signs, V, working)
        strict = pattern & ~boundary
        e = (np.where(strict, C @ V.T, 0.0)) @ signs - y
        cross, excess = _crossings(C, e, pattern, boundary, signs)
        zero = ~V.any(axis=1) & pattern.any(axis=0)
        cross[:, zero] = False  # its cell's corner: only the sign of z_j is left to change
        direction = np.where(V.any(axis=1)[:, None], V, direction)
        pull = np.linalg.norm((pattern * e[:, None]).T @ C, axis=1)
        turn = zero & (pull > 1e-9 * np.linalg.norm(C) * np.linalg.norm(y))
        if not (cross.any() or turn.any()):
            return _settled(inputs, V, signs, direction, zero, cells, True)
        loss = float(e @ e)
        if loss >= best - DECREASE * float(y @ y):
            if cautious:
                break
            cautious = True
        else:
            cautious = False
        best = min(best, loss)
        if cautious and cross.any():  # one pair at a time descends surely
            only = np.zeros_like(cross)
            only[np.unravel_index(np.argmax(np.where(cross, excess, -1.0)), cross.shape)] = True
            cross, turn = only, np.zeros_like(turn)
        signs = np.where(turn, -signs, signs)
        pattern = pattern ^ cross
    return _settled(inputs, V, signs, direction, zero, cells, False)


def _settled(inputs, V, signs, direction, zero, cells, finished) -> Settled:
    length = np.sqrt(np.linalg.norm(V, axis=1))
    moving = length > 0
    W = np.where(moving[:, None], V / np.where(moving, length, 1.0)[:, None], direction)
    z = np.where(zero, 0.0, np.where(moving, signs * length, signs))
    return Settled(W @ inputs.basis.T, z, cells, finished)


def _crossings(C, e, pattern, boundary, signs) -> tuple[NDArray, NDArray]:
    """Boundary pairs beyond which the loss falls, and by how much their multiplier leaves its interval."""
    cross = np.zeros_like(pattern)
    excess = np.zeros(pattern.shape)
    size = np.linalg.norm(C, axis=1)
    for j in np.flatnonzero(boundary.any(axis=0)):
        rows = np.flatnonzero(boundary[:, j])
        pull = signs[j] * ((pattern[:, j] & ~boundary[:, j]) * e) @ C
        t = np.linalg.lstsq(C[rows].T, -pull, rcond=None)[0]
        upper = signs[j] * e[rows]
        over = np.where(pattern[rows, j], -t, t - upper) * size[rows]
        excess[rows, j] = over
        cross[rows, j] = over > 1e-9 * np.linalg.norm(e) * size.max()
    return cross, excess


# --- what a cell holds --------------------------------------------------------------------------------


@dataclass(frozen=True)
class CellSaddle:
    """verdict; W (K, D), z (K,) and point : a saddle in the cell, if one was found; sets : sets of
    neurons with z_j = 0 that were tried; complete : whether those are all."""

    verdict: Literal["saddle", "none", "undecided"]
    W: NDArray[np.float64] | None
    z: NDArray[np.float64] | None
    point: CriticalPoint | None
    sets: int
    complete: bool


def saddle_in_cell(
    X: ArrayLike | Inputs,
    y: ArrayLike,
    W: ArrayLike,
    max_sets: int = 1023,
    program_limit: int | None = None,
) -> CellSaddle:
    """Does the cell of W hold a saddle, for some z?

    A saddle has a nonempty set of neurons with z_j = 0; the others solve the least squares that is left
    in their cells (``genuineness.decide``, any signs), and each w_j of the set can be moved within its cell
    to w_j·g_j = 0, with some g_j ≠ 0. The sets are tried from the largest down, at most max_sets of them;
    neurons that no sample activates take no part. *none* means that every set was ruled out.
    program_limit : linear programs for one call of ``decide``.
    """
    from relucells.genuineness import decide

    inputs = prepare(X)
    y, W, _ = network(inputs, y, W, np.zeros(len(W)))
    pattern = inputs.X @ W.T > 0
    alive = np.flatnonzero(pattern.any(axis=0))
    C = inputs.coordinates
    cell = _FreeCell if inputs.independent else _Cone
    cells = {j: cell(C, pattern[:, j], W[j] @ inputs.basis) for j in alive}
    sure, tried = True, 0
    for silent, e in _residuals(inputs, y, pattern, alive, max_sets):
        tried += 1
        pulls = (pattern[:, silent] * e[:, None]).T @ C
        pulled = np.linalg.norm(pulls, axis=1) > 1e-9 * np.linalg.norm(C) * np.linalg.norm(y)
        moved = W.copy()
        for j, g in zip(silent[pulled], pulls[pulled], strict=True):
            w = cells[j].on_plane(g, e)
            if w is None:
                break
            moved[j] = w @ inputs.basis.T
        else:
            if not pulled.any():
                continue
            z = np.zeros(len(W))
            rest = np.setdiff1d(alive, silent)
            if len(rest):
                decision = decide(
                    inputs, y, pattern[:, rest], "exists", program_limit=program_limit, margin="sign"
                )
                sure &= decision.verdict != "undecided"
                if decision.verdict != "genuine":
                    continue
                z[rest] = decision.signs
                moved[rest] = z[rest][:, None] * decision.R
            point = critical_point(inputs, y, moved, z)
            if point.kind == "saddle":
                return CellSaddle("saddle", moved, z, point, tried, tried == 2 ** len(alive) - 1)
            sure = False
    complete = tried == 2 ** len(alive) - 1
    return CellSaddle("none" if sure and complete else "undecided", None, None, None, tried, complete)


def _residuals(inputs, y, pattern, alive, max_sets) -> Iterator[tuple[NDArray, NDArray]]:
    """Sets of silent neurons, largest first, with e of the least squares of the other alive neurons."""
    C = inputs.coordinates
    r = C.shape[1]
    if not inputs.independent:
        A = (pattern[:, alive, None] * C[:, None, :]).reshape(len(C), -1)
        H, b = A.T @ A, A.T @ y
    tried = 0
    for size in range(len(alive), 0, -1):
        for chosen in combinations(range(len(alive)), size):
            if tried == max_sets:
                return
            tried += 1
            rest = np.setdiff1d(np.arange(len(alive)), chosen)
            if inputs.independent:
                e = np.where(pattern[:, alive[rest]].any(axis=1), 0.0, -y)
            elif len(rest):
                columns = (rest[:, None] * r + np.arange(r)).ravel()
                R = np.linalg.lstsq(H[np.ix_(columns, columns)], b[columns], rcond=None)[0]
                e = A[:, columns] @ R - y
            else:
                e = -y
            yield alive[list(chosen)], e


class _FreeCell:
    """A cell of one neuron for linearly independent samples: every pre-activation is free (derived)."""

    def __init__(self, C: NDArray, active: NDArray, w: NDArray):
        self.C, self.active, self.pre = C, active, C @ w

    def on_plane(self, g: NDArray, e: NDArray) -> NDArray | None:
        """A w in the cell with w·g = Σ_active e_i w·x_i = 0, or None: e must take both signs there."""
        share = np.where(self.active, e * self.pre, 0.0)
        up, down = share[share > 0].sum(), -share[share < 0].sum()
        if up == 0 or down == 0:
            return None
        return np.linalg.solve(self.C, np.where(share > 0, self.pre * (down / up), self.pre))


class _Cone:
    """A cell of one neuron, {w : w·x_i > 0 for active i, < 0 for the others}, and a w inside it."""

    def __init__(self, C: NDArray, active: NDArray, w: NDArray):
        rows = np.where(active, 1.0, -1.0)[:, None] * C
        rows = rows[rows.any(axis=1)]  # a sample at the origin is inactive whatever w is
        self.rows = rows / np.linalg.norm(rows, axis=1)[:, None]
        self.inside = w / np.linalg.norm(w)

    @cached_property
    def rays(self) -> NDArray:
        """Its extreme rays, (n, r): the facets of the convex hull of the half-spaces' normals, scaled to
        normal·inside = 1 (the cone's dual, cut by a plane)."""
        from scipy.spatial import ConvexHull

        across = np.linalg.svd(self.inside[None])[2][1:]
        scaled = self.rows / (self.rows @ self.inside)[:, None]
        facets = ConvexHull(scaled @ across.T).equations
        rays = -facets[:, :-1] @ across - facets[:, -1:] * self.inside
        return rays / np.linalg.norm(rays, axis=1)[:, None]

    def on_plane(self, g: NDArray, e: NDArray) -> NDArray | None:
        """A w in the open cell with w·g = 0, or None: from ``inside`` towards the point of the closed cell
        that is furthest on the plane's other side."""
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
        if 3 <= r <= RAY_DIMENSIONS:  # Qhull wants a plane at least
            return self.rays[np.argmin(self.rays @ g)]
        from scipy.optimize import linprog

        slice_ = self.rows.mean(axis=0)
        inside = self.inside / (slice_ @ self.inside)
        found = linprog(g, -self.rows, np.zeros(len(self.rows)), slice_[None], [1.0], (None, None))
        return found.x if found.status == 0 else inside


@dataclass(frozen=True)
class ClosedCell:
    """verdict; loss : the least on the closed cell (NaN if undecided); evidence : one line for a table."""

    verdict: Literal["differentiable minimum", "non-differentiable minimum", "none", "undecided"]
    loss: float
    evidence: str


def minimum_on_closed_cell(
    X: ArrayLike | Inputs, y: ArrayLike, W: ArrayLike, z: ArrayLike, program_limit: int | None = None
) -> ClosedCell:
    """Which local minimum of the landscape the closed cell of (W, signs of z) holds, with all z_j ≠ 0.

    A differentiable one inside (``genuineness.decide``) or else a non-differentiable one on its boundary,
    which can only be where the loss is least on the closed cell. *none*: that minimiser is the only one
    and the loss falls beyond the boundary. *undecided*: there are more minimisers than the one tested, or
    program_limit linear programs did not decide.
    """
    from relucells.genuineness import decide

    inputs = prepare(X)
    y, W, z = network(inputs, y, W, z)
    if not z.all():
        raise ValueError("z: must not hold zeros, its signs choose the cell")
    pattern, signs = inputs.X @ W.T > 0, np.sign(z)
    decision = decide(inputs, y, pattern, signs, program_limit=program_limit, margin="sign")
    if decision.verdict == "genuine":
        return ClosedCell("differentiable minimum", decision.loss, "a minimiser lies in the open cell")
    V, _ = _closed_minimum(inputs, y, pattern, signs, (W @ inputs.basis) * np.abs(z)[:, None], set())
    point = critical_point(inputs, y, V @ inputs.basis.T, signs)
    if point.kind == "non-differentiable minimum":
        return ClosedCell(point.kind, point.loss, point.evidence)
    alive = pattern.any(axis=0)
    only_one = alive.any() and rank(inputs, pattern[:, alive]) == alive.sum() * inputs.rank
    zero = np.flatnonzero(alive & ~V.any(axis=1))
    e = np.maximum(inputs.coordinates @ V.T, 0.0) @ signs - y
    descends = any(_leaves_zero(inputs.coordinates, e, signs[j]) for j in zero) if len(zero) else True
    if decision.verdict == "none" and point.kind == "not converged" and only_one and descends:
        return ClosedCell("none", point.loss, point.evidence)
    return ClosedCell("undecided", np.nan, point.evidence)


def _leaves_zero(C: NDArray, e: NDArray, sign: float) -> bool:
    """Whether the loss falls as v_j leaves 0 along ±x_k for some sample: s_j Σ e_i [δ·x_i]_+ < 0."""
    products = C @ C.T
    return min((sign * e @ np.maximum(side * products, 0)).min() for side in (1, -1)) < 0


# --- the minimum over a closed cell -----------------------------------------------------------------


def _closed_minimum(inputs, y, pattern, signs, V, working) -> tuple[NDArray, NDArray]:
    """(V (K, r), boundary (N, K)); ``working``, the half-spaces used, is enlarged for the next call."""
    if inputs.independent:
        return _closed_minimum_independent(inputs, y, pattern, signs, V)
    return _closed_minimum_general(inputs, y, pattern, signs, V, working)


def _closed_minimum_independent(inputs, y, pattern, signs, V) -> tuple[NDArray, NDArray]:
    """rank X = N: the pre-activations are free, so every sample is solved by itself (derived).

    A sample with an active neuron of sign y_i is fitted exactly, by scaling what the neurons of that sign
    give it; the others are best served by 0, so their active neurons go to the boundary.
    """
    u = inputs.coordinates @ V.T
    with_sign = pattern & (signs == np.sign(y)[:, None])
    against = pattern & ~with_sign
    served = with_sign.any(axis=1) & (y != 0)
    boundary = against & ~served[:, None]
    have = np.where(with_sign, np.maximum(u, 0.0), 0.0)
    missing = with_sign & (have.sum(axis=1) == 0)[:, None]
    have = np.where(missing, 1.0, have)
    need = np.abs(y) + np.where(against, np.maximum(u, 0.0), 0.0).sum(axis=1)
    total = np.where(served, have.sum(axis=1), 1.0)
    u = np.where(with_sign, have * (need / total)[:, None], u)
    u = np.where(pattern, np.maximum(u, 0.0), np.minimum(u, 0.0))
    u[boundary] = 0.0
    return np.linalg.lstsq(inputs.coordinates, u, rcond=None)[0].T, boundary


def _closed_minimum_general(inputs, y, pattern, signs, V, working) -> tuple[NDArray, NDArray]:
    """Least squares under half-spaces G v ≥ 0, in its dual form: non-negative least squares.

    With A = QR, min |Rv − Qᵀy|² subject to Gv ≥ 0 is solved by v = R⁻¹(Qᵀy + R⁻ᵀGᵀλ) for the λ ≥ 0 that
    minimises |Qᵀy + R⁻ᵀGᵀλ| (derived; Lawson and Hanson's LDP is the special case R = I). Half-spaces
    enter as they are violated; the active ones are then solved as equations, free of the ridge.
    """
    from scipy.linalg import solve_triangular
    from scipy.optimize import nnls

    C = inputs.coordinates
    N, r = C.shape
    alive = np.flatnonzero(pattern.any(axis=0))
    V = V.copy()
    boundary = np.zeros_like(pattern)
    if not len(alive):
        return V, boundary
    A = ((signs * pattern)[:, alive, None] * C[:, None, :]).reshape(N, -1)
    ridge = RIDGE * np.sqrt((A**2).sum(axis=0).max())
    Q, R = np.linalg.qr(np.vstack((A, ridge * np.eye(A.shape[1]))))
    wanted = Q.T @ np.concatenate((y, ridge * V[alive].ravel()))
    side = np.where(pattern, 1.0, -1.0)
    size = np.maximum(np.linalg.norm(C, axis=1), np.finfo(float).tiny)
    place = {j: k for k, j in enumerate(alive)}
    used = [pair for pair in sorted(working) if pair[1] in place]
    known = set(used)
    while True:
        G = np.zeros((len(used), A.shape[1]))
        for row, (i, j) in enumerate(used):
            G[row, r * place[j] : r * place[j] + r] = side[i, j] * C[i]
        M = solve_triangular(R, G.T, trans="T")
        M /= np.maximum(np.linalg.norm(M, axis=0), 1e-300)
        multipliers, _ = nnls(M, -wanted, maxiter=50 * max(M.shape)) if used else (np.zeros(0), 0)
        solution = solve_triangular(R, wanted + M @ multipliers).reshape(len(alive), r)
        gap = side[:, alive] * (C @ solution.T) / size[:, None]
        gap[gap >= -BOUNDARY * np.linalg.norm(solution, axis=1)] = 0.0
        worst = np.argsort(gap, axis=0)[:ADDED]
        added = {(int(i), int(alive[k])) for k in range(len(alive)) for i in worst[:, k] if gap[i, k] < 0}
        if not added - known:
            break
        used += sorted(added - known)
        known |= added
    working |= {pair for pair, value in zip(used, multipliers, strict=True) if value > 0}
    for (i, j), value in zip(used, multipliers, strict=True):
        boundary[i, j] = value > 0
    free = []
    for j in alive:
        rows = C[boundary[:, j]]
        free.append(_null_space(rows, r))
    exact = [basis @ (basis.T @ solution[k]) for k, basis in enumerate(free)]
    reduced = np.hstack([A[:, r * k : r * k + r] @ basis for k, basis in enumerate(free)])
    correction = np.linalg.lstsq(reduced, y - A @ np.concatenate(exact), rcond=None)[0]
    start = 0
    for k, basis in enumerate(free):
        stop = start + basis.shape[1]
        V[alive[k]] = exact[k] + basis @ correction[start:stop]
        start = stop
    return V, boundary


def _null_space(rows: NDArray, r: int) -> NDArray:
    """Orthonormal basis (r, ·) of the vectors at right angles to all rows."""
    if not len(rows):
        return np.eye(r)
    _, singular, right = np.linalg.svd(rows / np.linalg.norm(rows, axis=1)[:, None])
    return right[int((singular > BOUNDARY).sum()) :].T
