"""How often do the intervals hold? The experiment is drawn many times, and the number it would print counted.

    python benchmarks/interval_coverage.py [--experiments 400] [--only KIND]

Each kind of number is drawn from the project's own machinery: fresh data, fresh weights, the cells they
fall in. The interval comes from what the workflow has (the law of the activations, repeated data draws,
the counts of a series), the number from one more experiment. A continuous number should lie inside in 93
to 97 of 100; a discrete one, a count or a rounded mean, has more, because its intervals end on numbers
that can occur.
"""

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "src"))

from relucells.cells.diameter import cell_diameters
from relucells.cells.inspection import draw_weights, inspect_cell
from relucells.samples.gaussian import two_gaussians
from relucells.samples.inputs import prepare
from relucells.samples.randomness import stream
from relucells.statistics import (
    fixed_activation,
    gaussian_activation,
    mean_prediction,
    rank_prediction,
    rare_mean_interval,
    share_prediction,
    wilson,
)
from relucells.statistics.activation import activation_probability
from relucells.transition.half_points import locate
from relucells.transition.laws import fit_law

GRID = np.array([2, 4, 6, 8, 12, 16, 22, 32, 46, 64, 90, 128], dtype=float)
TRIALS, DATA_SEEDS = 100, 10  # of the paper's experiment, and of our repetitions

Hits = Iterator[bool]


def activated(X: np.ndarray, bias: float, neurons: int, rng: np.random.Generator) -> float:
    """The share of active pairs of one experiment, by drawing every weight."""
    W = rng.standard_normal((neurons, X.shape[1]))
    W[:, -1] += bias
    return float((W @ X.T > 0).mean())


def activation_on_fresh_data(count: int, rng: np.random.Generator) -> Hits:
    """Table I's sizes, but N = 200: the draw of the data is a larger part than in print."""
    low, high = gaussian_activation(3, 200, 3.0, 1000, rng).interval()
    for _ in range(count):
        yield low <= activated(two_gaussians(3, 200, rng)[0], 3.0, 1000, rng) <= high


def activation_on_given_data(count: int, rng: np.random.Generator) -> Hits:
    """40 neurons at bias 5, a skewed law as Table IV has at 20."""
    X, _ = two_gaussians(10, 200, rng)
    low, high = fixed_activation(X, 5.0, 40, rng).interval()
    for _ in range(count):
        yield low <= activated(X, 5.0, 40, rng) <= high


def rare_activation(count: int, rng: np.random.Generator) -> Hits:
    """Table III at bias −20: hardly any pair is active."""
    low, high = gaussian_activation(10, 400, -20.0, 5000, rng).interval()
    for _ in range(count):
        yield low <= activated(two_gaussians(10, 400, rng)[0], -20.0, 5000, rng) <= high


