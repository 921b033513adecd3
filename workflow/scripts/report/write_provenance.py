"""What the results were made with: versions, commit, seed, and where the data came from."""

import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import pandas as pd

import relucells
from relucells.pipeline.job import job, write_csv
from relucells.pipeline.verdicts import name_data, read_comparison

PACKAGES = (
    "numpy",
    "scipy",
    "highspy",
    "pandas",
    "matplotlib",
    "scikit-learn",
    "mlxtend",
    "torchvision",
    "snakemake",
)


def commit(root: Path) -> str:
    """The commit that is checked out, and whether tracked files differ from it."""
    if not (root / ".git").exists():
        return "not a git checkout"

    def git(*arguments: str) -> str:
        return subprocess.run(
            ["git", "-C", str(root), *arguments], capture_output=True, text=True, check=True
        ).stdout.strip()

    try:
        changed = git("status", "--porcelain", "--untracked-files=no")
        return git("rev-parse", "HEAD") + (", with local changes" if changed else "")
    except (OSError, subprocess.CalledProcessError):
        return "unknown: git does not answer"


def versions() -> dict[str, str]:
    """Versions of the packages in this environment; with --use-conda each rule has one of its own."""
    found = {}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


if __name__ == "__main__":
    with job(snakemake) as log:
        rows = read_comparison(snakemake.input[0])
        items = {
            "relucells": relucells.__version__,
            "commit": commit(Path(__file__).resolve().parents[3]),
            "seed": str(snakemake.params.seed),
            "data": name_data(rows),
            "Python": platform.python_version(),
        } | versions()
        write_csv(snakemake.output[0], pd.DataFrame(items.items(), columns=["item", "value"]))
        log.info("data: %s; commit: %s", items["data"], items["commit"])
