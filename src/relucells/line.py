"""One-dimensional Gaussian data: where the minimum of a cell lies, and whether a sample lies in the gap.

Liu, Part 2, section III, eqs. (10)–(20). Positive samples come from N(+1, 1), negative ones from
N(−1, 1), with equal priors. Weight k has location h_k and normal n_k = ±1 (the paper's ±i), z_k = n_k,
so that it adds x − h_k where it is active: x > h_k for +1, x < h_k for −1. The network is

    f(x) = Σ_k I_k(x) (x − h_k).

The locations cut the line into regions Ω_j in which the activations are constant. For those activations
the locations h* that minimise the expected squared loss solve F h = f (11). The gap of weight k lies
between h_k and h_k*. If a sample lies in it, the minimum is outside the cell for which it was computed.

h* without solving F h = f (derived). Let m_j = Σ_k I_jk and c_j = Σ_k I_jk h_k. The output in region j is
m_j x − c_j, and the best c_j for the region alone is t_j = E[m_j x − y | Ω_j]. Crossing h_k changes c by
n_k h_k, so h_k = n_k (c_right − c_left). So the locations determine the c_j. The c_j determine the locations
too, under one linear constraint: the leftmost c_0 is the sum of h_k over the weights with normal −1. It reads
Σ_j v_j c_j = 0 with v_j ∈ {−1, 0, 1}. Minimising Σ_j P_j (c_j − t_j)² under it gives

    c_j = t_j − v_j λ_j Σ_i v_i t_i,   λ_j ∝ v_j² / P_j,   Σ_j λ_j = 1.

Only the logarithms of the P_j enter. So this stays accurate where regions leave the data's support and F is
singular to working precision (condition number above 1e16). The tests compare with 50-digit arithmetic: for
60 weights between −3 and 3, shifted by up to 6, h* is right to 1e-9 and log P_t to a relative 1e-9. For 200
weights the errors found in this way were 5e-11 and 2e-13.
"""

import sys
from dataclasses import dataclass
from fractions import Fraction
from itertools import accumulate

import numpy as np
from numpy.typing import ArrayLike, NDArray

from relucells.samples.inputs import real_array, targets
from relucells.samples.records import Record

CLASS_MEANS = (1.0, -1.0)


@dataclass(frozen=True, eq=False)
class Regions(Record):
    """The regions Ω_0 … Ω_(J−1) from left to right, J = K + 1, for one set of weights or many, (...).

    edges : (..., J + 1) from −∞ to ∞; a region between weights at one place is empty
    order : (..., K), the weights from left to right, of those at one place the mirrored ones first
    slope : (..., J), how many weights are active
    log_probability : (2, ..., J), log P_j± under the positive and the negative class, −∞ for an empty region
    mean : (2, ..., J), x̄_j±, the class means inside the region (of an empty region: where it lies)
    """

    edges: NDArray[np.float64]
    order: NDArray[np.int64]
    slope: NDArray[np.int64]
    log_probability: NDArray[np.float64]
    mean: NDArray[np.float64]


def regions(locations: ArrayLike, normals: ArrayLike) -> Regions:
    """Regions cut by weights at ``locations``, (..., K), with ``normals``, (K,) of ±1.

    Raises ValueError, naming the argument, if they are not finite, not ±1 or of different lengths.
    """
    return _regions(*_weights(locations, normals))


def _regions(locations: NDArray, normals: NDArray) -> Regions:
    normals = np.broadcast_to(normals, locations.shape)
    order = np.lexsort((normals, locations))
    ends = np.full((*locations.shape[:-1], 1), np.inf)
    edges = np.concatenate([-ends, np.take_along_axis(locations, order, -1), ends], axis=-1)
    slope = _from_the_left((normals < 0).sum(axis=-1), np.take_along_axis(normals, order, -1).astype(int))
    at = [(edges[..., :-1] - mu, edges[..., 1:] - mu) for mu in CLASS_MEANS]
    logs = np.array([_log_interval(*interval) for interval in at])
    inside = zip(CLASS_MEANS, at, logs, strict=True)
    means = np.array([mu + _truncated_mean(*interval, log_P) for mu, interval, log_P in inside])
    return Regions(edges, order, slope, logs, means)


