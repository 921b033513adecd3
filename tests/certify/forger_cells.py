"""Planted cells: labels are sums of the values of a chosen R, exactly, so the cell has a genuine minimum."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from relucells import Decision


@dataclass(frozen=True)
class Planted:
    """A cell whose minimum for these signs is R, with the margin and the loss of it."""

    kind: str
    X: NDArray
    y: NDArray
    pattern: NDArray
    R: NDArray
    signs: NDArray
    loss: float

    @property
    def margin(self) -> float:
        values = self.signs * (self.X @ self.R.T)
        return float(min(1.0, values[self.pattern].min(initial=1.0)))

    @property
    def given(self) -> Decision:
        """The true decision under the planted signs."""
        return Decision(
            "genuine", self.margin, self.R, self.signs, self.loss, "given", exact=False, given=self.signs
        )


def plant(rng: np.random.Generator, kind: str, N: int, D: int, K: int) -> Planted:
    """A cell of small dyadic numbers, all of whose sums are exact, of a kind in ``CELLS``."""
    X = rng.integers(-40, 41, (N, D)) / 16.0
    X[:, -1] = 1.0
    R = rng.integers(-24, 25, (K, D)) / 8.0
    signs = rng.choice([-1, 1], K).astype(np.int8)
    if kind == "equal neurons" and K > 1:
        R[1], signs[1] = R[0], signs[0]
    if kind == "zero sample":
        X[0] = 0.0
    if kind == "dependent columns" and D > 1:
        X[:, 0] = 2.0 * X[:, -1]
    if kind == "nearly collinear" and N > 2:
        X[1] = X[0] + 2.0**-30 * X[2 % N]
        X[2 % N] = X[0] - 2.0**-31
    values = X @ R.T
    pattern = signs * values > 0
    if kind == "dead neuron":
        pattern[:, 0], R[0] = False, 0.0
    y = (pattern * (X @ R.T)).sum(axis=1)
    loss = 0.0
    if kind == "with a loss":  # every sample twice, with labels above and below its fitted value
        gap = rng.integers(1, 9, N) / 4.0
        X, pattern = np.repeat(X, 2, axis=0), np.repeat(pattern, 2, axis=0)
        y = np.repeat(y, 2) + np.column_stack([gap, -gap]).ravel()
        loss = float(np.mean(np.repeat(gap, 2) ** 2))
    power = {"grey levels": 8, "large": 300, "small": -300, "short": -530}.get(kind, 0)
    if power:
        X, R = np.ldexp(X, power), np.ldexp(R, -power)
    if kind == "unequal columns":
        powers = rng.integers(-30, 31, D)
        X, R = np.ldexp(X, powers), np.ldexp(R, -powers)
    if kind == "huge label":
        dead = np.zeros((1, K), dtype=bool)
        pattern, X, y = np.vstack([pattern, dead]), np.vstack([X, X[:1]]), np.append(y, 2.0**30)
        keep = ~(pattern[:-1] == pattern[-1]).all(axis=1)
        loss = float((2.0**60 + (y[:-1][~keep] ** 2).sum()) / len(y))
        inside = (signs * (X[-1:] @ R.T) <= 0).all()
        if not inside:  # a sample at the origin is dead whatever the weights
            X[-1] = 0.0
    return Planted(kind, X, y, pattern, R, signs, loss)


CELLS = (
    "plain",
    "equal neurons",
    "zero sample",
    "dependent columns",
    "nearly collinear",
    "dead neuron",
    "with a loss",
    "grey levels",
    "large",
    "small",
    "short",
    "unequal columns",
    "huge label",
)
SIZES = ((1, 1, 1), (3, 2, 1), (4, 6, 2), (6, 2, 3), (8, 3, 2), (25, 3, 4), (60, 4, 5), (5, 8, 3))


def genuine_cells(stream_of, count: int) -> Iterator[Planted]:
    """Planted cells of every kind and size in turn, with an active pair."""
    n = made = 0
    while made < count:
        rng = stream_of(n)
        cell = plant(rng, CELLS[n % len(CELLS)], *SIZES[(n // len(CELLS)) % len(SIZES)])
        n += 1
        if cell.pattern.any() and cell.margin > 0:
            made += 1
            yield cell


def opposed(cell: Planted) -> Planted | None:
    """The cell with −1 times the signs, if it is certain to have no genuine minimum for them."""
    fitted = (cell.pattern * (cell.X @ cell.R.T)).sum(axis=1)
    one_sign = [len(set(cell.signs[row].tolist())) == 1 for row in cell.pattern]
    return replace(cell, signs=-cell.signs) if (fitted[one_sign] != 0).any() else None
