"""Intervals for shares and means, and prediction intervals for what another experiment would print."""

import numpy as np
from numpy.typing import ArrayLike

LEVEL = 0.95


def wilson(successes: float, n: int, level: float = LEVEL) -> tuple[float, float]:
    """Wilson's score interval for a binomial share, in [0, 1]. n ≥ 1, 0 ≤ successes ≤ n."""
    from scipy.stats import norm

    if n < 1 or not 0 <= successes <= n:
        raise ValueError(f"successes: need 0 ≤ successes ≤ n and n ≥ 1, got {successes} of {n}")
    z = norm.ppf((1 + level) / 2)
    share = successes / n
    centre = (share + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * np.sqrt(share * (1 - share) / n + z**2 / (4 * n**2))
    # At the ends the interval touches 0 or 1 exactly; rounding must not move it inside.
    low = 0.0 if successes == 0 else centre - half
    high = 1.0 if successes == n else centre + half
    return float(low), float(high)


def mean_interval(values: ArrayLike, level: float = LEVEL) -> tuple[float, float]:
    """Student's t interval for the mean of independent values. A single value has no interval: NaN."""
    from scipy.stats import t

    values = np.asarray(values, dtype=float)
    n = len(values)
    if n < 2:
        return float("nan"), float("nan")
    half = t.ppf((1 + level) / 2, n - 1) * values.std(ddof=1) / np.sqrt(n)
    return float(values.mean() - half), float(values.mean() + half)


def share_prediction(
    successes: ArrayLike, n: int, n_other: int, level: float = LEVEL
) -> tuple[float, float, np.ndarray]:
    """What share another experiment of ``n_other`` trials prints, given one or several of ours.

    successes : counts out of n, one for each repetition of the whole experiment on new data; a count
        from a single data set is a sequence of length 1.
    Returns (low, high) shares of the central prediction interval and the probabilities of 0 …
    n_other successes: the mixture, over the repetitions, of the beta-binomial that Jeffreys' prior
    gives. It holds the noise of our trials, of theirs, and of the draw of the data.
    """
    from scipy.stats import betabinom

    counts = np.arange(n_other + 1)
    repetitions = np.atleast_1d(np.asarray(successes, dtype=float))
    mass = np.mean([betabinom.pmf(counts, n_other, s + 0.5, n - s + 0.5) for s in repetitions], axis=0)
    below = np.cumsum(mass)
    tail = (1 - level) / 2
    low = int(np.searchsorted(below, tail))
    high = int(np.searchsorted(below, 1 - tail))
    return low / n_other, min(high, n_other) / n_other, mass


def mean_prediction(
    means: ArrayLike, variance: float, n: int, n_other: int, level: float = LEVEL
) -> tuple[float, float, float, float]:
    """What mean another experiment of ``n_other`` trials prints, given ours.

    means : mean over n trials, one for each repetition on new data (length 1: a single data set)
    variance : between trials of one data set
    Returns (low, high, standard error of the difference, degrees of freedom). The spread of repeated
    means is that of the data plus variance / n; the other experiment has the first, and its own trials.
    """
    from scipy.stats import t

    means = np.atleast_1d(np.asarray(means, dtype=float))
    repetitions = len(means)
    if repetitions > 1:
        between = means.var(ddof=1)
        # With more trials than ours their mean is less noisy than our repeated ones, by an amount that
        # few repetitions cannot tell: the interval is then left as wide as ours.
        data = max(between - variance / n, 0.0)
        total = max(between, data + variance / n_other) + between / repetitions
        freedom = repetitions - 1
    else:
        total = variance * (1 / n + 1 / n_other)
        freedom = n - 1
    error = float(np.sqrt(total))
    half = float(t.ppf((1 + level) / 2, max(freedom, 1))) * error
    return float(means.mean()) - half, float(means.mean()) + half, error, float(freedom)


def rank_prediction(values: ArrayLike, level: float = LEVEL) -> tuple[float, float]:
    """Where one more value from the same unknown distribution lies, from repeated ones.

    Every rank is equally likely, whatever the distribution, so the l-th smallest and largest of n
    values hold the next one with probability 1 − 2l/(n + 1); l is the largest with at least ``level``.
    With too few values for the level there is no finite interval: (−inf, inf).
    """
    values = np.sort(np.asarray(values, dtype=float))
    n = len(values)
    rank = int(np.floor((n + 1) * (1 - level) / 2 + 1e-9))
    if rank < 1:
        return float("-inf"), float("inf")
    return float(values[rank - 1]), float(values[n - rank])
