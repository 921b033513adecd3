"""Where a share falls through one half, and how that place scales: maximum likelihood and rival laws."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from relucells.statistics import LEVEL

# A curve that falls from 3/4 to 1/4 within 0.2 % of N: whatever is steeper looks the same on any grid.
STEEPEST = 1000.0
# How far beyond the grid, in log N, an end of the interval is sought before it counts as infinite.
REACH = 3.0


@dataclass(frozen=True)
class Location:
    """Where the share of successes is one half.

    status : "located", or "above" or "below" if the points show one side only
    half, low, high : N there with its profile-likelihood interval; for "above" half is the last N and
        high is inf, for "below" half is the first N and low is 0
    width : of the curve 1 / (1 + (N / half)^(1 / width)), the scale of log N
    deviance, freedom : of the fit, asymptotically χ² with so many degrees of freedom if the curve is right
    """

    status: str
    half: float
    low: float
    high: float
    width: float = float("nan")
    deviance: float = float("nan")
    freedom: int = 0


def locate(N: ArrayLike, successes: ArrayLike, draws: ArrayLike, level: float = LEVEL) -> Location:
    """The place where a falling share is one half: a logistic curve in log N by maximum likelihood.

    N : (P,) increasing, positive; successes : (P,) out of draws (P,). The interval is that of the
    profile likelihood, with the width free. Without a share above one half that is followed by one
    below there is nothing to fit, and only a bound is given.
    Raises ValueError for arguments that do not fit together.
    """
    from scipy.optimize import brentq, minimize_scalar
    from scipy.stats import chi2

    N, k, n = (np.asarray(a, dtype=float) for a in (N, successes, draws))
    if not len(N) == len(k) == len(n) or not len(N):
        raise ValueError(f"successes: need one count per N, {len(N)}, and as many draws")
    if (k < 0).any() or (k > n).any() or (n < 1).any():
        raise ValueError("successes: must lie between 0 and the draws")
    if (N <= 0).any() or (np.diff(N) <= 0).any():
        raise ValueError("N: must be positive and increasing")
    above, below = np.flatnonzero(2 * k > n), np.flatnonzero(2 * k < n)
    if not len(below) or (len(above) and above[0] > below[-1]):
        return Location("above", float(N[-1]), float(N[-1]), float("inf"))
    if not len(above):
        return Location("below", float(N[0]), 0.0, float(N[0]))
    place = np.log(N)

    def loss(middle: float, log_slope: float) -> float:
        return -2 * _log_likelihood(np.exp(log_slope) * (middle - place), k, n)

    def profile(middle: float) -> tuple[float, float]:
        found = minimize_scalar(
            lambda log_slope: loss(middle, log_slope),
            bounds=(-4.0, np.log(STEEPEST)),
            method="bounded",
            options={"xatol": 1e-8},
        )
        return float(found.fun), float(found.x)

    # Where the shares jump from 1 to 0 the likelihood is flat between two N: their middle is taken.
    middles = np.linspace(place[0], place[-1], 100)
    heights = np.array([profile(middle)[0] for middle in middles])
    flat = middles[heights <= heights.min() + 1e-6]
    start = float((flat[0] + flat[-1]) / 2)
    step = middles[1] - middles[0]
    best = minimize_scalar(
        lambda m: profile(m)[0], bounds=(flat[0] - step, flat[-1] + step), method="bounded",
        options={"xatol": 1e-8},
    )  # fmt: skip
    middle = float(best.x) if len(flat) < 3 else start
    lowest, log_slope = profile(middle)
    limit = lowest + chi2.ppf(level, 1)

    def end(bound: float) -> float | None:
        if profile(bound)[0] <= limit:
            return None
        return float(np.exp(brentq(lambda m: profile(m)[0] - limit, middle, bound, xtol=1e-6)))

    low, high = end(place[0] - REACH), end(place[-1] + REACH)
    saturated = _log_likelihood(np.log(np.clip(k, 1e-300, None) / np.clip(n - k, 1e-300, None)), k, n)
    return Location(
        "located",
        float(np.exp(middle)),
        0.0 if low is None else low,
        float("inf") if high is None else high,
        float(np.exp(-log_slope)),
        max(0.0, lowest + 2 * saturated),
        len(N) - 2,
    )


def _log_likelihood(logit: NDArray[np.float64], k: NDArray[np.float64], n: NDArray[np.float64]) -> float:
    """Binomial log-likelihood of counts k out of n, up to a constant, at these log-odds."""
    return float((k * -np.logaddexp(0, -logit) + (n - k) * -np.logaddexp(0, logit)).sum())


@dataclass(frozen=True)
class Law:
    """A law fitted to places by least squares in log N.

    parameters : (p, 3), each value with its interval; predicted : (n,) N
    rms : root mean square of the residuals in log N; left_out : the same with every place predicted
    from all others; aicc : Akaike's criterion, corrected for few places; only differences count
    """

    parameters: NDArray[np.float64]
    predicted: NDArray[np.float64]
    rms: float
    left_out: float
    aicc: float


def fit_law(
    half: ArrayLike,
    law: Callable[[NDArray[np.float64]], NDArray[np.float64]],
    start: ArrayLike = (),
    level: float = LEVEL,
) -> Law | None:
    """Least squares of log ``half`` (n,) on ``law(parameters) -> log N`` (n,), from ``start`` (p,).

    The intervals are Student's t on the linearised law. A law may have no parameter. None where there
    are fewer than p + 2 places, or where they do not tell the parameters apart.
    """
    from scipy.optimize import least_squares
    from scipy.stats import t

    target, start = np.log(np.asarray(half, dtype=float)), np.asarray(start, dtype=float)
    n, p = len(target), len(start)
    if n < p + 2:
        return None

    def solve(kept: NDArray[np.bool_]):
        return least_squares(lambda theta: (law(theta) - target)[kept], start, method="lm")

    everything = np.ones(n, dtype=bool)
    if p:
        found = solve(everything)
        theta, jacobian = found.x, found.jac
        if np.linalg.matrix_rank(jacobian) < p:
            return None
        without = np.array([(law(solve(everything & (np.arange(n) != i)).x) - target)[i] for i in range(n)])
    else:
        theta, jacobian, without = start, np.zeros((n, 0)), law(start) - target
    residuals = law(theta) - target
    squares = float(residuals @ residuals)
    error = t.ppf((1 + level) / 2, n - p) * np.sqrt(
        np.diag(np.linalg.inv(jacobian.T @ jacobian)) * squares / (n - p)
    )
    k = p + 1  # the variance is a parameter too
    correction = 2 * k * (k + 1) / (n - k - 1) if n > k + 1 else float("inf")
    return Law(
        np.column_stack([theta, theta - error, theta + error]),
        np.exp(law(theta)),
        float(np.sqrt(squares / n)),
        float(np.sqrt(np.mean(without**2))),
        float(n * np.log(max(squares / n, 1e-300)) + 2 * k + correction),
    )


def crossing(N: ArrayLike, values: ArrayLike, level: Callable[[NDArray], NDArray]) -> float:
    """The N, by interpolation in log N, from which on ``values`` (P,) lie below ``level(N)``; nan if none.

    The last crossing counts, so that a value that is no longer above the level stays below it.
    """
    N, values = np.asarray(N, dtype=float), np.asarray(values, dtype=float)
    excess = np.log(values) - np.log(level(N))
    before = np.flatnonzero((excess[:-1] > 0) & (excess[1:] <= 0))
    if not len(before):
        return float("nan")
    i = before[-1]
    share = excess[i] / (excess[i] - excess[i + 1])
    return float(np.exp(np.log(N[i]) + share * np.log(N[i + 1] / N[i])))


def rank_correlation(a: ArrayLike, b: ArrayLike, level: float = LEVEL) -> tuple[float, float, float, float]:
    """Spearman's ρ of n ≥ 5 pairs, its interval by Fisher's transformation (Bonett and Wright's error
    √((1 + ρ²/2)/(n − 3))), and the two-sided p-value of no association. NaN where a side is constant."""
    from scipy.stats import norm, spearmanr

    a, b = np.asarray(a, dtype=float), np.asarray(b, dtype=float)
    if len(a) < 5 or np.ptp(a) == 0 or np.ptp(b) == 0:
        return (float("nan"),) * 4
    rho, p = spearmanr(a, b)
    rho = float(np.clip(rho, -1 + 1e-12, 1 - 1e-12))
    half = norm.ppf((1 + level) / 2) * np.sqrt((1 + rho**2 / 2) / (len(a) - 3))
    return rho, float(np.tanh(np.arctanh(rho) - half)), float(np.tanh(np.arctanh(rho) + half)), float(p)
