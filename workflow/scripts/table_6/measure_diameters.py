"""Table VI, one entry: the diameters of the cells that the experiment's weights fall in."""

import numpy as np

from relucells.pipeline.diameter_experiments import experiments, finite_mean, load_samples
from relucells.pipeline.job import job, write_npz

if __name__ == "__main__":
    with job(snakemake) as log:
        params, wildcards = snakemake.params, snakemake.wildcards
        N = int(wildcards.N)
        samples, d, source = load_samples(
            params.seed,
            params.settings,
            wildcards.cells,
            N,
            params.d,
            snakemake.input.get("images"),
        )
        diameters = experiments(params.seed, params.settings, wildcards.cells, N, range(1), samples)[0]
        write_npz(
            snakemake.output[0],
            diameters=diameters,
            dataset="gaussian" if params.d else wildcards.cells,
            d=d,
            N=N,
            data_source=source,
        )
        log.info(
            "%d cells of %s (%s): mean diameter %.4g, median %.4g, %.2f %% open",
            len(diameters), wildcards.cells, source, finite_mean(diameters), np.median(diameters),
            100 * np.isinf(diameters).mean(),
        )  # fmt: skip
