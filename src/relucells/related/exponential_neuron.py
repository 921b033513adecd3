"""One added exponential neuron (Liang, Sun, Lee and Srikant, arXiv 1805.08671), and where it fails.

With labels y_i = ±1, ℓ(u) = max(u + 1, 0)³ and a network f,

    L̃ = Σ_i ℓ(−y_i (f(x_i) + a e^{v·x_i})) + λ a²/2;

x_i is augmented, so v = (w, b) holds the neuron's bias. The work shows that every local minimum of L̃ has
a = 0 and is a global minimum of L = Σ_i ℓ(−y_i f(x_i)), if the network can classify the samples.

*Derived*, and checked in the tests: with S = −Σ_i y_i ℓ' e^{v·x_i}, ∂L̃/∂a = S + λa and ∂L̃/∂b = aS, so
every critical point has a = 0 and S = 0. Where L has a bad minimum some v has S ≠ 0, and a = −t sign S
lowers L̃ for small t.

Sohl-Dickstein and Kawaguchi (arXiv 1901.03909): the objective L(θ) (1 + (a e^b − 1)²) + λa² has the same
property, but only because the bad minima of L have moved to infinity: a → 0, b → ∞ with a e^b → 1.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from relucells.samples.inputs import real_array, targets, weights

Ending = Literal["global minimum", "bad minimum", "at a kink", "diverging", "not converged"]

# Exponents are cut here, far above any that matters: a line search may try points where e^{v·x} overflows.
LARGEST_EXPONENT = 300.0
# Quasi-Newton restarts from steepest descent. A run has stalled if no restart lowers it by this share.
RESTARTS, STALLED = 20, 1e-9


@dataclass(frozen=True)
class Parameters:
    """W (K, D), z (K,) of the network; v (D,) and a of the added neuron, None and 0 without it."""

    W: NDArray[np.float64]
    z: NDArray[np.float64]
    v: NDArray[np.float64] | None = None
    a: float = 0.0

    def flat(self) -> NDArray[np.float64]:
        """All of them in one vector: W, z, v, a."""
        neuron = [] if self.v is None else [self.v, [self.a]]
        return np.concatenate([self.W.ravel(), self.z, *neuron])

    def like(self, flat: NDArray[np.float64]) -> "Parameters":
        """The same shapes with the entries of ``flat``."""
        K, D = self.W.shape
        W, z, rest = flat[: K * D].reshape(K, D), flat[K * D : K * D + K], flat[K * D + K :]
        return Parameters(W, z) if self.v is None else Parameters(W, z, rest[:-1], float(rest[-1]))

    def output(self, X: NDArray[np.float64]) -> NDArray[np.float64]:
        """f(x_i), without the added neuron, (N,)."""
        return np.maximum(X @ self.W.T, 0.0) @ self.z

    def contribution(self, X: NDArray[np.float64]) -> NDArray[np.float64]:
        """a e^{v·x_i}, (N,)."""
        return np.zeros(len(X)) if self.v is None else self.a * _exponential(X, self.v)


def objective(
    X: ArrayLike, y: ArrayLike, parameters: Parameters, ridge: float
) -> tuple[float, NDArray[np.float64]]:
    """(L̃, its gradient in the order of ``Parameters.flat``); L and its gradient without the neuron.

    X : (N, D) augmented; y : (N,) of ±1; ridge : λ > 0. On a kink of the network it is the
    gradient of the inactive side.
    """
    X, y = _checked(X, y, parameters)
    factor = None if parameters.v is None else _exponential(X, parameters.v)
    added = 0.0 if factor is None else parameters.a * factor
    value, by_output, parts = _network(X, y, parameters, added)
    if factor is not None:
        pull = by_output * factor
        parts += [parameters.a * pull @ X, [pull.sum() + ridge * parameters.a]]
    return value + ridge * parameters.a**2 / 2, np.concatenate(parts)


def _network(X: NDArray, y: NDArray, parameters: Parameters, added: NDArray | float):
    """Σ ℓ, its derivatives by the outputs, and its gradient in W and z; ``added`` is added to the output."""
    pre = X @ parameters.W.T
    hidden = np.maximum(pre, 0.0)
    margin = np.maximum(1 - y * (hidden @ parameters.z + added), 0.0)
    by_output = -3 * y * margin**2
    by_W = parameters.z[:, None] * ((pre > 0) * by_output[:, None]).T @ X
    return float((margin**3).sum()), by_output, [by_W.ravel(), hidden.T @ by_output]


def _scaled(X: NDArray, y: NDArray, parameters: Parameters, ridge: float) -> tuple[float, NDArray]:
    """``objective`` with c = a Σ_i e^{v·x_i} in the place of a (derived: the same critical points).

    The neuron's output is then c times a softmax, which cannot overflow and is far better conditioned. With
    m = log Σ e^{v·x_i} the penalty λa²/2 = λc²/2 e^{−2m} tends to 0 as b → ∞.
    """
    if parameters.v is None:
        value, _, parts = _network(X, y, parameters, 0.0)
        return value, np.concatenate(parts)
    c, (softmax, m) = parameters.a, _softmax(X, parameters.v)
    value, by_output, parts = _network(X, y, parameters, c * softmax)
    penalty = ridge * np.exp(min(-2 * m, LARGEST_EXPONENT))
    mean = softmax @ X
    pull = by_output * softmax
    by_v = c * (pull @ X - pull.sum() * mean) - penalty * c**2 * mean
    return value + penalty * c**2 / 2, np.concatenate([*parts, by_v, [pull.sum() + penalty * c]])


def _softmax(X: NDArray, v: NDArray) -> tuple[NDArray, float]:
    exponent = X @ v
    top = exponent.max()
    weights_ = np.exp(exponent - top)
    total = weights_.sum()
    return weights_ / total, float(top + np.log(total))


def _exponential(X: NDArray, v: NDArray) -> NDArray:
    return np.exp(np.minimum(X @ v, LARGEST_EXPONENT))


def slope_of_added_neuron(X: ArrayLike, y: ArrayLike, parameters: Parameters, v: ArrayLike) -> float:
    """S = −Σ_i y_i ℓ'(−y_i f(x_i)) e^{v·x_i}: ∂L̃/∂a where a neuron with a = 0 is added."""
    X, y = _checked(X, y, parameters)
    margin = np.maximum(1 - y * parameters.output(X), 0.0)
    return float(-3 * (y * margin**2) @ _exponential(X, real_array("v", v, dimensions=1)))


