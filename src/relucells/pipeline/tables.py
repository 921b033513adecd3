"""One frame as csv for programs, Markdown for readers and LaTeX for papers."""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import pandas as pd

from relucells.pipeline.comparability import classes_text
from relucells.pipeline.job import write_csv, write_text
from relucells.pipeline.paper import DATA, STAND_IN
from relucells.statistics import wilson

STAND_IN_NOTE = "Rows from stand-in images are not comparable with the paper."


def with_facts(datasets: Mapping[str, dict], files: Iterable[str]) -> dict[str, dict]:
    """The config's entries, with facts from the file of their subset.

    These are ``dataset`` (the paper's name where it has one), ``N``, ``d``, ``data_source``, and ``classes``
    as tables name them.
    """
    known = {}
    for (name, entry), path in zip(datasets.items(), files, strict=True):
        with np.load(path) as data:
            N, D = data["X"].shape
            source = str(data["data_source"])
        kind = entry["source"] if entry["source"] in DATA else name
        facts = {"dataset": kind, "N": N, "d": D - 1, "data_source": source}
        known[name] = entry | facts | {"classes": classes_text(entry)}
    return known


def stand_in_notes(frame: pd.DataFrame) -> list[str]:
    """The note below a table of which some rows come from stand-in images."""
    return [STAND_IN_NOTE] if (frame["data_source"] == STAND_IN).any() else []


def with_classes(shown: pd.DataFrame, frame: pd.DataFrame) -> pd.DataFrame:
    """A readable table with the classes of its images, if it has any, beside the data set."""
    if "classes" not in frame or not frame["classes"].any():
        return shown
    shown = shown.copy()
    shown.insert(1, "classes", frame["classes"].replace("", "—"))
    return shown


def with_interval(frame: pd.DataFrame, column: str, digits: int) -> pd.Series:
    """``column`` with its ``_low`` and ``_high`` as text: ``91.3 [90.9, 91.7]``."""

    def cell(row) -> str:
        value, low, high = row[column], row[f"{column}_low"], row[f"{column}_high"]
        if pd.isna(value):
            return "—"
        if pd.isna(low):
            return f"{value:.{digits}f}"
        return f"{value:.{digits}f} [{low:.{digits}f}, {high:.{digits}f}]"

    return pd.Series([cell(row) for row in frame.to_dict("records")], index=frame.index, dtype=object)


def part(outputs: Mapping[str, str], prefix: str) -> dict[str, str]:
    """The files of one of several tables of a rule, whose outputs are named ``{prefix}csv`` and so on."""
    return {suffix: outputs[prefix + suffix] for suffix in ("csv", "md", "tex")}


def write_table(
    frame: pd.DataFrame,
    shown: pd.DataFrame,
    outputs: Mapping[str, str],
    title: str,
    notes: Sequence[str] = (),
) -> None:
    """Write ``frame`` to ``outputs['csv']``, and the readable ``shown`` to ``outputs['md']`` and ``['tex']``.

    ``shown`` has its headers as column names and text in its cells; ``notes`` follow the table.
    """
    write_csv(outputs["csv"], frame)
    shown = shown.astype(str)
    names = [str(name) for name in shown]
    widths = [max(len(name), *map(len, shown[name])) if len(shown) else len(name) for name in names]
    lines = [
        f"# {title}",
        "",
        _row(names, widths),
        _row(["-" * width for width in widths], widths),
        *(_row(row, widths) for row in shown.itertuples(index=False)),
        *(line for note in notes for line in ("", note)),
    ]
    write_text(outputs["md"], "\n".join(lines) + "\n")
    latex = [
        r"\begin{table}",
        r"\centering",
        rf"\caption{{{tex(title)}}}",
        rf"\begin{{tabular}}{{{'r' * len(shown.columns)}}}",
        r"\hline",
        " & ".join(map(tex, shown.columns)) + r" \\",
        r"\hline",
        *(" & ".join(map(tex, row)) + r" \\" for row in shown.itertuples(index=False)),
        r"\hline",
        r"\end{tabular}",
        *(rf"\par\smallskip\footnotesize {tex(note)}" for note in notes),
        r"\end{table}",
    ]
    write_text(outputs["tex"], "\n".join(latex) + "\n")


def _row(cells: Sequence[str], widths: Sequence[int]) -> str:
    return "| " + " | ".join(cell.rjust(width) for cell, width in zip(cells, widths, strict=True)) + " |"


_TEX = str.maketrans(
    {
        "%": r"\%",
        "_": r"\_",
        "&": r"\&",
        "#": r"\#",
        "$": r"\$",
        "{": r"\{",
        "}": r"\}",
        "^": r"\^{}",
        "~": r"\~{}",
        "\\": r"\textbackslash{}",
        "−": "$-$",
        "±": r"$\pm$",
        "×": r"$\times$",
        "≤": r"$\le$",
        "≥": r"$\ge$",
        "—": "---",
        "–": "--",
        "∞": r"$\infty$",
    }
)


def tex(text: str) -> str:
    """Text with LaTeX's special characters escaped."""
    return text.translate(_TEX)


def share(hits: np.ndarray, confidence: float) -> tuple[float, float, float]:
    """Percentage with its interval; NaN where there is nothing to count."""
    if not len(hits):
        return np.nan, np.nan, np.nan
    return 100 * hits.mean(), *(100 * end for end in wilson(int(hits.sum()), len(hits), confidence))
