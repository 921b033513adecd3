"""The interactive page: one self-contained file, whose picture and tables need no JavaScript."""

import base64
import json
import struct
from collections.abc import Mapping
from pathlib import Path

import jinja2
import numpy as np
import pandas as pd

from relucells.atlas import sectors, storage
from relucells.atlas.faces import SIGNS
from relucells.atlas.words import how_to_read, neuron
from relucells.pipeline.job import job, write_text

LEVELS = ("proven", "numerical", "rejected")
QUALITIES = ("", "bad", "global")
KINDS = {"inside": "i", "wall": "w", "zero": "z"}

Arrays = Mapping[str, np.ndarray]


def short(values, digits: int = 5) -> list:
    """Numbers rounded to so many significant digits, NaN and infinities as None; nested lists."""
    if isinstance(values, (list, np.ndarray)):
        return [short(value, digits) for value in values]
    return float(f"{values:.{digits}g}") if np.isfinite(values) else None


def page_data(stored: Arrays, runs: Arrays) -> dict:
    """All that the page shows, cells (a, b) with a ≤ b only: the others are their mirror images."""
    own = sectors.samples(stored["x"], stored["y"])
    upper = np.triu_indices(own.sectors)
    quality, level, witness = (stored[name][upper] for name in ("quality", "level", "witness"))
    witnesses = zip(*np.nonzero(quality != ""), strict=True)
    return {
        "allowed": storage.CONVENTIONS | {name: [s] for s, name in enumerate(storage.SIGN_NAMES)},
        "x": stored["x"].tolist(),
        "y": stored["y"].tolist(),
        "center": float(stored["centre"]),
        "unit": float(stored["unit"]),
        "hinges": own.hinges.tolist(),
        "angles": own.angles.tolist(),
        "range": [float(stored["loss"].min()), float(stored["loss"].max())],
        "best": float(stored["best_loss"]),
        "first": first_cell(stored, own),
        "loss": short(stored["loss"][upper]),
        "unique": "".join("01"[int(one)] for one in stored["unique"][upper]),
        "R": short(stored["R"][upper].reshape(-1, 4), 6),
        "quality": digits(quality, QUALITIES),
        "levels": LEVELS,
        "level": digits(level, LEVELS),
        "margin": short(stored["margin"][upper], 4),
        "witness": {int(4 * n + s): short(witness[n, s].reshape(4), 6) for n, s in witnesses},
        "walls": walls(stored, own),
        "runs": paths(runs),
    }


def digits(names: np.ndarray, known: tuple[str, ...]) -> list[str]:
    """Each row of names as a text of their numbers."""
    return ["".join(str(known.index(name)) for name in row) for row in names]


def first_cell(stored: Arrays, own: sectors.Samples) -> list[int]:
    """The cell that the page shows first: one with the lowest loss, or one next to the wall that has it."""
    found = np.argwhere((stored["quality"] == "global").any(axis=2))
    if len(found):
        return found[0].tolist()
    return own.sector(storage.directions(stored["best_R"], stored["best_signs"], own)).tolist()


def walls(stored: Arrays, own: sectors.Samples) -> list[dict]:
    """Minima on walls in both orders of the neurons."""
    found = {}
    for signs, R, loss in zip(*(stored[f"wall_{name}"] for name in ("signs", "R", "loss")), strict=True):
        lowest = bool(loss <= stored["best_loss"] * (1 + 1e-12))
        for order in (slice(None), slice(None, None, -1)):
            at = short(storage.directions(R[order], signs[order], own))
            found[str(at), tuple(signs[order])] = {
                "at": at,
                "s": SIGNS.index(tuple(signs[order])),
                "lowest": lowest,
            }
    return list(found.values())


def paths(runs: Arrays) -> list[dict]:
    """Descents with their ends as the last point."""
    return [
        {"s": int(s), "path": short([*way, end], 4), "loss": short(loss), "kind": KINDS[str(kind)]}
        for s, way, end, loss, kind in zip(
            *(runs[name] for name in ("signs", "way", "end", "loss", "kind")), strict=True
        )
    ]


def summary_table(frame: pd.DataFrame) -> dict:
    """Cells and descents in numbers, as text."""
    shown = {
        "signs": "signs",
        "cells": "cells",
        "genuine": "genuine",
        "bad": "bad",
        "global": "global",
        "runs": "descents",
        "ends_global": "end at the lowest loss",
        "ends_bad_inside": "in a bad cell",
        "ends_bad_wall": "on a bad wall",
        "ends_zero": "with a silent neuron",
        "ends_dead": "with a dead neuron",
        "worst_end": "worst loss at an end",
    }
    rows = [
        [f"{value:.4g}" if isinstance(value, float) else str(value).replace("-", "−") for value in row]
        for row in frame[list(shown)].itertuples(index=False)
    ]
    return {"header": list(shown.values()), "rows": rows}


def minima_table(stored: Arrays) -> dict:
    """Every local minimum once, in words, lowest loss first."""
    own = sectors.samples(stored["x"], stored["y"])
    rows, seen = [], set()
    for row in sorted(storage.minimum_rows(stored, own), key=lambda row: row["loss"]):
        neurons = sorted((row["signs"][j], neuron(row[f"angle_{j + 1}"], stored)) for j in range(2))
        key = row["kind"], str(neurons), row["loss"]
        if key not in seen:
            seen.add(key)
            words = [f"{'−' if sign == '-' else '+'} {text}" for sign, text in neurons]
            rows.append([f"{row['loss']:.5g}", row["quality"], row["kind"], *words])
    return {"header": ["loss", "quality", "kind", "one neuron", "other neuron"], "rows": rows}


def picture(path: Path) -> dict:
    """A png as a data URI with its size in pixels."""
    content = path.read_bytes()
    width, height = struct.unpack(">II", content[16:24])
    uri = "data:image/png;base64," + base64.b64encode(content).decode()
    return {"uri": uri, "width": width, "height": height}


def page(
    template: Path,
    stored: Arrays,
    runs: Arrays,
    summary: pd.DataFrame,
    findings: list[str],
    image: Path,
    files: list[str],
) -> str:
    """The page's HTML; findings : sentences, files : the tables that it names."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(template.parent), autoescape=True, undefined=jinja2.StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    data = json.dumps(page_data(stored, runs), separators=(",", ":"), allow_nan=False).replace("<", "\\u003c")
    return environment.get_template(template.name).render(
        how_to_read=how_to_read(), findings=findings, picture=picture(image),
        summary=summary_table(summary), minima=minima_table(stored), files=files, data=data,
    )  # fmt: skip


if __name__ == "__main__":
    with job(snakemake) as log:
        given = snakemake.input
        with np.load(given.landscape) as file, np.load(given.runs) as other:
            stored, runs = dict(file), dict(other)
        findings = json.loads(Path(given.findings).read_text(encoding="utf-8"))
        html = page(
            Path(given.template),
            stored,
            runs,
            pd.read_csv(given.summary),
            findings,
            Path(given.picture),
            [given.cells, given.minima],
        )
        write_text(snakemake.output[0], html)
        log.info("%.2f MB", len(html.encode()) / 1e6)
