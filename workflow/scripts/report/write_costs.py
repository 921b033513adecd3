"""CPU time and peak memory of every job, by rule, from the logs of the run."""

from pathlib import Path

import pandas as pd

from relucells.pipeline.costs import by_rule, read_costs
from relucells.pipeline.job import job, write_csv

if __name__ == "__main__":
    with job(snakemake) as log:
        rows = by_rule(read_costs(Path("logs")))
        columns = ["rule", "jobs", "cpu_s", "cpu_s_of_the_dearest", "peak_mib"]
        write_csv(snakemake.output[0], pd.DataFrame(rows, columns=columns))
        log.info("%d rules, %.0f s of CPU time", len(rows), sum(row["cpu_s"] for row in rows))
