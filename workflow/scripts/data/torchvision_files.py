"""The image sets as torchvision knows them: its files, their checksums, its mirrors and its download.

torchvision is imported where it is needed: official files at hand are read without it.
"""

import errno
import gzip
import hashlib
import logging
import pickle
import socket
import tarfile
import time
import zlib
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from urllib.error import HTTPError, URLError

import numpy as np
from image_set import ImageSet, official

from relucells.pipeline.image_sets import IMAGE_SETS
from relucells.pipeline.job import UserError
from relucells.samples.images import parse_cifar_batch, parse_mnist

# Answers after which the same request may succeed: too many requests, and trouble at the server.
TEMPORARY = (408, 429, 500, 502, 503, 504)


@dataclass(frozen=True)
class Archive:
    """A file as torchvision downloads it: where it belongs, its checksum, and where it can be had."""

    path: Path
    md5: str
    urls: tuple[str, ...]


class NoNetwork(Exception):
    """Nothing could be downloaded; the text is one line with the reasons."""


def wrong_checksum(found: str, official_md5: str) -> str:
    return f"not the official file (md5 {found} instead of {official_md5}); replace it"


def file_md5(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


def torchvision_datasets():
    """The module torchvision.datasets. Raises NoNetwork where it is not installed."""
    try:
        from torchvision import datasets
    except ImportError as error:
        raise NoNetwork(f"torchvision cannot be imported ({error}); pip install torchvision") from None
    return datasets


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
    datasets = torchvision_datasets()
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

    A mirror that stalls, breaks off, is overloaded or sends other bytes is asked again, after a pause and
    after the other mirrors. A mirror that cannot be reached or does not have the file is not asked again.
    Raises NoNetwork when none is left. Only a file with the right checksum is kept.
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
    """Whether the fault is one of this machine's files, so that no mirror can help."""
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

    They are read without unpacking them to disk, so a killed run cannot leave a file unpacked by half.
    """
    classes = IMAGE_SETS[name].classes
    origin = ", ".join(map(str, paths))
    try:
        if len(paths) == 2:
            return official(
                *parse_mnist(*(gzip.decompress(path.read_bytes()) for path in paths), classes), origin
            )
        kind = getattr(torchvision_datasets(), IMAGE_SETS[name].name)
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
