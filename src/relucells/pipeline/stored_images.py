"""The files data/images/{name}.npz: what they hold, what was made of it, and when a fetch could bring more.

``data_dir`` says where to look; no result depends on it. So it is no parameter of a fetch. The parameter is a
request. It changes only if the stored file cannot be read, or if the folder holds more official images than
the file. The file keeps the request that made it. So every later run makes the same request, and nothing is
fetched again.

A new request names the date of the file that it is to replace. Snakemake takes a failed fetch for done,
because it brings the old file back. But that one has a new date then, so the next run asks again.
"""

import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from relucells.pipeline.image_sets import IMAGE_SETS


class Stored(NamedTuple):
    """data_source : None where there is no readable file; images : how many, or samples; request : what made
    it; date : of the file, 0 without one."""

    data_source: str | None = None
    images: int = 0
    request: str = ""
    date: int = 0

    @property
    def official(self) -> bool:
        return self.data_source == "official"

    @property
    def broken(self) -> bool:
        return self.date != 0 and self.data_source is None


def stored(path: str | os.PathLike) -> Stored:
    """What the file holds. What is no regular file is never opened: a named pipe would wait for ever."""
    path = Path(path)
    if not path.is_file():
        return Stored()
    date = path.stat().st_mtime_ns
    try:
        with np.load(path, allow_pickle=False) as file:
            request = str(file["request"]) if "request" in file else ""
            labels = next((key for key in ("labels", "y") if key in file), None)
            if labels:
                return Stored(str(file["data_source"]), len(file[labels]), request, date)
    except Exception:  # whatever error a broken file causes
        return Stored(date=date)
    return Stored(date=date)


def made_from_official(name: str, datasets: Mapping[str, Any]) -> list[str]:
    """The files of the configured data sets that were made from the official images ``name``."""
    files = [
        Path("data", "subsets", f"{dataset}.npz")
        for dataset, entry in datasets.items()
        if entry and entry.get("name", entry["source"]) == name
    ]
    return [str(path) for path in files if stored(path).official]


def unusable(folder: str | os.PathLike = "data") -> str | None:
    """One line on something in the place of a stored file that no run can read or replace, or None."""
    for name in ("images", "subsets"):
        for path in sorted(Path(folder, name).glob("*.npz")):
            if path.exists() and not path.is_file():
                return f"{path}: not a regular file; move it away"
            if path.exists() and not os.access(path, os.R_OK):
                return f"{path}: cannot be read, no permission; give it, or move the file away"
    return None


def request(
    path: str | os.PathLike,
    data_dir: str | None,
    allow_stand_in: bool,
    worth_a_look: Callable[[str, str, int], bool],
) -> str:
    """The parameter of the fetch that makes ``path``: a new one if another fetch could bring more.

    worth_a_look : of a set, data_dir and how many official images are stored: whether it holds more
    """
    held, wanted = stored(path), ""
    if held.broken:
        wanted = "readable images"
    elif held.data_source == "stand-in" and not allow_stand_in:
        wanted = "official images"
    elif data_dir and held.data_source:
        images = held.images if held.official else 0
        wanted = "more official images" if worth_a_look(Path(path).stem, data_dir, images) else ""
    return f"{wanted} in the place of {held.date}" if wanted else held.request


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
