"""The map of docs/map.md: its names exist, and nothing that a run makes is missing from it."""

import ast
import csv
import importlib
import re

import pytest
import yaml
from conftest import ROOT

from relucells.pipeline.plan import Plan
from relucells.pipeline.targets import targets

TEXT = (ROOT / "docs" / "map.md").read_text(encoding="utf-8")
SUFFIX = re.compile(r"_(low|high|sd)$")


def rows() -> list[dict[str, str]]:
    """The rows of all tables on the page that name a rule, by their headers."""
    found, header = [], None
    for line in TEXT.splitlines():
        if not line.startswith("|"):
            header = None
            continue
        cells = [cell.strip().strip("`") for cell in line.strip("|").split("|")]
        if header is None:
            header = cells
        elif "rule" in header and not cells[0].startswith("---"):
            found.append(dict(zip(header, cells, strict=True)))
    return found


ROWS = rows()
KEYS = set(re.findall(r"`(\w+)`", TEXT[TEXT.index("| column |") : TEXT.index("## The four steps")]))


def listed(cell: str) -> list[str]:
    return [name.strip() for name in cell.split(",")]


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


def missing(result: str, header: list[str]) -> list[str]:
    """Columns of a csv of ``results`` (its path without the suffix) that are not on the map."""
    known = set(KEYS)
    for row in ROWS:
        if result in listed(row.get("result", "")):
            known |= set(listed(row["columns"]))
    if "all" in known:
        return []
    return [name for name in header if name not in known and SUFFIX.sub("", name) not in known]


def test_every_result_of_every_target_is_on_the_map():
    config = yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8"))
    known = {name for row in ROWS for kind in ("result", "picture") for name in listed(row.get(kind, ""))}
    files = {path for paths in targets(Plan(config)).values() for path in paths}
    wanted = {path.removeprefix("results/").rpartition(".")[0] for path in files if not path.endswith("html")}
    assert wanted - known == set()


def test_every_column_of_a_small_run_is_on_the_map(small_run):
    results, lost = small_run.folder / "results", {}
    for path in sorted(results.rglob("*.csv")):
        with path.open(encoding="utf-8", newline="") as file:
            header = next(csv.reader(file))
        name = path.relative_to(results).with_suffix("").as_posix()
        if absent := missing(name, header):
            lost[name] = absent
    assert lost == {}


def test_a_column_that_is_not_on_the_map_is_seen():
    assert missing("tables/table_1", ["K", "genuine_pct_low", "made_up"]) == ["made_up"]
    assert missing("made_up", ["K", "genuine_pct"]) == ["genuine_pct"]
