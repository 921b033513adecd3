"""Numbers of the main finding and of the comparison, in README and docs/findings.md, against reference/."""

import pandas as pd
import pytest
from claims import WORDS, bias_of, cases, in_words, read, settings, to, unsaid

from relucells.statistics import joint, wilson

FINDINGS = "docs/findings.md"
MIDDLE = ("20", "3", "0", "-3")


def comparison() -> pd.DataFrame:
    return read("comparison.csv")


def counts() -> dict:
    """How the comparison came out."""
    rows = comparison()
    informative = rows[rows["informative"] == "yes"]
    agree = (rows["verdict"] == "agrees").sum()
    differ = rows[rows["verdict"] == "differs"]
    assert agree + len(differ) == len(rows) and set(differ["column"]) == {"activated_pct"}
    return {
        "total": len(rows),
        "agree": agree,
        "differ": len(differ),
        "differ_word": WORDS[len(differ)],
        "corrected_word": WORDS[(differ["adjusted_p"] < 0.05).sum()],
        "foregone": (rows["why"] == "foregone").sum(),
        "informative": len(informative),
        "informative_agree": (informative["verdict"] == "agrees").sum(),
        "ends": rows["printed"].astype(float).isin([0, 100]).sum(),
        "expected": f"{rows['size'].sum():.1f}",
    }


def main_finding() -> str:
    return (
        "Of {total} printed numbers {agree} agree with ours and {differ} differ; {foregone} of "
        "them could hardly have come out otherwise, so {informative_agree} of {informative} "
        "informative ones agree. The {differ_word} that differ are mean activations, and "
        "{corrected_word} of these differ even when corrected for {total} comparisons"
    ).format(**counts())


def ends_of_the_scale() -> str:
    return "{ends} of the {total} printed numbers are 0 or 100.".format(**counts())


def how_it_came_out() -> str:
    return (
        "Of {total} numbers {agree} agree and {differ} differ; {foregone} are foregone, "
        "{informative} informative, and {informative_agree} of these agree. If all informative "
        "ones came from the same laws as ours, about {expected} would still fall outside"
    ).format(**counts())


def activations() -> str:
    """The informative mean activations, taken together and those that differ."""
    rows = comparison()
    own = rows[(rows["column"] == "activated_pct") & (rows["informative"] == "yes")]
    outside = own[own["verdict"] == "differs"]
    chi_square, _, p = joint(own["p"])
    corrected = own.sort_values("adjusted_p").head(2)
    where = [f"Table {row['table']} at {bias_of(row['bias'])}" for _, row in corrected.iterrows()]
    assert (corrected["adjusted_p"] < 0.05).all() and (own["adjusted_p"] < 0.05).sum() == 2
    first, second = (f"{value:.3f}" for value in corrected["adjusted_p"])
    return (
        f"{WORDS[len(outside)].capitalize()} of the {len(own)} informative means lie outside their 95 % "
        f"intervals […] Two of them, {in_words(*where)}, stay below 0.05 when corrected for all {len(rows)} "
        f"comparisons (Holm: {first} and {second}). Taken together the {len(own)} have χ² = "
        f"{chi_square:.1f} (p = {f'{p:.1e}'.replace('e-0', 'e-')})."
    )


def table_of_activations() -> str:
    """Each row of the table, from comparison.csv and activations.csv."""
    rows, laws = comparison(), read("activations.csv")
    laws = laws[laws["reading"] == "added"]
    lines = []
    for row in rows[rows["verdict"] == "differs"].to_dict("records"):
        same = (laws["table"] == row["table"]) & (laws["bias"] == row["bias"])
        (law,) = laws[same].to_dict("records")
        expected = "50 exactly" if row["bias"] == "0" else f"{row['expected']:.2f}"
        lines.append(
            f"| {row['printed']} | Table {row['table']}, bias {row['bias']} | {expected} | "
            f"{row['low']:.2f} to {row['high']:.2f} | {number(row['p'])} | "
            f"{law['trials_that_agree']:.0f} of 100 |"
        )
    return " […] ".join(lines)


def number(p: float) -> str:
    """Two digits, as the pages write small numbers."""
    return f"{p:.2g}".replace("e-0", "e-")


def powers() -> str:
    """The smallest deviations that would have been called different."""
    rows = comparison()
    informative = rows[rows["informative"] == "yes"]
    differ = rows[rows["verdict"] == "differs"]["power"]
    of = informative.groupby("column")["power"]
    continuous, gaps = (
        to(of.min()[name], of.max()[name]) for name in ("continuous_pct", "mean_gap_probability")
    )
    return (
        f"from {to(differ.min(), differ.max())} units of the last digit for the activations of the table "
        f"above, {continuous} points for shares of continuous minima, {gaps} units for P_g."
    )


