"""Table VI, one entry, many times over: how far does its mean move from experiment to experiment?

Each repetition draws weights and directions, and Gaussian samples, anew; images stay the same.
"""

import numpy as np
from _diameters import experiments, finite_mean, load_samples
from _job import job, write_npz

if __name__ == "__main__":
    with job(snakemake) as log:  # noqa: F821
        params, wildcards = snakemake.params, snakemake.wildcards  # noqa: F821
        N = int(wildcards.N)
        samples, d, source = load_samples(
            params.seed,
            params.settings,
            wildcards.cells,
            N,
            params.d,
            snakemake.input.get("images"),  # noqa: F821
        )
        numbers = range(1, params.repetitions + 1)
        repeated = experiments(params.seed, params.settings, wildcards.cells, N, numbers, samples)
        means = np.array([finite_mean(diameters) for diameters in repeated])
        write_npz(
            snakemake.output[0],  # noqa: F821
            means=means,
            medians=np.median(repeated, axis=1),
            open=np.isinf(repeated).mean(axis=1),
            dataset="gaussian" if params.d else wildcards.cells,
            d=d,
            N=N,
            data_source=source,
        )
        log.info("%d experiments: means from %.4g to %.4g", len(means), np.nanmin(means), np.nanmax(means))
