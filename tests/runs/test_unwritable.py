"""A full disk, read-only results, no permission: one clear line, a non-zero exit, earlier results intact."""

import os
import re
import shutil
import subprocess

import pytest
from running import TINY, copy_project, files, run, unavailable

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


def used(folder):
    """Bytes on disk, in pages, as a memory file system counts them."""
    return sum(-(-path.stat().st_size // 4096) * 4096 for path in folder.rglob("*"))


@pytest.mark.parametrize("full", ["results", "."])
def test_full_disk(project, finished, tmp_path, mount, full):
    expected = files(finished)
    disk = tmp_path / full
    disk.mkdir(exist_ok=True)
    mount(f"size={used(finished / full) // 2}", disk)
    done = run(tmp_path, project=project, check=False)
    assert done.returncode == 1
    assert f"{disk}: the disk is full; make room" in done.stdout.splitlines()
    if full == "results":  # else Snakemake's own files may meet the limit first
        assert re.search(r"^\w+: results/\S+: No space left on device$", done.stdout, re.MULTILINE)
        assert "Traceback" not in done.stdout
    left = files(tmp_path)
    assert left
    assert left.items() <= expected.items()
    mount("size=64m", disk)
    run(tmp_path, project=project)
    assert files(tmp_path) == expected


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
    assert f"fetch_data: {where}: Permission denied" in done.stdout.splitlines()
    assert "Traceback" not in done.stdout
    assert files(tmp_path) == files(finished)
