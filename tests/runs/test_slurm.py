"""The workflow through a real Slurm with one node: same results, and every mishap is named and mended."""

import re
import signal
import subprocess
import time

import numpy as np
import pytest
import yaml
from conftest import ROOT
from running import FULL_CHECK, TARGETS, TINY, copy_project, files, run, start, unavailable
from slurm.cluster import Cluster, obstacle

from relucells.certify.stored import pack, unpack
from relucells.pipeline.run_folder import ended_by_slurm

# Jobs that run into their limits, and a Snakemake for each of 150 jobs, take minutes.
pytestmark = pytest.mark.campaign


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    reason = obstacle()
    if reason:
        unavailable(reason)
    cluster = Cluster(tmp_path_factory.mktemp("slurm"))
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.stop()


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    return copy_project(tmp_path_factory.mktemp("project"))


def profile(folder, **changes):
    """The shipped profile at the pace of a test; the options that use it."""
    settings = yaml.safe_load((ROOT / "profiles/slurm/config.yaml").read_text(encoding="utf-8"))
    settings |= {"slurm-init-seconds-before-status-checks": 1, "latency-wait": 5}
    for name, value in changes.items():
        name = name.replace("_", "-")
        settings[name] = settings.get(name, {}) | value if isinstance(value, dict) else value
    place = folder / "profile"
    place.mkdir(parents=True, exist_ok=True)
    (place / "config.yaml").write_text(yaml.safe_dump(settings), encoding="utf-8")
    return ("--workflow-profile", str(place))


def wait_for(condition, process):
    """What the condition gives once it is true; the run must still be at work then."""
    while not (found := condition()):
        assert process.poll() is None, process.communicate()[0]
        time.sleep(0.1)
    return found


def trials(folder):
    """All arrays of the trials by data set, bias, step and name, whatever their blocks were."""
    blocks = {}
    for path in sorted(folder.glob("results/trials/*/*/*/*.npz")):
        *_, dataset, bias, _, name = path.parts
        with np.load(path) as arrays:
            blocks.setdefault((dataset, bias, name), []).append(dict(arrays))
    joined = {}
    for key, parts in blocks.items():
        if key[2] == "lp.npz":  # certificates refer to rows of their own block
            parts = [pack([decision for part in parts for decision in unpack(part)])]
        for name in parts[0]:
            if name not in ("dataset", "bias"):  # one of each in every block
                joined[*key, name] = np.concatenate([np.atleast_1d(part[name]) for part in parts])
    return joined


def numbers(folder):
    """Every other file with numbers: tables, the comparison, what stands behind figures."""
    return {
        name: data
        for name, data in files(folder).items()
        if name.endswith((".csv", ".npz")) and not name.startswith("trials/") and name != "costs.csv"
    }


def test_the_whole_paper_gives_the_local_results_bit_for_bit(cluster, small_run, tmp_path):
    config = small_run.config | {"trials_per_job": 5}
    with pytest.MonkeyPatch.context() as patch:
        for name in ("http_proxy", "https_proxy"):  # no network, as for the local run
            patch.setenv(name, "http://127.0.0.1:9")
        done = run(tmp_path, config, ["paper"], profile(tmp_path), small_run.project)
    assert "has been submitted with SLURM jobid" in done.stdout
    assert numbers(tmp_path) == numbers(small_run.folder)
    ours, local = trials(tmp_path), trials(small_run.folder)
    assert ours.keys() == local.keys()
    for key in ours:
        assert ours[key].tobytes() == local[key].tobytes(), key


# One table from two biases, one block each.
ROW = TINY | {"trials": 2}


@pytest.fixture(scope="module")
def local(project, tmp_path_factory):
    """What a local run makes of ROW, with the repetition on fresh data."""
    folder = tmp_path_factory.mktemp("local")
    run(folder, ROW, project=project)
    return files(folder)


def running_job(cluster, folder, rule, wildcards):
    """Slurm's number of a running job, by the log that Slurm writes for it."""
    logs = folder / f".snakemake/slurm_logs/rule_{rule}/{wildcards}"
    return next((log.stem for log in logs.glob("*.log") if log.stem in cluster.jobs("RUNNING")), None)


