"""An independent exact oracle: z3 on the definition of a genuine minimum, and small cells of many kinds."""

import itertools
from fractions import Fraction

import numpy as np
import z3
from numpy.typing import NDArray


def real(value: Fraction | float) -> z3.RatNumRef:
    exact = Fraction(value)
    return z3.Q(exact.numerator, exact.denominator)


class Cell:
    """The exact minimisers of a cell, AᵀA R = Aᵀy, as linear equations over the reals."""

    def __init__(self, X: NDArray, y: NDArray, pattern: NDArray):
        self.X = [[Fraction(value) for value in row] for row in np.asarray(X, dtype=float).tolist()]
        self.y = [Fraction(value) for value in np.asarray(y, dtype=float).tolist()]
        self.pattern = np.asarray(pattern).astype(bool)
        self.K, self.D = self.pattern.shape[1], len(self.X[0])
        self.R = [[z3.Real(f"R_{j}_{d}") for d in range(self.D)] for j in range(self.K)]

    def minimiser(self) -> list:
        A = [
            [x if self.pattern[i, j] else Fraction(0) for j in range(self.K) for x in row]
            for i, row in enumerate(self.X)
        ]
        unknowns = [r for row in self.R for r in row]
        equations = []
        for column in zip(*A, strict=True):
            products = zip(*([c * a for a in row] for c, row in zip(column, A, strict=True)), strict=True)
            weights = [sum(terms) for terms in products]
            wanted = sum(c * label for c, label in zip(column, self.y, strict=True))
            equations.append(
                z3.Sum([real(w) * u for w, u in zip(weights, unknowns, strict=True)]) == real(wanted)
            )
        return equations

    def half_spaces(self, signs, margin: Fraction | None) -> list:
        """s_j R_j·x_i ≥ margin on active pairs, > 0 for None, and ≤ 0 on inactive ones."""
        found = []
        for i, row in enumerate(self.X):
            for j in range(self.K):
                value = int(signs[j]) * z3.Sum([real(x) * r for x, r in zip(row, self.R[j], strict=True)])
                if not self.pattern[i, j]:
                    found.append(value <= 0)
                else:
                    found.append(value > 0 if margin is None else value >= real(margin))
        return found

    def holds(self, signs, margin: Fraction | None = None) -> bool:
        """Whether some minimiser with these signs lies in the cell, with that margin."""
        solver = z3.Solver()
        solver.add(self.minimiser() + self.half_spaces(signs, margin))
        answer = solver.check()
        assert answer in (z3.sat, z3.unsat)
        return answer == z3.sat


def allowed(convention, K: int) -> list:
    ones = (1,) * K
    if not isinstance(convention, str):
        return [tuple(int(s) for s in convention)]
    if convention == "positive":
        return [ones]
    if convention == "uniform":
        return [ones, tuple(-s for s in ones)]
    return list(itertools.product((1, -1), repeat=K))


def verdict(X, y, pattern, convention) -> str:
    cell = Cell(X, y, pattern)
    if not cell.pattern.any():
        return "genuine"
    return "genuine" if any(cell.holds(signs) for signs in allowed(convention, cell.K)) else "none"


def margin_is(X, y, pattern, convention, margin: float) -> bool:
    """Whether the largest margin, at most 1, is this one up to a millionth of it."""
    return has_margin(Cell(X, y, pattern), convention, margin)


def has_margin(cell, convention, margin: float) -> bool:
    """The same of a cell that answers ``holds``."""
    signs = allowed(convention, cell.K)
    if margin == -np.inf:
        return not any(cell.holds(s, Fraction(-(10**30))) for s in signs)
    slack = abs(Fraction(margin)) / 10**6
    reached = any(cell.holds(s, Fraction(margin) - slack) for s in signs)
    more = margin < 1 and any(cell.holds(s, Fraction(margin) + slack + Fraction(1, 10**300)) for s in signs)
    return reached and not more


def difficult_cell(rng: np.random.Generator) -> tuple[NDArray, NDArray, NDArray]:
    """Small cells near every edge: decimals that nearly vanish, time stamps, short samples, unequal units,
    samples and columns that depend on each other exactly or nearly, tiny and huge labels."""
    kind = int(rng.integers(9))
    N, D, K = int(rng.integers(2, 7)), int(rng.integers(1, 4)), int(rng.integers(1, 4))
    X = np.round(rng.standard_normal((N, D)), 1)
    y = rng.choice([-1.0, 1.0], N) if rng.random() < 0.5 else np.round(rng.standard_normal(N), 1)
    W = rng.standard_normal((K, D))
    pattern = X @ W.T > 0
    if kind == 0:
        X = np.column_stack([np.round(rng.uniform(0, 1000, N)), np.ones(N)])
        pattern = X @ (rng.standard_normal((K, 2)) * [0.002, 1]).T > 0
        X[:, 0] += 1.7e9
    elif kind == 1:
        X[rng.integers(N)] *= 10.0 ** -int(rng.integers(3, 12))
    elif kind == 2:
        X *= 2.0 ** rng.integers(-200, 200, D)
    elif kind == 3:
        X[0] = X[-1] * rng.choice([1.0, -2.0, 1 + 2**-50])
    elif kind == 4 and D > 1:
        X[:, 0] = 3 * X[:, -1] + rng.choice([0.0, 1e-9, 1e-16]) * rng.standard_normal(N)
    elif kind == 5:
        y *= 10.0 ** float(rng.integers(-200, 200))
    elif kind == 6:
        # a linear function: fitted values that vanish, or miss 0 by rounding
        y = X @ np.round(rng.standard_normal(D), 1)
    elif kind == 7:
        X = rng.integers(-2, 3, (N, D)).astype(float)
        y = rng.integers(-2, 3, N).astype(float)
    else:
        pattern = rng.random((N, K)) < rng.choice([0.3, 0.6, 0.9])
    if rng.random() < 0.3 and K > 1:
        pattern[:, -1] = pattern[:, 0]
    return X, y, pattern
