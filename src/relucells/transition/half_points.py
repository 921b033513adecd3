"""Where a share that falls with N is one half, with an interval that supposes no shape of the curve.

Shares are made to fall by isotonic regression. The place is interpolated in log N between the two N around
the half. A curve fitted to all points, for example a logistic one, would depend on its tails: covering makes
a share fall slowly and geometry quickly, and where both act its half lies too low
(benchmarks/interval_coverage.py). The interval is that of the same place in draws from the posterior of the
shares (a Bayesian bootstrap, Rubin 1981). Where the share falls within one step of the grid, any place in the
step is possible.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from relucells.samples.randomness import stream
from relucells.statistics.shares import LEVEL

REPLICATES = 2000
# A fall from above 1 − x to below x within one step of the grid is not resolved: the whole step is its place.
UNRESOLVED = 0.2


@dataclass(frozen=True)
class Location:
    """Where the share of successes is one half.

    status : "located", or "above" or "below" if the share stays on one side of one half
    half, low, high : N there with its interval. A bound has half = nan and one end of the interval. "above":
        low, at most the last N, with high = inf. "below": high, at least the first N, with low = 0
    resolved : whether more than one step of the grid lies in the fall
    """

    status: str
    half: float
    low: float
    high: float
    resolved: bool


def falling(shares: NDArray[np.float64], weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """The non-increasing sequences (..., P) nearest to ``shares`` in weighted squares (isotonic regression).

    By the minimax formula: the least, over all starts, of the largest mean from there to an end.
    """
    total = np.concatenate([[0.0], np.cumsum(weights)])
    zero = np.zeros((*shares.shape[:-1], 1))
    sums = np.concatenate([zero, np.cumsum(shares * weights, axis=-1)], axis=-1)
    P = shares.shape[-1]
    fitted = np.full(shares.shape, np.inf)
    for start in range(P):
        means = (sums[..., start + 1 :] - sums[..., start : start + 1]) / (total[start + 1 :] - total[start])
        largest = np.maximum.accumulate(means[..., ::-1], axis=-1)[..., ::-1]
        fitted[..., start:] = np.minimum(fitted[..., start:], largest)
    return fitted


def half_of(place: NDArray[np.float64], shares: NDArray[np.float64]) -> NDArray[np.float64]:
    """Where falling shares (B, P) at places (P,) are one half, by linear interpolation: (B,), −inf before
    the first place, inf beyond the last. On a stretch at one half its middle is taken."""
    first = _crossing(place, shares, (shares > 0.5).sum(axis=1))
    last = _crossing(place, shares, (shares >= 0.5).sum(axis=1))
    with np.errstate(invalid="ignore"):
        middle = (first + last) / 2
    one = np.where(np.isfinite(first), first, last)
    return np.where(np.isfinite(first) & np.isfinite(last), middle, one)


def _crossing(
    place: NDArray[np.float64], shares: NDArray[np.float64], above: NDArray[np.int_]
) -> NDArray[np.float64]:
    """Between the last of ``above`` shares and the next one."""
    P = len(place)
    found = np.where(above == 0, -np.inf, np.inf)
    inside = np.flatnonzero((above > 0) & (above < P))
    i = above[inside] - 1
    before, after = shares[inside, i], shares[inside, i + 1]
    part = np.clip((before - 0.5) / np.maximum(before - after, 1e-300), 0.0, 1.0)
    found[inside] = place[i] + part * (place[i + 1] - place[i])
    return found


def locate(
    N: ArrayLike, successes: ArrayLike, draws: ArrayLike, confidence: float = LEVEL, *, seed: int = 0
) -> Location:
    """The N at which a falling share is one half: isotonic regression and linear interpolation in log N.

    N : (P,) increasing, positive; successes : (P,) out of draws (P,). The interval holds the middle
    ``confidence`` of the places in posterior draws of the shares (Jeffreys' prior), each made to fall.
    Raises ValueError for arguments that do not fit together.
    """
    N, k, n = (np.asarray(a, dtype=float) for a in (N, successes, draws))
    if not len(N) == len(k) == len(n) or not len(N):
        raise ValueError(f"successes: need one count per N, {len(N)}, and as many draws")
    if (k < 0).any() or (k > n).any() or (n < 1).any():
        raise ValueError("successes: must lie between 0 and the draws")
    if (N <= 0).any() or (np.diff(N) <= 0).any():
        raise ValueError("N: must be positive and increasing")
    place = np.log(N)
    shares = falling((k / n)[None], n)
    middle = float(half_of(place, shares)[0])
    rng = stream(seed, "half point", *N, *k, *n)
    drawn = falling(rng.beta(k + 0.5, n - k + 0.5, (REPLICATES, len(N))), n)
    tails = [(1 - confidence) / 2, (1 + confidence) / 2]
    low, high = np.quantile(half_of(place, drawn), tails, method="inverted_cdf")
    if not np.isfinite(middle):
        if middle > 0:
            return Location("above", float("nan"), float(np.exp(min(low, place[-1]))), float("inf"), True)
        return Location("below", float("nan"), 0.0, float(np.exp(max(high, place[0]))), True)
    i = int(np.clip(np.searchsorted(place, middle) - 1, 0, len(N) - 2))
    resolved = shares[0, i] < 1 - UNRESOLVED or shares[0, i + 1] > UNRESOLVED
    if not resolved:
        low, high = min(low, place[i]), max(high, place[i + 1])
    half, low, high = (float(np.exp(end)) for end in (middle, low, high))
    return Location("located", half, low, high, bool(resolved))


def crossing(N: ArrayLike, values: ArrayLike, level: Callable[[NDArray], NDArray]) -> float:
    """The N, by interpolation in log N, from which on ``values`` (P,) lie below ``level(N)``; nan if none.

    The last crossing counts, so that all values after it stay below the level.
    """
    N, values = np.asarray(N, dtype=float), np.asarray(values, dtype=float)
    excess = np.log(values) - np.log(level(N))
    before = np.flatnonzero((excess[:-1] > 0) & (excess[1:] <= 0))
    if not len(before):
        return float("nan")
    i = before[-1]
    share = excess[i] / (excess[i] - excess[i + 1])
    return float(np.exp(np.log(N[i]) + share * np.log(N[i + 1] / N[i])))
