"""Which code runs: a checkout's own, whatever is installed; an installed package; an imported workflow."""

import json
import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest
from conftest import ROOT
from running import TINY, command, copy_project, unavailable
from slurm.cluster import Cluster, obstacle
from test_slurm import profile

ONE_BLOCK = TINY | {
    "trials": 2,
    "datasets": TINY["datasets"] | {"gaussian_d3_k10": {"N": 10, "K": 2, "biases": [0], "descent": False}},
}
WEIGHTS = "results/trials/gaussian_d3_k10/0/000-001/weights.npz"
MINIMA = "results/trials/gaussian_d3_k10/0/000-001/minima.npz"  # its job is a cluster's
# What the first checkout's library says wherever it is imported.
POISON = "the library of another checkout was imported"


@pytest.fixture(scope="module")
def python(tmp_path_factory):
    """The Python of an environment in which another checkout is installed with ``pip install -e``."""
    folder = tmp_path_factory.mktemp("environment")
    other = copy_project(folder / "other")
    (other / "src/relucells/__init__.py").write_text(f"raise SystemExit({POISON!r})\n", encoding="utf-8")
    environment = folder / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", environment], check=True)
    (packages,) = environment.glob("lib/python*/site-packages")
    # What an editable install leaves behind, and before it comes in the path: the packages of this one.
    (packages / "a_relucells.pth").write_text(f"{other / 'src'}\n", encoding="utf-8")
    (packages / "b_packages.pth").write_text(
        f"import site; site.addsitedir({sysconfig.get_path('purelib')!r})\n", encoding="utf-8"
    )
    return environment / "bin/python"


@pytest.fixture(scope="module")
def checkout(tmp_path_factory):
    """A second checkout, in a folder whose name is no help."""
    return copy_project(tmp_path_factory.mktemp("checkouts") / "my {second} 'checkout' {{x}}")


def run_with(python, arguments, folder, **variables):
    """Run Snakemake by that Python, without what the tests' own start put into the environment."""
    environment = {name: text for name, text in os.environ.items() if name != "PYTHONPATH"}
    return subprocess.run(
        [str(python), *map(str, arguments[1:])],
        cwd=folder,
        env=environment | variables,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )


def assert_made(done, folder, target):
    assert done.returncode == 0, done.stdout
    assert POISON not in done.stdout
    assert (folder / target).is_file()


def test_the_environment_holds_the_other_checkout(python, tmp_path):
    """Else the tests below would prove nothing."""
    done = run_with(python, ["python", "-c", "import relucells"], tmp_path)
    assert done.returncode == 1 and POISON in done.stdout


def test_a_checkout_runs_its_own_library(python, checkout, tmp_path):
    folder = tmp_path / "{a} copy"
    shutil.copytree(checkout, folder)
    done = run_with(python, command(folder, ONE_BLOCK, [WEIGHTS], project=folder), folder)
    assert_made(done, folder, WEIGHTS)


STUB = """\
#!/bin/sh
# Stands for conda: an environment is a folder with a Python that is the given one.
case "$1 $2" in
    "--version "*) echo "conda 25.1.0" ;;
    "info "*) echo '{info}' ;;
    "clean "*) ;;
    "config "*) echo '{{"get": {{"channel_priority": "strict"}}}}' ;;
    "env create")
        while [ "$1" != --prefix ]; do shift; done
        mkdir -p "$2/bin" "$2/conda-meta"
        printf '#!/bin/sh\\necho ran >> "{marks}"\\nexec "{python}" "$@"\\n' > "$2/bin/python"
        chmod +x "$2/bin/python" ;;
    *) echo "stub conda: $*" >&2; exit 1 ;;
esac
"""


