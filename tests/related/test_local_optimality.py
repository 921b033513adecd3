"""Yun, Sra and Jadbabaie's experiment: the training, the count of samples on walls, and what ends are."""

import numpy as np
import pandas as pd
import pytest
from mapping import missing
from tabulate_local_optimality import KINDS, plot, summarise
from train_to_walls import follow, starts

from relucells.certify.critical import point_level
from relucells.descent import gradient
from relucells.pipeline.related_plan import wall_cases
from relucells.related.local_optimality import _gradient, draw, initial, on_walls, train

SETTINGS = {
    "runs": 3,
    "steps": 4000,
    "step": 0.02,
    "decay": 0.2,
    "near_wall": 1e-5,
    "near": 0.01,
    "max_cells": 100,
}


def test_the_gradient_of_runs_in_lockstep_is_that_of_each(rng):
    X, y, W, z = starts(9, 2, 3, 4, seed=1)
    found = _gradient(X, X.transpose(0, 2, 1), y, np.concatenate([W, z[:, :, None]], axis=2))
    for n in range(4):
        by_W, by_z = gradient(X[n], y[n], W[n], z[n])
        assert found[n, :, :-1] == pytest.approx(by_W) and found[n, :, -1] == pytest.approx(by_z)


def test_a_step_is_adams():
    """The first step of Adam is the step size in every weight whose gradient is not 0, against its sign."""
    X, y, W, z = starts(9, 2, 3, 1, seed=2)
    moved = train(X, y, W, z, step=0.01, decay=1.0, steps=1)
    by_W, by_z = gradient(X[0], y[0], W[0], z[0])
    assert moved.W[0] - W[0] == pytest.approx(-0.01 * np.sign(by_W), abs=1e-6)
    assert moved.z[0] - z[0] == pytest.approx(-0.01 * np.sign(by_z), abs=1e-6)


def test_training_comes_down_and_says_its_loss():
    X, y, W, z = starts(20, 2, 3, 3, seed=3)
    found = train(X, y, W, z, step=0.02, decay=0.2, steps=500)
    for n in range(3):
        before, after = (
            np.mean((np.maximum(X[n] @ a[n].T, 0) @ b[n] - y[n]) ** 2)
            for a, b in ((W, z), (found.W, found.z))
        )
        assert after < before and found.loss[n] == pytest.approx(after)


def test_samples_on_walls_are_counted_by_the_threshold():
    X, W = np.array([[1.0, 1.0], [2.0, 1.0]]), np.array([[1.0, -1.0 + 1e-6], [1.0, -2.0 + 1e-4]])
    assert [on_walls(X, W, threshold) for threshold in (1e-7, 1e-5, 1e-3)] == [0, 1, 2]


def test_draws_do_not_depend_on_the_number_of_runs():
    few, many = starts(6, 2, 2, 2, seed=4), starts(6, 2, 2, 5, seed=4)
    assert all((a == b[:2]).all() for a, b in zip(few, many, strict=True))
    rng = np.random.default_rng(0)
    assert draw(5, 3, rng)[0].shape == (5, 4) and (draw(5, 3, rng)[0][:, -1] == 1).all()
    W, z = initial(4, 3, rng)
    assert W.shape == (3, 5) and np.abs(W).max() <= 0.5 and np.abs(z).max() <= 1 / np.sqrt(3)


def test_ends_are_certified_and_counted(tmp_path):
    rows, certificates = follow(20, 1, 2, seed=5, settings=SETTINGS)
    X, y, _, _ = starts(20, 1, 2, 3, seed=5)
    kinds = [row["kind"] for row in rows]
    assert set(kinds) <= set(KINDS) and "non-differentiable minimum" in kinds
    certified = [n for n, kind in enumerate(kinds) if kind != "not stationary"]
    assert len(certificates) == len(certified)
    for n, point in zip(certified, certificates, strict=True):
        assert point_level(X[n], y[n], point) == "proven" and point.kind == kinds[n]
        assert rows[n]["point_loss"] <= rows[n]["loss"] + 1e-9
    summary = summarise(pd.DataFrame(rows).assign(N=20, d=1, K=2), 0.95)
    assert summary["non_differentiable_minimum_pct"][0] == pytest.approx(100 * kinds.count(KINDS[1]) / 3)
    shares = [summary[f"{kind.replace(' ', '_').replace('-', '_')}_pct"][0] for kind in KINDS]
    assert sum(shares) == pytest.approx(100)
    assert missing("related/local_optimality", rows[0]) == []
    assert missing("related/local_optimality_summary", summary) == []
    plot(summary, {"N": 20, "d": 1, "K": 2}).savefig(tmp_path / "plot.png")


def test_one_of_n_d_and_k_varies_at_a_time():
    cases = wall_cases({"centre": {"N": 10, "d": 2, "K": 3}, "N": [10, 20], "d": [1, 2], "K": [3, 4]})
    assert cases == [[10, 1, 3], [10, 2, 3], [10, 2, 4], [20, 2, 3]]
