"""Broken and hostile files: each is refused with its name and the reason, and nothing in it is run."""

import gzip
import io
import logging
import pickle
import subprocess
import sys
import zipfile
from pathlib import Path

import fetch_data
import files_at_hand
import make_binary_subsets
import numpy as np
import pytest
import yaml
from conftest import ROOT
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from image_files import (
    MNIST_NAMES,
    Bomb,
    cifar_batch,
    cifar_binary,
    draw_images,
    idx,
    md5,
    packed_mnist,
    put,
    running_mirror,
    tar_gz,
)

from relucells.pipeline.job import UserError

IMAGES, LABELS = MNIST_NAMES


def fetch(name, data_dir, raw="raw", **changes):
    options = {"allow_stand_in": False, "timeout": 5.0, "attempts": 1} | changes
    return fetch_data.fetch(name, str(data_dir), Path(raw), log=logging.getLogger("test"), **options)


@pytest.fixture(scope="module")
def sets():
    """Small official sets: MNIST's two files, CIFAR-10's batch of both versions."""
    rng = np.random.default_rng(5)
    images, labels = draw_images(rng, 20, 28, 28)
    mnist = {IMAGES: idx(images), LABELS: idx(labels)}
    images, labels = draw_images(rng, 20, 32, 32, 3)
    binary = {"data_batch_1.bin": cifar_binary(images, labels)}
    python = {"data_batch_1": cifar_batch(images, labels)}
    return mnist, binary, python


@pytest.fixture(autouse=True)
def checksums(sets, monkeypatch):
    """The small sets count as the official ones."""
    for table, files in zip(("MNIST_FILES", "CIFAR10_BINARY", "CIFAR10_PYTHON"), sets, strict=True):
        monkeypatch.setattr(fetch_data, table, {name: md5(data) for name, data in files.items()})


def flip_bit(data, position):
    byte, bit = divmod(position % (8 * len(data)), 8)
    return data[:byte] + bytes([data[byte] ^ (1 << bit)]) + data[byte + 1 :]


# Official files below data_dir


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize(
    ("file", "spoil", "reason"),
    [
        (IMAGES, lambda data: data[:-1], "truncated, "),
        (IMAGES, lambda data: data[:3], "wrong magic number 0x000008 "),
        (IMAGES, lambda data: b"", "wrong magic number 0x "),
        (IMAGES, lambda data: b"\0\0\x08\x01" + data[4:], "wrong magic number 0x00000801 "),
        (IMAGES, lambda data: data + b"more", "too long, "),
        (IMAGES, lambda data: flip_bit(data, 5000), "not the official file (md5 "),
        (IMAGES, lambda data: b"<html>not found</html>", "wrong magic number 0x3c68746d "),
        (LABELS, lambda data: data[:-4], "truncated, "),
        (LABELS, lambda data: data[:-1] + b"\x0b", "labels: out of range, 11 is not in 0 … 9"),
        (LABELS, lambda data: data[:-1] + bytes([data[-1] ^ 1]), "not the official file (md5 "),
    ],
)
def test_broken_mnist_files(sets, tmp_path, packed, file, spoil, reason):
    files = sets[0] | {file: spoil(sets[0][file])}
    if packed:
        files = {f"{name}.gz": gzip.compress(data) for name, data in files.items()}
    put(tmp_path, files)
    with pytest.raises(UserError) as refused:
        fetch("mnist", tmp_path)
    assert str(refused.value).startswith(f"{tmp_path / file}{'.gz' * packed}: {reason}")
    assert "replace it" in str(refused.value) and "\n" not in str(refused.value)


@pytest.mark.parametrize(
    "spoil",
    [lambda data: data[:-5], lambda data: data[:30], lambda data: b"\0" + data, lambda data: b"PK\3\4zip"],
)
def test_broken_gzip(sets, tmp_path, spoil):
    put(tmp_path, {f"{name}.gz": spoil(gzip.compress(data)) for name, data in sets[0].items()})
    with pytest.raises(
        UserError, match=r"images-idx3-ubyte\.gz: broken gzip file \(.*\); replace it; wanted: "
    ):
        fetch("mnist", tmp_path)


