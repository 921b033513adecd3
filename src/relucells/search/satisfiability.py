"""Signs that avoid a set of forbidden partial sign vectors, or the proof that there are none.

Unit propagation and branching (Davis, Putnam, Logemann, Loveland). The proof is the list of the neurons
branched on, in preorder, + before −; ``relucells.certify.clauses`` replays it.
"""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from relucells.certify.clauses import Clause, propagate


def satisfy(clauses: Iterable[Clause], K: int) -> tuple[NDArray[np.int8] | None, list[int]]:
    """Signs (K,) in ±1 that satisfy all clauses, or None with the neurons branched on in preorder."""
    branches: list[int] = []
    found = _search(list(clauses), 0, 0, branches)
    if found is None:
        return None, branches
    plus, minus = found
    return np.array([1 if plus >> j & 1 or not minus >> j & 1 else -1 for j in range(K)], np.int8), []


def _search(clauses: list[Clause], plus: int, minus: int, branches: list[int]) -> tuple[int, int] | None:
    """Masks of a satisfying assignment below this node, or None."""
    state = propagate(clauses, plus, minus)
    if state is None:
        return None
    clauses, plus, minus = state
    if not clauses:
        return plus, minus
    j = _most_constrained(clauses)
    branches.append(j)
    for assignment in ((plus | 1 << j, minus), (plus, minus | 1 << j)):
        found = _search(clauses, *assignment, branches)
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
