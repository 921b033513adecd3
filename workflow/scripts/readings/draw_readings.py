"""What the paper leaves unsaid: every reading of it, drawn and set beside the printed numbers.

A reading fits where a printed number lies in the interval in which its experiment would print it: a
prediction interval for the mean or share over the paper's 100 trials on one data set of its own, widened
by the rounding of print. The readings of Table VI are in ``diameter_readings``.
"""

import numpy as np
import pandas as pd
from diameter_readings import diameter_rows, image_rows

from relucells.cells.inspection import draw_weights
from relucells.cells.minimum import cell_minimum
from relucells.cells.pattern import activation_pattern
from relucells.pipeline.diameter_experiments import read_experiments
from relucells.pipeline.job import job, write_csv
from relucells.pipeline.verdicts import judged
from relucells.samples.gaussian import two_gaussians
from relucells.samples.inputs import prepare
from relucells.samples.randomness import stream
from relucells.statistics import share_prediction

PAPER_TRIALS = 100  # behind each row of Tables I–III

SIGN_READINGS = ("all z_j > 0", "better sign per neuron", "better sign for all", "signs of the drawn z")
ROW = ["table", "dataset", "d", "K", "N", "bias", "column"]


def gaps(X: np.ndarray, R: np.ndarray, pattern: np.ndarray, z: np.ndarray) -> dict[str, float]:
    """P_g = max_j share of samples with [s_j R_j·x_i > 0] ≠ I_ij, under each reading of the signs s."""
    above, below = X @ R.T > 0, X @ R.T < 0
    positive, negative = ((side != pattern).mean(axis=0) for side in (above, below))
    values = (
        positive.max(),
        np.minimum(positive, negative).max(),
        min(positive.max(), negative.max()),
        np.where(z > 0, positive, negative).max(),
    )
    return dict(zip(SIGN_READINGS, values, strict=True))


def cells_of_a_row(
    seed: int, d: int, K: int, N: int, bias: float, convention: str, settings: dict
) -> pd.DataFrame:
    """A row for each cell drawn: data_set, activated (share), continuous (bool), the gaps of each reading."""
    rows = []
    for data_set in range(settings["data_sets"]):
        X, y = two_gaussians(d, N, stream(seed, "test_conventions", d, N, data_set))
        inputs = prepare(X)
        for trial in range(settings["trials"]):
            generator = stream(seed, "test_conventions", d, K, N, bias, data_set, trial)
            W, z = draw_weights(generator, K, d + 1, bias, convention)
            pattern = activation_pattern(inputs, W)
            minimum = cell_minimum(inputs, y, pattern)
            row = {"data_set": data_set, "activated": pattern.mean(), "continuous": not minimum.unique}
            rows.append(row | gaps(X, minimum.R, pattern, z))
    return pd.DataFrame(rows)


def predict_mean(cells: pd.DataFrame, column: str, confidence: float) -> tuple[float, float, float]:
    """Mean of a column of shares and the interval in which the paper's mean over its trials would lie.

    Two components of variance, between data sets and between the weight draws on one; the degrees of
    freedom by Satterthwaite. (statistics.mean_prediction wants as many trials as the paper's.)
    """
    from scipy.stats import t

    by_set = cells.groupby("data_set")[column].agg(["mean", "var", "size"])
    sets, n, within = len(by_set), int(by_set["size"].iloc[0]), by_set["var"].mean()
    between = max(by_set["mean"].var() - within / n, 0.0)
    parts = np.array([between * (1 + 1 / sets), within * (1 / PAPER_TRIALS + 1 / (sets * n))])
    total, mean = parts.sum(), by_set["mean"].mean()
    if total == 0:
        return mean, mean, mean
    freedom = total**2 / (parts**2 / [sets - 1, sets * (n - 1)]).sum()
    half = t.ppf((1 + confidence) / 2, freedom) * np.sqrt(total)
    return mean, max(mean - half, 0.0), min(mean + half, 1.0)


def predict_share(cells: pd.DataFrame, column: str, confidence: float) -> tuple[float, float, float]:
    """The same for the share of cells in which a column is true."""
    by_set = cells.groupby("data_set")[column].agg(["sum", "size"])
    low, high, _ = share_prediction(by_set["sum"], int(by_set["size"].iloc[0]), PAPER_TRIALS, confidence)
    return cells[column].mean(), low, high


