"""A Gaussian table's row again on fresh data sets: how much of it is the draw of the data?

The paper draws one Gaussian data set for all trials of a table, so its printed numbers carry the noise
of that draw, and at bias 20 P_g has no other noise at all.
"""

import numpy as np

from relucells.cells.inspection import Cell, draw_weights, inspect_cell
from relucells.pipeline.job import job, write_npz
from relucells.samples.gaussian import two_gaussians
from relucells.samples.inputs import Inputs, prepare
from relucells.samples.randomness import stream
from relucells.search.decide import decide

# A fitted value of an active sample that is below zero by this part of the largest label is no rounding.
CLEAR = 1e-6


def verdict(inputs: Inputs, y: np.ndarray, cell: Cell, limit: float) -> str:
    """``decide``'s verdict with all z_j > 0, without a certificate where none is needed to see it.

    The network is then never negative where it is active, so a cell whose fit is has no genuine minimum.
    """
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
    convention: str,
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
            W, _ = draw_weights(generator, entry["K"], X.shape[1], float(bias), convention)
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


if __name__ == "__main__":
    with job(snakemake) as log:
        wildcards, params = snakemake.wildcards, snakemake.params
        repeated = repeat_data_draws(
            params.seed,
            wildcards.dataset,
            params.entry,
            wildcards.bias,
            params.data_seeds,
            params.trials,
            params.settings["bias"],
            params.lp["time_limit"],
        )
        write_npz(snakemake.output[0], dataset=wildcards.dataset, bias=wildcards.bias, **repeated)
        means = repeated["gap"].mean(axis=1)
        log.info(
            "%d data sets: mean P_g %.4f, spread between them %.4f", len(means), means.mean(), means.std()
        )