def escape(
    X: ArrayLike, y: ArrayLike, parameters: Parameters, ridge: float, rng: np.random.Generator
) -> tuple[Parameters, float]:
    """Add the neuron at a minimum of L so that L̃ falls below it: (parameters, S).

    v has the largest |S| among 100 draws of N(0, I). Given v, a minimises L̃ along −sign S.
    Raises ValueError if no v has S ≠ 0, as where L = 0.
    """
    from scipy.optimize import minimize_scalar

    X, y = _checked(X, y, parameters)
    candidates = rng.standard_normal((100, X.shape[1]))
    slopes = np.array([slope_of_added_neuron(X, y, parameters, v) for v in candidates])
    best = int(np.argmax(np.abs(slopes)))
    if slopes[best] == 0:
        raise ValueError("parameters: no slope along any added neuron, the loss is already least")

    def along(t: float) -> float:
        moved = Parameters(parameters.W, parameters.z, candidates[best], -t * float(np.sign(slopes[best])))
        return objective(X, y, moved, ridge)[0]

    reach = abs(slopes[best]) / ridge  # beyond it λa²/2 alone exceeds what the slope can gain
    t = minimize_scalar(along, bounds=(0, reach), method="bounded", options={"xatol": 1e-12 * reach}).x
    a = -t * float(np.sign(slopes[best]))
    return Parameters(parameters.W, parameters.z, candidates[best], a), float(slopes[best])


