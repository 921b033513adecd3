"""Certificates as JSON for the second checker, ``check_certificate.py``: one file, nothing of relucells.

Floats are written in hexadecimal, which is exact; the pattern as rows of 0 and 1.
"""

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from relucells.certify.certificates import Certificate, Decision, Leaf
from relucells.certify.quality import Quality
from relucells.certify.stored import FORMAT_VERSION, FREE_FORMAT_VERSION, REST_FORMAT_VERSION
from relucells.samples.free_part import free_array
from relucells.samples.inputs import Inputs, activations, prepare, targets


def export_certificate(
    X: ArrayLike | Inputs,
    y: ArrayLike,
    pattern: ArrayLike,
    decision: Decision,
    path: str | os.PathLike,
    *,
    quality: Quality | None = None,
    free: ArrayLike | None = None,
) -> None:
    """Write a decision, with the cell that it is about, for ``python check_certificate.py FILE``.

    quality : whether a genuine minimum is bad or global, with the network that shows it, to be checked too.
    free : F, (N, m), of a network with a free part, as ``decide`` had it.
    Raises ValueError for an undecided cell, which has no certificate.
    """
    if not isinstance(decision, Decision) or not isinstance(decision.certificate, (Certificate, type(None))):
        raise ValueError("decision: must be a Decision as decide returns it")
    if decision.verdict not in ("genuine", "none"):
        raise ValueError(f"decision: an {decision.verdict} cell has no certificate to export")
    X = prepare(X).X
    y, pattern, F = targets(y, len(X)), activations(pattern, len(X)), free_array(free, len(X))
    data = {**free_part_data(F), "kind": "decision", "X": hexadecimal(X), "y": hexadecimal(y)}
    data |= {"pattern": ["".join("01"[int(on)] for on in row) for row in pattern]}
    data |= {
        "verdict": decision.verdict,
        "convention": decision.convention,
        "given": _integers(decision.given),
    }
    data |= {
        "margin": _bound(decision.margin),
        "loss": float(decision.loss).hex(),
        "exact": bool(decision.exact),
    }
    data |= {"R": None if decision.R is None else hexadecimal(decision.R), "signs": _integers(decision.signs)}
    if decision.rest is not None:
        data |= {"format_version": REST_FORMAT_VERSION, "rest": hexadecimal(decision.rest)}
    certificate = decision.certificate
    data["certificate"] = certificate and {
        "leaves": [_leaf(leaf) for leaf in certificate.leaves],
        "branches": _integers(certificate.branches),
    }
    write(data | quality_data(quality, F), path)


def free_part_data(F: NDArray[np.float64]) -> dict[str, Any]:
    """The format version, and F (N, m) where it is not zero: files without a free part are what they were."""
    if not F.any():
        return {"format_version": FORMAT_VERSION}
    return {"format_version": FREE_FORMAT_VERSION, "free": hexadecimal(F)}


def quality_data(quality: Quality | None, F: NDArray[np.float64]) -> dict[str, Any]:
    """Bad or global, and the better network."""
    if quality is None:
        return {}
    data: dict[str, Any] = {"quality": quality.kind}
    if quality.W is not None and quality.z is not None:
        data["better"] = {"W": hexadecimal(quality.W), "z": hexadecimal(quality.z)}
        if F.any():
            c = np.zeros(F.shape[1]) if quality.c is None else quality.c
            data["better"]["c"] = hexadecimal(c)
    return data


def write(data: dict[str, Any], path: str | os.PathLike) -> None:
    """One JSON object, whole or not at all."""
    path = Path(path)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        temporary.write_text(json.dumps(data, separators=(",", ":")) + "\n", encoding="ascii")
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def hexadecimal(array: ArrayLike) -> list:
    """Floats, nested as in the array, as hexadecimal strings."""
    array = np.asarray(array, dtype=float)
    return [hexadecimal(row) for row in array] if array.ndim > 1 else [float(a).hex() for a in array]


def _leaf(leaf: Leaf) -> dict[str, Any]:
    return {
        "kind": leaf.kind or ("sample" if leaf.sample >= 0 else "multipliers"),
        "signs": _integers(leaf.signs),
        "bound": _bound(leaf.bound),
        "sample": int(leaf.sample),
        "pairs": _integers(leaf.pairs),
        "values": hexadecimal(leaf.values),
        "arrays": {
            name: _integers(array) if array.dtype.kind in "iu" else hexadecimal(array)
            for name, array in leaf.arrays.items()
        },
    }


def _bound(value: float) -> str:
    return "-inf" if value == -np.inf else float(value).hex()


def _integers(array: NDArray | None) -> list | None:
    return None if array is None else np.asarray(array).astype(int).tolist()
