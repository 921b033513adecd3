"""Counts of spurious minima, their families, and the agreement with the published counts."""

import numpy as np
import pandas as pd

from relucells.pipeline.job import job, write_csv
from relucells.statistics import mean_prediction, share_prediction

# The published counts are out of so many runs; their means are printed with so many decimals.
PUBLISHED_RUNS = 1000
PUBLISHED_DECIMALS = 4


def count_row(k: int, n: int, ends: dict, minima: dict) -> dict:
    """One row of safran_shamir.csv; the means are over certified end points."""
    spurious = ends["outcome"] == "spurious"
    certified = minima["certified"]
    known = certified.any()
    return {
        "k": k,
        "n": n,
        "runs": len(spurious),
        "spurious": int(spurious.sum()),
        "mean_min_eigenvalue": minima["min_eigenvalue"][certified].mean() if known else np.nan,
        "mean_objective": ends["objective"][spurious][certified].mean() if known else np.nan,
        "certified": int(certified.sum()),
    }


def family_rows(k: int, n: int, minima: dict) -> list[dict]:
    """Rows of safran_shamir_families.csv, the lowest minimum first."""
    return [
        {
            "k": k,
            "n": n,
            "objective": minima["minimum_objective"][i],
            "min_eigenvalue": minima["minimum_min_eigenvalue"][i],
            "count": int(minima["count"][i]),
            "certified": bool(minima["minimum_certified"][i]),
        }
        for i in np.argsort(minima["minimum_objective"], kind="stable")
    ]


def agreement_rows(
    row: dict, ends: dict, minima: dict, published: pd.Series, confidence: float
) -> list[dict]:
    """Each published figure of one (k, n) and the interval in which it should lie, given ours.

    Counts: the prediction interval of a second binomial experiment. Means: Student's, widened by the
    rounding of print; a mean over fewer than two points has none.
    """
    low, high, _ = share_prediction([row["spurious"]], row["runs"], PUBLISHED_RUNS, confidence)
    rows = [
        {
            "quantity": "spurious_share",
            "published": published["spurious_of_1000"] / PUBLISHED_RUNS,
            "ours": row["spurious"] / row["runs"],
            "low": low,
            "high": high,
        }
    ]
    certified = minima["certified"]
    values = {
        "mean_min_eigenvalue": minima["min_eigenvalue"][certified],
        "mean_objective": ends["objective"][ends["outcome"] == "spurious"][certified],
    }
    rounding = 0.5 * 10.0**-PUBLISHED_DECIMALS
    for quantity, value in values.items():
        low = high = np.nan
        if len(value) > 1:
            low, high, *_ = mean_prediction(
                [value.mean()], value.var(ddof=1), len(value), int(published["spurious_of_1000"]), confidence
            )
        rows.append(
            {
                "quantity": quantity,
                "published": published[quantity],
                "ours": row[quantity],
                "low": low - rounding,
                "high": high + rounding,
            }
        )
    return [{"k": row["k"], "n": row["n"], **entry, "verdict": verdict(entry)} for entry in rows]


def verdict(entry: dict) -> str:
    if np.isnan(entry["low"]):
        return "not comparable"
    return "agrees" if entry["low"] <= entry["published"] <= entry["high"] else "differs"


FAMILIES = ["k", "n", "objective", "min_eigenvalue", "count", "certified"]
AGREEMENT = ["k", "n", "quantity", "published", "ours", "low", "high", "verdict"]


def all_rows(files, students: list, confidence: float) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Counts, families, and agreement with the published figures; ``files`` are those of the rule."""
    published = pd.read_csv(files.published).set_index(["k", "n"])
    counts, families, agreement = [], [], []
    for (k, n), ends_file, minima_file in zip(students, files.ends, files.minima, strict=True):
        with np.load(ends_file) as file:
            ends = {name: file[name] for name in ("outcome", "objective")}
        with np.load(minima_file) as file:
            minima = {name: file[name] for name in file.files if name != "minima"}
        counts.append(count_row(k, n, ends, minima))
        families += family_rows(k, n, minima)
        if (k, n) in published.index:
            agreement += agreement_rows(counts[-1], ends, minima, published.loc[(k, n)], confidence)
    return (
        pd.DataFrame(counts),
        pd.DataFrame(families, columns=FAMILIES),
        pd.DataFrame(agreement, columns=AGREEMENT),
    )


if __name__ == "__main__":
    with job(snakemake) as log:
        params, outputs = snakemake.params, snakemake.output
        counts, families, agreement = all_rows(snakemake.input, params.students, params.confidence)
        for path, frame in (
            (outputs.counts, counts),
            (outputs.families, families),
            (outputs.agreement, agreement),
        ):
            write_csv(path, frame)
        found = ", ".join(f"{number} {name}" for name, number in agreement["verdict"].value_counts().items())
        log.info("%d students, %d families", len(counts), len(families))
        log.info("of %d published figures: %s", len(agreement), found or "none compared")
