"""Deciding genuineness: relucells beside the paper's linear program, and beside enumeration.

    python benchmarks/genuineness.py images data/subsets/mnist.npz [--cells 10] [--time-limit 300]
    python benchmarks/genuineness.py gaussian [--cells 3] [--time-limit 600]
    python benchmarks/genuineness.py enumeration [--cells 5]

The paper's program (9) seeks c ∈ R^(K(d+1)) such that R* = A⁺y + (I − A⁺A)c satisfies (7) or (8), with
a dummy objective; here HiGHS solves it through scipy, and only the solver's own time counts. Where HiGHS
gives no verdict within the limit, that is counted, its time is a lower bound, and it is not called
agreement. Everything else is timed whole. Ratios are over the cells of one run: of the total times, which is
what a table costs, and the median over cells, because few cells make most of the total. Images take the
biases of Tables IV and V in turn.
"""

import argparse
import itertools
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import yaml
from scipy.optimize import linprog

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "src"))

from relucells.cells.inspection import draw_weights
from relucells.cells.pattern import dense_matrix
from relucells.certify.verify import verify
from relucells.samples.gaussian import two_gaussians
from relucells.samples.inputs import prepare
from relucells.samples.randomness import stream
from relucells.search.decide import decide

ROOT = Path(__file__).resolve().parent.parent
# How strictly positive the paper's program keeps the active side; labels are ±1.
STRICT = 1e-6


def paper_program(X, y, pattern, signs, time_limit: float) -> tuple[str | None, float]:
    """Verdict of (9) for the given signs, None if HiGHS has none, and the seconds it took."""
    N, D = X.shape
    A = dense_matrix(X, pattern)
    pseudo_inverse = np.linalg.pinv(A)
    particular = pseudo_inverse @ y
    K = pattern.shape[1]
    matrix, limits = np.zeros((N * K, K * D)), np.zeros(N * K)
    for j in range(K):
        rows, block = slice(j * N, (j + 1) * N), slice(j * D, (j + 1) * D)
        side = np.where(pattern[:, j], -signs[j], signs[j])[:, None] * X
        matrix[rows] = -(side @ pseudo_inverse[block]) @ A
        matrix[rows, block] += side
        limits[rows] = -side @ particular[block] - STRICT * pattern[:, j]
    start = time.perf_counter()
    solved = linprog(
        np.zeros(K * D),
        matrix,
        limits,
        bounds=(None, None),
        method="highs",
        options={"time_limit": time_limit},
    )
    seconds = time.perf_counter() - start
    return {0: "genuine", 2: "none"}.get(solved.status), seconds


def timed(call: Callable, *arguments, repetitions: int = 1):
    """The result and the median seconds of several calls."""
    seconds = []
    for _ in range(repetitions):
        start = time.perf_counter()
        result = call(*arguments)
        seconds.append(time.perf_counter() - start)
    return result, float(np.median(seconds))


def sign_of(X, y, pattern, signs):
    """The decision that the pipeline asks for: the margin's sign, not its value."""
    return decide(X, y, pattern, signs, margin="sign")


def each_in_turn(X, y, pattern) -> str:
    """The verdict of "exists" by trying all 2^K sign vectors."""
    for signs in itertools.product((1, -1), repeat=pattern.shape[1]):
        if sign_of(X, y, pattern, signs).verdict == "genuine":
            return "genuine"
    return "none"


def compare(name: str, X, y, cells, signs_of: Callable, time_limit: float) -> None:
    """Print the ratios for cells (pattern, z) under the signs that ``signs_of`` makes of z."""
    prepared = prepare(X)
    decide(prepared, y, cells[0][0], signs_of(cells[0][1]), margin="sign")
    times, agreed, silent = [], 0, 0
    for pattern, z in cells:
        signs = signs_of(z)
        verdict, paper = paper_program(X, y, pattern, signs, time_limit)
        decision, quick = timed(sign_of, prepared, y, pattern, signs, repetitions=5)
        _, raw = timed(sign_of, X, y, pattern, signs, repetitions=3)
        assert verify(prepared, y, pattern, decision)
        silent += verdict is None
        agreed += verdict == decision.verdict
        times.append((paper, raw, quick))
        print(
            f"  {name}: HiGHS {verdict or 'no verdict'} in {paper:.3g} s, relucells {decision.verdict} "
            f"in {1e3 * raw:.3g} ms from raw arrays, {1e3 * quick:.3g} ms prepared",
            flush=True,
        )
    differed = len(cells) - agreed - silent
    paper, raw, quick = np.array(times).T
    for source, ours in (("from raw arrays", raw), ("prepared", quick)):
        print(
            f"{name}: paper's program / relucells {source}: {paper.sum() / ours.sum():,.0f} in total, "
            f"median {np.median(paper / ours):,.0f}"
        )
    print(f"{name}: {agreed} agree, {differed} differ, {silent} without a verdict of HiGHS")


def drawn_cells(X, K: int, biases, cells: int, name: str):
    """(pattern, z) of random weights, the biases in turn."""
    found = []
    for n, bias in zip(range(cells), itertools.cycle(biases), strict=False):
        W, z = draw_weights(stream(0, "benchmark genuineness", name, n), K, X.shape[1], bias)
        found.append((X @ W.T > 0, z))
    return found


def images(given) -> None:
    config = yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8"))
    biases = {name: entry["biases"] for name, entry in config["datasets"].items()}
    for path in given.subsets:
        with np.load(path) as data:
            X, y = data["X"], data["y"]
        cells = drawn_cells(X, 10, biases[Path(path).stem], given.cells, Path(path).stem)
        name = f"{Path(path).stem}, every z > 0"
        compare(name, X, y, cells, lambda z: np.ones(10, dtype=int), given.time_limit)


def gaussian(given) -> None:
    X, y = two_gaussians(10, 400, stream(0, "benchmark genuineness"))
    cells = drawn_cells(X, 50, (0, 3, -3), given.cells, "gaussian")
    compare("Table III, drawn signs", X, y, cells, lambda z: np.where(z > 0, 1, -1), given.time_limit)


def enumeration(given) -> None:
    """All 2^K sign vectors, each by relucells itself, until one is genuine."""
    X, y = two_gaussians(3, 2000, stream(0, "benchmark genuineness"))
    prepared, ratios = prepare(X), []
    for pattern, _ in drawn_cells(X, 10, (0, 3, -3), given.cells, "enumeration"):
        decision, quick = timed(sign_of, prepared, y, pattern, "exists", repetitions=3)

        verdict, seconds = timed(each_in_turn, prepared, y, pattern)
        assert verdict == decision.verdict
        ratios.append(seconds / quick)
        print(
            f"  {verdict}: {seconds:.3g} s by enumeration, {1e3 * quick:.3g} ms by branch and bound",
            flush=True,
        )
    print(f"Table I, K = 10: enumeration / relucells {np.median(ratios):,.0f}, all verdicts equal")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("part", choices=["images", "gaussian", "enumeration"])
    parser.add_argument("subsets", nargs="*", help="npz with X and y, for images")
    parser.add_argument("--cells", type=int, default=5)
    parser.add_argument("--time-limit", type=float, default=300, help="seconds for HiGHS on one cell")
    given = parser.parse_args()
    if given.part == "images" and not given.subsets:
        parser.error("images: name at least one data/subsets/*.npz, as the pipeline makes them")
    globals()[given.part](given)


if __name__ == "__main__":
    main()
