"""Shares of trials: their intervals, and what share another experiment prints."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from relucells.statistics.distributions import beta_binomial, normal_quantile

LEVEL = 0.95
# Two trials on one data set have correlation ρ. Half of the prior is at ρ = 0, where counts are binomial. The
# rest is uniform in √ρ, which is the spread between data sets in units of the binomial one.
SPREADS = np.linspace(0.0, 0.4, 17)
# Jeffreys' prior of a share is uniform in the angle whose squared sine it is.
SHARES = np.sin(np.linspace(0, np.pi / 2, 202)[1:-1]) ** 2
NEGLIGIBLE = 1e-7  # of the posterior weight


def wilson(successes: float, n: int, confidence: float = LEVEL) -> tuple[float, float]:
    """Wilson's score interval for a binomial share, in [0, 1]. n ≥ 1, 0 ≤ successes ≤ n."""
    if n < 1 or not 0 <= successes <= n:
        raise ValueError(f"successes: need 0 ≤ successes ≤ n and n ≥ 1, got {successes} of {n}")
    z = normal_quantile((1 + confidence) / 2)
    share = successes / n
    centre = (share + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * np.sqrt(share * (1 - share) / n + z**2 / (4 * n**2))
    # At the ends the interval touches 0 or 1 exactly; rounding must not move it inside.
    low = 0.0 if successes == 0 else centre - half
    high = 1.0 if successes == n else centre + half
    return float(low), float(high)


def share_interval(successes: int, undecided: int, n: int, confidence: float = LEVEL) -> tuple[float, float]:
    """Interval for a share of which ``undecided`` trials are not known.

    It reaches from Wilson's lower end, all of them failures, to his upper end, all of them successes.
    """
    return wilson(successes, n, confidence)[0], wilson(successes + undecided, n, confidence)[1]


def share_prediction(
    successes: ArrayLike, n: int, n_other: int, confidence: float = LEVEL
) -> tuple[float, float, NDArray[np.float64]]:
    """What share another experiment of ``n_other`` trials prints, given one or several of ours.

    successes : counts out of n, one for each repetition on data of its own. A single count stands for
        the very data set of the other experiment.
    Returns (low, high), the shares between which it lies with probability ``confidence`` (more, because
    counts are discrete), and the probabilities (n_other + 1,) of its counts. A single count has Jeffreys'
    posterior; several are pooled, their spread beyond the binomial one being that of the draw of the data
    (beta-binomial, posterior over share and correlation summed on a grid).
    """
    counts = np.arange(n_other + 1)
    ours = np.atleast_1d(np.asarray(successes, dtype=float))
    if n < 1 or n_other < 1 or (ours < 0).any() or (ours > n).any():
        raise ValueError(f"successes: need 0 ≤ successes ≤ n and n, n_other ≥ 1, got {ours.tolist()} of {n}")
    if len(ours) == 1:
        mass = beta_binomial(counts, n_other, ours[0] + 0.5, n - ours[0] + 0.5)
    else:
        mass = _pooled(ours, n, n_other)
    low, high = central(mass, confidence)
    return low / n_other, high / n_other, mass


def central(mass: NDArray[np.float64], confidence: float = LEVEL) -> tuple[int, int]:
    """The counts that cut off at most (1 − confidence)/2 of the probabilities ``mass`` at each end."""
    below, tail = np.cumsum(mass), (1 - confidence) / 2
    # Rounding of the sum must not push an end beyond the last count.
    low, high = np.searchsorted(below, [tail, min(1 - tail, below[-1])])
    return int(low), int(min(high, len(mass) - 1))


def _pooled(ours: NDArray[np.float64], n: int, n_other: int) -> NDArray[np.float64]:
    """Posterior predictive of the beta-binomial model, with SPREADS and SHARES as its grid."""
    share, spread = np.meshgrid(SHARES, SPREADS, indexing="ij")
    values, times = np.unique(ours, return_counts=True)
    log_weight = times @ _log_beta_binomial(values[:, None], n, share.ravel(), spread.ravel() ** 2)
    log_weight += np.where(spread.ravel() == 0, np.log(len(SPREADS) - 1), 0.0)
    weight = np.exp(log_weight - log_weight.max())
    kept = weight > NEGLIGIBLE * weight.sum()
    counts = np.arange(n_other + 1)[:, None]
    mass = _log_beta_binomial(counts, n_other, share.ravel()[kept], spread.ravel()[kept] ** 2)
    return np.exp(mass) @ weight[kept] / weight[kept].sum()


def _log_beta_binomial(
    k: NDArray[np.float64] | NDArray[np.int_], n: int, mean: NDArray[np.float64], rho: NDArray[np.float64]
) -> NDArray[np.float64]:
    """log P(k of n), (len(k), G), k (·, 1), for shares of beta laws of this mean and correlation (G,)."""
    from scipy.special import betaln, gammaln, xlog1py, xlogy

    choose = gammaln(n + 1) - gammaln(k + 1) - gammaln(n - k + 1)
    size = 1 / np.maximum(rho, NEGLIGIBLE) - 1
    a, b = mean * size, (1 - mean) * size
    mixed = betaln(k + a, n - k + b) - betaln(a, b)
    return choose + np.where(rho > 0, mixed, xlogy(k, mean) + xlog1py(n - k, -mean))
