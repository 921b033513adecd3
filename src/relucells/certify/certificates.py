"""Decisions about a cell, and the certificates that prove them.

What each kind of certificate proves, and why, stands at the head of the package (``relucells.certify``).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from relucells.certify.conventions import CONVENTIONS as CONVENTIONS
from relucells.samples.records import Record

VERDICTS = ("genuine", "none", "undecided")
LEVELS = ("rejected", "numerical", "proven")


@dataclass(frozen=True, eq=False)
class Leaf(Record):
    """Proof that no minimiser whose signs extend ``signs`` has a margin above ``bound``.

    signs : (K,) int8 in {−1, 0, 1}; bound : float; sample : violated sample, or −1
    pairs : (M, 2) int, (sample, neuron) of each multiplier; values : (M,) positive. Neurons with the
        same column of the pattern and the same sign share their multipliers: one of them holds them.
    kind : "" for the two above ("sample" if sample ≥ 0, else "multipliers"), or the name of a kind that
        has ``arrays`` of its own (``relucells.certify.kinds``): int64 or float64, one or two dimensions
    """

    signs: NDArray[np.int8]
    bound: float
    sample: int = -1
    pairs: NDArray[np.int64] = field(default_factory=lambda: np.zeros((0, 2), dtype=np.int64))
    values: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))
    kind: str = ""
    arrays: Mapping[str, NDArray] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Certificate(Record):
    """The proof of a ``none`` verdict: leaves, and for "exists" the refutation of all sign vectors that
    no leaf covers (``clauses``), as the neurons branched on in preorder."""

    leaves: tuple[Leaf, ...]
    branches: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, dtype=np.int64))


@dataclass(frozen=True, eq=False)
class Decision(Record):
    """What is known about a cell under a sign convention.

    verdict : "genuine", "none" or "undecided"
    margin : largest t ≤ 1 (−inf if there is none); a bound with the right sign if not ``exact``
    R, signs : the witness, (K, D) and (K,) in ±1, or None
    loss : the cell's minimum loss, whatever the verdict
    convention : "positive", "uniform", "exists", or "given" with the signs in ``given``
    certificate : of a ``none`` verdict, else None; a ``genuine`` one is certified by R and signs
    level : at which ``verification_level`` confirms it: "proven" or "numerical" ("" if undecided)
    reason : what decided: "witness", "sample", "multipliers", "conflicts", or "limit", "precision"
    programs : linear programs solved
    rest : (n, K, D), or None: what R lacks where no R of floats is near enough to a minimiser in the cell.
        The witness is then the exact sum R + rest[0] + … + rest[n − 1]
    """

    verdict: str
    margin: float
    R: NDArray[np.float64] | None
    signs: NDArray[np.int8] | None
    loss: float
    convention: str
    certificate: Certificate | None = None
    exact: bool = True
    given: NDArray[np.int8] | None = None
    reason: str = ""
    programs: int = 0
    level: str = ""
    rest: NDArray[np.float64] | None = None
