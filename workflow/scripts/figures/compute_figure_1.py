"""Figure 1: two weights on a line, the three regions they cut, and the network's output."""

import numpy as np
import pandas as pd

from relucells.line import CLASS_MEANS, output
from relucells.pipeline.job import job, write_csv

NORMALS = (1, -1)
REACH = 4.0  # beyond it a class density is below 1e-4


def figure_1(locations: list[float]) -> pd.DataFrame:
    """x, both class densities, the output f(x), and the region (1 to 3, right to left as in the paper)."""
    ends = min(*locations, -REACH), max(*locations, REACH)
    x = np.union1d(np.linspace(*ends, 401), locations)
    positive, negative = (np.exp(-((x - mu) ** 2) / 2) / np.sqrt(2 * np.pi) for mu in CLASS_MEANS)
    return pd.DataFrame(
        {
            "x": x,
            "density_positive": positive,
            "density_negative": negative,
            "output": output(x, locations, NORMALS),
            "region": np.select([x > max(locations), x < min(locations)], [1, 3], 2),
        }
    )


if __name__ == "__main__":
    with job(snakemake) as log:
        settings = snakemake.params.settings
        write_csv(snakemake.output[0], figure_1(settings["locations"]))
        log.info("three regions, cut at %s", settings["locations"])
