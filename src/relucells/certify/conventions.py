"""The sign conventions: which sign vectors z allows, one object for each.

The paper states its criterion as "(7) or (8)" but ran (7) alone. So every answer names its convention.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Signs = NDArray[np.int8]


@dataclass(frozen=True)
class Convention:
    """name; sentence : what it says of the signs s_j = sign z_j; candidates : the sign vectors it allows, as
    a function of K and the given signs, or None where they are all 2^K."""

    name: str
    sentence: str
    candidates: Callable[[int, Signs | None], list[Signs]] | None

    @property
    def all_signs(self) -> bool:
        """Whether every sign vector is allowed."""
        return self.candidates is None

    def allows(self, signs: Signs, given: Signs | None) -> bool:
        """Whether it allows these signs, (K,) in ±1."""
        if self.candidates is None:
            return True
        return any(np.array_equal(signs, allowed) for allowed in self.candidates(len(signs), given))


def _ones(K: int) -> Signs:
    return np.ones(K, dtype=np.int8)


def _given(K: int, given: Signs | None) -> list[Signs]:
    if given is None:
        raise ValueError("given: this convention needs the signs of z")
    return [given]


BY_NAME = {
    convention.name: convention
    for convention in (
        Convention("positive", "every z_j is positive: (7) for all neurons", lambda K, _: [_ones(K)]),
        Convention(
            "uniform",
            "all z_j have one sign: (7) for all neurons or (8) for all",
            lambda K, _: [_ones(K), -_ones(K)],
        ),
        Convention("given", "the signs of z are given", _given),
        Convention("exists", "some choice of signs: (7) or (8) for each neuron", None),
    )
}
CONVENTIONS = tuple(BY_NAME)
