"""The paper's check: gradient descent from each trial's weights until it leaves the cell or comes to rest."""

import numpy as np

from relucells.descent import descend_all
from relucells.pipeline.job import job, write_npz
from relucells.pipeline.trials import facts_of


def gd_verify(
    X: np.ndarray, y: np.ndarray, W: np.ndarray, z: np.ndarray, settings: dict
) -> dict[str, np.ndarray]:
    """outcome (crossed, trapped, undecided), steps, gradient_norm (trials,) and the last point inside."""
    limits = settings["step"], settings["gradient_tolerance"], settings["max_steps"]
    runs = descend_all(X, y, W, z, *limits)
    return {
        "outcome": np.array([run.outcome for run in runs], dtype="U9"),
        "steps": np.array([run.steps for run in runs]),
        "gradient_norm": np.array([run.gradient_norm for run in runs]),
        "W": np.stack([run.W for run in runs]),
        "z": np.stack([run.z for run in runs]),
    }


if __name__ == "__main__":
    with job(snakemake) as log:
        with np.load(snakemake.input.data) as data, np.load(snakemake.input.weights) as weights:
            runs = gd_verify(
                data["X"],
                data["y"],
                weights["W"],
                weights["z"],
                snakemake.params.settings,
            )
            write_npz(snakemake.output[0], **facts_of(weights), **runs)
        log.info(
            "%d runs: %d crossed, %d trapped, %d undecided; median %g steps",
            len(runs["outcome"]),
            *((runs["outcome"] == outcome).sum() for outcome in ("crossed", "trapped", "undecided")),
            np.median(runs["steps"]),
        )
