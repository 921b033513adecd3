"""The folder that a run works in: who is at work there, and whether it can be written."""

import fcntl
import json
import os
import shutil
import socket
from pathlib import Path
from typing import IO

# Where the rules write, relative to the working directory.
WRITTEN = (".", ".snakemake", "data", "logs", "results")
FULL = 2**20  # bytes; with less free space than this, a failed run is likely to have failed for it


def unwritable() -> str | None:
    """One line on a folder that a run would have to write and cannot, or None."""
    for name in WRITTEN:
        if Path(name).exists() and not os.access(name, os.W_OK):
            read_only = os.statvfs(name).f_flag & os.ST_RDONLY
            reason = "its file system is read-only" if read_only else "no permission"
            return f"{Path(name).absolute()}: cannot be written, {reason}; nothing was run"
    return None


def full() -> str | None:
    """One line on a folder whose disk is full, or None."""
    for name in WRITTEN:
        if Path(name).exists() and shutil.disk_usage(name).free < FULL:
            return f"{Path(name).absolute()}: the disk is full; make room"
    return None


def ended_by_slurm(state: Path, since: float) -> list[str]:
    """What Slurm says of the jobs that it ended, a line for each; Snakemake shows only their state.

    since : seconds of the clock; older logs belong to earlier runs
    """
    lines = []
    for log in sorted((state / "slurm_logs").rglob("*.log")):
        if log.stat().st_mtime >= since:
            said = [line for line in log.read_text(errors="replace").splitlines() if "slurmstepd" in line]
            if said:  # in no fixed order; a limit says more than that the job was cancelled
                job = log.relative_to(state / "slurm_logs").parent
                reason = next((line for line in said if "limit" in line.lower()), said[-1])
                lines.append(f"Slurm ended {job}: {reason.partition('error: ')[2]}")
    return lines


def enter(state: Path) -> IO[str] | None:
    """Remove Snakemake's lock if its owner is dead. The result must be kept open for the whole run.

    Snakemake's lock is a file, which a killed run cannot remove. A lock of the operating system ends
    with its process: who gets it alone knows that Snakemake's lock has no owner.

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
