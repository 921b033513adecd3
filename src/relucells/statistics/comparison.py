"""A printed number against an interval: rounding, power, several comparisons at once."""

from collections.abc import Iterable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from relucells.statistics.distributions import chi2_above, chi2_quantile_above

# Numbers are compared as printed decimals. The last binary digit must not decide.
SLACK = 1e-9


def printed_unit(printed: Iterable[str]) -> float:
    """A unit of the last digit in which a column is printed: "0" beside "0.50" stands for 0.00."""
    return 10.0 ** -max(len(text.partition(".")[2]) for text in printed)


def beyond(value: float, low: float, high: float) -> bool:
    """Whether ``value`` lies outside [low, high]."""
    slack = SLACK * max(1.0, abs(value))
    return not low - slack <= value <= high + slack


def power(
    expected: float, low: float, high: float, step: float, smallest: float = 0.0, largest: float = np.inf
) -> float:
    """The smallest deviation from ``expected`` that would be called different, in the number's own units.

    low, high : the interval for the printed number, rounding included; step : between printable numbers,
    which reach from ``smallest`` to ``largest``. NaN if none of them lies outside.
    """
    at = smallest + step * round((expected - smallest) / step)
    slack = SLACK * max(1.0, abs(at))
    deviations = []
    under = smallest + step * (np.ceil((low - slack - smallest) / step) - 1)
    over = smallest + step * (np.floor((high + slack - smallest) / step) + 1)
    if under >= smallest - slack:
        deviations.append(at - under)
    if over <= largest + slack:
        deviations.append(over - at)
    return float(min(deviations)) if deviations else float("nan")


def holm(p: ArrayLike) -> NDArray[np.float64]:
    """Holm's adjusted p-values: with probability at most α any true hypothesis falls below α."""
    p = np.asarray(p, dtype=float)
    order = np.argsort(p)
    steps = np.maximum.accumulate(p[order] * (len(p) - np.arange(len(p))))
    adjusted = np.empty_like(p)
    adjusted[order] = np.minimum(steps, 1.0)
    return adjusted


def joint(p: ArrayLike) -> tuple[float, int, float]:
    """Independent two-sided p-values taken together: (χ², degrees of freedom, p).

    Each p-value enters as a squared normal score.
    """
    p = np.asarray(p, dtype=float)
    statistic = float(chi2_quantile_above(np.clip(p, 1e-300, 1.0), 1).sum())
    return statistic, len(p), float(chi2_above(statistic, max(len(p), 1)))
