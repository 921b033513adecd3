"""Check every certificate, and say of each genuine minimum whether it is bad or global."""

import logging
from collections import Counter

import numpy as np

from relucells.certify.certificates import Decision
from relucells.certify.quality import Quality, shown_quality
from relucells.certify.verify import cell_of, verification_level
from relucells.pipeline.decisions import read_decisions
from relucells.pipeline.job import job, write_npz
from relucells.pipeline.trials import facts_of
from relucells.samples.inputs import Inputs, prepare


def check(
    inputs: Inputs, y: np.ndarray, patterns: np.ndarray, decisions: list[Decision], lower: Quality
) -> tuple[np.ndarray, np.ndarray]:
    """How each certificate was verified, and what is proven of each genuine minimum: "bad", "global" or
    "open" ("" for the others).

    lower : the network with the lowest loss that is known
    """
    cells = list(zip(patterns, decisions, strict=True))
    levels = [verification_level(inputs, y, pattern, decision) for pattern, decision in cells]
    qualities = [
        shown_quality(cell_of(inputs, y, pattern), lower) if decision.verdict == "genuine" else ""
        for pattern, decision in cells
    ]
    return np.array(levels, dtype="U9"), np.array(qualities, dtype="U6")


def check_block(files) -> tuple[dict[str, np.ndarray], list[str]]:
    """The levels and qualities of a block under every convention, and a line for the log on each."""
    with np.load(files.data) as data, np.load(files.minima) as minima, np.load(files.lower) as lower:
        inputs, y, best = prepare(data["X"]), data["y"], Quality("bad", lower["W"], lower["z"])
        patterns, checked = minima["pattern"], facts_of(minima)
    lines = []
    for convention, decisions in read_decisions(files.decisions).items():
        levels, qualities = check(inputs, y, patterns, decisions, best)
        checked[f"{convention}_level"], checked[f"{convention}_quality"] = levels, qualities
        decided = np.array([decision.verdict != "undecided" for decision in decisions])
        counts = ", ".join(f"{n} {level}" for level, n in sorted(Counter(levels[decided]).items()))
        lines.append(f"{convention}: {decided.sum()} decided: {counts or 'none'}")
        if (failed := decided & (levels == "rejected")).any():
            lines.append(f"{convention}: trials {checked['trial'][failed].tolist()} are rejected")
    return checked, lines


if __name__ == "__main__":
    with job(snakemake) as log:
        checked, lines = check_block(snakemake.input)
        write_npz(snakemake.output[0], **checked)
        for line in lines:
            log.log(logging.WARNING if "rejected" in line else logging.INFO, "%s", line)