def test_jobs_in_conda_environments_run_it_too(python, checkout, tmp_path):
    stub = tmp_path / "conda/bin"
    stub.mkdir(parents=True)
    info = json.dumps({"conda_prefix": str(stub.parent), "platform": "linux-64"})
    marks = tmp_path / "marks"
    (stub / "conda").write_text(STUB.format(info=info, python=python, marks=marks), encoding="utf-8")
    (stub / "conda").chmod(0o755)
    (stub / "activate").write_text('export PATH="$1/bin:$PATH"\n', encoding="utf-8")
    options = ("--cores", "1", "--sdm", "conda")
    arguments = command(tmp_path, ONE_BLOCK, [WEIGHTS], options, checkout)
    done = run_with(python, arguments, tmp_path, PATH=f"{stub}:{os.environ['PATH']}")
    assert_made(done, tmp_path, WEIGHTS)
    assert len(marks.read_text().split()) >= 2  # both jobs ran by the environment's Python


def test_jobs_on_a_cluster_run_it_too(python, checkout, tmp_path):
    if reason := obstacle():
        unavailable(reason)
    cluster = Cluster(tmp_path / "slurm")
    try:
        cluster.start()
        arguments = command(tmp_path, ONE_BLOCK, [MINIMA], profile(tmp_path), checkout)
        done = run_with(python, arguments, tmp_path)
    finally:
        cluster.stop()
    assert "has been submitted with SLURM jobid" in done.stdout
    assert_made(done, tmp_path, MINIMA)


@pytest.mark.parametrize("kind", [pytest.param("wheel", marks=pytest.mark.campaign), "sdist"])
def test_an_install_has_the_whole_package(tmp_path, kind):
    pytest.importorskip("setuptools")
    source = tmp_path / "source"
    copy_project(source)
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    build = f"from setuptools.build_meta import build_{kind} as build; print(build({str(tmp_path)!r}))"
    done = subprocess.run(
        [sys.executable, "-c", build], cwd=source, capture_output=True, text=True, check=True
    )
    package = tmp_path / done.stdout.splitlines()[-1]
    pip = [sys.executable, "-m", "pip", "install", "-q", "--no-index", "--no-deps", "--no-build-isolation"]
    subprocess.run([*pip, "--target", tmp_path / "site", package], check=True)
    modules = [
        ".".join(path.relative_to(ROOT / "src").with_suffix("").parts).removesuffix(".__init__")
        for path in (ROOT / "src").rglob("*.py")
    ]
    program = (
        f"import importlib, sys, warnings; sys.path.insert(0, {str(tmp_path / 'site')!r})\n"
        f"for name in {modules!r}: importlib.import_module(name)\n"
        "import relucells\n"
        "assert all(hasattr(relucells, name) for name in relucells.__all__)\n"
        "print(relucells.__file__)"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-c", program], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert Path(done.stdout.strip()).is_relative_to(tmp_path / "site")


# As a module of another workflow


def write_importer(folder, prefix, config):
    (folder / "Snakefile").write_text(
        "module relucells:\n"
        f"    snakefile: {str(ROOT / 'Snakefile')!r}\n"
        f"    config: {config!r}\n\n"
        f"use rule * from relucells{prefix}\n",
        encoding="utf-8",
    )


@pytest.mark.parametrize(
    ("prefix", "name"),
    [
        pytest.param(" as rc_*", "rc_{}", id="rc_"),
        pytest.param("", "{}", id="no prefix", marks=pytest.mark.campaign),
    ],
)
def test_another_workflow_imports_it_with_a_part_of_the_config(tmp_path, prefix, name):
    write_importer(tmp_path, prefix, ONE_BLOCK)
    snakemake = [sys.executable, "-m", "snakemake", "--cores", "1"]
    done = subprocess.run([*snakemake, WEIGHTS], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert f"localrule {name.format('sample_weights')}:" in done.stderr
    assert (tmp_path / WEIGHTS).is_file()
    planned = subprocess.run(
        [*snakemake, "--dry-run", "--quiet", "rules", "--", name.format("paper")],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert planned.returncode == 0, planned.stdout + planned.stderr
    assert name.format("write_report") in planned.stdout
