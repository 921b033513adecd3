"""One MNIST trial: relucells beside a direct implementation of the paper's text, on the same cells.

    python benchmarks/mnist_trial.py data/subsets/mnist.npz [--trials 3]

A trial is the activation-cell work of Table IV: the pattern, the minimum (3)–(5), whether it lies in its
cell with every z_j > 0 (7), (9), and gradient descent to its crossing (23), (24). The direct form follows
the paper word for word: A as a dense matrix, its pseudo-inverse, the linear program in c ∈ R^(K(d+1)),
solved by HiGHS through scipy, and descent on the weights themselves. Both must come to the same verdict.
"""

import argparse
import sys
import time
from pathlib import Path

import numpy as np
from scipy.optimize import linprog

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "src"))

from relucells.cells.inspection import draw_weights
from relucells.cells.minimum import cell_minimum
from relucells.cells.pattern import activation_pattern, dense_matrix
from relucells.descent import descend, gradient
from relucells.samples.inputs import prepare
from relucells.samples.randomness import stream
from relucells.search.decide import decide


def by_the_text(X, y, W, z):
    """Verdict of (9) and outcome of descent, without any of the library's mathematics."""
    pattern = X @ W.T > 0
    K = pattern.shape[1]
    A = dense_matrix(X, pattern)
    pseudo_inverse = np.linalg.pinv(A)
    particular = pseudo_inverse @ y
    null = np.eye(A.shape[1]) - pseudo_inverse @ A
    # R* = particular + null c; for each pair, a row of half-space constraints on c. The strict side of
    # (7) is homogeneous only in part, so a margin t ≤ 1 is maximised, as relucells does.
    rows, right, margin = [], [], []
    for j in range(K):
        block = slice(j * X.shape[1], (j + 1) * X.shape[1])
        values, offsets = X @ null[block], X @ particular[block]
        side = np.where(pattern[:, j], -1.0, 1.0)
        rows.append(side[:, None] * values)
        right.append(-side * offsets)
        margin.append(pattern[:, j].astype(float))
    constraints = np.column_stack([np.vstack(rows), np.concatenate(margin)])
    objective = np.zeros(constraints.shape[1])
    objective[-1] = -1.0
    bounds = [(None, None)] * A.shape[1] + [(None, 1.0)]
    solved = linprog(objective, constraints, np.concatenate(right), bounds=bounds, method="highs")
    verdict = "undecided"
    if solved.status == 2:
        verdict = "none"
    elif solved.status == 0:
        verdict = "genuine" if -solved.fun > 1e-9 else "none"
    return verdict, _descend_by_the_text(X, y, W, z)


def _descend_by_the_text(X, y, W, z, step=1e-6, tolerance=1e-3, max_steps=100_000):
    start = X @ W.T
    for _ in range(max_steps):
        by_W, by_z = gradient(X, y, W, z)
        if np.sqrt((by_W**2).sum() + (by_z**2).sum()) < tolerance:
            return "trapped"
        W, z = W - step * by_W, z - step * by_z
        if ((X @ W.T) * start <= 0).any():
            return "crossed"
    return "undecided"


def by_relucells(inputs, y, W, z):
    pattern = activation_pattern(inputs, W)
    cell_minimum(inputs, y, pattern)
    verdict = decide(inputs, y, pattern, "positive", margin="sign").verdict
    return verdict, descend(inputs, y, W, z).outcome


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("subset", help="data/subsets/mnist.npz of a pipeline run")
    parser.add_argument("--trials", type=int, default=3, help="cells for each bias")
    parser.add_argument("--biases", type=float, nargs="+", default=[3, 0, -3, -50])
    options = parser.parse_args()
    with np.load(options.subset) as data:
        X, y = data["X"], data["y"]
    inputs = prepare(X)
    _ = inputs.gram, inputs.rank  # prepared once for all trials, as the pipeline does
    descend(
        inputs, y, np.ones((1, X.shape[1])), np.ones(1), max_steps=0
    )  # loads what is native, once for all
    print(f"{'bias':>5} {'verdict':>10} {'descent':>10} {'direct s':>10} {'relucells ms':>13} {'ratio':>9}")
    ratios = []
    for bias in options.biases:
        for trial in range(options.trials):
            W, z = draw_weights(stream(0, "benchmark", bias, trial), 10, X.shape[1], bias)
            started = time.process_time()
            direct = by_the_text(X, y, W, z)
            middle = time.process_time()
            ours = by_relucells(inputs, y, W, z)
            done = time.process_time()
            if direct[0] == "undecided":
                print(f"{bias:5g} HiGHS gave no verdict on the direct form; not counted")
                continue
            assert direct == ours, f"bias {bias}, trial {trial}: {direct} against {ours}"
            ratio = (middle - started) / (done - middle)
            ratios.append(ratio)
            print(
                f"{bias:5g} {ours[0]:>10} {ours[1]:>10} {middle - started:10.2f} "
                f"{1e3 * (done - middle):13.2f} {ratio:9.0f}"
            )
    print(
        f"median ratio {np.median(ratios):.0f} over {len(ratios)} cells with the same verdict on both sides"
    )


if __name__ == "__main__":
    main()
