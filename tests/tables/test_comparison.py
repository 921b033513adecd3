"""Verdicts on printed numbers: agrees, differs, not comparable, why, and what could have differed."""

import numpy as np
import pandas as pd
import pytest
from compare_with_paper import compare_diameters, compare_tables, decide_verdicts

from relucells.pipeline.verdicts import expected_differences, summary_line

NO_LAWS = pd.DataFrame(columns=["table", "dataset", "d", "K", "N", "bias"])
GAUSSIAN = {"table": "I", "dataset": "gaussian"}


def printed(column, value, table="IV", dataset="mnist", bias="3", beside=()):
    """A printed number; ``beside``: others of its column, which say to how many digits it is printed."""
    row = {"table": table, "dataset": dataset, "d": "784", "K": "10", "N": "200", "bias": bias}
    row |= {"column": column, "printed": value}
    return pd.DataFrame([row, *(row | {"bias": "99", "printed": other} for other in beside)])


def ours(column, value, **changes):
    row = {"table": "IV", "dataset": "mnist", "d": 784, "K": 10, "N": 200, "bias": "3", "entry": "mnist"}
    row |= {"n_trials": 100, "data_source": "official", "lp_undecided_pct": 0.0, "descent_undecided_pct": 0.0}
    return pd.DataFrame([row | {column: value} | changes])


def law(p, low, high, expected=50.0, fewer=100.0, **changes):
    """A row of results/activations.csv."""
    row = {"table": "IV", "dataset": "mnist", "d": 784, "K": 10, "N": 200, "bias": "3", "p": p}
    row |= {"low": low, "high": high, "expected": expected, "trials_that_agree": fewer}
    return pd.DataFrame([row | changes])


def judge(paper, table, repeated=None, laws=NO_LAWS):
    frame = decide_verdicts(compare_tables(paper, table, repeated or {}, laws, 0.95), 0.95)
    return frame.iloc[0]


@pytest.mark.parametrize(
    ("value", "expected"), [("60", "agrees"), ("70", "agrees"), ("40", "differs"), ("80", "differs")]
)
def test_shares_allow_for_the_noise_of_both_sides(value, expected):
    """60 of 100 against 70 of 100 is no surprise (Fisher's exact p = .18), against 40 or 80 it is."""
    row = judge(printed("continuous_pct", value), ours("continuous_pct", 60.0))
    assert row["verdict"] == expected
    assert (row["low"] <= float(value) <= row["high"]) == (expected == "agrees")
    assert row["informative"] == "yes"


def test_power_is_the_smallest_difference_that_would_be_seen():
    """From 60 of 100, the nearest share that is called different, found by asking for each."""
    row = judge(printed("continuous_pct", "60"), ours("continuous_pct", 60.0))
    differing = [
        abs(value - 60)
        for value in range(101)
        if judge(printed("continuous_pct", str(value)), ours("continuous_pct", 60.0))["verdict"] == "differs"
    ]
    assert row["power"] == min(differing)


def test_a_share_that_cannot_but_be_zero_is_foregone():
    row = judge(printed("genuine_pct", "0"), ours("genuine_pct", 0.0))
    assert (row["verdict"], row["informative"], row["why"]) == ("agrees", "no", "foregone")
    # Even then a number that is far off differs.
    assert judge(printed("genuine_pct", "30"), ours("genuine_pct", 0.0))["verdict"] == "differs"


def test_undecided_trials_count_as_either():
    """None of 89 trapped and 11 undecided: up to 11 of 100 and what a second experiment adds."""
    known = judge(printed("trapped_pct", "0"), ours("trapped_pct", 0.0))
    some = judge(printed("trapped_pct", "0"), ours("trapped_pct", 0.0, descent_undecided_pct=11.0))
    assert known["high"] < 5
    assert some["high"] > 17
    assert (some["low"], some["verdict"]) == (0, "agrees")
    undecided = judge(printed("genuine_pct", "8"), ours("genuine_pct", 0.0, lp_undecided_pct=5.0))
    assert undecided["verdict"] == "agrees"


