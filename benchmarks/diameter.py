"""Table VI, one entry: relucells beside a plain loop over weights, on the same cells.

    python benchmarks/diameter.py [--d 100] [--N 2000] [--weights 50]

The plain loop computes all chords of a weight at once with numpy, s_i = −(w·x_i)/(δ·x_i) for every
sample and direction, each weight along directions of its own as the paper has it. Both forms get the
same directions in a second comparison, where they must give the same diameters.
"""

import argparse
import sys
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "src"))

from relucells.cells.diameter import cell_diameters
from relucells.samples.gaussian import two_gaussians
from relucells.samples.randomness import stream


def plain(X, w, unit):
    s = -(X @ w) / (unit @ X.T)
    s1 = np.where(s > 0, s, np.inf).min(axis=1)
    s2 = np.where(s < 0, -s, np.inf).min(axis=1)
    return (s1 + s2).max()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--d", type=int, default=100)
    parser.add_argument("--N", type=int, default=2000)
    parser.add_argument("--weights", type=int, default=50)
    given = parser.parse_args()

    rng = stream(0, "benchmark diameter", given.d, given.N)
    X, _ = two_gaussians(given.d, given.N, rng)
    W = rng.uniform(-0.5, 0.5, (given.weights, given.d + 1))

    def draw():
        directions = rng.standard_normal((10 * given.d, given.d + 1))
        return directions / np.linalg.norm(directions, axis=1, keepdims=True)

    unit = draw()
    cell_diameters(X, W[:1], unit)  # native code is loaded here, once for a process
    start = time.perf_counter()
    fast = cell_diameters(X, W, unit)
    fast_time = time.perf_counter() - start
    start = time.perf_counter()
    slow = np.array([plain(X, w, unit) for w in W])
    shared_time = time.perf_counter() - start
    np.testing.assert_allclose(fast, slow, rtol=1e-9)
    start = time.perf_counter()
    for w in W:
        plain(X, w, draw())
    own_time = time.perf_counter() - start
    print(f"{given.weights} weights, d = {given.d}, N = {given.N}; equal diameters to 1e-9")
    print(f"plain loop / relucells: {shared_time / fast_time:.1f}")
    print(f"plain loop with directions of each weight's own / relucells: {own_time / fast_time:.1f}")


if __name__ == "__main__":
    main()
