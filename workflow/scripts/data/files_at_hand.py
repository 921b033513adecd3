"""Search a folder of somebody's files for official ones. All others are passed over with a reason."""

import gzip
import hashlib
import os
import re
import stat
import tarfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import TypeVar

from torchvision_files import file_md5, wrong_checksum

from relucells.pipeline.job import in_one_line

T = TypeVar("T")

# No official file unpacks to more. A longer one is cut here, and its checksum refuses it.
LARGEST_FILE = 2**26
LARGEST_ARCHIVE = 2**29  # of its unpacked members together

# Sets of MNIST's format have MNIST's file names. These folders hold them, however the name goes on.
OTHER_SETS = ("fashion", "kmnist", "kuzushiji", "qmnist", "emnist", "notmnist")
# MD5 of the training files of Fashion-MNIST and KMNIST as they are distributed, wherever they lie.
OTHER_FILES = {
    "8d4fb7e6c68d591d4c3dfef9ec88bf0d",
    "25c81989df183df01b3e8a0aad5dffbe",
    "bdb82020997e1d708af4cf47b453dcf7",
    "e144d726b3acfaa3e44228e80efcd344",
}


@dataclass
class Met:
    """Files that a search found and did not take, a line each with the file and the reason.

    elsewhere : files of other sets, and folders that cannot be looked into; broken : files that have the
    right name and are not whole, not readable, or no files at all
    """

    elsewhere: list[str] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)


def files_below(folder: Path, met: Met) -> Iterator[Path]:
    """All files below a folder, in a fixed order.

    Folders below it that cannot be read are passed over; ``folder`` itself must be one that can, else
    OSError.
    """

    def pass_over(error: OSError) -> None:
        if Path(error.filename) == folder:
            raise error
        met.elsewhere.append(f"{error.filename}: {error.strerror}")

    seen = set()
    for parent, subfolders, names in os.walk(folder, followlinks=True, onerror=pass_over):
        real = os.path.realpath(parent)
        if real in seen:  # a link back to a folder above
            subfolders.clear()
            continue
        seen.add(real)
        subfolders.sort()
        yield from (Path(parent, name) for name in sorted(names))


def named(files: list[Path], *names: str) -> list[Path]:
    """The files that have one of the names."""
    return [path for path in files if path.name in names]


def whole_file(path: Path, read: Callable[[Path], T], problems: list[str]) -> T | None:
    """The result of ``read`` on a regular file; None, and a line in ``problems``, where it cannot be read."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            problems.append(f"{path}: not a regular file")
            return None
        return read(path)
    except FileNotFoundError:
        problems.append(f"{path}: a link that leads nowhere")
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        problems.append(f"{path}: broken gzip file ({in_one_line(error)}); replace it")
    except OSError as error:
        problems.append(f"{path}: {error.strerror}")
    return None


def unpacked(path: Path) -> bytes:
    """The content of a file, unpacked where its name ends in .gz."""
    with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
        return file.read(LARGEST_FILE)


def verified(
    paths: list[Path], md5: str, parse: Callable[[bytes], object] | None, met: Met
) -> tuple[Path, bytes] | None:
    """The first of several files of one name whose unpacked content has the checksum, and the content.

    parse : tells what is wrong with the content of a refused file; None where parsing is not safe
    """
    for path in paths:
        problems: list[str] = []
        data = whole_file(path, unpacked, problems)
        if data is not None and has_checksum(str(path), data, md5, parse, problems):
            return path, data
        other = in_folder_of_another_set(path) or (data is not None and file_md5(path) in OTHER_FILES)
        (met.elsewhere if other else met.broken).extend(problems)
    return None


def has_checksum(
    origin: str, data: bytes, md5: str, parse: Callable[[bytes], object] | None, problems: list[str]
) -> bool:
    """Whether the content is the official one; if not, a line in ``problems`` says what it is."""
    found = hashlib.md5(data, usedforsecurity=False).hexdigest()
    if found != md5:
        problems.append(f"{origin}: {fault(data, parse)}{wrong_checksum(found, md5)}")
    return found == md5


def in_folder_of_another_set(path: Path) -> bool:
    """Whether the file lies in a folder of another set of MNIST's format, by the folder's name."""
    folders = (re.sub("[^a-z]", "", part.lower()) for part in path.parts[:-1])
    return any(folder.startswith(OTHER_SETS) for folder in folders)


def fault(data: bytes, parse: Callable[[bytes], object] | None) -> str:
    """What refused content turns out to be, if that can be seen."""
    if parse is not None:
        try:
            parse(data)
        except ValueError as error:
            return str(error).removeprefix("data: ") + "; "
    return ""


def batches_in_archive(
    path: Path, checksums: Mapping[str, str], parse: Callable[[bytes], object], met: Met
) -> Iterator[tuple[str, bytes] | None]:
    """The members of a tar archive that have the names and checksums, in their order; None for others.

    What stands before a break is taken, as it is from files that lie in a folder.
    """
    read = whole_file(path, lambda path: members_named(path, set(checksums)), met.broken)
    members, break_off = read or ({}, "")
    if break_off:
        met.broken.append(f"{path}: {break_off}; replace it")
    elif read and next(iter(checksums)) not in members:
        met.broken.append(f"{path}: does not hold {next(iter(checksums))}; replace it")
    for name, md5 in checksums.items():
        origin = f"{path}: {name}"
        data = members.get(name)
        good = data is not None and has_checksum(origin, data, md5, parse, met.broken)
        yield (origin, data) if good else None


def members_named(path: Path, names: set[str]) -> tuple[dict[str, bytes], str]:
    """The content of the archive's files that have one of the names, up to a size that is enough.

    Also why not all of the archive can be read, or nothing.
    """
    members: dict[str, bytes] = {}
    try:
        with tarfile.open(path) as tar:
            for member in tar:
                if member.offset > LARGEST_ARCHIVE:
                    break
                name = PurePosixPath(member.name).name
                if member.isreg() and name in names and member.size <= LARGEST_FILE:
                    members[name] = tar.extractfile(member).read()
    except Exception as error:  # whatever error a broken archive causes
        if isinstance(error, OSError) and error.strerror:  # not the archive's fault
            raise
        if str(error).startswith("file could not be opened"):  # with a line for each way that was tried
            return members, "not a tar archive, packed or not"
        return members, f"broken archive ({in_one_line(error) or type(error).__name__})"
    return members, ""
