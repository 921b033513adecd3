"""Table VI: each entry, where its mean lies in repeated experiments, and the printed mean's place there.

A chord along a random direction has a tail like 1/t, so the mean diameter has no expectation: it never
settles, and an interval from one experiment's spread would be wrong. ``low`` and ``high`` are therefore
the quantiles, at the configured level, of the mean over repeated experiments; medians and quantiles of a
single diameter do settle and follow in columns of their own.
"""

import numpy as np
import pandas as pd

from relucells.pipeline.diameter_experiments import SLACK, finite_mean, place
from relucells.pipeline.job import job, write_csv
from relucells.pipeline.tables import stand_in_notes, write_table
from relucells.pipeline.verdicts import half_unit

QUANTILES = {"q05": 0.05, "q25": 0.25, "q75": 0.75, "q95": 0.95}


def conclusion(printed: str, low: float, high: float, level: float) -> str:
    """What the place of a printed mean does and does not show."""
    value, rounding = float(printed), half_unit(printed) + SLACK
    if value + rounding < low or value - rounding > high:
        side = "below" if value < low else "above"
        return f"{side} {100 * level:g} % of our repeated means: another experiment, or a rare draw"
    if high > 2 * low:
        return f"among our repeated means, but they spread by a factor of {high / low:.2g}: shows little"
    return f"among our repeated means, which spread by a factor of {high / low:.2f}: the settings fit"


def table(
    measured: list[dict], repeated: dict[tuple, np.ndarray], printed: dict[tuple, str], level: float
) -> pd.DataFrame:
    """A row per entry. ``repeated`` and ``printed`` are keyed by (dataset, d, N)."""
    rows = []
    for entry in measured:
        key = entry["dataset"], entry["d"], entry["N"]
        closed = entry["diameters"][np.isfinite(entry["diameters"])]
        means = repeated[key][np.isfinite(repeated[key])]
        low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2]) if len(means) else (np.nan, np.nan)
        row = {
            "dataset": key[0],
            "d": key[1],
            "N": key[2],
            "mean_diameter": finite_mean(entry["diameters"]),
            # Of all cells: an open one is longer than any other, which a median can use.
            "median_diameter": np.median(entry["diameters"]),
            "low": low,
            "high": high,
            "open_pct": 100 * np.isinf(entry["diameters"]).mean(),
            "n_weights": len(entry["diameters"]),
            "data_source": entry["data_source"],
        }
        row |= {name: np.quantile(closed, q) if len(closed) else np.nan for name, q in QUANTILES.items()}
        row |= {
            "largest": closed.max() if len(closed) else np.nan,
            "n_repetitions": len(means),
            "median_of_means": np.median(means) if len(means) else np.nan,
        }
        if key in printed and entry["data_source"] == "stand-in":
            row |= {"printed": float(printed[key]), "conclusion": "stand-in images: not comparable"}
        elif key in printed and len(means):
            row["printed"] = float(printed[key])
            row["share_below"], row["p"] = place(printed[key], means)
            row["conclusion"] = conclusion(printed[key], low, high, level)
        else:
            row["conclusion"] = "not in print"
        rows.append(row)
    frame = pd.DataFrame(rows)
    return frame.reindex(columns=[*frame.columns.drop("conclusion"), "conclusion"])


def load(path: str) -> dict:
    """An npz of one entry; its single values as plain ones."""
    with np.load(path) as arrays:
        return {name: arrays[name] if arrays[name].ndim else arrays[name].item() for name in arrays.files}


def readable(frame: pd.DataFrame) -> pd.DataFrame:
    def number(value: float) -> str:
        return "—" if pd.isna(value) else "∞" if np.isinf(value) else f"{value:#.3g}"

    shown = frame[["dataset", "d", "N"]].astype(str)
    shown["mean"] = frame["mean_diameter"].map(number)
    shown["repeated means"] = [
        f"{number(low)} – {number(high)}" for low, high in zip(frame["low"], frame["high"], strict=True)
    ]
    if "printed" in frame:
        shown["printed"] = frame["printed"].map(lambda value: "—" if pd.isna(value) else f"{value:g}")
    if "p" in frame:
        shown["p"] = frame["p"].map(lambda value: "—" if pd.isna(value) else f"{value:.2f}")
    shown["median"] = frame["median_diameter"].map(number)
    shown["5 % – 95 %"] = [
        f"{number(low)} – {number(high)}" for low, high in zip(frame["q05"], frame["q95"], strict=True)
    ]
    shown["open %"] = frame["open_pct"].map("{:.1f}".format)
    return shown.assign(source=frame["data_source"], conclusion=frame["conclusion"])


if __name__ == "__main__":
    with job(snakemake) as log:
        settings, level = snakemake.params.settings, snakemake.params.level
        paper = pd.read_csv(snakemake.input.printed, dtype={"printed": str})
        paper = paper[paper["table"] == "VI"]
        printed = {(row.dataset, row.d, row.N): row.printed for row in paper.itertuples()}
        repeats = [load(path) for path in snakemake.input.repeated]
        repeated = {(entry["dataset"], entry["d"], entry["N"]): entry["means"] for entry in repeats}
        means = pd.concat(
            pd.DataFrame(
                {
                    "dataset": dataset,
                    "d": d,
                    "N": N,
                    "repetition": np.arange(1, len(values) + 1),
                    "mean_diameter": values,
                }
            )
            for (dataset, d, N), values in repeated.items()
        )
        write_csv(snakemake.output.means, means)
        frame = table([load(path) for path in snakemake.input.measured], repeated, printed, level)
        count = settings["repetitions"]
        notes = [
            f"Mean diameter of {settings['weights']:,} cells, open ones left out, along "
            f"{settings['directions_per_d']}·d directions.",
            "The mean has no expectation (its tail is like 1/t). Repeated means: where the middle "
            f"{100 * level:g} % of {count} repeated experiments lie; p: two-sided, of the printed mean's "
            f"rank among them, never below {2 / (count + 1):.2f}. Median and quantiles are those of a "
            "single diameter and do settle; the median counts open cells as the longest, the quantiles "
            "leave them out.",
            f"Images: choice {settings['choice']}, grey {settings['grey']}. The paper names neither; what "
            "its numbers say about them stands in the table of conventions.",
            *stand_in_notes(frame),
        ]
        write_table(frame, readable(frame), snakemake.output, "Table VI", notes)
        for row in frame.itertuples():
            log.info(
                "%s d = %d, N = %d: mean %.4g; %s",
                row.dataset,
                row.d,
                row.N,
                row.mean_diameter,
                row.conclusion,
            )
