"""The cell criterion on samples beside the population Hessian test: one table and its figure."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, StrMethodFormatter

from relucells.pipeline.figures import PAGE_WIDTH, SERIES, new_figure, save
from relucells.pipeline.job import job, write_csv
from relucells.statistics import wilson

COLUMNS = [
    "k",
    "n",
    "minimum",
    "objective",
    "min_eigenvalue",
    "certified",
    "N",
    "draws",
    "full_column_rank",
    "genuine",
    "genuine_with_loss",
    "undecided",
    "end_differentiable",
    "end_non_differentiable",
    "end_other",
    "end_genuine",
    "median_kinks",
    "median_relative_distance",
    "median_loss",
    "median_end_loss",
]
# A cell minimum below this loss fits all samples; the losses of interest are above 1e-3.
FITTED = 1e-9


def summarise(k: int, n: int, minima: dict, draws: dict) -> list[dict]:
    """One row for each (minimum, N): counts over the draws, medians and means."""
    order = np.argsort(-minima["count"], kind="stable")
    rows = []
    for (number, N), group in pd.DataFrame(draws).groupby(["minimum", "N"], sort=False):
        spurious = number >= 0
        place = order[number] if spurious else None
        genuine = group["verdict"] == "genuine"
        ends = group["end"]
        rows.append(
            {
                "k": k,
                "n": n,
                "minimum": f"spurious {number + 1}" if spurious else "teacher",
                "objective": minima["minimum_objective"][place] if spurious else 0.0,
                "min_eigenvalue": minima["minimum_min_eigenvalue"][place] if spurious else np.nan,
                "certified": bool(minima["minimum_certified"][place]) if spurious else np.nan,
                "N": N,
                "draws": len(group),
                "full_column_rank": int(group["full_column_rank"].sum()),
                "genuine": int(genuine.sum()),
                "genuine_with_loss": int((genuine & (group["cell_loss"] > FITTED)).sum()),
                "undecided": int((group["verdict"] == "undecided").sum()),
                "end_differentiable": int((ends == "differentiable minimum").sum()),
                "end_non_differentiable": int((ends == "non-differentiable minimum").sum()),
                "end_other": int((~ends.str.endswith("differentiable minimum")).sum()),
                "end_genuine": int((group["end_verdict"] == "genuine").sum()),
                "median_kinks": group["end_kinks"].median(),
                "median_relative_distance": group["end_distance"].median(),
                "median_loss": group["loss"].median(),
                "median_end_loss": group["end_loss"].median(),
            }
        )
    return rows


def plot_cells(table: pd.DataFrame, confidence: float) -> Figure:
    """Against N: shares of cells with a genuine minimum and of differentiable end points; distance."""
    figure, axes = new_figure(height=2.5, width=PAGE_WIDTH, columns=3, sharex=True)
    spurious = table[table["minimum"] != "teacher"]
    for series, ((k, n), rows) in zip(SERIES, spurious.groupby(["k", "n"]), strict=False):
        totals = rows.groupby("N")[["draws", "genuine", "end_differentiable"]].sum()
        label = f"k = {k}, n = {n}"
        for axis, column in zip(axes, ("genuine", "end_differentiable"), strict=False):
            share = totals[column] / totals["draws"]
            ends = [wilson(s, d, confidence) for s, d in zip(totals[column], totals["draws"], strict=True)]
            below = [max(value - low, 0) for value, (low, _) in zip(share, ends, strict=True)]
            above = [max(high - value, 0) for value, (_, high) in zip(share, ends, strict=True)]
            axis.errorbar(totals.index, share, [below, above], label=label, capsize=1.5, **series)
        axes[2].plot(rows.groupby("N")["median_relative_distance"].median(), label=label, **series)
    axes[0].set_title("cells with a genuine minimum")
    axes[1].set_title("differentiable end points")
    axes[2].set_title("distance of the end point")
    for axis in axes[:2]:
        axis.set(ylabel="share", ylim=(-0.03, 1.03))
    axes[2].set(ylabel="relative to the minimum's norm", yscale="log")
    ticks = sorted(table["N"].unique())
    for axis in axes:
        axis.set(xlabel="samples N", xscale="log")
        axis.set_xticks(ticks, [str(tick) for tick in ticks], rotation=45)
        axis.minorticks_off()
    axes[2].yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes[2].yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axes[0].legend()
    return figure


def all_rows(files, students: list) -> pd.DataFrame:
    """The draws of every student that has spurious minima; ``files`` are those of the rule."""
    rows = []
    for (k, n), minima_file, cells_file in zip(students, files.minima, files.cells, strict=True):
        with np.load(minima_file) as minima, np.load(cells_file) as draws:
            if draws.files:
                rows += summarise(k, n, dict(minima), dict(draws))
    return pd.DataFrame(rows, columns=COLUMNS)


if __name__ == "__main__":
    with job(snakemake) as log:
        outputs, params = snakemake.output, snakemake.params
        table = all_rows(snakemake.input, params.students)
        write_csv(outputs.table, table)
        save(plot_cells(table, params.confidence), [outputs.png, outputs.pdf])
        spurious = table[table["minimum"] != "teacher"]
        log.info(
            "%d draws at spurious minima: %d cells with a genuine minimum, %d of them with positive loss; "
            "%d differentiable and %d non-differentiable end points",
            *spurious[["draws", "genuine", "genuine_with_loss"]].sum(),
            *spurious[["end_differentiable", "end_non_differentiable"]].sum(),
        )
