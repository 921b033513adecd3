"""Where a share falls through one half, and how that place scales: maximum likelihood and rival laws."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from relucells.statistics import LEVEL

# Slopes that are tried, as logarithms: at the steepest one a curve falls from 3/4 to 1/4 within 0.2 % of N,
# and whatever is steeper looks the same on any grid.
SLOPES = (-4.0, float(np.log(1000.0)))
EXACT = {"xatol": 1e-8}
# How far beyond the grid, in log N, an end of the interval is sought before it counts as infinite.
REACH = 3.0


@dataclass(frozen=True)
class Location:
    """Where the share of successes is one half.

    status : "located", or "above" or "below" if the points show one side only, or if the curve that fits
        them best has its half beyond the last or before the first N
    half, low, high : N there with its profile-likelihood interval. Of a bound half is nan and one end of the
        interval is kept, as far as the points reach: low ≤ the last N for "above", with high = inf, and
        high ≥ the first N for "below", with low = 0
    width : of the curve 1 / (1 + (N / half)^(1 / width)), the scale of log N
    deviance, freedom : of the fit, asymptotically χ² with so many degrees of freedom if the curve is right
    fits : probability of at least this deviance if the curve is right; nan without degrees of freedom
    """

    status: str
    half: float
    low: float
    high: float
    width: float
    deviance: float
    freedom: int
    fits: float


def locate(N: ArrayLike, successes: ArrayLike, draws: ArrayLike, confidence: float = LEVEL) -> Location:
    """The place where a falling share is one half: a logistic curve in log N by maximum likelihood.

    N : (P,) increasing, positive; successes : (P,) out of draws (P,). The interval is that of the
    profile likelihood, with the width free. Where the points scatter about the curve more than binomial
    counts would, its limit is multiplied by deviance / freedom (quasi-likelihood; McCullagh and Nelder,
    Generalized Linear Models, 4.5): the interval is wider, but stays that of the curve's half.
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
    place = np.log(N)
    first, last = place[0] - REACH, place[-1] + REACH

    def loss(middle: ArrayLike, log_slope: ArrayLike) -> NDArray[np.float64]:
        return -2 * _log_likelihood(np.exp(log_slope) * (middle - place), k, n)

    def profile(middle: float) -> tuple[float, float]:
        found = minimize_scalar(
            lambda log_slope: loss(middle, log_slope), bounds=SLOPES, method="bounded", options=EXACT
        )
        return float(found.fun), float(found.x)

    # Where the shares jump from 1 to 0 the likelihood is flat between two N: their middle is taken.
    middles = np.linspace(first, last, 150)
    heights = loss(middles[:, None, None], np.linspace(*SLOPES, 120)[:, None]).min(axis=1)
    flat = middles[heights <= heights.min() + 1e-6]
    middle = float((flat[0] + flat[-1]) / 2)
    if len(flat) < 3:
        near = 2 * (middles[1] - middles[0])
        bounds = (max(first, flat[0] - near), min(last, flat[-1] + near))
        middle = float(
            minimize_scalar(lambda m: profile(m)[0], bounds=bounds, method="bounded", options=EXACT).x
        )
    lowest, log_slope = profile(middle)
    saturated = _log_likelihood(np.log(np.clip(k, 1e-300, None) / np.clip(n - k, 1e-300, None)), k, n)
    deviance, freedom = max(0.0, lowest + 2 * float(saturated)), max(0, len(N) - 2)
    dispersion = max(1.0, deviance / freedom) if freedom else 1.0
    limit = lowest + chi2.ppf(confidence, 1) * dispersion

    def end(bound: float, otherwise: float) -> float:
        if profile(bound)[0] <= limit:
            return otherwise
        return float(np.exp(brentq(lambda m: profile(m)[0] - limit, middle, bound, xtol=1e-6)))

    half, low, high = float(np.exp(middle)), end(first, 0.0), end(last, float("inf"))
    status, above, below = "located", np.flatnonzero(2 * k > n), np.flatnonzero(2 * k < n)
    if not len(below) or (len(above) and above[0] > below[-1]) or middle > place[-1]:
        status, half, low, high = "above", float("nan"), min(low, float(N[-1])), float("inf")
    elif not len(above) or middle < place[0]:
        status, half, low, high = "below", float("nan"), 0.0, max(high, float(N[0]))
    fits = float(chi2.sf(deviance, freedom)) if freedom else float("nan")
    return Location(status, half, low, high, float(np.exp(-log_slope)), deviance, freedom, fits)


def _log_likelihood(
    logit: NDArray[np.float64], k: NDArray[np.float64], n: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Binomial log-likelihood of counts k out of n (P,), up to a constant, at log-odds (..., P)."""
    return (k * logit - n * np.logaddexp(0, logit)).sum(axis=-1)


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
    confidence: float = LEVEL,
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
    error = t.ppf((1 + confidence) / 2, n - p) * np.sqrt(
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


def rank_correlation(a: ArrayLike, b: ArrayLike, confidence: float = LEVEL) -> tuple[float, float, float]:
    """Spearman's ρ of n ≥ 5 independent pairs and its interval by Fisher's transformation (Bonett and
    Wright's error √((1 + ρ²/2)/(n − 3))). NaN where there are fewer or a side is constant."""
    from scipy.stats import norm, spearmanr

    a, b = np.asarray(a, dtype=float), np.asarray(b, dtype=float)
    if len(a) < 5 or np.ptp(a) == 0 or np.ptp(b) == 0:
        return (float("nan"),) * 3
    rho = float(np.clip(spearmanr(a, b).statistic, -1 + 1e-12, 1 - 1e-12))
    half = norm.ppf((1 + confidence) / 2) * np.sqrt((1 + rho**2 / 2) / (len(a) - 3))
    return rho, float(np.tanh(np.arctanh(rho) - half)), float(np.tanh(np.arctanh(rho) + half))