def not_linear(N: int, rng: np.random.Generator) -> tuple[NDArray, NDArray, Parameters]:
    """Samples that four ReLU neurons classify with margin 2 and no linear function does (for most draws).

    x ~ N(0, I_2), y = sign(|x_1| − |x_2|), samples with | |x_1| − |x_2| | < 0.1 drawn again. Returns the
    augmented X (N, 3), y (N,) and a network with L = 0.
    """
    chosen: list[NDArray] = []
    while len(chosen) < N:
        x = rng.standard_normal(2)
        if abs(abs(x[0]) - abs(x[1])) >= 0.1:
            chosen.append(x)
    X = np.column_stack((np.array(chosen), np.ones(N)))
    side = np.abs(X[:, 0]) - np.abs(X[:, 1])
    W = np.array([[1.0, 0, 0], [-1, 0, 0], [0, 1, 0], [0, -1, 0]])
    z = np.array([2.0, 2.0, -2.0, -2.0]) / np.abs(side).min()
    return X, np.sign(side), Parameters(W, z)


def dead_minimum(D: int, K: int) -> Parameters:
    """A minimum of L with no active pair, for samples whose last entry is 1: f = 0, flat all around."""
    W = np.zeros((K, D))
    W[:, -1] = -1.0
    return Parameters(W, np.where(np.arange(K) % 2, -1.0, 1.0))


def linear_minimum(X: ArrayLike, y: ArrayLike, K: int) -> Parameters:
    """The best linear function as a minimum of L with every pair active (derived), K ≥ 2.

    R_1 = β + c e_D and R_2 = −c e_D. Further neurons get ±ε e_D, and R_1 compensates them. The neurons, of
    both signs, can change the network by every small linear function and by no other, so L is least at β.
    """
    from scipy.optimize import minimize

    X, y = real_array("X", X, dimensions=2), real_array("y", y, dimensions=1)
    if K < 2:
        raise ValueError(f"K: must be at least 2, one neuron of each sign, not {K}")
    D = X.shape[1]

    def convex(beta: NDArray) -> tuple[float, NDArray]:
        margin = np.maximum(1 - y * (X @ beta), 0.0)
        return float((margin**3).sum()), -3 * X.T @ (y * margin**2)

    beta = minimize(convex, np.zeros(D), jac=True, method="BFGS", options={"gtol": 1e-10}).x
    for _ in range(20):  # Newton: the last digits
        margin = np.maximum(1 - y * (X @ beta), 0.0)
        beta = beta - np.linalg.lstsq(6 * (X.T * margin) @ X, convex(beta)[1], rcond=None)[0]
    signs = np.where(np.arange(K) % 2, -1.0, 1.0)
    R = np.zeros((K, D))
    R[2:, -1] = 0.1 * signs[2:]
    reach = 1 + np.abs(X @ beta).max() + np.abs(R[2:, -1]).sum()
    R[1, -1] = -reach
    R[0] = beta
    R[0, -1] += reach - R[2:, -1].sum()
    return Parameters(R * signs[:, None], signs)


@dataclass(frozen=True)
class Run:
    """ending; parameters; objective, loss : L̃ and L there; gradient_norm : with c = a Σ e^{v·x_i} in the
    place of a; contribution : max_i |a e^{v·x_i}|; log_sum : log Σ e^{v·x_i} (NaN without the neuron)."""

    ending: Ending
    parameters: Parameters
    objective: float
    loss: float
    gradient_norm: float
    contribution: float
    log_sum: float


