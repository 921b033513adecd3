"""Share of genuine minima under every sign convention, beside the paper's column, and what descent does."""

import numpy as np
import pandas as pd

from relucells.pipeline.conventions import CONVENTIONS, in_words
from relucells.pipeline.job import job
from relucells.pipeline.names import bias_token
from relucells.pipeline.tables import (
    part,
    share,
    stand_in_notes,
    with_classes,
    with_facts,
    with_interval,
    write_table,
)
from relucells.pipeline.trials import read_rows

HEADERS = {"genuine_pct": "genuine %", "bad_pct": "bad % of genuine", "undecided_pct": "undecided %"}
STARTS = {"witness": "certified minimum", "perturbed": "close to it", "drawn": "drawn weights"}


def summarise(verdict: np.ndarray, level_of: np.ndarray, quality: np.ndarray, confidence: float) -> dict:
    """One row: shares of all trials, of the genuine minima (bad) and of the decided ones (verified)."""
    genuine, decided = verdict == "genuine", verdict != "undecided"
    columns = {
        "genuine_pct": genuine,
        "bad_pct": quality[genuine] == "bad",
        "global_pct": quality[genuine] == "global",
        "undecided_pct": ~decided,
        "verified_pct": level_of[decided] == "proven",
        "numerical_pct": level_of[decided] == "numerical",
    }
    row = {"n_trials": len(verdict)}
    for name, hits in columns.items():
        row[name], row[f"{name}_low"], row[f"{name}_high"] = share(hits, confidence)
    return row


def conventions_table(
    datasets: dict[str, dict], decisions: dict[str, list[str]], verified: list[str], confidence: float
) -> pd.DataFrame:
    """A row per data set, bias and convention.

    datasets : config entries with their sizes, by name
    decisions : files of decisions by convention; verified : how they were checked
    """
    verdicts = {name: read_rows(paths, "verdict") for name, paths in decisions.items()}
    names = [f"{name}_{what}" for name in decisions for what in ("level", "quality")]
    checked = read_rows(verified, *names)
    rows = []
    for name, entry in datasets.items():
        for bias in map(bias_token, entry["biases"]):
            mine = checked[name, bias]
            for convention in decisions:
                row = {key: entry[key] for key in ("dataset", "d", "K", "N")}
                row |= {"bias": bias, "convention": convention}
                levels, qualities = (mine[f"{convention}_{what}"] for what in ("level", "quality"))
                row |= summarise(verdicts[convention][name, bias]["verdict"], levels, qualities, confidence)
                origin = {"data_source": entry["data_source"], "classes": entry.get("classes", "")}
                rows.append(row | origin | {"entry": name})
    return pd.DataFrame(rows)


def add_printed(frame: pd.DataFrame, printed: pd.DataFrame, others: dict | None = None) -> pd.DataFrame:
    """The paper's share beside ours. The paper ran one convention without saying so: every z_j > 0.

    others : entry -> column, or "" for all -> why it is another experiment; such rows have no printed number
    """
    keys = ["dataset", "d", "K", "N", "bias"]
    printed = printed[printed["column"] == "genuine_pct"][[*keys, "printed"]]
    printed = printed.astype({"printed": float}).assign(
        bias=[bias_token(b) for b in printed["bias"].astype(float)]
    )
    joined = frame.merge(printed, on=keys, how="left").rename(columns={"printed": "paper_genuine_pct"})
    different = [name for name, reasons in (others or {}).items() if "" in reasons]
    joined.loc[joined["entry"].isin(different), "paper_genuine_pct"] = np.nan
    last = ["paper_genuine_pct", "data_source", "classes", "entry"]
    return joined[[*(c for c in joined if c not in last), *last]]


