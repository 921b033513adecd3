"""Regions in one dimension: shares of full rank and with a minimum of loss 0, and their figure."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, StrMethodFormatter

from relucells.pipeline.figures import BLACK, PAGE_WIDTH, SERIES, new_figure, save
from relucells.pipeline.job import job, write_csv
from relucells.statistics import wilson


def tabulate(n: int, result: dict[str, np.ndarray], confidence: float) -> list[dict]:
    """One row for each way to draw a region and each d1, shares with their intervals."""
    trials = int(result["trials"])
    rows = []
    for a, kind in enumerate(result["kind"]):
        for b, d1 in enumerate(result["d1"]):
            row = {"drawn": str(kind), "n": n, "d1": int(d1), "trials": trials}
            for name in ("full_rank", "zero_loss"):
                row[f"{name}_share"] = result[name][a, b] / trials
                row[f"{name}_low"], row[f"{name}_high"] = wilson(result[name][a, b], trials, confidence)
            row["undecided"] = int(result["undecided"][a, b])
            rows.append(row)
    return rows


def plot_regions(table: pd.DataFrame) -> Figure:
    """Both shares against d1 / (n ln n), a panel for each way to draw."""
    kinds = table["drawn"].unique()
    figure, axes = new_figure(
        height=2.6, width=PAGE_WIDTH, columns=len(kinds), sharex=True, sharey=True, squeeze=False
    )
    for axis, kind in zip(axes[0], kinds, strict=True):
        for series, (n, rows) in zip(SERIES, table[table["drawn"] == kind].groupby("n"), strict=False):
            scale = rows["d1"] / (n * max(np.log(n), 1.0))
            for name, words, look in (
                ("full_rank", "full rank", {"fillstyle": "full"}),
                ("zero_loss", "loss 0", {"fillstyle": "none", "linewidth": 0.6}),
            ):
                share = rows[f"{name}_share"]
                spread = np.maximum([share - rows[f"{name}_low"], rows[f"{name}_high"] - share], 0)
                axis.errorbar(scale, share, spread, label=f"n = {n}, {words}", **{**series, **look})
        axis.axvline(0.5, color=BLACK, linewidth=0.6)
        axis.set(xlabel="d1 / (n ln n)", xscale="log", ylim=(-0.03, 1.03))
        axis.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axis.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
        axis.minorticks_off()
    titles = {"uniform": "uniform among the non-empty regions", "initialisation": "W, b ~ U(±1)"}
    for axis, kind in zip(axes[0], kinds, strict=True):
        axis.set_title(titles[kind])
    axes[0, 0].set(ylabel="share of regions")
    axes[0, -1].legend()
    return figure


if __name__ == "__main__":
    with job(snakemake) as log:
        rows = []
        for n, path in zip(snakemake.params.n, snakemake.input, strict=True):
            with np.load(path) as result:
                rows += tabulate(n, dict(result), snakemake.params.confidence)
        table = pd.DataFrame(rows)
        write_csv(snakemake.output.table, table)
        save(plot_regions(table), [snakemake.output.png, snakemake.output.pdf])
        log.info("%d cells, %d regions undecided", len(table), table["undecided"].sum())
