"""A landscape and its descents as plain arrays, as a table with a row per cell, and in numbers."""

from collections.abc import Iterator, Mapping
from dataclasses import fields

import numpy as np
from numpy.typing import NDArray

from relucells.atlas.basins import Descents
from relucells.atlas.faces import SIGNS
from relucells.atlas.landscape import Landscape
from relucells.atlas.sectors import Samples
from relucells.certify.conventions import BY_NAME
from relucells.certify.stored import pack

FORMAT_VERSION = 1
# A descent has reached the lowest loss up to this share of the labels' mean square, because its loss is
# rounded.
REACHED = 1e-9
SIGN_NAMES = tuple("".join("+" if s > 0 else "-" for s in signs) for signs in SIGNS)
# Which sign vectors each convention allows, as rows of SIGNS; given signs are the rows themselves.
CONVENTIONS = {
    name: tuple(s for s, signs in enumerate(SIGNS) if convention.allows(np.array(signs), None))
    for name, convention in BY_NAME.items()
    if name != "given"
}


def arrays(made: Landscape) -> dict[str, NDArray]:
    """Everything that a picture or a page of the landscape shows, and the packed decisions."""
    plain = {
        field.name: getattr(made, field.name)
        for field in fields(Landscape)
        if field.name not in ("samples", "decisions", "best", "walls")
    }
    best = made.best
    return plain | {
        "format_version": np.array(FORMAT_VERSION),
        "x": made.samples.x,
        "y": made.samples.y,
        "best_loss": np.array(float(best.loss)),
        "best_signs": np.array(best.signs),
        "best_R": _weights(made.samples, best.face, best.signs),
        "wall_signs": np.array([wall.signs for wall in made.walls], dtype=np.int8).reshape(-1, 2),
        "wall_R": np.array([_weights(made.samples, wall.face, wall.signs) for wall in made.walls]).reshape(
            -1, 2, 2
        ),
        "wall_loss": np.array([float(wall.face.loss) for wall in made.walls]),
        "wall_kinks": np.array([len(wall.kinks) for wall in made.walls], dtype=np.int64),
        **{f"decision_{name}": array for name, array in pack(made.decisions).items()},
    }


def directions(R: NDArray, signs: NDArray, sectors: Samples) -> NDArray[np.float64]:
    """Angles (2,) of w_j = s_j R_j; a neuron with R_j = 0 stands in the middle of the dead sector."""
    dead = (sectors.angles[-1] + sectors.angles[0]) / 2 + np.pi
    w = np.asarray(signs)[:, None] * R
    return np.where(R.any(axis=1), np.arctan2(w[:, 1], w[:, 0]), dead)


def _weights(samples: Samples, face, signs) -> NDArray[np.float64]:
    """R (2, 2) of exact coefficients on rays."""
    R = np.zeros((2, 2))
    for k, j, coefficient in zip(face.rays, face.neurons, face.coefficients, strict=True):
        R[j] += signs[j] * float(coefficient) * samples.rays[k]
    return R


def descent_arrays(runs: Descents) -> dict[str, NDArray]:
    """The runs as plain arrays."""
    return {field.name: getattr(runs, field.name) for field in fields(Descents)}


def cell_rows(stored: Mapping[str, NDArray], samples: Samples) -> Iterator[dict]:
    """A row per cell (a, b), for a table; patterns list the samples in ascending order of x."""
    S = samples.sectors
    patterns = ["".join("1" if active else "0" for active in row) for row in samples.patterns]
    reason = stored["decision_reason"]
    for a in range(S):
        for b in range(S):
            row = {
                "sector_1": a,
                "sector_2": b,
                "pattern_1": patterns[a],
                "pattern_2": patterns[b],
                "loss": stored["loss"][a, b],
                "unique": bool(stored["unique"][a, b]),
            }
            for s, name in enumerate(SIGN_NAMES):
                at = int(stored["decision"][a, b, s])
                row |= {
                    f"verdict {name}": str(stored["decision_verdict"][at]),
                    f"margin {name}": stored["margin"][a, b, s],
                    f"quality {name}": str(stored["quality"][a, b, s]),
                    f"level {name}": str(stored["level"][a, b, s]),
                    f"certificate {name}": f"{reason[at]} {at}",
                }
            yield row


