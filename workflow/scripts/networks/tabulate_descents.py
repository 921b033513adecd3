"""Count the ends of gradient descent by their kind, for each data set and bias."""

import json
from pathlib import Path

import numpy as np
import pandas as pd

from relucells.pipeline.job import job
from relucells.pipeline.tables import stand_in_notes, write_table

KINDS = ("differentiable minimum", "non-differentiable minimum", "saddle", "not stationary")


def row(group: dict) -> dict:
    """Counts and medians of one data set and bias."""
    ends = group["ends"]
    points = [end["point"] for end in ends if end["point"]]

    def median(values: list) -> float:
        return float(np.median(values)) if values else np.nan

    return {
        "dataset": group["dataset"],
        "bias": group["bias"],
        "n_trials": len(ends),
        **{
            kind.replace(" ", "_").replace("-", "_"): sum(end["kind"] == kind for end in ends)
            for kind in KINDS
        },
        "bad": sum(end["quality"] == "bad" for end in ends),
        "global": sum(end["quality"] == "global" for end in ends),
        "median_loss": median([end["loss"] for end in ends]),
        "median_relative_distance": median([point["relative_distance"] for point in points]),
        "on_to_differentiable": sum(end["descent"]["kind"] == KINDS[0] for end in ends),
        "on_to_non_differentiable": sum(end["descent"]["kind"] == KINDS[1] for end in ends),
        "on_to_certified": sum(end["descent"]["certified"] for end in ends),
        "median_descent_loss": median([end["descent"]["loss"] for end in ends]),
        "median_descent_relative_distance": median([end["descent"]["relative_distance"] for end in ends]),
        "genuine_given": sum(end["cell"]["given"]["verdict"] == "genuine" for end in ends),
        "genuine_exists": sum(end["cell"]["exists"]["verdict"] == "genuine" for end in ends),
        "better_known": sum(end["better"] is not None for end in ends),
        "data_source": group["data_source"],
    }


def readable(frame: pd.DataFrame) -> pd.DataFrame:
    """The columns for readers."""
    shown = frame[["dataset", "bias", "n_trials"]].astype(str).rename(columns={"n_trials": "runs"})
    shown["differentiable"] = frame["differentiable_minimum"]
    shown["non-differentiable"] = frame["non_differentiable_minimum"]
    shown["saddle"], shown["not stationary"] = frame["saddle"], frame["not_stationary"]
    shown["loss"] = frame["median_loss"].map("{:.3g}".format)
    shown["goes on to"] = [
        f"{a} differentiable, {b} kinked"
        for a, b in zip(frame["on_to_differentiable"], frame["on_to_non_differentiable"], strict=True)
    ]
    shown["there: loss"] = frame["median_descent_loss"].map("{:.3g}".format)
    shown["at % of its size"] = (100 * frame["median_descent_relative_distance"]).map("{:.3g}".format)
    shown["certified"] = frame["on_to_certified"]
    shown["cell genuine"] = frame["genuine_given"].astype(str) + " / " + frame["genuine_exists"].astype(str)
    return shown.assign(**{"better known": frame["better_known"]})


if __name__ == "__main__":
    with job(snakemake) as log:
        groups = [json.loads(Path(path).read_text(encoding="utf-8")) for path in snakemake.input]
        table = pd.DataFrame([row(group) for group in groups])
        title = "Where gradient descent has come to when it stops"
        write_table(table, readable(table), snakemake.output, title, stand_in_notes(table))
        log.info("%d runs", table["n_trials"].sum())
