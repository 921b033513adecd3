"""The results of one complete run, kept in reference/, and how a finished run differs from them.

A *part* of the reference is a folder of results, or the files outside any folder. A run that has made nothing
of a part leaves it as it is. A folder with sums of its own holds a run with other settings: it is left alone.

A verdict has to be equal. A number has to be equal within the tolerance of its file. Most results come back
to the last printed digit. Sums in another order, and descents that end one step later, differ by rounding.
Results of an optimiser differ by more.
"""

import hashlib
import math
from pathlib import Path

import pandas as pd

# Relative tolerances; the first pattern that fits a file counts. The absolute tolerance of a column is the
# same times its largest number.
TOLERANCES = {
    "related/*": 1e-3,  # end points of optimisers
    "transition/*": 1e-6,
    "*": 1e-6,
}
# Columns that tell how a run went, not what it found; and residuals that are rounding alone.
LEFT_OUT = (
    "seconds",
    "cpu_s",
    "peak_mib",
    "steps",
    "gradient_norm",
    "evidence",
    "saddle_evidence",
    "closed_cell_evidence",
)
# Files that differ from run to run by nature: kept, and not compared.
NOT_KEPT = ("provenance.csv", "costs.csv")
LARGEST = 200_000  # bytes of a file that is kept, ...
LARGER = ("transition/points.csv",)  # ... but for these, which docs/findings.md counts in
SUMS = "SHA256SUMS"


def kept(results: Path) -> list[Path]:
    """The csv files of a run that the reference keeps, relative to its folder: small ones and ``LARGER``."""
    files = {path.relative_to(results): path.stat().st_size for path in results.rglob("*.csv")}
    return sorted(
        path
        for path, size in files.items()
        if path.name not in NOT_KEPT and (size <= LARGEST or path.as_posix() in LARGER)
    )


def renew(results: Path, reference: Path) -> tuple[list[Path], list[str]]:
    """Copy the small csv results of a run into the reference, with their SHA-256 sums.

    Returns the files of the run that are kept, and the parts that stay as they were.
    """
    files = kept(results)
    if not files:
        raise FileNotFoundError(f"{results}: no csv results; run snakemake first")
    files += [Path(name) for name in NOT_KEPT if (results / name).is_file()]
    made = {_part(path) for path in files}
    old = _own(reference)
    for name in old:
        if _part(name) in made:
            (reference / name).unlink()
    for name in files:
        target = reference / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes((results / name).read_bytes())
    sums = [f"{_sum(reference / name)}  {name.as_posix()}\n" for name in _own(reference)]
    (reference / SUMS).write_text("".join(sums), encoding="utf-8")
    return files, sorted({_part(name) for name in old} - made)


def _part(name: Path) -> str:
    return name.parts[0] if len(name.parts) > 1 else "."


def _own(reference: Path) -> list[Path]:
    """The csv files of a reference, relative to it, without those of folders with sums of their own."""
    apart = {path.parent for path in reference.rglob(SUMS)} - {reference}
    return sorted(
        path.relative_to(reference) for path in reference.rglob("*.csv") if not apart & set(path.parents)
    )


def _sum(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def damaged(reference: Path) -> list[str]:
    """A line for each file of the reference that is not what its SHA-256 sum says."""
    lines = []
    for sums in sorted(reference.rglob(SUMS)):
        for line in sums.read_text(encoding="utf-8").splitlines():
            wanted, _, name = line.partition("  ")
            path = sums.parent / name
            shown = path.relative_to(reference).as_posix()
            if not path.is_file():
                lines.append(f"{shown}: missing from the reference")
            elif _sum(path) != wanted:
                lines.append(f"{shown}: differs from its SHA-256 sum")
    return lines


def differences(results: Path, reference: Path) -> tuple[int, list[str]]:
    """(files compared, a line for each difference) of a finished run and the reference.

    Files that the run has not made are not compared: a run of the target `paper` has no transition.
    """
    compared, lines = 0, []
    for name in _own(reference):
        if name.name in NOT_KEPT or not (results / name).is_file():
            continue
        compared += 1
        found = _compare(results / name, reference / name, _tolerance(name))
        lines += [f"{name.as_posix()}: {line}" for line in found]
    return compared, lines


def _tolerance(name: Path) -> float:
    return next(value for pattern, value in TOLERANCES.items() if name.match(pattern))


def _compare(ours: Path, theirs: Path, tolerance: float) -> list[str]:
    """What differs between two csv files, one line for each column that does."""
    try:
        a, b = (pd.read_csv(path, dtype=str, keep_default_na=False) for path in (ours, theirs))
    except pd.errors.EmptyDataError:
        return [] if ours.read_bytes() == theirs.read_bytes() else ["one of the two is empty"]
    if list(a.columns) != list(b.columns):
        return [f"columns {sorted(set(a.columns) ^ set(b.columns))} are in one of the two only"]
    if len(a) != len(b):
        return [f"{len(a)} rows instead of {len(b)}"]
    lines = []
    for column in a.columns:
        if column in LEFT_OUT:
            continue
        scale = max(
            (abs(_number(value)) for value in b[column] if math.isfinite(_number(value))), default=0.0
        )
        wrong = [
            row
            for row, pair in enumerate(zip(a[column], b[column], strict=True))
            if not _same(*pair, tolerance, scale)
        ]
        if wrong:
            row = wrong[0]
            lines.append(
                f"{column} differs in {len(wrong)} of {len(a)} rows, "
                f"first in row {row + 1}: {a[column][row]} instead of {b[column][row]}"
            )
    return lines


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan


def _same(a: str, b: str, tolerance: float, scale: float) -> bool:
    if a == b:
        return True
    x, y = _number(a), _number(b)
    return math.isfinite(x) and math.isfinite(y) and abs(x - y) <= tolerance * max(abs(y), scale)
