"""Gather all trials of a table's data sets into its rows, each value with its interval."""

import numpy as np
import pandas as pd

from relucells.pipeline.job import job
from relucells.pipeline.names import bias_token
from relucells.pipeline.paper import COLUMNS
from relucells.pipeline.tables import stand_in_notes, with_classes, with_facts, with_interval, write_table
from relucells.pipeline.trials import read_rows
from relucells.statistics import bounded_mean_interval, share_interval

HEADERS = {name: column.header for name, column in COLUMNS.items()} | {
    "lp_undecided_pct": "undecided %",
    "descent_undecided_pct": "descent undecided %",
}


def summarise(
    minima: dict[str, np.ndarray],
    lp: dict[str, np.ndarray],
    descent: dict[str, np.ndarray] | None,
    confidence: float,
) -> dict[str, float]:
    """A row's values and intervals: Wilson for shares of trials, Student's t for means over trials.

    Where all but a few trials are 0, or the largest value, a mean has the interval of rare events. A share
    counts all trials. Undecided trials have their own column, and widen the interval on both sides.
    """
    row: dict[str, float] = {}

    def share(column: str, hits: np.ndarray, undecided: np.ndarray | None = None) -> None:
        row[column] = 100 * hits.mean()
        unknown = 0 if undecided is None else int(undecided.sum())
        low, high = share_interval(int(hits.sum()), unknown, len(hits), confidence)
        row[f"{column}_low"], row[f"{column}_high"] = 100 * low, 100 * high

    def mean(column: str, values: np.ndarray, largest: float) -> None:
        row[column] = values.mean()
        row[f"{column}_low"], row[f"{column}_high"] = bounded_mean_interval(values, largest, confidence)
        row[f"{column}_sd"] = values.std(ddof=1) if len(values) > 1 else np.nan

    share("genuine_pct", lp["verdict"] == "genuine", lp["verdict"] == "undecided")
    share("continuous_pct", ~minima["unique"])
    mean("mean_gap_probability", minima["gap"].max(axis=1), 1)
    if descent:
        share("trapped_pct", descent["outcome"] == "trapped", descent["outcome"] == "undecided")
        share("descent_undecided_pct", descent["outcome"] == "undecided")
    mean("activated_pct", 100 * minima["activated"], 100)
    share("lp_undecided_pct", lp["verdict"] == "undecided")
    row["n_trials"] = len(minima["unique"])
    return row


def table(datasets: dict[str, dict], files: dict[str, list[str]], confidence: float) -> pd.DataFrame:
    """All rows: a data set and a bias each.

    datasets : config entries with their sizes, by name; files : of the steps minima, lp and descent
    """
    minima = read_rows(files["minima"], "unique", "gap", "activated")
    lp, descent = read_rows(files["lp"], "verdict"), read_rows(files["descent"], "outcome")
    rows = []
    for name, entry in datasets.items():
        for bias in map(bias_token, entry["biases"]):
            row = {key: entry[key] for key in ("dataset", "d", "K", "N")} | {"bias": bias}
            row |= summarise(minima[name, bias], lp[name, bias], descent.get((name, bias)), confidence)
            origin = {"data_source": entry["data_source"], "classes": entry.get("classes", "")}
            rows.append(row | origin | {"entry": name})
    return pd.DataFrame(rows)


def readable(frame: pd.DataFrame) -> pd.DataFrame:
    """The columns for readers, value and interval in one cell.

    Undecided columns that are all 0 are left out.
    """
    shown = frame[["dataset", "d", "K", "N", "bias"]].astype(str)
    for column, header in HEADERS.items():
        if column not in frame or ("undecided" in column and not frame[column].any()):
            continue
        shown[header] = with_interval(frame, column, 3 if column == "mean_gap_probability" else 1)
    shown = with_classes(shown, frame)
    return shown.assign(trials=frame["n_trials"].astype(str), source=frame["data_source"])


if __name__ == "__main__":
    with job(snakemake) as log:
        params = snakemake.params
        datasets = with_facts(params.datasets, snakemake.input.data)
        files = {step: list(snakemake.input.get(step, [])) for step in ("minima", "lp", "descent")}
        frame = table(datasets, files, params.confidence)
        notes = [
            f"Brackets: {100 * params.confidence:g} % intervals over the weight draws of one data set. "
            "Shares: Wilson's, widened on both sides by undecided trials. Means: Student's t, or Fay and "
            "Feuer's for rare events.",
            *stand_in_notes(frame),
        ]
        write_table(frame, readable(frame), snakemake.output, params.title, notes)
        log.info(
            "%d rows; genuine %% between %g and %g", len(frame), *frame["genuine_pct"].agg(["min", "max"])
        )
