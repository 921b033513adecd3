"""Figure 3: P_t of K weights, of which the last one or all are shifted, for N samples.

As in the paper the first half of the weights, from the left, has normal −1 and the second half +1, and
P_g is the largest gap probability over all K weights, shifted or not (18).
"""

import numpy as np
import pandas as pd
from compute_figure_2 import grid

from relucells import line as gaussian_1d
from relucells.pipeline.job import job, write_csv

ENTRIES = 1 << 20  # of matrices F that are held at a time


def start_locations(panel: dict) -> np.ndarray:
    """The locations before the shift: a list, or K of them evenly between two ends."""
    if isinstance(panel["locations"], dict):
        even = panel["locations"]
        return np.sort(np.linspace(even["from"], even["to"], even["K"]))
    return np.sort(np.array(panel["locations"], dtype=float))


def shifted(locations: np.ndarray, shift: float, moves: str) -> np.ndarray:
    """The locations after the shift of the last weight or of all.

    Rounded far below any spacing, so that weights that meet exactly in decimals also do in binary.
    """
    by = np.full(len(locations), shift)
    if moves == "last":
        by[:-1] = 0.0
    return np.round(locations + by, 12)


def conditioning(locations: np.ndarray, normals: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rank of F to working precision (as numpy.linalg.matrix_rank) and its condition number, (shifts,)."""
    K = len(normals)
    size = [
        np.abs(np.linalg.eigvalsh(gaussian_1d.normal_equations(part, normals)[0]))
        for part in np.array_split(locations, 1 + locations.size * K // ENTRIES)
    ]
    size = np.concatenate(size)
    largest, smallest = size.max(axis=1), size.min(axis=1)
    rank = (size > largest[:, None] * K * np.finfo(float).eps).sum(axis=1)
    return rank, np.divide(largest, smallest, out=np.full(len(rank), np.inf), where=rank == K)


def figure_3(panel: dict, shifts: np.ndarray, N: int) -> pd.DataFrame:
    """P_t by (17), (18) and the exact probability of no sample in any gap, with F's rank, by shift.

    ``singular``: F is singular to working precision, where regions leave the data's support. The closed form
    of relucells.line still gives h*. ``coincident``: two weights are the same. Then F is singular exactly,
    and h* is the solution of least norm.
    """
    start = start_locations(panel)
    K = len(start)
    normals = np.where(np.arange(K) < K // 2, -1, 1)
    locations = np.array([shifted(start, shift, panel["moves"]) for shift in shifts])
    gaps = gaussian_1d.gaps(locations, normals)
    free = gaussian_1d.log_probability_free(gaps, N)
    rank, condition = conditioning(locations, normals)
    return pd.DataFrame(
        {
            "shift": shifts,
            "probability": np.exp(free.min(axis=1)),
            "log10_probability": free.min(axis=1) / np.log(10),
            "log10_probability_any_gap": gaussian_1d.log_probability_all_free(gaps, N) / np.log(10),
            "log10_probability_last_weight": free[:, -1] / np.log(10),
            "weight_of_largest_gap": free.argmin(axis=1) + 1,
            "rank": rank,
            "condition_number": condition,
            "singular": rank < K,
            "coincident": [len(np.unique(at + 1j * normals)) < K for at in locations],
        }
    )


if __name__ == "__main__":
    with job(snakemake) as log:
        params = snakemake.params
        curve = figure_3(params.settings, grid(params.shift), params.N)
        write_csv(snakemake.output[0], curve)
        top = curve.loc[curve["log10_probability"].idxmax()]
        excess = curve["log10_probability"] - curve["log10_probability_any_gap"]
        log.info("largest P_t: 10^%.2f at shift %g", top["log10_probability"], top["shift"])
        log.info("(18) exceeds the exact probability by 10^%.1f to 10^%.1f", excess.min(), excess.max())
        singular = curve.loc[curve["singular"], "shift"]
        log.info("F is singular to working precision at %d of %d shifts", len(singular), len(curve))
        if len(singular):
            log.info("the one nearest to no shift: %g", singular[singular.abs().idxmin()])
