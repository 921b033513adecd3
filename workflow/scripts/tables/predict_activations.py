"""The mean activation that the paper's experiment would print: its law is known before anything is drawn.

The expected share of active pairs is a mean of normal probabilities over the samples; its spread over an
experiment's neurons, and over the draw of a Gaussian data set, follows from the samples
(``relucells.statistics.activation``). No trial of ours enters.
"""

import dataclasses

import numpy as np
import pandas as pd

from relucells.pipeline.job import job, write_csv
from relucells.pipeline.paper import TABLES
from relucells.samples.randomness import stream
from relucells.statistics import (
    Activation,
    RareEvents,
    fixed_activation,
    gaussian_activation,
    printed_unit,
)
from relucells.statistics.activation import READINGS

KEYS = ["dataset", "d", "K", "N", "bias"]
RESULT = [
    "table", *KEYS, "reading", "data_source", "printed", "trials", "expected", "low", "high", "sd",
    "sd_data", "p", "none", "trials_that_agree", "law",
]  # fmt: skip


def trials_that_agree(law: Activation, value: float, rounding: float, K: int, confidence: float) -> float:
    """The largest number of trials with which the paper's mean would agree; nan if there is none."""

    def agrees(trials: int) -> bool:
        return dataclasses.replace(law, neurons=trials * K).p(value, rounding) > 1 - confidence

    # The fewer the trials the wider the interval: by bisection.
    fewest, most = 0, law.neurons // K
    if agrees(most):
        return float(most)
    while most - fewest > 1:
        middle = (fewest + most) // 2
        fewest, most = (middle, most) if agrees(middle) else (fewest, middle)
    return float(fewest) if fewest else np.nan


def describe(law: Activation | RareEvents, row, unit: float, confidence: float) -> dict:
    """The law of a row in per cent, beside the printed number."""
    low, high = law.interval(confidence)
    value, rounding = float(row.printed) / 100, unit / 200
    p = law.p(value, rounding)
    found = {"expected": law.mean, "low": low, "high": high, "sd": law.sd}
    rare = isinstance(law, RareEvents)
    found["sd_data"] = np.nan if rare else np.sqrt(law.data_variance)
    found = {name: 100 * number for name, number in found.items()}
    found |= {"p": p, "none": law.none if rare else np.nan, "law": "rare events" if rare else "saddlepoint"}
    if not rare:
        found["trials_that_agree"] = trials_that_agree(law, value, rounding, int(row.K), confidence)
    return found


def readings_of(row, chosen: str) -> tuple[str, ...]:
    """Readings of the bias for a row: both where they differ and the data are Gaussian."""
    return READINGS if row.dataset == "gaussian" and abs(float(row.bias)) < 20 else (chosen,)


def predict(
    printed: pd.DataFrame,
    images: dict[str, tuple[np.ndarray, str]],
    seed: int,
    chosen: str,
    confidence: float,
) -> pd.DataFrame:
    """A row per printed activation and reading. ``images``: samples and source of each image data set."""
    rows = []
    for table, own in printed[printed["column"] == "activated_pct"].groupby("table", sort=False):
        unit = printed_unit(own["printed"])
        for row in own.itertuples():
            d, K, N, bias = int(row.d), int(row.K), int(row.N), float(row.bias)
            source = "gaussian"
            if row.dataset != "gaussian":
                X, source = images.get(row.dataset, (np.empty((0, 0)), ""))
                if X.shape != (N, d + 1):
                    continue
            for reading in readings_of(row, chosen):
                rng = stream(seed, "predict_activations", *(getattr(row, key) for key in KEYS), reading)
                neurons = TABLES[table].trials * K
                law = (
                    gaussian_activation(d, N, bias, neurons, rng, reading)
                    if row.dataset == "gaussian"
                    else fixed_activation(X, bias, neurons, rng, reading)
                )
                base = {name: getattr(row, name) for name in ("table", *KEYS, "printed")}
                base |= {"reading": reading, "data_source": source, "trials": TABLES[table].trials}
                rows.append(base | describe(law, row, unit, confidence))
    return pd.DataFrame(rows).reindex(columns=RESULT)


if __name__ == "__main__":
    with job(snakemake) as log:
        params = snakemake.params
        printed = pd.read_csv(snakemake.input.printed, dtype=str, keep_default_na=False)
        images = {}
        for name, path in zip(params.images, snakemake.input.images, strict=True):
            with np.load(path) as data:
                images[name] = data["X"], str(data["data_source"])
        printed = printed[printed["table"].isin(params.tables)]
        frame = predict(printed, images, params.seed, params.reading, params.confidence)
        write_csv(snakemake.output[0], frame)
        outside = (frame["p"] < 1 - params.confidence).sum()
        log.info(
            "%d laws, %d printed means outside their %g %%", len(frame), outside, 100 * params.confidence
        )
