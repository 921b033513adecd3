"""Is the minimum in its cell under the other sign conventions: uniform, the drawn signs, some signs?"""

from collections import Counter

import numpy as np

from relucells.certify.certificates import Decision, pack
from relucells.pipeline.job import job, write_npz
from relucells.samples.inputs import prepare
from relucells.search.decide import decide


def decide_conventions(
    X: np.ndarray, y: np.ndarray, patterns: np.ndarray, z: np.ndarray, settings: dict
) -> dict[str, list[Decision]]:
    """Decisions on the cells (trials, N, K) by convention; ``sampled`` takes the signs of z (trials, K)."""
    inputs = prepare(X)
    limits = {"time_limit": settings["time_limit"], "program_limit": settings["program_limit"]}

    def decisions(signs) -> list[Decision]:
        cells = zip(patterns, signs, strict=True)
        return [decide(inputs, y, pattern, asked, margin="sign", **limits) for pattern, asked in cells]

    n = len(patterns)
    return {
        "uniform": decisions(["uniform"] * n),
        "sampled": decisions(np.where(z > 0, 1, -1)),
        "exists": decisions(["exists"] * n),
    }


if __name__ == "__main__":
    with job(snakemake) as log:
        files = snakemake.input
        with (
            np.load(files.data) as data,
            np.load(files.weights) as weights,
            np.load(files.minima) as minima,
        ):
            settings = snakemake.params.settings
            found = decide_conventions(data["X"], data["y"], minima["pattern"], weights["z"], settings)
            trial = weights["trial"]
        packed = {f"{name}_{key}": value for name, ds in found.items() for key, value in pack(ds).items()}
        write_npz(snakemake.output[0], trial=trial, **packed)
        for name, decisions in found.items():
            counts = Counter(decision.verdict for decision in decisions)
            log.info("%s: %s", name, ", ".join(f"{n} {verdict}" for verdict, n in sorted(counts.items())))
