"""Run the workflow in a folder of its own, as a user would, at a size that takes seconds."""

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
import yaml
from conftest import ROOT

# One Gaussian data set through all four steps of a trial, its table, and its repetition on fresh data.
TINY = {
    "trials": 4,
    "trials_per_job": 2,
    "data_seeds": 2,
    "datasets": {
        "gaussian_d3_k10": {"N": 20, "K": 3, "biases": [3, 0], "descent": True},
        "gaussian_d3_k20": None,
        "gaussian_d10_k50": None,
        "mnist": None,
        "cifar10": None,
    },
    "gd_verify": {"max_steps": 20},
}
TARGETS = ("results/tables/table_1.csv", "results/data_seeds/gaussian_d3_k10/3.npz")

# Longer rounds of the tests that go through chance: the README says how to start them.
FULL_CHECK = os.environ.get("RELUCELLS_FULL_CHECK") == "1"


def unavailable(reason: str) -> None:
    """Skip a test whose surroundings are missing; in CI they must not be."""
    if os.environ.get("CI") == "true":
        pytest.fail(f"not available in CI: {reason}")
    pytest.skip(reason)


def copy_project(folder: Path) -> Path:
    """The project without its results, to be edited, or to be spared from edits while tests run.

    Native code that is compiled already comes along.
    """
    for name in ("Snakefile", "config.yaml"):
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, folder)
    for name in ("src", "workflow", "profiles", "paper", "config"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("*.pyc", "*.egg-info"))
    return folder


def command(
    folder: Path,
    config: dict | None = None,
    targets: Sequence[str] = TARGETS,
    options: Sequence[str] = ("--cores", "1"),
    project: Path = ROOT,
) -> list[str]:
    """The command line; the settings in ``config`` (default: TINY) stand in a file beside the results."""
    folder.mkdir(parents=True, exist_ok=True)
    settings = folder / "settings.yaml"
    settings.write_text(yaml.safe_dump(TINY if config is None else config), encoding="utf-8")
    return [
        *(sys.executable, "-m", "snakemake"),
        *("--snakefile", str(project / "Snakefile"), "--directory", str(folder)),
        *options,
        *("--configfile", str(settings), "--", *targets),
    ]


def run(folder: Path, *arguments, check: bool = True, prefix: Sequence[str] = (), **keywords):
    """Run ``command(folder, …)``; with ``check``, a failure fails the test and shows the output."""
    done = subprocess.run(
        [*prefix, *command(folder, *arguments, **keywords)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if check:
        assert done.returncode == 0, done.stdout
    return done


def start(folder: Path, *arguments, environment: dict | None = None, **keywords) -> subprocess.Popen:
    """Start ``command(folder, …)`` as the leader of a process group of its own, as a terminal would."""
    return subprocess.Popen(
        command(folder, *arguments, **keywords),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=os.environ | (environment or {}),
        start_new_session=True,
        # a shell starts what it puts in the background, such as these tests, deaf to Ctrl-C
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )


def planned(folder: Path, *arguments, **keywords) -> dict[str, int]:
    """What a run would do, by a dry run: the number of jobs of each rule."""
    done = run(folder, *arguments, options=("--cores", "1", "--dry-run", "--quiet", "rules"), **keywords)
    jobs = dict(re.findall(r"^(\w+) +(\d+)$", done.stdout, re.MULTILINE))
    return {rule: int(count) for rule, count in jobs.items() if rule != "total"}


def files(folder: Path) -> dict[str, bytes]:
    """All results by their path; every name counts, also one that should not be there."""
    results = folder / "results"
    return {str(p.relative_to(results)): p.read_bytes() for p in results.rglob("*") if p.is_file()}
