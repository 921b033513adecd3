"""Table VI: each entry, where its mean lies in other experiments, and the printed mean's rank there.

A chord along a random direction has a tail like 1/t. So unless diameters are bounded (``open_beyond``), the
mean has no expectation and never settles, and an interval from one experiment's spread would be wrong.
``low`` and ``high`` hold the mean of another experiment with the configured confidence, by its rank among
``other_means``. Medians and quantiles of a single diameter settle in any case and have columns of their own.
"""

import numpy as np
import pandas as pd

from relucells.pipeline.diameter_experiments import (
    closed,
    mean_diameter,
    other_means,
    place,
    read_experiments,
)
from relucells.pipeline.job import job, write_csv
from relucells.pipeline.tables import stand_in_notes, write_table
from relucells.pipeline.verdicts import SLACK, half_unit
from relucells.statistics import rank_prediction

QUANTILES = {"q05": 0.05, "q25": 0.25, "q75": 0.75, "q95": 0.95}
KEYS = ["dataset", "d", "N"]


def conclusion(printed: str, low: float, high: float, confidence: float) -> str:
    """What the rank of a printed mean does and does not show."""
    value, rounding = float(printed), half_unit(printed) + SLACK
    if value + rounding < low or value - rounding > high:
        side = "below" if value < low else "above"
        return f"{side} {100 * confidence:g} % of our other means: another experiment, or a rare draw"
    if high > 2 * low:
        return f"among our other means, but they spread by a factor of {high / low:.2g}: shows little"
    return f"among our other means, which spread by a factor of {high / low:.2f}: the settings fit"


def describe(diameters: np.ndarray, open_beyond: float | None) -> dict[str, float]:
    """What one experiment, (n,), says by itself."""
    kept = diameters[closed(diameters, open_beyond)]
    # Over all cells: an open one counts as longer than any other, which is enough for a median.
    row = {"mean_diameter": mean_diameter(diameters, open_beyond), "median_diameter": np.median(diameters)}
    row |= {"open_pct": 100 * (1 - len(kept) / len(diameters)), "n_weights": len(diameters)}
    row["no_hit_pct"] = 100 * np.isinf(diameters).mean()
    row |= {name: np.quantile(kept, q) if len(kept) else np.nan for name, q in QUANTILES.items()}
    return row | {"largest": kept.max() if len(kept) else np.nan}


def judge(means: np.ndarray, printed: str | None, data_source: str, confidence: float) -> dict:
    """Where the mean of another experiment lies, and whether the printed one lies there."""
    low, high = rank_prediction(means, confidence)
    row = {"low": low, "high": high} if np.isfinite(low) else {"low": np.nan, "high": np.nan}
    row["median_of_means"] = np.median(means) if len(means) else np.nan
    if printed is None:
        return row | {"conclusion": "not in print"}
    row["printed"] = float(printed)
    if data_source == "stand-in":
        return row | {"conclusion": "stand-in images: not comparable"}
    row["share_below"], row["p"] = place(printed, means)
    row["least_p"] = 2 / (len(means) + 1)
    if not np.isfinite(low):
        return row | {"conclusion": f"{len(means)} repetitions are too few for ranks"}
    return row | {"conclusion": conclusion(printed, low, high, confidence)}


def table(
    measured: list[dict],
    repeated: dict[tuple, dict],
    printed: dict[tuple, str],
    open_beyond: float | None,
    confidence: float,
) -> pd.DataFrame:
    """A row per entry; ``repeated`` (see ``run_experiments``), ``printed``: by (dataset, d, N)."""
    rows = []
    for entry in measured:
        key, source = tuple(entry[name] for name in KEYS), entry["data_source"]
        row = dict(zip(KEYS, key, strict=True)) | {"data_source": source}
        if entry["left_out"]:
            shown = {"printed": float(printed[key])} if key in printed else {}
            rows.append(row | shown | {"conclusion": f"not measured: {entry['left_out']}"})
            continue
        again = repeated[key]
        (means,) = other_means(again["diameters"], [open_beyond], again["same_samples"], 0, *key)
        row |= describe(entry["diameters"][0], open_beyond)
        row |= {"n_repetitions": len(again["diameters"])}
        rows.append(row | judge(means, printed.get(key), source, confidence))
    names = ["mean_diameter", "median_diameter", "low", "high", "open_pct", "n_weights", "data_source"]
    names += [*QUANTILES, "largest", "no_hit_pct", "n_repetitions", "median_of_means"]
    names += ["printed", "share_below", "p", "least_p", "conclusion"]
    return pd.DataFrame(rows).reindex(columns=[*KEYS, *names])


