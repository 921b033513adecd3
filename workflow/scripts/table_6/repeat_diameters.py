"""Table VI, one entry, many times over: how far does its mean move from experiment to experiment?

Each repetition draws weights and directions, and Gaussian samples, anew; images stay the same.
"""

import numpy as np

from relucells.pipeline.diameter_experiments import run_experiments
from relucells.pipeline.job import job, write_npz

if __name__ == "__main__":
    with job(snakemake) as log:
        params, wildcards = snakemake.params, snakemake.wildcards
        name, N, images = wildcards.dataset, int(wildcards.N), snakemake.input.get("images")
        numbers = range(1, params.repetitions + 1)
        entry = run_experiments(params.seed, params.settings, name, N, params.d, images, numbers)
        write_npz(snakemake.output[0], **entry)
        if entry["left_out"]:
            log.warning("left out: %s", entry["left_out"])
        else:
            medians = np.median(entry["diameters"], axis=1)
            log.info("%d experiments: medians from %.4g to %.4g", len(medians), medians.min(), medians.max())
