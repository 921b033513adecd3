"""A full disk, read-only results, no permission: one clear line, a non-zero exit, earlier results intact."""

import os
import re
import shutil
import subprocess
import sys

import pytest
from conftest import ROOT
from running import TINY, copy_project, files, run, unavailable

from relucells.pipeline.run_folder import unreadable_style, unwritable

# As root, permissions bind only a process that has given up the right to override them.
UNPRIVILEGED = ("setpriv", "--bounding-set", "-dac_override,-dac_read_search") if os.geteuid() == 0 else ()


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    return copy_project(tmp_path_factory.mktemp("project"))


@pytest.fixture(scope="module")
def finished(project, tmp_path_factory):
    folder = tmp_path_factory.mktemp("finished")
    run(folder, project=project)
    return folder


@pytest.fixture
def mount():
    """mount(options, folder) puts a memory file system there, or remounts it, until the test ends."""
    mounted = []

    def attach(options, folder):
        again = folder in mounted
        kind = ["-o", f"remount,{options}"] if again else ["-t", "tmpfs", "-o", options, "tmpfs"]
        done = subprocess.run(["mount", *kind, folder], capture_output=True, text=True)
        if done.returncode:
            unavailable(f"cannot mount a file system: {done.stderr.strip()}")
        if not again:
            mounted.append(folder)

    yield attach
    for folder in mounted:
        subprocess.run(["umount", folder], check=True)


# A job's Python fills the disk just before lp_check writes: a hook of Python's start-up.
FILLER = """
import sys
if sys.orig_argv[-1].endswith("lp_check.py"):
    with open({!r}, "ab", buffering=0) as file:
        for size in (2**20, 2**12):
            try:
                while file.write(bytes(size)):
                    pass
            except OSError:
                pass
"""


@pytest.mark.parametrize("full", ["results", "."])
def test_full_disk(project, finished, tmp_path, mount, full):
    """Where that of "." is full, Snakemake's own files meet the limit too, and nobody knows which first."""
    expected = files(finished)
    disk = tmp_path / "work" / full
    disk.mkdir(parents=True)
    mount("size=16m", disk)
    hook = tmp_path / "hook" / "sitecustomize.py"
    hook.parent.mkdir()
    hook.write_text(FILLER.format(str(disk / "filler")), encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(hook.parent))
        done = run(tmp_path / "work", project=project, check=False)
    assert done.returncode != 0
    assert f"{disk}: the disk is full; make room" in done.stdout.splitlines()
    if full == "results":
        assert re.search(r"^lp_check: results/\S+: No space left on device$", done.stdout, re.MULTILINE)
        assert "Traceback" not in done.stdout
    (disk / "filler").unlink()
    left = files(tmp_path / "work")
    assert left
    assert left.items() <= expected.items()
    run(tmp_path / "work", project=project)
    assert files(tmp_path / "work") == expected


def test_results_on_a_read_only_file_system(project, finished, tmp_path, mount):
    results = tmp_path / "results"
    results.mkdir()
    mount("size=64m", results)
    shutil.copytree(finished, tmp_path, dirs_exist_ok=True)
    mount("ro", results)
    done = run(tmp_path, TINY | {"trials": 6}, project=project, check=False)
    assert done.returncode == 1
    assert done.stdout.splitlines()[-1] == (
        f"{results}: cannot be written, its file system is read-only; nothing was run"
    )
    assert files(tmp_path) == files(finished)


def test_results_without_permission(project, finished, tmp_path):
    shutil.copytree(finished, tmp_path, dirs_exist_ok=True)
    results = tmp_path / "results"
    results.chmod(0o555)
    done = run(tmp_path, TINY | {"trials": 6}, project=project, check=False, prefix=UNPRIVILEGED)
    assert done.returncode == 1
    assert done.stdout.splitlines()[-1] == f"{results}: cannot be written, no permission; nothing was run"
    assert files(tmp_path) == files(finished)


def test_what_rules_write_is_looked_at_before_a_run(project, tmp_path):
    path = tmp_path / "logs/sample_weights"
    path.parent.mkdir()
    path.touch()
    done = run(tmp_path, project=project, check=False, options=("--cores", "1", "--dry-run"))
    assert done.returncode == 1
    line = f"{path}: a file where a folder belongs; move it away; nothing was run"
    assert [text for text in done.stdout.splitlines() if "profile" not in text] == [line]


# As Snakemake has the files of rules.
RULES = (
    "results/tables/{table,table_1|table_2}.csv",
    r"results/trials/{dataset,mnist}/{bias,-?\d+(\.\d+)?}/lp.npz",
    "results/networks/{network}/certificates/",
    "data/subsets/{dataset,[a-z]{5}}.npz",
    "logs/plot.log",
    "elsewhere/{x}.csv",
)


