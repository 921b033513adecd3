"""The linters of the house style find nothing."""

import subprocess
import sys

import pytest
from conftest import ROOT


@pytest.mark.parametrize(
    "command",
    [
        ["-m", "ruff", "check", "."],
        ["-m", "ruff", "format", "--check", "."],
        ["-m", "snakefmt", "--check", "Snakefile", "workflow/rules"],
        ["-m", "snakemake", "--lint"],
        pytest.param(["-m", "mypy"], marks=pytest.mark.campaign),
    ],
    ids=lambda command: " ".join(command[1:3]),
)
def test_linter_is_silent(command):
    done = subprocess.run([sys.executable, *command], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
