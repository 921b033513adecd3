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
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations, product
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from relucells.cells.pattern import rank
from relucells.descent import gradient
from relucells.samples.decomposition import svd
from relucells.samples.inputs import Inputs, network, prepare
from relucells.samples.threads import one_thread
from relucells.search.highs import Unsolved

Kind = Literal["differentiable minimum", "non-differentiable minimum", "saddle", "not converged"]

# All of this is done in coordinates in which X has orthonormal columns, with errors in units of ‖y‖: every
# |g_j| is then at most 1 where the network is no worse than 0, and no scale of X, y, w or z matters.

# A pair (i, j) lies on the boundary when |w_j·x_i| ≤ BOUNDARY |w_j| |x_i|. Solves leave about 1e-15; a
# random pair comes that close once in 1e9.
BOUNDARY = 1e-9
# Multipliers and pulls that ``settle`` takes for zeros with rounding: within a closed cell and, ten times
# that, across its boundary, so that no neuron returns to where it came from.
STATIONARY = 1e-10
CROSSING = 10 * STATIONARY
# Singular values below this share of the largest are zeros: such directions leave the output as it is.
RANK = 1e-11
# Normal equations square the condition: no smaller ratio of their factor's diagonal is trusted.
NORMAL = 1e-5
# Moves along a half-space's edge change its value by rounding alone, relative to their length.
ALONG = 1e-12
# Rounds for each unknown that a closed cell's minimum may take; seen: less than 9.
ROUNDS = 100
# Up to this many hyperplanes at which the loss bends down all choices of their sides are gone through, 2^8;
# with more the loss is taken to fall (as at w_j = 0, z_j ≠ 0, where every sample is on the boundary).
SIDES = 8
# Up to this many coordinates a cone's extreme rays are enumerated; beyond, a linear program finds the one.
RAY_DIMENSIONS = 6


