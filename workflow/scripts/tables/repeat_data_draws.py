"""A Gaussian table's row again on fresh data sets: how much of it is the draw of the data?

The paper draws one Gaussian data set for all trials of a table, so its printed numbers carry the noise
of that draw, and at bias 20 P_g has no other noise at all.
"""

import numpy as np

from relucells.cells.inspection import draw_weights, inspect_cell
from relucells.pipeline.job import job, write_npz
from relucells.samples.gaussian import two_gaussians
from relucells.samples.inputs import prepare
from relucells.samples.randomness import stream
from relucells.search.decide import decide


def repeat_data_draws(
    seed: int,
    dataset: str,
    entry: dict,
    bias: str,
    data_seeds: int,
    trials: int,
    convention: str,
    limit: float,
) -> dict[str, np.ndarray]:
    """Arrays (data_seeds, trials): genuine, undecided, unique (bool), gap (largest), activated (shares)."""
    shape = (data_seeds, trials)
    genuine, undecided, unique = (np.zeros(shape, dtype=bool) for _ in range(3))
    gap, activated = np.zeros(shape), np.zeros(shape)
    for s in range(data_seeds):
        X, y = two_gaussians(entry["d"], entry["N"], stream(seed, dataset, "repeated data", s))
        inputs = prepare(X)
        for i in range(trials):
            generator = stream(seed, dataset, bias, "repeated data", s, i)
            W, _ = draw_weights(generator, entry["K"], X.shape[1], float(bias), convention)
            cell = inspect_cell(inputs, y, W)
            decision = decide(inputs, y, cell.pattern, "positive", time_limit=limit, margin="sign")
            genuine[s, i] = decision.verdict == "genuine"
            undecided[s, i] = decision.verdict == "undecided"
            unique[s, i] = cell.minimum.unique
            gap[s, i] = cell.gap.max()
            activated[s, i] = cell.activated
    return {
        "genuine": genuine,
        "undecided": undecided,
        "unique": unique,
        "gap": gap,
        "activated": activated,
    }


if __name__ == "__main__":
    with job(snakemake) as log:
        wildcards, params = snakemake.wildcards, snakemake.params
        repeated = repeat_data_draws(
            params.seed,
            wildcards.dataset,
            params.entry,
            wildcards.bias,
            params.data_seeds,
            params.trials,
            params.settings["bias"],
            params.lp["time_limit"],
        )
        write_npz(snakemake.output[0], **repeated)
        means = repeated["gap"].mean(axis=1)
        log.info(
            "%d data sets: mean P_g %.4f, spread between them %.4f", len(means), means.mean(), means.std()
        )