def rare_events() -> str:
    laws = read("activations.csv")
    laws = laws[laws["reading"] == "added"].set_index(["table", "bias"])["none"]
    none = [
        f"{100 * laws[where]:.0f} %"
        for where in (("III", "-20"), ("II", "-20"), ("I", "-20"), ("IV", "-50"), ("V", "-80"))
    ]
    rows = comparison()
    own = rows[(rows["table"] == "III") & (rows["bias"] == "-20")].set_index("column")
    gap, genuine = own.loc["mean_gap_probability"], own.loc["genuine_pct"]
    return (
        f"At bias −20 in Table III the chance that no pair at all is active in 100 trials is {none[0]}. It "
        f"is {none[1]} in Table II, {none[2]} in Table I, {none[3]} for MNIST at −50, and {none[4]} for ten "
        "trials of CIFAR-10 at −80. A trial with an active pair has a large gap. So in Table III the "
        f"expected average P_g is {gap['expected']:.2f}, not 0, and {genuine['expected']:.0f} % of the "
        f"cells are genuine, not 100. The printed 0 and 100 have p = {gap['p']:.2f} and {genuine['p']:.2f}."
    )


def diameters() -> str:
    rows = read("readings.csv")
    rows = rows[(rows["point"] == "open") & rows["reading"].str.startswith("two_classes, rgb2gray")]
    bound = settings()["table_6"]["open_beyond"]
    chosen = rows[rows["open_beyond"] == bound]
    free = rows[rows["reading"].str.endswith("unbounded")]
    (below,) = [row for _, row in free.iterrows() if float(row["printed"]) < row["low"]]
    assert chosen["fits"].all() and below["experiments"] == settings()["table_6"]["repetitions"]
    assert below["p"] == pytest.approx(2 / (below["experiments"] + 1))  # as far out as a rank can be
    return (
        f"If cells longer than about {bound} are left out, on images of two classes, all "
        f"{WORDS[len(chosen)]} fit. Without a bound {below['printed']} lies below all "
        f"{below['experiments']:.0f} repeated means."
    )


def descent() -> str:
    row = read("tables/table_4.csv").set_index("bias").loc["20"]
    undecided = row["descent_undecided_pct"]
    assert row["trapped_pct"] == 0 and row["n_trials"] == settings()["trials"] == 100
    return (
        f"Gradient descent on MNIST at bias 20 has left its cell in {100 - undecided:.0f} of 100 runs after "
        f"{settings()['gd_verify']['max_steps']:,} steps. The other {undecided:.0f} are *undecided*"
    )


def undecided_descents() -> str:
    row = read("tables/table_4.csv").set_index("bias").loc["20"]
    undecided, high = row["descent_undecided_pct"], row["trapped_pct_high"]
    return f"0 of {100 - undecided:.0f} and {undecided:.0f} undecided is [0, {high:.0f}]"


def genuine_cells() -> str:
    """The table of genuine cells under the drawn signs / under some choice."""
    rows = read("tables/genuineness.csv")
    groups = {
        "Gaussian, Tables I and II": ["gaussian_d3_k10", "gaussian_d3_k20"],
        "Gaussian, Table III": ["gaussian_d10_k50"],
        "MNIST": ["mnist"],
        "CIFAR-10": ["cifar10"],
    }
    lines = []
    for name, entries in groups.items():
        (shares,) = {
            " | ".join(pair(rows[(rows["entry"] == entry) & (rows["bias"] == bias)]) for bias in MIDDLE)
            for entry in entries
        }
        lines.append(f"| {name} | {shares} |")
    listed = rows[rows["bias"].isin(MIDDLE) & rows["convention"].isin(["positive", "uniform"])]
    assert not listed["genuine_pct"].any()
    return " […] ".join(
        [
            *lines,
            "If all z_j have the same sign (in the paper’s tables all are positive), it is 0 everywhere in "
            "this table.",
        ]
    )


