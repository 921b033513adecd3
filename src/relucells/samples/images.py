"""Image sets as samples: file formats, grey conversion, choice of two classes, augmentation.

Section V of Liu, Part 2: the first images of two classes of a training set, turned grey, pixels scaled
to [0, 1], a constant 1 appended. Images are uint8, (n, height, width) or (n, height, width, 3); labels
are the class numbers, (n,). Nothing here reads a file: the functions take bytes or arrays.
"""

from math import isqrt

import numpy as np
from numpy.typing import ArrayLike, NDArray

IDX_UINT8 = 0x08  # the type code of unsigned bytes in an idx file's magic number

CIFAR_SIDE = 32
CIFAR_PIXELS = 3 * CIFAR_SIDE**2  # all red, then all green, then all blue values, row by row

# Weights of red, green and blue. The paper names no convention. rgb2gray holds the coefficients that
# Matlab documents (ITU-R BT.601 luma to four digits; their sum is 0.9999, so white becomes 0.9999).
# The result is kept as a real number, as Matlab does for an image of doubles, not rounded to 8 bits.
GREY_WEIGHTS = {"rgb2gray": (0.2989, 0.5870, 0.1140), "average": (1 / 3, 1 / 3, 1 / 3)}


def parse_idx(data: bytes, dimensions: int) -> NDArray[np.uint8]:
    """The array in an unpacked idx file of unsigned bytes, the format of MNIST.

    Big-endian: magic number (two zero bytes, type code, number of dimensions), the size of each
    dimension as 4 bytes, the entries. Raises ValueError for anything else, and for too many or too few bytes.
    """
    magic, expected = data[:4], bytes((0, 0, IDX_UINT8, dimensions))
    if magic != expected:
        raise ValueError(f"data: wrong magic number 0x{magic.hex()} instead of 0x{expected.hex()}")
    start = 4 + 4 * dimensions
    if len(data) < start:
        raise ValueError(f"data: truncated, {len(data)} bytes are shorter than the header of {start}")
    shape = tuple(int(size) for size in np.frombuffer(data, ">u4", dimensions, offset=4))
    wanted = start
    wanted += int(np.prod(shape, dtype=object))  # Python integers: a hostile header must not overflow
    if len(data) != wanted:
        fault = "truncated" if len(data) < wanted else "too long"
        raise ValueError(
            f"data: {fault}, {len(data)} bytes instead of the {wanted} that its header announces"
        )
    return np.frombuffer(data, np.uint8, offset=start).reshape(shape)


def parse_mnist(images: bytes, labels: bytes, classes: int = 10) -> tuple[NDArray, NDArray]:
    """Images (n, height, width) and labels (n,) from the two idx files of MNIST or a set built like it.

    Raises ValueError that begins with ``images:`` or ``labels:``.
    """
    parsed = []
    for name, data, dimensions in (("images", images, 3), ("labels", labels, 1)):
        try:
            parsed.append(parse_idx(data, dimensions))
        except ValueError as error:
            raise ValueError(str(error).replace("data", name, 1)) from None
    check_labels(parsed[1], len(parsed[0]), classes)
    return parsed[0], parsed[1]


def parse_cifar_binary(data: bytes, classes: int = 10) -> tuple[NDArray, NDArray]:
    """Images (n, 32, 32, 3) and labels (n,) of a batch of CIFAR-10's binary version.

    A record is one label byte and 3072 pixel bytes. Raises ValueError if the bytes are not whole
    records or a label is out of range.
    """
    record = 1 + CIFAR_PIXELS
    if not data or len(data) % record:
        raise ValueError(
            f"data: truncated, {len(data)} bytes are not a whole number of {record}-byte records"
        )
    records = np.frombuffer(data, np.uint8).reshape(-1, record)
    check_labels(records[:, 0], len(records), classes)
    return cifar_images(records[:, 1:]), records[:, 0].copy()


