"""The reference: what counts as a difference, and that it is what its sums say."""

import re

import pandas as pd
import pytest
from check_reference import check_reference
from conftest import ROOT

from relucells.cli import main
from relucells.pipeline.reference import damaged, differences, renew


@pytest.fixture
def run(tmp_path):
    """A finished run with two results, and its reference."""
    results = tmp_path / "results"
    (results / "tables").mkdir(parents=True)
    table = pd.DataFrame({"dataset": ["a", "b"], "share": [50.0, 0.25], "verdict": ["agrees", "differs"]})
    table.to_csv(results / "tables/table_1.csv", index=False)
    pd.DataFrame({"item": ["commit"], "value": ["1"]}).to_csv(results / "provenance.csv", index=False)
    assert main(["reference", str(results), "--to", str(tmp_path / "reference")]) == 0
    return results, tmp_path / "reference"


def change(results, **columns):
    path = results / "tables/table_1.csv"
    pd.read_csv(path).assign(**columns).to_csv(path, index=False)


def test_a_run_agrees_with_its_own_reference(run):
    assert check_reference(*run) == ("1 files agree with the reference", [])


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        ({"share": [50.0, 0.26]}, "share differs in 1 of 2 rows, first in row 2: 0.26 instead of 0.25"),
        ({"verdict": ["agrees", "agrees"]}, "verdict differs in 1 of 2 rows"),
        ({"more": [1, 2]}, "columns ['more'] are in one of the two only"),
        ({"share": [50.0, None]}, "share differs in 1 of 2 rows"),
    ],
)
def test_differences_are_named(run, columns, said):
    change(run[0], **columns)
    line, lines = check_reference(*run)
    assert line.startswith("1 differences from the reference in 1 files; the first: tables/table_1.csv: ")
    assert said in lines[0]


def test_rounding_is_no_difference(run):
    change(run[0], share=[50.0 * (1 + 1e-9), 0.25])
    assert differences(*run) == (1, [])


def test_rows_count(run):
    path = run[0] / "tables/table_1.csv"
    pd.read_csv(path).head(1).to_csv(path, index=False)
    assert differences(*run)[1] == ["tables/table_1.csv: 1 rows instead of 2"]


def test_a_changed_reference_is_noticed(run):
    path = run[1] / "tables/table_1.csv"
    path.write_text(path.read_text().replace("0.25", "0.26"))
    assert "tables/table_1.csv: differs from its SHA-256 sum" in check_reference(*run)[0]


def test_an_empty_run_is_refused(tmp_path, capsys):
    assert main(["reference", str(tmp_path)]) == 1
    assert "no csv results" in capsys.readouterr().err


def test_the_kept_reference_is_whole():
    if not (ROOT / "reference/SHA256SUMS").is_file():
        pytest.skip("no reference is kept yet")
    assert damaged(ROOT / "reference") == []
    assert not [path for path in (ROOT / "reference").rglob("*") if path.stat().st_size > 1_000_000]


def test_renewing_drops_what_is_gone(run):
    results, reference = run
    (results / "other.csv").write_text("a\n1\n")
    renew(results, reference)
    (results / "other.csv").unlink()
    renew(results, reference)
    assert not (reference / "other.csv").exists()


def test_what_a_run_has_not_made_stays_and_is_not_compared(run, capsys):
    """A run of the target `paper` has made nothing of the related works, one of `related` nothing of that."""
    results, reference = run
    other = results.parent / "other"
    (other / "related").mkdir(parents=True)
    (other / "related/ends.csv").write_text("loss,gradient_norm\n1,1e-16\n")
    assert main(["reference", str(other), "--to", str(reference)]) == 0
    assert "left as they were: ., tables" in capsys.readouterr().out
    assert damaged(reference) == []
    assert check_reference(*run) == ("1 files agree with the reference", [])
    assert check_reference(other, reference) == ("1 files agree with the reference", [])
    (other / "related/ends.csv").write_text("loss,gradient_norm\n2,1e-16\n")
    assert "loss differs" in check_reference(other, reference)[0]


def test_a_run_with_other_settings_stands_apart(run):
    results, reference = run
    larger = results.parent / "larger"
    larger.mkdir()
    (larger / "tables").mkdir()
    (larger / "tables/table_1.csv").write_text("share\n100\n")
    apart = reference / "larger"
    renew(larger, apart)
    renew(results, reference)
    assert damaged(reference) == [] and (apart / "tables/table_1.csv").exists()
    assert check_reference(*run) == ("1 files agree with the reference", [])
    (apart / "tables/table_1.csv").write_text("share\n99\n")
    assert damaged(reference) == ["larger/tables/table_1.csv: differs from its SHA-256 sum"]


def test_every_part_of_the_kept_reference_names_its_run():
    """The table of reference/README.md has the commit of each folder."""
    text = (ROOT / "reference/README.md").read_text(encoding="utf-8")
    rows = [
        line.split(" | ") for line in text.splitlines() if line.startswith("| `") or "files outside" in line
    ]
    assert all(re.fullmatch(r"[0-9a-f]{7} \|", commit) for _, _, commit in rows)
    named = {name for part, *_ in rows for name in re.findall(r"`(\w+)`", part)}
    assert {path.name for path in (ROOT / "reference").iterdir() if path.is_dir()} == named
