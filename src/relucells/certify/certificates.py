"""Decisions about a cell, the certificates that prove them, and both as plain arrays.

A ``genuine`` cell is certified by its witness R with signs s. A ``none`` cell is certified by a set
of *leaves*. Each leaf is a partial assignment of signs (0 where a neuron may take either) with the
proof that no minimiser with such signs has a positive margin; together the leaves must reach every
sign vector that the convention allows. A leaf's proof is either

- a violated *sample*: all neurons active on it carry one sign s, and s times its fitted value is not
  positive, so the margin is at most s p_i / m_i (m_i active neurons); or
- *multipliers* μ, ν ≥ 0 on active and inactive pairs. If some λ makes, for every neuron j,

      Σ_i I_ij λ_i x_i + s_j (Σ_active μ_ij x_i − Σ_inactive ν_ij x_i) = 0        (s_j = 0: λ alone)

  and Σ μ = 1, then t ≤ −λ·p for the fitted values p; with Σ μ = 0 and λ·p > 0 no margin at all
  exists (derived: Lagrangian bound of eqs. 7–9). λ is not stored, it follows by least squares.
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

CONVENTIONS = ("positive", "uniform", "given", "exists")
VERDICTS = ("genuine", "none", "undecided")


@dataclass(frozen=True)
class Leaf:
    """Proof that no minimiser whose signs extend ``signs`` has a margin above ``bound``.

    signs : (K,) int8 in {−1, 0, 1}; bound : float; sample : violated sample, or −1 for multipliers
    pairs : (M, 2) int, (sample, neuron) of each multiplier; values : (M,) positive. Neurons with the
        same column of the pattern and the same sign share their multipliers: the first one holds them.
    """

    signs: NDArray[np.int8]
    bound: float
    sample: int = -1
    pairs: NDArray[np.int64] = field(default_factory=lambda: np.zeros((0, 2), dtype=np.int64))
    values: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))


@dataclass(frozen=True)
class Certificate:
    """The proof of a ``none`` verdict: leaves, and for "exists" the refutation of all sign vectors that
    no leaf covers (``relucells.certify.clauses``), as the neurons branched on in preorder."""

    leaves: tuple[Leaf, ...]
    branches: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, dtype=np.int64))


@dataclass(frozen=True)
class Decision:
    """What is known about a cell under a sign convention.

    verdict : "genuine", "none" or "undecided"
    margin : largest t ≤ 1 (−inf if there is none); a bound with the right sign if not ``exact``
    R, signs : the witness, (K, D) and (K,) in ±1, or None
    loss : the cell's minimum loss, whatever the verdict
    convention : "positive", "uniform", "exists", or "given" with the signs in ``given``
    certificate : of a ``none`` verdict, else None; a ``genuine`` one is certified by R and signs
    reason : what decided: "witness", "sample", "multipliers", "conflicts", or "limit"
    programs : linear programs solved
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


def pack(decisions: list[Decision]) -> dict[str, NDArray]:
    """Decisions about cells with the same K and D as plain arrays, for ``numpy.savez``.

    One row per decision, except ``witness_*`` (genuine ones only), ``leaf_*`` (one row per leaf) and
    ``pair*`` (one row per multiplier), which are joined by index arrays.
    """
    leaves = [(n, leaf) for n, decision in enumerate(decisions) for leaf in _leaves(decision)]
    branches = [decision.certificate.branches if decision.certificate else [] for decision in decisions]
    genuine = [n for n, decision in enumerate(decisions) if decision.R is not None]
    given = [n for n, decision in enumerate(decisions) if decision.given is not None]

    def column(values, dtype) -> NDArray:
        return np.array(list(values), dtype=dtype)

    def stack(rows, dtype) -> NDArray:
        return np.array(rows, dtype=dtype) if rows else np.zeros((0, 0), dtype=dtype)

    return {
        "verdict": column((decision.verdict for decision in decisions), "U9"),
        "margin": column((decision.margin for decision in decisions), float),
        "loss": column((decision.loss for decision in decisions), float),
        "convention": column((decision.convention for decision in decisions), "U8"),
        "exact": column((decision.exact for decision in decisions), bool),
        "reason": column((decision.reason for decision in decisions), "U11"),
        "programs": column((decision.programs for decision in decisions), np.int64),
        "given": column(given, np.int64),
        "given_signs": stack([decisions[n].given for n in given], np.int8),
        "witness": column(genuine, np.int64),
        "witness_R": np.array([decisions[n].R for n in genuine]) if genuine else np.zeros((0, 0, 0)),
        "witness_signs": stack([decisions[n].signs for n in genuine], np.int8),
        "branch_owner": np.repeat(np.arange(len(decisions)), [len(b) for b in branches]),
        "branch": np.concatenate([np.zeros(0, np.int64), *branches]).astype(np.int64),
        "leaf": column((n for n, _ in leaves), np.int64),
        "leaf_signs": stack([leaf.signs for _, leaf in leaves], np.int8),
        "leaf_bound": column((leaf.bound for _, leaf in leaves), float),
        "leaf_sample": column((leaf.sample for _, leaf in leaves), np.int64),
        "pair_leaf": np.repeat(np.arange(len(leaves)), [len(leaf.values) for _, leaf in leaves]),
        "pair": np.concatenate([np.zeros((0, 2), np.int64), *(leaf.pairs for _, leaf in leaves)]),
        "pair_value": np.concatenate([np.zeros(0), *(leaf.values for _, leaf in leaves)]),
    }


def unpack(arrays) -> list[Decision]:
    """The decisions that ``pack`` wrote, from the same mapping of arrays (an open npz will do)."""
    arrays = {name: np.asarray(arrays[name]) for name in pack([])}
    ends = np.searchsorted(arrays["pair_leaf"], np.arange(len(arrays["leaf"]) + 1))
    certificates: dict[int, list[Leaf]] = {}
    for n, (owner, start, stop) in enumerate(zip(arrays["leaf"], ends[:-1], ends[1:], strict=True)):
        leaf = Leaf(
            arrays["leaf_signs"][n],
            float(arrays["leaf_bound"][n]),
            int(arrays["leaf_sample"][n]),
            arrays["pair"][start:stop],
            arrays["pair_value"][start:stop],
        )
        certificates.setdefault(int(owner), []).append(leaf)
    witness = {int(n): row for row, n in enumerate(arrays["witness"])}
    given = {int(n): row for row, n in enumerate(arrays["given"])}
    return [
        Decision(
            verdict=str(arrays["verdict"][n]),
            margin=float(arrays["margin"][n]),
            R=arrays["witness_R"][witness[n]] if n in witness else None,
            signs=arrays["witness_signs"][witness[n]] if n in witness else None,
            loss=float(arrays["loss"][n]),
            convention=str(arrays["convention"][n]),
            certificate=Certificate(tuple(certificates[n]), arrays["branch"][arrays["branch_owner"] == n])
            if n in certificates
            else None,
            exact=bool(arrays["exact"][n]),
            given=arrays["given_signs"][given[n]] if n in given else None,
            reason=str(arrays["reason"][n]),
            programs=int(arrays["programs"][n]),
        )
        for n in range(len(arrays["verdict"]))
    ]


def _leaves(decision: Decision) -> tuple[Leaf, ...]:
    return decision.certificate.leaves if decision.certificate else ()
