"""Every number that the paper prints beside ours, with the interval in which it would be no surprise.

The interval is a prediction interval for what the paper's experiment prints. It holds the noise of our
trials, of the paper's trials, of the draw of the one Gaussian data set, and the rounding of print. A printed
number inside it agrees, one outside differs. Mean activations need no trial of ours, because their law is
known. Beside each comparison stands what it could have found (``relucells.pipeline.predictions``).
"""

import numpy as np
import pandas as pd

from relucells.pipeline.job import job, write_csv
from relucells.pipeline.paper import COLUMNS, STAND_IN, TABLES
from relucells.pipeline.predictions import (
    predict_activation,
    predict_length,
    predict_mean,
    predict_rare,
    predict_share,
)
from relucells.pipeline.verdicts import summary_line
from relucells.statistics import RareEvents, beyond, holm, joint, printed_unit

KEYS = ["dataset", "d", "K", "N", "bias"]
# Columns that count the undecided trials of a row, by the column whose interval they widen.
UNDECIDED = {"genuine_pct": "lp_undecided_pct", "trapped_pct": "descent_undecided_pct"}


def predict_row(
    paper, ours: pd.Series, repeated: dict | None, known: dict | None, unit: float, confidence: float
) -> dict | None:
    """The prediction for one printed number of Tables I–V; None if nothing at hand predicts it.

    ours : the row of our table; repeated : arrays of repeat_data_draws, for Gaussian data sets
    known : the row of results/activations.csv
    """
    printed, paper_n = float(paper.printed), TABLES[paper.table].trials
    if paper.column == "activated_pct":
        return predict_activation(known, printed, unit, confidence) if known else None
    if COLUMNS[paper.column].share:
        successes, undecided, n = counts_of(paper.column, ours, repeated)
        return predict_share(successes, undecided, n, paper_n, printed, confidence)
    return predict_gap(printed, paper_n, repeated, unit, confidence) if repeated is not None else None


def counts_of(column: str, ours: pd.Series, repeated: dict | None) -> tuple[np.ndarray, np.ndarray, int]:
    """Successes and undecided trials out of n: for each repetition on fresh data, or of our one row."""
    if repeated is None:
        n = int(ours["n_trials"])
        undecided = ours[UNDECIDED[column]] if column in UNDECIDED else 0.0
        return (
            np.array([round(ours[column] / 100 * n)]),
            np.array([round(undecided / 100 * n)]),
            n,
        )
    hits = ~repeated["unique"] if column == "continuous_pct" else repeated["genuine"]
    undecided = repeated["undecided"] if column == "genuine_pct" else np.zeros_like(hits)
    return hits.sum(axis=1), undecided.sum(axis=1), hits.shape[1]


def predict_gap(printed: float, paper_n: int, repeated: dict, unit: float, confidence: float) -> dict:
    """The average P_g: from many data sets where it depends on the data alone, from simulated experiments
    where it is a rare event, else from the repetitions."""
    largest = COLUMNS["mean_gap_probability"].largest
    if "rare_gap" in repeated:
        experiments = np.sort(repeated["rare_gap"])
        law = RareEvents(float(experiments.mean()), float((experiments == 0).mean()), experiments, False)
        return predict_rare(law, printed, unit, largest, confidence)
    if "linear_gap" in repeated:
        return predict_mean(repeated["linear_gap"], 0.0, 1, paper_n, printed, unit, largest, confidence)
    gaps = repeated["gap"]
    n = gaps.shape[1]
    variance = gaps.var(axis=1, ddof=1).mean() if n > 1 else 0.0
    return predict_mean(gaps.mean(axis=1), variance, n, paper_n, printed, unit, largest, confidence)


def compare_tables(
    printed: pd.DataFrame,
    tables: pd.DataFrame,
    repeated: dict[tuple[str, str], dict],
    activations: pd.DataFrame,
    confidence: float,
    others: dict[str, dict[str, str]] | None = None,
) -> pd.DataFrame:
    """Rows of results/comparison.csv for Tables I–V. ``printed`` holds the paper's numbers as text.

    tables : all rows of table_1 … table_5 with a column ``table``
    repeated : (entry, bias) -> arrays of repeat_data_draws, for Gaussian data sets
    activations : rows of results/activations.csv of the reading that the tables follow
    others : entry -> column, or "" for all -> why it is another experiment than the paper's
    """
    rows = []
    units = printed.groupby(["table", "column"])["printed"].agg(printed_unit)
    for paper in printed.itertuples(index=False):
        row = paper._asdict()
        names = ["table", *KEYS]
        wanted = [str(getattr(paper, key)) for key in names]
        same = (tables[names].astype(str) == wanted).all(axis=1)
        if not same.any():
            rows.append(row | not_comparable("the configuration has no such row"))
            continue
        ours = tables[same].iloc[0]
        row |= {"ours": ours.get(paper.column, np.nan), "data_source": ours["data_source"]}
        other = (others or {}).get(ours["entry"], {})
        if reason := other.get("", other.get(paper.column)):
            rows.append(row | not_comparable(reason))
            continue
        if ours["data_source"] == STAND_IN:
            rows.append(row | not_comparable("stand-in images"))
            continue
        known = activations[(activations[names].astype(str) == wanted).all(axis=1)].to_dict("records")
        found = predict_row(
            paper,
            ours,
            repeated.get((ours["entry"], str(ours["bias"]))),
            known[0] if known else None,
            units[paper.table, paper.column],
            confidence,
        )
        rows.append(row | (found or not_comparable("no repetition predicts it")))
        if found and known and paper.column == "activated_pct" and found["p"] <= 1 - confidence:
            rows[-1]["hint"] = fewer_trials(known[0]["trials_that_agree"], TABLES[paper.table].trials)
    return pd.DataFrame(rows)


