"""Blocks of trials on disk. Each file names its data set, bias and trials."""

import os
from collections.abc import Iterable, Mapping

import numpy as np
from numpy.typing import NDArray

OF = ("dataset", "bias", "trial")  # what every file of a block holds beside its own arrays


def facts_of(arrays: Mapping[str, NDArray]) -> dict[str, NDArray]:
    """Data set, bias and trials of an open file, for the file of the next step."""
    return {name: arrays[name] for name in OF}


def read_rows(paths: Iterable[str | os.PathLike], *names: str) -> dict[tuple[str, str], dict[str, NDArray]]:
    """Arrays (trials, …) by (data set, bias), the blocks one after the other in the order of their trials.

    names : the arrays to read; those that a file lacks are left out
    """
    blocks: dict[tuple[str, str], list[dict[str, NDArray]]] = {}
    for path in paths:
        with np.load(path) as arrays:
            block = {name: arrays[name] for name in (*names, "trial") if name in arrays.files}
            blocks.setdefault((str(arrays["dataset"]), str(arrays["bias"])), []).append(block)
    rows = {}
    for row, parts in blocks.items():
        parts.sort(key=lambda block: int(block["trial"][0]))
        rows[row] = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    return rows
