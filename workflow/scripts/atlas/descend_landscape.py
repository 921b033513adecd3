"""Gradient descent on the landscape from a grid of directions, and the landscape in numbers."""

import json

import numpy as np
import pandas as pd

from relucells.atlas import basins, sectors, storage, words
from relucells.pipeline.job import job, write_csv, write_npz, write_text

if __name__ == "__main__":
    with job(snakemake) as log:
        settings, output = snakemake.params.settings, snakemake.output
        with np.load(snakemake.input.landscape) as file:
            stored = dict(file)
        own = sectors.samples(stored["x"], stored["y"])
        runs = storage.descent_arrays(basins.descents(own, stored["genuine"], **settings))
        write_npz(output.runs, **runs)
        write_csv(output.descents, pd.DataFrame(storage.descent_rows(runs)))
        summary = pd.DataFrame(storage.in_numbers(stored, runs))
        write_csv(output.summary, summary)
        write_text(output.findings, json.dumps(words.findings(stored, summary), indent=1, ensure_ascii=False))
        log.info("%d runs, %d ended on walls", len(runs["kind"]), (runs["kind"] == "wall").sum())
