"""Check what the text says about Figure 2, and eqs. (14), (16), (18) and (20), on drawn samples."""

import numpy as np
import pandas as pd
from compute_figure_2 import NORMALS, PANELS, Sample, expected_losses, grid, repetitions

from relucells import line as gaussian_1d
from relucells.pipeline.job import job, write_csv
from relucells.samples.randomness import stream

STANDARD_ERRORS = 4  # a check on drawn samples holds within this many
FAR = 12.0  # a location far outside the data
BOTH = 4.5  # w1 and −w2 in the check of eq. (18): there P_t is neither 0 nor 1 for N = 100


def peak(curve: pd.DataFrame) -> tuple[float, float]:
    """Location and height of the highest inner local maximum of P_t."""
    P = curve["probability"].to_numpy()
    inner = 1 + np.flatnonzero((P[1:-1] > P[:-2]) & (P[1:-1] >= P[2:]))
    if not len(inner):
        return float("nan"), float("nan")
    top = inner[np.argmax(P[inner])]
    return float(curve["location"][top]), float(P[top])


def expected_minimum(locations: np.ndarray, location_w2: float) -> float:
    """Where the expected loss is least, from its values alone."""
    from scipy.optimize import minimize_scalar

    def loss(h: float) -> float:
        return float(gaussian_1d.expected_loss([h, location_w2], NORMALS))

    start = int(np.argmin(expected_losses(locations, location_w2)))
    around = locations[max(start - 1, 0)], locations[min(start + 1, len(locations) - 1)]
    return float(minimize_scalar(loss, bounds=around, method="bounded", options={"xatol": 1e-9}).x)


class Checks:
    """The text's claims and the equations, each with what was found and what it should be."""

    def __init__(self) -> None:
        self.rows: list[dict] = []

    def add(
        self,
        quantity: str,
        value: float,
        expected: float = np.nan,
        tolerance: float = np.nan,
        standard_error: float = np.nan,
    ) -> None:
        """A value; with an expectation, whether it holds within the tolerance or the standard errors."""
        if np.isnan(tolerance) and not np.isnan(expected):
            tolerance = STANDARD_ERRORS * standard_error
        holds = "" if np.isnan(expected) else "yes" if abs(value - expected) <= tolerance else "no"
        row = {"quantity": quantity, "value": value, "standard_error": standard_error, "expected": expected}
        self.rows.append(row | {"tolerance": tolerance, "holds": holds})

    def add_mean(self, quantity: str, values: np.ndarray, expected: float = np.nan) -> None:
        """The mean of independent draws with its standard error."""
        values = np.asarray(values, dtype=float)
        self.add(quantity, values.mean(), expected, standard_error=values.std(ddof=1) / np.sqrt(len(values)))

    def frame(self) -> pd.DataFrame:
        return pd.DataFrame(self.rows)


def check_claims(checks: Checks, curve: pd.DataFrame, lowest: float, location_w2: float, N: int) -> None:
    """What the text says about (d)."""
    locations = curve["location"].to_numpy()
    at, height = peak(curve)
    step = float(np.diff(locations).max())
    checks.add("location of the minimum of the expected loss", lowest)
    checks.add("location of the peak of P_t", at, expected=lowest, tolerance=step)
    there = gaussian_1d.gaps([lowest, location_w2], NORMALS)[0]
    P_there = float(np.exp(gaussian_1d.log_probability_free(there, N)))
    checks.add("P_t at the minimum of the expected loss", P_there, expected=1.0, tolerance=1e-4)
    checks.add("P_t at the peak of the grid", height)
    far = gaussian_1d.gaps([max(FAR, locations[-1]), location_w2], NORMALS)[0]
    P_far = float(np.exp(gaussian_1d.log_probability_free(far, N)))
    checks.add("P_t far out", P_far, expected=1.0, tolerance=1e-6)
    checks.add("P_t at the right end of the figure", float(curve["probability"].iloc[-1]))
    checks.add("largest P_t with the larger of both gaps", float(curve["probability_largest_gap"].max()))
    genuine = curve["share_genuine"][(curve["location"] - lowest).abs().idxmin()]
    checks.add("share of samples whose own minimum is genuine there", float(genuine))


