"""No number stands in README, docs/findings.md or docs/atlas.md that nothing accounts for.

Taken out of a page are: what the other modules of this folder write anew from reference/; a paragraph that
names the benchmark which measured it and a date, with its table; a section, paragraph or row which says, with
a date, that it is not kept in reference/; names of sizes, formulas, times. Nothing may be left.
Who adds a number adds a function to ``SAID`` of the module that the section belongs to.
"""

import re

import pytest
import test_atlas_numbers
import test_full_scale_numbers
import test_numbers
import test_related_numbers
import test_transition_numbers
from claims import parts
from conftest import ROOT

MODULES = (
    test_numbers,
    test_transition_numbers,
    test_full_scale_numbers,
    test_related_numbers,
    test_atlas_numbers,
)
NUMBER = r"[−-]?(?<![\w^.,₊])\d+(?:,\d{3})*(?:\.\d+)?"
LIST = rf"{NUMBER}(?:(?:, and |, | and | or | to | … ){NUMBER})*"
DATE = r"20\d\d-\d\d-\d\d"
NOT_KEPT = rf"(?:A run|Runs) of {DATE}, not kept in `reference/`"
NO_RESULTS = [
    r"!?\[[^\]]*\]\([^)]*\)",  # pictures and links
    r"`[^`]*`",
    rf"{DATE}|\d+ November 2026",
    r"CIFAR-10(?!\d)|arXiv \d{4}\.\d{5}|version 1\b|Part [12]\b|Python 3\.11|19 times in 20",
    r"[Ff]igures? \(?\d(?:–\d)?|\(7\)(?: or \(8\))?|\"0\" and \"100\"",
    r"let σ_ij = 1 on the samples on which it is active, and −1 on the others",
    rf"\b[Bb]ias(?:es)?(?: of)? {LIST}|\b[Aa]t {LIST} (?:this|the cells)|At −50 one",
    rf"\b(?:d|K|N|n|k|a|d0|N₁|N₂|rank X|rank A|n = k) ?[=≥≤] ?(?:k ?[=≥] ?)?{LIST}",
    r"95 %|Equation \(18\)",
    rf"{NUMBER} ?(?:s|ms|seconds|minutes|hours|GB|GiB|MB)\b",
    r"\([dD] \+ 1\)|d \+ 1|[nk] = k \+ \d|\(\(3/4\)\^K − \(1/2\)\^K\)|ln 2|2K|1/N²|\(2N\)²|\b2N\b|λa²/2",
    r"(?:[≥≤>≈→=]|loss|above|near|goes to) −?[01]\b(?![.,]\d)|(?:at most|is|and) −?[01]\b(?![.,]\d| [a-z])",
    r"it is 0 everywhere",
    r"\bthe 100 cells\b|at most 40 numbers|(?:[Ww]ith|From) (?:4|16) values|Signs of 20 or 40 neurons",
]


def kept_text(page: str) -> str:
    """The page without code, and without what says with a date that the reference does not have it."""
    text = re.sub(r"```.*?```", "", (ROOT / page).read_text(encoding="utf-8"), flags=re.DOTALL)
    sections = re.split(r"^(?=## )", text, flags=re.MULTILINE)
    text = "".join(part for part in sections if not re.match(rf"## .*\n\n\*{NOT_KEPT}", part))
    text = "\n".join(
        row for row in text.split("\n") if not (row.startswith("|") and re.search(NOT_KEPT, row))
    )
    blocks = re.split(r"\n\s*\n", text)
    return "\n\n".join(block for block in blocks if not re.search(NOT_KEPT, " ".join(block.split())))


def paragraphs(page: str) -> list[str]:
    """The paragraphs that no benchmark has measured, each as one line without the marks of bold type."""
    text = kept_text(page)
    kept, measured = [], False
    for block in re.split(r"\n\s*\n", text):
        measured = "`python benchmarks/" in block if not block.startswith("|") else measured
        if not measured:
            kept.append(" ".join(block.replace("**", "").split()))
        elif not block.startswith("|"):
            assert re.search(DATE, block), f"{page}: no date beside {block[:80]!r}"
    return kept


def left_over(page: str) -> str:
    """The page without what is tested, measured or no result."""
    text = "\n".join(paragraphs(page))
    tested = {
        part for module in MODULES for function in module.SAID.get(page, []) for part in parts(function())
    }
    for part in sorted(tested, key=len, reverse=True):
        text = text.replace(part, " … ")
    for pattern in NO_RESULTS:
        text = re.sub(pattern, " … ", text)
    return text


@pytest.mark.parametrize("page", ["README.md", "docs/findings.md", "docs/atlas.md"])
def test_every_number_is_accounted_for(page):
    text = left_over(page)
    assert [text[max(0, at.start() - 60) : at.end() + 40] for at in re.finditer(NUMBER, text)] == []


def test_each_section_on_speed_names_a_command_and_a_date():
    text = (ROOT / "docs/performance.md").read_text(encoding="utf-8")
    for section in re.split(r"^##? ", text, flags=re.MULTILINE)[1:]:
        assert re.search(DATE, section) and re.search("`python benchmarks/|`reference/costs.csv`", section)
    ratios = [line for line in text.partition("\n## ")[0].splitlines() if line.startswith("|")][2:]
    assert [row for row in ratios if not re.search("`python benchmarks/|the same", row)] == []


@pytest.mark.parametrize("sentence", ["The share is 42.5 %.", "| 3 | 60 |", "It held in 7 of 10 runs."])
def test_a_number_that_nothing_accounts_for_is_found(tmp_path, monkeypatch, sentence):
    page = tmp_path / "README.md"
    page.write_text((ROOT / "README.md").read_text(encoding="utf-8") + f"\n{sentence}\n", encoding="utf-8")
    monkeypatch.setattr("test_every_number.ROOT", tmp_path)
    assert re.search(NUMBER, left_over("README.md"))
