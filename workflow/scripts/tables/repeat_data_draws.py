"""A Gaussian table's row again on fresh data sets: how much of it is the draw of the data?

The paper draws one Gaussian data set for all trials of a table, so its printed numbers carry the noise of
that draw. At bias 20 P_g has no other noise, and many data sets are cheap. At bias −20 an active pair is a
rare event, so it is simulated by importance sampling.
"""

import numpy as np

from relucells.cells.inspection import Cell, draw_weights, inspect_cell
from relucells.pipeline.job import job, write_npz
from relucells.samples.gaussian import two_gaussians
from relucells.samples.inputs import Inputs, prepare
from relucells.samples.randomness import stream
from relucells.search.decide import decide
from relucells.statistics import gaussian_moments, half_space_draws
from relucells.statistics.activation import are_rare

LINEAR_SETS = 400  # data sets whose linear fit alone makes P_g where all neurons are active
RARE_SETS, RARE_DRAWS, RARE_EXPERIMENTS = 100, 500, 10  # data sets; active neurons, experiments on each

# A fitted value below zero by more than this part of the largest label is not due to rounding.
CLEAR = 1e-6


def verdict(inputs: Inputs, y: np.ndarray, cell: Cell, limit: float) -> str:
    """``decide``'s verdict with all z_j > 0, without a certificate where none is needed to see it.

    The network is then never negative. So a cell whose fit is negative on an active sample has no genuine
    minimum. Without an active pair every R is a minimum, R = 0, which is in the cell, among them.
    """
    if not cell.pattern.any():
        return "genuine"
    fitted = cell.minimum.fitted[cell.pattern.any(axis=1)]
    if fitted.min(initial=0.0) < -CLEAR * np.abs(y).max():
        return "none"
    return decide(inputs, y, cell.pattern, "positive", time_limit=limit, margin="sign").verdict


def repeat_data_draws(
    seed: int,
    dataset: str,
    entry: dict,
    bias: str,
    data_seeds: int,
    trials: int,
    reading: str,
    limit: float,
) -> dict[str, np.ndarray]:
    """Arrays (data_seeds, trials): genuine, undecided, unique (bool), gap (largest), activated (shares)."""
    shape = (data_seeds, trials)
    genuine, undecided, unique = (np.zeros(shape, dtype=bool) for _ in range(3))
    gap, activated = np.zeros(shape), np.zeros(shape)
    for s in range(data_seeds):
        X, y = two_gaussians(entry["d"], entry["N"], stream(seed, dataset, "repeated data", s))
        inputs = prepare(X)
        for i in range(trials):
            generator = stream(seed, dataset, bias, "repeated data", s, i)
            W, _ = draw_weights(generator, entry["K"], X.shape[1], float(bias), reading)
            cell = inspect_cell(inputs, y, W)
            found = verdict(inputs, y, cell, limit)
            genuine[s, i], undecided[s, i] = found == "genuine", found == "undecided"
            unique[s, i] = cell.minimum.unique
            gap[s, i] = cell.gap.max()
            activated[s, i] = cell.activated
    return {
        "genuine": genuine,
        "undecided": undecided,
        "unique": unique,
        "gap": gap,
        "activated": activated,
    }


def linear_gaps(seed: int, dataset: str, d: int, N: int) -> np.ndarray:
    """P_g (LINEAR_SETS,) where every neuron is active on every sample.

    Then R*_j = β_LS / K for all j, and the gap is the share of samples on which the linear least-squares fit
    is not positive.
    """
    gaps = np.empty(LINEAR_SETS)
    for s in range(LINEAR_SETS):
        X, y = two_gaussians(d, N, stream(seed, dataset, "linear fit", s))
        gaps[s] = (X @ np.linalg.lstsq(X, y, rcond=None)[0] <= 0).mean()
    return gaps


def rare_gaps(seed: int, dataset: str, entry: dict, bias: str, trials: int) -> np.ndarray:
    """P_g averaged over ``trials`` (RARE_SETS · RARE_EXPERIMENTS,) where hardly any neuron is active.

    A trial without an active pair has P_g = 0, and a neuron without one does not affect the others. So only
    the few active neurons are drawn, and only the cells of trials that have them are solved.
    """
    rng = stream(seed, dataset, bias, "rare events")
    K, means = entry["K"], []
    for _ in range(RARE_SETS):
        X, y = two_gaussians(entry["d"], entry["N"], rng)
        inputs = prepare(X)
        q, W, _, weights = half_space_draws(X, float(bias), RARE_DRAWS, rng)
        for count in rng.binomial(trials * K, q, RARE_EXPERIMENTS):
            chosen = rng.choice(len(W), count, p=weights)
            of_trial = rng.choice(trials * K, count, replace=False) // K
            gaps = [inspect_cell(inputs, y, W[chosen[of_trial == i]]).gap.max() for i in np.unique(of_trial)]
            means.append(sum(gaps) / trials)
    return np.array(means)


def measure(params, dataset: str, bias: str) -> dict[str, np.ndarray]:
    """The row on fresh data; where its P_g is rare, or depends on the data alone, many more draws of that."""
    entry, reading = params.entry, params.settings["bias"]
    repeated = repeat_data_draws(
        params.seed, dataset, entry, bias, params.data_seeds, params.trials, reading, params.lp["time_limit"]
    )
    probability = np.full(entry["N"], gaussian_moments(entry["d"], float(bias))[0])
    if reading == "added" and are_rare(probability, params.trials * entry["K"]):
        if float(bias) > 0:
            repeated["linear_gap"] = linear_gaps(params.seed, dataset, entry["d"], entry["N"])
        else:
            repeated["rare_gap"] = rare_gaps(params.seed, dataset, entry, bias, params.trials)
    return repeated


if __name__ == "__main__":
    with job(snakemake) as log:
        dataset, bias = snakemake.wildcards.dataset, snakemake.wildcards.bias
        repeated = measure(snakemake.params, dataset, bias)
        write_npz(snakemake.output[0], dataset=dataset, bias=bias, **repeated)
        means = repeated["gap"].mean(axis=1)
        log.info(
            "%d data sets: mean P_g %.4f, spread between them %.4f", len(means), means.mean(), means.std()
        )
