"""Data sets of one's own go through the four steps of a trial and into a table without touching code."""

import os
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
import yaml
from conftest import ROOT
from image_files import draw_images, md5, packed_mnist, running_mirror

STEPS = ("weights", "minima", "lp", "gd")


def run_steps(folder, entry, data_dir=None, environment=None):
    """Two trials of one data set, up to the table of one's own data sets; the finished process."""
    config = {"datasets": {"mine": entry | {"K": 3, "biases": [0]}}, "trials": 2, "data_dir": data_dir}
    (folder / "mine.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
    command = [sys.executable, "-m", "snakemake", "-s", ROOT / "Snakefile", "--directory", folder]
    command += ["--cores", "2", "--configfile", folder / "mine.yaml", "--"]
    command += ["results/tables/own_data.csv"]
    return subprocess.run(
        command, capture_output=True, text=True, env=os.environ | (environment or {}), check=False
    )


def assert_steps_are_done(folder, D, data_source):
    for step in STEPS:
        with np.load(folder / "results" / "trials" / "mine" / "0" / "000-001" / f"{step}.npz") as file:
            assert file["trial"].tolist() == [0, 1]
            if step == "weights":
                assert file["W"].shape == (2, 3, D)
    table = pd.read_csv(folder / "results" / "tables" / "own_data.csv")
    assert table["n_trials"].tolist() == [2]
    assert table["data_source"].tolist() == [data_source]


def test_an_npz_file(tmp_path, rng):
    X = rng.standard_normal((20, 4))
    np.savez(tmp_path / "data.npz", X=X, y=np.where(X[:, 0] > 0.3, 1, -1))
    run = run_steps(tmp_path, {"source": "npz", "path": "data.npz"})
    assert run.returncode == 0, run.stderr
    assert_steps_are_done(tmp_path, 5, "user")


@pytest.mark.parametrize("at_hand", [False, True], ids=["download", "data_dir"])
def test_two_classes_of_a_torchvision_set(tmp_path, rng, at_hand):
    images, labels = draw_images(rng, 60, 28, 28)
    files = packed_mnist(images, labels)
    with running_mirror() as mirror:
        if at_hand:
            folder = tmp_path / "at_hand"
            folder.mkdir()
            for name, data in files.items():
                (folder / name).write_bytes(data)
        else:
            mirror.answers = {f"/{name}": data for name, data in files.items()}
        # The job is a process of its own: Python's start-up hook points torchvision to the test's mirror.
        (tmp_path / "hook").mkdir()
        (tmp_path / "hook" / "sitecustomize.py").write_text(
            "import sys\n"
            "if any('fetch_data' in argument for argument in sys.orig_argv):\n"
            "    from torchvision.datasets import FashionMNIST\n"
            f"    FashionMNIST.mirrors = [{mirror.url!r}]\n"
            f"    FashionMNIST.resources = {[(name, md5(data)) for name, data in files.items()]!r}\n",
            encoding="utf-8",
        )
        entry = {"source": "torchvision", "name": "FashionMNIST", "classes": [7, 2], "N": 10}
        data_dir = str(tmp_path / "at_hand") if at_hand else None
        run = run_steps(tmp_path, entry, data_dir, {"PYTHONPATH": str(tmp_path / "hook")})
    assert run.returncode == 0, run.stderr
    assert_steps_are_done(tmp_path, 785, "official")
    with np.load(tmp_path / "data" / "subsets" / "mine.npz") as subset:
        wanted = [images[labels == label][:5].reshape(5, -1) / 255 for label in (7, 2)]
        assert subset["X"][:, :-1] == pytest.approx(np.concatenate(wanted))
        assert subset["y"].tolist() == [1.0] * 5 + [-1.0] * 5
