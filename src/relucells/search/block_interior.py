"""A primal–dual interior-point method for half-spaces that fall into blocks, tied together by few equations.

    max t   subject to   H_g u_g ≥ t,   Σ_g A_g u_g = p,   t ≤ 1        over u_g, g = 1 … G, and t,

with its dual  min ζ − λ·p  over z ≥ 0, ζ ≥ 0  with H_gᵀ z_g + A_gᵀ λ = 0, Σ z + ζ = 1. A Newton step needs
the r × r matrices M_g = H_gᵀ Θ_g H_g and one of the equations' order, Σ_g A_g M_g⁻¹ A_gᵀ, which costs
O(G N² r) for N equations. Methods that do not see the blocks took over 100 s for 500 equations and 40 blocks
of 51 unknowns, this one takes 3 (S. Mehrotra, *On the implementation of a primal–dual interior point method*,
SIAM J. Optim. 1992, for the predictor and the corrector).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from relucells.search.budget import Budget

STEPS = 200
# At the end: the duality gap, and the residuals of the equations and of the dual's, relative to their sizes.
FEASIBLE = 1e-9
# A t that ends the search: the point is strictly inside.
POSITIVE = 1e-3
# The share of the way to the boundary that a step takes.
SHORTER = 0.995


@dataclass
class State:
    """u (G, r), t and the slacks s (G, n) of the half-spaces and ``cap`` of t ≤ 1; λ, z (G, n) and ζ."""

    u: NDArray[np.float64]
    t: float
    s: NDArray[np.float64]
    cap: float
    multipliers: NDArray[np.float64]
    z: NDArray[np.float64]
    cap_price: float

    @property
    def gap(self) -> float:
        """The mean of the products s z."""
        return (float((self.s * self.z).sum()) + self.cap * self.cap_price) / (self.s.size + 1)


@dataclass(frozen=True)
class Program:
    """half_spaces : H (G, n, r); equations : A (G, N, r); right : p (N,)."""

    half_spaces: NDArray[np.float64]
    equations: NDArray[np.float64]
    right: NDArray[np.float64]

    def maximise(self, u: NDArray[np.float64], budget: Budget) -> State:
        """The optimum from a u, (G, r), that solves the equations up to rounding, or how far it came where a
        matrix is singular in floating point. Raises WorkLimit where the budget's time is up."""
        state = self._start(u)
        for _ in range(STEPS):
            budget.check()
            try:
                step = _Newton(self, state)
            except np.linalg.LinAlgError:
                break
            if step.arrived:
                break
            affine = step.solve(0.0, None)
            ahead = _moved(state, affine, *_longest(state, affine)).gap / state.gap
            corrected = step.solve(ahead**3 * state.gap, affine)
            primal, dual = _longest(state, corrected)
            after = _moved(state, corrected, SHORTER * primal, SHORTER * dual)
            if not np.isfinite(after.gap):
                break
            state = after
        return state

    def values(self, u: NDArray) -> NDArray[np.float64]:
        """H_g u_g, (G, n)."""
        return np.matmul(self.half_spaces, u[:, :, None])[:, :, 0]

    def _start(self, u: NDArray) -> State:
        values = self.values(u)
        spread = max(float(values.max() - values.min()), 1.0)
        t = float(min(values.min(), 1.0)) - spread
        price = 1.0 / (values.size + 1)
        return State(
            u, t, values - t, 1.0 - t, np.zeros(len(self.right)), np.full(values.shape, price), price
        )


