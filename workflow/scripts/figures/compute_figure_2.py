"""Figure 2: one of two weights moves. Where do the losses of drawn samples, and P_t, have their extremes?

w1 (normal +1) moves, w2 (normal −1) stays. Two readings of the paper are needed here: samples are drawn
independently from the two classes with equal priors, and in (d) only the gap of the moved weight enters.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from relucells import line as gaussian_1d
from relucells.line import LineMinima
from relucells.pipeline.job import job, write_csv
from relucells.samples.randomness import stream

NORMALS = (1, -1)
PANELS = ("a", "b", "c")


@dataclass(frozen=True)
class Sample:
    """A drawn sample and its local minima along the location of w1, those right of w2."""

    x: np.ndarray
    y: np.ndarray
    left_over: np.ndarray  # labels minus the output of w2
    minima: LineMinima

    @classmethod
    def draw(cls, N: int, location_w2: float, rng: np.random.Generator) -> "Sample":
        x, y = gaussian_1d.draw(N, rng)
        left_over = y - gaussian_1d.output(x, [location_w2], NORMALS[1:])
        found = gaussian_1d.line_minima(x, left_over)
        right = LineMinima(*(at[at > location_w2] for at in (found.smooth, found.kinks)))
        return cls(x, y, left_over, right)

    def losses(self, locations: np.ndarray) -> np.ndarray:
        """The empirical loss for w1 at each of ``locations``."""
        fitted = np.maximum(self.x[:, None] - locations, 0.0)
        return np.mean((fitted - self.left_over[:, None]) ** 2, axis=0)

    def lowest(self) -> float:
        """The differentiable local minimum of lowest loss; NaN if there is none."""
        smooth = self.minima.smooth
        return float(smooth[np.argmin(self.losses(smooth))]) if len(smooth) else float("nan")


def grid(span: dict) -> np.ndarray:
    """From ``from`` to ``to``, both included, in steps of at most ``step``."""
    steps = int(np.ceil((span["to"] - span["from"]) / span["step"] - 1e-9))
    return np.round(np.linspace(span["from"], span["to"], steps + 1), 12)


def beside(locations: np.ndarray, other: float) -> np.ndarray:
    """Pairs of locations (n, 2): each of w1's with the one of w2."""
    return np.stack([locations, np.full(len(locations), other)], axis=1)


def expected_losses(locations: np.ndarray, location_w2: float) -> np.ndarray:
    """The expected loss for w1 at each of ``locations``."""
    return gaussian_1d.expected_loss(beside(locations, location_w2), NORMALS)


def loss_curve(
    sample: Sample, locations: np.ndarray, expected: np.ndarray, location_w2: float
) -> pd.DataFrame:
    """Empirical and expected loss on the grid and at each minimum, which is named in its own column."""
    kinds = {"differentiable": sample.minima.smooth, "not differentiable": sample.minima.kinks}
    rows = [pd.DataFrame({"location": locations, "expected_loss": expected, "minimum": ""})]
    for kind, at in kinds.items():
        at = at[(at >= locations[0]) & (at <= locations[-1])]
        if len(at):
            there = expected_losses(at, location_w2)
            rows.append(pd.DataFrame({"location": at, "expected_loss": there, "minimum": kind}))
    curve = pd.concat(rows).sort_values(["location", "minimum"], ignore_index=True)
    curve.insert(1, "loss", sample.losses(curve["location"].to_numpy()))
    return curve


def one_weight(locations: np.ndarray, other: float, N: int, weight: int = 0) -> pd.DataFrame:
    """P_t, eqs. (14), (17), (20), with the gap of one weight alone, as it moves and the other stays."""
    pairs = np.roll(beside(locations, other), weight, axis=1)
    best = gaussian_1d.optimal_locations(pairs, NORMALS)
    gaps = np.sort(np.stack([pairs, best], axis=-1), axis=-1)
    log_P = gaussian_1d.log_probability_free(gaps[:, weight], N)
    return pd.DataFrame(
        {
            "location": locations,
            "probability": np.exp(log_P),
            "log10_probability": log_P / np.log(10),
            "optimal_location": best[:, weight],
            "probability_largest_gap": np.exp(gaussian_1d.log_probability_free(gaps, N).min(axis=1)),
            "probability_any_gap": np.exp(gaussian_1d.log_probability_all_free(gaps, N)),
        }
    )


def two_weights(first: np.ndarray, second: np.ndarray, location_w2: float, N: int) -> pd.DataFrame:
    """The product of the two one-weight probabilities, beside eq. (18) and the exact probability."""
    alone = [
        one_weight(first, location_w2, N)["probability"].to_numpy(),
        one_weight(second, location_w2, N, weight=1)["probability"].to_numpy(),
    ]
    pairs = np.stack([np.repeat(first, len(second)), np.tile(second, len(first))], axis=1)
    gaps = gaussian_1d.gaps(pairs, NORMALS)
    return pd.DataFrame(
        {
            "location_1": pairs[:, 0],
            "location_2": pairs[:, 1],
            "probability": np.outer(*alone).ravel(),
            "probability_largest_gap": np.exp(gaussian_1d.log_probability_free(gaps, N).min(axis=1)),
            "probability_any_gap": np.exp(gaussian_1d.log_probability_all_free(gaps, N)),
        }
    )


def repetitions(settings: dict, seed: int) -> list[Sample]:
    """Many samples of the same kind, to see what those of (a) to (c) have in common."""
    rngs = (stream(seed, "figure_2", "repetition", i) for i in range(settings["repetitions"]))
    return [Sample.draw(settings["N"], settings["location_w2"], rng) for rng in rngs]


def figure_2(settings: dict, seed: int) -> dict[str, pd.DataFrame]:
    """The five panels by name.

    ``share_genuine`` in (d) is the share of the repetitions whose own minimum, that of the empirical loss,
    lies in the cell of w1. P_t approximates it with the minimum of the expected loss.
    """
    N, w2 = settings["N"], settings["location_w2"]
    locations = grid(settings["locations"])
    expected = expected_losses(locations, w2)
    panels = {}
    for panel in PANELS:
        sample = Sample.draw(N, w2, stream(seed, "figure_2", panel))
        panels[f"figure_2{panel}"] = loss_curve(sample, locations, expected, w2)

    curve = one_weight(locations, w2, N)
    genuine = np.zeros(len(locations))
    for sample in repetitions(settings, seed):
        genuine += gaussian_1d.line_is_genuine(sample.x, sample.left_over, locations)
    curve["share_genuine"] = genuine / settings["repetitions"]
    panels["figure_2d"] = curve

    coarse = grid(settings["locations"] | {"step": settings["surface_step"]})
    coarse = np.union1d(coarse, locations[np.argmin(expected)])  # the ridges are narrower than the step
    panels["figure_2e"] = two_weights(coarse, np.sort(-coarse), w2, N)
    return panels


if __name__ == "__main__":
    with job(snakemake) as log:
        panels = figure_2(snakemake.params.settings, snakemake.params.seed)
        for name, path in snakemake.output.items():
            write_csv(path, panels[name])
        curve = panels["figure_2d"]
        for panel in PANELS:
            at = panels[f"figure_2{panel}"].query("minimum != ''")
            marks = ", ".join(f"{row.location:.3f} ({row.minimum})" for row in at.itertuples())
            log.info("sample %s has local minima at %s", panel, marks or "no location")
        log.info("P_t lies between %.3g and %.6g", curve["probability"].min(), curve["probability"].max())
