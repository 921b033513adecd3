"""The tables of docs/map.md, and the columns of results that are missing from them."""

import csv
import re
from collections.abc import Iterable
from pathlib import Path

from conftest import ROOT

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
    """The names in one cell of a table."""
    return [name.strip() for name in cell.split(",")]


def missing(result: str, header: Iterable[str]) -> list[str]:
    """Columns of a csv of ``results`` (its path without the suffix) that are not on the map."""
    known = set(KEYS)
    for row in ROWS:
        if result in listed(row.get("result", "")):
            known |= set(listed(row["columns"]))
    return [name for name in header if name not in known and SUFFIX.sub("", name) not in known]


def not_on_the_map(results: Path, below: str = ".") -> dict[str, list[str]]:
    """Of every csv in a run's ``results``, or in a folder of them: the columns that the map lacks."""
    lost = {}
    for path in sorted((results / below).rglob("*.csv")):
        with path.open(encoding="utf-8", newline="") as file:
            header = next(csv.reader(file))
        name = path.relative_to(results).with_suffix("").as_posix()
        if absent := missing(name, header):
            lost[name] = absent
    return lost
