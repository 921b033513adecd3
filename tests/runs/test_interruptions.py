"""Runs that are killed, interrupted or started twice: nothing false is kept, and a plain re-run completes."""

import itertools
import os
import shutil
import signal
import socket
import subprocess
import sys
import time

import pytest
from running import FULL_CHECK, copy_project, files, run, start

from relucells.pipeline.run_folder import enter

ROUNDS = 10 if FULL_CHECK else 4
OPTIONS = ("--cores", "2")


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    return copy_project(tmp_path_factory.mktemp("project"))


@pytest.fixture(scope="module")
def undisturbed(project, tmp_path_factory):
    """The results of a run that nothing disturbs, the lines it said, and the seconds it took."""
    folder = tmp_path_factory.mktemp("undisturbed")
    start = time.monotonic()
    said = run(folder, project=project, options=OPTIONS).stdout
    return files(folder), said.count("\n"), time.monotonic() - start


def whole(folder):
    """What a reader would take for a result; a killed job's temporary file has another name."""
    return {name: data for name, data in files(folder).items() if "/." not in f"/{name}"}


def wait_for(path, process):
    while not (path.exists() and path.stat().st_size):  # a lock counts once it is written
        assert process.poll() is None, process.communicate()[0]
        time.sleep(0.05)


def test_killed_at_random_moments(project, undisturbed, tmp_path, rng):
    """The moment comes after some line of the run and a pause: a slow machine needs no more rounds."""
    expected, lines, seconds = undisturbed
    kills = 0
    while kills < ROUNDS:
        process = start(tmp_path, options=OPTIONS, project=project)
        said = list(itertools.islice(process.stdout, int(rng.integers(lines))))
        time.sleep(rng.uniform(0, seconds / lines))
        os.killpg(process.pid, signal.SIGKILL)
        output, _ = process.communicate()
        if process.returncode == -signal.SIGKILL:
            kills += 1
            assert whole(tmp_path).items() <= expected.items()
        else:  # it was complete before its moment came
            assert process.returncode == 0, "".join(said) + output
            assert files(tmp_path) == expected
            shutil.rmtree(tmp_path / "results")
    run(tmp_path, project=project)
    assert files(tmp_path) == expected


@pytest.fixture
def held(tmp_path):
    """Environment of a run whose gd_verify waits as long as the file ``hold`` is there; the file.

    Where a run stands when something happens to it is then no question of how fast the machine is.
    """
    hold = tmp_path / "hold"
    hold.touch()
    hook = tmp_path / "hook/sitecustomize.py"
    hook.parent.mkdir()
    hook.write_text(
        "import pathlib, sys, time\n"
        "if sys.orig_argv[-1].endswith('gd_verify.py'):\n"
        f"    pathlib.Path({str(tmp_path / 'reached')!r}).write_text('gd_verify')\n"
        f"    while pathlib.Path({str(hold)!r}).exists():\n"
        "        time.sleep(0.05)\n",
        encoding="utf-8",
    )
    return {"PYTHONPATH": str(hook.parent)}, hold


def test_an_interrupted_run_goes_on_where_it_stopped(project, undisturbed, tmp_path, held):
    expected, *_ = undisturbed
    environment, hold = held
    work = tmp_path / "work"
    process = start(work, options=OPTIONS, project=project, environment=environment)
    wait_for(tmp_path / "reached", process)
    os.killpg(process.pid, signal.SIGINT)
    output, _ = process.communicate()
    assert process.returncode not in (0, None)
    assert "Finished results stay. To go on from here, give the same command again." in output
    assert not (work / ".snakemake/locks").exists()
    assert files(work).items() <= expected.items()
    hold.unlink()
    run(work, project=project)
    assert files(work) == expected


def test_two_runs_in_one_folder(project, undisturbed, tmp_path, held):
    expected, *_ = undisturbed
    environment, hold = held
    work = tmp_path / "work"
    first = start(work, options=OPTIONS, project=project, environment=environment)
    wait_for(tmp_path / "reached", first)
    second = run(work, project=project, check=False)
    hold.unlink()
    assert second.returncode != 0, second.stdout
    assert "Directory cannot be locked" in second.stdout
    output, _ = first.communicate()
    assert first.returncode == 0, output
    assert files(work) == expected


class TestEnter:
    """Whose lock is removed."""

    @pytest.fixture
    def state(self, tmp_path):
        """A folder .snakemake as a killed run on this machine leaves it."""
        (tmp_path / "locks").mkdir()
        (tmp_path / "locks/0.output.lock").write_text("results/comparison.csv\n")
        (tmp_path / "incomplete").mkdir()
        (tmp_path / "incomplete/aGFsZg==").write_text('{"external_jo')  # half-written
        (tmp_path / "incomplete/bG9jYWw=").write_text('{"external_jobid": null}')
        (tmp_path / "holder").write_text(socket.gethostname())
        return tmp_path

    def locked(self, state):
        enter(state).close()
        return any((state / "locks").iterdir())

    def test_the_lock_of_a_dead_run_goes(self, state):
        assert not self.locked(state)

    def test_the_lock_of_a_live_run_stays(self, state):
        holding = (
            "import fcntl; f = open({!r}, 'a'); fcntl.flock(f, fcntl.LOCK_SH); print(flush=True); input()"
        )
        with subprocess.Popen(
            [sys.executable, "-c", holding.format(str(state / "holder"))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        ) as live:
            live.stdout.readline()
            assert self.locked(state)
            live.communicate(b"\n")
        assert not self.locked(state)

    def test_the_lock_of_another_machine_stays_however_often_one_tries(self, state):
        (state / "holder").write_text("elsewhere")
        assert self.locked(state)
        assert self.locked(state)

    def test_the_lock_stays_while_a_cluster_may_still_run_its_jobs(self, state):
        (state / "incomplete/c2x1cm0=").write_text('{"external_jobid": "12"}')
        assert self.locked(state)

    def test_a_new_folder(self, tmp_path):
        enter(tmp_path / ".snakemake").close()
        assert (tmp_path / ".snakemake/holder").read_text() == socket.gethostname()
