"""Reading arrays that somebody else may have written."""

from pathlib import Path

import numpy as np
from numpy.lib.npyio import NpzFile
from numpy.typing import NDArray

from relucells.pipeline.job import UserError, in_one_line


def read_images(path: Path) -> list[NDArray]:
    """images, labels and data_source of what ``fetch_data`` wrote. UserError says how to get them anew."""
    try:
        return read_arrays(path, "images", "labels", "data_source")
    except UserError as error:
        raise UserError(
            f"{error}; delete it, and give --config data_dir=FOLDER unless it can be downloaded again"
        ) from None


def read_arrays(path: Path, *names: str) -> list[NDArray]:
    """Arrays of an npz file, read without unpickling anything. UserError names the file."""
    try:
        file = np.load(path, allow_pickle=False)
        if not isinstance(file, NpzFile):
            raise ValueError("a single array")
        with file:
            missing = [name for name in names if name not in file]
            if missing:
                held = ", ".join(file.files) or "nothing"
                raise UserError(f"{path}: array {missing[0]} is missing, the file holds {held}")
            return [file[name] for name in names]
    except (UserError, FileNotFoundError, PermissionError):
        raise
    except Exception as error:  # whatever error a broken or hostile file causes, the file is at fault
        reason = in_one_line(error) or type(error).__name__
        if "pickle" in reason:
            reason = "it holds pickled objects, which are never loaded; save plain numeric arrays"
        raise UserError(f"{path}: not a usable npz file: {reason}") from None
