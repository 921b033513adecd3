"""The one format of decisions on disk: a file for each convention, written and read only here.

``relucells.pipeline.conventions.step_of`` says where a block of trials keeps them.
"""

import os
from collections.abc import Iterable, Mapping

import numpy as np

from relucells.certify.certificates import Decision
from relucells.certify.stored import pack, unpack
from relucells.pipeline.job import write_npz


def write_decisions(path: str | os.PathLike, name: str, decisions: list[Decision], **facts) -> None:
    """Write decisions on cells under one convention, by the name that the workflow gives it.

    facts : further arrays, such as ``trial`` (one for each decision), ``dataset`` and ``bias``
    """
    write_npz(path, asked=np.array(name), **facts, **pack(decisions))


def read_decisions(paths: Iterable[str | os.PathLike]) -> Mapping[str, list[Decision]]:
    """The decisions in several files by convention, in the order of the files."""
    found = {}
    for path in paths:
        with np.load(path) as arrays:
            found[str(arrays["asked"])] = unpack(arrays)
    return found
