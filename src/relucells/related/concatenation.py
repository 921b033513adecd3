"""The smallest Maximum-and-Concatenation Network (Xie et al., arXiv 2007.04630) and its control.

One block on the input, then a linear output:

    f(x) = V · concat(L x, s_out exp(s_in Ã x) + max(σ(A x), W x)),

σ the leaky ReLU of slope 0.15, s_in and s_out trained like the rest. The work's claim for l = 1, a linear
first layer: every local minimum of this network has at most the linear least-squares loss. The control has
neither the linear part L x nor the exponential: f(x) = V · max(σ(A x), W x).

The gradients are derived here. They also hold for complex arguments (comparisons look at the real part), so a
complex step gives the Hessian up to rounding.
"""

from dataclasses import dataclass
from typing import Literal, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

from relucells.samples.decomposition import svd
from relucells.samples.inputs import real_array, targets

Ending = Literal["minimum", "minimum at a kink", "saddle", "diverging", "not converged"]
Piece = tuple[NDArray[np.float64], NDArray[np.bool_]]

LEAK = 0.15
LARGEST_EXPONENT = 300.0
# The work's own check of a local minimum: |gradient| below the first, eigenvalues not below the second.
GRADIENT_TOLERANCE, EIGENVALUE_TOLERANCE = 1e-8, -1e-6
# Parameters this large count as on their way to infinity.
DIVERGED = 1e4
NEWTON_STEPS = 30
# A line search may stop this near a kink, relative to |weights| |x|. The nearest kinks are tried alone first.
NEAR_KINK = (1e-7, 1e-5, 1e-3)
# Most rounds of L-BFGS. Each forgets the curvature and starts again, which gets it past most kinks.
RESTARTS = 2


@dataclass(frozen=True)
class Network:
    """D inputs (augmented), ``width`` entries of the maximum, ``linear`` entries of L x; ``linear`` = 0
    is the control, without the exponential as well."""

    D: int
    width: int
    linear: int

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        full = {"L": (self.linear, self.D), "S": (self.width, self.D), "s_in": (), "s_out": ()}
        common = {"A": (self.width, self.D), "W": (self.width, self.D), "V": (self.linear + self.width,)}
        return common | (full if self.linear else {})

    @property
    def size(self) -> int:
        return sum(int(np.prod(shape)) for shape in self.shapes.values())

    def unpack(self, flat: NDArray) -> dict[str, NDArray]:
        """Parameters by name; S stands for Ã."""
        parts, start = {}, 0
        for name, shape in self.shapes.items():
            stop = start + int(np.prod(shape))
            parts[name] = flat[start:stop].reshape(shape)
            start = stop
        return parts

    def draw(self, rng: np.random.Generator) -> NDArray[np.float64]:
        """N(0, 1/D) for the matrices, N(0, 1) for V, 1 for s_in and s_out."""
        parts = [
            np.ones(1) if name.startswith("s_") else rng.standard_normal(int(np.prod(shape)))
            for name, shape in self.shapes.items()
        ]
        scales = [1.0 if name.startswith("s_") or name == "V" else self.D**-0.5 for name in self.shapes]
        return np.concatenate([scale * part for scale, part in zip(scales, parts, strict=True)])


@overload
def loss_and_gradient(
    network: Network, X: NDArray, y: NDArray, flat: NDArray[np.float64], piece: Piece | None = None
) -> tuple[float, NDArray[np.float64]]: ...
@overload
def loss_and_gradient(
    network: Network, X: NDArray, y: NDArray, flat: NDArray[np.complex128], piece: Piece | None = None
) -> tuple[complex, NDArray[np.complex128]]: ...
def loss_and_gradient(
    network: Network, X: NDArray, y: NDArray, flat: NDArray, piece: Piece | None = None
) -> tuple[float | complex, NDArray]:
    """(1/N) Σ (f(x_i) − y_i)² and its gradient in the order of ``Network.shapes``; flat may be complex.

    piece : slopes of σ and where the maximum takes σ, both (N, width); by default those at the point.
    """
    p = network.unpack(flat)
    pre, other = X @ p["A"].T, X @ p["W"].T
    slope, first = _piece(pre, other) if piece is None else piece
    features = np.where(first, slope * pre, other)
    if network.linear:
        exponent = X @ p["S"].T
        scaled = p["s_in"] * exponent
        power = np.exp(np.where(scaled.real > LARGEST_EXPONENT, LARGEST_EXPONENT, scaled))
        features = np.hstack((X @ p["L"].T, features + p["s_out"] * power))
    e = features @ p["V"] - y
    pull = (2 / len(y)) * e
    by = {"V": features.T @ pull}
    by_hidden = pull[:, None] * p["V"][network.linear :]
    by["A"] = (by_hidden * first * slope).T @ X
    by["W"] = (by_hidden * ~first).T @ X
    if network.linear:
        by["L"] = np.outer(p["V"][: network.linear], pull @ X)
        by_power = by_hidden * power
        by["S"] = p["s_out"] * p["s_in"] * by_power.T @ X
        by["s_in"] = p["s_out"] * (by_power * exponent).sum()
        by["s_out"] = by_power.sum()
    return (e @ e) / len(y), np.concatenate([np.ravel(by[name]) for name in network.shapes])


