"""What results/comparison.csv says as a whole, in words."""

import csv
import os
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from relucells.pipeline.paper import DATA

# A symbol for each verdict, so that colour is not needed to read it.
SYMBOLS = {"agrees": "✓", "differs": "≠", "not comparable": "–"}
# Numbers are compared as printed decimals. The last binary digit must not decide.
SLACK = 1e-9


def read_comparison(path: str | os.PathLike) -> list[dict[str, str]]:
    """The rows of results/comparison.csv, every value as text."""
    with Path(path).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def count_verdicts(rows: Iterable[dict[str, str]]) -> dict[str, int]:
    """How many printed numbers have each verdict."""
    counts = Counter(row["verdict"] for row in rows)
    return {verdict: counts[verdict] for verdict in SYMBOLS}


def name_data(rows: Iterable[dict[str, str]]) -> str:
    """The data behind our numbers and where they came from: ``Gaussian, MNIST (official)``."""
    sources: dict[str, list[str]] = {}
    for row in rows:
        if row["data_source"]:
            found = sources.setdefault(DATA[row["dataset"]], [])
            # Drawn data have no other source than themselves.
            if row["data_source"] not in (*found, row["dataset"]):
                found.append(row["data_source"])
    texts = (f"{name} ({' and '.join(found)})" if found else name for name, found in sources.items())
    return ", ".join(texts) or "none"


def informative(rows: Iterable[dict[str, str]]) -> list[dict[str, str]]:
    """The rows whose comparison could have come out otherwise."""
    return [row for row in rows if row.get("informative") == "yes"]


def expected_differences(rows: Iterable[dict[str, str]]) -> float:
    """How many printed numbers would be called different if all were drawn from the laws of ours."""
    return sum(float(row["size"]) for row in rows if row.get("size"))


def summary_line(rows: list[dict[str, str]]) -> str:
    """One line: the verdicts on all numbers, and on the informative ones."""
    counts, telling = count_verdicts(rows), informative(rows)
    agreeing = count_verdicts(telling)["agrees"]
    idle = Counter(row.get("why") or "" for row in rows)
    return (
        f"{len(rows)} printed numbers: {counts['agrees']} agree, {counts['differs']} differ, "
        f"{counts['not comparable']} not comparable. {agreeing} agree of {len(telling)} informative ones; "
        f"{idle['foregone']} foregone, {idle['vacuous']} vacuous."
    )


def last_line(rows: list[dict[str, str]], reports: list[str]) -> str:
    """The one line with which a run ends."""
    line = f"{summary_line(rows)} Data: {name_data(rows)}."
    return f"{line} Report: {', '.join(reports)}" if reports else line


def half_unit(printed: str) -> float:
    """Half a unit of the last printed digit: the most by which rounding can have moved the number."""
    decimals = len(printed.partition(".")[2])
    return 0.5 * 10.0**-decimals


def judged(printed: str, drawn: float, low: float, high: float) -> dict:
    """The last columns of a row of results/readings.csv.

    The printed number fits if it may have been inside the interval before it was rounded.
    """
    rounding = half_unit(printed) + SLACK
    fits = low - rounding <= float(printed) <= high + rounding
    return {"printed": printed, "drawn": drawn, "low": low, "high": high, "fits": fits}
