"""Numbers that docs/findings.md states about the transition and about kinds of data, against reference/."""

import pandas as pd
import pytest
from claims import digits, read, said, signed

PAGE = "docs/findings.md"
DRAWN, SOME, RANK, GLOBAL = "sampled", "exists", "full rank", "global among covered"


def place(kind: str, d: int, K: int, bias: str, convention: str, interval: bool = True) -> str:
    """The N at which a share is one half: 11.3 [8.3, 13]."""
    rows = read("transition/locations.csv").set_index(["kind", "d", "K", "bias", "convention"])
    row = rows.loc[(kind, d, K, bias, convention)]
    assert row["status"] == "located"
    between = f" [{digits(row['low'])}, {digits(row['high'])}]" if interval else ""
    return digits(row["N_half"]) + between


def law(kind: str, name: str, convention: str = GLOBAL, extent: str = "d ≥ 2") -> pd.Series:
    rows = read("transition/laws.csv")
    chosen = (rows["kind"] == kind) & (rows["law"] == name) & (rows["convention"] == convention)
    (row,) = [row for _, row in rows[chosen & (rows["extent"] == extent)].iterrows()]
    return row


def off(kind: str, name: str) -> str:
    """By how much a law misses places that it was not fitted to, in log N."""
    return f"{law(kind, name)['left_out_rms']:.2f}"


def power(kind: str, name: str, which: str, convention: str = GLOBAL) -> str:
    row = law(kind, name, convention)
    return f"{row[which]:.2f} [{row[f'{which}_low']:.2f}, {row[f'{which}_high']:.2f}]"


def counts() -> str:
    points = read("transition/points.csv")
    series = points[points["convention"] == "covered"].drop_duplicates(["kind", "d", "K", "bias"])
    cells = points[points["convention"] == "covered"]["draws"].sum()
    drawn = points[points["convention"] == DRAWN]
    some = points[points["convention"] == SOME]
    doubtful = drawn[(drawn["undecided"] > 0) | (drawn["numerical"] > 0)]
    assert set(doubtful["kind"]) == {"mnist"} and set(doubtful["d"]) == {49}
    assert not some["numerical"].any()
    undecided, numerical = drawn["undecided"].sum(), drawn["numerical"].sum()
    where = [str(N) for N in sorted(doubtful["N"])]
    return (
        f"There are {len(series)} series and {cells:,} cells. […] For the drawn signs "
        f"{drawn['draws'].sum():,} verdicts were asked for: {undecided} are undecided, {numerical:.0f} "
        f"*numerical*, all others proven. All {undecided + numerical:.0f} belong to the series of MNIST with "
        f"49 values at N = {', '.join(where[:-1])} and {where[-1]}. For some choice of signs there are "
        f"{some['draws'].sum():,} verdicts, {some['undecided'].sum()} of them undecided, all others proven."
    )


def gaussian() -> str:
    drawn, some = (
        [place("gaussian", 3, K, "0", convention) for K in (10, 20, 40)] for convention in (DRAWN, SOME)
    )
    full = [place("gaussian", 3, K, "0", RANK, interval=False) for K in (10, 20, 40)]
    return (
        f"At d = 3, bias 0 the place for the drawn signs is {drawn[0]} for K = 10, {drawn[1]} for K = 20 and "
        f"{drawn[2]} for K = 40. For some choice of signs it is {some[0]}, {some[1]} and {some[2]}. The "
        f"place for full rank is {full[0]}, {full[1]} and {full[2]}."
    )


def images() -> str:
    at_0, full_0, at_3, full_3 = (
        place("mnist", 16, 10, bias, convention) for bias in ("0", "3") for convention in (DRAWN, RANK)
    )
    return (
        f"With 16 values left of an image, the place is {at_0} for the drawn signs and {full_0} for full "
        f"rank (K = 10, bias 0). At bias 3 the order turns: it is {at_3} against {full_3}."
    )


def gaussian_law() -> str:
    best = law("gaussian", "c K D")
    lost = place("gaussian", 30, 10, "0", "covered")
    free = [power("gaussian", "c K^a D^b", which) for which in ("a", "b")]
    return (
        f"Among covered cells the place is c·K·(d + 1), c = {best['c']:.3f} [{best['c_low']:.3f}, "
        f"{best['c_high']:.3f}], over {best['places']} places with d = 2 … 30. When each place is predicted "
        f"from the others, this law is off by {off('gaussian', 'c K D')} in log N. With free exponents the "
        f"law is K^{free[0]} (d + 1)^{free[1]}, off by "
        f"{off('gaussian', 'c K^a D^b')}; the data do not tell the two apart. At d = 1 the law fails (see "
        "above). Rival laws, by the same measure, are off by more: statistical dimensions of the cones, "
        f"without a parameter, {off('gaussian', 'Σδ = N − ½')}; K + d + 1 {off('gaussian', 'c (K + D)')}; "
        f"K {off('gaussian', 'c K')}; d + 1 {off('gaussian', 'c D')}; "
        f"2K(d + 1)/(K + 2) {off('gaussian', '2 K D / (K + 2)')}. The place for full rank grows faster, as "
        f"(K(d + 1))^{power('gaussian', 'c (K D)^a', 'a', RANK)}. […] this is 12.5 at K = 10, and measured "
        f"is {lost} at d = 30."
    )