def test_shares_of_several_data_sets_are_pooled():
    """A printed share far from each of ten alike counts differs, though one of them alone would allow it."""
    hits = np.zeros((10, 100), dtype=bool)
    hits[:, :60] = True
    repeated = {("mnist", "3"): {"unique": ~hits, "genuine": hits, "undecided": np.zeros_like(hits)}}
    paper = printed("continuous_pct", "48")
    assert judge(paper, ours("continuous_pct", 60.0), repeated)["verdict"] == "differs"
    assert judge(paper, ours("continuous_pct", 60.0))["verdict"] == "agrees"


def test_a_mean_activation_is_judged_by_its_law():
    """Our own mean does not enter."""
    paper, table = printed("activated_pct", "48.10"), ours("activated_pct", 12.0)
    assert judge(paper, table, laws=law(0.3, 47.0, 53.0))["verdict"] == "agrees"
    row = judge(paper, table, laws=law(1e-5, 49.0, 51.0, fewer=22.0))
    assert row["verdict"] == "differs"
    assert "22 of the 100 trials or fewer would agree" in row["reason"]
    assert "still below 0.05" in row["reason"]
    assert judge(paper, table)["verdict"] == "not comparable"


def test_no_verdict_says_that_chance_explains_anything():
    for p in (0.04, 1e-5):
        row = judge(printed("activated_pct", "48.10"), ours("activated_pct", 50.0), laws=law(p, 49.0, 51.0))
        assert "chance" not in row["reason"]


@pytest.mark.parametrize(("beside", "expected"), [([], "agrees"), (["0.48"], "differs")])
def test_print_rounds_to_the_digits_of_the_column(beside, expected):
    """ "0" beside "0.48" stands for 0.00: a mean of 0.03 would not have been printed so."""
    gaps = np.full((10, 100), 0.03)
    row = judge(
        printed("mean_gap_probability", "0", beside=beside),
        ours("mean_gap_probability", 0.03),
        {("mnist", "3"): {"gap": gaps}},
    )
    assert row["verdict"] == expected


def test_repeated_data_sets_widen_the_interval(rng):
    """At bias 20 P_g depends on the data alone: only its spread between data sets can judge print."""
    gaps = np.repeat(rng.normal(0.5, 0.01, (12, 1)), 100, axis=1)
    paper, table = printed("mean_gap_probability", "0.51"), ours("mean_gap_probability", 0.5)
    assert judge(paper, table, {("mnist", "3"): {"gap": np.full((12, 100), 0.5)}})["verdict"] == "differs"
    assert judge(paper, table, {("mnist", "3"): {"gap": gaps}})["verdict"] == "agrees"


def test_many_data_sets_are_used_where_they_are_cheap(rng):
    """Ten noisy means would allow 0.53; 400 cheap data sets know the spread, 0.005."""
    gaps = np.linspace(0.47, 0.53, 10)[:, None].repeat(100, axis=1)
    paper, table = printed("mean_gap_probability", "0.53"), ours("mean_gap_probability", 0.5)
    assert judge(paper, table, {("mnist", "3"): {"gap": gaps}})["verdict"] == "agrees"
    cheap = {"gap": gaps, "linear_gap": rng.normal(0.5, 0.005, 400)}
    assert judge(paper, table, {("mnist", "3"): cheap})["verdict"] == "differs"


def test_a_mean_of_rare_events_keeps_an_interval():
    """No active pair in 94 of 100 experiments, P_g = 0.03 in the rest: both can be printed, 0.10 cannot."""
    experiments = np.repeat([0.0, 0.03], [940, 60])
    repeated = {("mnist", "3"): {"gap": np.zeros((10, 100)), "rare_gap": experiments}}
    verdicts = {
        value: judge(
            printed("mean_gap_probability", value, beside=["0.48"]),
            ours("mean_gap_probability", 0.0),
            repeated,
        )["verdict"]
        for value in ("0", "0.03", "0.10")
    }
    assert verdicts == {"0": "agrees", "0.03": "agrees", "0.10": "differs"}


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"data_source": "stand-in"}, "stand-in images"),
        ({"K": 11}, "the configuration has no such row"),
    ],
)
def test_what_cannot_be_compared_says_why(changes, reason):
    row = judge(printed("genuine_pct", "0"), ours("genuine_pct", 0.0, **changes))
    assert (row["verdict"], row["reason"]) == ("not comparable", reason)


