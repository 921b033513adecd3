"""The paper and the reproduction side by side on one page that needs neither network nor other files."""

import base64
import csv
import hashlib
import json
import struct
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace

import jinja2
import yaml

from relucells.atlas.words import how_to_read
from relucells.pipeline.job import UserError, job, write_text
from relucells.pipeline.paper import COLUMNS, DATA
from relucells.pipeline.verdicts import (
    SYMBOLS,
    count_verdicts,
    expected_differences,
    informative,
    name_data,
    read_comparison,
)

# Sections in the order of reading; categories that are not named here follow.
ATLAS = "Atlas"  # the first section
SECTIONS = (
    "Tables",
    "Figures",
    "Readings",
    "Genuine minima",
    "Networks",
    "Related works",
    "Transition",
    "Full scale",
)
ELSEWHERE = (ATLAS, "Comparison", "Provenance")  # categories that have their own places on the page
SHOWN = (".png", ".md", ".csv")  # a result in several formats is shown in the first of these
BREAKS = 24  # characters of a cell from which its column may break lines
LONGEST = 5000  # rows of a csv that the page shows; a longer one is only named
# Columns of comparison.csv that the page shows; the file to download has all of them.
COMPARED = tuple("table dataset N bias column verdict informative printed ours low high reason".split())


def caption(result: dict, config: dict) -> str:
    """A result's caption as HTML: reStructuredText with Jinja fields, as for Snakemake's own report."""
    from docutils.core import publish_parts
    from docutils.utils import SystemMessage

    # What Snakemake would give to the caption; only these two are the same for both pages.
    fields = SimpleNamespace(config=config, wildcards=result["wildcards"])
    environment = jinja2.Environment(undefined=jinja2.StrictUndefined)
    try:
        text = environment.from_string(Path(result["caption"]).read_text(encoding="utf-8")).render(
            snakemake=fields
        )
    except jinja2.TemplateError as error:
        raise UserError(f"{result['caption']}: {error}; captions may use config and wildcards") from None
    settings = {"halt_level": 2, "report_level": 5, "raw_enabled": False, "file_insertion_enabled": False}
    try:
        return publish_parts(text, writer="html5", settings_overrides=settings)["fragment"]
    except SystemMessage as error:
        raise UserError(f"{result['caption']}: {error}; mend the reStructuredText") from None


def picture(path: Path) -> dict:
    """A png as a data URI with its size in pixels."""
    data = path.read_bytes()
    width, height = struct.unpack(">II", data[16:24])
    uri = "data:image/png;base64," + base64.b64encode(data).decode()
    return {"kind": "picture", "uri": uri, "width": width, "height": height}


def markdown_table(path: Path) -> dict:
    """A table that ``relucells.pipeline.tables.write_table`` wrote: header, rows, notes."""
    lines = path.read_text(encoding="utf-8").splitlines()[1:]
    cells = [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines if line.startswith("|")]
    notes = [line for line in lines if line and not line.startswith("|")]
    return table(cells[0], cells[2:], notes)


def csv_table(path: Path) -> dict:
    """A csv with its numbers cut to readable length."""
    with path.open(encoding="utf-8", newline="") as file:
        header, *rows = list(csv.reader(file)) or [[]]
    if len(rows) > LONGEST:
        return {"kind": "file", "rows": len(rows)}
    header = [name.replace("_", " ") for name in header]
    return table(header, [list(map(shorten, row)) for row in rows], [] if rows else ["No rows."])


def compared_numbers(rows: Sequence[dict[str, str]], path: Path) -> dict:
    """Every printed number in one table, to be sorted and filtered."""
    named = [row | {"column": COLUMNS[row["column"]].header} for row in rows]
    cells = [[shorten(row.get(name, "")) for name in COMPARED] for row in named]
    entry = table(list(COMPARED), cells, [])
    return entry | {"name": "every-number", "title": "every printed number and ours", "csv": download(path)}


