"""The files data/images/{name}.npz: what they hold, and when another fetch could bring more.

``data_dir`` says where to look; no result depends on it. So it is no parameter of a fetch. The parameter is a
request. It changes only if the stored file holds no official images and a folder is given that has not been
searched yet. The file keeps the request that made it. With official images in it, every later run makes the
same request, and nothing is fetched again.
"""

import hashlib
import os
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import numpy as np

from relucells.pipeline.image_sets import IMAGE_SETS


class Stored(NamedTuple):
    """data_source : None where there is no readable file; images : how many; request : what made it."""

    data_source: str | None = None
    images: int = 0
    request: str = ""
    looked_in: str = ""

    @property
    def official(self) -> bool:
        return self.data_source == "official"


def stored(path: str | os.PathLike) -> Stored:
    """What the file holds; one that cannot be read counts as none."""
    try:
        with np.load(path, allow_pickle=False) as file:
            texts = {name: str(file[name]) for name in ("request", "looked_in") if name in file}
            return Stored(str(file["data_source"]), len(file["labels"]), **texts)
    except Exception:  # whatever error a broken file causes
        return Stored()


def looked_in(data_dir: str) -> str:
    """A text for a folder, the same however its name is written; it does not tell where the folder is."""
    folder = os.path.realpath(Path(data_dir).expanduser())
    return hashlib.sha256(os.fsencode(folder)).hexdigest()[:16]


def request(path: str | os.PathLike, data_dir: str | None, allow_stand_in: bool) -> str:
    """The parameter of the fetch that makes ``path``: a new one if another fetch could bring more."""
    held = stored(path)
    if held.data_source == "stand-in" and not allow_stand_in:
        return "official images"
    if data_dir and held.data_source not in (None, "official"):
        folder = looked_in(data_dir)
        return held.request if folder == held.looked_in else folder
    return held.request


# The folder below data/raw in which torchvision puts a set, if it is not of the set's name.
_DOWNLOADS = {"cifar10": "cifar-10-python.tar.gz", "CIFAR100": "cifar-100-python.tar.gz"}


def kept_line(names: Iterable[str], folder: str | os.PathLike = "data") -> str | None:
    """One line, if a run without a folder of official images uses those of an earlier run."""
    folder = Path(folder)
    kept = [
        name
        for name in names
        if stored(folder / "images" / f"{name}.npz").official
        and not _has_files(folder / "raw" / _DOWNLOADS.get(name, IMAGE_SETS[name].name))
    ]
    return f"data: the official {' and '.join(kept)} images of an earlier run stay in use" if kept else None


def _has_files(path: Path) -> bool:
    return path.is_file() or any(each.is_file() for each in path.rglob("*"))