def cells(sets: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Continuous minima (bool) and largest gaps, (sets, TRIALS): d = 3, K = 10 as in Table I, N = 100."""
    continuous, gap = np.zeros((sets, TRIALS), dtype=bool), np.zeros((sets, TRIALS))
    for s in range(sets):
        X, y = two_gaussians(3, 100, rng)
        inputs = prepare(X)
        for i in range(TRIALS):
            cell = inspect_cell(inputs, y, draw_weights(rng, 10, 4, 3.0)[0])
            continuous[s, i], gap[s, i] = not cell.minimum.unique, cell.gap.max()
    return continuous, gap


def of_pool(
    values: np.ndarray, count: int, rng: np.random.Generator
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """(our repetitions, the paper's data set): different rows of a pool of data sets."""
    for _ in range(count):
        chosen = rng.choice(len(values), DATA_SEEDS + 1, replace=False)
        yield values[chosen[1:]], values[chosen[0]]


def share_of_continuous_minima(count: int, rng: np.random.Generator) -> Hits:
    continuous, _ = cells(max(40, count // 4), rng)
    for ours, theirs in of_pool(continuous, count, rng):
        low, high, _ = share_prediction(ours.sum(axis=1), TRIALS, TRIALS)
        yield low - 1e-9 <= theirs.mean() <= high + 1e-9


def mean_gap(count: int, rng: np.random.Generator) -> Hits:
    _, gap = cells(max(40, count // 4), rng)
    for ours, theirs in of_pool(gap, count, rng):
        variance = float(ours.var(axis=1, ddof=1).mean())
        low, high, _, _ = mean_prediction(ours.mean(axis=1), variance, TRIALS, TRIALS)
        yield low <= theirs.mean() <= high


def gap_of_the_data_alone(count: int, rng: np.random.Generator) -> Hits:
    """Bias 20: P_g is a function of the data, 400 data sets against one more."""

    def one() -> float:
        X, y = two_gaussians(10, 400, rng)
        return float((X @ np.linalg.lstsq(X, y, rcond=None)[0] <= 0).mean())

    ours = np.array([one() for _ in range(400)])
    low, high, _, _ = mean_prediction(ours, 0.0, 1, TRIALS)
    for _ in range(count):
        yield low <= one() <= high


def mean_of_rare_events(count: int, rng: np.random.Generator) -> Hits:
    """Tables' own interval for the expected activation where three of 100 trials have an active pair."""
    X, _ = two_gaussians(10, 100, rng)
    expected = activation_probability(X, -17.0).mean()
    for _ in range(count):
        W = rng.standard_normal((TRIALS, 50, X.shape[1]))
        W[..., -1] -= 17.0
        low, high = rare_mean_interval((W @ X.T > 0).mean(axis=(1, 2)), 1.0)
        yield low <= expected <= high


def share_of_one_data_set(count: int, rng: np.random.Generator) -> Hits:
    """Tables' own interval for a share of 100 trials (Wilson's): at least one active pair, known by many."""
    X, _ = two_gaussians(10, 100, rng)

    def hits(trials: int) -> int:
        W = rng.standard_normal((trials, 10, X.shape[1]))
        W[..., -1] -= 9.0
        return int((W @ X.T > 0).any(axis=(1, 2)).sum())

    expected = hits(20_000) / 20_000
    for _ in range(count):
        low, high = wilson(hits(TRIALS), TRIALS)
        yield low <= expected <= high


def mean_diameter_by_rank(count: int, rng: np.random.Generator) -> Hits:
    """Table VI: 40 repeated means, and one more, d = 3 and few cells."""

    def one() -> float:
        X, _ = two_gaussians(3, 60, rng)
        W, directions = rng.uniform(-0.5, 0.5, (25, 4)), rng.standard_normal((30, 4))
        found = cell_diameters(X, W, directions)
        return float(found[np.isfinite(found)].mean())

    pool = np.array([one() for _ in range(max(200, count))])
    for _ in range(count):
        chosen = rng.choice(len(pool), 41, replace=False)
        low, high = rank_prediction(pool[chosen[1:]])
        yield low <= pool[chosen[0]] <= high


def covering(N: np.ndarray, half: float) -> np.ndarray:
    """The share of covered cells of independent samples: exponential in N."""
    return np.exp(-np.log(2) * N / half)


def covering_and_geometry(N: np.ndarray, half: float) -> np.ndarray:
    """Covering lowers the share slowly before geometry ends it: Gaussian data at d = 3, K = 10."""
    return np.exp(-0.35 * N / half) / (1 + (N / half) ** 6 * (2 * np.exp(-0.35) - 1))


def logistic(N: np.ndarray, half: float) -> np.ndarray:
    return 1 / (1 + (N / half) ** 4)


def half_points(shape, count: int, rng: np.random.Generator) -> Hits:
    """40 cells at each N, wherever the half lies on the grid."""
    for _ in range(count):
        half = float(np.exp(rng.uniform(np.log(6), np.log(60))))
        found = locate(GRID, rng.binomial(40, shape(GRID, half)), np.full(len(GRID), 40))
        yield found.low <= half <= found.high


def exponent_of_a_law(count: int, rng: np.random.Generator) -> Hits:
    """c K^a D^b through twelve places, each known to its own 5 to 30 %, the law off by 10 % besides."""
    K, D = (a.ravel() for a in np.meshgrid([5.0, 10, 20, 40], [3.0, 4, 11]))
    errors = np.geomspace(0.05, 0.3, 12)[rng.permutation(12)]
    for _ in range(count):
        logs = np.log(0.27 * K * D) + np.hypot(errors, 0.1) * rng.standard_normal(12)
        fitted = fit_law(
            np.exp(logs), lambda p: p[0] + p[1] * np.log(K) + p[2] * np.log(D), [0, 1, 1], errors=errors
        )
        yield fitted.parameters[1, 1] <= 1 <= fitted.parameters[1, 2]


CONTINUOUS, DISCRETE = "continuous", "discrete"
KINDS = {
    "mean activation, fresh data": (activation_on_fresh_data, CONTINUOUS),
    "mean activation, given data": (activation_on_given_data, DISCRETE),
    "mean activation, rare pairs": (rare_activation, DISCRETE),
    "share of continuous minima": (share_of_continuous_minima, DISCRETE),
    "average P_g": (mean_gap, CONTINUOUS),
    "P_g of the data alone": (gap_of_the_data_alone, CONTINUOUS),
    "mean of rare events": (mean_of_rare_events, DISCRETE),
    "share of one data set": (share_of_one_data_set, DISCRETE),
    "mean diameter by rank": (mean_diameter_by_rank, CONTINUOUS),
    "half point, logistic": (lambda n, rng: half_points(logistic, n, rng), CONTINUOUS),
    "half point, covering": (lambda n, rng: half_points(covering, n, rng), CONTINUOUS),
    "half point, covering and geometry": (
        lambda n, rng: half_points(covering_and_geometry, n, rng),
        CONTINUOUS,
    ),
    "exponent of a law": (exponent_of_a_law, CONTINUOUS),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--experiments", type=int, default=400)
    parser.add_argument("--only", choices=KINDS)
    given = parser.parse_args()
    missed = []
    for kind in [given.only] if given.only else KINDS:
        draw, nature = KINDS[kind]
        held = np.array(list(draw(given.experiments, stream(0, "coverage", kind))))
        share, error = held.mean(), np.sqrt(0.95 * 0.05 / len(held))
        print(f"{kind:36s} {nature:10s} {100 * share:6.1f} % ± {100 * error:.1f}", flush=True)
        # What the nominal 95 % can fall to or rise to in so many experiments is no miss.
        if share < 0.93 - 2 * error or (nature == CONTINUOUS and share > 0.97 + 2 * error):
            missed.append(kind)
    print("outside 93 to 97 %: " + (", ".join(missed) or "none"))
    sys.exit(bool(missed))


if __name__ == "__main__":
    main()
