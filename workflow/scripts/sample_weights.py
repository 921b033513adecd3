"""Draw the weights of a block of trials, each from its own random stream."""

import numpy as np
from _job import job, write_npz
from _plan import block_range
from relucells.draws import draw_weights
from relucells.randomness import stream


def sample_weights(
    seed: int, dataset: str, bias: str, trials: range, K: int, D: int, convention: str
) -> dict[str, np.ndarray]:
    """W (trials, K, D), z (trials, K) and the trials' numbers."""
    draws = [draw_weights(stream(seed, dataset, bias, i), K, D, float(bias), convention) for i in trials]
    return {
        "W": np.stack([W for W, _ in draws]),
        "z": np.stack([z for _, z in draws]),
        "trial": np.array(trials),
    }


if __name__ == "__main__":
    with job(snakemake) as log:  # noqa: F821
        wildcards, params = snakemake.wildcards, snakemake.params  # noqa: F821
        with np.load(snakemake.input.data) as data:  # noqa: F821
            D = data["X"].shape[1]
        trials = block_range(wildcards.trials)
        drawn = sample_weights(
            params.seed, wildcards.dataset, wildcards.bias, trials, params.K, D, params.settings["bias"]
        )
        write_npz(snakemake.output[0], **drawn)  # noqa: F821
        log.info("drew %d trials of %d neurons in %d dimensions", len(trials), params.K, D)