def repeated_means(repeated: dict[tuple, dict], open_beyond: float | None) -> pd.DataFrame:
    """The mean of each repeated experiment."""
    parts = []
    for key, entry in repeated.items():
        values = [mean_diameter(row, open_beyond) for row in entry["diameters"]]
        numbers = {"repetition": np.arange(1, len(values) + 1), "mean_diameter": values}
        parts.append(pd.DataFrame(dict(zip(KEYS, key, strict=True)) | numbers))
    return pd.concat(parts)


def number(value: float) -> str:
    return "—" if pd.isna(value) else "∞" if np.isinf(value) else f"{value:#.3g}"


def between(low: pd.Series, high: pd.Series) -> list[str]:
    return [f"{number(a)} – {number(b)}" for a, b in zip(low, high, strict=True)]


def readable(frame: pd.DataFrame) -> pd.DataFrame:
    shown = frame[KEYS].astype(str)
    shown["mean"] = frame["mean_diameter"].map(number)
    shown["other means"] = between(frame["low"], frame["high"])
    shown["printed"] = frame["printed"].map(lambda value: "—" if pd.isna(value) else f"{value:g}")
    shown["p"] = frame["p"].map(lambda value: "—" if pd.isna(value) else f"{value:.2f}")
    shown["median"] = frame["median_diameter"].map(number)
    shown["5 % – 95 %"] = between(frame["q05"], frame["q95"])
    shown["open %"] = frame["open_pct"].map(lambda value: "—" if pd.isna(value) else f"{value:.1f}")
    return shown.assign(source=frame["data_source"], conclusion=frame["conclusion"])


def notes(settings: dict, confidence: float) -> list[str]:
    """What the reader of the table must know."""
    bound, count = settings["open_beyond"], settings["repetitions"]
    meaning = "in which some direction meets no hyperplane"
    if bound is not None:
        meaning += f", or whose diameter exceeds {bound:g},"
    lines = [
        f"Mean diameter of {settings['weights']:,} cells along {settings['directions_per_d']}·d directions. "
        f"Open cells, {meaning} are left out and counted (open %).".replace(",,", ","),
        f"Other means: the mean of another experiment lies there with {100 * confidence:g} % confidence. "
        "p: two-sided, of the printed mean's rank among other means. For Gaussian data these are the means "
        f"of {count} repeated experiments, so p is never below {2 / (count + 1):.2f}.",
    ]
    if bound is None:
        lines.append("For images too: without a bound the mean has no expectation, its tail is like 1/t.")
    else:
        lines.append(
            f"For images other experiments are made up of the cells of {count} repeated ones. The bound is "
            "not in the paper (paper/readings.md says where it comes from). Without a bound the mean has no "
            "expectation, its tail is like 1/t."
        )
    return [
        *lines,
        "Median and quantiles are those of a single diameter and settle. The median counts open cells as the "
        "longest, the quantiles leave them out.",
        f"Images: choice {settings['choice']}, grey {settings['grey']}. The paper names neither. The table "
        "of readings shows what its numbers say about them.",
    ]


def by_key(entries: list[dict]) -> dict[tuple, dict]:
    return {tuple(entry[name] for name in KEYS): entry for entry in entries}


if __name__ == "__main__":
    with job(snakemake) as log:
        settings, confidence = snakemake.params.settings, snakemake.params.confidence
        paper = pd.read_csv(snakemake.input.printed, dtype={"printed": str}).query("table == 'VI'")
        printed = {(row.dataset, row.d, row.N): row.printed for row in paper.itertuples()}
        repeated = by_key([read_experiments(path) for path in snakemake.input.repeated])
        measured = [read_experiments(path) for path in snakemake.input.measured]
        frame = table(measured, repeated, printed, settings["open_beyond"], confidence)
        write_csv(snakemake.output.means, repeated_means(repeated, settings["open_beyond"]))
        lines = [*notes(settings, confidence), *stand_in_notes(frame)]
        write_table(frame, readable(frame), snakemake.output, "Table VI", lines)
        for row in frame.itertuples():
            log.info("%s d = %d, N = %d: %.4g; %s", *row[1:5], row.conclusion)