def train(
    X: ArrayLike,
    y: ArrayLike,
    start: Parameters,
    ridge: float,
    max_steps: int,
    gradient_tolerance: float = 1e-6,
    solved: float = 1e-8,
) -> Run:
    """Quasi-Newton descent (L-BFGS) of L̃, or of L without the neuron, to convergence, and how it ended.

    *global minimum*: L̃ and L are at most ``solved`` (the least of both is 0). *diverging*: the gradient
    vanishes, or L̃ does and L does not, while the neuron still contributes more than √gradient_tolerance. At
    a critical point a = 0, so the neuron would contribute nothing: the run is on its way to a = 0, b = ∞.
    *bad minimum*: the gradient vanishes and the neuron contributes less. *at a kink*: the gradient does not
    vanish, and no restart lowers the objective: a non-differentiable point of the network. *not converged*:
    the rest.
    """
    from scipy.optimize import minimize

    X, y = _checked(X, y, start)
    if start.v is not None:
        c = start.a * np.exp(_softmax(X, start.v)[1])
        start = Parameters(start.W, start.z, start.v, float(c))
    flat = start.flat()
    value, slope = _scaled(X, y, start, ridge)
    stalled = False

    def at(point: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        return _scaled(X, y, start.like(point), ridge)

    for _ in range(RESTARTS):
        if np.linalg.norm(slope) <= gradient_tolerance or value <= solved or stalled:
            break
        found = minimize(
            at,
            flat,
            jac=True,
            method="L-BFGS-B",
            options={"maxiter": max_steps, "maxfun": 2 * max_steps, "gtol": 0.0, "ftol": 0.0, "maxcor": 30},
        )
        stalled = not found.fun < value * (1 - STALLED)
        if found.fun < value:
            flat, value = found.x, float(found.fun)
            slope = _scaled(X, y, start.like(flat), ridge)[1]
    end = start.like(flat)
    contribution, log_sum = 0.0, np.nan
    if end.v is not None:
        softmax, log_sum = _softmax(X, end.v)
        contribution = float(np.abs(end.a * softmax).max())
        end = Parameters(end.W, end.z, end.v, float(end.a * np.exp(-log_sum)))
    norm = float(np.linalg.norm(slope))
    loss = objective(X, y, Parameters(end.W, end.z), ridge)[0]
    if max(value, loss) <= solved:
        ending: Ending = "global minimum"
    elif norm <= gradient_tolerance or value <= solved:
        ending = "diverging" if contribution > np.sqrt(gradient_tolerance) else "bad minimum"
    else:
        ending = "at a kink" if stalled else "not converged"
    return Run(ending, end, value, loss, norm, contribution, log_sum)


def runaway(loss: float, ridge: float, steps: int, step: float = 0.1) -> NDArray[np.float64]:
    """Sohl-Dickstein and Kawaguchi's objective at a bad minimum: gradient descent in (a, b).

    There ∂L/∂θ = 0, so θ rests. Only a and b move, by L (1 + (a e^b − 1)²) + λa². The step is ``step`` over
    the largest curvature. Returns (k, 4): steps 1, 2, 4, … ≤ steps, and a, b and the objective after them.
    """
    a, b, rows, due = 0.5, 0.0, [], 1
    for number in range(1, steps + 1):
        scale = np.exp(b)
        gap = a * scale - 1
        by_a, by_b = 2 * loss * gap * scale + 2 * ridge * a, 2 * loss * gap * a * scale
        curvature = 2 * loss * (scale**2 + (a * scale) ** 2 + abs(gap) * scale * (1 + a)) + 2 * ridge
        a, b = a - step / curvature * by_a, b - step / curvature * by_b
        if number == due:
            rows.append((number, a, b, loss * (1 + (a * np.exp(b) - 1) ** 2) + ridge * a**2))
            due *= 2
    return np.array(rows)


def _checked(X: ArrayLike, y: ArrayLike, parameters: Parameters) -> tuple[NDArray, NDArray]:
    X = real_array("X", X, dimensions=2)
    y = targets(y, len(X))
    if not np.isin(y, (-1, 1)).all():
        raise ValueError("y: must hold only +1 and -1")
    weights(parameters.W, X.shape[1])
    return X, y
