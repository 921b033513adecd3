"""What the paper leaves unsaid: every reading of it, drawn and set beside the printed numbers.

A reading fits a printed number that lies in the interval in which the reading's experiment would print it.
This is a prediction interval for the mean or share over the paper's 100 trials on one data set of its own,
widened by the rounding of print. The reading that the tables follow has the same intervals as the comparison.
They come from the law of the mean activation (for both readings of the bias) and from the repetitions on
fresh data. The readings of Table VI are in ``diameter_readings``.
"""

import numpy as np
import pandas as pd
from diameter_readings import STREAM, diameter_rows, image_rows

from relucells.cells.inspection import draw_weights, values_of_minimum
from relucells.cells.minimum import cell_minimum
from relucells.cells.pattern import activation_pattern, rank
from relucells.pipeline.diameter_experiments import read_experiments
from relucells.pipeline.job import job, write_csv
from relucells.pipeline.paper import TABLES
from relucells.pipeline.verdicts import judged
from relucells.samples.gaussian import two_gaussians
from relucells.samples.inputs import Inputs, prepare
from relucells.samples.randomness import stream
from relucells.statistics import mean_prediction, share_prediction

# Weight draws behind each row of Tables I–III, one number for all.
(PAPER_TRIALS,) = {TABLES[numeral].trials for numeral in ("I", "II", "III")}

SIGN_READINGS = ("all z_j > 0", "better sign per neuron", "better sign for all", "signs of the drawn z")
ROW = ["table", "dataset", "d", "K", "N", "bias", "column"]


def gaps(inputs: Inputs, R: np.ndarray, pattern: np.ndarray, z: np.ndarray) -> dict[str, float]:
    """P_g = max_j share of samples with [s_j R_j·x_i > 0] ≠ I_ij, under each reading of the signs s."""
    values = values_of_minimum(inputs, R)
    above, below = values > 0, values < 0
    positive, negative = ((side != pattern).mean(axis=0) for side in (above, below))
    values = (
        positive.max(),
        np.minimum(positive, negative).max(),
        min(positive.max(), negative.max()),
        np.where(z > 0, positive, negative).max(),
    )
    return dict(zip(SIGN_READINGS, values, strict=True))


def cells_of_a_row(
    seed: int, d: int, K: int, N: int, bias: float, reading: str, settings: dict, with_gaps: bool
) -> pd.DataFrame:
    """A row for each cell drawn: data_set, continuous (bool) and, if asked, the gaps of each reading."""
    rows = []
    for data_set in range(settings["data_sets"]):
        X, y = two_gaussians(d, N, stream(seed, STREAM, d, N, data_set))
        inputs = prepare(X)
        for trial in range(settings["trials"]):
            generator = stream(seed, STREAM, d, K, N, bias, data_set, trial)
            W, z = draw_weights(generator, K, d + 1, bias, reading)
            pattern = activation_pattern(inputs, W)
            if with_gaps:
                minimum = cell_minimum(inputs, y, pattern)
                row = {"continuous": not minimum.unique} | gaps(inputs, minimum.R, pattern, z)
            else:
                few = pattern.any(axis=1).sum() < W.size  # A's rank is at most the number of its rows
                row = {"continuous": bool(few) or rank(inputs, pattern) < W.size}
            rows.append({"data_set": data_set} | row)
    return pd.DataFrame(rows)


def mean_of(values: np.ndarray, confidence: float) -> tuple[float, float, float]:
    """Mean of values (data sets, trials) in [0, 1] and the interval for the paper's mean over its trials."""
    n = values.shape[1]
    variance = float(values.var(axis=1, ddof=1).mean()) if n > 1 else 0.0
    low, high, _, _ = mean_prediction(values.mean(axis=1), variance, n, PAPER_TRIALS, confidence)
    return float(values.mean()), max(low, 0.0), min(high, 1.0)


def share_of(hits: np.ndarray, confidence: float) -> tuple[float, float, float]:
    """As ``mean_of``, for the share of trials in which ``hits`` (data sets, trials) holds."""
    low, high, _ = share_prediction(hits.sum(axis=1), hits.shape[1], PAPER_TRIALS, confidence)
    return float(hits.mean()), low, high


def by_set(cells: pd.DataFrame, column: str) -> np.ndarray:
    """A column of ``cells_of_a_row`` as (data sets, trials)."""
    return cells[column].to_numpy().reshape(cells["data_set"].nunique(), -1)


