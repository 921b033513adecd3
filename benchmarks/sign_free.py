"""Table III under some choice of signs: CPU time of a decision with its check, beside branch and bound.

    python benchmarks/sign_free.py [--cells 3] [--before CHECKOUT]

The cells are the pipeline's first ones at the biases 3, 0 and −3. CHECKOUT is a working tree from before all
signs were refuted at once (commit 81f25f0; ``git worktree add CHECKOUT 81f25f0``): its decision runs in a
process of its own, with the limit of 100 linear programs that the pipeline set. Times are those of one core;
set OPENBLAS_NUM_THREADS=1.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "src"))

from relucells import decide, prepare
from relucells.cells.inspection import draw_weights
from relucells.certify.verify import verification_level
from relucells.samples.gaussian import two_gaussians
from relucells.samples.randomness import stream

SEED, NAME, D, K, N = 20060916, "gaussian_d10_k50", 10, 50, 400
BIASES = (3, 0, -3)

# What runs on the older checkout, with its own package: cells in a file, verdicts and times out.
BEFORE = """
import json, sys, time
import numpy as np
from relucells.genuineness import decide
arrays = np.load(sys.argv[1])
found = []
for pattern in arrays["patterns"]:
    start = time.process_time()
    decision = decide(arrays["X"], arrays["y"], pattern, "exists", margin="sign", program_limit=100)
    found.append((decision.verdict, decision.programs, time.process_time() - start))
print(json.dumps(found))
"""


def cells(bias: int, count: int, X: np.ndarray) -> list[np.ndarray]:
    """The patterns of the pipeline's first trials."""
    draws = (draw_weights(stream(SEED, NAME, str(bias), n), K, D + 1, float(bias))[0] for n in range(count))
    return [X @ W.T > 0 for W in draws]


def at_once(X, y, patterns) -> list[tuple[str, str, float, float]]:
    """Verdict, level, and CPU seconds of each decision and of its check, from raw arrays."""
    found = []
    for pattern in patterns:
        start = time.process_time()
        decision = decide(prepare(X), y, pattern, "exists", margin="sign")
        decided = time.process_time()
        level = verification_level(X, y, pattern, decision)
        found.append((decision.verdict, level, decided - start, time.process_time() - decided))
    return found


def before(checkout: Path, X, y, patterns) -> list[tuple[str, int, float]]:
    """Verdict, programs and CPU seconds of the older checkout's decisions."""
    file = Path(f".benchmark_sign_free.{os.getpid()}.npz")
    np.savez(file, X=X, y=y, patterns=np.stack(patterns))
    package = checkout / ("src" if (checkout / "src").is_dir() else "workflow/scripts")
    environment = {**os.environ, "PYTHONPATH": str(package)}
    try:
        command = [sys.executable, "-c", BEFORE, str(file)]
        run = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    finally:
        file.unlink()
    return json.loads(run.stdout)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cells", type=int, default=3, help="for each bias")
    parser.add_argument("--before", type=Path, metavar="CHECKOUT")
    given = parser.parse_args()
    X, y = two_gaussians(D, N, stream(SEED, NAME, "data"))
    at_once(X, y, cells(0, 1, X))  # imports
    for bias in BIASES:
        patterns = cells(bias, given.cells, X)
        found = at_once(X, y, patterns)
        total = [decided + checked for *_, decided, checked in found]
        proven = sum(verdict == "none" and level == "proven" for verdict, level, *_ in found)
        check = np.median([f[3] for f in found])
        print(
            f"bias {bias}: {proven} of {len(found)} proven none, CPU seconds with the check: median "
            f"{np.median(total):.2f}, largest {max(total):.2f}; the check alone {check:.3f}",
            flush=True,
        )
        if given.before:
            old = before(given.before, X, y, patterns)
            open_cells = sum(verdict == "undecided" for verdict, *_ in old)
            seconds = np.median([s for *_, s in old])
            most = max(programs for _, programs, _ in old)
            print(
                f"    before: {open_cells} of {len(old)} undecided after {most} programs, "
                f"CPU seconds: median {seconds:.1f}, {seconds / np.median(total):.0f} times as long",
                flush=True,
            )


if __name__ == "__main__":
    main()
