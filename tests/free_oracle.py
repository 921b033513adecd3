"""The exact oracle for networks with a free linear part, and random free parts of every kind."""

from fractions import Fraction

import numpy as np
import oracle
import z3
from numpy.typing import NDArray


class Cell(oracle.Cell):
    """The exact minimisers (R, c) of ‖A R + F c − y‖²; the half-spaces concern R alone."""

    def __init__(self, X: NDArray, y: NDArray, pattern: NDArray, F: NDArray):
        super().__init__(X, y, pattern)
        self.F = [[Fraction(value) for value in row] for row in np.asarray(F, dtype=float).tolist()]
        self.c = [z3.Real(f"c_{d}") for d in range(len(self.F[0]))]

    def minimiser(self) -> list:
        matrix = [
            [x if self.pattern[i, j] else Fraction(0) for j in range(self.K) for x in row] + self.F[i]
            for i, row in enumerate(self.X)
        ]
        unknowns = [r for row in self.R for r in row] + self.c
        equations = []
        for column in zip(*matrix, strict=True):
            weights = [
                sum(a * row[k] for a, row in zip(column, matrix, strict=True)) for k in range(len(unknowns))
            ]
            wanted = sum(a * label for a, label in zip(column, self.y, strict=True))
            terms = [oracle.real(w) * u for w, u in zip(weights, unknowns, strict=True) if w]
            equations.append(z3.Sum([oracle.real(0), *terms]) == oracle.real(wanted))
        return equations


def verdict(X, y, pattern, F, convention) -> str:
    cell = Cell(X, y, pattern, F)
    if not cell.pattern.any():
        return "genuine"
    return "genuine" if any(cell.holds(s) for s in oracle.allowed(convention, cell.K)) else "none"


def margin_is(X, y, pattern, F, convention, margin: float) -> bool:
    """Whether the largest margin, at most 1, is this one up to a millionth of it."""
    cell = Cell(X, y, pattern, F)
    if not cell.pattern.any():
        return margin == 1.0
    return oracle.has_margin(cell, convention, margin)


KINDS = ("bias", "skip", "two columns", "repeated columns", "some samples", "bias and a coordinate")


def free_columns(rng: np.random.Generator, X: NDArray) -> NDArray:
    """F, (N, m), not all zero: an output bias, a skip connection, and less usual ones."""
    N, kind = len(X), KINDS[int(rng.integers(len(KINDS)))]
    ones = np.ones((N, 1))
    F = {
        "bias": ones,
        "skip": X.copy(),
        "two columns": np.round(rng.standard_normal((N, 2)), 1),
        "repeated columns": np.column_stack([ones, np.zeros(N), 2 * ones]),
        "some samples": (rng.random((N, 1)) < 0.5).astype(float),
        "bias and a coordinate": np.column_stack([ones, X[:, 0]]),
    }[kind]
    return F if F.any() else ones
