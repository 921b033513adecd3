"""What share of (sample, neuron) pairs random weights activate: the law of a printed mean, known in advance.

With w ~ N(b e_D, I) a sample x is active with probability Φ(b x_D / ‖x‖). So the expected share is the mean
of that over the samples; at b = 0 it is one half whatever the data are. A printed mean over T trials of K
neurons is the mean of n = T K independent draws of a(w), the share of samples on which one neuron is active.
The mean of a(w) is exact. Its spread is simulated on the samples. The tail of the mean of n draws is
Lugannani and Rice's saddlepoint approximation, because a(w) is far from normal where nearly all pairs are
active. At very large or very negative biases all but few neurons of an experiment are active on all samples,
or on none. There the law is that of a sum of rare events (``RareEvents``), simulated by importance sampling
from the half-spaces.
"""

import functools
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from relucells.samples.gaussian import two_gaussians
from relucells.statistics.distributions import (
    noncentral_chi2_density,
    noncentral_chi2_quantile,
    normal_below,
    normal_density,
)
from relucells.statistics.shares import LEVEL

POOL = 40_000  # neurons whose a(w) is drawn: their variance is off by 0.4 % at most times
DATA_SETS = 40  # Gaussian data sets among which the pool is divided
RARE = 30.0  # expected pairs of an experiment that are not as all others, below which they are rare events
RARE_SETS, RARE_DRAWS = 100, 500  # Gaussian data sets for rare events, and neurons drawn on each
EXPERIMENTS = 20_000  # simulated for the law of rare events
CHUNK = 1000  # neurons drawn at a time
TILE = 1 << 16  # pre-activations made at a time, few enough to stay in the processor's cache
READINGS = ("added", "replaced")  # of the bias: added to the last entry of w ~ N(0, I), or in its place


def activation_probability(
    X: NDArray[np.float64], bias: float, reading: str = "added"
) -> NDArray[np.float64]:
    """P(w·x_i > 0) of every sample (N,). The bias belongs to the last column of X (N, D).

    ``reading``: the bias is "added" to the last entry of w ~ N(0, I_D), or the entry is "replaced" by it.
    """
    if reading not in READINGS:
        raise ValueError(f"reading: must be added or replaced, not {reading!r}")
    free = X if reading == "added" else X[:, :-1]
    with np.errstate(divide="ignore", invalid="ignore"):
        place = bias * X[:, -1] / np.linalg.norm(free, axis=1)
    return normal_below(np.nan_to_num(place))


def activation_variance(X: NDArray[np.float64], bias: float) -> float:
    """Var a(w) of one neuron on the samples X (N, D), reading "added", in closed form.

    The mean over pairs of samples of P(both active) − P(one) P(other): bivariate normal orthants, by
    Owen's T function; at bias 0 this is arcsin(cosine)/2π (Sheppard).
    """
    from scipy.special import owens_t

    length = np.linalg.norm(X, axis=1)
    h = bias * X[:, -1] / length
    rho = np.clip((X @ X.T) / np.outer(length, length), -1.0, 1.0)
    if bias == 0:
        return float((np.arcsin(rho) / (2 * np.pi)).mean())
    root = np.sqrt(np.maximum(1 - rho**2, 0.0))
    a, b = h[:, None], h[None, :]
    with np.errstate(divide="ignore", invalid="ignore"):
        first = owens_t(a, (b / a - rho) / root)
        second = owens_t(b, (a / b - rho) / root)
    # Φ₂(a, b; ρ) = ½Φ(a) + ½Φ(b) − T(a, ·) − T(b, ·) for a b > 0 (Owen 1956); equal directions apart.
    both = (normal_below(a) + normal_below(b)) / 2 - first - second
    both = np.where(root < 1e-7, normal_below(np.minimum(a, b)), both)
    return float(both.mean() - normal_below(h).mean() ** 2)


def gaussian_moments(
    d: int, bias: float, reading: str = "added", distance: float = 2.0
) -> tuple[float, float]:
    """Mean and variance, over one sample of two Gaussian classes, of P(w·x > 0): ‖x‖² − 1 is a
    non-central χ² with d degrees of freedom, alike for both classes."""
    centre = (distance / 2) ** 2
    extra = 1.0 if reading == "added" else 0.0
    ends = noncentral_chi2_quantile(np.array([1e-13, 1 - 1e-13]), d, centre)
    nodes, weights = _nodes()
    # In √q, where the density has no pole at 0 even for d = 1.
    root = np.sqrt(ends[0]) + (np.sqrt(ends[1]) - np.sqrt(ends[0])) * (nodes + 1) / 2
    density = noncentral_chi2_density(root**2, d, centre)
    weights = weights * (np.sqrt(ends[1]) - np.sqrt(ends[0])) / 2 * density * 2 * root
    value = normal_below(bias / np.sqrt(extra + root**2))
    mean = float((weights * value).sum() / weights.sum())
    return mean, float((weights * (value - mean) ** 2).sum() / weights.sum())


