"""Regions of a network with one input, drawn uniformly: full rank, and a minimum of loss 0 inside?

Inputs x ~ U[0, 1], labels y ~ N(0, 1), output weights alternating ±1. A region holds a minimum of
loss 0 iff its convex program, least squares under the sign constraints of the region, reaches 0 at an
inner point. That is the question of ``relucells.search.decide.decide`` with the signs of v.
"""

import numpy as np

from relucells.cells.minimum import cell_minimum
from relucells.cells.pattern import activation_pattern
from relucells.pipeline.job import job, write_npz
from relucells.related.jacobian_rank import draw_step_patterns, full_row_rank
from relucells.samples.inputs import prepare
from relucells.samples.randomness import stream
from relucells.search.decide import decide

# A minimum below this loss fits all labels, which are of size 1.
FITTED = 1e-9
DRAWS = ("uniform", "initialisation")


def draw_pattern(rng: np.random.Generator, kind: str, X: np.ndarray, d1: int) -> np.ndarray:
    """A region: uniform among the non-empty ones, or where W, b ~ U(±1) falls."""
    if kind == "uniform":
        return draw_step_patterns(rng, len(X), d1)
    return activation_pattern(X, rng.uniform(-1, 1, (d1, 2)))


def examine(X: np.ndarray, y: np.ndarray, pattern: np.ndarray, time_limit: float) -> tuple[bool, str]:
    """Whether the Jacobian has rank n, and ``zero``, ``positive`` or ``undecided``: the loss inside."""
    v = np.where(np.arange(pattern.shape[1]) % 2 == 0, 1.0, -1.0)
    inputs = prepare(X)
    full = full_row_rank(inputs, pattern, v)
    if cell_minimum(inputs, y, pattern).loss > FITTED:
        return full, "positive"
    decision = decide(inputs, y, pattern, v, time_limit, margin="sign")
    return full, {"genuine": "zero", "none": "positive", "undecided": "undecided"}[decision.verdict]


def sample_uniform_regions(seed: int, n: int, widths: list[int], settings: dict) -> dict[str, np.ndarray]:
    """full_rank, zero_loss, undecided (kind, d1): counts out of ``trials``; kind; d1; trials."""
    counts = {
        name: np.zeros((len(DRAWS), len(widths)), dtype=int)
        for name in ("full_rank", "zero_loss", "undecided")
    }
    for a, kind in enumerate(DRAWS):
        for b, d1 in enumerate(widths):
            for trial in range(settings["trials"]):
                rng = stream(seed, "regions_in_one_dimension", kind, n, d1, trial)
                X = np.column_stack([np.sort(rng.random(n)), np.ones(n)])
                y = rng.standard_normal(n)
                full, loss = examine(X, y, draw_pattern(rng, kind, X, d1), settings["time_limit"])
                counts["full_rank"][a, b] += full
                counts["zero_loss"][a, b] += loss == "zero"
                counts["undecided"][a, b] += loss == "undecided"
    return {
        **counts,
        "kind": np.array(DRAWS),
        "d1": np.array(widths),
        "trials": np.array(settings["trials"]),
    }


if __name__ == "__main__":
    with job(snakemake) as log:
        params = snakemake.params
        result = sample_uniform_regions(
            params.seed,
            int(snakemake.wildcards.n),
            params.settings["d1"],
            params.settings,
        )
        write_npz(snakemake.output[0], **result)
        log.info(
            "%d regions: %d of full rank, %d with a minimum of loss 0, %d undecided",
            result["full_rank"].size * params.settings["trials"],
            *(result[name].sum() for name in ("full_rank", "zero_loss", "undecided")),
        )
