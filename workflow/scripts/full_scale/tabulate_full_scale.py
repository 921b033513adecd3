"""Share of genuine minima on every image of two classes, beside that on the paper's few."""

from pathlib import Path

import numpy as np
import pandas as pd

from relucells.pipeline.decisions import CONVENTIONS
from relucells.pipeline.job import job
from relucells.pipeline.tables import share, stand_in_notes, with_interval, write_table

REASONS = ("sample", "multipliers", "conflicts")


def summarise(arrays, convention: str, confidence: float) -> dict:
    """One convention's shares of all trials, and counts of what decided and of how it was checked."""
    verdict, reason = arrays[f"{convention}_verdict"], arrays[f"{convention}_reason"]
    decided = verdict != "undecided"
    checked = arrays[f"{convention}_level"][decided]
    row = {"n_trials": len(verdict)}
    for name, hits in (("genuine_pct", verdict == "genuine"), ("undecided_pct", ~decided)):
        row[name], row[f"{name}_low"], row[f"{name}_high"] = share(hits, confidence)
    row |= {f"none_by_{name}": int((reason[verdict == "none"] == name).sum()) for name in REASONS}
    row |= {"undecided": int((~decided).sum()), "verified": int((checked == "proven").sum())}
    row["numerical"] = int((checked == "numerical").sum())
    row["mean_loss"] = arrays[f"{convention}_loss"].mean()
    row["rank_low"], row["rank_high"] = arrays["rank"].min(), arrays["rank"].max()
    row["activated_pct"] = 100 * arrays["activated"].mean()
    return row


def shares(files: list[str], images: str, confidence: float) -> pd.DataFrame:
    """A row per N, K, bias and convention; a file is named N/K/bias.npz."""
    rows = []
    for file in map(Path, files):
        with np.load(file) as arrays:
            N, K = int(arrays["N"]), int(file.parts[-2])
            for convention in CONVENTIONS:
                row = {"images": images, "K": K, "N": N, "bias": file.stem, "convention": convention}
                row |= summarise(arrays, convention, confidence)
                rows.append(row | {"data_source": str(arrays["data_source"])})
    return pd.DataFrame(rows)


def readable(frame: pd.DataFrame) -> pd.DataFrame:
    """What a reader wants to see: value and interval in one cell, how certificates were checked in words."""
    shown = frame[["images", "K", "N", "bias", "convention"]].astype(str)
    shown["genuine %"] = with_interval(frame, "genuine_pct", 0)
    for name in REASONS:
        shown[f"none: {name}"] = frame[f"none_by_{name}"].astype(str)
    shown["undecided"] = frame["undecided"].astype(str)
    shown["proven"] = frame["verified"].astype(str)
    shown["numerical"] = frame["numerical"].astype(str)
    shown["mean loss"] = frame["mean_loss"].map("{:.4g}".format)
    shown["rank A"] = [
        f"{low}" if low == high else f"{low} to {high}"
        for low, high in zip(frame["rank_low"], frame["rank_high"], strict=True)
    ]
    return shown.assign(draws=frame["n_trials"].astype(str), source=frame["data_source"])


if __name__ == "__main__":
    with job(snakemake) as log:
        params = snakemake.params
        frame = shares(list(snakemake.input), params.images, params.confidence)
        notes = [
            f"Brackets: {100 * params.confidence:g} % Wilson intervals over the weight draws. positive: "
            "every z_j > 0; uniform: all z_j of one sign; sampled: the signs of the drawn z; exists: some "
            "choice of signs. None: cells without a genuine minimum, by what shows it: the fitted value "
            "of one sample, multipliers on pairs of a sample and a neuron, or several of these. Proven: "
            "certificates that were checked with proven error bounds or in exact arithmetic; numerical: "
            "within tolerances.",
            *stand_in_notes(frame),
        ]
        write_table(frame, readable(frame), snakemake.output, "Genuine minima at full scale", notes)
        checked = frame["verified"] + frame["numerical"]
        unverified = int((frame["n_trials"] - frame["undecided"] - checked).sum())
        undecided = int(frame["undecided"].sum())
        log.info("%d rows; %d cells undecided; %d not verified", len(frame), undecided, unverified)