def parse_cifar_batch(batch: dict, classes: int = 10) -> tuple[NDArray, NDArray]:
    """Images (n, 32, 32, 3) and labels (n,) of an unpickled python batch of CIFAR-10 or CIFAR-100.

    batch : with the keys b"data", (n, 3072) uint8, and b"labels" or (CIFAR-100) b"fine_labels".
    """
    labels_key = b"labels" if b"labels" in batch else b"fine_labels"
    if b"data" not in batch or labels_key not in batch:
        raise ValueError(f"batch: must hold data and labels, not {sorted(map(str, batch))}")
    rows, labels = np.asarray(batch[b"data"]), np.asarray(batch[labels_key])
    if rows.dtype != np.uint8 or rows.ndim != 2 or rows.shape[1] != CIFAR_PIXELS:
        raise ValueError(f"batch: data must be (n, {CIFAR_PIXELS}) uint8, not {rows.shape} {rows.dtype}")
    check_labels(labels, len(rows), classes)
    return cifar_images(rows), labels.astype(np.uint8)


def cifar_images(rows: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """(n, 3072) rows of CIFAR's plane-by-plane order as images (n, 32, 32, 3)."""
    planes = rows.reshape(-1, 3, CIFAR_SIDE, CIFAR_SIDE)
    return np.ascontiguousarray(planes.transpose(0, 2, 3, 1))


def check_labels(labels: NDArray, n: int, classes: int) -> None:
    """Raise ValueError unless the labels are n class numbers in 0 … classes − 1."""
    if labels.shape != (n,):
        raise ValueError(f"labels: must be one per image, {n}, not shape {labels.shape}")
    if labels.dtype.kind not in "iu":
        raise ValueError(f"labels: must be integers, not {labels.dtype}")
    if n and not (labels.min() >= 0 and labels.max() < classes):
        wrong = labels.min() if labels.min() < 0 else labels.max()
        raise ValueError(f"labels: out of range, {wrong} is not in 0 … {classes - 1}")


def pixels(images: NDArray[np.uint8], grey: str = "rgb2gray") -> NDArray[np.float64]:
    """Images as rows of grey values in [0, 1], (n, height·width), row by row.

    images : uint8, (n, height, width), or (n, height, width, 3) in red, green, blue
    grey : the conversion of colour images, a key of ``GREY_WEIGHTS``
    """
    images = np.asarray(images)
    if images.dtype != np.uint8:
        raise ValueError(f"images: must be uint8, not {images.dtype}")
    if images.ndim not in (3, 4) or (images.ndim == 4 and images.shape[3] != 3):
        raise ValueError(f"images: must be (n, height, width) or (n, height, width, 3), not {images.shape}")
    if grey not in GREY_WEIGHTS:
        raise ValueError(f"grey: must be one of {', '.join(GREY_WEIGHTS)}, not {grey!r}")
    values = images @ np.array(GREY_WEIGHTS[grey]) if images.ndim == 4 else images
    return values.reshape(len(images), -1) / 255.0


def pooled(rows: NDArray[np.float64], d: int) -> NDArray[np.float64]:
    """Square images, rows of grey values (n, side²), averaged over square blocks: d values are left, (n, d).

    Raises ValueError unless √d divides the side.
    """
    side, small = isqrt(rows.shape[1]), isqrt(d)
    if small**2 != d or side % max(small, 1):
        possible = [s**2 for s in range(1, side + 1) if side % s == 0]
        raise ValueError(f"d: images of {side}×{side} can be pooled to {possible} values, not {d}")
    block = side // small
    return rows.reshape(-1, small, block, small, block).mean(axis=(2, 4)).reshape(-1, d)


def first_of_class(labels: ArrayLike, label: int, count: int) -> NDArray[np.int_]:
    """The positions of the first ``count`` images of a class, (count,), in their order."""
    found = np.flatnonzero(np.asarray(labels) == label)[:count]
    if len(found) < count:
        raise ValueError(f"per_class: {count} images of class {label} asked for, but there are {len(found)}")
    return found


def augment(X: NDArray[np.float64]) -> NDArray[np.float64]:
    """X with the constant 1 appended as its last column, (N, d + 1)."""
    return np.column_stack((X, np.ones(len(X))))


def binary_subset(
    images: NDArray[np.uint8],
    labels: NDArray,
    classes: tuple[int, int],
    per_class: int,
    grey: str = "rgb2gray",
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The first images of two classes as augmented samples X, (2·per_class, d + 1), and y of ±1.

    The first class named is labelled +1 and comes first, the second −1.
    """
    chosen = np.concatenate([first_of_class(labels, label, per_class) for label in classes])
    return augment(pixels(np.asarray(images)[chosen], grey)), np.repeat([1.0, -1.0], per_class)
