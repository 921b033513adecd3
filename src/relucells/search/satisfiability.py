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
    budget, branches = budget or Budget(), []
    open_nodes = [(list(clauses), 0, 0)]  # a list, because thousands of neurons are too deep for recursion
    while open_nodes:
        budget.check()
        state = propagate(*open_nodes.pop())
        if state is None:
            continue
        left, plus, minus = state
        if not left:
            return np.array([1 if plus >> j & 1 or not minus >> j & 1 else -1 for j in range(K)], np.int8), []
        j = _most_constrained(left)
        branches.append(j)
        open_nodes += [(left, plus, minus | 1 << j), (left, plus | 1 << j, minus)]
    return None, branches


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
