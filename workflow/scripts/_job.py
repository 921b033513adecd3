"""What every script does besides its own work: logging, and output that is never half-written."""

import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class UserError(Exception):
    """Something only the user can mend; its text is one line: what is wrong where, and what to do."""


@contextmanager
def job(snakemake) -> Iterator[logging.Logger]:
    """Run a script's work under its log file.

    The log (``snakemake.log[0]``) gets every line and, if the work fails, the traceback; a
    ``UserError`` is shown as its one line. The process then ends with a non-zero exit.
    """
    path = Path(snakemake.log[0])
    path.parent.mkdir(parents=True, exist_ok=True)
    handler = logging.FileHandler(path, mode="w")
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    logging.captureWarnings(True)
    log = logging.getLogger(snakemake.rule)
    try:
        yield log
    except UserError as error:
        log.error("%s", error)
        print(f"{snakemake.rule}: {error}", file=sys.stderr)
        sys.exit(1)
    except OSError as error:
        log.exception("failed")
        print(f"{snakemake.rule}: {error.filename or 'output'}: {error.strerror or error}", file=sys.stderr)
        sys.exit(1)
    except Exception:
        log.exception("failed")
        raise


@contextmanager
def replacing(path: str | os.PathLike) -> Iterator[Path]:
    """Yield a temporary path beside ``path`` that takes its name only once the block has succeeded.

    The suffix is kept, because numpy and matplotlib read the file format from it.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.stem}.{os.getpid()}{path.suffix}")
    try:
        yield temporary
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def write_npz(path: str | os.PathLike, **arrays) -> None:
    """Write arrays as an uncompressed npz, whole or not at all. Equal arrays give equal bytes."""
    import numpy as np

    with replacing(path) as temporary, temporary.open("wb") as file:
        np.savez(file, **arrays)


def write_text(path: str | os.PathLike, text: str) -> None:
    """Write a text file, whole or not at all."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_csv(path: str | os.PathLike, frame) -> None:
    """Write a pandas frame as csv without its index, whole or not at all; floats keep 10 digits."""
    with replacing(path) as temporary:
        frame.to_csv(temporary, index=False, float_format="%.10g", lineterminator="\n")