def test_a_packed_bomb_is_not_unpacked_whole(tmp_path, monkeypatch):
    monkeypatch.setattr(files_at_hand, "LARGEST_FILE", 2**16)
    put(tmp_path, {f"{name}.gz": gzip.compress(bytes(2**24)) for name in MNIST_NAMES})
    read = []
    monkeypatch.setattr(files_at_hand, "fault", lambda data, parse: read.append(len(data)) or "")
    with pytest.raises(UserError, match="not the official file"):
        fetch("mnist", tmp_path)
    assert read == [2**16]


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda data: data[:-1], "truncated, 61459 bytes "),
        (lambda data: b"", "truncated, 0 bytes"),
        (lambda data: b"\x0a" + data[1:], "labels: out of range, 10 is not in 0 … 9; "),
        (lambda data: flip_bit(data, 77_777), "not the official file (md5 "),
        (lambda data: data[3073:], "not the official file (md5 "),
    ],
)
def test_broken_cifar10_batches(sets, tmp_path, spoil, reason):
    put(tmp_path, {"data_batch_1.bin": spoil(sets[1]["data_batch_1.bin"])})
    with pytest.raises(UserError) as refused:
        fetch("cifar10", tmp_path)
    assert str(refused.value).startswith(f"{tmp_path / 'data_batch_1.bin'}: {reason}")


@settings(max_examples=60, suppress_health_check=list(HealthCheck))
@given(position=st.integers(0, 10**6), version=st.sampled_from([0, 1, 2]), cut=st.booleans())
def test_no_changed_bit_or_cut_goes_through(sets, tmp_path, position, version, cut):
    files = dict(sets[version])
    name = sorted(files)[position % len(files)]
    data = files[name]
    files[name] = data[: position % len(data)] if cut else flip_bit(data, position)
    put(tmp_path / str(version), files)
    with pytest.raises(UserError, match=name):
        fetch("mnist" if version == 0 else "cifar10", tmp_path / str(version))


def test_a_pickle_in_place_of_a_batch_is_never_unpickled(sets, tmp_path):
    mark = tmp_path / "executed"
    bomb = pickle.dumps(Bomb(mark), protocol=2)
    for name in ("data_batch_1", "data_batch_1.bin"):
        put(tmp_path / name, {name: bomb})
        with pytest.raises(UserError, match=f"{name}: .*not the official file"):
            fetch("cifar10", tmp_path / name)
    for name in MNIST_NAMES:
        put(tmp_path / "mnist", {name: bomb})
    with pytest.raises(UserError, match="wrong magic number"):
        fetch("mnist", tmp_path / "mnist")
    assert not mark.exists()
    pickle.loads(bomb).close()
    assert mark.exists()  # it would have gone off


def test_a_bomb_in_an_archive_with_the_right_checksum_is_never_unpickled(tmp_path, monkeypatch, sets):
    from torchvision import datasets

    mark = tmp_path / "executed"
    archive = tar_gz({"cifar-10-batches-py/data_batch_1": pickle.dumps(Bomb(mark))})
    with running_mirror() as mirror:
        mirror.answers = {"/cifar-10-python.tar.gz": archive}
        monkeypatch.setattr(datasets.CIFAR10, "url", mirror.url + "cifar-10-python.tar.gz")
        monkeypatch.setattr(datasets.CIFAR10, "tgz_md5", md5(archive))
        with pytest.raises(UserError, match=r"python\.tar\.gz: data_batch_1: not the official file"):
            fetch("cifar10", put(tmp_path / "empty", {}), tmp_path / "raw")
    assert not mark.exists()


def test_archives_that_are_whole_but_wrong_inside(tmp_path, monkeypatch, rng):
    from torchvision import datasets

    images, labels = draw_images(rng, 20, 28, 28)
    files = packed_mnist(images, labels + np.uint8(1))
    monkeypatch.setattr(datasets.FashionMNIST, "resources", [(n, md5(d)) for n, d in files.items()])
    put(tmp_path / "FashionMNIST", files)
    with pytest.raises(UserError, match=r"train-labels-idx1-ubyte\.gz: labels: out of range, 10"):
        fetch("FashionMNIST", tmp_path)
    archive = tar_gz({"cifar-100-python/other": b""})
    monkeypatch.setattr(datasets.CIFAR100, "tgz_md5", md5(archive))
    put(tmp_path, {"cifar-100-python.tar.gz": archive})
    with pytest.raises(UserError, match=r"cifar-100-python\.tar\.gz: .*train"):
        fetch("CIFAR100", tmp_path)


# npz files


@pytest.fixture
def good(rng):
    return {"X": rng.standard_normal((12, 3)), "y": np.repeat([1.0, -1.0], 6)}


