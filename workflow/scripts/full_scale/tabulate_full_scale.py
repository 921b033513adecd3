"""Share of genuine minima on every image of two classes, beside that on the paper's few."""

from collections.abc import Iterable

import numpy as np
import pandas as pd

from relucells.pipeline.conventions import in_words
from relucells.pipeline.job import job
from relucells.pipeline.tables import share, stand_in_notes, with_interval, write_table

REASONS = ("sample", "multipliers", "conflicts")


def summarise(arrays, confidence: float) -> dict:
    """Shares of all trials of a file; counts by what decided and by how it was checked."""
    verdict, reason = arrays["verdict"], arrays["reason"]
    decided = verdict != "undecided"
    checked = arrays["checked"][decided]
    row = {"n_trials": len(verdict)}
    for name, hits in (("genuine_pct", verdict == "genuine"), ("undecided_pct", ~decided)):
        row[name], row[f"{name}_low"], row[f"{name}_high"] = share(hits, confidence)
    row |= {f"none_by_{name}": int((reason[verdict == "none"] == name).sum()) for name in REASONS}
    row |= {"undecided": int((~decided).sum()), "verified": int((checked == "proven").sum())}
    row["numerical"] = int((checked == "numerical").sum())
    row["programs"] = int(arrays["programs"].sum())
    row["mean_loss"] = arrays["loss"].mean()
    row["rank_low"], row["rank_high"] = arrays["rank"].min(), arrays["rank"].max()
    row["activated_pct"] = 100 * arrays["activated"].mean()
    return row


def shares(files: Iterable[str], confidence: float) -> pd.DataFrame:
    """A row per N, K, bias and convention, each from a file of its own."""
    rows = []
    for file in files:
        with np.load(file) as arrays:
            row = {name: arrays[name].item() for name in ("images", "K", "N", "bias")}
            row |= {"convention": str(arrays["asked"])} | summarise(arrays, confidence)
            rows.append(row | {"data_source": str(arrays["data_source"])})
    return pd.DataFrame(rows)


def readable(frame: pd.DataFrame) -> pd.DataFrame:
    """The columns for readers: value and interval in one cell, and how certificates were checked."""
    shown = frame[["images", "K", "N", "bias", "convention"]].astype(str)
    shown["genuine %"] = with_interval(frame, "genuine_pct", 0)
    for name in REASONS:
        shown[f"none: {name}"] = frame[f"none_by_{name}"].astype(str)
    shown["undecided"] = frame["undecided"].astype(str)
    shown["proven"] = frame["verified"].astype(str)
    shown["numerical"] = frame["numerical"].astype(str)
    shown["linear programs"] = frame["programs"].astype(str)
    shown["mean loss"] = frame["mean_loss"].map("{:.4g}".format)
    shown["rank A"] = [
        f"{low}" if low == high else f"{low} to {high}"
        for low, high in zip(frame["rank_low"], frame["rank_high"], strict=True)
    ]
    return shown.assign(draws=frame["n_trials"].astype(str), source=frame["data_source"])


if __name__ == "__main__":
    with job(snakemake) as log:
        params = snakemake.params
        frame = shares(snakemake.input, params.confidence)
        notes = [
            f"Brackets: {100 * params.confidence:g} % Wilson intervals over the weight draws. "
            f"{in_words()}. None: cells without a genuine minimum, by what shows it: the fitted value of one "
            "sample, multipliers on pairs of a sample and a neuron, or several of these. Proven: the "
            "certificate was checked with proven error bounds or in exact arithmetic. Numerical: within "
            "tolerances.",
            *stand_in_notes(frame),
        ]
        write_table(frame, readable(frame), snakemake.output, "Genuine minima at full scale", notes)
        checked = frame["verified"] + frame["numerical"]
        unverified = int((frame["n_trials"] - frame["undecided"] - checked).sum())
        undecided = int(frame["undecided"].sum())
        log.info("%d rows; %d cells undecided; %d not verified", len(frame), undecided, unverified)
