"""Fresh data sets: the short cut to a verdict against the decision it replaces."""

import numpy as np
import pytest
from repeat_data_draws import repeat_data_draws, verdict

from relucells.cells.inspection import inspect_cell
from relucells.samples.inputs import prepare
from relucells.search.decide import decide


@pytest.mark.parametrize("labels", ["signs", "positive"])
def test_verdicts_are_those_of_decide(rng, labels):
    """Labels of both signs leave no genuine minimum but in dead cells; positive ones leave some."""
    found = []
    for _ in range(60):
        N, D, K = rng.integers(3, 12), rng.integers(2, 5), rng.integers(1, 4)
        X = np.column_stack([rng.standard_normal((N, D - 1)), np.ones(N)])
        y = rng.choice([-1.0, 1.0], N) if labels == "signs" else rng.uniform(0.5, 2.0, N)
        W = rng.standard_normal((K, D)) + rng.choice([-3.0, 0.0, 3.0]) * np.eye(D)[-1]
        cell = inspect_cell(prepare(X), y, W)
        wanted = decide(X, y, cell.pattern, "positive", margin="sign").verdict
        found.append(verdict(prepare(X), y, cell, 60.0))
        assert found[-1] == wanted
    assert {"genuine", "none"} <= set(found)


def test_an_experiment_depends_on_its_numbers_alone():
    entry = {"d": 2, "K": 3, "N": 30}
    short, long = (repeat_data_draws(5, "a", entry, "0", 2, trials, "added", 60.0) for trials in (2, 4))
    for name, values in short.items():
        np.testing.assert_allclose(values, long[name][:, :2])