def minimum_rows(stored: Mapping[str, NDArray], samples: Samples) -> Iterator[dict]:
    """A row per local minimum and order of the neurons: genuine minima of cells, then those on walls."""
    best = float(stored["best_loss"])
    for a, b, s in zip(*np.nonzero(stored["genuine"]), strict=True):
        R = stored["witness"][a, b, s]
        yield _minimum_row("differentiable", s, R, stored["loss"][a, b], best, 0)
    for signs, R, loss, kinks in zip(
        *(stored[f"wall_{name}"] for name in ("signs", "R", "loss", "kinks")), strict=True
    ):
        kind = "non-differentiable" if kinks else "differentiable, on a wall"
        pairs = {
            (tuple(signs.tolist()), R.tobytes()): R,
            (tuple(signs[::-1].tolist()), R[::-1].tobytes()): R[::-1],
        }
        for (order, _), weights in pairs.items():
            yield _minimum_row(kind, SIGNS.index(order), weights, loss, best, int(kinks))


def _minimum_row(kind: str, s: int, R: NDArray, loss: float, best: float, kinks: int) -> dict:
    signs = np.array(SIGNS[s])
    angle = np.arctan2(signs * R[:, 1], signs * R[:, 0])
    return {
        "kind": kind,
        "signs": SIGN_NAMES[s],
        "loss": loss,
        "quality": "global" if loss <= best * (1 + 1e-12) else "bad",
        "kinks": kinks,
        **{f"angle_{j + 1}": angle[j] if R[j].any() else np.nan for j in range(2)},
        **{f"R_{j + 1}{c}": R[j, n] for j in range(2) for n, c in enumerate(("_slope", "_offset"))},
    }


def descent_rows(runs: Mapping[str, NDArray]) -> Iterator[dict]:
    """A row per descent: where it started and where it came to rest."""
    for n, s in enumerate(runs["signs"]):
        yield {
            "signs": SIGN_NAMES[s],
            **{f"start_{j + 1}": runs["start"][n, j] for j in range(2)},
            **{f"end_{j + 1}": runs["end"][n, j] for j in range(2)},
            "end": str(runs["kind"][n]),
            "loss": runs["loss"][n],
        }


def in_numbers(stored: Mapping[str, NDArray], runs: Mapping[str, NDArray]) -> list[dict]:
    """What the landscape shows, a row per convention and a row per sign vector.

    cells, genuine, bad, global : numbers of cells (ordered pairs of sectors); decisions, proven : about them
    runs : descents from the grid; ends_… : how many end there; ends_dead : with a neuron that no sample
        activates, wherever they end; worst_end : the largest loss at which a run came to rest
    lowest_loss : of any network
    """
    allowed = CONVENTIONS | {name: (s,) for s, name in enumerate(SIGN_NAMES)}
    best = float(stored["best_loss"])
    dead = (runs["cell"] == len(stored["loss"]) - 1).any(axis=1)
    rows = []
    for name, rows_of in allowed.items():
        chosen = list(rows_of)
        genuine = stored["genuine"][..., chosen].any(axis=2)
        quality = stored["quality"][..., chosen]
        run = np.isin(runs["signs"], chosen)
        good = runs["loss"] <= best + REACHED * float(np.mean(stored["y"] ** 2))
        ends = {kind: run & ~good & (runs["kind"] == kind) for kind in ("inside", "wall", "zero")}
        rows.append(
            {
                "signs": name,
                "cells": genuine.size,
                "genuine": int(genuine.sum()),
                "bad": int((quality == "bad").any(axis=2).sum()),
                "global": int((quality == "global").any(axis=2).sum()),
                "proven": int((stored["level"][..., chosen] == "proven").sum()),
                "decisions": genuine.size * len(chosen),
                "lowest_loss": best,
                "runs": int(run.sum()),
                "ends_global": int((run & good).sum()),
                "ends_bad_inside": int(ends["inside"].sum()),
                "ends_bad_wall": int(ends["wall"].sum()),
                "ends_zero": int(ends["zero"].sum()),
                "ends_dead": int((run & dead).sum()),
                "worst_end": float(runs["loss"][run].max()),
            }
        )
    return rows
