"""The same numbers whatever the blocks and the number of cores; own data up to the report."""

import shutil

import numpy as np
import pytest
from running import TINY, copy_project, files, run

from relucells.certify.stored import pack, unpack

TRIALS = 8
DATASET = "gaussian_d3_k10"


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    return copy_project(tmp_path_factory.mktemp("project"))


def pipeline(folder, project, size, cores):
    """All trials in blocks of ``size``: arrays by (bias, step, name), the tables' bytes, what was said."""
    settings = TINY["datasets"][DATASET]
    config = TINY | {"trials": TRIALS, "trials_per_job": size}
    said = run(folder, config, project=project, options=("--cores", str(cores), "--verbose")).stdout
    arrays = {}
    for bias in settings["biases"]:
        for step in ("weights", "minima", "lp", "gd"):
            paths = sorted(folder.glob(f"results/trials/{DATASET}/{bias}/*/{step}.npz"))
            assert len(paths) == -(-TRIALS // size)
            blocks = [dict(np.load(path)) for path in paths]
            assert {(str(b.pop("dataset")), str(b.pop("bias"))) for b in blocks} == {(DATASET, str(bias))}
            if step == "lp":  # its certificates refer to rows of their own block
                decisions = [decision for block in blocks for decision in unpack(block)]
                blocks = [{"trial": np.concatenate([block["trial"] for block in blocks])} | pack(decisions)]
            for name in blocks[0]:
                arrays[bias, step, name] = np.concatenate([np.atleast_1d(block[name]) for block in blocks])
    tables = {name: data for name, data in files(folder).items() if not name.startswith("trials/")}
    return arrays, tables, said


@pytest.fixture(scope="module")
def one_block(project, tmp_path_factory):
    return pipeline(tmp_path_factory.mktemp("one_block"), project, 100, 1)


@pytest.mark.parametrize(("size", "cores"), [(1, 2), (7, 1), (100, 2)])
def test_trials_are_bit_identical_for_every_block_size_and_number_of_cores(
    project, one_block, tmp_path, size, cores
):
    expected, expected_tables, _ = one_block
    arrays, tables, _ = pipeline(tmp_path, project, size, cores)
    assert arrays.keys() == expected.keys()
    for key, joined in arrays.items():
        assert joined.dtype == expected[key].dtype, key
        assert joined.tobytes() == expected[key].tobytes(), key
    assert tables == expected_tables


def test_snakemake_looks_for_jobs_only_when_one_has_ended(one_block):
    *_, said = one_block
    assert 1 < said.count("Ready jobs: ") <= said.count("Finished jobid: ") + 1


def test_own_data_reach_the_report(small_run, rng, tmp_path):
    """A file of one's own joins a finished run: only its own steps, its table and the report are made."""
    folder = tmp_path / "copy"
    shutil.copytree(small_run.folder, folder)
    np.savez(tmp_path / "mine.npz", X=rng.standard_normal((12, 3)), y=np.repeat([1, -1], 6))
    mine = {"source": "npz", "path": str(tmp_path / "mine.npz"), "K": 2, "biases": [0.5]}
    config = small_run.config | {"datasets": small_run.config["datasets"] | {"own_blobs": mine}}
    done = run(folder, config, ["results/report.html"], ("--cores", "2"), small_run.project)
    for step in ("sample_weights", "solve_minima", "lp_check", "gd_verify"):
        assert f"logs/{step}/own_blobs/0.5/000-002.log" in done.stdout
        assert f"logs/{step}/mnist" not in done.stdout
    page = (folder / "results/report.html").read_text(encoding="utf-8")
    assert "Own data sets" in page
    assert "own_blobs" in page