@dataclass(frozen=True)
class CriticalPoint:
    """What a point is, and the evidence.

    kind; loss; gradient_norm : of the smallest subgradient (the gradient where there is one) with respect
    to v_j = |z_j| w_j, or to z_j where z_j = 0, w_j then of length 1, in coordinates in which X has
    orthonormal columns and in units of (2/N) ‖y‖: whatever the scales of X, y, w and z, 1 is large;
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


@one_thread
def critical_point(
    X: ArrayLike | Inputs, y: ArrayLike, W: ArrayLike, z: ArrayLike, tolerance: float = 1e-7
) -> CriticalPoint:
    """Classify a point by the first-order conditions of the module's head.

    X : (N, D) or ``relucells.prepare(X)``; y : (N,); W : (K, D); z : (K,). tolerance : a subgradient of
    that norm, in the units of ``gradient_norm``, counts as 0. Raises ValueError naming the argument.
    """
    inputs = prepare(X)
    y, W, z = network(inputs, y, W, z)
    C, _ = _orthonormal(inputs)
    N, K = len(y), len(z)
    V = _directions(inputs, C, W)
    pre, boundary = _sides(C, V)
    e = np.maximum(pre, 0.0) @ z - y
    loss = float(e @ e) / N
    unit = float(np.linalg.norm(y) or np.linalg.norm(e) or 1.0)
    # a pair is off the boundary, however close, if its part of the output is not small
    boundary &= np.abs(pre * z) <= tolerance * unit
    active = (pre > 0) & ~boundary
    e /= unit
    g = (active * e[:, None]).T @ C
    length = np.linalg.norm(C, axis=1)

    multipliers, kinked = np.zeros((N, K)), np.zeros((N, K), dtype=bool)
    silent = z == 0
    along = (g * V).sum(axis=1) / np.maximum(np.linalg.norm(V, axis=1), np.finfo(float).tiny)
    squares, proven = np.where(silent, along, 0.0) ** 2, True
    for j in np.flatnonzero(~silent):
        rows = np.flatnonzero(boundary[:, j] & (length > 0))
        kinks = _Kinks(C[rows], np.sign(z[j]) * e[rows], np.sign(z[j]) * g[j], tolerance)
        shares, rest, tested = kinks.smallest_subgradient()
        multipliers[rows, j] = (2 / N) * unit * z[j] * e[rows] * shares
        kinked[rows, j] = kinks.kinked
        squares[j] = rest @ rest
        proven &= tested
    norm = float(np.sqrt(squares.sum()))
    bends = [
        _Kinks(C[rows], e[rows], g[j], tolerance).falls_either_way
        for j in np.flatnonzero(silent)
        for rows in [np.flatnonzero(boundary[:, j] & (length > 0))]
    ]
    counts = int(boundary.sum()), int(kinked.sum())
    if norm > tolerance or not proven:
        kind: Kind = "not converged"
    elif any(bends):
        kind = "saddle"
    elif kinked.any():
        kind = "non-differentiable minimum"
    else:
        kind = "differentiable minimum"
    pull = (2 / N) * unit * np.linalg.norm((active * e[:, None]).T @ inputs.coordinates, axis=1)
    curvature = -float(pull.max())
    if kind == "saddle":
        h = (2 / N) * (np.where(active, pre, 0.0) ** 2).sum(axis=0)
        curvature = float(((h - np.sqrt(h**2 + 4 * pull**2)) / 2)[silent].min())
    return CriticalPoint(kind, loss, norm, curvature, *counts, multipliers)


def _orthonormal(inputs: Inputs) -> tuple[NDArray, NDArray]:
    """C (N, r) with orthonormal columns and T (D, r) with X T = C: w = T v has w·x_i = v·c_i."""
    C, T = inputs.orthonormal
    root = np.sqrt(len(C))
    return C / root, T / root


def _directions(inputs: Inputs, C: NDArray, W: NDArray) -> NDArray:
    """W (K, D) in the coordinates of C: (K, r)."""
    return (inputs.X @ W.T).T @ C


def _sides(C: NDArray, V: NDArray) -> tuple[NDArray, NDArray]:
    """Pre-activations (N, K), and which of them lie on the boundary."""
    pre = C @ V.T
    return pre, np.abs(pre) <= BOUNDARY * np.linalg.norm(C, axis=1)[:, None] * np.linalg.norm(V, axis=1)


class _Kinks:
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
        # Which of two opposite normals stands for both is a matter of a fixed direction's side.
        self.side = np.where(self.u @ np.cos(np.arange(self.u.shape[1])) > 0, 1.0, -1.0)
        normals = np.round(self.side[:, None] * self.u, 8) + 0.0
        _, first, self.member = np.unique(normals, axis=0, return_index=True, return_inverse=True)
        self.u = self.side[first, None] * self.u[first]
        behind = np.bincount(self.member, np.where(self.side < 0, self.bend, 0.0), len(self.u))
        self.bend = np.bincount(self.member, self.bend, len(self.u))
        self.base = self.base - behind @ self.u

    def smallest_subgradient(self) -> tuple[NDArray, NDArray, bool]:
        """(share of each sample in [0, 1], subgradient (r,), whether all were looked at).

        The smallest one where all kinks bend up. For those that bend down one side is chosen: the first
        choice with a subgradient above the tolerance, against which the loss then falls.
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

        With independent normals u_k·δ can be chosen one by one, and pull = −Σ t_k u_k: positive if t_k is
        above bend_k, negative if t_k < 0. 0 everywhere: the loss does not fall.
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


# --- descent to convergence -----------------------------------------------------------------------


@dataclass(frozen=True)
class Run:
    """W (K, D), z (K,): the last point; steps; gradient_norm there."""

    W: NDArray[np.float64]
    z: NDArray[np.float64]
    steps: int
    gradient_norm: float


