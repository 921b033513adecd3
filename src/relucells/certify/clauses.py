"""Do cubes cover every sign vector? The replay of a proof that they do.

A *cube* is a sign vector (K,) in {−1, 0, 1}, 0 where either sign is meant; it stands for all sign vectors
that extend it. A refutation is the list of the neurons on which a search branched, in preorder, + before −.
Between two branches there is only unit propagation (Davis, Putnam, Logemann, Loveland). The search itself is
``relucells.search.satisfiability``.
"""

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

Clause = tuple[int, int]  # bit masks: the neurons of which one must be +, or one −

# Clauses that a replay may look at, times the words of 64 neurons that each takes; about a minute.
WORK = 100_000_000
# Words of 64 neurons that clauses about equal neurons may take; such clauses are a help, and no more.
EQUAL = 10_000_000


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
    """Clauses that sort the signs, + first, among neurons of one group; this loses no generality.

    There are none where they would take too much memory.
    """
    clauses: list[Clause] = []
    if len(group) * (1 + len(group) // 64) > EQUAL:
        return clauses
    last: dict[int, int] = {}
    for j, g in enumerate(group.tolist()):
        if g >= 0:
            if g in last:
                clauses.append((1 << last[g], 1 << j))
            last[g] = j
    return clauses


def refuted(clauses: Iterable[Clause], branches: Sequence[int], K: int) -> bool:
    """Whether branching on these neurons, in preorder, leads to a contradiction everywhere.

    False too if that takes more than ``WORK``. What is counted are the clauses looked at: a chain of
    implications in the wrong order takes one pass for each of its links, so no product of sizes bounds them.
    """
    rest = iter(branches)
    # clauses stay as they are, since shortened copies would take memory at every branch
    open_nodes = [(list(clauses), 0, 0)]
    work = Work(WORK // (1 + K // 64))
    while open_nodes:
        state = propagate(*open_nodes.pop(), work, shorten=False)
        if work.left < 0:
            return False
        if state is None:
            continue
        j = next(rest, None)
        if j is None or not 0 <= j < K:
            return False
        left, plus, minus = state
        if (plus | minus) >> j & 1:
            return False
        open_nodes += [(left, plus, minus | 1 << j), (left, plus | 1 << j, minus)]
    return next(rest, None) is None


class Work:
    """Clauses that may still be looked at."""

    def __init__(self, left: float):
        self.left = left


def propagate(
    clauses: list[Clause], plus: int, minus: int, work: Work | None = None, shorten: bool = True
) -> tuple[list[Clause], int, int] | None:
    """Unit propagation: the open clauses, ``shorten`` without decided literals, or None at a contradiction.

    It ends early, with what it knows, once ``work`` is used up.
    """
    work = work or Work(np.inf)
    while True:
        work.left -= len(clauses)
        if work.left < 0:
            return clauses, plus, minus
        opened, units = [], False
        for clause in clauses:
            if clause[0] & plus or clause[1] & minus:
                continue
            need_plus, need_minus = clause[0] & ~minus, clause[1] & ~plus
            literals = need_plus.bit_count() + need_minus.bit_count()
            if literals == 0:
                return None
            if literals == 1:
                plus, minus, units = plus | need_plus, minus | need_minus, True
            else:
                opened.append((need_plus, need_minus) if shorten else clause)
        if not units:
            return opened, plus, minus
        clauses = opened