def image_law() -> str:
    return (
        f"It is K^{power('mnist', 'c K^a D^b', 'a')} (d + 1)^{power('mnist', 'c K^a D^b', 'b')} (off by "
        f"{off('mnist', 'c K^a D^b')}), or, without a parameter, 2K(d + 1)/(K + 2) (off by "
        f"{off('mnist', '2 K D / (K + 2)')}). The Gaussian law is off by {off('mnist', 'c K D')}."
    )


def of_kinds() -> pd.DataFrame:
    rows = read("transition/kinds.csv")
    return rows[rows["convention"] == GLOBAL].set_index("kind")


def by_rank() -> str:
    rows = of_kinds()
    full = rows[rows.index.str.startswith("gaussian") & (rows["rank"] == 17)]["N_half"]
    low, high = (place(f"gaussian_rank_{rank}", 16, 10, "0", GLOBAL) for rank in (3, 8))
    return (
        f"Gaussian data follow the *rank*: {low} at rank X = 4, {high} at 9, and {full.min():.0f} to "
        f"{full.max():.0f} at 17."
    )


def by_geometry() -> str:
    rows = of_kinds()
    pairs = rows[rows["family"] == "mnist_pair"]["N_half"]
    orders = read("transition/orders.csv")
    own = orders[(orders["convention"] == GLOBAL) & (orders["among"] == "other kinds")]
    correlation = own.set_index("property")["correlation"]
    drawn, random, other = (
        place(kind, 16, 10, "0", GLOBAL) for kind in ("mnist", "mnist_random_labels", "cifar10")
    )
    return (
        f"MNIST {drawn}, with random labels {random}, CIFAR-10 {other}, the {len(pairs)} pairs of digits "
        f"{pairs.min():.1f} to {pairs.max():.1f}. A random neuron treats two images alike with probability "
        f"{rows.loc['mnist', 'agreement']:.2f}, two Gaussian samples with probability 0.5. Over the ten "
        "kinds this agreement orders the places (rank "
        f"correlation {signed(correlation['agreement'])}) about as "
        f"well as the rank does ({signed(correlation['rank'])})."
    )


SENTENCES = [counts, gaussian, images, gaussian_law, image_law, by_rank, by_geometry]


@pytest.mark.parametrize("sentence", SENTENCES, ids=lambda function: function.__name__)
def test_the_findings_say_what_the_map_says(sentence):
    for part in sentence().split(" […] "):
        assert part in said(PAGE)


def test_places_of_kinds_span_what_the_findings_say():
    rows = of_kinds()
    alone = rows[rows["family"].isna()]["N_half"]
    assert f"the place runs from {alone.min():.0f} to {alone.max():.0f} at one and the same d" in said(PAGE)


@pytest.mark.parametrize(("d", "K"), [(10, 5), (10, 10), (10, 20), (3, 7), (3, 10), (3, 20), (3, 40)])
def test_each_row_of_the_table_of_brackets_is_that_of_the_reference(d, K):
    rows = read("transition/brackets.csv").set_index(["kind", "d", "K", "bias"])
    row = rows.loc[("gaussian", d, K, "0")]
    at_once = "–" if pd.isna(row["N_at_once"]) else f"{row['N_at_once']:.0f}"
    share = "" if pd.isna(row["share_of_unknowns"]) else f" {row['share_of_unknowns']:.2f}"
    bracket = f"{row['N_1']:.0f} | {row['N_2']:.0f} | {row['ratio']:.1f}"
    assert f"| d = {d}, K = {K} | {bracket} | {at_once} |{share} |" in said(PAGE)


def test_the_exceptions_among_the_brackets_are_named():
    rows = read("transition/brackets.csv")
    wide = rows[(rows["ratio"] > 4) & (rows["kind"] == "gaussian")]
    assert set(wide[wide["d"] == 3]["K"]) == {3, 5} and set(wide[wide["d"] != 3]["d"]) == {1}
    for value in wide["ratio"]:
        assert f"{value:.1f}" in said(PAGE).partition("For K ≤ 5 and for d = 1")[2][:300]
    assert not wide["undecided"].any()
