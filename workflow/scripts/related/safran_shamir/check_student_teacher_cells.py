"""Cell criteria on samples of the student–teacher model, beside the population Hessian test.

The open question of Liu, Part 2: its criterion is made for the minima of a cell. Does it see the spurious
minima of the population objective? For each population minimum and each sample size, samples are drawn and
two questions are asked. Does the cell of that minimum hold a genuine minimum of the empirical loss? And where
does exact descent on the empirical loss lead from there? The criterion can see a differentiable minimum, but
not one on the boundary of cells.

The student's output weights are all +1, so the convention is "every z_j > 0".
"""

import numpy as np

from relucells.cells.minimum import cell_minimum
from relucells.cells.pattern import activation_pattern
from relucells.critical_points.classify import critical_point
from relucells.critical_points.exact_descent import settle
from relucells.pipeline.job import job, write_npz
from relucells.samples.inputs import prepare
from relucells.samples.randomness import stream
from relucells.search.decide import decide


def sample(rng: np.random.Generator, N: int, k: int) -> tuple[np.ndarray, np.ndarray]:
    """X (N, k) of N(0, I) and the teacher's outputs y (N,), Σ_j [e_j·x]_+."""
    X = rng.standard_normal((N, k))
    return X, np.maximum(X, 0).sum(axis=1)


def check_draw(X: np.ndarray, y: np.ndarray, W: np.ndarray, settings: dict) -> dict:
    """One data set and the student W (n, k): its cell, and where exact descent from it ends."""
    inputs = prepare(X)
    pattern = activation_pattern(inputs, W)
    cell = cell_minimum(inputs, y, pattern)
    decision = decide(inputs, y, pattern, "positive", settings["time_limit"], margin="sign")
    end = settle(inputs, y, W, np.ones(len(W)), settings["max_cells"])
    point = critical_point(inputs, y, end.W, end.z)
    student = end.W * np.abs(end.z)[:, None]
    at_end = decide(
        inputs, y, activation_pattern(inputs, end.W), "positive", settings["time_limit"], margin="sign"
    )
    return {
        "full_column_rank": cell.unique,
        "cell_loss": cell.loss,
        "loss": np.mean((np.maximum(X @ W.T, 0).sum(axis=1) - y) ** 2),
        "verdict": decision.verdict,
        "end": point.kind,
        "end_loss": point.loss,
        "end_kinks": point.kinks,
        "end_distance": np.linalg.norm(student - W) / np.linalg.norm(W),
        "end_signs_kept": bool((end.z > 0).all()),
        "end_verdict": at_end.verdict,
    }


def check_student_teacher_cells(seed: int, k: int, n: int, minima: np.ndarray, settings: dict) -> dict:
    """Arrays with one entry for each (minimum, N, draw); minimum −1 is the teacher, a global minimum."""
    students = {number: W for number, W in enumerate(minima[: settings["minima"]])}
    if n == k:
        students[-1] = np.eye(k)
    rows = []
    for number, W in students.items():
        for N in settings["samples"]:
            for draw in range(settings["draws"]):
                # The data are the same for every minimum, so that only the minimum differs.
                X, y = sample(stream(seed, "student_teacher_cells", k, n, N, draw), N, k)
                row = {"minimum": number, "N": N, "draw": draw}
                rows.append(row | check_draw(X, y, W, settings))
    return {name: np.array([row[name] for row in rows]) for name in (rows[0] if rows else ())}


def summary(result: dict[str, np.ndarray]) -> str:
    """A line for the log."""
    if not result:
        return "no spurious minimum"
    spurious = result["minimum"] >= 0
    genuine = (result["verdict"][spurious] == "genuine").sum()
    smooth = (result["end"][spurious] == "differentiable minimum").sum()
    found = f"{genuine} cells with a genuine minimum, {smooth} differentiable end points"
    return f"{spurious.sum()} draws at spurious minima: {found}"


if __name__ == "__main__":
    with job(snakemake) as log:
        wildcards, params = snakemake.wildcards, snakemake.params
        with np.load(snakemake.input[0]) as file:
            minima = file["minima"][np.argsort(-file["count"], kind="stable")]
        k, n = int(wildcards.k), int(wildcards.n)
        result = check_student_teacher_cells(params.seed, k, n, minima, params.settings)
        write_npz(snakemake.output[0], **result)
        log.info("%s", summary(result))
