"""The results of one complete run, kept in reference/, and how a finished run differs from them.

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
# Columns that tell how a run went, not what it found.
LEFT_OUT = ("seconds", "cpu_s", "peak_mib", "steps")
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


def renew(results: Path, reference: Path) -> list[Path]:
    """Copy the small csv results of a complete run into the reference, with their SHA-256 sums."""
    files = kept(results)
    if not files:
        raise FileNotFoundError(f"{results}: no csv results; run snakemake first")
    for old in reference.rglob("*.csv"):
        old.unlink()
    sums = []
    for path in [*files, *(Path(name) for name in NOT_KEPT if (results / name).is_file())]:
        data = (results / path).read_bytes()
        target = reference / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
        sums.append(f"{hashlib.sha256(data).hexdigest()}  {path.as_posix()}\n")
    (reference / SUMS).write_text("".join(sums), encoding="utf-8")
    return files


def damaged(reference: Path) -> list[str]:
    """A line for each file of the reference that is not what its SHA-256 sum says."""
    lines = []
    for line in (reference / SUMS).read_text(encoding="utf-8").splitlines():
        wanted, _, name = line.partition("  ")
        path = reference / name
        if not path.is_file():
            lines.append(f"{name}: missing from the reference")
        elif hashlib.sha256(path.read_bytes()).hexdigest() != wanted:
            lines.append(f"{name}: differs from its SHA-256 sum")
    return lines


def differences(results: Path, reference: Path) -> tuple[int, list[str]]:
    """(files compared, a line for each difference) of a finished run and the reference.

    Files that the run has not made are not compared: a run of the target `paper` has no transition.
    """
    compared, lines = 0, []
    for path in sorted(reference.rglob("*.csv")):
        name = path.relative_to(reference)
        if name.name in NOT_KEPT or not (results / name).is_file():
            continue
        compared += 1
        lines += [f"{name.as_posix()}: {line}" for line in _compare(results / name, path, _tolerance(name))]
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
