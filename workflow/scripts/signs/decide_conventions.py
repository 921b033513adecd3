"""Is the minimum in its cell under the sign conventions that the paper did not run?"""

from collections import Counter

import numpy as np

from relucells.certify.certificates import Decision
from relucells.pipeline.conventions import ASKED, OTHERS
from relucells.pipeline.decisions import write_decisions
from relucells.pipeline.job import job
from relucells.pipeline.trials import facts_of
from relucells.samples.inputs import Inputs, prepare
from relucells.search.decide import decide
from relucells.search.implied import for_given_signs

# The convention that allows every choice of signs: it is asked first.
FREEST = "exists"


def decide_conventions(
    X: np.ndarray, y: np.ndarray, patterns: np.ndarray, z: np.ndarray, settings: dict
) -> dict[str, list[Decision]]:
    """Decisions on the cells (trials, N, K) with the drawn z (trials, K), by convention."""
    inputs = prepare(X)
    limits = {"time_limit": settings["time_limit"], "program_limit": settings["program_limit"]}
    found: dict[str, list[Decision]] = {name: [] for name in OTHERS}
    for pattern, drawn in zip(patterns, z, strict=True):
        free = decide(inputs, y, pattern, ASKED[FREEST].signs(drawn), margin="sign", **limits)
        for name, decisions in found.items():
            signs = ASKED[name].signs(drawn)
            decisions.append(free if name == FREEST else after(free, inputs, y, pattern, signs, limits))
    return found


def after(
    free: Decision, inputs: Inputs, y: np.ndarray, pattern: np.ndarray, signs: str | np.ndarray, limits: dict
) -> Decision:
    """The decision on some signs. Where a proof of ``free`` holds for them too, none is made that takes
    linear programs."""
    implied = None if isinstance(signs, str) else for_given_signs(free, signs)
    if implied is None:
        return decide(inputs, y, pattern, signs, margin="sign", **limits)
    short = decide(inputs, y, pattern, signs, margin="sign", **limits | {"program_limit": 0})
    return implied if short.verdict == "undecided" else short


if __name__ == "__main__":
    with job(snakemake) as log:
        files, settings = snakemake.input, snakemake.params.settings
        with np.load(files.data) as data:
            X, y = data["X"], data["y"]
        with np.load(files.weights) as weights, np.load(files.minima) as minima:
            found = decide_conventions(X, y, minima["pattern"], weights["z"], settings)
            facts = facts_of(weights)
        for path, (name, decisions) in zip(snakemake.output, found.items(), strict=True):
            write_decisions(path, name, decisions, **facts)
            counts = Counter(decision.verdict for decision in decisions)
            log.info("%s: %s", name, ", ".join(f"{n} {verdict}" for verdict, n in sorted(counts.items())))
