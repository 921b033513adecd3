"""Reuse of the workflow by snakedeploy, as Snakemake's catalogue describes it."""

import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from conftest import ROOT
from running import copy_project, unavailable


def test_the_small_config_says_the_same_as_the_whole_one():
    """Keys that stand in both must not differ, so that a deployed workflow runs the paper."""
    small, whole = (
        yaml.safe_load((ROOT / path).read_text(encoding="utf-8"))
        for path in ("config/config.yaml", "config.yaml")
    )
    assert small and small == {key: whole[key] for key in small}


@pytest.mark.campaign
def test_a_deployed_workflow_plans_the_whole_paper(tmp_path):
    """snakedeploy, from a folder: its local provider writes a relative path, which is set right here."""
    snakedeploy = Path(sys.executable).with_name("snakedeploy")
    if not snakedeploy.exists():
        unavailable("snakedeploy is not installed (extra `deploy`)")
    project = copy_project(tmp_path / "project")
    command = [
        snakedeploy,
        "deploy-workflow",
        project,
        tmp_path / "deployed",
        "--branch",
        "main",
        "--name",
        "reused",
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    for name in ("config/config.yaml", "config/README.md", "profiles/default/config.yaml"):
        assert (tmp_path / "deployed" / name).is_file()
    snakefile = tmp_path / "deployed" / "workflow" / "Snakefile"
    text = snakefile.read_text(encoding="utf-8")
    assert '"workflow/Snakefile"' in text
    snakefile.write_text(
        text.replace('"workflow/Snakefile"', repr(str(project / "workflow" / "Snakefile"))), encoding="utf-8"
    )
    snakemake = [sys.executable, "-m", "snakemake", "--cores", "1", "--dry-run", "--quiet", "rules"]
    planned = subprocess.run(
        snakemake, cwd=tmp_path / "deployed", capture_output=True, text=True, check=False
    )
    assert planned.returncode == 0, planned.stdout + planned.stderr
    for rule in ("sample_weights", "compare_with_paper", "write_report"):
        assert rule in planned.stdout


@pytest.mark.campaign
def test_the_container_recipe_is_clean():
    hadolint = Path(sys.executable).with_name("hadolint")
    if not hadolint.exists():
        unavailable("hadolint is not installed (extra `deploy`)")
    done = subprocess.run([hadolint, ROOT / "Containerfile"], capture_output=True, text=True, check=False)
    assert done.returncode == 0 and done.stdout == "", done.stdout


def test_the_container_takes_every_folder_that_the_workflow_reads():
    """What is left out is history and results; what is copied is what a checkout has."""
    left_out = (ROOT / ".containerignore").read_text(encoding="utf-8").splitlines()
    wanted = {
        "Snakefile",
        "config.yaml",
        "constraints.txt",
        "pyproject.toml",
        "src",
        "workflow",
        "paper",
        "profiles",
    }
    assert wanted.isdisjoint(left_out)
