"""Sign vectors that avoid a set of forbidden partial sign vectors, or the proof that there are none.

A *cube* is a sign vector (K,) in {−1, 0, 1}, 0 where either sign is meant; it forbids all sign vectors
that extend it. Deciding whether the cubes leave a sign vector over is satisfiability: unit propagation
and branching (Davis, Putnam, Logemann, Loveland). A refutation is the list of the neurons branched
on, in preorder, sign + before −; replaying it takes propagation alone.
"""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

Clause = tuple[int, int]  # bit masks: the neurons of which one must be +, or one −


def clauses_of(cubes: NDArray[np.int8]) -> list[Clause]:
    """Each cube (row) as the clause that forbids it, without repetitions."""
    return list(dict.fromkeys(zip(bits(cubes < 0), bits(cubes > 0), strict=True)))


def bits(rows: NDArray[np.bool_]) -> list[int]:
    """Rows (M, K) of a Boolean matrix as integers with bit j for column j."""
    packed = np.packbits(np.asarray(rows, dtype=bool), axis=1, bitorder="little")
    if packed.shape[1] <= 8:
        words = np.zeros((len(packed), 8), dtype=np.uint8)
        words[:, : packed.shape[1]] = packed
        return words.view("<u8")[:, 0].tolist()
    return [int.from_bytes(row.tobytes(), "little") for row in packed]


def equal_neurons(group: NDArray[np.int64]) -> list[Clause]:
    """Clauses that sort the signs, + first, among neurons of one group; they lose no generality."""
    clauses, last = [], {}
    for j, g in enumerate(group.tolist()):
        if g >= 0:
            if g in last:
                clauses.append((1 << last[g], 1 << j))
            last[g] = j
    return clauses


def satisfy(clauses: Iterable[Clause], K: int) -> tuple[NDArray[np.int8] | None, list[int]]:
    """Signs (K,) in ±1 that satisfy all clauses, or None with the neurons branched on in preorder."""
    branches: list[int] = []
    found = _search(list(clauses), 0, 0, branches)
    if found is None:
        return None, branches
    plus, minus = found
    return np.array([1 if plus >> j & 1 or not minus >> j & 1 else -1 for j in range(K)], np.int8), []


def refuted(clauses: Iterable[Clause], branches: Iterable[int]) -> bool:
    """Whether branching on these neurons, in preorder, leads to a contradiction everywhere."""
    rest = iter(branches)

    def closed(clauses: list[Clause], plus: int, minus: int) -> bool:
        state = propagate(clauses, plus, minus)
        if state is None:
            return True
        j = next(rest, None)
        if j is None or j < 0 or (state[1] | state[2]) >> j & 1:
            return False
        clauses, plus, minus = state
        return closed(clauses, plus | 1 << j, minus) and closed(clauses, plus, minus | 1 << j)

    return closed(list(clauses), 0, 0) and next(rest, None) is None


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


def propagate(clauses: list[Clause], plus: int, minus: int) -> tuple[list[Clause], int, int] | None:
    """Unit propagation: the open clauses without decided literals, or None at a contradiction."""
    while True:
        opened, units = [], False
        for need_plus, need_minus in clauses:
            if need_plus & plus or need_minus & minus:
                continue
            need_plus, need_minus = need_plus & ~minus, need_minus & ~plus
            literals = need_plus.bit_count() + need_minus.bit_count()
            if literals == 0:
                return None
            if literals == 1:
                plus, minus, units = plus | need_plus, minus | need_minus, True
            else:
                opened.append((need_plus, need_minus))
        if not units:
            return opened, plus, minus
        clauses = opened


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