def _from_the_left(first: NDArray, steps: NDArray) -> NDArray:
    """What the leftmost region has, (...), and each next one after a step, (..., K): (..., K + 1)."""
    return np.cumsum(np.concatenate([first[..., None], steps], axis=-1), axis=-1)


def normal_equations(locations: ArrayLike, normals: ArrayLike) -> tuple[NDArray, NDArray]:
    """F, (..., K, K), and f, (..., K), of eqs. (11), (15) and (16), term by term as printed."""
    locations, normals = _weights(locations, normals)
    cut = _regions(locations, normals)
    place = np.argsort(cut.order, axis=-1)[..., None, :]
    left = np.arange(locations.shape[-1] + 1)[:, None] <= place  # region j lies left of the weight
    I = (left == (normals < 0)).astype(float)
    P = np.exp(cut.log_probability)
    F = I.mT @ (P.sum(axis=0)[..., None] * I)
    means = cut.slope * (P * cut.mean).sum(axis=0) - (P[0] - P[1])
    return F, (means[..., None, :] @ I)[..., 0, :]


def optimal_locations(locations: ArrayLike, normals: ArrayLike) -> NDArray[np.float64]:
    """h*, (..., K), the minimum of the expected loss for the activations at ``locations``; eqs. (11)–(16).

    Solved in closed form (module docstring). Weights with one location and one normal have the same
    column of F: they share their sum equally, the solution of least norm.
    """
    locations, normals = _weights(locations, normals)
    cut = _regions(locations, normals)
    n = normals[cut.order]
    positive, negative = cut.log_probability
    log_P = np.logaddexp(positive, negative)
    empty = np.isneginf(log_P)

    odds = np.zeros(log_P.shape)  # log of positive to negative probability
    np.subtract(positive, negative, out=odds, where=~empty)
    y_mean = np.tanh(odds / 2)
    x_mean = (cut.mean[0] * (1 + y_mean) + cut.mean[1] * (1 - y_mean)) / 2
    alone = cut.slope * x_mean - y_mean  # t_j

    v = np.zeros(log_P.shape)
    v[..., 0] = 1
    v[..., :-1] -= n < 0
    v[..., 1:] += n < 0
    bound = v != 0
    least = np.where(bound, log_P, np.inf).min(axis=-1, keepdims=True)
    with np.errstate(invalid="ignore"):
        share = np.where(bound, np.exp(np.minimum(least - log_P, 0.0)), 0.0)
    # an empty region meets the constraint at no cost
    share = np.where(np.isneginf(least), bound & empty, share)
    c = alone - v * share / share.sum(axis=-1, keepdims=True) * (v * alone).sum(axis=-1, keepdims=True)
    found = np.empty(locations.shape)
    np.put_along_axis(found, cut.order, _steps(c, cut.edges[..., 1:-1], n), axis=-1)
    return found


def _steps(c: NDArray, places: NDArray, n: NDArray) -> NDArray[np.float64]:
    """By how much c, (..., K + 1), grows at each weight, (..., K), in the direction of its normal.

    Weights of one place and normal share what they add together.
    """
    new = (places[..., 1:] != places[..., :-1]) | (n[..., 1:] != n[..., :-1])
    here, always = np.arange(n.shape[-1]), np.ones((*n.shape[:-1], 1), dtype=bool)
    first = np.maximum.accumulate(np.where(np.concatenate([always, new], axis=-1), here, 0), axis=-1)
    ends = np.where(np.concatenate([new, always], axis=-1), here, len(here))
    last = np.minimum.accumulate(ends[..., ::-1], axis=-1)[..., ::-1]
    grown = np.take_along_axis(c, last + 1, axis=-1) - np.take_along_axis(c, first, axis=-1)
    return n * grown / (last - first + 1)