class _Newton:
    """The matrices of one Newton step, factorised, and what is missing at its start."""

    def __init__(self, program: Program, state: State):
        self.program, self.state = program, state
        H, A, s = program.half_spaces, program.equations, state
        self.weights, self.cap_weight = s.z / s.s, s.cap_price / s.cap
        blocks = np.matmul((H * self.weights[:, :, None]).transpose(0, 2, 1), H)
        self.inverse = np.linalg.inv(np.linalg.cholesky(blocks))  # of the Cholesky factors, (G, r, r)
        scaled = np.matmul(A, self.inverse.transpose(0, 2, 1)).transpose(1, 0, 2).reshape(A.shape[1], -1)
        self.factor = np.linalg.inv(np.linalg.cholesky(scaled @ scaled.T))
        self.towards_t = self._transposed(self.weights)  # Hᵀ Θ 1
        self.response = self._solve_blocks(self.towards_t)  # M⁻¹ Hᵀ Θ 1
        self.tied = self._image(self.response)
        own = self.weights.sum() + self.cap_weight - (self.towards_t * self.response).sum()
        self.curvature = own + float(((self.factor @ self.tied) ** 2).sum())
        self.missing = program.right - self._image(s.u)
        self.slackness = program.values(s.u) - s.t - s.s
        self.cap_slackness = 1.0 - s.t - s.cap
        self.stationarity = self._transposed(s.z) + self._back(s.multipliers)
        self.total = 1.0 - float(s.z.sum()) - s.cap_price

    @property
    def arrived(self) -> bool:
        """Whether t is clearly positive at a feasible point, or the optimum is reached."""
        equations = np.abs(self.missing).max() / max(np.abs(self.program.right).max(), 1e-300)
        if self.state.t > POSITIVE and max(equations, np.abs(self.slackness).max()) < FEASIBLE:
            return True
        gap = self.state.gap * self.slackness.size / max(abs(self.state.t), POSITIVE)
        dual = np.abs(self.stationarity).max() / self.state.z.max()
        return max(gap, equations, dual) < FEASIBLE

    def _transposed(self, z: NDArray) -> NDArray[np.float64]:
        return np.matmul(self.program.half_spaces.transpose(0, 2, 1), z[:, :, None])[:, :, 0]

    def _image(self, u: NDArray) -> NDArray[np.float64]:
        return np.matmul(self.program.equations, u[:, :, None])[:, :, 0].sum(axis=0)

    def _back(self, multipliers: NDArray) -> NDArray[np.float64]:
        return np.matmul(self.program.equations.transpose(0, 2, 1), multipliers)

    def _solve_blocks(self, right: NDArray) -> NDArray[np.float64]:
        half = np.matmul(self.inverse, right[:, :, None])
        return np.matmul(self.inverse.transpose(0, 2, 1), half)[:, :, 0]

    def solve(self, centre: float, affine: State | None) -> State:
        """The step towards s z = centre; ``affine``, a first step, corrects for its own products."""
        s = self.state
        wanted, cap_wanted = centre - s.s * s.z, centre - s.cap * s.cap_price
        if affine is not None:
            wanted = wanted - affine.s * affine.z
            cap_wanted -= affine.cap * affine.cap_price
        push = (wanted - s.z * self.slackness) / s.s
        cap_push = (cap_wanted - s.cap_price * self.cap_slackness) / s.cap
        force = self.stationarity + self._transposed(push)
        rest = self.total - float(push.sum()) - cap_push
        base = self._solve_blocks(force)
        right = self.missing - self._image(base)
        through = self.factor.T @ (self.factor @ right)
        dt = (rest + float((self.towards_t * base).sum()) + float(self.tied @ through)) / self.curvature
        dual = through - dt * (self.factor.T @ (self.factor @ self.tied))
        du = base + dt * self.response + self._solve_blocks(self._back(dual))
        ds = self.program.values(du) - dt + self.slackness
        dcap = self.cap_slackness - dt
        dz = (wanted - s.z * ds) / s.s
        return State(du, dt, ds, dcap, dual, dz, (cap_wanted - s.cap_price * dcap) / s.cap)


def _longest(state: State, step: State) -> tuple[float, float]:
    """How much of a step leaves the slacks, and the multipliers, positive; at most 1."""

    def share(now: NDArray, change: NDArray) -> float:
        falling = change < 0
        return float(min((-now[falling] / change[falling]).min(initial=1.0), 1.0))

    slacks = np.append(state.s, state.cap), np.append(step.s, step.cap)
    prices = np.append(state.z, state.cap_price), np.append(step.z, step.cap_price)
    return share(*slacks), share(*prices)


def _moved(state: State, step: State, primal: float, dual: float) -> State:
    return State(
        state.u + primal * step.u,
        state.t + primal * step.t,
        state.s + primal * step.s,
        state.cap + primal * step.cap,
        state.multipliers + dual * step.multipliers,
        state.z + dual * step.z,
        state.cap_price + dual * step.cap_price,
    )
