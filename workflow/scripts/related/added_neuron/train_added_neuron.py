"""Training from constructed bad minima and from random starts, with or without the exponential neuron."""

import numpy as np

from relucells.pipeline.job import job, write_npz
from relucells.related.exponential_neuron import (
    Parameters,
    dead_minimum,
    escape,
    linear_minimum,
    not_linear,
    objective,
    train,
)
from relucells.samples.randomness import stream


def train_on_one_data_set(
    seed: int, number: int, with_neuron: bool, N: int, K: int, ridge: float, starts: int, max_steps: int
) -> list[dict]:
    """A row for each start: the two constructed minima, then the random ones.

    Draws do not depend on with_neuron: a random start has the same network with and without it.
    """
    X, y, _ = not_linear(N, stream(seed, "added_neuron", number))
    rows = []
    for name, minimum in (("dead", dead_minimum(X.shape[1], K)), ("linear", linear_minimum(X, y, K))):
        start, slope = minimum, 0.0
        if with_neuron:
            start, slope = escape(X, y, minimum, ridge, stream(seed, "added_neuron", number, name))
        rows.append(_row(X, y, number, name, minimum, start, slope, ridge, max_steps))
    for i in range(starts):
        rng = stream(seed, "added_neuron", number, i)
        start = Parameters(
            rng.standard_normal((K, X.shape[1])),
            rng.standard_normal(K),
            *([rng.standard_normal(X.shape[1]), 0.0] if with_neuron else []),
        )
        rows.append(_row(X, y, number, f"random {i}", start, start, 0.0, ridge, max_steps))
    return rows


def _row(X, y, number, name, before, start, slope, ridge, max_steps) -> dict:
    run = train(X, y, start, ridge, max_steps)
    return {
        "data_set": number,
        "start": name,
        "neuron": start.v is not None,
        "start_loss": objective(X, y, Parameters(before.W, before.z), ridge)[0],
        "slope": slope,
        "escaped_objective": objective(X, y, start, ridge)[0],
        "ending": run.ending,
        "objective": run.objective,
        "loss": run.loss,
        "gradient_norm": run.gradient_norm,
        "a": run.parameters.a,
        "contribution": run.contribution,
        "log_sum": run.log_sum,
    }


if __name__ == "__main__":
    with job(snakemake) as log:
        params, network = snakemake.params, snakemake.wildcards.network == "with"
        rows: list[dict] = []
        for number in range(params.data_sets):
            rows += train_on_one_data_set(params.seed, number, network, **params.settings)
        write_npz(snakemake.output[0], **{key: np.array([row[key] for row in rows]) for key in rows[0]})
        for ending in sorted({row["ending"] for row in rows}):
            log.info("%d of %d runs: %s", sum(row["ending"] == ending for row in rows), len(rows), ending)
