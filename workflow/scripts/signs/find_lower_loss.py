"""Find a network with a loss as low as possible. It shows that genuine minima with a higher loss are bad."""

import numpy as np

from relucells.cells.inspection import draw_weights
from relucells.lower_loss import Network, interpolate, train
from relucells.pipeline.job import job, write_npz
from relucells.samples.inputs import prepare
from relucells.samples.randomness import stream


def lowest_loss(X: np.ndarray, y: np.ndarray, W: np.ndarray, z: np.ndarray, iterations: int) -> Network:
    """Interpolation where the samples allow it, else the best of the runs from W (starts, K, D), z."""
    inputs = prepare(X)
    exact = interpolate(inputs, y, W.shape[1])
    if exact is not None:
        return exact
    scale = 1.0 / np.sqrt(W.shape[1] * X.shape[1])
    runs = [train(inputs, y, W[i] * scale, z[i], iterations) for i in range(len(W))]
    return min(runs, key=lambda network: network.loss)


if __name__ == "__main__":
    with job(snakemake) as log:
        settings, seed = snakemake.params.settings, snakemake.params.seed
        with np.load(snakemake.input.data) as data:
            X, y = data["X"], data["y"]
        dataset = snakemake.wildcards.dataset
        K = snakemake.params.K
        drawn = [
            draw_weights(stream(seed, dataset, "lower loss", start), K, X.shape[1], bias=0.0)
            for start in range(settings["starts"])
        ]
        W, z = (np.stack(parts) for parts in zip(*drawn, strict=True))
        best = lowest_loss(X, y, W, z, settings["iterations"])
        write_npz(snakemake.output[0], W=best.W, z=best.z, loss=best.loss, origin=best.origin)
        log.info("lowest loss found: %.6g, by %s", best.loss, best.origin)
