"""Examine the points at which gradient descent from drawn weights stops, like networks of one's own."""

import json

import numpy as np

from relucells.critical_points.gradient import gradient_descent
from relucells.examination.examine import examine
from relucells.examination.storage import as_data
from relucells.pipeline.job import job, write_text
from relucells.samples.inputs import Inputs, prepare


def examined(
    inputs: Inputs, y: np.ndarray, W: np.ndarray, z: np.ndarray, max_steps: int, settings: dict
) -> dict:
    """One end of gradient descent: steps, and what ``examine`` finds, without better networks' weights."""
    run = gradient_descent(inputs, y, W, z, max_steps)
    data = as_data(examine(inputs, y, run.W, run.z, **settings))
    if data["better"]:
        data["better"] = {key: data["better"][key] for key in ("loss_at_most", "origin")}
    return {"steps": run.steps, **data}


if __name__ == "__main__":
    with job(snakemake) as log:
        params = snakemake.params
        settings = params.settings | {"seed": params.seed}
        with np.load(snakemake.input.data) as data:
            inputs, y, source = prepare(data["X"]), data["y"], str(data["data_source"])
        with np.load(snakemake.input.weights) as file:
            draws = list(zip(file["trial"], file["W"], file["z"], strict=True))[: params.descents["trials"]]
        ends = [
            {"trial": int(trial), **examined(inputs, y, W, z, params.descents["max_steps"], settings)}
            for trial, W, z in draws
        ]
        found = {"data_source": source, **dict(snakemake.wildcards), "ends": ends}
        write_text(snakemake.output[0], json.dumps(found, allow_nan=False) + "\n")
        log.info("%s", "; ".join(end["kind"] for end in ends))
