"""Table VI, one entry: the diameters of the cells in which the experiment's weights fall."""

import numpy as np

from relucells.pipeline.diameter_experiments import run_experiments
from relucells.pipeline.job import job, write_npz

if __name__ == "__main__":
    with job(snakemake) as log:
        params, wildcards = snakemake.params, snakemake.wildcards
        name, N, images = wildcards.dataset, int(wildcards.N), snakemake.input.get("images")
        entry = run_experiments(params.seed, params.settings, name, N, params.d, images, range(1))
        write_npz(snakemake.output[0], **entry)
        if entry["left_out"]:
            log.warning("left out: %s", entry["left_out"])
        else:
            log.info(
                "median diameter %.4g of %d cells", np.median(entry["diameters"]), params.settings["weights"]
            )
