"""How the cost of each question grows with N, d and K, one at a time from a middle, with fitted exponents.

    python benchmarks/growth.py [--cells 3] [--exists] [--plot FILE.png]

CPU seconds on Gaussian cells at bias 0, median over cells: the minimum, a decision under each convention,
the check of a decision under the drawn signs, and a step of gradient descent (of 20 runs together, per run).
The data set is prepared. An exponent is the slope of log seconds over the upper half of its values. Set
OPENBLAS_NUM_THREADS=1.
"""

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "src"))

from relucells import cell_minimum, decide, prepare, verify
from relucells.cells.inspection import draw_weights
from relucells.cells.pattern import activation_pattern
from relucells.descent import descend_all
from relucells.samples.gaussian import two_gaussians
from relucells.samples.randomness import stream

MIDDLE = {"N": 200, "d": 10, "K": 10}
GRIDS = {"N": [50, 100, 200, 400, 800, 1600], "d": [2, 5, 10, 20, 40], "K": [2, 5, 10, 20, 40]}
PROGRAMS = 20  # linear programs for one cell under some choice of signs, then it counts as undecided
STEPS, RUNS = 50, 20


def seconds(call: Callable) -> tuple[float, object]:
    start = time.process_time()
    found = call()
    return time.process_time() - start, found


def questions(size: dict[str, int], number: int, exists: bool) -> dict[str, float]:
    """CPU seconds of each question at one cell."""
    name = ("growth", *size.values(), number)
    X, y = two_gaussians(size["d"], size["N"], stream(0, *name, "data"))
    draws = [draw_weights(stream(0, *name, i), size["K"], size["d"] + 1, 0.0) for i in range(RUNS)]
    inputs = prepare(X)
    pattern, signs = activation_pattern(inputs, draws[0][0]), np.where(draws[0][1] > 0, 1, -1)
    cell_minimum(inputs, y, pattern)  # what is computed once for the data set is no part of it
    found = {"cell_minimum": seconds(lambda: cell_minimum(inputs, y, pattern))[0]}
    for convention in ("positive", "uniform", "given", *["exists"] * exists):
        asked = signs if convention == "given" else convention
        limit = PROGRAMS if convention == "exists" else None
        found[f"decide, {convention}"], decision = seconds(
            lambda asked=asked, limit=limit: decide(
                inputs, y, pattern, asked, program_limit=limit, margin="sign"
            )
        )
        if convention == "given":
            found["verify, given"] = seconds(lambda decision=decision: verify(X, y, pattern, decision))[0]
    W, z = (np.stack(parts) for parts in zip(*draws, strict=True))
    spent, runs = seconds(lambda: descend_all(inputs, y, W, 1e-3 * z, 1e-9, 0.0, STEPS))
    found["descent, a step"] = spent / sum(run.steps for run in runs)
    return found


def exponent(values: list[int], costs: np.ndarray) -> float:
    half = len(values) // 2
    return float(np.polyfit(np.log(values[half:]), np.log(costs[half:]), 1)[0])


def draw(table: dict, path: str) -> None:
    from relucells.pipeline.figures import PAGE_WIDTH, SERIES, new_figure, save

    figure, panels = new_figure(3.2, PAGE_WIDTH, 1, 3, sharey=True)
    names = list(next(iter(table["N"].values())))
    for axes, (letter, values) in zip(panels, GRIDS.items(), strict=True):
        slopes = [f"exponent of {letter}"]
        for place, name in enumerate(names):
            costs = np.array([table[letter][value][name] for value in values])
            style = SERIES[place % len(SERIES)] | ({"mfc": "white"} if place >= len(SERIES) else {})
            axes.loglog(values, costs, label=name, **style)
            slopes.append(f"{name}: {exponent(values, costs):.1f}")
        axes.text(0.04, 0.99, "\n".join(slopes), transform=axes.transAxes, va="top", fontsize=6)
        axes.set_xticks(values, [str(value) for value in values])
        axes.minorticks_off()
        axes.set_xlabel(letter)
    panels[0].set_ylabel("seconds of CPU time")
    low, high = panels[0].get_ylim()
    panels[0].set_ylim(low, 30 * high)  # room for the exponents
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=4)
    save(figure, [path])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cells", type=int, default=3)
    parser.add_argument(
        "--exists", action="store_true", help="also some choice of signs, which can take long"
    )
    parser.add_argument("--plot", help="png or pdf")
    given = parser.parse_args()
    questions({"N": 10, "d": 2, "K": 2}, 0, True)  # imports are no part of it
    table: dict[str, dict[int, dict[str, float]]] = {}
    for letter, values in GRIDS.items():
        table[letter] = {}
        for value in values:
            rows = [
                questions(MIDDLE | {letter: value}, number, given.exists) for number in range(given.cells)
            ]
            table[letter][value] = {name: float(np.median([row[name] for row in rows])) for name in rows[0]}
            print(
                letter,
                value,
                {name: f"{cost:.2g}" for name, cost in table[letter][value].items()},
                flush=True,
            )
    print("\n| question | " + " | ".join(f"{letter}: exponent, dearest" for letter in GRIDS) + " |")
    for name in table["N"][MIDDLE["N"]]:
        cells = []
        for letter, values in GRIDS.items():
            costs = np.array([table[letter][value][name] for value in values])
            cells.append(
                f"{exponent(values, costs):.1f}, {costs.max():.2g} s at {values[int(costs.argmax())]}"
            )
        print(f"| {name} | " + " | ".join(cells) + " |")
    if given.plot:
        draw(table, given.plot)


if __name__ == "__main__":
    main()
