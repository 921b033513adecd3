"""The target `full_scale`: its files, and the memory that a job takes."""

from collections.abc import Mapping
from typing import Any

from relucells.pipeline.conventions import CONVENTIONS
from relucells.pipeline.names import bias_token


def decision_files(section: Mapping[str, Any]) -> list[str]:
    """The decisions for every K, N, bias and convention. An N of None is every image: ``all``."""
    return [
        f"results/full_scale/{N or 'all'}/{K}/{bias_token(bias)}/{convention}.npz"
        for K in section["K"]
        for N in section["N"]
        for bias in section["biases"]
        for convention in CONVENTIONS
    ]


def memory(K: int) -> int:
    """MB of a job, with room beyond what all of MNIST's zeros and ones take (docs/findings.md)."""
    return 3500 if K <= 10 else 6500
