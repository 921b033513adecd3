"""Every printed number beside ours at a glance: a panel per table."""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter

from relucells.pipeline.figures import BLACK, BLUE, GREY, PAGE_WIDTH, RED, new_figure, save_picture
from relucells.pipeline.job import job
from relucells.pipeline.paper import COLUMNS, DATA
from relucells.pipeline.verdicts import SYMBOLS

COLOURS = {"agrees": BLUE, "differs": RED, "not comparable": GREY}
PRINTED = {
    "marker": "D",
    "linestyle": "",
    "markerfacecolor": "none",
    "markeredgecolor": BLACK,
    "markeredgewidth": 0.6,
}
BAR = {"linewidth": 3.2, "linestyle": "-", "alpha": 0.4}
HEADING = 1.35  # lines that a group's heading takes


def lay_out(comparison: pd.DataFrame) -> pd.DataFrame:
    """The numbers as drawn: group and label of each line, shares in per cent."""
    frame = comparison[["table", "printed", "ours", "low", "high", "verdict", "informative"]].copy()
    share = comparison["column"] == "mean_gap_probability"
    numbers = ["printed", "ours", "low", "high"]
    frame.loc[share, numbers] *= 100
    diameters = comparison["column"] == "mean_diameter"
    sets = comparison["dataset"].map(DATA) + comparison["d"].map(", d = {}".format).where(
        comparison["dataset"] == "gaussian", ""
    )
    frame.insert(
        1,
        "group",
        comparison["column"]
        .map({name: column.short for name, column in COLUMNS.items()})
        .where(~diameters, sets),
    )
    biases = comparison["bias"].str.replace("-", "−")
    frame.insert(2, "label", biases.where(~diameters, comparison["N"].map("N = {}".format)))
    return frame


def panel(axes: Axes, lines: pd.DataFrame) -> None:
    """One table: a heading per group, below it a line per number."""
    y, ticks = 0.0, []
    for group, rows in lines.groupby("group", sort=False):
        y += HEADING
        heading = group.replace("P_g", "$P_g$")
        axes.text(
            0.0, y - 0.95, heading, transform=axes.get_yaxis_transform(), fontweight="bold", fontsize=6.5
        )
        axes.axhline(y - 0.72, color=GREY, linewidth=0.3)
        for row in rows.itertuples():
            colour = COLOURS[row.verdict]
            faint = 1.0 if row.informative == "yes" else 0.35
            axes.plot([row.low, row.high], [y, y], color=colour, **BAR | {"alpha": faint * BAR["alpha"]})
            axes.plot(row.ours, y, ".", color=colour, markersize=5, alpha=faint)
            axes.plot(row.printed, y, alpha=faint, **PRINTED)
            if row.verdict != "agrees":
                side = {"transform": axes.get_yaxis_transform(), "va": "center", "clip_on": False}
                axes.text(1.03, y, SYMBOLS[row.verdict], color=colour, fontweight="bold", **side)
            ticks.append((y, row.label))
            y += 1
    axes.set_yticks([at for at, _ in ticks], [label for _, label in ticks])
    axes.tick_params(axis="y", length=0, labelsize=6)
    axes.tick_params(axis="x", labelsize=6)
    axes.set_ylim(y - 0.3, -0.1)
    telling = lines[lines["informative"] == "yes"]
    agree = (telling["verdict"] == "agrees").sum()
    title = f"Table {lines['table'].iloc[0]}: {agree} of {len(telling)} informative agree"
    axes.set_title(title, loc="left", fontsize=7)


def draw(lines: pd.DataFrame, confidence: float) -> Figure:
    """All panels on one page: per cent for Tables I to V, lengths on a logarithmic axis for Table VI."""
    figure, grid = new_figure(7.6, PAGE_WIDTH, rows=2, columns=3)
    for (table, own), axes in zip(lines.groupby("table", sort=False), grid.flat, strict=True):
        panel(axes, own)
        if table == "VI":
            axes.set(xscale="log", xlabel="mean diameter")
            axes.xaxis.set_minor_formatter(NullFormatter())
        else:
            axes.set(xlim=(-4, 104), xlabel="per cent", ylabel="bias")
    marks = [
        (grid[0, 0].plot([], [], **PRINTED)[0], "printed"),
        (grid[0, 0].plot([], [], ".", color=BLUE)[0], "ours"),
    ]
    for verdict, colour in COLOURS.items():
        bar = grid[0, 0].plot([], [], color=colour, **BAR)[0]
        marks.append((bar, f"{SYMBOLS[verdict]} {verdict}"))
    title = f"Bars: {100 * confidence:g} % prediction interval for the printed number"
    handles, labels = zip(*marks, strict=True)
    figure.legend(handles, labels, loc="outside upper center", ncols=5, title=title, title_fontsize=7)
    return figure


def read_comparison(path: str) -> pd.DataFrame:
    """results/comparison.csv, with the columns that name a row as text."""
    names = dict.fromkeys(("table", "dataset", "d", "K", "N", "bias", "column", "verdict", "reason"), str)
    return pd.read_csv(path, dtype=names)


if __name__ == "__main__":
    with job(snakemake) as log:
        lines = lay_out(read_comparison(snakemake.input[0]))
        save_picture(draw(lines, snakemake.params.confidence), lines, snakemake.output)
        log.info("drew %d numbers, %d with an interval", len(lines), lines["low"].notna().sum())
