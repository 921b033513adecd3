"""Fixtures for the tests of image sets; no request leaves this machine."""

import logging
import socket
import urllib.parse
import urllib.request
from dataclasses import replace

import fetch_data
import numpy as np
import pytest
import torchvision_files
from image_files import MNIST_NAMES, cifar_batch, cifar_binary, draw_images, idx, md5, running_mirror

from relucells.pipeline.image_sets import IMAGE_SETS

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
    monkeypatch.setitem(IMAGE_SETS, "cifar10", replace(IMAGE_SETS["cifar10"], images=50))
    return images, labels, {"binary": binary, "python": python}
