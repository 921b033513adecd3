"""Is the minimum in its cell, with every z_j > 0 as the paper ran it? Verdict, margin, reason, certificate."""

import numpy as np
from _job import job, write_npz
from relucells.genuineness import decide
from relucells.inputs import prepare


def lp_check(X: np.ndarray, y: np.ndarray, patterns: np.ndarray, time_limit: float) -> list:
    """A decision for each pattern (trials, N, K)."""
    inputs = prepare(X)
    return [decide(inputs, y, pattern, "positive", time_limit=time_limit) for pattern in patterns]
