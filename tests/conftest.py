"""Fixtures that several test files share."""

import fcntl
import os
import shutil
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import hypothesis
import numpy as np
import pytest
import yaml

pytest_plugins = ["image_fixtures", "checker_fixtures"]
ROOT = Path(__file__).resolve().parent.parent
# A script is a module of its own; it finds what stands beside it.
sys.path[:0] = sorted({str(path.parent) for path in (ROOT / "workflow" / "scripts").rglob("*.py")})

# One thread, as Snakemake's jobs have: results are compared bit for bit.
for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(variable, "1")

# The same examples every time, and no clock decides.
hypothesis.settings.register_profile(
    "fixed",
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
)
hypothesis.settings.load_profile("fixed")

SCHEMA = ROOT / "workflow" / "schemas" / "config.schema.yaml"
SHARED_DATA = ROOT.parent / "shared" / "data"


# Tests that take longest, or that use a run which others then share. Begun last, they would end alone.
FIRST = (
    "runs/test_checkouts",
    "report/test_report",
    "runs",
    "transition",
    "pipeline",
    "related",
    "docs",
    "data",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files in FIRST before all others; the order within a file stays."""

    def place(item: pytest.Item) -> int:
        name = item.path.relative_to(ROOT / "tests").as_posix()
        return next((n for n, start in enumerate(FIRST) if name.startswith(start)), len(FIRST))

    items.sort(key=place)


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder with official MNIST and CIFAR-10 files, where a checkout has one beside it."""
    if not SHARED_DATA.is_dir():
        pytest.skip("no ../shared/data with official image files beside this checkout")
    return SHARED_DATA


@pytest.fixture
def rng(request) -> np.random.Generator:
    """A generator of the test's own: the same numbers whichever other tests run."""
    from relucells.samples.randomness import stream

    return stream(0, request.node.nodeid)


@pytest.fixture
def random_cell():
    """Draw X (N, D), y (N,) and the activation pattern (N, K) of random weights."""

    def draw(rng, N, D, K, bias=0.0):
        X = np.column_stack([rng.standard_normal((N, D - 1)), np.ones(N)]) if D > 1 else np.ones((N, 1))
        W = rng.standard_normal((K, D))
        W[:, -1] += bias
        return X, rng.choice([-1.0, 1.0], N), X @ W.T > 0

    return draw


@contextmanager
def one_at_a_time(tmp_path_factory: pytest.TempPathFactory, name: str) -> Iterator[Path]:
    """A folder that all processes of a test run share, held by one of them at a time."""
    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:  # each of several processes has a folder of its own inside
        folder = folder.parent
    with (folder / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        (folder / name).mkdir(exist_ok=True)
        yield folder / name


@pytest.fixture(scope="session")
def small_run(tmp_path_factory) -> SimpleNamespace:
    """The target `paper` at the size of tests/small.yaml, run once, as on a machine without network.

    folder : where it ran, with results/ and settings.yaml; project : the workflow's copy that ran, spared
    from edits while tests run; config : the settings; output : what the terminal showed. Tests read
    these; one that changes something works on a copy of the folder.
    """
    config = yaml.safe_load((ROOT / "tests" / "small.yaml").read_text(encoding="utf-8"))
    with one_at_a_time(tmp_path_factory, "small_run") as shared:
        folder, project, output = shared / "run", shared / "project", shared / "output.txt"
        if not output.exists():
            output.write_text(run_without_network(folder, project, config), encoding="utf-8")
    return SimpleNamespace(
        folder=folder, project=project, config=config, output=output.read_text(encoding="utf-8")
    )


def run_without_network(folder: Path, project: Path, config: dict) -> str:
    """Run the target `paper` by a copy of the project; what the terminal showed."""
    from running import copy_project, run

    for left in (folder, project):
        shutil.rmtree(left, ignore_errors=True)
    copy_project(project)
    with pytest.MonkeyPatch.context() as patch, socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))  # nobody listens there: every request is refused at once
        for name in ("http_proxy", "https_proxy"):
            patch.setenv(name, f"http://127.0.0.1:{probe.getsockname()[1]}")
        patch.setenv("MPLBACKEND", "no_such_backend")  # as where a notebook starts the run
        style = folder.parent / "matplotlib" / "matplotlibrc"
        style.parent.mkdir(exist_ok=True)
        style.write_bytes(b"axes.facecolor: red  # caf\xe9")  # not UTF-8
        patch.setenv("MATPLOTLIBRC", str(style))
        patch.setenv("XDG_CONFIG_HOME", str(folder.parent))
        for name in ("no_proxy", "NO_PROXY"):
            patch.setenv(name, "")
        return run(folder, config, targets=("paper",), options=("--cores", "2"), project=project).stdout