def npz_bytes(arrays, save=np.savez):
    file = io.BytesIO()
    save(file, **arrays)
    return file.getvalue()


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_a_good_npz_is_taken_as_it_is(good, tmp_path, save):
    save(tmp_path / "mine.npz", **good)
    subset = make_binary_subsets.user_subset(tmp_path / "mine.npz")
    assert np.array_equal(subset["X"], np.column_stack([good["X"], np.ones(12)]))
    assert np.array_equal(subset["y"], good["y"])
    assert subset["data_source"] == "user"
    save(tmp_path / "whole.npz", X=subset["X"], y=good["y"].astype(np.int8))
    again = make_binary_subsets.user_subset(tmp_path / "whole.npz", augmented=True)
    assert np.array_equal(again["X"], subset["X"])
    assert again["y"].dtype == np.float64


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"X": np.array([[np.nan, 1.0]] * 12)}, "X: must be finite"),
        ({"X": np.array([[np.inf, 1.0]] * 12)}, "X: must be finite"),
        ({"X": np.ones(12)}, "X: must have 2 dimensions"),
        ({"X": np.ones((12, 2, 2))}, "X: must have 2 dimensions"),
        ({"X": np.ones((12, 0))}, "X: must not be empty"),
        ({"X": np.ones((0, 3)), "y": np.ones(0)}, "X: must not be empty"),
        ({"X": np.ones((12, 2), complex)}, "X: must hold real numbers"),
        ({"X": np.full((12, 2), "1.0")}, "X: must hold real numbers"),
        ({"y": np.repeat([1.0, 0.0], 6)}, "y: must hold only -1 and +1, not 0"),
        ({"y": np.repeat([1.0, 2.0], 6)}, "y: must hold only -1 and +1, not 2"),
        ({"y": np.ones(11)}, "y: must have one label per row of X, 12, not 11"),
        ({"y": np.ones((12, 1))}, "y: must have 1 dimensions"),
        ({"y": np.full(12, np.nan)}, "y: must be finite"),
        ({"y": None}, "array y is missing, the file holds X"),
    ],
)
def test_arrays_that_are_no_data_set(good, tmp_path, change, reason):
    arrays = {name: array for name, array in (good | change).items() if array is not None}
    path = tmp_path / "mine.npz"
    path.write_bytes(npz_bytes(arrays))
    with pytest.raises(UserError) as refused:
        make_binary_subsets.user_subset(path)
    assert str(refused.value).startswith(f"{path}: {reason}")


def test_augmented_means_a_last_column_of_ones(good, tmp_path):
    np.savez(tmp_path / "mine.npz", **good)
    with pytest.raises(UserError, match=r"mine\.npz: X: its last column must be the constant 1"):
        make_binary_subsets.user_subset(tmp_path / "mine.npz", augmented=True)


def test_object_arrays_are_never_loaded(good, tmp_path):
    mark = tmp_path / "executed"
    objects = np.empty((12, 3), object)
    objects[:] = good["X"]
    objects[0, 0] = Bomb(mark)
    for arrays in (good | {"X": objects}, good | {"y": objects[:, 0]}):
        path = tmp_path / "mine.npz"
        path.write_bytes(npz_bytes(arrays))
        with pytest.raises(UserError, match=r"mine\.npz: not a usable npz file: it holds pickled objects"):
            make_binary_subsets.user_subset(path)
    path.write_bytes(pickle.dumps(Bomb(mark)))
    with pytest.raises(UserError, match=r"mine\.npz: not a usable npz file: it holds pickled objects"):
        make_binary_subsets.user_subset(path)
    assert not mark.exists()


@pytest.mark.parametrize(
    "data", [b"", b"X,y\n1,1\n", b"PK\x03\x04", b"\x93NUMPY\x01\x00", npz_bytes({})[:-1]]
)
def test_files_that_are_no_npz(tmp_path, data):
    path = tmp_path / "mine.npz"
    path.write_bytes(data)
    with pytest.raises(UserError) as refused:
        make_binary_subsets.user_subset(path)
    assert str(refused.value).startswith(f"{path}: not a usable npz file: ")
    assert "\n" not in str(refused.value)


def test_a_single_array_and_a_hostile_shape(tmp_path):
    path = tmp_path / "mine.npz"
    with path.open("wb") as file:
        np.save(file, np.ones((3, 3)))
    with pytest.raises(UserError, match=r"mine\.npz: not a usable npz file: a single array"):
        make_binary_subsets.user_subset(path)
    header = io.BytesIO()
    shape = {"descr": "<f8", "fortran_order": False, "shape": (10**15, 10**3)}
    np.lib.format.write_array_header_1_0(header, shape)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("X.npy", header.getvalue())
        archive.writestr("y.npy", header.getvalue())
    with pytest.raises(UserError, match=r"mine\.npz: not a usable npz file: "):
        make_binary_subsets.user_subset(path)


