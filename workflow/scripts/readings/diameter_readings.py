"""Readings of Table VI: its weights and directions, its images, and what counts as an open cell."""

from itertools import product

import numpy as np
import pandas as pd

from relucells.cells.diameter import cell_diameters
from relucells.pipeline.diameter_experiments import closed, other_means, place
from relucells.pipeline.verdicts import judged
from relucells.samples.gaussian import two_gaussians
from relucells.samples.images import GREY_WEIGHTS
from relucells.samples.randomness import stream
from relucells.statistics import mean_prediction, rank_prediction

# Part of the name of every random stream here: under another name the draws, and so the results, are others.
STREAM = "test_conventions"

# (weights of an experiment, (n, D); directions, (M, D); whether these are normalised)
WEIGHT_READINGS = {
    "w ~ U(−½, ½)": lambda rng, shape: rng.uniform(-0.5, 0.5, shape),
    "w ~ U(0, 1)": lambda rng, shape: rng.uniform(0.0, 1.0, shape),
    "w ~ U(−1, 1)": lambda rng, shape: rng.uniform(-1.0, 1.0, shape),
    "w ~ N(0, 1)": lambda rng, shape: rng.standard_normal(shape),
}
DIRECTION_READINGS = {
    "δ on the sphere": (lambda rng, shape: rng.standard_normal(shape), True),
    "δ ~ U(−½, ½), normalised": (lambda rng, shape: rng.uniform(-0.5, 0.5, shape), True),
    "δ ~ U(−½, ½), raw": (lambda rng, shape: rng.uniform(-0.5, 0.5, shape), False),
    "δ ~ U(0, 1), normalised": (lambda rng, shape: rng.uniform(0.0, 1.0, shape), True),
}
AS_RECOVERED = ("w ~ U(−½, ½)", "δ on the sphere")


def diameter_rows(
    paper: pd.DataFrame, seed: int, settings: dict, table_6: dict, confidence: float
) -> list[dict]:
    """Point ``diameters``: how weights and directions of Table VI are drawn, on its Gaussian rows."""
    rows = []
    wanted = paper[(paper["table"] == "VI") & (paper["dataset"] == "gaussian")]
    wanted = wanted[wanted["d"].astype(int).isin(settings["diameter_d"])]
    # Weights and directions are varied one at a time from what was recovered.
    readings = [
        pair for pair in product(WEIGHT_READINGS, DIRECTION_READINGS) if set(pair) & set(AS_RECOVERED)
    ]
    for printed, (weight, direction) in product(wanted.itertuples(), readings):
        d, N = int(printed.d), int(printed.N)
        draw_directions, normalise = DIRECTION_READINGS[direction]
        means, variances = [], []
        for number in range(settings["diameter_experiments"]):
            name = (seed, STREAM, d, N, number)
            X, _ = two_gaussians(d, N, stream(*name, "samples"))
            W = WEIGHT_READINGS[weight](stream(*name, "weights"), (table_6["weights"], d + 1))
            directions = draw_directions(
                stream(*name, "directions"), (table_6["directions_per_d"] * d, d + 1)
            )
            diameters = cell_diameters(X, W, directions, normalise)
            kept = diameters[closed(diameters, table_6["open_beyond"])]
            means.append(kept.mean())
            variances.append(kept.var(ddof=1))
        n = table_6["weights"]
        low, high, _, _ = mean_prediction(means, float(np.mean(variances)), n, n, confidence)
        row = {name: getattr(printed, name) for name in ("table", "dataset", "d", "N", "column")}
        row |= {"point": "diameters", "reading": f"{weight}; {direction}"}
        rows.append(row | judged(printed.printed, float(np.mean(means)), max(low, 0.0), high))
    return rows


def image_rows(
    paper: pd.DataFrame, repeated: list[dict], table_6: dict, bounds: list[float | None], confidence: float
) -> list[dict]:
    """Points ``images`` (which images and which grey conversion) and ``open`` (beyond which diameter a cell
    counts as open). ``repeated`` as ``run_experiments`` gives it; each of ``bounds`` is tried."""
    rows = []
    for entry in repeated:
        wanted = ["VI", entry["dataset"], str(entry["N"])]
        same = (paper[["table", "dataset", "N"]] == wanted).all(axis=1)
        if entry["left_out"] or entry["data_source"] == "stand-in" or not same.any():
            continue
        printed = paper[same].iloc[0]
        base = {name: printed[name] for name in ("table", "dataset", "d", "N", "column")}
        base["experiments"] = len(entry["diameters"])
        tried = [table_6["open_beyond"], *bounds]
        means = other_means(entry["diameters"], tried, True, 0, *wanted[1:], entry["choice"], entry["grey"])
        is_colour = entry["dataset"] == "cifar10"
        reading = f"{entry['choice']}, {entry['grey']}" if is_colour else entry["choice"]
        judgements = [judged_by_rank(printed["printed"], values, confidence) for values in means]
        rows.append(base | {"point": "images", "reading": reading} | judgements[0])
        # MNIST is grey already, so its numbers belong to every reading of the grey conversion.
        for grey in [entry["grey"]] if is_colour else GREY_WEIGHTS:
            for bound, judgement in zip(bounds, judgements[1:], strict=True):
                meaning = "unbounded" if bound is None else f"at most {bound:g}"
                row = {"point": "open", "reading": f"{entry['choice']}, {grey}; {meaning}"}
                row["open_beyond"] = np.inf if bound is None else bound
                rows.append(base | row | judgement)
    # Without CIFAR-10 there are no readings of the grey conversion.
    drawn = {row["reading"] for row in rows if row["dataset"] == "cifar10"}
    return [row for row in rows if row["point"] == "images" or not drawn or row["reading"] in drawn]


def judged_by_rank(printed: str, means: np.ndarray, confidence: float) -> dict:
    """As ``judged``, but by the rank of the printed number, as in Table VI.

    Too few values exclude nothing.
    """
    low, high = rank_prediction(means, confidence)
    _, p = place(printed, means)
    row = judged(printed, float(np.median(means)), low, high)
    return row | {"p": p, "fits": bool(p > 1 - confidence)}
