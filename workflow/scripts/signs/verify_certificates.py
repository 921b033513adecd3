"""Check every certificate, and say of each genuine minimum whether it is bad or global."""

from collections import Counter

import numpy as np

from relucells.certify.certificates import Decision
from relucells.certify.verify import verification_level
from relucells.lower_loss import fits_exactly, quality
from relucells.pipeline.decisions import read_decisions
from relucells.pipeline.job import job, write_npz
from relucells.samples.inputs import Inputs, prepare


def check(
    inputs: Inputs, y: np.ndarray, patterns: np.ndarray, decisions: list[Decision], best: float
) -> tuple[np.ndarray, np.ndarray]:
    """How each certificate was verified, and the quality of each genuine minimum ("" for the others).

    best : the lowest loss of a network that is known.
    """
    cells = list(zip(patterns, decisions, strict=True))
    levels = [verification_level(inputs, y, pattern, decision) for pattern, decision in cells]
    qualities = [
        quality(decision.loss, fits_exactly(inputs, y, pattern), best)
        if decision.verdict == "genuine"
        else ""
        for pattern, decision in cells
    ]
    return np.array(levels, dtype="U9"), np.array(qualities, dtype="U6")


if __name__ == "__main__":
    with job(snakemake) as log:
        files = snakemake.input
        with np.load(files.data) as data, np.load(files.minima) as minima, np.load(files.lower) as lower:
            inputs, y = prepare(data["X"]), data["y"]
            patterns, trial, best = minima["pattern"], minima["trial"], float(lower["loss"])
        checked = {}
        for convention, decisions in read_decisions(files.lp, files.conventions).items():
            levels, qualities = check(inputs, y, patterns, decisions, best)
            checked[f"{convention}_level"], checked[f"{convention}_quality"] = levels, qualities
            decided = np.array([decision.verdict != "undecided" for decision in decisions])
            failed = decided & (levels == "rejected")
            counts = ", ".join(f"{n} {level}" for level, n in sorted(Counter(levels[decided]).items()))
            log.info("%s: %d decided: %s", convention, decided.sum(), counts or "none")
            if failed.any():
                log.warning("%s: trials %s are not verified", convention, trial[failed].tolist())
        write_npz(snakemake.output[0], trial=trial, **checked)
