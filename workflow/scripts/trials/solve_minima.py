"""The minimum of each trial's cell, eqs. (3)–(5), with its rank, its gaps and the share of active pairs."""

import numpy as np

from relucells.cells.inspection import inspect_cell
from relucells.pipeline.job import job, write_npz
from relucells.pipeline.trials import facts_of
from relucells.samples.inputs import prepare


def solve_minima(X: np.ndarray, y: np.ndarray, weights: np.ndarray) -> dict[str, np.ndarray]:
    """Arrays over the trials of ``weights`` (trials, K, D).

    pattern (trials, N, K); R (trials, K, D) minimum-norm minimisers; fitted (trials, N); rank, unique,
    loss (trials,); gap (trials, K), P_g of each neuron; activated (trials,), share of active pairs.
    """
    inputs = prepare(X)
    cells = [inspect_cell(inputs, y, W) for W in weights]
    return {
        "pattern": np.stack([cell.pattern for cell in cells]),
        "R": np.stack([cell.minimum.R for cell in cells]),
        "fitted": np.stack([cell.minimum.fitted for cell in cells]),
        "rank": np.array([cell.minimum.rank for cell in cells]),
        "unique": np.array([cell.minimum.unique for cell in cells]),
        "loss": np.array([cell.minimum.loss for cell in cells]),
        "gap": np.stack([cell.gap for cell in cells]),
        "activated": np.array([cell.activated for cell in cells]),
    }


if __name__ == "__main__":
    with job(snakemake) as log:
        with np.load(snakemake.input.data) as data, np.load(snakemake.input.weights) as weights:
            minima = solve_minima(data["X"], data["y"], weights["W"])
            write_npz(snakemake.output[0], **facts_of(weights), **minima)
        log.info(
            "%d cells: %d minima continuous, mean loss %.4g, mean largest gap %.3f",
            len(minima["rank"]),
            (~minima["unique"]).sum(),
            minima["loss"].mean(),
            minima["gap"].max(axis=1).mean(),
        )