def fewer_trials(agreeing: float, trials: int) -> str:
    if np.isnan(agreeing):
        return "no number of trials would make it agree"
    return f"a mean over {agreeing:g} of the {trials} trials or fewer would agree"


def compare_diameters(
    printed: pd.DataFrame, table: pd.DataFrame, confidence: float, others: dict[str, str] | None = None
) -> pd.DataFrame:
    """Rows for Table VI, from results/tables/table_6.csv, which holds the interval and p of each mean.

    others : data set -> why it is another experiment than the paper's
    """
    rows = []
    keys = ["dataset", "d", "N"]
    unit = printed_unit(printed["printed"]) if len(printed) else np.nan
    for paper in printed.itertuples(index=False):
        row = paper._asdict()
        wanted = [paper.dataset, paper.d, paper.N]
        ours = table[(table[keys].astype(str) == wanted).all(axis=1)]
        if ours.empty:
            rows.append(row | not_comparable("the configuration has no such row"))
            continue
        ours = ours.iloc[0]
        row |= {"ours": ours["mean_diameter"], "data_source": ours["data_source"]}
        if reason := (others or {}).get(paper.dataset):
            rows.append(row | not_comparable(reason))
            continue
        if ours["data_source"] == STAND_IN:
            rows.append(row | not_comparable("stand-in images"))
            continue
        if pd.isna(ours["low"]):
            rows.append(row | not_comparable(ours["conclusion"]))
            continue
        found = predict_length(
            ours["low"], ours["high"], ours["median_of_means"], ours["p"], unit, confidence
        )
        rows.append(row | found | {"hint": f"its rank shows no p below {ours['least_p']:.2g}"})
    return pd.DataFrame(rows)


def not_comparable(reason: str) -> dict:
    return {"low": np.nan, "high": np.nan, "p": np.nan, "verdict": "not comparable", "reason": reason}


def decide_verdicts(frame: pd.DataFrame, confidence: float) -> pd.DataFrame:
    """Fill verdict and reason from the intervals; for a difference the reason says how rare it is."""
    frame = frame.copy()
    judged = frame["low"].notna()
    adjusted = pd.Series(np.nan, index=frame.index)
    adjusted[judged] = holm(frame.loc[judged, "p"].to_numpy(dtype=float))
    for i in frame.index[judged]:
        row = frame.loc[i]
        outside = beyond(float(row["printed"]), row["low"], row["high"])
        frame.loc[i, "verdict"] = "differs" if outside else "agrees"
        if not outside:
            foregone = {"foregone": "; foregone", "vacuous": "; vacuous"}.get(row["why"], "")
            frame.loc[i, "reason"] = f"inside the {100 * confidence:g} % prediction interval{foregone}"
            continue
        hint = f"; {row['hint']}" if isinstance(row.get("hint"), str) else ""
        survives = "still" if adjusted[i] <= 1 - confidence else "not"
        frame.loc[i, "reason"] = (
            f"outside the {100 * confidence:g} % prediction interval, p = {row['p']:.2g}; {survives} below "
            f"{1 - confidence:.2g} when corrected for {judged.sum()} comparisons "
            f"(Holm: {adjusted[i]:.2g}){hint}"
        )
    return frame.assign(adjusted_p=adjusted)


RESULT = [
    "table", "dataset", "d", "K", "N", "bias", "column", "printed", "ours", "low", "high",
    "verdict", "reason", "data_source", "p", "adjusted_p", "expected", "unit", "power", "informative",
    "why", "size",
]  # fmt: skip


def read_repeated(paths: list[str]) -> dict[tuple[str, str], dict]:
    """(entry, bias) -> arrays, from results/data_seeds/{entry}/{bias}.npz."""
    repeated = {}
    for path in paths:
        with np.load(path) as arrays:
            repeated[str(arrays["dataset"]), str(arrays["bias"])] = dict(arrays)
    return repeated


def read_tables(paths: list[str], numerals: list[str]) -> pd.DataFrame:
    """Tables I to V one below the other, each row with the numeral of its table."""
    parts = [
        pd.read_csv(path, dtype={"bias": str}).assign(table=numeral)
        for numeral, path in zip(numerals, paths, strict=True)
    ]
    return pd.concat(parts) if parts else pd.DataFrame(columns=["table", *KEYS])


def compare(files, params) -> pd.DataFrame:
    """A row for each printed number, with its verdict."""
    printed = pd.read_csv(files.printed, dtype=str, keep_default_na=False)
    known = pd.read_csv(files.activations, dtype={"bias": str, "printed": str})
    known = known[known["reading"] == params.reading]
    tables, repeated = read_tables(files.tables, params.tables), read_repeated(files.repeated)
    diameters = printed["table"] == "VI"
    rows = [
        compare_tables(printed[~diameters], tables, repeated, known, params.confidence, params.others),
        compare_diameters(
            printed[diameters], pd.read_csv(files.table_6), params.confidence, params.other_diameters
        ),
    ]
    frame = pd.concat(rows, ignore_index=True)
    return decide_verdicts(frame, params.confidence).reindex(columns=RESULT)


if __name__ == "__main__":
    with job(snakemake) as log:
        frame = compare(snakemake.input, snakemake.params)
        write_csv(snakemake.output[0], frame)
        log.info("%s", summary_line(frame.astype(object).fillna("").astype(str).to_dict("records")))
        means = frame.query("column == 'activated_pct' and informative == 'yes'")["p"]
        if len(means):
            chi_square, _, p = joint(means)
            log.info("%d mean activations together: χ² = %.1f, p = %.2g", len(means), chi_square, p)
