"""An examination as plain data, and its certificates as files for ``check_certificate.py``."""

from __future__ import annotations

import math
import os
import shutil
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from relucells.certify.critical import export_point
from relucells.certify.export import export_certificate

if TYPE_CHECKING:
    from relucells.examination.cell import CellMinimum
    from relucells.examination.examine import Examination
    from relucells.examination.points import Found

FORMAT_VERSION = 1
BETTER = "better_network.npz"


def as_data(found: Examination) -> dict[str, Any]:
    """Everything that was found, as JSON can hold it; numbers that are not finite are null."""
    N, D = found.problem.inputs.X.shape
    better = found.better
    return {
        "format_version": FORMAT_VERSION,
        "samples": N,
        "coordinates": D,
        "neurons": len(found.net.z),
        "free_weights": found.problem.F.shape[1],
        "loss": found.loss,
        "mean_square_of_labels": found.problem.mean_square,
        "gradient_norm": found.gradient_norm,
        "size": found.net.size,
        "active_share": float(found.walls.pattern.mean()),
        "dead_neurons": found.dead_neurons.tolist(),
        "dead_samples": found.dead_samples.tolist(),
        "kind": found.kind,
        "near": found.near,
        "point": None if found.point is None else _point(found.point),
        "quality": None if found.quality is None else found.quality.kind,
        "descent": _point(found.descent),
        "walls": [
            {"neuron": j, "distance": _finite(float(far)), "sample": int(i) if i >= 0 else None}
            for j, (far, i) in enumerate(zip(found.walls.distance, found.walls.sample, strict=True))
        ],
        "cell": {name: _cell(cell) for name, cell in found.cell.items()},
        "better": better
        and {
            "loss_at_most": better.loss,
            "origin": better.origin,
            "W": better.W.tolist(),
            "z": better.z.tolist(),
            "c": None if better.c is None else better.c.tolist(),
        },
        "words": found.words(),
    }


def _point(point: Found) -> dict[str, Any]:
    return {
        "kind": point.kind,
        "level": point.level,
        "loss": point.loss,
        "distance": _finite(point.distance),
        "relative_distance": _finite(point.relative_distance),
        "excess_loss_of_the_network": point.excess,
        "cells": point.cells,
        "certified": point.certificate is not None,
    }


def _cell(cell: CellMinimum) -> dict[str, Any]:
    return {
        "verdict": cell.decision.verdict,
        "level": cell.level,
        "margin": _finite(cell.decision.margin),
        "loss": cell.decision.loss,
        "distance": _finite(cell.distance),
        "unique": cell.unique,
        "quality": cell.quality or None,
        "quality_level": cell.quality_level or None,
    }


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def certificates(found: Examination) -> Iterator[tuple[str, Callable[..., None]]]:
    """(file name, what writes it) of everything that can be checked, and of the better network."""
    X, y, free = found.problem.inputs, found.problem.y, found.problem.free
    for name, point in (("point", found.point), ("descent", found.descent)):
        if point is not None and point.certificate is not None:
            quality = found.quality if name == "point" else None
            yield f"{name}.json", partial(export_point, X, y, point.certificate, quality=quality, **free)
    for name, cell in found.cell.items():
        if cell.decision.verdict != "undecided" and cell.level == "proven":
            shown = cell.shown_by if cell.quality_level == "proven" else None
            write = partial(
                export_certificate, X, y, found.walls.pattern, cell.decision, quality=shown, **free
            )
            yield f"cell_{name}.json", write
    if (better := found.better) is not None:
        arrays = {"W": better.W, "z": better.z} | ({} if better.c is None else {"c": better.c})
        yield BETTER, partial(_save, arrays)


def _save(arrays: dict[str, NDArray], path: Path) -> None:
    np.savez(path, allow_pickle=False, **arrays)


NAMES = ("point.json", "descent.json", "cell_given.json", "cell_exists.json", BETTER)


def write_certificates(found: Examination, folder: str | os.PathLike) -> list[Path]:
    """Write them into a folder, all or none, in place of what an earlier examination left there.

    Raises ValueError if the folder holds anything else.
    """
    folder = Path(folder)
    if folder.exists():
        if not folder.is_dir():
            raise ValueError(f"{folder}: is a file; name a folder for the certificates")
        if other := sorted(path.name for path in folder.iterdir() if path.name not in NAMES):
            raise ValueError(f"{folder}: holds {other[0]}; name a folder of its own for the certificates")
    folder.parent.mkdir(parents=True, exist_ok=True)
    made = folder.with_name(f".{folder.name}.{os.getpid()}")
    old = folder.with_name(f".{folder.name}.{os.getpid()}.old")
    try:
        made.mkdir()
        names = []
        for name, write in certificates(found):
            write(path=made / name)
            names.append(name)
        if folder.exists():
            folder.rename(old)
        made.rename(folder)
    finally:
        if old.exists() and not folder.exists():
            old.rename(folder)
        for left in (made, old):
            shutil.rmtree(left, ignore_errors=True)
    return [folder / name for name in names]
