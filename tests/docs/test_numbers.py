"""Numbers that README and docs state about results, against the results in reference/.

A claim is a sentence with gaps, and what fills them: read or computed from the csv files. Who renews
reference/ sees here which sentences no longer hold.
"""

import re

import pandas as pd
import pytest
from claims import WORDS, read, said
from conftest import ROOT

from relucells.statistics.comparison import joint


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


def activations() -> dict:
    """The informative mean activations, taken together and those that differ."""
    rows = comparison()
    own = rows[(rows["column"] == "activated_pct") & (rows["informative"] == "yes")]
    chi_square, freedom, p = joint(own["p"])
    power = own["power"][own["verdict"] == "differs"]
    corrected = own["adjusted_p"].nsmallest(2)
    return {
        "means": len(own),
        "outside": WORDS[(own["verdict"] == "differs").sum()].capitalize(),
        "chi": f"{chi_square:.1f}",
        "p": f"{p:.1e}".replace("e-0", "e-"),
        "freedom": freedom,
        "least": f"{power.min():.0f}",
        "largest": f"{power.max():.0f}",
        "first": f"{corrected.iloc[0]:.3f}",
        "second": f"{corrected.iloc[1]:.3f}",
    }


CLAIMS = [
    (
        "README.md",
        counts,
        "Of {total} printed numbers {agree} agree with ours and {differ} differ; {foregone} of "
        "them could hardly have come out otherwise, so {informative_agree} of {informative} "
        "informative ones agree. The {differ_word} that differ are mean activations, and "
        "{corrected_word} of these differ even when corrected for {total} comparisons",
    ),
    (
        "docs/findings.md",
        counts,
        "{ends} of the {total} printed numbers are 0 or 100.",
    ),
    (
        "docs/findings.md",
        counts,
        "Of {total} numbers {agree} agree and {differ} differ; {foregone} are foregone, "
        "{informative} informative, and {informative_agree} of these agree. If all informative "
        "ones came from the laws of ours, about {expected} would still fall outside",
    ),
    (
        "docs/findings.md",
        activations,
        "{outside} of the {means} informative means lie outside their 95 % intervals",
    ),
    (
        "docs/findings.md",
        activations,
        "stay below 0.05 when corrected for all 112 comparisons (Holm: {first} and {second}). "
        "Taken together the {means} have χ² = {chi} (p = {p})",
    ),
    (
        "docs/findings.md",
        activations,
        "from {least} to {largest} units of the last digit for the activations of the table above",
    ),
]


@pytest.mark.parametrize(("page", "facts", "sentence"), CLAIMS, ids=lambda part: str(part)[:40])
def test_a_sentence_says_what_the_reference_says(page, facts, sentence):
    assert sentence.format(**facts()) in said(page)


def test_the_activations_that_differ_are_those_of_the_table():
    """Each row of the table in docs/findings.md, from comparison.csv and activations.csv."""
    rows, laws = comparison(), read("activations.csv")
    laws = laws[laws["reading"] == "added"]
    page = said("docs/findings.md")
    for row in rows[rows["verdict"] == "differs"].to_dict("records"):
        same = (laws["table"] == row["table"]) & (laws["bias"] == row["bias"])
        (law,) = laws[same].to_dict("records")
        expected = "50 exactly" if row["bias"] == "0" else f"{row['expected']:.2f}"
        line = (
            f"| {row['printed']} | Table {row['table']}, bias {row['bias']} | {expected} | "
            f"{row['low']:.2f} to {row['high']:.2f} | {number(row['p'])} | "
            f"{law['trials_that_agree']:.0f} of 100 |"
        )
        assert line in page


def number(p: float) -> str:
    """Two digits, as the pages write small numbers."""
    return f"{p:.2g}".replace("e-0", "e-")


def shares(rows: pd.DataFrame) -> str:
    """Per cent of genuine cells under the drawn signs and under some choice, of one data set and bias."""
    genuine = rows.set_index("convention")["genuine_pct"]
    return f"{genuine['sampled']:g} / {genuine['exists']:g}"


@pytest.mark.parametrize("page", ["README.md", "docs/findings.md"])
def test_the_table_of_genuine_cells_is_that_of_the_reference(page):
    rows = read("tables/genuineness.csv")
    groups = {
        "Gaussian, Tables I and II": ["gaussian_d3_k10", "gaussian_d3_k20"],
        "Gaussian, Table III": ["gaussian_d10_k50"],
        "MNIST": ["mnist"],
        "CIFAR-10": ["cifar10"],
    }
    for name, entries in groups.items():
        lines = {
            " | ".join(
                shares(rows[(rows["entry"] == entry) & (rows["bias"] == bias)])
                for bias in ("20", "3", "0", "-3")
            )
            for entry in entries
        }
        assert len(lines) == 1 and f"| {name} | {lines.pop()} |" in said(page)
    listed = rows[rows["bias"].isin(["20", "3", "0", "-3"])]
    for convention in ("positive", "uniform"):
        assert not listed["genuine_pct"][listed["convention"] == convention].any()


def test_table_III_is_decided_with_proof_under_some_choice_of_signs():
    rows = read("tables/genuineness.csv")
    own = rows[(rows["entry"] == "gaussian_d10_k50") & (rows["convention"] == "exists")].set_index("bias")
    assert (own["verified_pct"] == 100).all() and not own["undecided_pct"].any()
    assert not own.loc[["3", "0", "-3"], "genuine_pct"].any()
    assert (own.loc[["20", "-20"], "genuine_pct"] == 100).all()
    assert "every one of the 500 cells of the table is decided with proof" in said("docs/findings.md")


def test_no_number_of_the_main_finding_goes_unchecked():
    """Each number in README's finding stands in a claim above, or names a table, a bias or a sample."""
    section = (ROOT / "README.md").read_text(encoding="utf-8")
    section = section.partition("## The main finding")[2].partition("\n## ")[0]
    text = " ".join(section.replace("**", "").split())
    for page, facts, sentence in CLAIMS:
        if page == "README.md":
            text = text.replace(sentence.format(**facts()), "")
    text = re.sub(r"\| [A-Z][^|]*\| (\d+ / \d+ \| ){4}", "", text)  # the table of genuine cells
    text = re.sub(r"bias −?\d+|CIFAR-10|every z_j > 0|the 100 cells|it is 0 everywhere", "", text)
    assert re.findall(r"\d+", text) == []
