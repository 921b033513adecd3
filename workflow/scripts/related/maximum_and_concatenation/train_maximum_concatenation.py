"""Training the smallest Maximum-and-Concatenation Network, or its control, from many starts."""

import numpy as np

from relucells.pipeline.job import job, write_npz
from relucells.related.concatenation import Network, linear_loss, train
from relucells.samples.randomness import stream


def samples(seed: int, N: int, d: int) -> tuple[np.ndarray, np.ndarray]:
    """x ~ N(0, I_d) with a constant 1 appended, labels ±1 at random."""
    rng = stream(seed, "maximum_and_concatenation")
    X = np.column_stack((rng.standard_normal((N, d)), np.ones(N)))
    return X, rng.choice([-1.0, 1.0], N)


def train_all(
    seed: int, name: str, N: int, d: int, width: int, linear: int, starts: int, max_steps: int
) -> dict[str, np.ndarray]:
    """A column for each figure of a run, a row for each start."""
    X, y = samples(seed, N, d)
    network = Network(d + 1, width, linear if name == "block" else 0)
    runs = [
        train(network, X, y, network.draw(stream(seed, "maximum_and_concatenation", name, i)), max_steps)
        for i in range(starts)
    ]
    keys = ("ending", "loss", "gradient_norm", "least_eigenvalue", "largest", "kinks")
    columns = {key: np.array([getattr(run, key) for run in runs]) for key in keys}
    return {"start": np.arange(starts), **columns, "linear_loss": np.full(starts, linear_loss(X, y))}


if __name__ == "__main__":
    with job(snakemake) as log:
        params = snakemake.params
        found = train_all(params.seed, snakemake.wildcards.network, **params.settings)
        write_npz(snakemake.output[0], **found)
        minima = np.char.startswith(found["ending"], "minimum")
        log.info(
            "%d of %d runs end in a minimum, %d of them above the linear loss",
            minima.sum(),
            len(minima),
            (found["loss"] > found["linear_loss"])[minima].sum(),
        )
