"""Weights over the rationals, and floats whose sum they are."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import NDArray

from relucells.samples.columns import integers, rounded

if TYPE_CHECKING:
    from flint import fmpq


@dataclass(frozen=True)
class ExactWeights:
    """R, (K, D): R_jd = numerators[j][d] · 2^powers[d] / denominator, the denominator positive."""

    numerators: list[list[int]]
    denominator: int
    powers: list[int]

    @property
    def floats(self) -> NDArray[np.float64]:
        """R, each entry rounded once. It keeps its sign, and is 0 only if R_jd is."""
        return self.parts(1)[0]

    def parts(self, count: int) -> NDArray[np.float64]:
        """Floats, (count, K, D), whose sum is R but for the rounding of the last of them."""
        from flint import fmpq

        found = np.zeros((count, len(self.numerators), len(self.powers)))
        for d, power in enumerate(self.powers):
            unit = fmpq(1 << max(0, power), self.denominator << max(0, -power))
            for j, row in enumerate(self.numerators):
                found[:, j, d] = _parts(unit * row[d], count)
        return found

    def towards(self, other: "ExactWeights", steps: int) -> "ExactWeights":
        """The first of so many equal steps to other weights, which have the same powers."""
        mine, theirs = (steps - 1) * other.denominator, self.denominator
        return ExactWeights(
            [
                [mine * a + theirs * b for a, b in zip(*rows, strict=True)]
                for rows in zip(self.numerators, other.numerators, strict=True)
            ],
            steps * self.denominator * other.denominator,
            self.powers,
        )


def _parts(value: "fmpq", count: int) -> list[float]:
    """The float nearest to a value, the one nearest to what is left, and so on."""
    from flint import fmpq

    found: list[float] = []
    while len(found) < count and value and np.isfinite(found).all():
        found.append(rounded(int(value.p), int(value.q), 0))
        value -= fmpq(*found[-1].as_integer_ratio()) if np.isfinite(found[-1]) else 0
    return found + [0.0] * (count - len(found))


def prescribed_exactly(X: NDArray[np.float64], values: NDArray[np.float64]) -> ExactWeights:
    """R, (K, D), of least norm with X Rᵀ = values (N, K) exactly; rows must be independent."""
    whole, power = integers(X)
    wanted, unit = integers(values)
    # python-flint's annotations know only that a matrix comes back; it is one of rationals
    along, below = cast(Any, (whole * whole.transpose()).solve(wanted)).numer_denom()
    found = (whole.transpose() * along).transpose()
    return ExactWeights(found.tolist(), int(below), [unit - power] * X.shape[1])