def intervals_of_shares() -> str:
    """How sure the shares of that table are."""
    (trials,) = set(read("tables/genuineness.csv")["n_trials"])
    none, half, every = (
        "[{:.0f}, {:.0f}]".format(*(100 * end for end in wilson(count, trials, settings()["confidence"])))
        for count in (0, trials // 2, trials)
    )
    return f"Of {trials} cells, 0 has the 95 % interval {none}, 50 has {half} and 100 has {every}."


def pair(rows: pd.DataFrame) -> str:
    """Per cent of genuine cells under the drawn signs and under some choice, of one data set and bias."""
    genuine = rows.set_index("convention")["genuine_pct"]
    return f"{genuine['sampled']:g} / {genuine['exists']:g}"


def bad_minima() -> str:
    rows = read("tables/genuineness.csv")
    rows = rows[rows["bias"].isin(MIDDLE)]
    gaussian = rows[rows["dataset"] == "gaussian"].dropna(subset="bad_pct")
    assert set(gaussian["bias"]) == {"20"} and (gaussian["bad_pct"] == 100).all()
    images = rows[rows["dataset"] != "gaussian"].dropna(subset="bad_pct")
    some = images[images["bad_pct"] > 0]
    assert (images["bad_pct"] + images["global_pct"]).round(6).eq(100).all()
    assert set(some["dataset"]) == {"mnist"} and set(some["convention"]) == {"exists"}
    return "The Gaussian minima at bias 20 are all *bad*"


def table_III() -> str:
    """Every cell of Table III is decided with proof under some choice of signs."""
    rows = read("tables/genuineness.csv")
    own = rows[(rows["entry"] == "gaussian_d10_k50") & (rows["convention"] == "exists")].set_index("bias")
    assert (own["verified_pct"] == 100).all() and not own["undecided_pct"].any()
    none, every = ["3", "0", "-3"], ["20", "-20"]
    assert not own.loc[none, "genuine_pct"].any() and (own.loc[every, "genuine_pct"] == 100).all()
    sizes, trials = own.iloc[0], own["n_trials"]
    assert set(own.index) == {*none, *every} and set(trials) == {100}
    return (
        f"a cell of Table III has 2^{sizes['K']} choices of signs. […] *Of the {trials[none].sum()} cells "
        f"of this run's Table III at the biases 3, 0 and −3 (d = {sizes['d']}, K = {sizes['K']}, N = "
        f"{sizes['N']}; seed {settings()['seed']}, trials 0 to 99 of each bias) none holds a genuine "
        f"minimum, whatever the signs of z.* […] At the biases 20 and −20 all {trials[every].sum()} cells "
        f"hold a genuine minimum for some choice of signs, so that every one of the {trials.sum()} cells of "
        "the table is decided with proof."
    )


def products() -> str:
    """How large the certificate of such a cell is: one is made here."""
    from relucells.cells.inspection import draw_weights
    from relucells.samples.gaussian import two_gaussians
    from relucells.samples.randomness import stream
    from relucells.search.decide import decide

    X, y = two_gaussians(10, 400, stream(0, "Table III"))
    W, _ = draw_weights(stream(0, "its weights"), 50, 11, 0.0)
    (leaf,) = decide(X, y, X @ W.T > 0, "exists", margin="sign").certificate.leaves
    assert sorted(leaf.arrays["counts"])[len(leaf.arrays["counts"]) // 2] == 10
    assert abs(len(leaf.arrays["weights"]) - 320) <= 20
    return (
        "a sum of some 320 products of forms, most with ten multipliers. For 299 cells it was made without a "
        "linear program."
    )


def about_the_run() -> str:
    config, made = settings(), read("provenance.csv").set_index("item")["value"]
    assert made["data"] == "Gaussian, MNIST (official), CIFAR-10 (official)"
    assert made["seed"] == str(config["seed"])
    return (
        f"The run had official MNIST and CIFAR-10 files, `data_seeds: {config['data_seeds']}` and "
        f"{config['trials']} trials. […] official image files, seed {config['seed']}. […] So these numbers "
        f"are not what {config['trials']} independent draws of this kind print. The paper says "
        f"{config['trials']} trials. […] | ten data sets | {config['draw_readings']['data_draws']} data "
        "sets |"
    )


SAID = {
    "README.md": [main_finding, genuine_cells, intervals_of_shares],
    FINDINGS: [
        about_the_run,
        ends_of_the_scale,
        how_it_came_out,
        activations,
        table_of_activations,
        powers,
        rare_events,
        diameters,
        descent,
        undecided_descents,
        genuine_cells,
        intervals_of_shares,
        bad_minima,
        table_III,
        products,
    ],
}


@pytest.mark.parametrize(("page", "says"), cases(SAID))
def test_the_page_says_what_the_reference_says(page, says):
    assert unsaid(page, says()) == []