def test_another_experiment_is_not_comparable():
    """Threes and eights in Table IV's place, or another descent: the numbers are there, no verdict is."""
    others = {"mnist": {"trapped_pct": "gd_verify.step is 1e-05"}, "other": {"": "classes 3 and 8"}}
    for entry, column, expected in (
        ("mnist", "genuine_pct", "agrees"),
        ("mnist", "trapped_pct", "gd_verify.step is 1e-05"),
        ("other", "genuine_pct", "classes 3 and 8"),
        ("other", "activated_pct", "classes 3 and 8"),
    ):
        table = ours(column, 0.0, entry=entry)
        rows = compare_tables(printed(column, "0"), table, {}, NO_LAWS, 0.95, others)
        row = decide_verdicts(rows, 0.95).iloc[0]
        if expected == "agrees":
            assert row["verdict"] == expected
        else:
            assert (row["verdict"], row["reason"], row["ours"]) == ("not comparable", expected, 0.0)


def test_a_column_that_no_data_set_has_is_not_comparable():
    paper, table = printed("trapped_pct", "0"), ours("genuine_pct", 0.0)
    others = {"mnist": {"trapped_pct": "no descent was run"}}
    rows = compare_tables(paper, table, {}, NO_LAWS, 0.95, others)
    row = decide_verdicts(rows, 0.95).iloc[0]
    assert (row["verdict"], row["reason"]) == ("not comparable", "no descent was run")


def test_another_experiment_of_table_vi_is_not_comparable():
    paper = printed("mean_diameter", "0.3", table="VI")
    found = {"dataset": "mnist", "d": 784, "N": 200, "mean_diameter": 0.3, "data_source": "official"}
    found |= {"p": 1.0, "least_p": 0.05, "conclusion": ""}
    table = pd.DataFrame([found | {"low": 0.2, "high": 0.4, "median_of_means": 0.3}])
    for others, verdict in (({}, "agrees"), ({"mnist": "table_6.weights is 40"}, "not comparable")):
        row = decide_verdicts(compare_diameters(paper, table, 0.95, others), 0.95).iloc[0]
        assert row["verdict"] == verdict


def test_diameters_are_judged_as_in_table_vi():
    paper = printed("mean_diameter", "0.366", table="VI")

    def row(low, high, p, median=0.4):
        found = {"dataset": "mnist", "d": 784, "N": 200, "mean_diameter": 0.4, "data_source": "official"}
        found |= {"low": low, "high": high, "p": p, "least_p": 0.05, "conclusion": "too few"}
        found = pd.DataFrame([found | {"median_of_means": median}])
        return decide_verdicts(compare_diameters(paper, found, 0.95), 0.95).iloc[0]

    assert row(0.3, 0.5, 0.4)["verdict"] == "agrees"
    differing = row(0.4, 0.5, 0.04)
    assert differing["verdict"] == "differs" and "no p below 0.05" in differing["reason"]
    missing = row(np.nan, np.nan, np.nan)
    assert (missing["verdict"], missing["reason"]) == ("not comparable", "too few")
    assert row(0.3, 0.5, 0.4)["informative"] == "yes"
    wide = row(0.05, 3, 0.4)
    assert (wide["verdict"], wide["why"]) == ("agrees", "vacuous")


def test_the_summary_counts_apart_what_could_not_differ():
    frames = [
        judge(printed("continuous_pct", "70"), ours("continuous_pct", 60.0)),
        judge(printed("continuous_pct", "20"), ours("continuous_pct", 60.0)),
        judge(printed("genuine_pct", "0"), ours("genuine_pct", 0.0)),
        judge(printed("genuine_pct", "0"), ours("genuine_pct", 0.0, data_source="stand-in")),
    ]
    rows = pd.DataFrame(frames).astype(object).fillna("").astype(str).to_dict("records")
    line = summary_line(rows)
    assert line.startswith("4 printed numbers: 2 agree, 1 differ, 1 not comparable.")
    assert "1 agree of 2 informative ones; 1 foregone, 0 vacuous." in line
    # Two shares, each outside its interval with probability below 5 %; the foregone one never.
    assert 0.04 < expected_differences(rows) < 0.1
