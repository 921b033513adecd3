"""Verdicts beside those of general solvers on the paper's formulation: same cells, CPU time of each.

    python benchmarks/peers.py [--cells 8] [--limit 20]

The paper's program is over c in R^(K·D): with R = A⁺y + (I − A⁺A)c, the largest t ≤ 1 with
s_j R_j·x_i ≥ t on active pairs and ≤ 0 on inactive ones, for the signs of the drawn z; the minimum is genuine
if t > 0. HiGHS solves it by its simplex and by its interior-point method, Clarabel through cvxpy. Under some
choice of signs every s_j is a binary variable with an indicator constraint on each pair, and SCIP solves it
(PySCIPOpt). A peer fails where it reports no optimum within the limit, raises an error, or differs from the
verdict of ``decide``, whose certificate is verified. Times include A⁺ and the model; set
OPENBLAS_NUM_THREADS=1.
"""

import argparse
import contextlib
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "src"))

from relucells import decide, verify
from relucells.cells.inspection import draw_weights
from relucells.cells.pattern import activation_pattern, dense_matrix
from relucells.samples.gaussian import two_gaussians
from relucells.samples.randomness import stream

POSITIVE = 1e-7  # a margin above it counts as positive: what the solvers' tolerances allow to tell
# d, K, N and bias of the cells: minimisers are not unique, so that the program has something to decide.
SIZES = ((3, 10, 10, 0.0), (3, 10, 20, 0.0), (10, 10, 40, 0.0), (10, 10, 40, 3.0))


def minimisers(X, y, pattern):
    """A⁺y and I − A⁺A of the dense A, (K·D,) and (K·D, K·D)."""
    A = dense_matrix(X, pattern)
    inverse = np.linalg.pinv(A)
    return inverse @ y, np.eye(A.shape[1]) - inverse @ A


def rows(X, pattern):
    """The row of R_j·x_i in vec(R), (N·K, K·D), sample by sample."""
    N, K = pattern.shape
    found = np.zeros((N, K, K, X.shape[1]))
    for j in range(K):
        found[:, j, j] = X
    return found.reshape(N * K, -1)


def constraints(X, y, pattern, signs):
    """M, q with M c + q the values s_j R_j·x_i of all pairs."""
    start, kernel = minimisers(X, y, pattern)
    values = rows(X, pattern) * np.tile(signs, len(X))[:, None]
    return values @ kernel, values @ start


def by_highs(method: str) -> Callable:
    def solve(X, y, pattern, signs, limit):
        from scipy.optimize import linprog

        M, q = constraints(X, y, pattern, signs)
        on = pattern.ravel()
        left = np.concatenate([np.c_[-M[on], np.ones(on.sum())], np.c_[M[~on], np.zeros((~on).sum())]])
        found = linprog(
            -np.eye(left.shape[1])[-1],
            left,
            np.concatenate([q[on], -q[~on]]),
            bounds=[(None, None)] * M.shape[1] + [(None, 1)],
            method=method,
            options={"time_limit": limit},
        )
        if found.status == 2:  # not even with a negative t
            return "none"
        if found.status != 0:
            raise RuntimeError(found.message)
        return "genuine" if -found.fun > POSITIVE else "none"

    return solve


def by_clarabel(X, y, pattern, signs, limit):
    import cvxpy

    M, q = constraints(X, y, pattern, signs)
    on = pattern.ravel()
    c, t = cvxpy.Variable(M.shape[1]), cvxpy.Variable()
    asked = [t <= 1, M[on] @ c + q[on] >= t]
    if not on.all():
        asked.append(M[~on] @ c + q[~on] <= 0)
    problem = cvxpy.Problem(cvxpy.Maximize(t), asked)
    problem.solve(solver=cvxpy.CLARABEL, time_limit=limit)
    if problem.status == "infeasible":
        return "none"
    if problem.status != "optimal":
        raise RuntimeError(problem.status)
    return "genuine" if t.value > POSITIVE else "none"


