"""Between which N some choice of signs stops helping, and from which N on all choices are refuted at once."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from plot_transition import log_axis, name_kind

from relucells.pipeline.figures import BLUE, GREY, PAGE_WIDTH, RED, new_figure, save
from relucells.pipeline.job import job, write_csv

SETTING = ["kind", "d", "K", "bias"]  # in this order the rows stand
SURE = 0.95  # share of the draws that must be proven
AT_ONCE = 0.5  # share of the draws, all choices of whose signs are refuted at once
COLUMNS = [
    *SETTING, "draws", "undecided", "N_1", "N_2", "ratio", "N_at_once", "share_of_unknowns", "data_source"
]  # fmt: skip


def last_up_to(N: np.ndarray, holds: np.ndarray) -> float:
    """The last N up to which ``holds`` is true throughout; nan if it is false at the first N."""
    kept = np.cumprod(holds).sum()
    return float(N[kept - 1]) if kept else np.nan


def brackets(points: pd.DataFrame) -> pd.DataFrame:
    """One row for each series with some choice of signs asked for.

    N_1 : up to it at least 95 % of the draws are proven genuine; N_2 : from it on at least 95 % are proven
    none; N_at_once : the least N at which all choices are refuted at once in at least half of the draws
    """
    rows = []
    own = points[points["convention"] == "exists"].sort_values("N")
    for setting, line in own.groupby(SETTING, sort=False):
        series = dict(zip(SETTING, setting, strict=True))
        N = line["N"].to_numpy()
        genuine, none, refuted = (
            (line[name] / line["draws"]).to_numpy() for name in ("proven_genuine", "proven_none", "at_once")
        )
        first = last_up_to(N, genuine >= SURE)
        second = last_up_to(N[::-1], none[::-1] >= SURE)
        enough = N[refuted >= AT_ONCE]
        at_once = float(enough[0]) if len(enough) else np.nan
        unknowns = series["K"] * (series["d"] + 1)
        rows.append(
            series
            | {"draws": int(line["draws"].max()), "undecided": int(line["undecided"].sum())}
            | {"N_1": first, "N_2": second, "ratio": second / first}
            | {"N_at_once": at_once, "share_of_unknowns": at_once / unknowns}
            | {"data_source": line["data_source"].iloc[0]}
        )
    return pd.DataFrame(rows, columns=COLUMNS).sort_values(SETTING, ignore_index=True)


def draw(found: pd.DataFrame) -> Figure:
    """A bar from N₁ to N₂ for each series, and the N down to which all choices are refuted at once."""
    found = found.iloc[::-1].reset_index(drop=True)
    figure, axes = new_figure(max(1.6, 0.17 * len(found) + 0.9), PAGE_WIDTH)
    rows = np.arange(len(found))
    unknowns = found["K"] * (found["d"] + 1)
    axes.hlines(rows, found["N_1"], found["N_2"], color=GREY, linewidth=2.5, alpha=0.5)
    look = {"linestyle": "none", "markersize": 3.6, "clip_on": False}
    axes.plot(found["N_1"], rows, marker="o", color=BLUE, label="$N_1$: ≥ 95 % genuine up to here", **look)
    axes.plot(found["N_2"], rows, marker="s", color=RED, label="$N_2$: ≥ 95 % none from here on", **look)
    label, hollow = "all signs refuted at once in ≥ ½", look | {"markerfacecolor": "none"}
    axes.plot(found["N_at_once"], rows, marker="v", color="black", label=label, **hollow)
    axes.plot(unknowns, rows, marker="|", color=GREY, label="$K (d + 1)$", **look)
    names = [
        f"{name_kind(row.kind, row.data_source)}, d = {row.d}, K = {row.K}, bias {row.bias:g}"
        for row in found.itertuples()
    ]
    axes.set_yticks(rows, [name.replace("-", "−") for name in names], fontsize=6)
    ends = pd.concat([found["N_1"], found["N_2"], unknowns]).dropna()
    axes.set_xlim(*((ends.min() / 1.5, ends.max() * 1.5) if len(ends) else (1, 10)))
    axes.set_xscale("log")
    log_axis(axes.xaxis, "$N$")
    axes.grid(axis="y", linewidth=0.3, color="#DDDDDD")
    figure.legend(loc="outside upper center", ncols=2, fontsize=6.5)
    return figure


if __name__ == "__main__":
    with job(snakemake) as log:
        output = snakemake.output
        found = brackets(pd.read_csv(snakemake.input.points))
        write_csv(output.csv, found)
        save(draw(found), [output.pdf, output.png])
        log.info("%d series, largest N2 / N1 %.3g", len(found), found["ratio"].max())
