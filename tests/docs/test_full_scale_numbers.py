"""Numbers that docs/findings.md states about all zeros and ones of MNIST, against reference/."""

import pandas as pd
import pytest
from claims import bias_of, cases, read, settings, unsaid

from relucells.statistics import wilson

PAGE = "docs/findings.md"
WIDTH = 785  # pixels and the constant 1


def shares() -> pd.DataFrame:
    return read("full_scale/shares.csv")


def at(N: int, bias: str, convention: str) -> pd.Series:
    rows = shares().set_index(["N", "bias", "convention"])
    return rows.loc[(N, bias, convention)]


def everything() -> int:
    """How many samples the largest N is."""
    return int(shares()["N"].max())


def sizes() -> str:
    (K,) = settings()["full_scale"]["K"]
    (draws,) = set(shares()["n_trials"])
    assert draws == 10
    return (
        f"takes all {everything():,} images (rank X = 580) instead of 200, with the first ten weight draws "
        f"of Table IV. The table gives the cells with a genuine minimum in per cent, for K = {K}:"
    )


def intervals() -> str:
    (_, none), (every, _) = ([100 * end for end in wilson(count, 10, 0.95)] for count in (0, 10))
    return f"Of 10 draws, 0 has the 95 % interval [0, {none:.0f}] and 100 has [{every:.0f}, 100]."


def checks() -> str:
    rows = shares()
    large = rows[rows["N"] == everything()]
    assert (large["verified"] + large["numerical"] == large["n_trials"]).all()
    assert not large["programs"].any()
    none = large[large["genuine_pct"] == 0]
    by = none.groupby("convention")[["none_by_sample", "none_by_multipliers", "none_by_conflicts"]].sum()
    cells = none["n_trials"].sum() // 4
    assert by.loc["positive"].tolist() == [cells, 0, 0]
    assert by.loc["uniform"].tolist() == by.loc["exists"].tolist() == [0, 0, cells]
    sample, multipliers, conflicts = by.loc["sampled"]
    assert sample + multipliers == cells and not conflicts
    proven = large[large["verified"] > 0]
    assert set(proven["bias"]) == {"-50"} and not proven["numerical"].any()
    return (
        "No decision needed a linear program. […] Under `positive` it is one fitted value in every such "
        f"cell. Under `sampled` it is one fitted value in {sample} of {cells} cells, and multipliers on "
        f"pairs of a sample and a neuron in the other {multipliers}. […] All "
        f"{large['n_trials'].sum()} certificates were checked: {large['numerical'].sum()} are "
        f"*numerical* (the conditions hold within 1e-7), {large['verified'].sum()} are *proven*."
    )


def table() -> str:
    head = f"| N = {everything():,}: every convention | mean loss | rank A (of {580 * 10:,}) |"
    return " […] ".join([head, *map(row, ("20", "3", "0", "-3", "-50"))])


def with_100_neurons() -> str:
    """What is left to be decided where rank A = N, by counting."""
    N, K = everything(), 100
    unknowns, limit = 580 * K, settings()["full_scale"]["program_limit"]
    return (
        f"The remaining program has {unknowns - N:,} variables and {N * K / 1e6:.2f} million half-spaces. "
        f"That is too large: its kernel alone would take {8 * unknowns * (unknowns - N) / 1e9:.0f} GB. […] "
        f"It stays undecided at the limit of {limit} programs. […] "
        f"At N = {N:,}, K = {K} a step takes N² · 580 · K = {N**2 * unknowns / 1e12:.1f} · 10¹² "
        "multiplications."
    )


def too_large() -> str:
    from relucells.certify.cell import ENTRIES
    from relucells.certify.numerical import TOLERANCE

    assert TOLERANCE == 1e-7
    return (
        f"Those of bias −50 with K = 10 are. In the others A has {everything():,} × {580 * 10:,} entries or "
        f"more, beyond the {ENTRIES // 10**6} million up to which floating point is asked for a proof"
    )


SAID = {PAGE: [sizes, table, intervals, checks, with_100_neurons, too_large]}


@pytest.mark.parametrize(("page", "says"), cases(SAID))
def test_the_page_says_what_the_reference_says(page, says):
    assert unsaid(page, says()) == []


def row(bias: str) -> str:
    """A line of the table, from the shares of four conventions at both N."""
    few = {name: at(200, bias, name) for name in ("positive", "uniform", "sampled", "exists")}
    every = {name: at(everything(), bias, name) for name in few}
    assert few["positive"]["genuine_pct"] == few["uniform"]["genuine_pct"]
    (share,) = {cell["genuine_pct"] for cell in every.values()}
    assert not any(cell["undecided"] for cell in every.values())
    of_few = " | ".join(f"{few[name]['genuine_pct']:.0f}" for name in ("positive", "sampled", "exists"))
    cell = every["positive"]
    dead = " (no neuron is active)" if not cell["activated_pct"] else ""
    loss = "1" if cell["mean_loss"] == 1 else f"{cell['mean_loss']:.4f}"
    low, high = cell["rank_low"], cell["rank_high"]
    rank = f"{low:,}–{high:,}" if low < high else f"{low:,}"
    return f"| {bias_of(bias)} | {of_few} | {share:.0f}{dead} | {loss} | {rank} |"
