"""Decisions about a cell, the certificates that prove them, and both as plain arrays.

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

# The version of every stored form of a decision, npz and JSON. Version 1 had no number and other names of
# levels.
FORMAT_VERSION = 2
# Of JSON about a network with a free part, so that no older checker reads it as one without; and of JSON
# about a witness with a rest, for the same reason, with a free part or without.
FREE_FORMAT_VERSION, REST_FORMAT_VERSION = 3, 4


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


def pack(decisions: list[Decision]) -> dict[str, NDArray]:
    """Decisions about cells with the same K and D as plain arrays, for ``numpy.savez``.

    One row per decision, except ``witness_*`` (genuine ones only), ``leaf_*`` (one row per leaf),
    ``pair*`` (one row per multiplier), ``array_*`` (one row per array of a leaf's own kind) and ``rest*``
    (one row per part of a witness's rest), which are joined by index arrays; ``format_version`` is one
    number.
    """
    leaves = [(n, leaf) for n, decision in enumerate(decisions) for leaf in _leaves(decision)]
    none = np.zeros(0, dtype=np.int64)
    branches = [decision.certificate.branches if decision.certificate else none for decision in decisions]
    genuine = [n for n, decision in enumerate(decisions) if decision.R is not None]
    given = [n for n, decision in enumerate(decisions) if decision.given is not None]
    rests = [(n, part) for n in genuine for part in _rest(decisions[n])]

    def column(values, dtype) -> NDArray:
        return np.array(list(values), dtype=dtype)

    def stack(rows, dtype) -> NDArray:
        return np.array(rows, dtype=dtype) if rows else np.zeros((0, 0), dtype=dtype)

    return {
        "format_version": np.array(FORMAT_VERSION),
        "verdict": column((decision.verdict for decision in decisions), "U9"),
        "margin": column((decision.margin for decision in decisions), float),
        "loss": column((decision.loss for decision in decisions), float),
        "convention": column((decision.convention for decision in decisions), "U24"),
        "exact": column((decision.exact for decision in decisions), bool),
        "level": column((decision.level for decision in decisions), "U9"),
        "reason": column((decision.reason for decision in decisions), "U11"),
        "programs": column((decision.programs for decision in decisions), np.int64),
        "given": column(given, np.int64),
        "given_signs": stack([decisions[n].given for n in given], np.int8),
        "witness": column(genuine, np.int64),
        "witness_R": np.array([decisions[n].R for n in genuine]) if genuine else np.zeros((0, 0, 0)),
        "witness_signs": stack([decisions[n].signs for n in genuine], np.int8),
        "rest": column((n for n, _ in rests), np.int64),
        "rest_R": np.array([part for _, part in rests]) if rests else np.zeros((0, 0, 0)),
        "branch_owner": np.repeat(np.arange(len(decisions)), [len(b) for b in branches]),
        "branch": np.concatenate([np.zeros(0, np.int64), *branches]).astype(np.int64),
        "leaf": column((n for n, _ in leaves), np.int64),
        "leaf_kind": column((leaf.kind for _, leaf in leaves), "U24"),
        "leaf_signs": stack([leaf.signs for _, leaf in leaves], np.int8),
        "leaf_bound": column((leaf.bound for _, leaf in leaves), float),
        "leaf_sample": column((leaf.sample for _, leaf in leaves), np.int64),
        "pair_leaf": np.repeat(np.arange(len(leaves)), [len(leaf.values) for _, leaf in leaves]),
        "pair": np.concatenate([np.zeros((0, 2), np.int64), *(leaf.pairs for _, leaf in leaves)]),
        "pair_value": np.concatenate([np.zeros(0), *(leaf.values for _, leaf in leaves)]),
        **_pack_arrays([leaf for _, leaf in leaves]),
    }


def _pack_arrays(leaves: list[Leaf]) -> dict[str, NDArray]:
    """The arrays of the leaves' own kinds, end to end; integers below 2^53 are exact as floats."""
    rows = [(n, name, array) for n, leaf in enumerate(leaves) for name, array in leaf.arrays.items()]
    shapes = [(*array.shape, -1)[:2] for *_, array in rows]
    return {
        "array_leaf": np.array([n for n, *_ in rows], dtype=np.int64),
        "array_name": np.array([name for _, name, _ in rows], dtype="U24"),
        "array_integer": np.array([array.dtype.kind in "iu" for *_, array in rows], dtype=bool),
        "array_shape": np.array(shapes, dtype=np.int64).reshape(-1, 2),
        "array_value": np.concatenate([np.zeros(0), *(np.ravel(array) for *_, array in rows)]),
    }


def unpack(arrays) -> list[Decision]:
    """The decisions that ``pack`` wrote, from the same mapping of arrays (an open npz will do).

    Raises ValueError, in one line, for a file of another format version.
    """
    check_version(arrays)
    nothing = pack([])
    # files without a rest may be older than it
    arrays = {
        name: np.asarray(arrays[name] if name in arrays or not name.startswith("rest") else nothing[name])
        for name in nothing
    }
    certificates: dict[int, list[Leaf]] = {}
    for owner, leaf in zip(arrays["leaf"].tolist(), _unpack_leaves(arrays), strict=True):
        certificates.setdefault(owner, []).append(leaf)
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
            level=str(arrays["level"][n]),
            rest=arrays["rest_R"][arrays["rest"] == n] if n in arrays["rest"] else None,
        )
        for n in range(len(arrays["verdict"]))
    ]


def check_version(arrays) -> None:
    """Raises ValueError, in one line, for stored certificates of another format version."""
    version = int(arrays["format_version"]) if "format_version" in arrays else 1
    if version != FORMAT_VERSION:
        raise ValueError(
            f"format_version: these certificates were stored in format {version}, this version of relucells "
            f"reads format {FORMAT_VERSION}; make them again"
        )


def _unpack_leaves(arrays: Mapping[str, NDArray]) -> list[Leaf]:
    """The leaves, in the order in which they were stored."""
    count = len(arrays["leaf"])
    ends = np.searchsorted(arrays["pair_leaf"], np.arange(count + 1))
    own: dict[int, dict[str, NDArray]] = {}
    start = 0
    for n, (leaf, name) in enumerate(zip(arrays["array_leaf"], arrays["array_name"], strict=True)):
        shape = tuple(int(size) for size in arrays["array_shape"][n] if size >= 0)
        stop = start + int(np.prod(shape))
        values = arrays["array_value"][start:stop].reshape(shape)
        own.setdefault(int(leaf), {})[str(name)] = (
            values.astype(np.int64) if arrays["array_integer"][n] else values
        )
        start = stop
    return [
        Leaf(
            arrays["leaf_signs"][n],
            float(arrays["leaf_bound"][n]),
            int(arrays["leaf_sample"][n]),
            arrays["pair"][ends[n] : ends[n + 1]],
            arrays["pair_value"][ends[n] : ends[n + 1]],
            str(arrays["leaf_kind"][n]),
            own.get(n, {}),
        )
        for n in range(count)
    ]


def _rest(decision: Decision) -> list[NDArray]:
    return [] if decision.rest is None else list(decision.rest)


def _leaves(decision: Decision) -> tuple[Leaf, ...]:
    return decision.certificate.leaves if decision.certificate else ()