def download(path: Path) -> dict:
    """A file as a link that needs no network: its name and a data URI."""
    data = base64.b64encode(path.read_bytes()).decode()
    return {"file": path.name, "uri": f"data:text/csv;base64,{data}"}


def table(header: list[str], rows: list[list[str]], notes: list[str]) -> dict:
    """A table with the class of each column: words are set left and, if they are many, may break."""
    classes = []
    for place in range(len(header)):  # a table without rows has columns too
        column = [row[place] for row in rows]
        words = any(cell[:1].isalpha() for cell in column)
        classes.append(" ".join(["text"] * words + ["long"] * (max(map(len, column), default=0) > BREAKS)))
    return {"kind": "table", "header": header, "rows": rows, "notes": notes, "classes": classes}


def shorten(text: str) -> str:
    """A number with a point to five digits; anything else as it is."""
    try:
        return minus(f"{float(text):.5g}") if "." in text and text.count(".") == 1 else minus(text)
    except ValueError:
        return text


def minus(text: str) -> str:
    """A leading hyphen as the minus sign that it stands for."""
    return "−" + text[1:] if text[:1] == "-" and text[1:2].isdigit() else text


READERS = {".png": picture, ".md": markdown_table, ".csv": csv_table}


def gather(results: Sequence[dict], config: dict) -> dict[str, list[dict]]:
    """What each category shows: every result once, with its caption and the names of all its files."""
    formats: dict[Path, list[dict]] = {}
    for result in results:
        formats.setdefault(Path(result["path"]).with_suffix(""), []).append(result)
    sections: dict[str, list[dict]] = {}
    for stem, same in formats.items():
        by_suffix = {Path(result["path"]).suffix: result for result in same}
        suffix = next((suffix for suffix in SHOWN if suffix in by_suffix), None)
        if suffix is None:
            continue
        result = by_suffix[suffix]
        labels = [text for key, text in result["labels"].items() if key not in ("format", "kind")]
        entry = READERS[suffix](Path(result["path"])) | {
            "name": stem.name,
            "title": " ".join(labels),
            "subcategory": result["subcategory"],
            "caption": caption(result, config),
            "files": [other["path"] for other in same],
            "csv": download(Path(by_suffix[".csv"]["path"])) if ".csv" in by_suffix else None,
        }
        sections.setdefault(result["category"], []).append(entry)
    return sections


def decimals(printed: str) -> int:
    return len(printed.partition(".")[2])


def compared_tables(rows: Sequence[dict[str, str]]) -> list[dict]:
    """The paper's tables, a row per line of print, in each cell the printed number, ours and the verdict."""
    tables = []
    for numeral in dict.fromkeys(row["table"] for row in rows):
        own = [row for row in rows if row["table"] == numeral]
        columns = list(dict.fromkeys(row["column"] for row in own))
        # As many digits as the paper prints; shares of trials get one more where ours are finer.
        digits = {
            column: max(decimals(row["printed"]) for row in own if row["column"] == column)
            for column in columns
        }
        lines: dict[tuple, dict] = {}
        for row in own:
            key = row["dataset"], row["d"], row["N"], row["bias"]
            lines.setdefault(key, {})[row["column"]] = cell(row, digits[row["column"]])
        tables.append(
            {
                "numeral": numeral,
                "about": about(own[0]) if numeral != "VI" else "",
                "name": f"table_{len(tables) + 1}",
                "columns": [COLUMNS[column].header for column in columns],
                "keys": ["data", "N"] if numeral == "VI" else ["bias"],
                "lines": [(label(key, numeral), [cells[c] for c in columns]) for key, cells in lines.items()],
                "counts": count_verdicts(own),
            }
        )
    return tables


def about(row: dict[str, str]) -> str:
    """What all rows of a table have in common."""
    return f"{DATA[row['dataset']]}, d = {row['d']}, K = {row['K']}, N = {row['N']}"


