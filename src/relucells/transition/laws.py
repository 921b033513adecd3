"""How the place of a transition scales: rival laws, each place weighted by its own error."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from relucells.statistics.distributions import chi2_above, t_quantile
from relucells.statistics.shares import LEVEL
from relucells.transition.half_points import Location, crossing, locate

__all__ = ["Law", "Location", "class_jackknife", "crossing", "fit_law", "locate", "rank_correlation"]

Predictor = Callable[[NDArray[np.float64]], NDArray[np.float64]]
LARGEST_MISFIT = 10.0  # in log N; a law that is off by more is no law


@dataclass(frozen=True)
class Law:
    """A law fitted to places in log N.

    parameters : (p, 3), each value with its interval; predicted : (n,) N
    misfit : standard deviation, in log N, of the places about the law beyond their own errors
    p : probability of places at least this far from the law if it were exact
    rms : root mean square of the residuals in log N; left_out : the same with every place predicted
    from all others; aicc : Akaike's criterion, corrected for few places; only differences count
    """

    parameters: NDArray[np.float64]
    predicted: NDArray[np.float64]
    misfit: float
    p: float
    rms: float
    left_out: float
    aicc: float


def fit_law(
    half: ArrayLike,
    law: Predictor,
    start: ArrayLike = (),
    confidence: float = LEVEL,
    *,
    errors: ArrayLike | None = None,
) -> Law | None:
    """Fit ``law(parameters) -> log N`` (n,) to places ``half`` (n,), from ``start`` (p,).

    errors : (n,) standard errors of the places in log N, 0 if not given. A place has the variance of its
        error and of the law's misfit, which is estimated so that the weighted squares are as expected
        (Paule and Mandel, J. Res. NBS 87, 1982). Intervals are Student's t on the linearised law, with
        Knapp and Hartung's factor; the misfit is in them.
    A law may have no parameter. None where there are fewer than p + 2 places, or where they do not tell
    the parameters apart.
    """
    from scipy.optimize import brentq

    target, start = np.log(np.asarray(half, dtype=float)), np.asarray(start, dtype=float)
    error = np.zeros(len(target)) if errors is None else np.asarray(errors, dtype=float)
    n, p = len(target), len(start)
    if n < p + 2:
        return None

    def excess(misfit: float) -> float:
        """Weighted squares beyond their expectation."""
        spread = np.sqrt(error**2 + misfit**2)
        theta = _solve(law, target, spread, start)[0]
        return float((((law(theta) - target) / spread) ** 2).sum()) - (n - p)

    floor = max(1e-6, 1e-3 * float(error.max()))
    # Places without errors of their own, or off by more than their errors explain: the rest is misfit.
    misfit = 0.0 if error.min() > 0 and excess(0.0) <= 0 else floor
    if misfit and excess(floor) > 0:
        if excess(LARGEST_MISFIT) > 0:
            return None
        misfit = float(brentq(excess, floor, LARGEST_MISFIT, xtol=1e-6))
    spread = np.sqrt(error**2 + misfit**2)
    theta, jacobian = _solve(law, target, spread, start)
    # Derivatives are differences, right to about half of the digits.
    if p and np.linalg.matrix_rank(jacobian, tol=1e-6 * np.linalg.norm(jacobian, 2)) < p:
        return None
    residuals = law(theta) - target
    weighted = float(((residuals / spread) ** 2).sum())
    exact = excess(0.0) + (n - p) if error.min() > 0 else np.inf
    k = p + 1  # the misfit is a parameter too
    correction = 2 * k * (k + 1) / (n - k - 1) if n > k + 1 else float("inf")
    return Law(
        parameters=_intervals(theta, jacobian, weighted, n, confidence),
        predicted=np.exp(law(theta)),
        misfit=misfit,
        p=float(chi2_above(exact, n - p)),
        rms=float(np.sqrt(np.mean(residuals**2))),
        left_out=float(np.sqrt(np.mean(_left_out(law, target, spread, start) ** 2))),
        aicc=float(weighted + 2 * np.log(spread).sum() + 2 * k + correction),
    )


def _solve(
    law: Predictor, target: NDArray[np.float64], spread: NDArray[np.float64], start: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Weighted least squares: parameters (p,) and the weighted Jacobian (n, p)."""
    from scipy.optimize import least_squares

    if not len(start):
        return start, np.zeros((len(target), 0))

    def weighted(theta: NDArray[np.float64]) -> NDArray[np.float64]:
        return (law(theta) - target) / spread

    found = least_squares(weighted, start, method="lm")
    return found.x, np.asarray(found.jac)  # dense for this method


