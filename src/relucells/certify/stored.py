"""Decisions and points as plain arrays, for ``numpy.savez``, and back.

A file may come from anywhere. So arrays are looked at before they are used: their kinds, dimensions and
lengths, and the rows that they refer to.
"""

import math
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from relucells.certify.certificates import Certificate, Decision, Leaf
from relucells.certify.critical import CertifiedPoint

# The version of every stored form of a decision, npz and JSON. Version 1 had no number and other names of
# levels.
FORMAT_VERSION = 2
# Of JSON about a network with a free part, so that no older checker reads it as one without; and of JSON
# about a witness with a rest, for the same reason, with a free part or without.
FREE_FORMAT_VERSION, REST_FORMAT_VERSION = 3, 4
# Arrays that older npz files of the same version lack: none of their decisions has a rest.
RESTS = ("rest", "rest_R")
# Groups of arrays that have a row for the same thing. The first one of a group, as a rule, says which row of
# another group that thing belongs to; these rows are in order.
ROWS = (
    ("verdict", "margin", "loss", "convention", "exact", "level", "reason", "programs"),
    ("given", "given_signs"),
    ("witness", "witness_R", "witness_signs"),
    ("rest", "rest_R"),
    ("branch_owner", "branch"),
    ("leaf", "leaf_kind", "leaf_signs", "leaf_bound", "leaf_sample"),
    ("pair_leaf", "pair", "pair_value"),
    ("array_leaf", "array_name", "array_integer", "array_shape"),
)
OWNERS = {
    **dict.fromkeys(("given", "witness", "rest", "branch_owner", "leaf"), "verdict"),
    **dict.fromkeys(("pair_leaf", "array_leaf"), "leaf"),
}


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


def _rest(decision: Decision) -> list[NDArray]:
    return [] if decision.rest is None else list(decision.rest)


def _leaves(decision: Decision) -> tuple[Leaf, ...]:
    return decision.certificate.leaves if decision.certificate else ()


def unpack(arrays) -> list[Decision]:
    """The decisions that ``pack`` wrote, from the same mapping of arrays (an open npz will do).

    Raises ValueError, in one line, for a file of another format version, or one that ``pack`` did not write.
    """
    check_version(arrays)
    arrays = well_formed(arrays, pack([]), ROWS, OWNERS, RESTS)
    certificates: dict[int, list[Leaf]] = {}
    for owner, leaf in zip(arrays["leaf"].tolist(), _unpack_leaves(arrays), strict=True):
        certificates.setdefault(owner, []).append(leaf)
    witness = {int(n): row for row, n in enumerate(arrays["witness"])}
    given = {int(n): row for row, n in enumerate(arrays["given"])}
    count = len(arrays["verdict"])
    branches = np.searchsorted(arrays["branch_owner"], np.arange(count + 1))
    rests = np.searchsorted(arrays["rest"], np.arange(count + 1))
    return [
        Decision(
            verdict=str(arrays["verdict"][n]),
            margin=float(arrays["margin"][n]),
            R=arrays["witness_R"][witness[n]] if n in witness else None,
            signs=arrays["witness_signs"][witness[n]] if n in witness else None,
            loss=float(arrays["loss"][n]),
            convention=str(arrays["convention"][n]),
            certificate=Certificate(tuple(certificates[n]), arrays["branch"][branches[n] : branches[n + 1]])
            if n in certificates
            else None,
            exact=bool(arrays["exact"][n]),
            given=arrays["given_signs"][given[n]] if n in given else None,
            reason=str(arrays["reason"][n]),
            programs=int(arrays["programs"][n]),
            level=str(arrays["level"][n]),
            rest=arrays["rest_R"][rests[n] : rests[n + 1]] if rests[n] < rests[n + 1] else None,
        )
        for n in range(count)
    ]


def _unpack_leaves(arrays: Mapping[str, NDArray]) -> list[Leaf]:
    """The leaves, in the order in which they were stored."""
    count = len(arrays["leaf"])
    ends = np.searchsorted(arrays["pair_leaf"], np.arange(count + 1))
    own: dict[int, dict[str, NDArray]] = {}
    start, sizes = 0, arrays["array_shape"].tolist()
    if any(len(shape) != 2 or min(shape) < -1 or shape[0] < 0 for shape in sizes):
        raise _damaged("array_shape", "has no two columns of sizes")
    if sum(a * abs(b) for a, b in sizes) != len(arrays["array_value"]):
        raise _damaged("array_value", "has not as many entries as array_shape says")
    for n, (leaf, name) in enumerate(zip(arrays["array_leaf"], arrays["array_name"], strict=True)):
        shape = tuple(int(size) for size in arrays["array_shape"][n] if size >= 0)
        stop = start + math.prod(shape)
        values = arrays["array_value"][start:stop].reshape(shape)
        if arrays["array_integer"][n]:
            if not ((np.abs(values) <= 2.0**53) & (values == np.floor(values))).all():
                raise _damaged("array_value", "holds numbers that are not whole where they should be")
            values = values.astype(np.int64)
        own.setdefault(int(leaf), {})[str(name)] = values
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


