"""Reading the decisions of a block of trials under every convention."""

from collections.abc import Mapping

import numpy as np

from relucells.certify.certificates import Decision, pack, unpack

CONVENTIONS = ("positive", "uniform", "sampled", "exists")


def read_decisions(lp: str, conventions: str) -> Mapping[str, list[Decision]]:
    """The decisions in lp.npz (``positive``) and conventions.npz (the others)."""
    names = list(pack([]))
    with np.load(lp) as arrays:
        found = {"positive": unpack(arrays)}
    with np.load(conventions) as arrays:
        for convention in CONVENTIONS[1:]:
            found[convention] = unpack({name: arrays[f"{convention}_{name}"] for name in names})
    return found
