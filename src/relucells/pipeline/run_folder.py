"""The folder in which a run works: who is at work there, and whether it can be written."""

import fcntl
import json
import os
import re
import shutil
import socket
import stat
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path
from typing import IO

# Where the rules write, relative to the working directory.
WRITTEN = (".", ".snakemake", "data", "logs", "results")
WILDCARD = re.compile(r"\{\w+,?((?:[^{}]|\{[^{}]*\})*)\}")  # {name} or {name,expression}
FULL = 2**20  # bytes; a run that fails with less free space than this has probably failed because of it


def unwritable(written: Iterable[str] = ()) -> str | None:
    """One line on a place that a run needs to write and cannot, or None.

    written : files that rules write, as patterns of Snakemake, ``results/trials/{dataset,a|b}/lp.npz``;
        a folder has a / at its end
    """
    for path, should_be_folder in _written_places(written):
        if problem := _problem(path) if should_be_folder else "a folder where a file belongs; move it away":
            return f"{path.absolute()}: {problem}; nothing was run"
    return None


def _written_places(written: Iterable[str]) -> Iterator[tuple[Path, bool]]:
    """The folders of a run and those of the files, and which files are folders: whether it should be one."""
    for name in WRITTEN:
        yield Path(name), True
    tree: dict[str, dict] = {}  # names, or patterns of them, and what is below; {} below a file
    for pattern in written:
        below = tree
        for name in pattern.split("/"):
            below = below.setdefault(name, {})
    yield from _found({name: tree[name] for name in WRITTEN if name in tree}, Path())


def _found(tree: dict[str, dict], folder: Path) -> Iterator[tuple[Path, bool]]:
    """What a folder holds of the tree, and of files only those that are folders.

    It is listed once: it may hold thousands. A folder comes before what is in it, which may be out of reach.
    """
    try:
        there = {entry.name: entry for entry in sorted(os.scandir(folder), key=lambda entry: entry.name)}
    except PermissionError:
        return  # a folder that can be written and not be read is enough for a run
    for name, below in tree.items():
        for entry in (there[each] for each in _matching(name, there)):
            # of a link's end that is out of reach entry.is_dir() would raise
            is_folder = os.path.isdir(entry.path) if entry.is_symlink() else entry.is_dir()  # noqa: PTH112
            if below or is_folder:
                yield Path(entry.path), bool(below)
            if below and is_folder:
                yield from _found(below, Path(entry.path))


def _matching(name: str, there: Collection[str]) -> list[str]:
    """Which of the names are there that a name stands for, which may hold wildcards with what they may be."""
    pieces = WILDCARD.split(name)
    if len(pieces) == 1:
        return [name] if name in there else []
    allowed = re.compile("".join(f"(?:{p or '.+'})" if i % 2 else re.escape(p) for i, p in enumerate(pieces)))
    return [each for each in there if allowed.fullmatch(each)]


def _problem(path: Path) -> str | None:
    """Why a folder cannot be written; None for one that can, or that is not there yet."""
    try:
        found = path.stat()
    except OSError as error:
        if path.is_symlink():
            reason = "which is not there" if isinstance(error, FileNotFoundError) else error.strerror
            return f"a link to {path.readlink()}, {reason}; make that folder or remove the link"
        return None if isinstance(error, FileNotFoundError) else error.strerror
    if not stat.S_ISDIR(found.st_mode):
        return "a file where a folder belongs; move it away"
    # Further down, and within data, folders may be shared and finished: who only reads them needs no more.
    within_results = path.parts[:1] == ("results",) and len(path.parts) <= 3
    if (within_results or str(path) in WRITTEN) and not os.access(path, os.W_OK | os.X_OK):
        read_only = os.statvfs(path).f_flag & os.ST_RDONLY
        return f"cannot be written, {'its file system is read-only' if read_only else 'no permission'}"
    return None


def unreadable_style() -> str | None:
    """One line on a matplotlibrc in the working folder that would stop matplotlib in jobs, or None.

    Its settings do not count, but matplotlib still reads it, as UTF-8, before the empty file that jobs name.
    """
    path = Path("matplotlibrc")
    if not path.exists() or path.is_dir():  # matplotlib passes over these
        return None
    why = "not a file"
    if path.is_file():  # a pipe would be waited for
        try:
            path.read_text(encoding="utf-8")
            return None
        except (OSError, UnicodeDecodeError) as error:
            why = "not UTF-8" if isinstance(error, UnicodeDecodeError) else str(error.strerror)
    return f"{path.absolute()}: {why}, so matplotlib cannot start; save it as UTF-8 or move it away"


def full(folder: Path) -> str | None:
    """One line on a folder whose disk is full, or None: ``folder`` or one in it that a run writes."""
    for path in (folder / name for name in WRITTEN):
        if path.exists() and shutil.disk_usage(path).free < FULL:
            return f"{path.absolute()}: the disk is full; make room"
    return None


def ended_by_slurm(state: Path, since: float) -> list[str]:
    """What Slurm says of the jobs that it ended, a line for each; Snakemake shows only their state.

    since : seconds of the clock; older logs belong to earlier runs
    """
    lines = []
    for log in sorted((state / "slurm_logs").rglob("*.log")):
        if log.stat().st_mtime >= since:
            said = [line for line in log.read_text(errors="replace").splitlines() if "slurmstepd" in line]
            if said:  # in no fixed order; a limit is more telling than that the job was cancelled
                job = log.relative_to(state / "slurm_logs").parent
                reason = next((line for line in said if "limit" in line.lower()), said[-1])
                lines.append(f"Slurm ended {job}: {reason.partition('error: ')[2]}")
    return lines


def enter(state: Path) -> IO[str] | None:
    """Remove Snakemake's lock if its owner is dead. The result must be kept open for the whole run.

    Snakemake's lock is a file, which a killed run cannot remove. A lock of the operating system ends with its
    process. Whoever gets it exclusively knows that Snakemake's lock has no owner.

    state : the folder .snakemake
    The lock stays, for ``snakemake --unlock``, where the owner may still be at work: a run on another
    machine, or jobs that a killed run left on a cluster. None where nothing can be written.
    """
    try:
        state.mkdir(exist_ok=True)
        holder = (state / "holder").open("a+", encoding="utf-8")
        fcntl.flock(holder, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        fcntl.flock(holder, fcntl.LOCK_SH)
        return holder  # another run is alive; Snakemake's lock tells whether the two collide
    except OSError:
        return None
    locks = list((state / "locks").glob("*.lock"))
    holder.seek(0)
    here = socket.gethostname()
    if locks and holder.read() == here and not _has_cluster_jobs(state):
        for lock in locks:
            lock.unlink()
        locks = []
    if not locks:
        holder.truncate(0)
        holder.write(here)
        holder.flush()
    fcntl.flock(holder, fcntl.LOCK_SH)
    return holder


def _has_cluster_jobs(state: Path) -> bool:
    """Whether an unfinished job of the last run was handed to a cluster, where it may still run."""
    for record in (state / "incomplete").rglob("*"):
        if record.is_file():
            try:
                if json.loads(record.read_text(encoding="utf-8"))["external_jobid"] is not None:
                    return True
            except (ValueError, KeyError):
                continue  # half-written when the run was killed
    return False
