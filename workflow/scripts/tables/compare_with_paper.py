"""Every number that the paper prints beside ours, with the interval in which it would be no surprise.

The interval is a prediction interval for what the paper's experiment prints: it holds the noise of our
trials, of the paper's trials, of the draw of the one Gaussian data set, and the rounding of print. A
printed number inside it agrees, one outside differs.
"""

import numpy as np
import pandas as pd

from relucells.pipeline.job import job, write_csv
from relucells.pipeline.paper import COLUMNS, STAND_IN, TABLES
from relucells.pipeline.verdicts import half_unit
from relucells.statistics import mean_prediction, share_prediction

KEYS = ["dataset", "d", "K", "N", "bias"]
# Arrays of a repeated experiment, as percentages or shares, that stand behind a printed column.
REPEATED = {
    "genuine_pct": lambda repeated: repeated["genuine"],
    "continuous_pct": lambda repeated: ~repeated["unique"],
    "mean_gap_probability": lambda repeated: repeated["gap"],
    "activated_pct": lambda repeated: 100 * repeated["activated"],
}


def judge_share(
    ours: float, n: int, counts: np.ndarray, printed: float, paper_n: int, confidence: float
) -> tuple[float, float, float]:
    """(low, high, p) for a printed percentage of paper_n trials, which print leaves exact."""
    low, high, mass = share_prediction(counts, n, paper_n, confidence)
    count = round(printed / 100 * paper_n)
    p = min(1.0, 2 * min(mass[: count + 1].sum(), mass[count:].sum()))
    return 100 * low, 100 * high, p


def judge_mean(
    means: np.ndarray, variance: float, n: int, printed: str, paper_n: int, confidence: float
) -> tuple[float, float, float]:
    """(low, high, p) for a printed mean; the interval is widened by the rounding of print."""
    from scipy.stats import t

    low, high, error, freedom = mean_prediction(means, variance, n, paper_n, confidence)
    rounding = half_unit(printed)
    excess = max(abs(float(printed) - float(np.mean(means))) - rounding, 0.0)
    p = 1.0 if excess == 0 else float(2 * t.sf(excess / error, freedom)) if error > 0 else 0.0
    # The comparison is made in decimal print, so a last binary digit must not decide it.
    slack = 1e-9 * max(1.0, abs(low), abs(high))
    return low - rounding - slack, high + rounding + slack, p


def compare_tables(
    printed: pd.DataFrame, tables: pd.DataFrame, repeated: dict[tuple[str, str], dict], confidence: float
) -> pd.DataFrame:
    """Rows of results/comparison.csv for Tables I–V. ``printed`` holds the paper's numbers as text.

    tables : all rows of table_1 … table_5 with a column ``table``
    repeated : (entry, bias) -> arrays of repeat_data_draws, for Gaussian data sets
    """
    rows = []
    for paper in printed.itertuples(index=False):
        row = paper._asdict()
        same = (tables["table"] == paper.table) & (
            tables[KEYS].astype(str) == [str(getattr(paper, k)) for k in KEYS]
        ).all(axis=1)
        if not same.any():
            rows.append(row | not_comparable("the configuration has no such row"))
            continue
        ours = tables[same].iloc[0]
        row |= {"ours": ours[paper.column], "data_source": ours["data_source"]}
        n = int(ours["n_trials"])
        if ours["data_source"] == STAND_IN:
            rows.append(row | not_comparable("stand-in images"))
            continue
        if paper.column == "genuine_pct" and ours["lp_undecided_pct"] > 0:
            rows.append(row | not_comparable(f"{ours['lp_undecided_pct']:g} % of our cells are undecided"))
            continue
        again = repeated.get((ours["entry"], str(ours["bias"])))
        is_share = COLUMNS[paper.column].share
        if again is not None:
            values = np.asarray(REPEATED[paper.column](again), dtype=float)
            n = values.shape[1]
        if is_share:
            counts = values.sum(axis=1) if again is not None else np.array([row["ours"] / 100 * n])
            low, high, p = judge_share(
                row["ours"], n, counts, float(paper.printed), TABLES[paper.table].trials, confidence
            )
        else:
            if again is not None:
                means, variance = values.mean(axis=1), values.var(axis=1, ddof=1).mean() if n > 1 else 0.0
            else:
                means, variance = np.array([row["ours"]]), ours[f"{paper.column}_sd"] ** 2
            paper_n = TABLES[paper.table].trials
            low, high, p = judge_mean(means, variance, n, paper.printed, paper_n, confidence)
            if not low <= float(paper.printed) <= high:
                row["hint"] = trials_that_agree(means, variance, n, paper.printed, paper_n, confidence)
        largest = COLUMNS[paper.column].largest
        rows.append(row | {"low": max(low, 0.0), "high": min(high, largest), "p": p})
    return pd.DataFrame(rows)