def gaps(locations: ArrayLike, normals: ArrayLike) -> NDArray[np.float64]:
    """(..., K, 2): the ends, lower one first, of the gap between each h_k and its h_k*."""
    return np.sort(np.stack([locations, optimal_locations(locations, normals)], axis=-1), axis=-1)


def log_probability_within(low: ArrayLike, high: ArrayLike) -> NDArray[np.float64]:
    """log P(low < x < high) for one sample of either class, eq. (20); low ≤ high, may be infinite."""
    low, high = np.asarray(low, dtype=float), np.asarray(high, dtype=float)
    return np.logaddexp(*(_log_interval(low - mu, high - mu) for mu in CLASS_MEANS)) - np.log(2)


def log_probability_free(gaps: ArrayLike, N: int) -> NDArray[np.float64]:
    """N log(1 − P(x ∈ g)) for each gap alone: the log-probability that it holds none of N samples.

    gaps : (..., 2) ends, lower one first. The least of the values over all weights is log P_t as
    eqs. (17) and (18) define it.
    """
    low, high = np.moveaxis(np.asarray(gaps, dtype=float), -1, 0)
    outside = np.logaddexp(log_probability_within(-np.inf, low), log_probability_within(high, np.inf))
    return N * _log_complement(log_probability_within(low, high), outside)


def log_probability_all_free(gaps: ArrayLike, N: int) -> NDArray[np.float64] | float:
    """The log-probability that none of N samples lies in any of the gaps: exact, no eq. (18).

    gaps : (..., K, 2) ends, lower one first; a number, or one for each set of K gaps, (...).
    """
    gaps = np.asarray(gaps, dtype=float)
    order = np.argsort(gaps[..., 0], axis=-1)
    low, high = np.moveaxis(np.take_along_axis(gaps, order[..., None], axis=-2), -1, 0)
    # Of each gap what those left of it leave, so that no place counts twice.
    reach = np.maximum.accumulate(high, axis=-1)
    end = np.full_like(reach[..., :1], np.inf)
    before = np.concatenate([-end, reach], axis=-1)
    low = np.maximum(low, before[..., :-1])
    inside = np.logaddexp.reduce(log_probability_within(low, reach), axis=-1)
    between = before, np.maximum(np.concatenate([low, end], axis=-1), before)
    outside = np.logaddexp.reduce(log_probability_within(*between), axis=-1)
    free = N * _log_complement(inside, outside)
    return free if free.ndim else float(free)


def draw(N: int, rng: np.random.Generator) -> tuple[NDArray, NDArray]:
    """N independent samples: labels y of ±1 with equal priors, and x from N(y, 1); two (N,) arrays."""
    y = rng.choice([1.0, -1.0], size=N)
    return rng.normal(loc=y), y


def output(x: ArrayLike, locations: ArrayLike, normals: ArrayLike) -> NDArray[np.float64]:
    """f(x) = Σ_k I_k(x) (x − h_k) at every x; same shape as x."""
    locations, normals = _weights(locations, normals)
    beyond = np.asarray(x, dtype=float)[..., None] - locations
    return np.where(beyond * normals > 0, beyond, 0.0).sum(axis=-1)


def empirical_loss(x: ArrayLike, y: ArrayLike, locations: ArrayLike, normals: ArrayLike) -> float:
    """(1/N) Σ_i (f(x_i) − y_i)² of samples x, y, both (N,); eq. (1)."""
    x = real_array("x", x, dimensions=1)
    return float(np.mean((output(x, locations, normals) - targets(y, len(x))) ** 2))


