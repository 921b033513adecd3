"""Make one data set: augmented samples X, N × (d + 1), and labels y of ±1.

Gaussian sets are drawn here. Image sets are the first images of two classes. A set of the user's own comes
from an npz file with the arrays X and y, which are checked first.
"""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from relucells.pipeline.arrays import read_arrays, read_images
from relucells.pipeline.image_sets import remedy
from relucells.pipeline.job import UserError, job, write_npz
from relucells.samples.gaussian import two_gaussians
from relucells.samples.images import augment, binary_subset
from relucells.samples.inputs import real_array
from relucells.samples.randomness import stream


def gaussian_subset(dataset: str, d: int, N: int, seed: int) -> dict[str, NDArray]:
    """The one draw that all trials of the data set share."""
    X, y = two_gaussians(d, N, stream(seed, dataset, "data"))
    return {"X": X, "y": y, "data_source": np.array("gaussian")}


def image_subset(
    dataset: str, path: Path, classes: tuple[int, int], N: int, grey: str = "rgb2gray"
) -> dict[str, NDArray]:
    """The first N/2 images of each class from what ``fetch_data`` wrote."""
    images, labels, data_source = read_images(path)
    try:
        X, y = binary_subset(images, labels, classes, N // 2, grey)
    except ValueError as error:
        if not str(error).startswith("per_class: "):
            raise UserError(f"{path}: {error}") from None
        shortage = str(error).removeprefix("per_class: ")
        more = remedy(path, str(data_source), len(images))
        raise UserError(
            f"datasets.{dataset}.N: {shortage} in {path} (source {data_source}); {more}"
        ) from None
    return {"X": X, "y": y, "data_source": data_source}


def user_subset(path: Path, augmented: bool = False) -> dict[str, NDArray]:
    """The user's own X, (N, d) or, with its constant 1 as last column, (N, d + 1), and y of ±1."""
    X, y = read_arrays(path, "X", "y")
    try:
        X, y = real_array("X", X, dimensions=2), real_array("y", y, dimensions=1)
        if len(y) != len(X):
            raise ValueError(f"y: must have one label per row of X, {len(X)}, not {len(y)}")
        wrong = y[np.abs(y) != 1]
        if len(wrong):
            raise ValueError(f"y: must hold only -1 and +1, not {wrong[0]:g}")
        if augmented and not (X[:, -1] == 1).all():
            raise ValueError("X: its last column must be the constant 1 when augmented is true")
    except ValueError as error:
        raise UserError(f"{path}: {error}") from None
    return {"X": X if augmented else augment(X), "y": y, "data_source": np.array("user")}


def make_subset(dataset: str, entry: dict, path: Path | None, seed: int | None) -> dict[str, NDArray]:
    """The data set that an entry of ``datasets`` describes; ``path`` is the file it is made from."""
    entry = dict(entry)
    source = entry.pop("source")
    if source == "gaussian":
        return gaussian_subset(dataset, seed=seed, **entry)
    if source == "npz":
        return user_subset(path, **entry)
    return image_subset(dataset, path, **entry)


if __name__ == "__main__":
    with job(snakemake) as log:
        params = snakemake.params
        files = [params.own["path"]] if params.own else snakemake.input
        path = Path(files[0]) if files else None
        subset = make_subset(snakemake.wildcards.dataset, params.entry, path, params.seed)
        write_npz(snakemake.output[0], **subset)
        (N, D), positive = subset["X"].shape, int((subset["y"] > 0).sum())
        source = subset["data_source"]
        log.info("%d samples in %d + 1 dimensions, %d positive, source %s", N, D - 1, positive, source)
