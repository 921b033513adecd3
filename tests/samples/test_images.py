"""File formats, grey conversion and the choice of two classes, each against its own definition."""

import numpy as np
import pytest
from image_files import idx

from relucells.samples import images


def bytes_array(rng, *shape):
    return rng.integers(0, 256, shape, dtype=np.uint8)


@pytest.mark.parametrize("shape", [(5,), (3, 4, 2), (0, 28, 28)])
def test_idx_is_read_back(rng, shape):
    array = bytes_array(rng, *shape)
    assert np.array_equal(images.parse_idx(idx(array), len(shape)), array)


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda data: data[:-1], "truncated"),
        (lambda data: data[:10], "truncated"),
        (lambda data: data[:2], "wrong magic number 0x0000 "),
        (lambda data: b"", "wrong magic number"),
        (lambda data: data + b"\0", "too long"),
        (lambda data: b"\0\0\x0d\x03" + data[4:], "wrong magic number 0x00000d03 instead of 0x00000803"),
        (lambda data: b"<!DOCTYPE html><html></html>", "wrong magic number"),
        (lambda data: data[:4] + b"\xff" * 12 + data[16:], "truncated"),
    ],
)
def test_broken_idx_is_refused_with_the_reason(rng, spoil, reason):
    data = spoil(idx(bytes_array(rng, 3, 4, 2)))
    with pytest.raises(ValueError, match=f"^data: {reason}"):
        images.parse_idx(data, 3)


def test_mnist_files_must_fit_together(rng):
    pictures, labels = bytes_array(rng, 6, 28, 28), np.arange(6, dtype=np.uint8)
    parsed = images.parse_mnist(idx(pictures), idx(labels))
    assert np.array_equal(parsed[0], pictures) and np.array_equal(parsed[1], labels)
    with pytest.raises(ValueError, match=r"^labels: must be one per image, 6, not"):
        images.parse_mnist(idx(pictures), idx(labels[:5]))
    with pytest.raises(ValueError, match=r"^labels: out of range, 14 is not in 0 … 9"):
        images.parse_mnist(idx(pictures), idx(labels + np.uint8(9)))
    with pytest.raises(ValueError, match=r"^labels: wrong magic number"):
        images.parse_mnist(idx(pictures), idx(pictures))
    with pytest.raises(ValueError, match=r"^images: wrong magic number"):
        images.parse_mnist(idx(labels), idx(labels))


def test_cifar_versions_hold_the_same_images(rng):
    pictures, labels = bytes_array(rng, 4, 32, 32, 3), np.array([3, 0, 9, 1], np.uint8)
    # Red, green, blue planes, each row by row, as CIFAR's page describes them.
    rows = [
        bytes(
            picture[row, column, colour] for colour in range(3) for row in range(32) for column in range(32)
        )
        for picture in pictures
    ]
    binary = b"".join(bytes([label]) + row for label, row in zip(labels, rows, strict=True))
    batch = {b"data": np.frombuffer(b"".join(rows), np.uint8).reshape(4, -1), b"labels": labels.tolist()}
    for found in (images.parse_cifar_binary(binary), images.parse_cifar_batch(batch)):
        assert np.array_equal(found[0], pictures)
        assert np.array_equal(found[1], labels)


def test_broken_cifar_is_refused_with_the_reason(rng):
    record = bytes([3]) + bytes(3072)
    with pytest.raises(ValueError, match=r"^data: truncated, 6145 bytes"):
        images.parse_cifar_binary((record * 2)[:-1])
    with pytest.raises(ValueError, match=r"^data: truncated, 0 bytes"):
        images.parse_cifar_binary(b"")
    with pytest.raises(ValueError, match=r"^labels: out of range, 10 is"):
        images.parse_cifar_binary(bytes([10]) + record[1:])
    rows = np.zeros((2, 3072), np.uint8)
    for batch, reason in [
        ({b"data": rows}, "batch: must hold data and labels"),
        ({b"data": rows[:, :-1], b"labels": [1, 2]}, "batch: data must be"),
        ({b"data": rows.astype(float), b"labels": [1, 2]}, "batch: data must be"),
        ({b"data": rows, b"labels": [1]}, "labels: must be one per image"),
        ({b"data": rows, b"labels": [1, -2]}, "labels: out of range, -2"),
        ({b"data": rows, b"labels": [1, 2.5]}, "labels: must be integers"),
    ]:
        with pytest.raises(ValueError, match=f"^{reason}"):
            images.parse_cifar_batch(batch)


def test_grey_conversions_by_hand():
    colours = np.array([[[[255, 0, 0], [0, 255, 0]], [[0, 0, 255], [10, 20, 30]]]], np.uint8)
    mixed = (0.2989 * 10 + 0.5870 * 20 + 0.1140 * 30) / 255
    assert images.pixels(colours) == pytest.approx(np.array([[0.2989, 0.5870, 0.1140, mixed]]))
    assert images.pixels(colours, "average") == pytest.approx(np.array([[1 / 3, 1 / 3, 1 / 3, 20 / 255]]))
    grey = np.array([[[0, 51], [102, 255]]], np.uint8)
    assert images.pixels(grey) == pytest.approx(np.array([[0, 0.2, 0.4, 1]]))
    with pytest.raises(ValueError, match=r"^grey: must be one of rgb2gray, average, not 'red'"):
        images.pixels(colours, "red")
    with pytest.raises(ValueError, match=r"^images: must be uint8"):
        images.pixels(colours / 255)
    with pytest.raises(ValueError, match=r"^images: must be \(n, height, width\)"):
        images.pixels(colours[..., :2])


def test_subset_takes_the_first_of_each_class_in_their_order(rng):
    pictures = bytes_array(rng, 60, 5, 5)
    labels = rng.permutation(np.repeat(np.arange(3, dtype=np.uint8), 20))
    X, y = images.binary_subset(pictures, labels, (2, 0), 7)
    wanted = []
    for label in (2, 0):
        wanted += [pictures[i].ravel() / 255 for i in range(60) if labels[i] == label][:7]
    assert X.shape == (14, 26)
    assert X[:, :-1] == pytest.approx(np.array(wanted))
    assert (X[:, -1] == 1).all()
    assert y.tolist() == [1.0] * 7 + [-1.0] * 7
    with pytest.raises(ValueError, match=r"^per_class: 21 images of class 1 asked for, but there are 20"):
        images.binary_subset(pictures, labels, (1, 0), 21)
