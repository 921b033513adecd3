"""Seconds of a decision while every core is busy, with BLAS on one thread and on as many as it likes.

    python benchmarks/busy_cores.py [--repetitions 5]

The library keeps BLAS on one thread for small products (``relucells.samples.threads``): several threads
wait for each other where cores are busy. One process for each core counts in a loop meanwhile. The cell is
one of Table III's size, the decision that of every z_j > 0. Start it without OPENBLAS_NUM_THREADS.
"""

import argparse
import multiprocessing
import os
import sys
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "src"))

from relucells.samples.gaussian import two_gaussians
from relucells.samples.inputs import prepare
from relucells.samples.randomness import stream
from relucells.search.decide import decide


def count_for_ever() -> None:
    while True:
        pass


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repetitions", type=int, default=5)
    given = parser.parse_args()
    rng = stream(0, "benchmark busy cores")
    X, y = two_gaussians(10, 400, rng)
    inputs, pattern = prepare(X), X @ rng.standard_normal((50, 11)).T > 0
    decide(inputs, y, pattern, "positive", margin="sign")
    busy = [multiprocessing.Process(target=count_for_ever, daemon=True) for _ in range(os.cpu_count() or 1)]
    for process in busy:
        process.start()
    try:
        for name, call in (("one thread", decide), ("as many as BLAS likes", decide.__wrapped__)):
            seconds = []
            for _ in range(given.repetitions):
                start = time.perf_counter()
                call(inputs, y, pattern, "positive", margin="sign")
                seconds.append(time.perf_counter() - start)
            print(f"{name}: median {1e3 * np.median(seconds):.0f} ms, longest {1e3 * max(seconds):.0f} ms")
    finally:
        for process in busy:
            process.terminate()


if __name__ == "__main__":
    main()