def test_mishaps_are_named_and_a_second_call_finishes(cluster, project, local, tmp_path):
    """In one run: a job over its time, one over its memory, one that is cancelled, and two that fail."""
    hook = tmp_path / "hook" / "sitecustomize.py"
    hook.parent.mkdir()
    hook.write_text(
        "import sys\n"
        "if sys.orig_argv[-1].endswith('lp_check.py'):\n"
        "    sys.exit('lp_check: fails on purpose')\n"
    )
    options = profile(
        tmp_path,
        # Minutes: only descent, which never ends, meets its limit, however slow the machine is.
        default_resources={"runtime": 50},
        set_resources={"repeat_data_draws": {"mem_mb": 60}, "gd_verify": {"runtime": 1}},
    )
    # The steps of descent are so small and so many that it never ends.
    endless = ROW | {"gd_verify": {"step": 1e-300, "gradient_tolerance": 1e-300, "max_steps": 10**9}}
    process = start(
        tmp_path, endless, TARGETS, options, project, environment={"PYTHONPATH": str(hook.parent)}
    )
    cancelled = wait_for(
        lambda: running_job(cluster, tmp_path, "gd_verify", "gaussian_d3_k10_0_000-001"), process
    )
    subprocess.run(["scancel", cancelled], check=True)
    output, _ = process.communicate()
    assert process.returncode == 1
    assert f"SLURM-job '{cancelled}' failed, SLURM status is: 'CANCELLED'" in output
    assert "SLURM status is: 'TIMEOUT'" in output
    ended = re.search(r"^Slurm ended rule_repeat_data_draws/gaussian_d3_k10_3: (.*)$", output, re.MULTILINE)
    assert re.search("exceeded (job )?memory limit", ended[1], re.IGNORECASE)
    assert output.count("Error in rule lp_check") == 2
    assert "Finished results stay. To go on from here, give the same command again." in output
    kept = {path: path.stat().st_mtime_ns for path in tmp_path.glob("results/trials/*/*/*/minima.npz")}
    assert len(kept) == 2
    assert files(tmp_path).items() <= local.items()

    run(tmp_path, ROW, TARGETS, profile(tmp_path), project)
    assert files(tmp_path) == local
    assert {path: path.stat().st_mtime_ns for path in kept} == kept


@pytest.mark.parametrize("seconds", [3, 30] if FULL_CHECK else [3])
def test_the_controller_restarts_in_mid_run(cluster, project, local, tmp_path, seconds):
    process = start(tmp_path, ROW, TARGETS, profile(tmp_path), project)
    wait_for(lambda: cluster.jobs("RUNNING"), process)
    cluster.stop_controller()
    time.sleep(seconds)
    cluster.start_controller()
    try:
        output, _ = process.communicate(timeout=400)
    except subprocess.TimeoutExpired:  # the plugin can lose sight of its jobs; see the README
        process.send_signal(signal.SIGINT)
        output, _ = process.communicate(timeout=60)
        subprocess.run(["scancel", "--me"], check=True)
    if process.returncode:
        assert "Finished results stay. To go on from here, give the same command again." in output
        assert files(tmp_path).items() <= local.items()
        run(tmp_path, ROW, TARGETS, profile(tmp_path), project)
    assert files(tmp_path) == local


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0)])
def test_the_reason_is_the_limit_wherever_it_stands_in_the_log(tmp_path, order):
    said = (
        "slurmstepd-vm: error: Exceeded job memory limit",
        "slurmstepd-vm: error: *** JOB 31 ON vm CANCELLED AT 2026-11-21T14:55:11 ***",
        "slurmstepd-vm: error: StepId=31.batch exceeded memory limit (138006528 > 62914560), being killed",
    )
    log = tmp_path / "slurm_logs/rule_name/wildcards/31.log"
    log.parent.mkdir(parents=True)
    log.write_text("".join(f"{said[n]}\n" for n in order), encoding="utf-8")
    (line,) = ended_by_slurm(tmp_path, 0.0)
    assert line.startswith("Slurm ended rule_name/wildcards: ") and "xceeded" in line