@functools.cache
def _nodes() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Gauss and Legendre's nodes and weights on [−1, 1]."""
    return np.polynomial.legendre.leggauss(400)


def active_shares(
    X: NDArray[np.float64], bias: float, count: int, rng: np.random.Generator, reading: str = "added"
) -> NDArray[np.float64]:
    """a(w) of ``count`` random neurons (count,) on X (N, D)."""
    shares = np.empty(count)
    for start in range(0, count, CHUNK):
        W = rng.standard_normal((min(CHUNK, count - start), X.shape[1]))
        W[:, -1] = bias + (W[:, -1] if reading == "added" else 0.0)
        shares[start : start + len(W)] = active_samples(X, W) / len(X)
    return shares


def active_samples(X: NDArray[np.float64], W: NDArray[np.float64]) -> NDArray[np.intp]:
    """On how many of the samples X (N, D) each neuron W (n, D) is active, (n,)."""
    rows = max(1, TILE // len(X))
    counts = np.empty(len(W), dtype=np.intp)
    for start in range(0, len(W), rows):
        counts[start : start + rows] = (W[start : start + rows] @ X.T > 0).sum(axis=1)
    return counts


@dataclass(frozen=True)
class Activation:
    """The law of the mean of ``neurons`` independent a(w), by saddlepoint.

    mean : exact; data_variance : of the expected share between data sets, 0 for given data
    pool : (M,) draws of a(w) less their mean
    """

    mean: float
    data_variance: float
    pool: NDArray[np.float64]
    neurons: int

    @property
    def sd(self) -> float:
        return float(np.sqrt(self.pool.var() / self.neurons + self.data_variance))

    def interval(self, confidence: float = LEVEL) -> tuple[float, float]:
        """The central interval in which the mean lies with probability ``confidence``."""
        from scipy.optimize import brentq

        tail = (1 - confidence) / 2
        ends = []
        for side in (-1.0, 1.0):
            far = 1.0 / self.sd
            while self._tail(side * far)[1] > tail:
                far *= 2
            t = brentq(lambda t, side=side: self._tail(side * t)[1] - tail, 0.0, far)
            ends.append(self._tail(side * t)[0])
        return max(ends[0], 0.0), min(ends[1], 1.0)

    def p(self, value: float, rounding: float = 0.0) -> float:
        """Two-sided probability of a mean at least as far out as ``value``, with rounding in its favour."""
        from scipy.optimize import brentq

        side = 1.0 if value > self.mean else -1.0
        value -= side * min(rounding, abs(value - self.mean))
        if abs(value - self.mean) < 1e-12:
            return 1.0
        far = 1.0 / self.sd
        while side * (self._tail(side * far)[0] - value) < 0:
            far *= 2
            if not np.isfinite(far) or far > 1e12:  # beyond every draw of the pool
                return 0.0
        t = brentq(lambda t: self._tail(side * t)[0] - value, 0.0, far, xtol=1e-12 * far)
        return min(1.0, 2 * self._tail(side * t)[1])

    def _tail(self, t: float) -> tuple[float, float]:
        """The value whose saddlepoint is t, and the probability beyond it, on the side of t."""
        n, c = self.neurons, self.pool
        exponent = t * c / n
        shift = exponent.max()
        e = np.exp(exponent - shift)
        total = e.mean()
        weight = e / e.sum()
        first = float(weight @ c)
        second = float(weight @ (c - first) ** 2)
        K0 = n * (np.log(total) + shift) + self.data_variance * t**2 / 2
        K1 = first + self.data_variance * t
        K2 = second / n + self.data_variance
        value = self.mean + K1
        squared = 2 * (t * K1 - K0)
        u, w = abs(t) * np.sqrt(K2), np.sqrt(max(squared, 0.0))
        if u < 1e-2:  # Lugannani and Rice's formula has a removable pole at the mean
            third = float(weight @ (c - first) ** 3) / n**2
            skew = third / K2**1.5 * np.sign(t)
            return value, float(normal_below(-u) - skew / (6 * np.sqrt(2 * np.pi)))
        return value, float(normal_below(-w) + normal_density(w) * (1 / u - 1 / w))


def half_space_draws(
    X: NDArray[np.float64], bias: float, count: int, rng: np.random.Generator
) -> tuple[float, NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Random neurons that activate at least one sample, reading "added", however rare they are.

    Returns (q, W (count, D), a(w) (count,), weights (count,)). q is the probability that a random neuron is
    active on any sample. W with these weights, which sum to 1, represent the neurons that are. A half-space
    is chosen in proportion to its probability, and w is drawn from within it. Its weight is one over the
    number of half-spaces in which it lies (Owen, Maximov and Chertkov, *Importance sampling the union of rare
    events*, arXiv 1710.06965).
    """
    from scipy.special import ndtr, ndtri

    length = np.linalg.norm(X, axis=1)
    place = bias * X[:, -1] / length
    p = ndtr(place)
    total = float(p.sum())
    if total == 0:
        return 0.0, np.empty((0, X.shape[1])), np.empty(0), np.empty(0)
    chosen = rng.choice(len(X), count, p=p / total)
    W = rng.standard_normal((count, X.shape[1]))
    # Along x/‖x‖: normal beyond −place, by inversion; 1 − U is in (0, 1].
    along = -ndtri((1 - rng.random(count)) * p[chosen])
    unit = X / length[:, None]
    rows = max(1, TILE // X.shape[1])
    for start in range(0, count, rows):
        part = slice(start, start + rows)
        u = unit[chosen[part]]
        W[part] += (along[part] - (W[part] * u).sum(axis=1))[:, None] * u
    W[:, -1] += bias
    # Rounding must not lose the sample for which w was drawn.
    active = np.maximum(active_samples(X, W), 1)
    weights = 1 / active
    return min(1.0, total * float(weights.mean())), W, active / len(X), weights / weights.sum()


@dataclass(frozen=True)
class RareEvents:
    """The law of the mean share where nearly no pair is active, or nearly every one.

    mean : exact; none : probability that no pair at all is active (inactive, if ``full``)
    experiments : (S,) sorted mean shares of simulated experiments
    """

    mean: float
    none: float
    experiments: NDArray[np.float64]
    full: bool

    @property
    def sd(self) -> float:
        return float(self.experiments.std())

    def interval(self, confidence: float = LEVEL) -> tuple[float, float]:
        low, high = np.quantile(
            self.experiments, [(1 - confidence) / 2, (1 + confidence) / 2], method="inverted_cdf"
        )
        return float(low), float(high)

    def p(self, value: float, rounding: float = 0.0) -> float:
        """Two-sided, from the rank among the simulated experiments."""
        count = len(self.experiments)
        below = (self.experiments <= value + rounding).sum()
        above = (self.experiments >= value - rounding).sum()
        return float(min(1.0, 2 * (1 + min(below, above)) / (count + 1)))


def fixed_activation(
    X: NDArray[np.float64], bias: float, neurons: int, rng: np.random.Generator, reading: str = "added"
) -> Activation | RareEvents:
    """The law of the mean over ``neurons`` random neurons on given samples X (N, D)."""
    probability = activation_probability(X, bias, reading)
    mean = float(probability.mean())
    if reading == "added" and are_rare(probability, neurons):
        return _rare(lambda: X, 1, POOL, bias, neurons, mean, rng)
    shares = active_shares(X, bias, POOL, rng, reading)
    return Activation(mean, 0.0, shares - shares.mean(), neurons)


def gaussian_activation(
    d: int, N: int, bias: float, neurons: int, rng: np.random.Generator, reading: str = "added"
) -> Activation | RareEvents:
    """The same on a fresh data set of two Gaussian classes. The law includes the draw of the data."""

    def draw() -> NDArray[np.float64]:
        return two_gaussians(d, N, rng)[0]

    mean, variance = gaussian_moments(d, bias, reading)
    if reading == "added" and are_rare(np.full(N, mean), neurons):
        return _rare(draw, RARE_SETS, RARE_DRAWS, bias, neurons, mean, rng)
    pool = []
    for _ in range(DATA_SETS):
        X = draw()
        shares = active_shares(X, bias, POOL // DATA_SETS, rng, reading)
        pool.append(shares - activation_probability(X, bias, reading).mean())
    centred = np.concatenate(pool)
    return Activation(mean, variance / N, centred - centred.mean(), neurons)


def are_rare(probability: NDArray[np.float64], neurons: int) -> bool:
    """Whether the pairs of ``neurons`` neurons and the samples are all alike except for rare events.

    probability : (N,), with which each sample is active
    """
    return bool(neurons * np.minimum(probability, 1 - probability).sum() < RARE)


def _rare(
    draw: Callable[[], NDArray[np.float64]],
    sets: int,
    draws: int,
    bias: float,
    neurons: int,
    mean: float,
    rng: np.random.Generator,
) -> RareEvents:
    """Experiments of ``neurons`` neurons, most of which are active on all samples, or on none."""
    side = -1.0 if bias > 0 else 1.0  # a pair is inactive where −x is active
    totals, none = [], 0.0
    for _ in range(sets):
        X = side * draw()
        q, _, own_shares, weights = half_space_draws(X, bias, draws, rng)
        none += (1 - q) ** neurons / sets
        counts = rng.binomial(neurons, q, EXPERIMENTS // sets)
        own = np.repeat(np.arange(len(counts)), counts)
        shares = rng.choice(own_shares, len(own), p=weights) if len(own) else np.zeros(0)
        totals.append(np.bincount(own, shares, len(counts)) / neurons)
    rare = np.concatenate(totals)
    return RareEvents(mean, none, np.sort(1 - rare if bias > 0 else rare), bias > 0)
