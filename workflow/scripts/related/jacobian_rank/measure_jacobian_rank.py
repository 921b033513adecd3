"""One heat map of full-rank shares: an array over (n, d1), in both precisions on the same draws."""

from math import ceil

import numpy as np

from relucells.pipeline.job import job, write_npz
from relucells.related.jacobian_rank import draw_region, full_row_rank
from relucells.samples.inputs import prepare
from relucells.samples.randomness import stream

PRECISIONS = ("float64", "float32")


def input_dimension(family: str, value: float, n: int) -> int:
    """d0: the value itself, or ⌈ratio·n⌉. Ratios are decimal, so 0.1·30 must not become 4."""
    return int(value) if family == "fixed_d0" else ceil(round(value * n, 9))


def measure_jacobian_rank(
    seed: int, family: str, value: float, ns: list[int], widths: list[int], trials: int
) -> dict[str, np.ndarray]:
    """full_rank (precision, n, d1) counts out of ``trials``; d0 (n,); n; d1; dtype; trials.

    A trial's draw depends on (seed, d0, n, d1, trial) alone.
    """
    full = np.zeros((len(PRECISIONS), len(ns), len(widths)), dtype=int)
    dimensions = [input_dimension(family, value, n) for n in ns]
    for a, (d0, n) in enumerate(zip(dimensions, ns, strict=True)):
        for b, d1 in enumerate(widths):
            for trial in range(trials):
                X, pattern, v = draw_region(stream(seed, "jacobian_rank", d0, n, d1, trial), d0, n, d1)
                inputs = prepare(X)
                full[:, a, b] += [full_row_rank(inputs, pattern, v, dtype) for dtype in PRECISIONS]
    return {
        "full_rank": full,
        "d0": np.array(dimensions),
        "n": np.array(ns),
        "d1": np.array(widths),
        "dtype": np.array(PRECISIONS),
        "trials": np.array(trials),
    }


if __name__ == "__main__":
    with job(snakemake) as log:
        wildcards, params = snakemake.wildcards, snakemake.params
        result = measure_jacobian_rank(
            params.seed,
            wildcards.family,
            float(wildcards.value),
            params.grid["n"],
            params.grid["d1"],
            params.grid["trials"],
        )
        write_npz(snakemake.output[0], **result)
        shares = result["full_rank"].mean(axis=(1, 2)) / params.grid["trials"]
        log.info("full-rank share over the map: %.4f in float64, %.4f in float32", *shares)
