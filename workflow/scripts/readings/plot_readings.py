"""What the paper leaves unsaid, at a glance: each reading beside the printed numbers."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FormatStrFormatter, LogLocator, NullLocator

from relucells.pipeline.figures import BLACK, PAGE_WIDTH, SERIES, new_figure, save
from relucells.pipeline.job import job
from relucells.pipeline.paper import DATA
from relucells.pipeline.tables import write_table
from relucells.statistics.distributions import binomial_above, chi2_above

QUESTIONS = {
    "weights": "how the bias enters the weight draw",
    "sign": "sign of z* in P_g",
    "data": "data draw",
    "diameters": "weights and directions of Table VI",
    "images": "images of Table VI",
    "open": "diameter beyond which a cell counts as open",
}


def summary(frame: pd.DataFrame, confidence: float) -> pd.DataFrame:
    """A row per reading: how many printed numbers fit, how far off they are at most, and a verdict.

    Even the right reading misses a number with probability 1 − confidence. So a reading fits unless its
    number of misses would be a surprise at that confidence. It fits less well if another one misses fewer.
    """
    rows = []
    for (point, reading), group in frame.groupby(["point", "reading"], sort=False):
        misses = int((~group["fits"]).sum())
        fits = binomial_above(misses - 1, len(group), 1 - confidence) > 1 - confidence + 1e-12
        ratios = (group["printed"] / group["drawn"]).replace([np.inf, 0], np.nan).dropna()
        rows.append(
            {
                "point": point,
                "reading": reading,
                "numbers": len(group),
                "fit": len(group) - misses,
                "joint_p": fisher(group["p"].to_numpy()) if group["p"].notna().all() else np.nan,
                "largest_factor": float(np.exp(np.abs(np.log(ratios)).max())) if len(ratios) else np.nan,
                "verdict": "fits" if fits else "does not fit",
            }
        )
    table = pd.DataFrame(rows)
    most = (table["fit"] / table["numbers"]).groupby(table["point"]).transform("max")
    behind = (table["verdict"] == "fits") & (table["fit"] / table["numbers"] < most)
    return table.assign(verdict=table["verdict"].mask(behind, "fits less well"))


def fisher(p: np.ndarray) -> float:
    """Fisher's joint p-value of p-values (n,); the numbers come from independent experiments."""
    with np.errstate(divide="ignore"):
        return float(chi2_above(-2 * np.log(p).sum(), 2 * len(p)))


def condense(table: pd.DataFrame) -> pd.DataFrame:
    """Point ``open``: of the bounds tried on some images, one row for those at which the most numbers fit.

    Its reading names them, neighbours as "from … to"; its joint p is the largest.
    """
    opened = table["point"] == "open"
    rows = []
    for images, group in table[opened].groupby(table["reading"].str.partition(";")[0], sort=False):
        best = (group["fit"] == group["fit"].max()).to_numpy()
        bounds = group["reading"].str.partition("; ")[2].str.removeprefix("at most ").to_numpy()
        runs = np.split(np.arange(len(best)), np.flatnonzero(np.diff(best)) + 1)
        spans = [f"{bounds[run[0]]} to {bounds[run[-1]]}" if len(run) > 1 else bounds[run[0]] for run in runs]
        named = ", ".join(span for run, span in zip(runs, spans, strict=True) if best[run[0]])
        row = group.loc[group.loc[best, "joint_p"].idxmax()].to_dict()
        rows.append(row | {"reading": f"{images}; at most {named}"})
    return pd.concat([table[~opened], pd.DataFrame(rows, columns=table.columns)], ignore_index=True)


def readable(reading: str) -> str:
    return (
        reading.replace("z_j", "$z_{j}$")
        .replace("every_class", "every class")
        .replace("two_classes", "two classes")
    )


def draw_beside(axes: Axes, frame: pd.DataFrame, label: Callable[[pd.Series], str]) -> None:
    """A line for each printed number, and on it the interval of every reading."""
    readings = list(dict.fromkeys(frame["reading"]))
    labels = frame.apply(label, axis=1)
    ticks = list(dict.fromkeys(labels))
    printed = frame["printed"].groupby(labels).first()
    for at, tick in enumerate(ticks):
        name = "printed" if at == 0 else None
        axes.plot(
            [at - 0.42, at + 0.42], [printed[tick]] * 2, color=BLACK, linewidth=0.9, linestyle="-", label=name
        )
    width = min(0.8 / len(readings), 0.2)
    for i, reading in enumerate(readings):
        own = frame[frame["reading"] == reading]
        at = (
            np.array([ticks.index(tick) for tick in labels[own.index]])
            + (i - (len(readings) - 1) / 2) * width
        )
        spread = np.maximum([own["drawn"] - own["low"], own["high"] - own["drawn"]], 0)
        style = SERIES[i % len(SERIES)] | {"linestyle": "none", "elinewidth": 0.9}
        if i >= len(SERIES):
            style["markerfacecolor"] = "white"
        axes.errorbar(at, own["drawn"], yerr=spread, label=readable(reading), **style)
    axes.set_xticks(range(len(ticks)), ticks)
    axes.set_xlim(-0.6, len(ticks) - 0.4)


