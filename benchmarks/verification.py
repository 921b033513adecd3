"""Checking certificates: its cost beside that of deciding, its levels, and exact arithmetic by FLINT.

    python benchmarks/verification.py tables [--cells 5] [--images SUBSET.npz ...] [--before FOLDER]
    python benchmarks/verification.py flint [--unknowns 40]

``tables`` decides cells of Tables I to V under every sign convention, counts the levels of their checks, and
compares the CPU time of checking one decision from raw arrays with that of deciding it; with --before, a
checkout of another commit whose ``relucells`` (in src or workflow/scripts) decides the same cells in a
process of its own. ``flint`` solves a system of that many unknowns over the rationals by FLINT and by
Fractions.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from collections import Counter
from fractions import Fraction
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "src"))

BIASES = (20, 3, 0, -3, -20)
# Solutions by FLINT, of whose times the median counts.
REPEATS = 9
TABLES = {"Table I": (3, 10, 2000), "Table II": (3, 20, 2000), "Table III": (10, 50, 400)}

# Decides the cells of an npz and writes the seconds of each convention; the names are version 1's.
DECIDER = """
import sys, time, warnings
import numpy as np
sys.path.insert(0, sys.argv[1])
warnings.simplefilter("ignore")
try:
    from relucells.genuineness import decide
except ImportError:
    from relucells import decide
cells = np.load(sys.argv[2])
X, y, seconds = cells["X"], cells["y"], []
decide(X, y, cells["pattern"][0], "positive", margin="sign")
for pattern, z in zip(cells["pattern"], cells["z"]):
    for signs in ("positive", "uniform", np.where(z > 0, 1, -1), "exists"):
        start = time.process_time()
        decide(X, y, pattern, signs, margin="sign", program_limit=200)
        seconds.append(time.process_time() - start)
np.save(sys.argv[3], seconds)
"""


def data_of(name: str, given) -> tuple[np.ndarray, np.ndarray, int]:
    """X, y and K of a table."""
    from relucells.samples.gaussian import two_gaussians
    from relucells.samples.randomness import stream

    if name in TABLES:
        d, K, N = TABLES[name]
        return *two_gaussians(d, N, stream(0, "benchmark verification", name)), K
    with np.load(name) as subset:
        return subset["X"], subset["y"], 10


def before(folder: str, X, y, cells) -> np.ndarray:
    """Seconds of each decision by another checkout."""
    code = next(path for path in (Path(folder, "src"), Path(folder, "workflow/scripts")) if path.exists())
    with tempfile.TemporaryDirectory() as work:
        np.savez(f"{work}/cells.npz", X=X, y=y, pattern=[c[0] for c in cells], z=[c[1] for c in cells])
        subprocess.run(
            [sys.executable, "-c", DECIDER, code, f"{work}/cells.npz", f"{work}/seconds.npy"], check=True
        )
        return np.load(f"{work}/seconds.npy")


def tables(given) -> None:
    from relucells import decide, verification_level
    from relucells.cells.inspection import draw_weights
    from relucells.samples.randomness import stream

    for name in (*TABLES, *given.images):
        X, y, K = data_of(name, given)
        cells = []
        for bias in BIASES:
            for n in range(given.cells):
                W, z = draw_weights(
                    stream(0, "benchmark verification", name, bias, n), K, X.shape[1], float(bias)
                )
                cells.append((X @ W.T > 0, z))
        levels, checking, deciding, unproven = Counter(), [], [], []
        for n, (pattern, z) in enumerate(cells):
            for signs in ("positive", "uniform", np.where(z > 0, 1, -1), "exists"):
                start = time.process_time()
                decision = decide(X, y, pattern, signs, margin="sign", program_limit=200)
                middle = time.process_time()
                level = verification_level(X, y, pattern, decision)
                deciding.append(middle - start)
                checking.append(time.process_time() - middle)
                levels[level if decision.verdict != "undecided" else "undecided"] += 1
                if decision.verdict != "undecided" and level != "proven":
                    unproven.append((n, decision.convention, decision.verdict, level))
        found = {"checking": checking, "deciding": deciding}
        if given.before:
            found["deciding before"] = before(given.before, X, y, cells)
        times = ", ".join(
            f"{what} {1e3 * np.mean(seconds):.3g} ms (median {1e3 * np.median(seconds):.3g})"
            for what, seconds in found.items()
        )
        print(f"{Path(name).stem}: {dict(levels)}; CPU time of a decision: {times}", flush=True)
        if unproven:
            print(f"  not proven: {unproven}", flush=True)


def solve_by_fractions(matrix: np.ndarray, right: np.ndarray) -> list[Fraction]:
    """Gaussian elimination on the rational numbers that the floats are."""
    n = len(matrix)
    rows = [
        [*map(Fraction, row), Fraction(b)] for row, b in zip(matrix.tolist(), right.tolist(), strict=True)
    ]
    for k in range(n):
        pivot = next(i for i in range(k, n) if rows[i][k])
        rows[k], rows[pivot] = rows[pivot], rows[k]
        for i in range(k + 1, n):
            factor = rows[i][k] / rows[k][k]
            rows[i] = [a - factor * b for a, b in zip(rows[i], rows[k], strict=True)]
    found = [Fraction(0)] * n
    for k in reversed(range(n)):
        rest = sum(rows[k][j] * found[j] for j in range(k + 1, n))
        found[k] = (rows[k][n] - rest) / rows[k][k]
    return found


def flint(given) -> None:
    from flint import fmpq

    from relucells.certify import dyadic
    from relucells.samples.randomness import stream

    n = given.unknowns
    rng = stream(0, "benchmark flint", n)
    matrix, right = rng.standard_normal((n, n)), rng.standard_normal(n)
    times = []
    for _ in range(REPEATS):  # the first one takes twice as long, whatever the system
        start = time.process_time()
        table, exponents = dyadic.integers(matrix)
        column, unit = dyadic.whole(right[:, None])
        found = dyadic.matrix(table, n).solve(dyadic.matrix(column, 1))
        times.append(time.process_time() - start)
    fast = float(np.median(times))
    start = time.process_time()
    wanted = solve_by_fractions(matrix, right)
    slow = time.process_time() - start
    same = all(
        found[k, 0] == dyadic.power(e - unit) * fmpq(w.numerator, w.denominator)
        for k, (e, w) in enumerate(zip(exponents, wanted, strict=True))
    )
    print(
        f"{n} unknowns: {1e3 * fast:.3g} ms, Fractions {slow:.3g} s, {slow / fast:,.0f} times; equal: {same}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("part", choices=["tables", "flint"])
    parser.add_argument("--cells", type=int, default=5, help="for each bias")
    parser.add_argument("--images", nargs="*", default=[], help="npz with X and y of Tables IV and V")
    parser.add_argument("--before", help="checkout of another commit")
    parser.add_argument("--unknowns", type=int, default=40)
    given = parser.parse_args()
    globals()[given.part](given)


if __name__ == "__main__":
    main()