def expected_loss(locations: ArrayLike, normals: ArrayLike) -> NDArray[np.float64] | float:
    """E (f(x) − y)² over the two classes (derived: second moments of the truncated normals).

    locations : (..., K); a number, or one for each set of K locations, (...)
    """
    locations, normals = _weights(locations, normals)
    cut = _regions(locations, normals)
    places, n = cut.edges[..., 1:-1], normals[cut.order]
    c = _from_the_left(np.where(n < 0, places, 0.0).sum(axis=-1), n * places)
    loss = np.zeros(locations.shape[:-1])  # the label is the sign of the class mean
    for mu, log_P, mean in zip(CLASS_MEANS, cut.log_probability, cut.mean, strict=True):
        variance = _truncated_variance(cut.edges[..., :-1] - mu, cut.edges[..., 1:] - mu, mean - mu, log_P)
        error = (cut.slope * mean - c - mu) ** 2 + cut.slope**2 * variance
        loss += 0.5 * (np.exp(log_P) * error).sum(axis=-1)
    return loss if loss.ndim else float(loss)


@dataclass(frozen=True, eq=False)
class LineMinima(Record):
    """Local minima of an empirical loss along the location of one weight.

    smooth : locations where the derivative vanishes: between two samples, or at one that bends nothing
    kinks : locations of samples at which the loss has a local minimum without being differentiable
    """

    smooth: NDArray[np.float64]
    kinks: NDArray[np.float64]


def line_minima(x: ArrayLike, y: ArrayLike) -> LineMinima:
    """All local minima of (1/N) Σ_i ([x_i − h]_+ − y_i)² over h, the location of a weight of normal +1.

    x, y : (N,); y may be the labels less the output of other weights that rest. Exact: the loss is a
    quadratic of h between neighbouring samples. It is constant beyond the last sample, where no
    sample activates the weight; that plateau is not listed.
    """
    x = real_array("x", x, dimensions=1)
    x, best, left, right = _cells_from_the_right(x, targets(y, len(x)))
    # samples at one place have one kink, between the first one's right and the last one's left
    first, last = np.append(True, x[1:] < x[:-1]), np.append(x[1:] < x[:-1], True)
    smooth = best[(left > 0) & (np.append(right[1:], -1) < 0) & last]
    # A side on which the derivative vanishes rises too, but for the plateau right of the last sample.
    lowest = (left[last] <= 0) & (right[first] >= 0) & (np.flatnonzero(first) > 0)
    bends = (left[last] < 0) | (right[first] > 0)
    smooth = np.append(smooth, x[last][lowest & ~bends])
    return LineMinima(np.sort(smooth), x[last][lowest & bends][::-1])


def line_is_genuine(x: ArrayLike, y: ArrayLike, locations: ArrayLike) -> NDArray[np.bool_]:
    """Whether a sample's own minimum lies in the cell of a weight of normal +1 at each of ``locations``.

    x, y : (N,) as for ``line_minima``. This is the event whose probability P_t approximates: P_t takes
    the minimum of the expected loss for the sample's. True beyond the last sample, where the loss is
    constant.
    """
    x = real_array("x", x, dimensions=1)
    x, _, left, right = _cells_from_the_right(x, targets(y, len(x)))
    genuine = np.concatenate([[True], (left > 0) & (np.append(right[1:], -1) <= 0)])
    active = len(x) - np.searchsorted(x[::-1], real_array("locations", locations, 1), side="right")
    return genuine[active]


def _cells_from_the_right(x: NDArray, y: NDArray) -> tuple[NDArray, NDArray, NDArray, NDArray]:
    """Samples x_0 ≥ x_1 ≥ … with, for each, the h that minimises the quadratic of the cell to its left, and
    the exact signs of the loss's derivative just left and just right of it.

    Right of x_n the samples 0 … n − 1 are active, left of it x_n too:

        (N/2) dL/dh = Σ_{k<n} (x_n − x_k + y_k)    and that plus y_n.
    """
    order = np.argsort(-x, kind="stable")
    x, y = x[order], y[order]
    with np.errstate(over="ignore", invalid="ignore"):
        count, sums = np.arange(1, len(x) + 1), np.cumsum(x - y)
        left = count * x - sums
        right = left - y
        sizes = np.cumsum(np.abs(x) + np.abs(y)) + np.abs(x)
        doubt = 8 * np.finfo(float).eps * (count + 1) * sizes
    right[0] = 0.0  # no sample is active there
    near = ~((np.abs(left) > doubt) & (np.abs(right) > doubt))  # also what overflows
    near[0] = False
    left[0], best = y[0], sums / count
    if near.any() or not np.isfinite(best).all():
        terms = (Fraction(a) - Fraction(b) for a, b in zip(x, y, strict=True))
        exact = list(accumulate(terms, initial=Fraction(0)))
        for n in np.flatnonzero(near):
            found = int(n) * Fraction(x[n]) - exact[n], (int(n) + 1) * Fraction(x[n]) - exact[n + 1]
            right[n], left[n] = ((value > 0) - (value < 0) for value in found)
        for n in np.flatnonzero(~np.isfinite(best)):
            place = exact[n + 1] / (int(n) + 1)
            beyond = abs(place) > sys.float_info.max
            best[n] = float(place) if not beyond else np.inf if place > 0 else -np.inf
    return x, best, np.sign(left), np.sign(right)