def beside(
    frame: pd.DataFrame, label: Callable, ylabels: dict[str, str], height: float, log: bool = False
) -> Figure:
    """A panel for each printed column, with its axis label. ``log``: logarithmic axes."""
    figure, panels = new_figure(height, PAGE_WIDTH, rows=len(ylabels), squeeze=False, sharex=True)
    for axes, (column, ylabel) in zip(panels[:, 0], ylabels.items(), strict=True):
        draw_beside(axes, frame[frame["column"] == column], label)
        axes.set_ylabel(ylabel)
        if log:
            axes.set_yscale("log")
    handles, names = panels[0, 0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside upper center", ncols=min(len(names), 3 if log else 5))
    return figure


def draw_bounds(frame: pd.DataFrame) -> Figure:
    """A panel for each printed mean: where it lies for every bound on a closed cell's diameter."""
    entries = list(frame.groupby(["dataset", "N"], sort=False).groups)
    rows = -(-len(entries) // 2)
    figure, panels = new_figure(1.9 * rows + 0.3, PAGE_WIDTH, rows, 2, squeeze=False, sharex=True)
    images = frame["reading"].str.partition(";")[0]
    styles = dict(zip(dict.fromkeys(images), SERIES, strict=False))
    for axes, (dataset, N) in zip(panels.flat, entries, strict=False):
        here = (frame["dataset"] == dataset) & (frame["N"] == N) & np.isfinite(frame["open_beyond"])
        for name, own in frame[here].groupby(images[here], sort=False):
            own = own.sort_values("open_beyond")
            style = styles[name]
            axes.fill_between(
                own["open_beyond"], own["low"], own["high"], color=style["color"], alpha=0.2, linewidth=0
            )
            axes.plot(own["open_beyond"], own["drawn"], **style | {"markersize": 2.5}, label=readable(name))
        axes.axhline(frame.loc[here, "printed"].iloc[0], color=BLACK, linewidth=0.9, label="printed")
        axes.set_xscale("log")
        axes.set_yscale("log")
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 1.5, 2, 3, 4, 6)))
        axes.yaxis.set_major_formatter(FormatStrFormatter("%g"))
        axes.yaxis.set_minor_locator(NullLocator())
        axes.set_title(f"{DATA[dataset]}, $N = {N}$")
    for axes in panels.flat[len(entries) :]:
        axes.set_visible(False)
    for axes in panels[:, 0]:
        axes.set_ylabel("mean diameter")
    for axes in panels[-1]:
        axes.set_xlabel("cells longer than this count as open")
    handles = {
        name: handle
        for axes in panels.flat
        for handle, name in zip(*axes.get_legend_handles_labels(), strict=True)
    }
    figure.legend(handles.values(), handles, loc="outside upper center", ncols=min(len(handles), 4))
    return figure


def table_and_bias(row: pd.Series) -> str:
    return f"Table {row['table']}\nbias {int(row['bias'])}".replace("-", "−")


def data_and_size(row: pd.Series) -> str:
    return f"{f'd = {row.d}' if row['dataset'] == 'gaussian' else DATA[row['dataset']]}\nN = {row['N']}"


def nothing() -> Figure:
    """The picture where every number would come from stand-in images."""
    figure, axes = new_figure(1.0, PAGE_WIDTH)
    axes.set_axis_off()
    axes.text(0.5, 0.5, "No real images at hand: nothing to compare.", ha="center", va="center")
    return figure


FIGURES: dict[str, Callable[[pd.DataFrame], Figure]] = {
    "weights": lambda frame: beside(
        frame,
        table_and_bias,
        {"activated_pct": "activated pairs (%)", "continuous_pct": "continuous (%)"},
        3.8,
    ),
    "sign": lambda frame: beside(frame, table_and_bias, {"mean_gap_probability": "average $P_g$"}, 2.6),
    "data": lambda frame: beside(frame, table_and_bias, {"mean_gap_probability": "$P_g$"}, 2.4),
    "diameters": lambda frame: beside(
        frame, data_and_size, {"mean_diameter": "mean diameter"}, 3.2, log=True
    ),
    "images": lambda frame: beside(frame, data_and_size, {"mean_diameter": "mean diameter"}, 3.0, log=True),
    "open": draw_bounds,
}


NOTE = (
    "A printed number fits a reading if it lies in the interval in which the reading's experiment would "
    "print it. The right reading would miss some numbers too. A reading does not fit only if it misses more "
    "than the right one would in 19 cases of 20. Joint p: Fisher's, where each number has a p. Off by at "
    "most: the largest ratio between a printed number and the drawn one."
)


def shown(table: pd.DataFrame) -> pd.DataFrame:
    """The table for readers."""

    def text(column: str, form: str) -> pd.Series:
        return table[column].map(lambda value: "—" if pd.isna(value) else form.format(value))

    return pd.DataFrame(
        {
            "point": table["point"].map(QUESTIONS),
            "reading": table["reading"],
            "printed numbers": table["numbers"],
            "fit": table["fit"],
            "joint p": text("joint_p", "{:.2g}"),
            "off by at most": text("largest_factor", "×{:.2f}"),
            "verdict": table["verdict"],
        }
    )


if __name__ == "__main__":
    with job(snakemake) as log:
        frame = pd.read_csv(snakemake.input[0])
        for path in snakemake.output.pictures:
            name = Path(path).stem.removeprefix("readings_")
            points = frame[frame["point"] == name]
            save(FIGURES[name](points) if len(points) else nothing(), [path])
        table = condense(summary(frame, snakemake.params.confidence))
        write_table(table, shown(table), snakemake.output, "What the paper leaves unsaid", [NOTE])
        log.info("what fits: %s", "; ".join(table.loc[table["verdict"] == "fits", "reading"]))
