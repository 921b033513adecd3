"""On a line: the share of covered cells that hold a genuine minimum, and what gaps between samples do to it.

    python benchmarks/one_dimension.py [--cells 150]

Gaussian data with d = 1 and bias 0, the signs of the drawn z. N grows as the square root of K: if the share
does not change along with it, the transition lies at an N of order √K. *Evenly spaced* samples keep their
order and their labels, and have no small gap. A gap between unlike labels *holds a hinge* if some neuron
switches on or off between the two samples.
"""

import argparse
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "src"))

from relucells import decide
from relucells.cells.inspection import draw_weights
from relucells.samples.gaussian import two_gaussians
from relucells.samples.randomness import stream
from relucells.transition.geometry import covered

GROWING = ((20, 6), (80, 12), (320, 24))  # (K, N) with N = 1.34 √K
SEED = 20060916


def covered_cells(N: int, K: int, count: int, spaced: bool):
    """``count`` covered cells: verdict, and whether every gap between unlike labels holds a hinge."""
    rng = stream(SEED, "one dimension", N, K, spaced)
    while count:
        X, y = two_gaussians(1, N, rng)
        if spaced:
            places = np.linspace(X[:, 0].min(), X[:, 0].max(), N)
            X[np.argsort(X[:, 0]), 0] = places
        W, z = draw_weights(rng, K, 2, 0.0)
        pattern, signs = X @ W.T > 0, np.where(z > 0, 1, -1)
        if not covered(y, pattern, signs):
            continue
        count -= 1
        order = np.argsort(X[:, 0])
        unlike = np.diff(y[order]) != 0
        crossed = (np.diff(pattern[order].astype(int), axis=0) != 0).any(axis=1)
        yield decide(X, y, pattern, signs, margin="sign").verdict == "genuine", crossed[unlike].all()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--cells", type=int, default=150)
    cells = parser.parse_args().cells
    for K, N in GROWING:
        genuine, hinges = np.array(list(covered_cells(N, K, cells, spaced=False))).T
        with_hinges = f"{genuine[hinges].mean():.2f} of {hinges.sum()}" if hinges.any() else "none"
        print(
            f"K = {K}, N = {N}: genuine {genuine.mean():.2f} of {cells} cells; {with_hinges} where every gap "
            f"holds a hinge, {genuine[~hinges].mean():.2f} of {(~hinges).sum()} elsewhere",
            flush=True,
        )
    for K in (20, 80):
        for spaced in (False, True):
            shares = [
                f"{N}: {np.mean([hit for hit, _ in covered_cells(N, K, cells, spaced)]):.2f}"
                for N in (4, 6, 8, 10, 12, 14, 16, 18, 20)
            ]
            print(
                f"K = {K}, {'evenly spaced' if spaced else 'drawn'}: share at N = {', '.join(shares)}",
                flush=True,
            )


if __name__ == "__main__":
    main()
