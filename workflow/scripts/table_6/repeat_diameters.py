"""Table VI, one entry, many times over: how far does its mean move from experiment to experiment?

Each repetition draws weights and directions, and Gaussian samples, anew; images stay the same.
"""

import sys

import numpy as np

from relucells.pipeline.diameter_experiments import experiments, finite_mean, load_samples
from relucells.pipeline.job import UserError, job, write_npz

if __name__ == "__main__":
    with job(snakemake) as log:
        params, wildcards = snakemake.params, snakemake.wildcards
        N, images = int(wildcards.N), snakemake.input.get("images")
        numbers = range(1, params.repetitions + 1)
        try:
            samples, d, source = load_samples(
                params.seed, params.settings, wildcards.cells, N, params.d, images
            )
        except UserError as error:
            # What the configuration asks for must be possible with the images at hand, other readings not.
            if wildcards.reading == "printed":
                raise
            log.warning("left out: %s", error)
            nothing = {name: np.empty(0) for name in ("means", "medians", "open")}
            write_npz(snakemake.output[0], **nothing, dataset=wildcards.cells, N=N, data_source="none")
            sys.exit()
        repeated = experiments(params.seed, params.settings, wildcards.cells, N, numbers, samples)
        means = np.array([finite_mean(diameters) for diameters in repeated])
        write_npz(
            snakemake.output[0],
            means=means,
            medians=np.median(repeated, axis=1),
            open=np.isinf(repeated).mean(axis=1),
            dataset="gaussian" if params.d else wildcards.cells,
            d=d,
            N=N,
            data_source=source,
        )
        log.info("%d experiments: means from %.4g to %.4g", len(means), np.nanmin(means), np.nanmax(means))