def label(key: tuple, numeral: str) -> list[str]:
    dataset, d, N, bias = key
    if numeral == "VI":
        return [f"{DATA[dataset]}, d = {d}", N]
    return [minus(bias)]


def cell(row: dict[str, str], digits: int) -> dict:
    def text(name: str) -> str:
        if not row[name]:
            return ""
        number = float(row[name])
        return minus(f"{number:.4g}" if COLUMNS[row["column"]].share else f"{number:.{digits}f}")

    interval = f"[{text('low')}, {text('high')}]" if row["low"] else ""
    return row | {"ours": text("ours"), "interval": interval, "symbol": SYMBOLS[row["verdict"]]}


def explain(rows: Sequence[dict[str, str]], verdict: str) -> list[dict]:
    """The numbers with that verdict, those of a table that share a reason together."""
    groups: dict[tuple, list[str]] = {}
    for row in rows:
        if row["verdict"] == verdict:
            where = f"bias {minus(row['bias'])}"
            if row["table"] == "VI":
                where = f"{DATA[row['dataset']]}, N = {row['N']}"
            number = f"{COLUMNS[row['column']].header} at {where}"
            groups.setdefault((row["table"], row["reason"]), []).append(number)
    return [
        {"table": table, "reason": reason, "numbers": numbers} for (table, reason), numbers in groups.items()
    ]


def atlas_findings(results: Sequence[dict]) -> list[str]:
    """What the atlas says, in sentences, if it is among the results."""
    tables = [Path(result["path"]) for result in results if result["category"] == ATLAS]
    beside = [path.with_name("findings.json") for path in tables if path.name == "summary.csv"]
    return json.loads(beside[0].read_text(encoding="utf-8")) if beside else []


def script_of(template: Path) -> dict:
    """The page's script and its hash, so that the page can forbid every other."""
    text = template.with_name("page.js").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
    return {"text": text, "hash": f"sha256-{digest}"}


def page(
    template: Path,
    comparison: Path,
    rows: Sequence[dict[str, str]],
    results: Sequence[dict],
    config: dict,
) -> str:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(template.parent),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found = gather(results, config)
    order = sorted(
        (category for category in found if category not in ELSEWHERE),
        key=lambda category: SECTIONS.index(category) if category in SECTIONS else len(SECTIONS),
    )
    atlas = found.get(ATLAS, [])
    tables = compared_tables(rows)
    in_tables = {entry["name"]: entry for entry in found.get("Tables", [])}
    return environment.get_template(template.name).render(
        script=script_of(template),
        every=compared_numbers(rows, comparison),
        counts=count_verdicts(rows),
        symbols=SYMBOLS,
        total=len(rows),
        telling=count_verdicts(informative(rows)),
        foregone=sum(row.get("why") == "foregone" for row in rows),
        vacuous=sum(row.get("why") == "vacuous" for row in rows),
        expected=f"{expected_differences(rows):.2g}",
        data=name_data(rows),
        comparison=[
            entry
            for entry in found.get("Comparison", [])
            if (entry["name"], entry["kind"]) != ("comparison", "table")  # stands below as `every`
        ],
        differing=explain(rows, "differs"),
        missing=explain(rows, "not comparable"),
        confidence=100 * config["confidence"],
        tables=[table | {"own": in_tables.pop(table["name"], None)} for table in tables],
        atlas=atlas,
        how_to_read=how_to_read(),
        findings=atlas_findings(results),
        sections={
            category: list(in_tables.values()) if category == "Tables" else found[category]
            for category in order
        },
        provenance=found.get("Provenance", []),
        config=yaml.safe_dump(config, allow_unicode=True, default_flow_style=None, width=88),
    )


if __name__ == "__main__":
    with job(snakemake) as log:
        files, params = snakemake.input, snakemake.params
        rows = read_comparison(files.comparison)
        html = page(Path(files.template), Path(files.comparison), rows, params.results, params.config)
        write_text(snakemake.output[0], html)
        log.info("%d results on %.1f MB", len(params.results), len(html.encode()) / 1e6)
