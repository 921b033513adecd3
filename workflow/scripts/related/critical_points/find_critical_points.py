"""Saddles and minima of the cells in which random weights fall, and where descent from the weights ends."""

import numpy as np

from relucells.certify.critical import CertifiedPoint, point_level
from relucells.certify.stored import pack_points
from relucells.critical_points.certificate import certificate_of
from relucells.critical_points.classify import critical_point
from relucells.critical_points.closed_cell import minimum_on_closed_cell
from relucells.critical_points.exact_descent import settle
from relucells.critical_points.gradient import gradient_descent
from relucells.critical_points.saddles import saddle_in_cell
from relucells.pipeline.job import job, write_npz
from relucells.samples.inputs import Inputs, prepare


def look_into_cell(
    inputs: Inputs, y: np.ndarray, W: np.ndarray, z: np.ndarray, max_sets: int, program_limit: int
) -> dict:
    """One row of critical_cells.csv."""
    saddle = saddle_in_cell(inputs, y, W, max_sets, program_limit)
    closed = minimum_on_closed_cell(inputs, y, W, z, program_limit)
    point = saddle.point
    proof = point.evidence if point else f"{saddle.sets} sets of silent neurons tried"
    return {
        "saddle": saddle.verdict,
        "saddle_loss": point.loss if point else np.nan,
        "saddle_evidence": proof if point or saddle.complete else f"{proof}, not all",
        "closed_cell": closed.verdict,
        "closed_cell_loss": closed.loss,
        "closed_cell_evidence": closed.evidence,
    }


def descend_to_the_end(
    inputs: Inputs, y: np.ndarray, W: np.ndarray, z: np.ndarray, max_steps: int, max_cells: int
) -> tuple[dict, CertifiedPoint | None]:
    """One row of critical_points.csv, and the certificate that an exact point of this kind is near.

    Gradient descent comes first. If it has not converged, exact descent from cell to cell goes on.
    """
    run = end = gradient_descent(inputs, y, W, z, max_steps)
    point = critical_point(inputs, y, run.W, run.z)
    how = f"gradient descent: {run.steps} steps, loss {point.loss:.6g}"
    if point.kind == "not converged":
        end = settle(inputs, y, run.W, run.z, max_cells)
        point = critical_point(inputs, y, end.W, end.z)
        how += f"; then {end.cells} closed cells"
    found = {"class": point.kind, "loss": point.loss, "evidence": f"{point.evidence} ({how})"}
    certificate = certificate_of(inputs, y, end.W, end.z, point)
    if certificate is None:
        level = "" if point.kind == "not converged" else "numerical"
        return found | {"level": level, "distance": np.nan}, None
    level = point_level(inputs, y, certificate)
    return found | {"level": level, "distance": certificate.distance}, certificate


def columns(rows: list[dict]) -> dict[str, np.ndarray]:
    return {key: np.array([row[key] for row in rows]) for key in rows[0]}


def first_draws(paths: list[str]) -> list[tuple]:
    """(trial, W, z) of the blocks of drawn weights, in their order."""
    draws: list[tuple] = []
    for path in paths:
        with np.load(path) as block:
            draws += zip(block["trial"], block["W"], block["z"], strict=True)
    return draws


def look_into_cells(inputs, y: np.ndarray, draws: list[tuple], settings: dict) -> list[dict]:
    """What the cells of the first draws hold."""
    limits = settings["max_sets"], settings["program_limit"]
    chosen = draws[: settings["trials"]]
    return [{"trial": trial, **look_into_cell(inputs, y, W, z, *limits)} for trial, W, z in chosen]


def follow_descents(
    inputs, y: np.ndarray, draws: list[tuple], settings: dict
) -> tuple[list[dict], list[CertifiedPoint]]:
    """Where descent from the first draws ends, and the certificates that were found of that."""
    limits = settings["max_steps"], settings["max_cells"]
    found = [
        (trial, *descend_to_the_end(inputs, y, W, z, *limits)) for trial, W, z in draws[: settings["trials"]]
    ]
    rows = [{"start": trial, **row} for trial, row, _ in found]
    return rows, [certificate for *_, certificate in found if certificate is not None]


if __name__ == "__main__":
    with job(snakemake) as log:
        params, output = snakemake.params, snakemake.output
        with np.load(snakemake.input.data) as data:
            inputs, y, source = prepare(data["X"]), data["y"], str(data["data_source"])
        draws = first_draws(snakemake.input.weights)
        in_cells = look_into_cells(inputs, y, draws, params.cells)
        ends, certificates = follow_descents(inputs, y, draws, params.descents)
        write_npz(output.cells, **columns(in_cells), data_source=source)
        write_npz(output.ends, **columns(ends), data_source=source)
        write_npz(output.certificates, **pack_points(certificates))
        saddles = sum(row["saddle"] == "saddle" for row in in_cells)
        classes = ", ".join(row["class"] for row in ends)
        log.info("%d of %d cells hold a saddle; descent ends: %s", saddles, len(in_cells), classes)
        proven = sum(row["level"] == "proven" for row in ends)
        log.info("%d of %d ends are proven", proven, len(ends))