def by_scip(X, y, pattern, _, limit):
    from pyscipopt import Model, quicksum

    M, q = constraints(X, y, pattern, np.ones(pattern.shape[1]))
    model = Model()
    model.hideOutput()
    model.setParam("limits/time", limit)
    c = [model.addVar(lb=None) for _ in range(M.shape[1])]
    t = model.addVar(lb=-1e3, ub=1)
    positive = [model.addVar(vtype="B") for _ in range(pattern.shape[1])]
    negative = [model.addVar(vtype="B") for _ in positive]
    for one, other in zip(positive, negative, strict=True):
        model.addCons(one + other == 1)
    for place, on in enumerate(pattern.ravel()):
        j = place % pattern.shape[1]
        value = quicksum(float(a) * v for a, v in zip(M[place], c, strict=True) if abs(a) > 1e-12) + float(
            q[place]
        )
        for sign, chosen in ((1, positive[j]), (-1, negative[j])):
            model.addConsIndicator((t - sign * value if on else sign * value) <= 0, binvar=chosen)
    model.setObjective(t, "maximize")
    model.optimize()
    if model.getStatus() == "infeasible":
        return "none"
    if model.getStatus() != "optimal":
        raise RuntimeError(model.getStatus())
    return "genuine" if model.getObjVal() > POSITIVE else "none"


GIVEN = {
    "HiGHS, simplex": by_highs("highs-ds"),
    "HiGHS, interior point": by_highs("highs-ipm"),
    "Clarabel (cvxpy)": by_clarabel,
}
EXISTS = {"SCIP": by_scip}


def timed(solve: Callable, X, y, pattern, signs, limit: float, verdict: str) -> tuple[float, str]:
    """CPU seconds and "" or what failed."""
    start = time.process_time()
    try:
        with Path(os.devnull).open("w") as nowhere, contextlib.redirect_stdout(nowhere):
            found = solve(X, y, pattern, signs, limit)
        failure = "" if found == verdict else f"says {found}"
    except Exception as error:
        failure = str(error).splitlines()[0][:40] or type(error).__name__
    return time.process_time() - start, failure


def measure(size: tuple, count: int, limit: float) -> None:
    d, K, N, bias = size
    results: dict[str, list[tuple[float, str]]] = {}
    verdicts: dict[str, list[str]] = {"given": [], "exists": []}
    for i in range(count):
        X, y = two_gaussians(d, N, stream(0, "peers", d, K, N, "data", i))
        W, z = draw_weights(stream(0, "peers", d, K, N, "weights", i), K, d + 1, bias)
        pattern, signs = activation_pattern(X, W), np.where(z > 0, 1, -1)
        for convention, peers in (("given", GIVEN), ("exists", EXISTS)):
            start = time.process_time()
            decision = decide(X, y, pattern, signs if convention == "given" else "exists", margin="sign")
            own = time.process_time() - start
            verified = verify(X, y, pattern, decision)
            results.setdefault(f"relucells, {convention}", []).append((own, "" if verified else "undecided"))
            verdicts[convention].append(decision.verdict)
            for name, solve in peers.items():
                found = timed(solve, X, y, pattern, signs, limit, decision.verdict)
                results.setdefault(f"{name}, {convention}", []).append(found)
    print(
        f"\nd = {d}, K = {K}, N = {N}, bias {bias:g}: {count} cells; genuine: "
        f"{verdicts['given'].count('genuine')} given, {verdicts['exists'].count('genuine')} exists"
    )
    for name, found in results.items():
        times = 1e3 * np.array([seconds for seconds, failure in found if not failure])
        failures = [failure for _, failure in found if failure]
        spread = (
            "—"
            if not len(times)
            else "{1:.3g} ({0:.3g} – {2:.3g})".format(*np.quantile(times, [0.25, 0.5, 0.75]))
        )
        print(f"| {name} | {spread} | {len(failures)} | {'; '.join(sorted(set(failures)))} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cells", type=int, default=8, help="of each size")
    parser.add_argument("--limit", type=float, default=20, help="seconds a peer has for one cell")
    parser.add_argument("--sizes", type=int, nargs="*", default=range(len(SIZES)), help="which of the sizes")
    given = parser.parse_args()
    with Path(os.devnull).open("w") as nowhere, contextlib.redirect_stdout(nowhere):
        measure((1, 2, 4, 0.0), 1, given.limit)  # imports are no part of a solver's time
    print("| solver, convention | ms of CPU time: median (quartiles) | failures | which |")
    for place in given.sizes:
        measure(SIZES[place], given.cells, given.limit)


if __name__ == "__main__":
    main()