@one_thread
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
    first-order conditions hold there, by ``critical_point`` (else the limit on cells was met)."""

    W: NDArray[np.float64]
    z: NDArray[np.float64]
    cells: int
    finished: bool


@one_thread
def settle(X: ArrayLike | Inputs, y: ArrayLike, W: ArrayLike, z: ArrayLike, max_cells: int = 1000) -> Settled:
    """Descend from cell to cell, exactly: minimise over the closed cell, cross where that descends, repeat.

    The loss is a convex quadratic of v_j = |z_j| w_j on the closed cell. At its minimum a pair on the
    boundary has a multiplier t (module's head) outside [0, z_j e_i] exactly if the loss falls beyond it:
    those pairs change sides and the next cell has a lower minimum. A neuron that arrives at v_j = 0 with
    g_j ≠ 0 goes through z_j = 0 to the other sign. Finite, because no cell and sign comes twice; ends in a
    local minimum. All of it is a descent path: the segment to a closed cell's minimum lies in that cell.
    A neuron that changes nothing, dead or with z_j = 0, moves inside its cell, away from the boundary.
    """
    inputs = prepare(X)
    y, W, z = network(inputs, y, W, z)
    C, T = _orthonormal(inputs)
    unit = float(np.linalg.norm(y) or 1.0)
    direction = _directions(inputs, C, W)
    V = direction * (np.abs(z) / unit)[:, None]
    # w_j = 0 has no cell: by way of z_j = 0 it moves to where some sample is.
    direction[~direction.any(axis=1)] = C[np.argmax(np.linalg.norm(C, axis=1))]
    pattern = C @ direction.T > 0
    signs = np.where(z >= 0, 1.0, -1.0)
    held, seen = np.zeros_like(pattern), set()
    cells = 0
    while True:
        cells += 1
        V, held = _closed_minimum(C, y / unit, pattern, signs, V, held)
        moving = V.any(axis=1)
        direction = np.where(moving[:, None], V, direction)
        for j in np.flatnonzero(~moving | ~pattern.any(axis=0)):
            direction[j] = _inside(C, direction[j], pattern[:, j])
        V = np.where(moving[:, None], direction, V)
        cross, turn = _crossings(C, y / unit, pattern, signs, V)
        following = signs * np.where(turn, -1.0, 1.0), pattern ^ cross
        key = following[0].tobytes(), np.packbits(following[1]).tobytes()
        # No cell comes twice but by rounding, where the loss has nothing left to fall.
        if cells == max_cells or not (cross.any() or turn.any()) or key in seen:
            break
        seen.add(key)
        held &= ~cross
        signs, pattern = following
    length = np.sqrt(unit * np.linalg.norm(V, axis=1))
    size = np.where(moving, length / np.maximum(np.linalg.norm(direction, axis=1), np.finfo(float).tiny), 1.0)
    W = (size[:, None] * direction) @ T.T
    z = np.where(moving, signs * length, 0.0)
    finished = critical_point(inputs, y, W, z).kind != "not converged"
    return Settled(W, z, cells, finished)


def _crossings(C, y, pattern, signs, V) -> tuple[NDArray, NDArray]:
    """Pairs (N, K) that change sides, and neurons (K,) at v_j = 0 that change sign, where the loss falls."""
    pre, boundary = _sides(C, V)
    boundary &= C.any(axis=1)[:, None]
    e = np.where(pattern, pre, 0.0) @ signs - y
    cross = np.zeros_like(pattern)
    moving = V.any(axis=1)
    for j in np.flatnonzero(boundary.any(axis=0) & moving):
        rows = np.flatnonzero(boundary[:, j])
        pull = signs[j] * ((pattern[:, j] & ~boundary[:, j]) * e) @ C
        sides = _Kinks(C[rows], signs[j] * e[rows], pull, CROSSING).sides_of_descent()
        cross[rows, j] = np.where(pattern[rows, j], sides < 0, sides > 0)
    turn = ~moving & (np.linalg.norm((pattern * e[:, None]).T @ C, axis=1) > CROSSING)
    return cross, turn


def _inside(C: NDArray, v: NDArray, pattern: NDArray) -> NDArray:
    """v moved off the boundary of its closed cell, halfway to the next hyperplane; v itself if inside."""
    side = np.where(pattern, 1.0, -1.0)
    pre, boundary = _sides(C, v[None])
    boundary = boundary[:, 0] & C.any(axis=1)
    if not boundary.any():
        return v
    rows = side[boundary, None] * C[boundary]
    inwards = np.linalg.lstsq(rows, np.linalg.norm(rows, axis=1), rcond=BOUNDARY)[0]
    if (rows @ inwards <= 0).any():  # dependent half-spaces, which need not have an inside
        return v
    gap, rate = (side * pre[:, 0])[~boundary], (side * (C @ inwards))[~boundary]
    reach = min((gap[rate < 0] / -rate[rate < 0]).min(initial=np.inf), np.linalg.norm(v))
    return v + reach / 2 * inwards


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


@one_thread
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
    from relucells.search.decide import decide

    inputs = prepare(X)
    y, W, _ = network(inputs, y, W, np.zeros(len(W)))
    pattern = inputs.X @ W.T > 0
    alive = np.flatnonzero(pattern.any(axis=0))
    C, T = _orthonormal(inputs)
    V = _directions(inputs, C, W)
    cell = _FreeCell if inputs.independent else _Cone
    cells = {j: cell(C, pattern[:, j], V[j]) for j in alive}
    sure, tried = True, 0
    for silent, e in _residuals(C, y, pattern, alive, max_sets):
        tried += 1
        pulls = (pattern[:, silent] * e[:, None]).T @ C
        pulled = np.linalg.norm(pulls, axis=1) > CROSSING * np.linalg.norm(y)
        moved = W.copy()
        for j, g in zip(silent[pulled], pulls[pulled], strict=True):
            try:
                v = cells[j].on_plane(g, e)
            except Unsolved:
                v, sure = None, False
            if v is None:
                break
            moved[j] = v @ T.T
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


def _residuals(C, y, pattern, alive, max_sets) -> Iterator[tuple[NDArray, NDArray]]:
    """Sets of silent neurons, largest first, with e of the least squares of the other alive neurons."""
    r = C.shape[1]
    independent = len(C) == r
    if not independent:
        A = (pattern[:, alive, None] * C[:, None, :]).reshape(len(C), -1)
        H, b = A.T @ A, A.T @ y
    tried = 0
    for size in range(len(alive), 0, -1):
        for chosen in combinations(range(len(alive)), size):
            if tried == max_sets:
                return
            tried += 1
            rest = np.setdiff1d(np.arange(len(alive)), chosen)
            if independent:
                e = np.where(pattern[:, alive[rest]].any(axis=1), 0.0, -y)
            elif len(rest):
                columns = (rest[:, None] * r + np.arange(r)).ravel()
                R = np.linalg.lstsq(H[np.ix_(columns, columns)], b[columns], rcond=None)[0]
                e = A[:, columns] @ R - y
            else:
                e = -y
            yield alive[list(chosen)], e


class _FreeCell:
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


class _Cone:
    """A cell of one neuron, {w : w·x_i > 0 for active i, < 0 for the others}, and a w inside it."""

    def __init__(self, C: NDArray, active: NDArray, w: NDArray):
        rows = np.where(active, 1.0, -1.0)[:, None] * C
        rows = rows[rows.any(axis=1)]  # a sample at the origin is inactive whatever w is
        self.rows = rows / np.linalg.norm(rows, axis=1)[:, None]
        self.inside = w / np.linalg.norm(w)

    @cached_property
    def rays(self) -> NDArray | None:
        """Its extreme rays, (n, r): the facets of the convex hull of the half-spaces' normals, scaled to
        normal·inside = 1 (the cone's dual, cut by a plane). None where Qhull finds the hull too flat, and
        where ``inside`` lies on the boundary, so that no such plane is there."""
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
        """A w in the open cell with w·g = 0, or None: from ``inside`` towards the point of the closed cell
        that is furthest on the plane's other side. Unsolved where no solver finds that point."""
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
        # Qhull wants a plane at least.
        if 3 <= r <= RAY_DIMENSIONS and self.rays is not None:
            return self.rays[np.argmin(self.rays @ g)]
        from scipy.optimize import linprog

        slice_ = self.rows.mean(axis=0)
        found = linprog(
            g / np.linalg.norm(g), -self.rows, np.zeros(len(self.rows)), slice_[None], [1.0], (None, None)
        )
        if found.status != 0:
            raise Unsolved(found.message)
        return found.x


@dataclass(frozen=True)
class ClosedCell:
    """verdict; loss : the least on the closed cell (NaN if undecided); evidence : one line for a table."""

    verdict: Literal["differentiable minimum", "non-differentiable minimum", "none", "undecided"]
    loss: float
    evidence: str


@one_thread
def minimum_on_closed_cell(
    X: ArrayLike | Inputs, y: ArrayLike, W: ArrayLike, z: ArrayLike, program_limit: int | None = None
) -> ClosedCell:
    """Which local minimum of the landscape the closed cell of (W, signs of z) holds, with all z_j ≠ 0.

    A differentiable one inside (``genuineness.decide``) or else a non-differentiable one on its boundary,
    which can only be where the loss is least on the closed cell. *none*: that minimiser is the only one
    and the loss falls beyond the boundary. *undecided*: there are more minimisers than the one tested, or
    program_limit linear programs did not decide.
    """
    from relucells.search.decide import decide

    inputs = prepare(X)
    y, W, z = network(inputs, y, W, z)
    if not z.all():
        raise ValueError("z: must not hold zeros, its signs choose the cell")
    pattern, signs = inputs.X @ W.T > 0, np.sign(z)
    decision = decide(inputs, y, pattern, signs, program_limit=program_limit, margin="sign")
    if decision.verdict == "genuine":
        return ClosedCell("differentiable minimum", decision.loss, "a minimiser lies in the open cell")
    C, T = _orthonormal(inputs)
    unit = float(np.linalg.norm(y) or 1.0)
    start = _directions(inputs, C, W) * (np.abs(z) / unit)[:, None]
    V, _ = _closed_minimum(C, y / unit, pattern, signs, start, np.zeros_like(pattern))
    point = critical_point(inputs, y, unit * V @ T.T, signs)
    if point.kind == "non-differentiable minimum":
        return ClosedCell(point.kind, point.loss, point.evidence)
    alive = pattern.any(axis=0)
    only_one = alive.any() and rank(inputs, pattern[:, alive]) == alive.sum() * inputs.rank
    zero = np.flatnonzero(alive & ~V.any(axis=1))
    e = np.maximum(C @ V.T, 0.0) @ signs - y / unit
    descends = any(_leaves_zero(C, e, signs[j]) for j in zero) if len(zero) else True
    if decision.verdict == "none" and point.kind == "not converged" and only_one and descends:
        return ClosedCell("none", point.loss, point.evidence)
    return ClosedCell("undecided", np.nan, point.evidence)


def _leaves_zero(C: NDArray, e: NDArray, sign: float) -> bool:
    """Whether the loss falls as v_j leaves 0 along ±x_k for some sample: s_j Σ e_i [δ·x_i]_+ < 0."""
    products = C @ C.T
    return min((sign * e @ np.maximum(side * products, 0)).min() for side in (1, -1)) < 0


# --- the minimum over a closed cell -----------------------------------------------------------------


def _closed_minimum(C, y, pattern, signs, V, held) -> tuple[NDArray, NDArray]:
    """(V (K, r), held (N, K)): where the loss is least on the closed cell, from a V in it.

    held : half-spaces to start with, independent for each neuron, at whose edges V lies; then those at the
    end, for the next call.
    """
    if len(C) == C.shape[1]:  # rank X = N
        return _closed_minimum_independent(C, y, pattern, signs, V), held
    return _closed_minimum_general(C, y, pattern, signs, V, held)


def _closed_minimum_independent(C, y, pattern, signs, V) -> NDArray:
    """rank X = N: the pre-activations are free, so every sample is solved by itself (derived).

    A sample with an active neuron of sign y_i is fitted exactly, by scaling what the neurons of that sign
    give it; the others are best served by 0, so their active neurons go to the boundary.
    """
    u = C @ V.T
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
    return u.T @ C


def _closed_minimum_general(C, y, pattern, signs, V, held) -> tuple[NDArray, NDArray]:
    """Least squares |A v − y|² under half-spaces G v ≥ 0 by an active-set method from a feasible v.

    Each round minimises over the edges held, by the shortest step where that leaves a choice (A may have
    any rank), goes there or to the first half-space in the way, which is then held, or, where the loss is
    least already, lets go of the half-space with the most negative multiplier. The loss never rises and v
    never leaves the closed cell. Rounds without a move take the first candidate instead of the best
    (Bland's rule), which keeps them from going round in circles.
    """
    r = C.shape[1]
    alive = np.flatnonzero(pattern.any(axis=0))
    V, everywhere = V.copy(), np.zeros_like(held)
    if not len(alive):
        return V, everywhere
    A, target = ((signs * pattern)[:, alive, None] * C[:, None, :]).reshape(len(C), -1), y
    if len(C) > A.shape[1]:
        triangle = np.linalg.qr(np.column_stack((A, y)), mode="r")
        A, target = triangle[:, :-1], triangle[:, -1]
    size = np.maximum(np.linalg.norm(C, axis=1), np.finfo(float).tiny)[:, None]
    unit, side = C / size, np.where(pattern, 1.0, -1.0)[:, alive]
    v, held = V[alive], held[:, alive]
    faces = _Faces(A, r)
    for k in range(len(alive)):
        faces.set(k, np.flatnonzero(held[:, k]), side[:, k], unit)
    least, careful, doubtful = False, False, False
    for _ in range(ROUNDS * A.shape[1]):
        error = A @ v.ravel() - target
        if least:
            row, k = faces.let_go(error, careful)
            if row is None:
                break
            held[row, k] = False
            faces.set(k, np.flatnonzero(held[:, k]), side[:, k], unit)
        step, sure = faces.step(error, doubtful)
        way, rate = side * (unit @ v.T), side * (unit @ step.T)
        beyond = np.flatnonzero((way + rate < 0) & (rate < -ALONG * np.linalg.norm(step, axis=1)) & ~held)
        if len(beyond):
            reach = np.maximum(way.ravel()[beyond], 0.0) / -rate.ravel()[beyond]
            row, k = np.unravel_index(beyond[np.argmin(reach)], held.shape)
            v = v + reach.min() * step
            held[row, k] = True
            faces.set(k, np.flatnonzero(held[:, k]), side[:, k], unit)
            v[k] = faces.onto(k, v[k])  # off the edge by rounding only
            least, careful, doubtful = False, reach.min() == 0.0, False
        else:
            v = v + step
            least = sure or faces.slope(A @ v.ravel() - target) < STATIONARY / 10
            careful, doubtful = False, not least
    V[alive] = v
    everywhere[:, alive] = held
    return V, everywhere


class _Faces:
    """The edges on which the neurons hold half-spaces, and the least squares that is left on them.

    For each neuron an orthonormal basis whose last vectors span its edge: A in these bases, and AᵀA.
    """

    def __init__(self, A: NDArray, r: int):
        self.A, self.r, K = A, r, A.shape[1] // r
        # rounding in the products below is judged against all of A: what is left may be rounding alone
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

        By the normal equations where they look well-conditioned, unless a step of theirs has fallen short.
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
        along = along.reshape(-1, self.r)
        return np.einsum("kij,kj->ki", self.basis, along), bool(doubtful)

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