def _left_out(
    law: Predictor, target: NDArray[np.float64], spread: NDArray[np.float64], start: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Residual (n,) of every place, with the law fitted to all others."""
    residuals = np.empty(len(target))
    for i in range(len(target)):
        # A place with an infinite error has no weight in the fit.
        alone = np.where(np.arange(len(target)) == i, 1e9, spread)
        residuals[i] = (law(_solve(law, target, alone, start)[0]) - target)[i]
    return residuals


def _intervals(
    theta: NDArray[np.float64], jacobian: NDArray[np.float64], weighted: float, n: int, confidence: float
) -> NDArray[np.float64]:
    """Parameters (p, 3) with their intervals."""
    p = len(theta)
    variance = np.diag(np.linalg.inv(jacobian.T @ jacobian)) * max(1.0, weighted / (n - p))
    error = t_quantile((1 + confidence) / 2, n - p) * np.sqrt(variance)
    return np.column_stack([theta, theta - error, theta + error])


def rank_correlation(a: ArrayLike, b: ArrayLike) -> float:
    """Spearman's ρ of n ≥ 5 pairs. NaN where there are fewer or a side is constant."""
    a, b = np.asarray(a, dtype=float), np.asarray(b, dtype=float)
    if len(a) < 5 or np.ptp(a) == 0 or np.ptp(b) == 0:
        return float("nan")
    return float(np.corrcoef(_ranks(a), _ranks(b))[0, 1])


def _ranks(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """The rank of each value, (n,); equal ones share their mean rank."""
    _, place, times = np.unique(values, return_inverse=True, return_counts=True)
    return (np.cumsum(times) - (times - 1) / 2)[place]


def class_jackknife(
    a: ArrayLike, b: ArrayLike, pairs: ArrayLike, confidence: float = LEVEL
) -> tuple[float, float, float]:
    """Spearman's ρ over pairs of classes, with an interval that allows for classes that pairs share.

    pairs : (n, 2), the two classes of each. A jackknife leaves out every class in turn, with all pairs that
    hold it, on Fisher's scale and with Student's t. So the interval allows for the classes' influence on
    their pairs; without any such influence it would be too long, not too short. The ends are NaN with fewer
    than six classes, or where ρ does not exist without one of them.
    """
    a, b, pairs = np.asarray(a, dtype=float), np.asarray(b, dtype=float), np.asarray(pairs)
    rho, classes = rank_correlation(a, b), np.unique(pairs)
    m = len(classes)
    kept = [~(pairs == one).any(axis=1) for one in classes]
    without = np.array([rank_correlation(a[rest], b[rest]) for rest in kept])
    if m < 6 or np.isnan(without).any() or np.isnan(rho):
        return rho, float("nan"), float("nan")
    score = np.arctanh(np.clip(without, -1 + 1e-9, 1 - 1e-9))
    error = np.sqrt((m - 1) / m * ((score - score.mean()) ** 2).sum())
    half = t_quantile((1 + confidence) / 2, m - 1) * error
    centre = np.arctanh(np.clip(rho, -1 + 1e-9, 1 - 1e-9))
    return rho, float(np.tanh(centre - half)), float(np.tanh(centre + half))
