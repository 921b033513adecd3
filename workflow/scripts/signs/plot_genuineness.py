"""How the share of genuine minima depends on the sign convention: one picture."""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from relucells.pipeline.conventions import ASKED, CONVENTIONS
from relucells.pipeline.figures import BLACK, BLUE, GREY, PAGE_WIDTH, RED, YELLOW, new_figure, save_picture
from relucells.pipeline.job import job
from relucells.pipeline.paper import display_name

WIDTH = 0.8 / len(CONVENTIONS)
PARTS = {
    "bad": {"color": RED, "label": "genuine, bad"},
    "global": {"color": BLUE, "label": "genuine, global"},
    "open": {"color": YELLOW, "label": "genuine, quality open"},
    "undecided": {
        "facecolor": "none",
        "edgecolor": GREY,
        "hatch": "////",
        "linewidth": 0.4,
        "label": "undecided",
    },
}
PRINTED = {"marker": "D", "linestyle": "", "markerfacecolor": "none", "markeredgecolor": BLACK}


def heights(table: pd.DataFrame) -> pd.DataFrame:
    """Per cent of all trials that each part of a bar stands for."""
    shown = table[["entry", "dataset", "d", "K", "N", "bias", "convention", "data_source"]].copy()
    genuine = table["genuine_pct"]
    shown["bad"] = genuine * table["bad_pct"].fillna(0) / 100
    shown["global"] = genuine * table["global_pct"].fillna(0) / 100
    shown["open"] = (genuine - shown["bad"] - shown["global"]).clip(lower=0).round(9)
    shown["undecided"] = table["undecided_pct"]
    shown["paper"] = table["paper_genuine_pct"]
    return shown


def panel(axes: Axes, rows: pd.DataFrame) -> None:
    """One data set: four bars for each bias, one per convention; a diamond is the paper's value."""
    biases = list(dict.fromkeys(rows["bias"]))
    for row in rows.to_dict("records"):
        k = CONVENTIONS.index(row["convention"])
        x, bottom = biases.index(row["bias"]) + (k - (len(CONVENTIONS) - 1) / 2) * WIDTH, 0.0
        for part, style in PARTS.items():
            style = {key: value for key, value in style.items() if key != "label"}
            if row[part] > 0:
                axes.bar(x, row[part], WIDTH * 0.86, bottom=bottom, **style)
            bottom += row[part]
        axes.text(x, -2.5, ASKED[row["convention"]].letter, ha="center", va="top", fontsize=5.5)
        if k == 0 and not pd.isna(row["paper"]):
            axes.plot(x, row["paper"], markersize=3.5, zorder=3, clip_on=False, **PRINTED)
    axes.set_xticks(range(len(biases)), [bias.replace("-", "−") for bias in biases])
    axes.tick_params(axis="x", length=0, pad=8)
    axes.set_ylim(0, 104)
    axes.set_xlim(-0.6, len(biases) - 0.4)
    first = rows.iloc[0]
    name = display_name(first["dataset"])
    source = "" if first["data_source"] in ("official", "gaussian", "user") else f" ({first['data_source']})"
    axes.set_title(f"{name}{source}: d = {first['d']}, K = {first['K']}, N = {first['N']}", fontsize=7)


def draw(shown: pd.DataFrame) -> Figure:
    """A panel per data set and a key."""
    entries = list(dict.fromkeys(shown["entry"]))
    columns = min(3, len(entries) + 1)
    rows = -(-(len(entries) + 1) // columns)
    figure, grid = new_figure(1.75 * rows, PAGE_WIDTH, rows, columns, sharey=True, squeeze=False)
    panels = list(grid.ravel())
    for axes, entry in zip(panels, entries, strict=False):
        panel(axes, shown[shown["entry"] == entry])
        axes.set_xlabel("bias")
    for row in grid:
        row[0].set_ylabel("% of drawn cells")
    for axes in panels[len(entries) :]:
        axes.axis("off")
    handles = [Patch(**style) for style in PARTS.values()]
    handles.append(Line2D([], [], label="printed in the paper", **PRINTED))
    words = "\n".join(f"{asked.letter}  {asked.words.replace('z_j', '$z_j$')}" for asked in ASKED.values())
    key = panels[len(entries)]
    key.legend(handles=handles, loc="upper left", title=words, title_fontsize=7, alignment="left")
    return figure


if __name__ == "__main__":
    with job(snakemake) as log:
        shown = heights(pd.read_csv(snakemake.input[0], dtype={"bias": str}))
        save_picture(draw(shown), shown, snakemake.output)
        by_convention = shown.groupby("convention")[["bad", "global", "open"]].sum().sum(axis=1)
        log.info(
            "mean genuine %%: %s", (by_convention / shown.groupby("convention").size()).round(1).to_dict()
        )
