"""Is the minimum in its cell with every z_j > 0, as the paper ran it? Verdict, reason, certificate."""

from collections import Counter

import numpy as np

from relucells.certify.certificates import Decision
from relucells.pipeline.conventions import PRINTED
from relucells.pipeline.decisions import write_decisions
from relucells.pipeline.job import job
from relucells.pipeline.trials import facts_of
from relucells.samples.inputs import prepare
from relucells.search.decide import decide


def lp_check(X: np.ndarray, y: np.ndarray, patterns: np.ndarray, time_limit: float) -> list[Decision]:
    """A decision for each pattern (trials, N, K). Margins are exact, or bounds with the right sign where only
    the sign was needed."""
    inputs = prepare(X)
    return [decide(inputs, y, pattern, PRINTED, time_limit=time_limit, margin="sign") for pattern in patterns]


if __name__ == "__main__":
    with job(snakemake) as log:
        with np.load(snakemake.input.data) as data, np.load(snakemake.input.minima) as minima:
            limit = snakemake.params.settings["time_limit"]
            decisions = lp_check(data["X"], data["y"], minima["pattern"], limit)
            write_decisions(snakemake.output[0], PRINTED, decisions, **facts_of(minima))
        for what in ("verdict", "reason"):
            found = Counter(getattr(decision, what) for decision in decisions)
            log.info("%ss: %s", what, ", ".join(f"{n} {name}" for name, n in sorted(found.items())))