def weight_and_sign_rows(
    paper: pd.DataFrame,
    laws: pd.DataFrame,
    repeated: dict[tuple, dict[str, np.ndarray]],
    seed: int,
    settings: dict,
    confidence: float,
    followed: str,
) -> list[dict]:
    """Points ``weights`` (Tables I–III, activation and continuous minima) and ``sign`` (P_g).

    laws : results/activations.csv; repeated : (d, K, N, bias) -> arrays of repeat_data_draws, drawn by
    the reading that is ``followed``
    """
    rows = []
    tables = paper[paper["table"].isin(["I", "II", "III"])]
    for key, printed in tables.groupby(ROW[:-1], sort=False):
        d, K, N, bias = (int(value) for value in key[2:])
        # At the largest biases all neurons are active under every reading (``data_rows``), or none.
        if abs(bias) >= 20:
            continue
        values = dict(zip(printed["column"], printed["printed"], strict=True))
        base = dict(zip(ROW, key, strict=False))
        known = laws[(laws[ROW[:-1]].astype(str) == list(key)).all(axis=1)].set_index("reading")
        for reading in ("added", "replaced"):
            again = repeated.get((d, K, N, bias)) if reading == followed else None
            cells = cells_of_a_row(seed, d, K, N, bias, reading, settings, reading == followed)
            hits = by_set(cells, "continuous") if again is None else ~again["unique"]
            row = base | {"point": "weights", "reading": reading, "column": "continuous_pct"}
            rows.append(
                row | judged(values["continuous_pct"], *(100 * v for v in share_of(hits, confidence)))
            )
            if reading in known.index:
                law = known.loc[reading, ["expected", "low", "high"]]
                row |= {"column": "activated_pct"}
                rows.append(row | judged(values["activated_pct"], *law))
            if reading != followed:
                continue
            for sign in SIGN_READINGS:
                gap = by_set(cells, sign) if again is None or sign != SIGN_READINGS[0] else again["gap"]
                row = base | {"point": "sign", "reading": sign, "column": "mean_gap_probability"}
                rows.append(row | judged(values["mean_gap_probability"], *mean_of(gap, confidence)))
    return rows


def data_rows(
    paper: pd.DataFrame,
    repeated: dict[tuple, dict[str, np.ndarray]],
    seed: int,
    settings: dict,
    confidence: float,
) -> list[dict]:
    """Point ``data``, and the rest of ``sign``: P_g at bias 20, where it depends on the data alone.

    All neurons are active there and all R*_j are β_LS/K. With z_j > 0 the gap of each is the share of
    samples on which the linear fit is not positive, with z_j < 0 the rest.
    """
    rows = []
    largest = paper[paper["table"].isin(["I", "II", "III"]) & (paper["bias"] == "20")]
    for printed in largest[largest["column"] == "mean_gap_probability"].itertuples():
        d, K, N = int(printed.d), int(printed.K), int(printed.N)
        shares = repeated.get((d, K, N, 20), {}).get("linear_gap")
        if shares is None:
            shares = np.empty(settings["data_draws"])
            for i in range(len(shares)):
                X, y = two_gaussians(d, N, stream(seed, STREAM, "data", printed.table, i))
                shares[i] = (X @ np.linalg.lstsq(X, y, rcond=None)[0] <= 0).mean()
        smaller, larger = np.minimum(shares, 1 - shares), np.maximum(shares, 1 - shares)
        readings = [
            ("data", "one data set a table", shares, 1),
            ("data", "fresh data each trial", shares, PAPER_TRIALS),
            *(
                ("sign", reading, values, 1)
                for reading, values in zip(SIGN_READINGS, (shares, smaller, smaller, larger), strict=True)
            ),
        ]
        for point, reading, values, sets in readings:
            # One value for each data set; the printed number is a mean over ``sets`` of them.
            spread = values.var(ddof=1)
            low, high, _, _ = mean_prediction([values.mean()], spread, len(values), sets, confidence)
            row = {name: getattr(printed, name) for name in ROW} | {"point": point, "reading": reading}
            rows.append(row | judged(printed.printed, values.mean(), low, high))
    return rows


COLUMNS = [
    "point", "reading", "table", "dataset", "d", "K", "N", "bias", "column",
    "printed", "drawn", "low", "high", "fits", "experiments", "open_beyond", "p",
]  # fmt: skip


def read_repeated(keys: list, paths: list[str]) -> dict[tuple, dict]:
    """The rows of Gaussian tables on fresh data, by the rule's keys: (d, K, N, bias) of each path."""
    again = {}
    for key, path in zip(keys, paths, strict=True):
        with np.load(path) as arrays:
            again[tuple(key)] = dict(arrays)
    return again


def all_rows(paper: pd.DataFrame, again: dict[tuple, dict], files, params) -> list[dict]:
    """A row per printed number, point and reading; ``files`` and ``params`` are those of the rule."""
    seed, settings, confidence = params.seed, params.settings, params.confidence
    repeated = [read_experiments(path) for path in [*files.images, *files.readings]]
    laws = pd.read_csv(files.activations, dtype={"bias": str})
    return [
        *weight_and_sign_rows(paper, laws, again, seed, settings, confidence, params.followed),
        *data_rows(paper, again, seed, settings, confidence),
        *diameter_rows(paper, seed, settings, params.table_6, confidence),
        *image_rows(paper, repeated, params.table_6, settings["open_beyond"], confidence),
    ]


if __name__ == "__main__":
    with job(snakemake) as log:
        files, params = snakemake.input, snakemake.params
        paper = pd.read_csv(files.printed, dtype=str, keep_default_na=False)
        again = read_repeated(params.repeated_rows, files.repeated)
        frame = pd.DataFrame(all_rows(paper, again, files, params)).reindex(columns=COLUMNS)
        write_csv(snakemake.output.csv, frame)
        for (point, reading), group in frame.groupby(["point", "reading"], sort=False):
            log.info("%s: %s: %d of %d printed numbers fit", point, reading, group["fits"].sum(), len(group))
