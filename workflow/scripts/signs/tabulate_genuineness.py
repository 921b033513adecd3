"""Share of genuine minima under every sign convention, beside the paper's column, and what descent does."""

from pathlib import Path

import numpy as np
import pandas as pd

from relucells.pipeline.decisions import CONVENTIONS
from relucells.pipeline.job import job
from relucells.pipeline.names import bias_token
from relucells.pipeline.tables import share, stand_in_notes, with_facts, with_interval, write_table

HEADERS = {"genuine_pct": "genuine %", "bad_pct": "bad % of genuine", "undecided_pct": "undecided %"}
STARTS = {"witness": "certified minimum", "perturbed": "close to it", "drawn": "drawn weights"}


def join(paths: list[str], names: list[str]) -> dict[str, np.ndarray]:
    """Arrays of several blocks of trials, one after the other."""
    paths = sorted(paths, key=lambda path: int(Path(path).parent.name.split("-")[0]))
    parts: dict[str, list[np.ndarray]] = {name: [] for name in names}
    for path in paths:
        with np.load(path) as arrays:
            for name in names:
                parts[name].append(arrays[name])
    return {name: np.concatenate(found) for name, found in parts.items()}


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
    datasets: dict[str, dict], files: dict[str, list[str]], confidence: float
) -> pd.DataFrame:
    """A row per data set, bias and convention; ``datasets`` maps names to config entries with sizes."""
    rows = []
    for name, entry in datasets.items():
        for bias in map(bias_token, entry["biases"]):
            mine = {
                step: [path for path in paths if Path(path).parts[-4:-2] == (name, bias)]
                for step, paths in files.items()
            }
            verdicts = {"positive": join(mine["lp"], ["verdict"])["verdict"]}
            names = [f"{convention}_verdict" for convention in CONVENTIONS[1:]]
            found = join(mine["conventions"], names)
            verdicts |= {convention: found[f"{convention}_verdict"] for convention in CONVENTIONS[1:]}
            keys = [f"{convention}_{what}" for convention in CONVENTIONS for what in ("level", "quality")]
            checked = join(mine["verified"], keys)
            for convention in CONVENTIONS:
                row = {key: entry[key] for key in ("dataset", "d", "K", "N")}
                row |= {"bias": bias, "convention": convention}
                levels, qualities = (checked[f"{convention}_{what}"] for what in ("level", "quality"))
                row |= summarise(verdicts[convention], levels, qualities, confidence)
                rows.append(row | {"data_source": entry["data_source"], "entry": name})
    return pd.DataFrame(rows)


def add_printed(frame: pd.DataFrame, printed: pd.DataFrame) -> pd.DataFrame:
    """The paper's share beside ours; it ran one convention, without saying so: every z_j > 0."""
    keys = ["dataset", "d", "K", "N", "bias"]
    printed = printed[printed["column"] == "genuine_pct"][[*keys, "printed"]]
    printed = printed.astype({"printed": float}).assign(
        bias=[bias_token(b) for b in printed["bias"].astype(float)]
    )
    joined = frame.merge(printed, on=keys, how="left").rename(columns={"printed": "paper_genuine_pct"})
    order = [c for c in joined if c not in ("paper_genuine_pct", "data_source", "entry")]
    return joined[[*order, "paper_genuine_pct", "data_source", "entry"]]


def descent_table(datasets: dict[str, dict], files: list[str]) -> pd.DataFrame:
    """Where gradient descent ended, by data set, bias and start."""
    rows = []
    for name, entry in datasets.items():
        for bias in map(bias_token, entry["biases"]):
            path = next(path for path in files if Path(path).parts[-2:] == (name, f"{bias}.npz"))
            with np.load(path) as runs:
                for start, label in STARTS.items():
                    mine = runs["start"] == start
                    row = {key: entry[key] for key in ("dataset", "d", "K", "N")}
                    row |= {"bias": bias, "start": label, "n_runs": int(mine.sum())}
                    for outcome in ("trapped", "crossed", "undecided"):
                        row[outcome] = int((runs["outcome"][mine] == outcome).sum())
                    steps = runs["steps"][mine & (runs["outcome"] != "undecided")]
                    row["median_steps"] = np.median(steps) if len(steps) else np.nan
                    row["median_step_size"] = np.median(runs["step"][mine]) if mine.any() else np.nan
                    excess = (runs["loss"] - runs["minimum"])[mine & (runs["outcome"] == "trapped")]
                    row["largest_excess_loss"] = excess.max() if len(excess) else np.nan
                    rows.append(row | {"data_source": entry["data_source"], "entry": name})
    return pd.DataFrame(rows)


def readable(frame: pd.DataFrame) -> pd.DataFrame:
    """What a reader wants to see: value and interval in one cell."""
    shown = frame[["dataset", "d", "K", "N", "bias", "convention"]].astype(str)
    for column, header in HEADERS.items():
        shown[header] = with_interval(frame, column, 1)
    shown["verified %"] = frame["verified_pct"].map(lambda v: "—" if pd.isna(v) else f"{v:.1f}")
    shown["paper's genuine %"] = frame["paper_genuine_pct"].map(lambda v: "—" if pd.isna(v) else f"{v:g}")
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


if __name__ == "__main__":
    with job(snakemake) as log:
        files, params, out = snakemake.input, snakemake.params, snakemake.output
        datasets = with_facts(params.datasets, files.data)
        frame = conventions_table(
            datasets,
            {step: list(files[step]) for step in ("lp", "conventions", "verified")},
            params.confidence,
        )
        frame = add_printed(frame, pd.read_csv(files.printed))
        notes = [
            f"Brackets: {100 * params.confidence:g} % Wilson intervals over the weight draws of one data "
            "set. positive: every z_j > 0; uniform: all z_j of one sign; sampled: the signs of the drawn z; "
            "exists: some choice of signs. Bad: a network with a strictly lower loss is known. Verified: "
            "share of the decided cells whose certificate was checked.",
            *stand_in_notes(frame),
        ]
        table = {key: out[f"table_{key}"] for key in ("csv", "md", "tex")}
        write_table(frame, readable(frame), table, "Genuine minima by sign convention", notes)
        descent = descent_table(datasets, list(files.witnesses))
        note = (
            "Certified minima of the drawn signs, or of the signs found. Each run takes the largest step "
            "that is stable at its start, because the paper's 1e-6 would take too long. Excess loss: of the "
            "trapped runs, over the minimum of the cell."
        )
        table = {key: out[f"descent_{key}"] for key in ("csv", "md", "tex")}
        write_table(
            descent, readable_descent(descent), table, "Gradient descent meets certified minima", [note]
        )
        log.info("%d rows; %g %% to %g %% genuine", len(frame), *frame["genuine_pct"].agg(["min", "max"]))
        log.info("certificates verified: at least %g %% in each row", frame["verified_pct"].min())