# Critical points


def pack_points(points: list[CertifiedPoint]) -> dict[str, NDArray]:
    """Certificates of points of networks with the same K, D and m as plain arrays, for ``numpy.savez``."""
    with_c = [point.c for point in points if point.c is not None]
    return {
        "format_version": np.array(FORMAT_VERSION),
        "kind": np.array([point.kind for point in points], dtype="U26"),
        "W": np.array([point.W for point in points]) if points else np.zeros((0, 0, 0)),
        "z": np.array([point.z for point in points]) if points else np.zeros((0, 0)),
        "distance": np.array([point.distance for point in points], dtype=float),
        "boundary_owner": np.repeat(np.arange(len(points)), [len(point.boundary) for point in points]),
        "boundary": np.concatenate([np.zeros((0, 2), np.int64), *(point.boundary for point in points)]),
        "multipliers": np.concatenate([np.zeros(0), *(point.multipliers for point in points)]),
    } | ({"c": np.array(with_c)} if with_c else {})


def unpack_points(arrays) -> list[CertifiedPoint]:
    """What ``pack_points`` wrote. Raises ValueError, in one line, for anything else."""
    check_version(arrays)
    with_c = {"c": np.zeros((0, 0))} if "c" in arrays else {}
    points = ("kind", "W", "z", "distance", *with_c)
    rows, owners = (points, ("boundary_owner", "boundary", "multipliers")), {"boundary_owner": "kind"}
    arrays = well_formed(arrays, pack_points([]) | with_c, rows, owners)
    starts = np.searchsorted(arrays["boundary_owner"], np.arange(len(arrays["kind"]) + 1))
    return [
        CertifiedPoint(
            str(kind),
            arrays["W"][n],
            arrays["z"][n],
            arrays["boundary"][starts[n] : starts[n + 1]],
            arrays["multipliers"][starts[n] : starts[n + 1]],
            float(arrays["distance"][n]),
            arrays["c"][n] if with_c else None,
        )
        for n, kind in enumerate(arrays["kind"])
    ]


# What a file may hold


def check_version(arrays) -> None:
    """Raises ValueError, in one line, for stored certificates of another format version."""
    version = _array(arrays, "format_version", np.array(1)) if "format_version" in arrays else 1
    if version != FORMAT_VERSION:
        raise ValueError(
            f"format_version: these certificates were stored in format {version}, this version of relucells "
            f"reads format {FORMAT_VERSION}; make them again"
        )


def well_formed(
    arrays: Mapping[str, NDArray],
    empty: Mapping[str, NDArray],
    rows: Sequence[tuple[str, ...]],
    owners: Mapping[str, str],
    optional: Sequence[str] = (),
) -> dict[str, NDArray]:
    """The stored arrays, of the kinds and dimensions of ``empty`` ones; ValueError where they are not.

    rows : groups of arrays of equal length; owners : arrays that name rows of another one, in order
    optional : arrays that are empty where they are missing
    """
    found = {
        name: one if name in optional and name not in arrays else _array(arrays, name, one)
        for name, one in empty.items()
    }
    for first, *others in rows:
        for name in others:
            if len(found[name]) != len(found[first]):
                raise _damaged(name, f"has {len(found[name])} entries, but {first} has {len(found[first])}")
    for name, owner in owners.items():
        named, most = found[name], len(found[owner])
        if len(named) and (named[0] < 0 or named[-1] >= most or (named[1:] < named[:-1]).any()):
            raise _damaged(name, f"does not name rows of {owner} in order")
    return found


def _array(arrays: Mapping[str, NDArray], name: str, empty: NDArray) -> NDArray:
    try:
        array = np.asarray(arrays[name])
    except Exception as error:  # zip files and their compression fail in many ways
        raise _damaged(name, f"is missing or cannot be read ({type(error).__name__})") from error
    kinds = "iu" if empty.dtype.kind == "i" else empty.dtype.kind
    if array.dtype.kind not in kinds or array.ndim != empty.ndim:
        raise _damaged(
            name, f"holds {array.dtype} in {array.ndim} dimensions, not {empty.dtype} in {empty.ndim}"
        )
    return array


def _damaged(name: str, fault: str) -> ValueError:
    return ValueError(f"{name}: {fault}; these certificates are damaged, make them again")
