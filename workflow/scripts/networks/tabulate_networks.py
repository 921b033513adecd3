"""A row for each network that was examined."""

import json
from pathlib import Path

import pandas as pd

from relucells.pipeline.job import job
from relucells.pipeline.tables import write_table


def row(name: str, found: dict) -> dict:
    """What was found of one network, in numbers and words."""
    point, end, given, some = found["point"] or {}, found["descent"], *found["cell"].values()
    return {
        "network": name,
        "N": found["samples"],
        "D": found["coordinates"],
        "K": found["neurons"],
        "loss": found["loss"],
        "gradient_norm": found["gradient_norm"],
        "kind": found["kind"],
        "quality": found["quality"] or "",
        "distance": point.get("distance"),
        "point_loss": point.get("loss"),
        "descent": end["kind"],
        "descent_loss": end["loss"],
        "descent_distance": end["distance"],
        "descent_cells": end["cells"],
        "nearest_wall": min(
            (wall["distance"] for wall in found["walls"] if wall["distance"] is not None), default=None
        ),
        "active_share": found["active_share"],
        "dead_neurons": len(found["dead_neurons"]),
        "dead_samples": len(found["dead_samples"]),
        "cell_loss": given["loss"],
        "genuine_given": given["verdict"],
        "genuine_exists": some["verdict"],
        "genuine_distance": given["distance"],
        "better_loss": found["better"] and found["better"]["loss_at_most"],
    }


def readable(frame: pd.DataFrame) -> pd.DataFrame:
    """The columns for readers."""

    def digits(name: str) -> pd.Series:
        return frame[name].map(lambda value: "—" if pd.isna(value) else f"{value:.3g}")

    kind = frame["quality"].str.cat(frame["kind"], sep=" ").str.strip()
    shown = pd.DataFrame(
        {"network": frame["network"], "N": frame["N"], "K": frame["K"], "loss": digits("loss")}
    )
    shown["what it is"], shown["distance"] = kind, digits("distance")
    shown["descent ends in"], shown["at loss"] = frame["descent"], digits("descent_loss")
    shown["nearest wall"] = digits("nearest_wall")
    shown["cell: genuine"] = frame["genuine_given"].str.cat(frame["genuine_exists"], sep=" / ")
    return shown.assign(**{"better known": digits("better_loss")})


if __name__ == "__main__":
    with job(snakemake) as log:
        found = [json.loads(Path(path).read_text(encoding="utf-8")) for path in snakemake.input]
        table = pd.DataFrame([row(*pair) for pair in zip(snakemake.params.networks, found, strict=True)])
        write_table(table, readable(table), snakemake.output, "Trained networks, examined")
        log.info("%d networks", len(table))