class TestUnwritable:
    """The line before a run, in a folder as it may be found."""

    @pytest.fixture(autouse=True)
    def there(self, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        (tmp_path / "data").mkdir()

    def test_nothing_is_wrong_with_a_folder_of_ones_own(self, tmp_path):
        (tmp_path / "results/tables").mkdir(parents=True)
        (tmp_path / "results/provenance.csv").touch(mode=0o400)
        (tmp_path / "results/tables/table_1.csv").touch()
        (tmp_path / "results/networks/mine/certificates").mkdir(parents=True)
        assert unwritable(RULES) is None

    def test_what_no_rule_writes_is_nobodys_business(self, tmp_path):
        for name in ("results/trials", "results/tables/notes.csv", "elsewhere/x.csv"):
            (tmp_path / name).mkdir(parents=True)
        (tmp_path / "results/trials/notes").touch()
        (tmp_path / "results/trials/other").symlink_to("nowhere")
        (tmp_path / "results/raw").symlink_to("nowhere")
        (tmp_path / "results/tables/table_1.csv").symlink_to("table_1.csv")  # a job replaces it
        assert unwritable(RULES) is None

    PLACES = (
        *("results", "data", "logs", "results/tables", "data/subsets", "results/trials/mnist"),
        *("results/trials/mnist/-0.5", "results/networks/mine", "results/networks/mine/certificates"),
    )

    @pytest.mark.parametrize("name", PLACES)
    def test_a_link_that_leads_nowhere(self, tmp_path, name):
        shutil.rmtree(tmp_path / "data")
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).symlink_to("elsewhere")
        assert unwritable(RULES) == (
            f"{tmp_path / name}: a link to elsewhere, which is not there; make that folder or remove the "
            "link; nothing was run"
        )

    def test_a_link_that_leads_to_itself(self, tmp_path):
        (tmp_path / "results").symlink_to("results")
        assert unwritable().startswith(f"{tmp_path / 'results'}: a link to results, Too many levels of")

    @pytest.mark.parametrize("name", PLACES)
    def test_a_file_where_a_folder_belongs(self, tmp_path, name):
        shutil.rmtree(tmp_path / "data")
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
        assert unwritable(RULES) == (
            f"{tmp_path / name}: a file where a folder belongs; move it away; nothing was run"
        )

    @pytest.mark.parametrize(
        "name", ["results/tables/table_2.csv", "data/subsets/mnist.npz", "logs/plot.log"]
    )
    def test_a_folder_where_a_file_belongs(self, tmp_path, name):
        (tmp_path / name).mkdir(parents=True)
        assert unwritable(RULES) == (
            f"{tmp_path / name}: a folder where a file belongs; move it away; nothing was run"
        )

    @pytest.mark.parametrize("name", ["results/tables", "results/trials/mnist"])
    def test_a_folder_of_somebody_else_within(self, tmp_path, name):
        folder = tmp_path / name
        folder.mkdir(parents=True)
        folder.chmod(0o555)
        assert self.told_without_privileges() == (
            f"{folder}: cannot be written, no permission; nothing was run"
        )

    def test_a_finished_folder_may_be_read_only(self, tmp_path):
        """Images are shared, and blocks of trials are kept."""
        for name in ("data/subsets", "results/trials/mnist/3"):
            (tmp_path / name).mkdir(parents=True)
            (tmp_path / name).chmod(0o555)
        assert self.told_without_privileges() is None

    @staticmethod
    def told_without_privileges():
        program = f"from relucells.pipeline.run_folder import unwritable; print(unwritable({RULES!r}) or '')"
        source = os.environ | {"PYTHONPATH": str(ROOT / "src")}
        command = [*UNPRIVILEGED, sys.executable, "-c", program]
        done = subprocess.run(command, capture_output=True, text=True, env=source, check=True)
        return done.stdout.strip() or None


def test_warnings_may_be_errors(project, finished):
    """Snakemake's own warnings are not counted."""
    command = ("env", "PYTHONWARNINGS=error::ResourceWarning")
    done = run(finished, project=project, prefix=command)
    assert ".snakemake/holder" not in done.stdout


@pytest.mark.parametrize("locked", ["", "train-images-idx3-ubyte"], ids=["folder", "file"])
def test_data_dir_without_permission(project, finished, tmp_path, locked):
    shutil.copytree(finished, tmp_path, dirs_exist_ok=True)
    data_dir = tmp_path / "official"
    data_dir.mkdir()
    for name in ("train-images-idx3-ubyte", "train-labels-idx1-ubyte"):
        (data_dir / name).write_bytes(b"\0\0\x08\x03")
    (data_dir / locked).chmod(0)
    done = run(
        tmp_path,
        TINY | {"data_dir": str(data_dir)},
        ["data/images/mnist.npz"],
        project=project,
        check=False,
        prefix=UNPRIVILEGED,
    )
    assert done.returncode == 1
    where = f"data_dir: {data_dir}" if not locked else str(data_dir / locked)
    refusals = [line for line in done.stdout.splitlines() if line.startswith("fetch_data: ")]
    assert refusals[0].startswith(f"fetch_data: {where}: Permission denied")
    assert "Traceback" not in done.stdout
    assert files(tmp_path) == files(finished)


def test_a_matplotlibrc_that_cannot_be_read_is_named_before_a_run(tmp_path, monkeypatch):
    """Anywhere else it does not count: the pipeline's small run has one there."""
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "matplotlibrc"
    assert unreadable_style() is None
    path.write_text("lines.linewidth: 3  # café", encoding="utf-8")
    assert unreadable_style() is None
    path.write_bytes("lines.linewidth: 3  # café".encode("latin-1"))
    line = f"{path}: {{}}, so matplotlib cannot start; save it as UTF-8 or move it away"
    assert unreadable_style() == line.format("not UTF-8")
    path.unlink()
    os.mkfifo(path)
    assert unreadable_style() == line.format("not a file")
    path.unlink()
    path.mkdir()
    assert unreadable_style() is None
