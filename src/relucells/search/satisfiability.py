"""Signs that avoid a set of forbidden partial sign vectors, or the neurons to branch on for a refutation.

Unit propagation and branching (Davis, Putnam, Logemann, Loveland) over the clauses of ``certify.clauses``,
which holds the form of a refutation and its check.
"""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from relucells.certify.clauses import Clause, propagate
from relucells.search.budget import Budget


def satisfy(
    clauses: Iterable[Clause], K: int, budget: Budget | None = None
) -> tuple[NDArray[np.int8] | None, list[int]]:
    """Signs (K,) in ±1 that satisfy all clauses, or None with the neurons branched on in preorder.

    Raises WorkLimit where the budget's time is up.
    """
    branches: list[int] = []
    found = _search(list(clauses), 0, 0, branches, budget or Budget())
    if found is None:
        return None, branches
    plus, minus = found
    return np.array([1 if plus >> j & 1 or not minus >> j & 1 else -1 for j in range(K)], np.int8), []


def _search(
    clauses: list[Clause], plus: int, minus: int, branches: list[int], budget: Budget
) -> tuple[int, int] | None:
    """Masks of a satisfying assignment below this node, or None."""
    budget.check()
    state = propagate(clauses, plus, minus)
    if state is None:
        return None
    clauses, plus, minus = state
    if not clauses:
        return plus, minus
    j = _most_constrained(clauses)
    branches.append(j)
    for assignment in ((plus | 1 << j, minus), (plus, minus | 1 << j)):
        found = _search(clauses, *assignment, branches, budget)
        if found is not None:
            return found
    return None


def _most_constrained(clauses: list[Clause]) -> int:
    """The neuron with most occurrences in the shortest clauses."""
    lengths = [a.bit_count() + b.bit_count() for a, b in clauses]
    shortest = min(lengths)
    count: dict[int, int] = {}
    for (a, b), length in zip(clauses, lengths, strict=True):
        rest = (a | b) if length == shortest else 0
        while rest:
            low = rest & -rest
            count[low] = count.get(low, 0) + 1
            rest ^= low
    return max(count, key=lambda low: (count[low], -low)).bit_length() - 1
