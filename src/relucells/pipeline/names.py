"""Names in paths: biases, blocks of trials, and grids of N."""

import math


def bias_token(bias: float) -> str:
    """The text that stands for a bias in paths: 3 and 3.0 are the same bias."""
    return format(float(bias), ".12g").replace("-0", "0") if bias == 0 else format(float(bias), ".12g")


def blocks(trials: int, trials_per_job: int) -> list[str]:
    """Contiguous blocks of trials, named by their first and last: ``000-049``, ``050-099`` …"""
    return [
        f"{first:03d}-{min(first + trials_per_job, trials) - 1:03d}"
        for first in range(0, trials, trials_per_job)
    ]


def block_range(block: str) -> range:
    """The trial numbers of a block."""
    first, last = block.split("-")
    return range(int(first), int(last) + 1)


def even_grid(first: int, last: int, per_doubling: float) -> list[int]:
    """Even numbers from ``first`` to ``last``, about ``per_doubling`` of them for each factor of 2."""
    steps = math.floor(per_doubling * math.log2(last / first) + 1e-9) if last >= first else -1
    near = (2 * round(first * 2 ** (step / per_doubling) / 2) for step in range(steps + 1))
    return sorted({max(N, 2) for N in near})
