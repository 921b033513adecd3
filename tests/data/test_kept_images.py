"""What is there is never replaced by less."""

import logging

import fetch_data
import numpy as np
import pytest
from image_files import put

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
