"""What a second run computes: only what a change calls for."""

import os

import numpy as np
import pytest
from running import TARGETS, TINY, copy_project, planned, run

STEPS = {"sample_weights", "solve_minima", "lp_check", "gd_verify"}


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    return copy_project(tmp_path_factory.mktemp("project"))


@pytest.fixture(scope="module")
def folder(project, tmp_path_factory):
    """A finished run: one data set, two biases, two blocks each."""
    folder = tmp_path_factory.mktemp("finished")
    run(folder, project=project)
    return folder


def changed(**sections):
    """TINY with other values; a mapping changes only the keys that it has."""
    config = dict(TINY)
    for name, value in sections.items():
        config[name] = TINY.get(name, {}) | value if isinstance(value, dict) else value
    return config


def entry(**values):
    return {"datasets": TINY["datasets"] | {"gaussian_d3_k10": TINY["datasets"]["gaussian_d3_k10"] | values}}


def test_a_second_run_does_nothing(project, folder):
    assert planned(folder, project=project) == {}


def test_another_step_size_concerns_descent_and_what_follows(project, folder):
    config = changed(gd_verify={"step": 1e-5})
    jobs = planned(folder, config, project=project)
    assert jobs == {"gd_verify": 4, "aggregate_tables": 1}


def test_more_trials_compute_only_the_new_ones(project, folder):
    jobs = planned(folder, changed(trials=6), project=project)
    repeated = {"repeat_data_draws": 1}  # a repetition stands for an experiment of so many trials
    assert jobs == dict.fromkeys(STEPS, 2) | repeated | {"aggregate_tables": 1}


def test_a_new_bias_computes_only_its_own_trials(project, folder):
    config = changed(**entry(biases=[3, 0, -1.5]))
    jobs = planned(folder, config, project=project)
    assert jobs == dict.fromkeys(STEPS, 2) | {"aggregate_tables": 1}


def test_a_new_data_set_computes_only_itself(project, folder):
    mine = {"source": "gaussian", "d": 2, "K": 2, "N": 10, "biases": [0]}
    config = changed(datasets={"mine": mine})
    jobs = planned(folder, config, [*TARGETS, "results/tables/own_data.csv"], project=project)
    assert jobs == dict.fromkeys(STEPS, 2) | {"make_binary_subsets": 1, "aggregate_tables": 1}


def test_a_file_of_ones_own_counts_by_its_content(project, tmp_path, rng):
    """Not by its date; and its name may hold what Snakemake would take for a wildcard, its path a ~."""
    home, path = tmp_path / "home", tmp_path / "home" / "my {data} {}.npz"
    home.mkdir()
    mine = {"source": "npz", "path": "~/my {data} {}.npz", "K": 2, "biases": [0]}
    config = changed(datasets={"mine": mine})
    target = ["data/subsets/mine.npz"]
    X, y = rng.standard_normal((8, 2)), np.repeat([1, -1], 4)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOME", str(home))
        np.savez(path, X=X, y=y)
        run(tmp_path, config, target, project=project)
        os.utime(path)
        assert planned(tmp_path, config, target, project=project) == {}
        np.savez(path, X=2 * X, y=y)
        os.utime(path, (1e9, 1e9))
        assert planned(tmp_path, config, target, project=project) == {"make_binary_subsets": 1}


def test_results_do_not_wait_for_a_setting_they_do_not_use(project, folder):
    config = changed(fetch_data={"timeout": 99}, data_dir="elsewhere")
    assert planned(folder, config, project=project) == {}


@pytest.mark.parametrize(
    ("module", "users"),
    [
        ("descent", {"gd_verify"}),
        ("search/decide", {"lp_check", "repeat_data_draws"}),
        ("cells/inspection", {"sample_weights", "solve_minima", "repeat_data_draws"}),
    ],
)
def test_editing_a_module_runs_its_users_and_touching_it_nothing(project, folder, module, users):
    path = project / "src/relucells" / f"{module}.py"
    text = path.read_text()
    os.utime(path)
    assert planned(folder, project=project) == {}
    try:
        path.write_text(text + "\n# edited\n")
        jobs = planned(folder, project=project)
    finally:
        path.write_text(text)
    follow = {"aggregate_tables"}
    if "sample_weights" in users:  # the later steps read what it draws
        follow |= STEPS
    assert set(jobs) == users | follow


def test_a_changed_run_reaches_the_state_of_a_fresh_one(project, folder, tmp_path):
    """After a change, the files that were kept are as old as before, and a third run does nothing."""
    config = changed(gd_verify={"step": 1e-5})
    kept = [*folder.glob("results/trials/*/*/*/lp.npz"), *folder.glob("results/data_seeds/*/*.npz")]
    before = {path: path.stat().st_mtime_ns for path in kept}
    assert before
    run(folder, config, project=project)
    assert {path: path.stat().st_mtime_ns for path in kept} == before
    assert planned(folder, config, project=project) == {}
    run(folder, project=project)  # for the other tests, whatever their order