def descent_table(datasets: dict[str, dict], files: list[str]) -> pd.DataFrame:
    """Where gradient descent ended, by data set, bias and start."""
    rows = []
    for path in files:
        with np.load(path) as runs:
            name, bias = str(runs["dataset"]), str(runs["bias"])
            entry = datasets[name]
            for start, label in STARTS.items():
                row = {key: entry[key] for key in ("dataset", "d", "K", "N")}
                row |= {"bias": bias, "start": label} | endings(runs, runs["start"] == start)
                rows.append(row | {"data_source": entry["data_source"], "entry": name})
    return pd.DataFrame(rows)


def endings(runs, mine: np.ndarray) -> dict:
    """How some of the runs of a file ended."""
    row = {"n_runs": int(mine.sum())}
    for outcome in ("trapped", "crossed", "undecided"):
        row[outcome] = int((runs["outcome"][mine] == outcome).sum())
    steps = runs["steps"][mine & (runs["outcome"] != "undecided")]
    row["median_steps"] = np.median(steps) if len(steps) else np.nan
    row["median_step_size"] = np.median(runs["step"][mine]) if mine.any() else np.nan
    excess = (runs["loss"] - runs["minimum"])[mine & (runs["outcome"] == "trapped")]
    row["largest_excess_loss"] = excess.max() if len(excess) else np.nan
    return row


def readable(frame: pd.DataFrame) -> pd.DataFrame:
    """The columns for readers: value and interval in one cell."""
    shown = frame[["dataset", "d", "K", "N", "bias", "convention"]].astype(str)
    for column, header in HEADERS.items():
        shown[header] = with_interval(frame, column, 1)
    shown["verified %"] = frame["verified_pct"].map(lambda v: "—" if pd.isna(v) else f"{v:.1f}")
    shown["paper's genuine %"] = frame["paper_genuine_pct"].map(lambda v: "—" if pd.isna(v) else f"{v:g}")
    shown = with_classes(shown, frame)
    return shown.assign(trials=frame["n_trials"].astype(str), source=frame["data_source"])


def readable_descent(frame: pd.DataFrame) -> pd.DataFrame:
    shown = frame[["dataset", "d", "K", "N", "bias", "start", "n_runs"]].astype(str)
    for outcome in ("trapped", "crossed", "undecided"):
        shown[outcome] = frame[outcome].astype(str)
    for column, header in (
        ("median_steps", "median steps"),
        ("median_step_size", "median step size"),
        ("largest_excess_loss", "largest excess loss"),
    ):
        shown[header] = frame[column].map(lambda v: "—" if pd.isna(v) else f"{v:.3g}")
    return shown.assign(source=frame["data_source"])


def notes(frame: pd.DataFrame, confidence: float) -> list[str]:
    return [
        f"Brackets: {100 * confidence:g} % Wilson intervals over the weight draws of one data set. "
        f"{in_words()}. Bad: a network with a strictly lower loss is known. Verified: the share of the "
        "decided cells whose certificate was proven.",
        *stand_in_notes(frame),
    ]


DESCENT_NOTE = (
    "Certified minima for the drawn signs, or for the signs that were found. Each run takes the largest "
    "step that is stable at its start, because the paper's 1e-6 would take too long. Excess loss: how far "
    "the loss of a trapped run lies above the minimum of the cell."
)

if __name__ == "__main__":
    with job(snakemake) as log:
        files, params, out = snakemake.input, snakemake.params, snakemake.output
        datasets = with_facts(params.datasets, files.data)
        decisions = {name: list(files[name]) for name in CONVENTIONS}
        frame = conventions_table(datasets, decisions, list(files.verified), params.confidence)
        frame = add_printed(frame, pd.read_csv(files.printed), params.others)
        title, lines = "Genuine minima by sign convention", notes(frame, params.confidence)
        write_table(frame, readable(frame), part(out, "table_"), title, lines)
        descent = descent_table(datasets, list(files.witnesses))
        title = "Gradient descent from certified minima"
        write_table(descent, readable_descent(descent), part(out, "descent_"), title, [DESCENT_NOTE])
        log.info("%d rows; %g %% to %g %% genuine", len(frame), *frame["genuine_pct"].agg(["min", "max"]))
        log.info("certificates proven: at least %g %% in each row", frame["verified_pct"].min())