def check_scatter(checks: Checks, samples: list[Sample], lowest: float) -> None:
    """How far the minima of drawn samples lie from that of the expected loss."""
    found = np.array([sample.lowest() for sample in samples])
    there = found[np.isfinite(found)]
    checks.add_mean("mean of the lowest differentiable minimum over samples", there)
    checks.add("its standard deviation over samples", float(there.std(ddof=1)))
    for share in (0.025, 0.5, 0.975):
        checks.add(f"its {share:g} quantile over samples", float(np.quantile(there, share)))
    checks.add(
        "its mean distance from the minimum of the expected loss", float(np.mean(np.abs(there - lowest)))
    )
    checks.add_mean("share of samples without a differentiable minimum", np.isnan(found))
    count_minima(checks, samples, "per sample")


def count_minima(checks: Checks, samples: list[Sample], where: str) -> None:
    """Local minima of both kinds along the line.

    The text calls those that are not differentiable exponentially unlikely. That holds at a given place, not
    for their number.
    """
    checks.add_mean(f"differentiable minima {where}", [len(sample.minima.smooth) for sample in samples])
    kinks = [len(sample.minima.kinks) for sample in samples]
    checks.add_mean(f"minima that are not differentiable {where}", kinks)


def check_equations(checks: Checks, lowest: float, location_w2: float, N: int, draws: int, rng) -> None:
    """Eqs. (14), (16), (18) and (20) against drawn samples."""
    for h1 in (lowest, BOTH):
        locations = [h1, location_w2]
        _, f = gaussian_1d.normal_equations(locations, NORMALS)
        best = gaussian_1d.optimal_locations(locations, NORMALS)
        gap = gaussian_1d.gaps([h1 + 0.5, location_w2], NORMALS)[0]
        x, y = gaussian_1d.draw(draws, rng)
        active = x > h1
        where = f"w1 at {h1:.4g}"
        checks.add_mean(f"(14) optimal location, {where}", (x - y)[active], best[0])
        checks.add_mean(f"(16) f of the moved weight, {where}", 2 * active * (x - y), f[0])
        share = (x > gap[0]) & (x < gap[1])
        expected = float(np.exp(gaussian_1d.log_probability_within(*gap)))
        checks.add_mean(f"(20) share of samples in the gap, w1 at {h1 + 0.5:.4g}", share, expected)

    gaps = gaussian_1d.gaps([BOTH, -BOTH], NORMALS)
    sets = gaussian_1d.draw(N * (draws // N), rng)[0].reshape(-1, N, 1)
    free = ~((sets > gaps[:, 0]) & (sets < gaps[:, 1])).any(axis=(1, 2))
    exact = float(np.exp(gaussian_1d.log_probability_all_free(gaps, N)))
    where = f"w1 at {BOTH:g}, w2 at {-BOTH:g}"
    checks.add_mean(f"no sample in any gap, {where}", free, exact)
    largest = float(np.exp(gaussian_1d.log_probability_free(gaps, N).min()))
    checks.add(f"(18) takes for it, {where}", largest)


def check_figure_2(settings: dict, seed: int, curve: pd.DataFrame) -> pd.DataFrame:
    """All checks; ``curve`` is the table behind (d)."""
    N, w2 = settings["N"], settings["location_w2"]
    lowest = expected_minimum(grid(settings["locations"]), w2)
    checks = Checks()
    check_claims(checks, curve, lowest, w2, N)
    for panel in PANELS:
        sample = Sample.draw(N, w2, stream(seed, "figure_2", panel))
        checks.add(f"lowest differentiable minimum of sample {panel}", sample.lowest())
    check_scatter(checks, repetitions(settings, seed), lowest)
    more = repetitions(settings | {"N": 10 * N, "repetitions": settings["repetitions"] // 4}, seed)
    count_minima(checks, more, "per sample of ten times as many points")
    check_equations(checks, lowest, w2, N, settings["draws"], stream(seed, "figure_2", "checks"))
    return checks.frame()


if __name__ == "__main__":
    with job(snakemake) as log:
        curve = pd.read_csv(snakemake.input.curve)
        checks = check_figure_2(snakemake.params.settings, snakemake.params.seed, curve)
        write_csv(snakemake.output[0], checks)
        for row in checks.itertuples():
            log.info("%s: %.6g %s", row.quantity, row.value, row.holds and f"(holds: {row.holds})")
        failed = checks.loc[checks["holds"] == "no", "quantity"]
        if len(failed):
            log.warning("does not hold: %s", "; ".join(failed))