def _weights(locations: ArrayLike, normals: ArrayLike) -> tuple[NDArray, NDArray]:
    locations = real_array("locations", locations, dimensions=None)
    normals = real_array("normals", normals, dimensions=1)
    K = locations.shape[-1]
    if len(normals) != K:
        raise ValueError(f"normals: must have one entry per location, {K}, not {len(normals)}")
    if not (np.abs(normals) == 1).all():
        raise ValueError("normals: must hold only 1 and -1")
    return locations, normals


def _toward_right(low: NDArray, high: NDArray) -> tuple[NDArray, NDArray, NDArray]:
    """The interval, mirrored where needed so that the upper tails are the small ones."""
    mirrored = low + high < 0
    return np.where(mirrored, -high, low), np.where(mirrored, -low, high), mirrored


def _log_interval(low: ArrayLike, high: ArrayLike) -> NDArray[np.float64]:
    """log(Φ(high) − Φ(low)) from the smaller tails, without cancellation of numbers near 1."""
    from scipy.special import log_ndtr

    low, high, _ = _toward_right(*np.broadcast_arrays(low, high))
    whole = log_ndtr(-low)
    with np.errstate(divide="ignore"):
        return whole + np.log1p(-np.exp(np.minimum(log_ndtr(-high) - whole, 0.0)))


def _truncated_mean(low: NDArray, high: NDArray, log_P: NDArray) -> NDArray[np.float64]:
    """(φ(low) − φ(high)) / P, P = Φ(high) − Φ(low); the place itself where low = high."""
    near, far, mirrored = _toward_right(low, high)
    empty = near == far
    with np.errstate(divide="ignore", invalid="ignore"):
        fall = np.log(-np.expm1(-(far - near) * (far + near) / 2))  # 1 − φ(far)/φ(near)
        mean = np.exp(fall - near**2 / 2 - np.log(2 * np.pi) / 2 - log_P)
    return np.where(empty, low, np.where(mirrored, -mean, mean))


def _truncated_variance(low: NDArray, high: NDArray, mean: NDArray, log_P: NDArray) -> NDArray[np.float64]:
    """1 + (low φ(low) − high φ(high)) / P − mean², of a standard normal between low and high."""

    def edge(at: NDArray) -> NDArray:
        finite = np.where(np.isfinite(at), at, 0.0)
        return np.where(np.isfinite(at), finite * np.exp(-(finite**2) / 2 - log_P), 0.0) / np.sqrt(2 * np.pi)

    empty = np.isneginf(log_P)
    log_P = np.where(empty, 0.0, log_P)
    return np.where(empty, 0.0, np.maximum(1 + edge(low) - edge(high) - mean**2, 0.0))


def _log_complement(log_inside: NDArray, log_outside: NDArray) -> NDArray[np.float64]:
    """log(1 − P) from log P where P is small, otherwise from the complement's own logarithm."""
    small = log_inside < np.log(0.5)
    return np.where(small, np.log1p(-np.exp(np.where(small, log_inside, -1.0))), log_outside)
