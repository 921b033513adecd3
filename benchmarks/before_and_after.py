"""The dear jobs of the paper's target by an older checkout and by this one: CPU time, and equal results.

    python benchmarks/before_and_after.py OLD_CHECKOUT data/subsets/mnist.npz

Each task runs in a process of its own, in turn by both checkouts, three times; the least CPU time counts.
The old checkout may be of version 1, whose modules are imported by their old names, as this one still allows.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve().parent.parent
RUNS = 3


def diameters(_: str) -> list[float]:
    """Table VI on samples like images: 4000 weights along one set of directions."""
    from relucells.diameter import cell_diameters

    rng = np.random.default_rng(0)
    X = np.column_stack([rng.uniform(0, 1, (200, 784)) ** 4, np.ones(200)])
    W, directions = rng.uniform(-0.5, 0.5, (4000, 785)), rng.standard_normal((7840, 785))
    return cell_diameters(X, W, directions).tolist()


def descents(data: str) -> list[float]:
    """Gradient descent from 20 draws at bias 20, 2000 steps at most: outcomes, steps, gradient norms."""
    import relucells.descent as descent

    with np.load(data) as arrays:
        X, y = arrays["X"], arrays["y"]
    rng = np.random.default_rng(1)
    W, z = rng.standard_normal((20, 10, X.shape[1])), rng.standard_normal((20, 10))
    W[:, :, -1] += 20
    z *= 0.3
    if hasattr(descent, "descend_all"):
        runs = descent.descend_all(X, y, W, z, max_steps=2000)
    else:
        from relucells.inputs import prepare

        inputs = prepare(X)
        runs = [descent.descend(inputs, y, *pair, max_steps=2000) for pair in zip(W, z, strict=True)]
    return [value for run in runs for value in (len(run.outcome), run.steps, run.gradient_norm)]


def data_draws(_: str) -> list[float]:
    """Table III's row at bias 0 on two fresh data sets, 20 trials on each."""
    script = next((Path(sys.path[0]) / "..").resolve().glob("**/scripts/**/repeat_data_draws.py"))
    sys.path.append(str(script.parent))
    from repeat_data_draws import repeat_data_draws

    entry = {"d": 10, "K": 50, "N": 400}
    found = repeat_data_draws(1, "gaussian", entry, "0", 2, 20, "added", 60.0)
    return np.concatenate([found[name].ravel() for name in sorted(found)]).astype(float).tolist()


TASKS = {task.__name__: task for task in (diameters, descents, data_draws)}


def source(checkout: Path) -> Path:
    """The folder that holds the package."""
    return next(p for p in (checkout / "src", checkout / "workflow/scripts") if (p / "relucells").is_dir())


def measure(task: str, checkout: Path, data: str) -> tuple[float, list[float]]:
    """CPU seconds of a process that does the task and nothing else, and what it found."""
    one_thread = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [sys.executable, __file__, str(checkout), data, "--task", task]
    done = subprocess.run(command, env=os.environ | one_thread, check=True, capture_output=True, text=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return cpu, json.loads(done.stdout)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("before", type=Path, help="the older checkout")
    parser.add_argument("data", help="an image data set: X and y in an npz file")
    parser.add_argument("--task", choices=TASKS, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.task:
        warnings.simplefilter("ignore", DeprecationWarning)
        sys.path.insert(0, str(source(given.before)))
        print(json.dumps(TASKS[given.task](given.data)))
        return
    for task in TASKS:
        times = {given.before: [], HERE: []}
        for _ in range(RUNS):
            found = {}
            for checkout, seconds in times.items():
                cpu, found[checkout] = measure(task, checkout, given.data)
                seconds.append(cpu)
            np.testing.assert_allclose(found[HERE], found[given.before], rtol=1e-6, atol=1e-9)
        old, new = (min(seconds) for seconds in times.values())
        print(f"{task}: {old:.1f} s before, {new:.1f} s after: {old / new:.1f} times less; equal results")


if __name__ == "__main__":
    main()