@settings(max_examples=150, suppress_health_check=list(HealthCheck))
@given(position=st.integers(0, 10**6), cut=st.booleans(), compressed=st.booleans())
def test_a_changed_npz_is_refused_or_holds_the_same_numbers(tmp_path, position, cut, compressed):
    """Some bytes of a zip file carry nothing (times, attributes): changing those changes no number."""
    X, y = np.arange(12.0).reshape(4, 3), np.array([1.0, 1.0, -1.0, -1.0])
    data = npz_bytes({"X": X, "y": y}, np.savez_compressed if compressed else np.savez)
    path = tmp_path / "mine.npz"
    path.write_bytes(data[: position % len(data)] if cut else flip_bit(data, position))
    try:
        subset = make_binary_subsets.user_subset(path)
    except UserError as error:
        assert str(error).startswith(f"{path}: ")
        return
    assert not cut
    assert np.array_equal(subset["X"][:, :-1], X) and np.array_equal(subset["y"], y)


def test_image_files_of_the_pipeline_are_not_believed_either(tmp_path, rng):
    images, labels = draw_images(rng, 40, 6, 6)
    path = tmp_path / "mnist.npz"
    whole = npz_bytes({"images": images, "labels": labels, "data_source": "official"})
    path.write_bytes(whole)
    assert make_binary_subsets.image_subset("mine", path, (0, 1), 8)["X"].shape == (8, 37)
    with pytest.raises(UserError, match=r"^datasets\.mine\.N: 5 images of class 0 .* there are 4 in"):
        make_binary_subsets.image_subset("mine", path, (0, 1), 10)
    path.write_bytes(npz_bytes({"images": images / 255, "labels": labels, "data_source": "official"}))
    with pytest.raises(UserError, match=r"mnist\.npz: images: must be uint8"):
        make_binary_subsets.image_subset("mine", path, (0, 1), 8)
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(UserError, match=r"mnist\.npz: not a usable npz file"):
        make_binary_subsets.image_subset("mine", path, (0, 1), 8)


@pytest.mark.parametrize("end", ["\n", "\r\n  - ", "\n\n", "\x0b", "\u2028"])
def test_what_a_user_is_told_is_one_line_whatever_a_library_or_a_name_says(end, capsys):
    error = UserError(f"my{end}file: cannot be opened:{end}no such method")
    assert len(str(error).splitlines()) == 1
    assert str(error).startswith("my ") and str(error).endswith("no such method")
    fetch_data.warn(logging.getLogger("test"), f"mnist: not downloaded:{end}no way")
    assert len(capsys.readouterr().err.splitlines()) == 1


# The same through the pipeline


def snakemake(folder, target, config):
    """Run the pipeline in a folder of its own, with additions to the config; the finished process."""
    (folder / "mine.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
    command = [sys.executable, "-m", "snakemake", "-s", ROOT / "Snakefile", "--directory", folder]
    command += ["--cores", "1", "--configfile", folder / "mine.yaml", "--", target]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def own_data(path):
    return {"datasets": {"mine": {"source": "npz", "path": str(path), "K": 3, "biases": [0]}}}


def test_the_pipeline_takes_ones_own_data_and_refuses_bad_data(good, tmp_path):
    path = tmp_path / "mine.npz"
    config, subset = own_data(path), tmp_path / "data" / "subsets" / "mine.npz"
    run = snakemake(tmp_path, "data/subsets/mine.npz", config)
    assert run.returncode != 0
    assert f"config: datasets.mine.path: there is no file {path}" in run.stderr.splitlines()

    np.savez(path, **good | {"y": np.zeros(12)})
    run = snakemake(tmp_path, "data/subsets/mine.npz", config)
    assert run.returncode != 0
    assert f"make_binary_subsets: {path}: y: must hold only -1 and +1, not 0" in run.stderr.splitlines()
    assert "Traceback" not in run.stderr
    assert not subset.exists()

    np.savez(path, **good)
    run = snakemake(tmp_path, "data/subsets/mine.npz", config)
    assert run.returncode == 0, run.stderr
    with np.load(subset) as file:
        assert np.array_equal(file["X"][:, :-1], good["X"])
    log = (tmp_path / "logs" / "make_binary_subsets" / "mine.log").read_text(encoding="utf-8")
    assert "12 samples in 3 + 1 dimensions, 6 positive, source user" in log


def test_the_pipeline_stops_at_a_broken_official_file(sets, tmp_path):
    put(tmp_path / "at_hand", {name: data[:-1] for name, data in sets[0].items()})
    run = snakemake(tmp_path, "data/images/mnist.npz", {"data_dir": str(tmp_path / "at_hand")})
    assert run.returncode != 0
    refusals = [line for line in run.stderr.splitlines() if line.startswith("fetch_data: ")]
    assert len(refusals) == 1
    assert refusals[0].startswith(f"fetch_data: {tmp_path / 'at_hand' / IMAGES}: truncated, ")
    assert "Traceback" not in run.stderr
    assert not [path for path in (tmp_path / "data").rglob("*") if path.is_file()]
