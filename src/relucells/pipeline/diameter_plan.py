"""The experiments of Table VI: their data sets, the readings of the paper, and the files of each."""

from collections.abc import Iterable, Mapping
from typing import Any

CHOICES = ("every_class", "two_classes", "first")
# How an image experiment may be understood: the choice of images with the grey conversion.
READINGS = {
    f"{choice}_{grey}": {"choice": choice, "grey": grey}
    for choice in CHOICES
    for grey in ("rgb2gray", "average")
}
PRINTED = "printed"  # the configured reading
# Keys of the config's section that name experiments and do not describe one.
NOT_OF_ONE = ("images", "gaussian_d", "N", "repetitions", "open_beyond")


def gaussian_dimension(section: Mapping[str, Any]) -> dict[str, int]:
    """The Gaussian data sets of Table VI by their name, with their d."""
    return {f"gaussian_d{d}": d for d in section["gaussian_d"]}


def datasets(section: Mapping[str, Any]) -> list[str]:
    """All data sets of Table VI."""
    return [*section["images"], *gaussian_dimension(section)]


def experiment_settings(section: Mapping[str, Any], reading: str = PRINTED) -> dict[str, Any]:
    """What one experiment depends on, under a reading."""
    own = {key: value for key, value in section.items() if key not in NOT_OF_ONE}
    return dict(sorted((own | READINGS.get(reading, {})).items()))


def image_file(section: Mapping[str, Any], dataset: str) -> str | list[str]:
    """The images of an experiment; none for Gaussian ones, which are drawn."""
    return [] if dataset in gaussian_dimension(section) else f"data/images/{dataset}.npz"


def measured_files(section: Mapping[str, Any]) -> list[str]:
    """The experiments in the table."""
    return [f"results/diameters/{name}_{N}.npz" for name in datasets(section) for N in section["N"]]


def repeated_files(
    section: Mapping[str, Any], reading: str, names: Iterable[str], sizes: Iterable[int] | None = None
) -> list[str]:
    """Repetitions of experiments under a reading; of every N of the config unless ``sizes`` are given."""
    sizes = list(section["N"] if sizes is None else sizes)
    return [f"results/diameters/repeated/{reading}/{name}_{N}.npz" for name in names for N in sizes]


def repetitions(config: Mapping[str, Any], reading: str) -> int:
    """How often an experiment is repeated: more often under the configured reading than under others."""
    if reading == PRINTED:
        return config["table_6"]["repetitions"]
    return config["draw_readings"]["image_experiments"]


def other_readings(config: Mapping[str, Any]) -> list[str]:
    """Experiments under readings that the config does not follow, for the images that it names.

    Unless the config asks for all of them, three kinds are left out: `first`, whose images are as mixed as
    those of every_class; readings that differ in both respects; CIFAR-10 at the larger N, the slowest ones.
    """
    section, every = config["table_6"], config["draw_readings"]["image_readings"] == "all"
    files: list[str] = []
    for reading, change in READINGS.items():
        differs = [key for key, value in change.items() if section[key] != value]
        if not differs or (not every and (len(differs) > 1 or change["choice"] == "first")):
            continue
        for name in section["images"]:
            if name == "cifar10":
                sizes = section["N"] if every else [min(section["N"])]
                files += repeated_files(section, reading, [name], sizes)
            elif "grey" not in differs:  # MNIST is grey
                files += repeated_files(section, reading, [name])
    return files
