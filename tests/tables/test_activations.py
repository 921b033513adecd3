"""The law of each printed mean activation, and of how many trials a mean could be."""

import numpy as np
import pandas as pd
import pytest
from predict_activations import predict, trials_that_agree

from relucells.statistics import Activation


@pytest.fixture
def law(rng):
    pool = rng.standard_normal(4000) * 0.3
    return Activation(0.5, 0.0, pool - pool.mean(), 1000)


def test_the_most_trials_that_agree_are_found_by_asking_for_each(law):
    for value in (0.5, 0.52, 0.53, 0.56, 0.7):
        asked = [
            trials
            for trials in range(1, 101)
            if Activation(0.5, 0.0, law.pool, trials * 10).p(value, 0.00005) > 0.05
        ]
        found = trials_that_agree(law, value, 0.00005, 10, 0.95)
        assert found == max(asked, default=np.nan) or (np.isnan(found) and not asked)


def test_a_row_for_each_printed_mean_and_reading(rng):
    row = {"table": "III", "dataset": "gaussian", "d": "10", "K": "50", "N": "400", "column": "activated_pct"}
    printed = pd.DataFrame([row | {"bias": "0", "printed": "49.33"}, row | {"bias": "-20", "printed": "0"}])
    frame = predict(printed, {}, 0, "added", 0.95)
    assert frame[["bias", "reading"]].to_numpy().tolist() == [
        ["0", "added"],
        ["0", "replaced"],
        ["-20", "added"],
    ]
    known = frame.iloc[0]
    assert known["expected"] == 50
    assert known["low"] > 49.33 and known["p"] == pytest.approx(2.5e-4, rel=0.3)
    # Hardly any pair: the printed 0 may have been up to 0.005, so nothing is off.
    assert frame.iloc[2]["law"] == "rare events"
    assert frame.iloc[2]["p"] == 1
    assert 0.02 < frame.iloc[2]["none"] < 0.05


def test_images_of_another_size_have_no_law():
    row = {"table": "IV", "dataset": "mnist", "d": "784", "K": "10", "N": "200", "column": "activated_pct"}
    printed = pd.DataFrame([row | {"bias": "0", "printed": "52.19"}])
    assert predict(printed, {"mnist": (np.ones((4, 785)), "official")}, 0, "added", 0.95).empty