def trials_that_agree(
    means: np.ndarray, variance: float, n: int, printed: str, paper_n: int, confidence: float
) -> str:
    """For a mean that differs: over how few trials the paper's could be taken for it to agree."""
    for fewer in range(paper_n - 1, 0, -1):
        low, high, _ = judge_mean(means, variance, n, printed, fewer, confidence)
        if low <= float(printed) <= high:
            return f"a mean over {fewer} trials or fewer would agree"
    return "no number of trials would make it agree"


def compare_diameters(printed: pd.DataFrame, table: pd.DataFrame) -> pd.DataFrame:
    """Rows for Table VI, from results/tables/table_6.csv, which holds the interval and p of each mean."""
    rows = []
    keys = ["dataset", "d", "N"]
    for paper in printed.itertuples(index=False):
        row = paper._asdict()
        wanted = [paper.dataset, paper.d, paper.N]
        ours = table[(table[keys].astype(str) == wanted).all(axis=1)]
        if ours.empty:
            rows.append(row | not_comparable("the configuration has no such row"))
            continue
        ours = ours.iloc[0]
        row |= {"ours": ours["mean_diameter"], "data_source": ours["data_source"]}
        if ours["data_source"] == STAND_IN:
            rows.append(row | not_comparable("stand-in images"))
            continue
        if pd.isna(ours["low"]):
            rows.append(row | not_comparable(ours["conclusion"]))
            continue
        rounding = half_unit(paper.printed)
        low, high = max(ours["low"] - rounding, 0.0), ours["high"] + rounding
        hint = f"its rank shows no p below {ours['least_p']:.2g}, corrected or not"
        rows.append(row | {"low": low, "high": high, "p": ours["p"], "hint": hint})
    return pd.DataFrame(rows)


def not_comparable(reason: str) -> dict:
    return {"low": np.nan, "high": np.nan, "p": np.nan, "verdict": "not comparable", "reason": reason}


def holm(p: np.ndarray) -> np.ndarray:
    """Holm's adjusted p-values: all of them below α together happen by chance with probability ≤ α."""
    order = np.argsort(p)
    steps = np.maximum.accumulate(p[order] * (len(p) - np.arange(len(p))))
    adjusted = np.empty_like(p)
    adjusted[order] = np.minimum(steps, 1.0)
    return adjusted


def decide_verdicts(frame: pd.DataFrame, confidence: float) -> pd.DataFrame:
    """Fill verdict and reason from the intervals; say of what differs whether chance would explain it."""
    frame = frame.copy()
    judged = frame["low"].notna()
    printed = frame["printed"].astype(float)
    inside = judged & (frame["low"] <= printed) & (printed <= frame["high"])
    adjusted = pd.Series(np.nan, index=frame.index)
    adjusted[judged] = holm(frame.loc[judged, "p"].to_numpy(dtype=float))
    frame.loc[inside, "verdict"] = "agrees"
    frame.loc[inside, "reason"] = f"inside the {100 * confidence:g} % prediction interval"
    for i in frame.index[judged & ~inside]:
        chance = "explains it" if adjusted[i] > 1 - confidence else "does not explain it"
        if frame.loc[i, "table"] == "VI":
            chance = "is neither shown nor excluded"
        hint = f"; {frame.loc[i, 'hint']}" if isinstance(frame.get("hint", {}).get(i), str) else ""
        frame.loc[i, "verdict"] = "differs"
        frame.loc[i, "reason"] = (
            f"outside the {100 * confidence:g} % prediction interval; chance {chance}: corrected for "
            f"{judged.sum()} comparisons p = {adjusted[i]:.2g}{hint}"
        )
    return frame


RESULT = [
    "table", "dataset", "d", "K", "N", "bias", "column", "printed", "ours", "low", "high",
    "verdict", "reason", "data_source", "p",
]  # fmt: skip


if __name__ == "__main__":
    with job(snakemake) as log:
        confidence = snakemake.params.confidence
        printed = pd.read_csv(snakemake.input.printed, dtype=str, keep_default_na=False)
        parts = [
            pd.read_csv(path, dtype={"bias": str}).assign(table=numeral)
            for numeral, path in zip(snakemake.params.tables, snakemake.input.tables, strict=True)
        ]
        tables = pd.concat(parts) if parts else pd.DataFrame(columns=["table", *KEYS])
        repeated = {}
        for path in snakemake.input.repeated:
            with np.load(path) as arrays:
                repeated[str(arrays["dataset"]), str(arrays["bias"])] = dict(arrays)
        diameters = printed["table"] == "VI"
        frame = pd.concat(
            [
                compare_tables(printed[~diameters], tables, repeated, confidence),
                compare_diameters(printed[diameters], pd.read_csv(snakemake.input.table_6)),
            ],
            ignore_index=True,
        )
        frame = decide_verdicts(frame, confidence).reindex(columns=RESULT)
        write_csv(snakemake.output[0], frame)
        counts = frame["verdict"].value_counts()
        log.info("%s", ", ".join(f"{counts.get(v, 0)} {v}" for v in ("agrees", "differs", "not comparable")))
