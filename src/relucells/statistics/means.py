"""Means over trials: their intervals, and what mean another experiment prints."""

import numpy as np
from numpy.typing import ArrayLike

from relucells.statistics.distributions import chi2_quantile, t_quantile
from relucells.statistics.shares import LEVEL

RARE = 20  # values apart from all others below which a mean is one of rare events


def mean_interval(values: ArrayLike, confidence: float = LEVEL) -> tuple[float, float]:
    """Student's t interval for the mean of independent values. A single value has no interval: NaN."""
    values = np.asarray(values, dtype=float)
    n = len(values)
    if n < 2:
        return float("nan"), float("nan")
    half = t_quantile((1 + confidence) / 2, n - 1) * values.std(ddof=1) / np.sqrt(n)
    return float(values.mean() - half), float(values.mean() + half)


def rare_mean_interval(values: ArrayLike, largest: float, confidence: float = LEVEL) -> tuple[float, float]:
    """Interval for the mean of independent values in [0, largest] of which nearly all are 0.

    The sum is one of rare events of several sizes. Fay and Feuer's gamma interval (Statistics in Medicine 16,
    1997) fits: it needs no estimate of a variance, and it does not collapse where no event was seen. One more
    event is given the largest size seen, or ``largest`` if none was.
    """
    values = np.asarray(values, dtype=float)
    n, total, squares = len(values), values.sum(), (values**2).sum()
    if n < 1 or (values < 0).any() or (values > largest * (1 + 1e-12)).any():
        raise ValueError(f"values: need at least one, all in [0, {largest:g}]")
    tail, size = (1 - confidence) / 2, values.max() if total > 0 else largest
    low = squares / (2 * total) * chi2_quantile(tail, 2 * total**2 / squares) if total > 0 else 0.0
    more = squares + size**2
    high = more / (2 * (total + size)) * chi2_quantile(1 - tail, 2 * (total + size) ** 2 / more)
    return float(low / n), float(min(high / n, largest))


def bounded_mean_interval(
    values: ArrayLike, largest: float, confidence: float = LEVEL
) -> tuple[float, float]:
    """Interval for the mean of independent values in [0, largest], kept within these bounds.

    Student's t, unless all but a few values are at one end: then that of rare events.
    """
    values = np.asarray(values, dtype=float)
    if len(values) < 2:
        return float("nan"), float("nan")
    few = min(RARE, len(values) / 2)
    if (values > 0).sum() < few:
        return rare_mean_interval(values, largest, confidence)
    if (values < largest).sum() < few:
        low, high = rare_mean_interval(largest - values, largest, confidence)
        return largest - high, largest - low
    low, high = mean_interval(values, confidence)
    return max(low, 0.0), min(high, largest)


def mean_prediction(
    means: ArrayLike, variance: float, n: int, n_other: int, confidence: float = LEVEL
) -> tuple[float, float, float, float]:
    """What mean another experiment of ``n_other`` trials prints, given ours.

    means : mean over n trials, one for each repetition on data of its own; a single one stands for the
        very data set of the other experiment
    variance : between trials of one data set
    Returns (low, high, standard error of the difference, degrees of freedom). Two components of variance,
    between data sets and between the trials on one; the degrees of freedom by Satterthwaite.
    """
    means = np.atleast_1d(np.asarray(means, dtype=float))
    sets = len(means)
    if sets > 1:
        spread, own = float(means.var(ddof=1)), variance / n
        trials = variance * (1 / n_other - 1 / n)
        if spread > own:
            # between·(1 + 1/S) + variance·(1/n_other + 1/(S n)), with between = spread − variance/n
            parts = np.array([spread * (1 + 1 / sets), trials])
            freedom = np.array([sets - 1, max(sets * (n - 1), 1)])
        else:  # no more than the trials explain
            parts, freedom = np.array([variance * (1 / n_other + 1 / (sets * n))]), np.array([sets * (n - 1)])
    else:
        parts, freedom = np.array([variance * (1 / n + 1 / n_other)]), np.array([n - 1])
    total, squares = float(parts.sum()), float((parts**2 / np.maximum(freedom, 1)).sum())
    degrees = max(total**2 / squares, 1.0) if squares > 0 else float(max(sets - 1, n - 1, 1))
    error = float(np.sqrt(max(total, 0.0)))
    half = t_quantile((1 + confidence) / 2, degrees) * error
    return float(means.mean()) - half, float(means.mean()) + half, error, float(degrees)


def rank_prediction(values: ArrayLike, confidence: float = LEVEL) -> tuple[float, float]:
    """The interval for one more value from the same unknown distribution, from repeated ones.

    Every rank is equally likely, whatever the distribution, so the l-th smallest and largest of n
    values hold the next one with probability 1 − 2l/(n + 1); l is the largest with at least ``confidence``.
    With too few values for the confidence there is no finite interval: (−inf, inf).
    """
    values = np.sort(np.asarray(values, dtype=float))
    n = len(values)
    rank = int(np.floor((n + 1) * (1 - confidence) / 2 + 1e-9))
    if rank < 1:
        return float("-inf"), float("inf")
    return float(values[rank - 1]), float(values[n - rank])
