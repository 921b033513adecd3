"""What every script does besides its own work: it logs, and it never leaves output half-written."""

import errno
import logging
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from relucells.pipeline.costs import cost_line
from relucells.progress import silence

# Errors of the machine, not of the program: a traceback would only hide them.
SELF_EXPLAINING = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM)


def in_one_line(text: object) -> str:
    """The text without line ends. Messages of libraries and names of files may hold some."""
    return " ".join(filter(None, map(str.strip, str(text).splitlines())))


class UserError(Exception):
    """An error that only the user can mend. Its text is one line: what is wrong, where, and what to do."""

    def __init__(self, text: object) -> None:
        super().__init__(in_one_line(text))


@contextmanager
def job(snakemake) -> Iterator[logging.Logger]:
    """Run a script's work under its log file.

    The log (``snakemake.log[0]``) gets every line and, if the work fails, the traceback; a
    ``UserError`` is shown as its one line. The process then ends with a non-zero exit. The last line of the
    log says what the job cost.
    """
    silence()
    log = logging.getLogger(snakemake.rule)
    # Where the log cannot be written, the work fails too and says why in one line.
    logging.raiseExceptions, logging.lastResort = False, None
    try:
        path = Path(snakemake.log[0])
        path.parent.mkdir(parents=True, exist_ok=True)
        handler = logging.FileHandler(path, mode="w")
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
        logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
        logging.captureWarnings(True)
        yield log
    except KeyboardInterrupt:
        log.error("interrupted")
        sys.exit(128 + signal.SIGINT)
    except UserError as error:
        log.error("%s", error)
        print(f"{snakemake.rule}: {error}", file=sys.stderr)
        sys.exit(1)
    except OSError as error:
        message = in_one_line(f"{error.filename or 'output'}: {error.strerror or error}")
        log.error("%s", message, exc_info=error.errno not in SELF_EXPLAINING)
        print(f"{snakemake.rule}: {message}", file=sys.stderr)
        sys.exit(1)
    except Exception:
        log.exception("failed")
        raise
    finally:
        log.info("%s", cost_line())


@contextmanager
def replacing(path: str | os.PathLike) -> Iterator[Path]:
    """Yield a temporary path beside ``path`` that takes its name only once the block has succeeded.

    The suffix is kept, because numpy and matplotlib read the file format from it.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    for leftover in path.parent.glob(f".{path.stem}.*{path.suffix}"):  # of a killed run
        leftover.unlink(missing_ok=True)
    temporary = path.with_name(f".{path.stem}.{os.getpid()}{path.suffix}")
    try:
        yield temporary
        temporary.replace(path)
    except OSError as error:  # the error of a full disk does not name the file
        error.filename = error.filename or str(path)
        raise
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
