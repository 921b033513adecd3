"""Verdicts against an independent oracle over the rationals: z3, which is asked the definition itself."""

import itertools
from fractions import Fraction

import naive
import numpy as np
import pytest

from relucells import decide
from relucells.samples.randomness import stream

z3 = pytest.importorskip("z3")


def is_genuine(X, y, pattern, signs) -> bool:
    """Whether some R has Aᵀ(A R − y) = 0 and all values on the sides that these signs demand."""
    (N, D), K = X.shape, pattern.shape[1]
    x = [[z3.Q(*Fraction(a).as_integer_ratio()) for a in row] for row in X.tolist()]
    label = [z3.Q(*Fraction(a).as_integer_ratio()) for a in y.tolist()]
    R = [[z3.Real(f"R_{j}_{d}") for d in range(D)] for j in range(K)]
    values = [[z3.Sum([a * b for a, b in zip(x[i], R[j], strict=True)]) for j in range(K)] for i in range(N)]
    error = [z3.Sum([values[i][j] for j in range(K) if pattern[i, j]] + [-label[i]]) for i in range(N)]
    solver = z3.Solver()
    for j, d in itertools.product(range(K), range(D)):
        terms = [x[i][d] * error[i] for i in range(N) if pattern[i, j]]
        solver.add(z3.Sum(terms) == 0 if terms else True)
    for i, j in itertools.product(range(N), range(K)):
        v = values[i][j] if signs[j] > 0 else -values[i][j]
        solver.add(v > 0 if pattern[i, j] else v <= 0)
    return solver.check() == z3.sat


def check_cells(first: int, last: int) -> None:
    for n in range(first, last):
        rng = stream(21, "oracle", n)
        X, y, pattern = naive.random_cell(rng)
        K = pattern.shape[1]
        given = tuple(int(s) for s in rng.choice([-1, 1], K))
        genuine = {s: is_genuine(X, y, pattern, s) for s in itertools.product((1, -1), repeat=K)}
        ones = (1,) * K
        wanted = {
            "positive": genuine[ones],
            "uniform": genuine[ones] or genuine[tuple(-s for s in ones)],
            "exists": any(genuine.values()),
            "given": genuine[given],
        }
        for convention, expected in wanted.items():
            signs = np.array(given) if convention == "given" else convention
            found = decide(X, y, pattern, signs, margin="sign")
            assert found.verdict == ("genuine" if expected else "none"), (n, convention)


def test_25_cells_agree_with_the_oracle():
    check_cells(0, 25)


@pytest.mark.campaign
@pytest.mark.parametrize("part", range(5))
def test_500_cells_agree_with_the_oracle(part):
    check_cells(100 * part, 100 * part + 100)
