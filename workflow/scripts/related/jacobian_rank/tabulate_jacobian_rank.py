"""Full-rank shares of all heat maps in one table, and their agreement with an earlier re-run."""

from pathlib import Path

import numpy as np
import pandas as pd

from relucells.pipeline.job import job, write_csv
from relucells.statistics import share_prediction

KEYS = ["dtype", "family", "d0", "n", "d1"]


def tabulate(family: str, result: dict[str, np.ndarray]) -> list[dict]:
    """Rows of one heat map, by precision, n and d1."""
    trials = int(result["trials"])
    return [
        {
            "dtype": str(dtype),
            "family": family,
            "d0": int(d0),
            "n": int(n),
            "d1": int(d1),
            "trials": trials,
            "full_rank_share": result["full_rank"][p, a, b] / trials,
        }
        for p, dtype in enumerate(result["dtype"])
        for a, (d0, n) in enumerate(zip(result["d0"], result["n"], strict=True))
        for b, d1 in enumerate(result["d1"])
    ]


def agreement(table: pd.DataFrame, earlier: pd.DataFrame, confidence: float) -> pd.DataFrame:
    """Each earlier share, and the interval in which another binomial experiment's should lie, given ours."""
    both = earlier.merge(table, on=KEYS, suffixes=("_earlier", ""))
    rows = []
    for row in both.itertuples():
        # Shares are printed with two decimals, enough to tell a count out of 30 exactly.
        count = round(row.full_rank_share_earlier * row.trials_earlier)
        share = count / row.trials_earlier
        ours = round(row.full_rank_share * row.trials)
        low, high, _ = share_prediction([ours], row.trials, row.trials_earlier, confidence)
        rows.append(
            {
                **{key: getattr(row, key) for key in KEYS},
                "earlier": row.full_rank_share_earlier,
                "earlier_trials": row.trials_earlier,
                "ours": row.full_rank_share,
                "trials": row.trials,
                "low": low,
                "high": high,
                "verdict": "agrees" if low <= share <= high else "differs",
            }
        )
    columns = [*KEYS, "earlier", "earlier_trials", "ours", "trials", "low", "high", "verdict"]
    return pd.DataFrame(rows, columns=columns)


if __name__ == "__main__":
    with job(snakemake) as log:
        rows = []
        for path in snakemake.input.maps:
            with np.load(path) as result:
                rows += tabulate(Path(path).parent.name, dict(result))
        # Two ratios may give one d0 at some n; such a cell has the same draws in both maps.
        table = pd.DataFrame(rows).drop_duplicates([*KEYS, "trials"]).sort_values(KEYS)
        write_csv(snakemake.output.table, table)
        earlier = pd.read_csv(snakemake.input.earlier)
        judged = agreement(table, earlier, snakemake.params.confidence)
        write_csv(snakemake.output.agreement, judged)
        differs = (judged["verdict"] == "differs").sum()
        log.info("%d cells; %d of %d earlier figures differ", len(table), differs, len(judged))