def _piece(pre: NDArray, other: NDArray) -> Piece:
    slope = np.where(pre.real > 0, 1.0, LEAK)
    return slope, (slope * pre).real >= other.real


def hessian(
    network: Network, X: NDArray, y: NDArray, flat: NDArray[np.float64], piece: Piece | None = None
) -> NDArray[np.float64]:
    """Of the loss, (n, n), by complex steps of the gradient: exact to rounding on a smooth piece."""
    step = 1e-30
    rows = [
        loss_and_gradient(network, X, y, flat + 1j * step * direction, piece)[1].imag / step
        for direction in np.eye(len(flat))
    ]
    return (np.array(rows) + np.array(rows).T) / 2


@dataclass(frozen=True)
class Run:
    """ending; flat : the parameters; loss; gradient_norm : at a kink of the smallest subgradient;
    least_eigenvalue : of the Hessian, at a kink along it; largest : parameter in absolute value;
    kinks : pairs of a sample and an entry of the maximum that lie on one."""

    ending: Ending
    flat: NDArray[np.float64]
    loss: float
    gradient_norm: float
    least_eigenvalue: float
    largest: float
    kinks: int = 0


def train(network: Network, X: ArrayLike, y: ArrayLike, start: NDArray[np.float64], max_steps: int) -> Run:
    """L-BFGS, then damped Newton steps, and how it ended.

    *diverging*: a parameter beyond 1e4. *minimum*: |gradient| < 1e-8, Hessian eigenvalues ≥ −1e-6.
    *saddle*: the gradient vanishes, an eigenvalue is smaller. *minimum at a kink* of σ or the maximum: see
    ``_minimum_at_kinks``. *not converged*: the rest.
    """
    from scipy.optimize import minimize

    X, y = real_array("X", X, dimensions=2), targets(y, len(X))
    flat = start

    def at(point: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        return loss_and_gradient(network, X, y, point)

    for _ in range(RESTARTS):
        found = minimize(
            at,
            flat,
            jac=True,
            method="L-BFGS-B",
            options={"maxiter": max_steps, "maxfun": 2 * max_steps, "gtol": 0.0, "ftol": 0.0, "maxcor": 30},
        )
        flat = found.x
    loss, gradient = loss_and_gradient(network, X, y, flat)
    for reach in NEAR_KINK:
        if np.linalg.norm(gradient) < np.sqrt(GRADIENT_TOLERANCE) or np.abs(flat).max() > DIVERGED:
            break
        if at_kinks := _minimum_at_kinks(network, X, y, flat, reach):
            return at_kinks
    for _ in range(NEWTON_STEPS):
        if np.linalg.norm(gradient) < GRADIENT_TOLERANCE / 10 or np.abs(flat).max() > DIVERGED:
            break
        values, vectors = np.linalg.eigh(hessian(network, X, y, flat))
        # Taking |eigenvalues| makes the step go downhill; the floor keeps it short along flat directions.
        bend = np.maximum(np.abs(values), 1e-10 * np.abs(values).max() + 1e-14)
        step = vectors @ ((vectors.T @ gradient) / bend)
        share = 1.0
        while share > 1e-6:
            next_loss, next_gradient = loss_and_gradient(network, X, y, flat - share * step)
            shorter = np.linalg.norm(next_gradient) < np.linalg.norm(gradient)
            if next_loss < loss or (shorter and next_loss <= loss * (1 + 1e-12)):
                break
            share /= 4
        else:
            break
        flat, loss, gradient = flat - share * step, next_loss, next_gradient
    norm, largest = float(np.linalg.norm(gradient)), float(np.abs(flat).max())
    least = float(np.linalg.eigvalsh(hessian(network, X, y, flat))[0])
    if largest > DIVERGED:
        ending: Ending = "diverging"
    elif norm >= GRADIENT_TOLERANCE:
        ending = "not converged"
    else:
        ending = "minimum" if least >= EIGENVALUE_TOLERANCE else "saddle"
    return Run(ending, flat, float(loss), norm, least, largest)


def _normals(network: Network, X: NDArray, slope: NDArray, pairs: list[tuple[int, int, bool]]) -> NDArray:
    """∇c for each pair (sample, entry, whether it is a tie): (pairs, parameters)."""
    normals = np.zeros((len(pairs), network.size))
    for row, (i, k, tied) in enumerate(pairs):
        parts = {name: np.zeros(shape) for name, shape in network.shapes.items()}
        parts["A"][k] = slope[i, k] * X[i] if tied else X[i]
        if tied:
            parts["W"][k] = -X[i]
        normals[row] = np.concatenate([parts[name].ravel() for name in network.shapes])
    return normals


def _minimum_at_kinks(
    network: Network, X: NDArray, y: NDArray, flat: NDArray[np.float64], near: float
) -> Run | None:
    """A local minimum at the kinks near ``flat``, or None if there is none.

    At a kink the entry of the maximum is smooth + κ[c]_+ with c linear in the parameters: c = A_k·x_i and
    κ = 1 − 0.15 for σ, c = σ(A_k·x_i) − W_k·x_i and κ = 1 for the maximum. The loss is minimised subject to
    c = 0 by Newton steps. Derived: let g be the gradient on the side c < 0, and J = κ ∂L/∂(entry). The point
    is a local minimum under three conditions: all J > 0; g + Σ t J ∇c = 0 with 0 < t < 1; and the Hessian is
    positive semidefinite (here: ≥ −1e-6) along c = 0.
    """
    p = network.unpack(flat)
    pre, other = X @ p["A"].T, X @ p["W"].T
    slope, first = _piece(pre, other)
    gap = slope * pre - other
    sizes = np.linalg.norm(np.hstack((p["A"], p["W"])), axis=1)
    reach = near * np.linalg.norm(X, axis=1)[:, None] * sizes
    tie = np.abs(gap) <= reach
    bend = (np.abs(pre) <= reach) & first & ~tie
    pairs = [(i, k, bool(tie[i, k])) for i, k in np.argwhere(tie | bend)]
    if not pairs:
        return None
    piece = np.where(bend, LEAK, slope), first & ~tie
    normals = _normals(network, X, slope, pairs)
    _, singular, right = svd(normals)
    along = right[(singular > 1e-10 * singular[0]).sum() :].T
    flat = flat - np.linalg.lstsq(normals, normals @ flat, rcond=None)[0]
    start = flat
    for _ in range(NEWTON_STEPS):
        if np.linalg.norm(flat - start) > np.linalg.norm(start):
            return None  # far from the kinks at which it started
        loss, gradient = loss_and_gradient(network, X, y, flat, piece)
        reduced = along.T @ hessian(network, X, y, flat, piece) @ along
        values, vectors = np.linalg.eigh(reduced)
        if np.linalg.norm(along.T @ gradient) < GRADIENT_TOLERANCE / 10:
            break
        stiff = np.maximum(np.abs(values), 1e-10 * np.abs(values).max() + 1e-14)
        flat = flat - along @ (vectors @ ((vectors.T @ (along.T @ gradient)) / stiff))
    # Gradients on the two sides of one kink differ by J ∇c.
    found = []
    for (i, k, tied), normal in zip(pairs, normals, strict=True):
        beyond = piece[0].copy(), piece[1].copy()
        if tied:
            beyond[1][i, k] = True
        else:
            beyond[0][i, k] = 1.0
        difference = loss_and_gradient(network, X, y, flat, beyond)[1] - gradient
        found.append(float(difference @ normal) / float(normal @ normal))
    jumps = np.array(found)
    t = np.linalg.lstsq((normals * jumps[:, None]).T, -gradient, rcond=None)[0]
    norm = float(np.linalg.norm(gradient + (t * jumps) @ normals))
    p = network.unpack(flat)
    slope, first = _piece(X @ p["A"].T, X @ p["W"].T)
    same = ((slope == piece[0]) | ~piece[1] | bend) & ((first == piece[1]) | tie)
    proved = (jumps > 0).all() and (t > 0).all() and (t < 1).all() and same.all()
    if not proved or norm >= GRADIENT_TOLERANCE or values.min(initial=0.0) < EIGENVALUE_TOLERANCE:
        return None
    least, largest = float(values.min(initial=np.inf)), float(np.abs(flat).max())
    return Run("minimum at a kink", flat, float(loss), norm, least, largest, len(pairs))


def linear_loss(X: ArrayLike, y: ArrayLike) -> float:
    """p_1 = min_β (1/N) |Xβ − y|², the least loss of the first layer alone."""
    X = real_array("X", X, dimensions=2)
    y = targets(y, len(X))
    e = X @ np.linalg.lstsq(X, y, rcond=None)[0] - y
    return float(e @ e) / len(y)
