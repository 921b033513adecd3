"""The sign conventions in the workflow: their order, their names, and how a page shows them."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Asked:
    """A convention of ``relucells.certify.conventions`` put to every drawn cell.

    name : in results; letter : below a bar; words : for readers
    drawn : whether the signs are those of the cell's drawn z
    """

    name: str
    letter: str
    words: str
    drawn: bool = False

    def signs(self, z: NDArray[np.float64]) -> str | NDArray[np.int_]:
        """The signs to give to ``relucells.decide`` for a cell with the drawn z (K,)."""
        return np.where(z > 0, 1, -1) if self.drawn else self.name


ASKED = {
    asked.name: asked
    for asked in (
        Asked("positive", "+", "every z_j > 0, as the paper ran it"),
        Asked("uniform", "u", "all z_j of one sign"),
        Asked("sampled", "s", "the signs of the drawn z", drawn=True),
        Asked("exists", "∃", "some choice of signs"),
    )
}
CONVENTIONS = tuple(ASKED)
# The first is decided by lp_check, for the paper's tables; the others by decide_conventions.
PRINTED, OTHERS = CONVENTIONS[0], CONVENTIONS[1:]


def step_of(convention: str) -> str:
    """The file of a block of trials, without its suffix, that holds the decisions."""
    return "lp" if convention == PRINTED else f"decisions/{convention}"


def in_words() -> str:
    """All conventions in one sentence, for the notes of a table."""
    return "; ".join(f"{asked.name}: {asked.words}" for asked in ASKED.values())
