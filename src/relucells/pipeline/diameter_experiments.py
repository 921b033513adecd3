"""What the rules of Table VI share: its samples, its weights and directions, and one experiment."""

from collections.abc import Callable
from itertools import groupby
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from relucells.cells.diameter import cell_diameters
from relucells.pipeline.arrays import read_images
from relucells.pipeline.image_sets import remedy
from relucells.pipeline.job import UserError
from relucells.pipeline.verdicts import SLACK, half_unit
from relucells.samples.gaussian import two_gaussians
from relucells.samples.images import augment, first_of_class, pixels
from relucells.samples.randomness import stream

# Experiments that are made up of cells of the repeated ones. They show where the mean of another one would
# lie.
RESAMPLED = 4000


class LeftOut(UserError):
    """These images are not enough for what is asked for, but the official ones would be."""


def image_samples(images: NDArray, labels: NDArray, N: int, choice: str, grey: str) -> NDArray[np.float64]:
    """N augmented images, (N, d + 1). The paper does not say which ones it took.

    choice : ``every_class``, the first N/C of each of the C classes, which every source can serve;
        ``two_classes``, the first N/2 of each of classes 0 and 1, as in section V; ``first``, the first N.
    Raises ValueError where the source has too few images.
    """
    if choice == "first":
        if len(images) < N:
            raise ValueError(f"images: {N} asked for, but there are {len(images)}")
        return augment(pixels(images[:N], grey))
    classes = np.unique(labels) if choice == "every_class" else np.array([0, 1])
    if N % len(classes):
        raise ValueError(f"N: {N} is not a multiple of the number of classes, {len(classes)}")
    chosen = [first_of_class(labels, label, N // len(classes)) for label in classes]
    return augment(pixels(images[np.concatenate(chosen)], grey))


def draw_weights(settings: dict, D: int, seed: int, *names: object) -> NDArray[np.float64]:
    """The weights of one experiment, (n, D), every entry uniform over ``weight_range``."""
    low, high = settings["weight_range"]
    return stream(seed, *names, "weights").uniform(low, high, (settings["weights"], D))


def draw_directions(settings: dict, D: int, seed: int, *names: object) -> NDArray[np.float64]:
    """A set of directions, (10 d, D), isotropic: ``cell_diameters`` sets their length to 1."""
    return stream(seed, *names, "directions").standard_normal((settings["directions_per_d"] * (D - 1), D))


def experiments(
    seed: int,
    settings: dict,
    dataset: str,
    N: int,
    numbers: range,
    samples: Callable[[int], NDArray[np.float64]] | NDArray[np.float64],
) -> NDArray[np.float64]:
    """The diameters of repeated experiments, (len(numbers), weights), inf for open cells.

    numbers : of the experiments; 0 is the one in the table. An experiment's result depends on its own
        number alone, not on which others are asked for.
    samples : (N, D) for all of them, or a function of the number where each draws its own

    ``weights_per_directions`` weights of an experiment share a set of directions. On given samples
    ``experiments_per_directions`` experiments use the same sets, each with weights of its own.
    """
    group, name = settings["weights_per_directions"], (seed, "table_6", dataset, N)
    diameters = np.empty((len(numbers), settings["weights"]))
    rows = dict(zip(numbers, diameters, strict=True))

    def sharing(number: int) -> str:
        if number == 0 or callable(samples):
            return f"experiment {number}"
        return f"batch {(number - 1) // settings['experiments_per_directions']}"

    for batch, together in groupby(numbers, key=sharing):
        members = list(together)
        X = samples(members[0]) if callable(samples) else samples
        D = X.shape[1]
        W = np.stack([draw_weights(settings, D, *name, number) for number in members])
        for start in range(0, settings["weights"], group):
            block = W[:, start : start + group]
            directions = draw_directions(settings, D, *name, batch, start)
            found = cell_diameters(X, block.reshape(-1, D), directions).reshape(block.shape[:2])
            for number, values in zip(members, found, strict=True):
                rows[number][start : start + group] = values
    return diameters


def closed(diameters: NDArray[np.float64], open_beyond: float | None = None) -> NDArray[np.bool_]:
    """Which cells the mean is taken over: those that do not count as open.

    open_beyond : None leaves out cells in which some direction meets no hyperplane; a number also those
        whose diameter exceeds it.
    """
    return diameters <= (np.finfo(float).max if open_beyond is None else open_beyond)


def mean_diameter(diameters: NDArray[np.float64], open_beyond: float | None = None) -> float:
    """Mean over the closed cells; NaN if there are none."""
    kept = diameters[closed(diameters, open_beyond)]
    return float(kept.mean()) if len(kept) else float("nan")


def other_means(
    repeated: NDArray[np.float64], bounds: list[float | None], same_samples: bool, seed: int, *names: object
) -> list[NDArray[np.float64]]:
    """For each bound ``open_beyond``: mean diameters that one more experiment could have given.

    repeated : (R, n) diameters of R experiments
    same_samples : whether all of them were made on the same samples
    seed, names : of the random stream

    Without a bound, or with fresh samples in each experiment, these are the R means themselves: R experiments
    show no more of a mean without expectation. Bounded diameters on the same samples are R·n draws from one
    distribution, whose mean settles. Then many more than R experiments are made up, each of n of these draws.
    Their means are spread about the common mean by the factor √(1 + 1/R), because R experiments do not know
    that mean better.
    """
    means = [np.array([mean_diameter(row, bound) for row in repeated]) for bound in bounds]
    if same_samples:
        finite = [bound for bound in bounds if bound is not None]
        resampled = dict(zip(finite, _resampled_means(repeated, finite, seed, *names), strict=True))
        means = [
            values if bound is None else resampled[bound] for bound, values in zip(bounds, means, strict=True)
        ]
    return [values[np.isfinite(values)] for values in means]


def _resampled_means(
    repeated: NDArray[np.float64], bounds: list[float], seed: int, *names: object
) -> list[NDArray[np.float64]]:
    """Mean diameters of RESAMPLED experiments made up of cells of the repeated ones, for each bound.

    A drawn cell counts for all bounds from its own *bin* on, so one pass over the draws serves all bounds.
    """
    R, n = repeated.shape
    edges = np.unique(bounds)
    drawn = stream(seed, *names, "other means").integers(0, R * n, (RESAMPLED, n))
    diameters = repeated.ravel()
    bins = np.searchsorted(edges, diameters)[drawn] + (len(edges) + 1) * np.arange(RESAMPLED)[:, None]
    lengths = np.where(np.isfinite(diameters), diameters, 0.0)[drawn]
    shape = RESAMPLED, len(edges) + 1
    counts = np.bincount(bins.ravel(), minlength=shape[0] * shape[1]).reshape(shape).cumsum(axis=1)
    sums = np.bincount(bins.ravel(), lengths.ravel(), shape[0] * shape[1]).reshape(shape).cumsum(axis=1)
    found = []
    for bound in bounds:
        at, centre = np.searchsorted(edges, bound), mean_diameter(diameters, bound)
        kept = counts[:, at] > 0
        found.append(centre + np.sqrt(1 + 1 / R) * (sums[kept, at] / counts[kept, at] - centre))
    return found


def _read(images: str | None) -> list[NDArray]:
    """The file of images, which every experiment has that is not Gaussian."""
    if images is None:
        raise ValueError("images: give the npz of a set of images, or d for Gaussian samples")
    return read_images(Path(images))


def load_samples(
    seed: int, settings: dict, dataset: str, N: int, d: int | None, images: str | None
) -> tuple[Callable[[int], NDArray[np.float64]] | NDArray[np.float64], int, str]:
    """The samples as ``experiments`` takes them, their dimension d, and where they come from.

    Gaussian data (d given) is drawn anew for each experiment; images come from the npz of fetch_data.
    Raises LeftOut where the images at hand cannot serve the choice, UserError where official ones cannot.
    """
    if d:
        return (
            lambda number: two_gaussians(d, N, stream(seed, "table_6", dataset, N, number))[0],
            d,
            "gaussian",
        )
    held, labels, source = _read(images)
    data_source = str(source)
    try:
        if settings["choice"] == "first" and data_source != "official":
            raise ValueError(f"{data_source} images are not in the order of the training set")
        X = image_samples(held, labels, N, settings["choice"], settings["grey"])
    except ValueError as error:
        key = f"table_6: N = {N}, choice = {settings['choice']}: {dataset}"
        if data_source != "official":
            raise LeftOut(f"{key}: {error}; official images can serve it") from None
        raise UserError(f"{key}: {error}; {remedy(str(images), data_source, len(held))}") from None
    return X, X.shape[1] - 1, data_source


def run_experiments(
    seed: int, settings: dict, dataset: str, N: int, d: int | None, images: str | None, numbers: range
) -> dict[str, object]:
    """What an npz of results/diameters holds.

    diameters (len(numbers), weights); dataset, d, N and data_source; choice and grey of images;
    same_samples : whether all experiments share them
    left_out : why there are no diameters, or empty
    """
    entry = {"dataset": "gaussian" if d else dataset, "d": d, "N": N, "same_samples": not d, "left_out": ""}
    entry |= {name: "" if d else settings[name] for name in ("choice", "grey")}
    try:
        samples, d, source = load_samples(seed, settings, dataset, N, d, images)
    except LeftOut as reason:
        nothing = np.empty((0, settings["weights"]))
        held, _, data_source = _read(images)
        d, source = held.shape[1] * held.shape[2], str(data_source)
        return entry | {"diameters": nothing, "d": d, "data_source": source, "left_out": str(reason)}
    diameters = experiments(seed, settings, dataset, N, numbers, samples)
    return entry | {"diameters": diameters, "d": d, "data_source": source}


def read_experiments(path: str) -> dict:
    """An npz of results/diameters; its single values as plain ones."""
    with np.load(path) as arrays:
        return {name: arrays[name] if arrays[name].ndim else arrays[name].item() for name in arrays.files}


def place(printed: str, repeated: np.ndarray) -> tuple[float, float]:
    """Share of repeated means below a printed one, and the two-sided p of its rank among them.

    If the printed mean were one more repetition, every rank would be equally likely, whatever the
    distribution. Rounding counts in its favour: a mean that prints the same counts for both sides.
    """
    value, rounding = float(printed), half_unit(printed) + SLACK
    below, above = int((repeated <= value + rounding).sum()), int((repeated >= value - rounding).sum())
    p = min(1.0, 2 * (1 + min(below, above)) / (len(repeated) + 1))
    return float((repeated < value).mean()), p
