"""Draw the weights of a block of trials, each from its own random stream."""

import numpy as np

from relucells.cells.inspection import sample_weights
from relucells.pipeline.job import job, write_npz
from relucells.pipeline.names import block_range

if __name__ == "__main__":
    with job(snakemake) as log:
        wildcards, params = snakemake.wildcards, snakemake.params
        with np.load(snakemake.input.data) as data:
            D = data["X"].shape[1]
        trials = block_range(wildcards.trials)
        drawn = sample_weights(
            params.seed, wildcards.dataset, wildcards.bias, trials, params.K, D, params.settings["bias"]
        )
        write_npz(snakemake.output[0], dataset=wildcards.dataset, bias=wildcards.bias, **drawn)
        log.info("drew %d trials of %d neurons in %d dimensions", len(trials), params.K, D)