def weight_and_sign_rows(paper: pd.DataFrame, seed: int, settings: dict, confidence: float) -> list[dict]:
    """Points ``weights`` (Tables I–III, activation and continuous minima) and ``sign`` (P_g)."""
    rows = []
    tables = paper[paper["table"].isin(["I", "II", "III"])]
    for key, printed in tables.groupby(ROW[:-1], sort=False):
        d, K, N, bias = (int(value) for value in key[2:])
        # At the largest biases all neurons are active under every reading (``data_rows``), or none.
        if abs(bias) >= 20:
            continue
        values = dict(zip(printed["column"], printed["printed"], strict=True))
        base = dict(zip(ROW, key, strict=False))
        for reading in ("added", "replaced"):
            cells = cells_of_a_row(seed, d, K, N, bias, reading, settings)
            drawn = {
                "activated_pct": predict_mean(cells, "activated", confidence),
                "continuous_pct": predict_share(cells, "continuous", confidence),
            }
            for column, numbers in drawn.items():
                row = base | {"point": "weights", "reading": reading, "column": column}
                rows.append(row | judged(values[column], *(100 * number for number in numbers)))
            if reading == "replaced":
                continue
            for sign in SIGN_READINGS:
                row = base | {"point": "sign", "reading": sign, "column": "mean_gap_probability"}
                rows.append(
                    row | judged(values["mean_gap_probability"], *predict_mean(cells, sign, confidence))
                )
    return rows


def data_rows(paper: pd.DataFrame, seed: int, settings: dict, confidence: float) -> list[dict]:
    """Point ``data``, and the rest of ``sign``: P_g at bias 20, where it depends on the data alone.

    All neurons are active there and all R*_j are β_LS/K. With z_j > 0 the gap of each is the share of
    samples on which the linear fit is not positive, with z_j < 0 the rest.
    """
    from scipy.stats import norm

    rows = []
    largest = paper[paper["table"].isin(["I", "II", "III"]) & (paper["bias"] == "20")]
    for printed in largest[largest["column"] == "mean_gap_probability"].itertuples():
        d, N = int(printed.d), int(printed.N)
        shares = np.empty(settings["data_draws"])
        for i in range(len(shares)):
            X, y = two_gaussians(d, N, stream(seed, "test_conventions", "data", printed.table, i))
            shares[i] = (X @ np.linalg.lstsq(X, y, rcond=None)[0] <= 0).mean()
        tails, mean = [(1 - confidence) / 2, (1 + confidence) / 2], shares.mean()
        spread = norm.ppf((1 + confidence) / 2) * shares.std(ddof=1) / np.sqrt(PAPER_TRIALS)
        smaller, larger = np.minimum(shares, 1 - shares), np.maximum(shares, 1 - shares)
        signs = (shares, smaller, smaller, larger)
        drawn = [
            ("data", "one data set a table", mean, *np.quantile(shares, tails)),
            ("data", "fresh data each trial", mean, mean - spread, mean + spread),
        ]
        drawn += [
            ("sign", reading, values.mean(), *np.quantile(values, tails))
            for reading, values in zip(SIGN_READINGS, signs, strict=True)
        ]
        for point, reading, mean, low, high in drawn:
            row = {name: getattr(printed, name) for name in ROW} | {"point": point, "reading": reading}
            rows.append(row | judged(printed.printed, mean, low, high))
    return rows


COLUMNS = [
    "point", "reading", "table", "dataset", "d", "K", "N", "bias", "column",
    "printed", "drawn", "low", "high", "fits", "experiments", "open_beyond", "p",
]  # fmt: skip


if __name__ == "__main__":
    with job(snakemake) as log:
        params, settings = snakemake.params, snakemake.params.settings
        paper = pd.read_csv(snakemake.input.printed, dtype=str, keep_default_na=False)
        repeated = [read_experiments(path) for path in [*snakemake.input.images, *snakemake.input.readings]]
        rows = weight_and_sign_rows(paper, params.seed, settings, params.confidence)
        rows += data_rows(paper, params.seed, settings, params.confidence)
        rows += diameter_rows(paper, params.seed, settings, params.table_6, params.confidence)
        rows += image_rows(paper, repeated, params.table_6, settings["open_beyond"], params.confidence)
        frame = pd.DataFrame(rows).reindex(columns=COLUMNS)
        write_csv(snakemake.output.csv, frame)
        for (point, reading), group in frame.groupby(["point", "reading"], sort=False):
            log.info("%s: %s: %d of %d printed numbers fit", point, reading, group["fits"].sum(), len(group))
