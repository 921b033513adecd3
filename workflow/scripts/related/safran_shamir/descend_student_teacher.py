"""Gradient descent on Safran and Shamir's population objective, all runs of one (k, n) in one batch."""

import numpy as np

from relucells.pipeline.job import job, write_npz
from relucells.related.student_teacher import Descent, descend
from relucells.samples.randomness import stream


def draw_students(seed: int, k: int, n: int, runs: int) -> np.ndarray:
    """(runs, n, k) starting weights, N(0, 1)/√k each; a run's draw depends on (seed, k, n, run) alone."""
    draws = [stream(seed, "safran_shamir", k, n, run).standard_normal((n, k)) for run in range(runs)]
    return np.stack(draws) / np.sqrt(k)


def descend_student_teacher(seed: int, k: int, n: int, runs: int, settings: dict) -> Descent:
    """End points of ``runs`` descents with a student of n and a teacher of k neurons."""
    return descend(
        draw_students(seed, k, n, runs),
        step=settings["step"],
        gradient_tolerance=settings["gradient_tolerance"],
        spurious_objective=settings["spurious_objective"],
        max_steps=settings["max_steps"],
    )


if __name__ == "__main__":
    with job(snakemake) as log:
        ends = descend_student_teacher(
            snakemake.params.seed,
            int(snakemake.wildcards.k),
            int(snakemake.wildcards.n),
            snakemake.params.runs,
            snakemake.params.settings,
        )
        write_npz(snakemake.output[0], **vars(ends))
        log.info(
            "%d runs: %d retired, %d spurious, %d undecided; median %g, largest %d steps",
            len(ends.outcome),
            *((ends.outcome == outcome).sum() for outcome in ("retired", "spurious", "undecided")),
            np.median(ends.steps),
            ends.steps.max(),
        )
