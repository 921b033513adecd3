"""Genuineness where the values R_j·x_i can be prescribed freely: linearly independent samples.

With rank X = N the numbers v_ij = R_j·x_i are arbitrary, so the samples decouple and every alive
sample is fitted exactly: Σ_j I_ij v_ij = y_i. For given signs (derived from eqs. 7–9) the largest
margin that sample i allows is

    unlimited         if its active neurons carry both signs,
    s y_i / m_i       if all of its m_i active neurons carry the sign s,

and the cell's margin is the smallest of these and 1. So a genuine minimum exists iff every sample
with y_i ≠ 0 activates a neuron of its own sign, and every alive sample with y_i = 0 one of each.
Choosing the signs is then a satisfiability problem with one or two clauses a sample.
"""

import numpy as np
from numpy.typing import NDArray

from relucells.certify import clauses
from relucells.certify.certificates import Leaf
from relucells.samples.inputs import distinct_columns
from relucells.search.budget import Budget
from relucells.search.satisfiability import satisfy


def sample_bounds(y: NDArray, pattern: NDArray[np.bool_], signs: NDArray) -> NDArray[np.float64]:
    """The largest margin, (N,), that each sample allows when its fitted value is y_i; at most 1.

    ``signs`` (K,) may hold 0 for a neuron that may still take either sign; the bound then holds for
    every choice.
    """
    positive = pattern @ (signs >= 0).astype(float) > 0
    negative = pattern @ (signs <= 0).astype(float) > 0
    active = pattern.sum(axis=1)
    bounds = np.ones(len(y))
    for one_sign, s in ((positive & ~negative, 1.0), (negative & ~positive, -1.0)):
        bounds[one_sign] = np.minimum(1.0, s * y[one_sign] / active[one_sign])
    return bounds


def witness_values(
    y: NDArray,
    pattern: NDArray[np.bool_],
    signs: NDArray,
    lengths: NDArray[np.float64],
    rounding: NDArray[np.float64] | float = 0.0,
) -> NDArray[np.float64]:
    """Values V, (N, K), of a minimiser R, V_ij = R_j·x_i, with the largest margin for these signs.

    Active pairs of a sample with both signs get magnitudes of at least the margin. They are of the size of
    the labels, so that none is lost in the rounding of the others, and no less than ``rounding``, (N,).
    Inactive pairs of alive neurons lie as far inside, or less where samples are short (``lengths``, (N,)).
    Dead neurons have R_j = 0.
    """
    margin = sample_bounds(y, pattern, signs).min()
    least = 2.0 * max(margin, float(np.abs(y[pattern.any(axis=1)]).max()))
    level = np.maximum(least, rounding)
    plus, minus = pattern @ (signs > 0).astype(float), pattern @ (signs < 0).astype(float)
    with np.errstate(divide="ignore", invalid="ignore"):
        # n₊ a − n₋ b = y with a, b ≥ level and one of them equal to it
        a = np.where(minus > 0, np.maximum(level, (y + level * minus) / plus), y / plus)
        b = np.where(plus > 0, (plus * a - y) / minus, -y / minus)
    magnitude = np.where(signs > 0, a[:, None], b[:, None])
    inside = (least * lengths / lengths.max())[:, None]
    values = np.where(pattern, magnitude, -inside) * signs
    values[:, ~pattern.any(axis=0)] = 0.0
    return values


def best_signs(
    y: NDArray, pattern: NDArray[np.bool_], exact: bool, budget: Budget | None = None
) -> tuple[NDArray[np.int8] | None, float, list[tuple[int, int]]]:
    """Signs with the largest margin, and it; if it is not positive, no signs but the violated (sample,
    sign) pairs that forbid all better ones. Unless ``exact``, any signs with a positive margin will do.

    A sample with all signs + allows s·y_i/m_i with s = 1, one with all signs − the same with s = −1, so
    a margin is reached iff no sample that allows less has one sign throughout.
    """
    alive = np.flatnonzero(pattern.any(axis=1))
    rows = pattern[alive]
    plus = np.minimum(1.0, y[alive] / rows.sum(axis=1))
    minus = np.minimum(1.0, -y[alive] / rows.sum(axis=1))
    symmetric = clauses.equal_neurons(distinct_columns(pattern)[1])

    def forbidden(failing: NDArray[np.bool_], sign: int) -> list[tuple[int, int]]:
        return [(int(i), sign) for i in alive[failing][_minimal(rows[failing])]]

    def cubes(fails) -> list[tuple[int, int]]:
        return forbidden(fails(plus), 1) + forbidden(fails(minus), -1)

    def avoiding(pairs: list[tuple[int, int]]) -> NDArray[np.int8] | None:
        masks = clauses.bits(pattern[[i for i, _ in pairs]])
        known = [(0, mask) if s > 0 else (mask, 0) for mask, (_, s) in zip(masks, pairs, strict=True)]
        return satisfy([*known, *symmetric], pattern.shape[1], budget)[0]

    wrong = cubes(lambda bound: bound <= 0)
    signs = avoiding(wrong)
    positive = signs is not None
    if exact:
        levels = np.unique(np.concatenate([plus, minus, [1.0]]))
        levels = levels[levels > 0] if positive else levels[levels <= 0]
        signs, level = _highest(lambda level: avoiding(cubes(lambda bound: bound < level)), levels)
        wrong = cubes(lambda bound: bound <= level)
    if positive and signs is not None:
        return signs, float(sample_bounds(y, pattern, signs).min()), []
    return None, float(level) if exact else -np.inf, wrong


def _minimal(rows: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Rows of which no other row is a proper subset; of equal ones the first."""
    seen: dict[int, int] = {}
    for n, mask in enumerate(clauses.bits(rows)):
        seen.setdefault(mask, n)
    first = np.fromiter(seen.values(), dtype=np.int64)
    sets = rows[first].astype(float)
    inside = sets @ (1.0 - sets).T == 0  # [a, b]: a is a subset of b
    return np.sort(first[inside.sum(axis=0) == 1])


def _highest(attempt, levels: NDArray) -> tuple[NDArray[np.int8], float]:
    """The result of ``attempt`` at the highest level at which it succeeds; it does succeed at the lowest."""
    low, high = 0, len(levels) - 1
    found = attempt(levels[0])
    while low < high:
        middle = (low + high + 1) // 2
        trial = attempt(levels[middle])
        if trial is None:
            high = middle - 1
        else:
            low, found = middle, trial
    return found, float(levels[low])


def sample_leaf(fitted: float, pattern: NDArray[np.bool_], sample: int, sign: int) -> Leaf:
    """The leaf of a sample that all its neurons, with the one sign given, cannot fit with a margin."""
    active = pattern[sample]
    bound = sign * float(fitted) / int(active.sum())
    return Leaf(np.where(active, sign, 0).astype(np.int8), bound, sample)


def refutation(
    pattern: NDArray[np.bool_], leaves: list[Leaf], budget: Budget | None = None
) -> NDArray[np.int64]:
    """The neurons to branch on, in preorder, to see that these leaves leave no sign vector over."""
    known = clauses.clauses_of(np.array([leaf.signs for leaf in leaves]))
    known += clauses.equal_neurons(distinct_columns(pattern)[1])
    signs, branches = satisfy(known, pattern.shape[1], budget)
    if signs is not None:
        raise RuntimeError("the leaves leave a sign vector over")
    return np.array(branches, dtype=np.int64)
