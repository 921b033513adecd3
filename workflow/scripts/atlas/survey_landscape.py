"""Decide and certify every cell of a network with two neurons on one-dimensional data."""

from pathlib import Path

import numpy as np
import pandas as pd

from relucells import line
from relucells.atlas import landscape, sectors, storage
from relucells.pipeline.job import UserError, job, write_csv, write_npz
from relucells.samples.randomness import stream

MOST = 40  # samples: (2N)² cells, each under four sign vectors


def read_data(path: str) -> tuple[np.ndarray, np.ndarray]:
    """x (N,) and y (N,) of an npz file with arrays X and y."""
    try:
        with np.load(path) as file:
            x, y = file["X"], file["y"]
    except (OSError, ValueError, KeyError) as error:
        raise UserError(f"atlas.path: {path}: {error}; give an npz file with the arrays X and y") from None
    try:
        sectors.samples(x, y)
    except ValueError as error:
        raise UserError(f"atlas.path: {path}: {error}; the atlas needs one-dimensional data") from None
    if len(y) > MOST:
        raise UserError(f"atlas.path: {path}: {len(y)} samples, at most {MOST} can be mapped; leave some out")
    return np.asarray(x, dtype=float).reshape(-1), np.asarray(y, dtype=float).reshape(-1)


def survey(x: np.ndarray, y: np.ndarray) -> dict[str, np.ndarray]:
    """The landscape of these samples as arrays, with the scaling of the inputs."""
    small, centre, unit = sectors.scaled(x)
    made = landscape.survey(sectors.samples(small, y))
    return storage.arrays(made) | {"centre": np.array(centre), "unit": np.array(unit)}


def write_tables(stored: dict[str, np.ndarray], cells: Path, minima: Path) -> None:
    """The table with a row per cell, and that with a row per local minimum."""
    own = sectors.samples(stored["x"], stored["y"])
    write_csv(cells, pd.DataFrame(storage.cell_rows(stored, own)))
    write_csv(minima, pd.DataFrame(storage.minimum_rows(stored, own)))


if __name__ == "__main__":
    with job(snakemake) as log:
        params, output = snakemake.params, snakemake.output
        if params.own:
            x, y = read_data(params.own["path"])
        else:
            x, y = line.draw(params.N, stream(params.seed, "atlas"))
        stored = survey(x, y)
        write_npz(output.landscape, **stored)
        write_tables(stored, output.cells, output.minima)
        log.info("%d cells, %d minima on walls", stored["loss"].size, len(stored["wall_loss"]))
