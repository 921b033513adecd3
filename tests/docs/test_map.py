"""The map of docs/map.md: its names exist, and nothing that a run makes is missing from it."""

import ast
import importlib
import re

import pytest
import yaml
from conftest import ROOT
from mapping import ROWS, listed, missing, not_on_the_map

from relucells.pipeline.plan import Plan
from relucells.pipeline.targets import targets


def scripts_of_rules() -> dict[str, str]:
    found = {}
    for path in (ROOT / "workflow" / "rules").rglob("*.smk"):
        for part in re.split(r"^rule ", path.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]:
            if script := re.search(r'"[./]+/scripts/([\w/]+)\.py"', part):
                found[part.partition(":")[0]] = script[1]
    return found


def test_every_rule_runs_the_script_that_the_map_names():
    scripts = scripts_of_rules()
    assert len(ROWS) > 50
    assert {row["rule"]: row["script"] for row in ROWS} == {row["rule"]: scripts[row["rule"]] for row in ROWS}


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row['rule']}-{row['function']}")
def test_every_function_exists(row):
    module, _, name = row["function"].rpartition(".")
    if module:
        assert callable(getattr(importlib.import_module(f"relucells.{module}"), name))
        return
    path = ROOT / "workflow" / "scripts" / f"{row['script']}.py"
    tree = ast.parse(path.read_text(encoding="utf-8"))
    assert name in {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}


def test_every_result_of_every_target_is_on_the_map():
    config = yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8"))
    known = {name for row in ROWS for kind in ("result", "picture") for name in listed(row.get(kind, ""))}
    files = {path for paths in targets(Plan(config)).values() for path in paths}
    wanted = {path.removeprefix("results/").rpartition(".")[0] for path in files if not path.endswith("html")}
    assert wanted - known == set()


def test_every_column_of_a_small_run_is_on_the_map(small_run):
    assert not_on_the_map(small_run.folder / "results") == {}


def test_no_row_stands_for_all_columns():
    assert [row for row in ROWS if "all" in listed(row.get("columns", ""))] == []


def test_every_result_has_a_column_of_its_own():
    """A result that the map names without columns would pass with any header."""
    results = {name for row in ROWS for name in listed(row.get("result", "")) if name}
    assert all(missing(name, ["made_up"]) == ["made_up"] for name in results)


def test_a_column_that_is_not_on_the_map_is_seen():
    assert missing("tables/table_1", ["K", "genuine_pct_low", "made_up"]) == ["made_up"]
    assert missing("made_up", ["K", "genuine_pct"]) == ["genuine_pct"]
