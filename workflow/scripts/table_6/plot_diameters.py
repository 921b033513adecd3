"""The tail of Table VI: how often a cell is longer than t, and what that means for the mean."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from relucells.pipeline.figures import BLACK, GREY, PAGE_WIDTH, SERIES, new_figure, save_picture
from relucells.pipeline.job import job
from relucells.pipeline.paper import DATA

# A line is drawn beside a tail only if its longest diameter exceeds its shortest by more than this factor.
SHOWS_SLOPE = 10


def survival(diameters: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Each finite diameter t, ascending, and the share of the finite ones that are at least as long."""
    t = np.sort(diameters[np.isfinite(diameters)])
    return t, 1 - np.arange(len(t)) / max(len(t), 1)


def tail_frame(paths: list[str]) -> pd.DataFrame:
    parts = []
    for path in paths:
        with np.load(path) as entry:
            t, share = survival(entry["diameters"].ravel())
            parts.append(
                pd.DataFrame(
                    {
                        "dataset": str(entry["dataset"]),
                        "d": int(entry["d"]),
                        "N": int(entry["N"]),
                        "diameter": t,
                        "share_at_least": share,
                    }
                )
            )
    return pd.concat(parts)


def label(dataset: str, d: int) -> str:
    return f"{DATA[dataset]}, $d = {d}$" if dataset == "gaussian" else DATA[dataset]


def draw_slope(axes: Axes, tail: pd.DataFrame) -> None:
    """A line that falls like 1/t, above the longest 3 % of a tail that is long enough to show it."""
    start = tail[tail["share_at_least"] <= 0.03]
    if start.empty or start["diameter"].max() < SHOWS_SLOPE * start["diameter"].min():
        return
    t = start["diameter"].iloc[[0, -1]].to_numpy()
    axes.loglog(t, 3 * start["share_at_least"].iloc[0] * t[0] / t, color=GREY, linewidth=0.9, linestyle="-")
    axes.annotate(
        "$\\propto 1/t$", (t[0], 3 * start["share_at_least"].iloc[0]), (3, 1), textcoords="offset points"
    )


def tail_figure(
    tails: pd.DataFrame, means: pd.DataFrame, table: pd.DataFrame, open_beyond: float | None
) -> Figure:
    """Above the tails, one panel per data set; below each the repeated means and the printed one."""
    entries = list(tails.groupby(["dataset", "d"], sort=False).groups)
    columns = min(3, len(entries))
    rows = -(-len(entries) // columns)
    figure, panels = new_figure(2.2 * rows, PAGE_WIDTH, rows, columns, squeeze=False, sharey=True)
    for axes, (dataset, d) in zip(panels.flat, entries, strict=False):
        own = tails[(tails["dataset"] == dataset) & (tails["d"] == d)]
        for style, (N, tail) in zip(SERIES, own.groupby("N", sort=True), strict=False):
            axes.loglog(
                tail["diameter"], tail["share_at_least"], **style | {"marker": ""}, label=f"$N = {N}$"
            )
            here = (means["dataset"] == dataset) & (means["d"] == d) & (means["N"] == N)
            height = 4e-4 if N == own["N"].min() else 1.6e-4
            values = means.loc[here, "mean_diameter"]
            axes.plot(
                values, np.full(len(values), height), "|", color=style["color"], markersize=5, alpha=0.6,
                markeredgewidth=0.7,
            )  # fmt: skip
            if "printed" in table:
                row = (table["dataset"] == dataset) & (table["d"] == d) & (table["N"] == N)
                axes.plot(
                    table.loc[row, "printed"], [height], "D", color=style["color"], markersize=4.5,
                    markeredgecolor=BLACK, markeredgewidth=0.7, linestyle="none",
                )  # fmt: skip
        if open_beyond is not None and own["diameter"].max() > open_beyond:
            axes.axvline(open_beyond, color=GREY, linewidth=0.9, linestyle="--")
        draw_slope(axes, own[own["N"] == own["N"].min()])
        axes.set_title(label(dataset, d))
        axes.set_ylim(1e-4, 1.5)
    for axes in panels.flat[len(entries) :]:
        axes.set_visible(False)
    for axes in panels[:, 0]:
        axes.set_ylabel("share of cells $\\geq t$")
    for axes in panels[-1]:
        axes.set_xlabel("diameter $t$ (weight space)")
    panels.flat[0].legend(loc="upper right", borderaxespad=0.1)
    return figure


if __name__ == "__main__":
    with job(snakemake) as log:
        tails = tail_frame(list(snakemake.input.measured))
        table = pd.read_csv(snakemake.input.table)
        means = pd.read_csv(snakemake.input.means)
        figure = tail_figure(tails, means, table, snakemake.params.open_beyond)
        save_picture(figure, tails, snakemake.output)
        log.info("%d finite diameters of %d entries", len(tails), len(table))
