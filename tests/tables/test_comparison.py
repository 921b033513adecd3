"""Verdicts on printed numbers: agrees, differs, not comparable, and why."""

import numpy as np
import pandas as pd
import pytest
from compare_with_paper import compare_diameters, compare_tables, decide_verdicts, holm

from relucells.pipeline.verdicts import half_unit


def printed(column, value, table="IV", dataset="mnist", bias="3"):
    sizes = {"d": "784", "K": "10", "N": "200"}
    return pd.DataFrame(
        [{"table": table, "dataset": dataset, **sizes, "bias": bias, "column": column, "printed": value}]
    )


def ours(column, value, sd=np.nan, **changes):
    row = {
        "table": "IV",
        "dataset": "mnist",
        "d": 784,
        "K": 10,
        "N": 200,
        "bias": "3",
        "entry": "mnist",
        "n_trials": 100,
        "data_source": "official",
        "lp_undecided_pct": 0.0,
        column: value,
        f"{column}_sd": sd,
    }
    return pd.DataFrame([row | changes])


def verdict(paper, table, repeated=None):
    frame = decide_verdicts(compare_tables(paper, table, repeated or {}, 0.95), 0.95)
    return frame.iloc[0]


@pytest.mark.parametrize(
    ("value", "expected"), [("60", "agrees"), ("70", "agrees"), ("40", "differs"), ("80", "differs")]
)
def test_shares_allow_for_the_noise_of_both_sides(value, expected):
    """60 of 100 against 70 of 100 is no surprise (Fisher's exact p = .18), against 40 or 80 it is."""
    row = verdict(printed("continuous_pct", value), ours("continuous_pct", 60.0))
    assert row["verdict"] == expected
    assert (row["low"] <= float(value) <= row["high"]) == (expected == "agrees")


@pytest.mark.parametrize(
    ("value", "expected"), [("60.00", "agrees"), ("62.20", "agrees"), ("63.50", "differs")]
)
def test_means_allow_for_the_noise_of_both_sides(value, expected):
    """Standard deviation 8 over 100 trials each: ±1.98·8·√(2/100) = ±2.24 around 60."""
    row = verdict(printed("activated_pct", value), ours("activated_pct", 60.0, sd=8.0))
    assert row["verdict"] == expected
    assert row["high"] == pytest.approx(62.245 + 0.005, abs=0.01)


def test_a_surprise_says_what_would_explain_it():
    row = verdict(printed("activated_pct", "63.50"), ours("activated_pct", 60.0, sd=8.0))
    assert "chance does not explain it" in row["reason"]
    assert "trials or fewer would agree" in row["reason"]


def test_rounding_of_print_counts():
    """Without any other noise a number agrees exactly when it rounds to what is printed."""
    for value, expected in [("0.50", "agrees"), ("0.51", "differs")]:
        row = verdict(printed("activated_pct", value), ours("activated_pct", 0.5049, sd=0.0))
        assert row["verdict"] == expected
    assert half_unit("0.50") == 0.005
    assert half_unit("100") == 0.5


def test_repeated_data_sets_widen_the_interval(rng):
    """At bias 20 P_g depends on the data alone: only its spread between data sets can judge print."""
    gaps = np.repeat(rng.normal(0.5, 0.01, (12, 1)), 100, axis=1)
    paper = printed("mean_gap_probability", "0.51")
    table = ours("mean_gap_probability", 0.5, sd=0.0)
    assert verdict(paper, table)["verdict"] == "differs"
    assert verdict(paper, table, {("mnist", "3"): {"gap": gaps}})["verdict"] == "agrees"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"data_source": "stand-in"}, "stand-in images"),
        ({"K": 11}, "the configuration has no such row"),
        ({"lp_undecided_pct": 5.0}, "5 % of our cells are undecided"),
    ],
)
def test_not_comparable(changes, reason):
    row = verdict(printed("genuine_pct", "0"), ours("genuine_pct", 0.0, **changes))
    assert (row["verdict"], row["reason"]) == ("not comparable", reason)


def test_diameters_are_judged_as_in_table_vi():
    paper = printed("mean_diameter", "0.366", table="VI")

    def judge(low, high, p):
        row = {"dataset": "mnist", "d": 784, "N": 200, "mean_diameter": 0.4, "data_source": "official"}
        row |= {"low": low, "high": high, "p": p, "least_p": 0.05, "conclusion": "too few"}
        found = decide_verdicts(compare_diameters(paper, pd.DataFrame([row])), 0.95).iloc[0]
        return found["verdict"], found["reason"]

    assert judge(0.3, 0.5, 0.4)[0] == "agrees"
    verdict, reason = judge(0.4, 0.5, 0.04)
    assert verdict == "differs" and "no p below 0.05" in reason
    assert judge(np.nan, np.nan, np.nan) == ("not comparable", "too few")


def test_holm():
    """Worked by hand: sorted p times 4, 3, 2, 1, never falling."""
    np.testing.assert_allclose(holm(np.array([0.01, 0.04, 0.03, 0.005])), [0.03, 0.06, 0.06, 0.02])
