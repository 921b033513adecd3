"""The conventions at a glance: each reading beside the printed numbers, and a table that says which fits."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
from _figures import BLACK, PAGE_WIDTH, SERIES, new_figure, save
from _job import job
from _tables import write_table
from matplotlib.figure import Figure

QUESTIONS = {
    "weights": "how the bias enters the weight draw",
    "sign": "sign of z* in P_g",
    "data": "data draw",
    "diameters": "weights and directions of Table VI",
    "images": "images of Table VI",
}


def summary(frame: pd.DataFrame) -> pd.DataFrame:
    """A row per reading: how many printed numbers fit, and how far off the others are at most."""
    rows = []
    for point, readings in frame.groupby("point", sort=False):
        counts = readings.groupby("reading", sort=False)["fits"].sum()
        sizes = readings.groupby("reading", sort=False)["fits"].size()
        best = (counts / sizes).max()
        for reading, group in readings.groupby("reading", sort=False):
            share = group["fits"].mean()
            verdict = "does not fit"
            if share == best:
                alone = (counts / sizes == best).sum() == 1
                verdict = "fits best" if alone else "cannot be told apart"
            off = (group["printed"] / group["drawn"]).replace([np.inf, 0], np.nan).dropna()
            rows.append(
                {
                    "point": point,
                    "reading": reading,
                    "numbers": len(group),
                    "fit": int(group["fits"].sum()),
                    "largest_factor": float(np.exp(np.abs(np.log(off)).max())) if len(off) else np.nan,
                    "verdict": verdict,
                }
            )
    return pd.DataFrame(rows)


def beside(frame: pd.DataFrame, label: Callable, ylabel: str, height: float, log: bool = False) -> Figure:
    """Printed numbers as diamonds, each with the interval of every reading next to it."""
    readings = list(dict.fromkeys(frame["reading"]))
    keys = list(dict.fromkeys(frame.apply(label, axis=1)))
    figure, axes = new_figure(height, PAGE_WIDTH)
    width = min(0.8 / len(readings), 0.2)
    for i, reading in enumerate(readings):
        own = frame[frame["reading"] == reading]
        at = np.array([keys.index(label(row)) for _, row in own.iterrows()], dtype=float)
        at += (i - (len(readings) - 1) / 2) * width
        style = SERIES[i % len(SERIES)] | {"linestyle": "none"}
        spread = [own["drawn"] - own["low"], own["high"] - own["drawn"]]
        filled = {} if i < len(SERIES) else {"markerfacecolor": "white"}
        axes.errorbar(
            at, own["drawn"], yerr=np.maximum(spread, 0), label=reading, elinewidth=0.9, **style, **filled
        )
    printed = frame.drop_duplicates(subset=["table", "dataset", "d", "N", "bias", "column"])
    for _, row in printed.iterrows():
        at = keys.index(label(row))
        axes.plot([at - 0.45, at + 0.45], [row["printed"]] * 2, color=BLACK, linewidth=0.9, linestyle="-")
    axes.plot([], [], color=BLACK, linewidth=0.9, label="printed")
    if log:
        axes.set_yscale("log")
    axes.set_xticks(range(len(keys)), keys)
    axes.set_xlim(-0.6, len(keys) - 0.4)
    axes.set_ylabel(ylabel)
    figure.legend(loc="outside upper center", ncols=min(len(readings) + 1, 3))
    return figure


def by_bias(row: pd.Series) -> str:
    return f"{row['table']}\n{int(row['bias'])}".replace("-", "−")


def weights_figure(frame: pd.DataFrame) -> Figure:
    """Activated pairs: above the shares, below what is left after the printed number is taken off."""
    return beside(frame[frame["column"] == "activated_pct"], by_bias, "activated pairs (%)", 2.6)


FIGURES: dict[str, Callable[[pd.DataFrame], Figure]] = {
    "weights": weights_figure,
    "sign": lambda frame: beside(frame, by_bias, "average $P_g$", 2.6),
    "data": lambda frame: beside(frame, lambda row: f"Table {row['table']}", "$P_g$ at bias 20", 2.4),
    "diameters": lambda frame: beside(
        frame, lambda row: f"$d = {row['d']}$\n$N = {row['N']}$", "mean diameter", 3.4, log=True
    ),
    "images": lambda frame: beside(
        frame, lambda row: f"{row['dataset']}\n$N = {row['N']}$", "mean diameter", 3.0, log=True
    ),
}


if __name__ == "__main__":
    with job(snakemake) as log:  # noqa: F821
        frame = pd.read_csv(snakemake.input[0])  # noqa: F821
        for path in snakemake.output.pictures:  # noqa: F821
            name = Path(path).stem.removeprefix("conventions_")
            points = frame[frame["point"] == name]
            if len(points):
                save(FIGURES[name](points), [path])
        table = summary(frame)
        shown = pd.DataFrame(
            {
                "point": table["point"].map(QUESTIONS),
                "reading": table["reading"],
                "printed numbers": table["numbers"],
                "fit": table["fit"],
                "off by at most": table["largest_factor"].map(lambda f: "—" if pd.isna(f) else f"×{f:.2f}"),
                "verdict": table["verdict"],
            }
        )
        notes = [
            "A printed number fits a reading if it lies in the interval in which the reading's experiment "
            "would print it. Off by at most: the largest ratio between a printed number and the drawn one."
        ]
        write_table(table, shown, snakemake.output, "What the paper leaves unsaid", notes)  # noqa: F821
        log.info("%s", "; ".join(table.loc[table["verdict"] != "does not fit", "reading"]))
