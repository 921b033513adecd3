"""Checks within stated tolerances, for cells beyond the size where a proof is affordable.

Nothing here is part of a proof: what passes is called *numerical*. Tolerances count on the safe side only: a
sign within its tolerance is rejected. This is the only module of the package that uses the rest of the
library (``cells.factorised``).
"""

import copy
from functools import wraps

import numpy as np
from numpy.typing import NDArray

from relucells.certify.cell import ENTRIES, Cell
from relucells.certify.certificates import Leaf
from relucells.samples.differences import masked
from relucells.samples.floating import TINY
from relucells.samples.scaling import row_lengths

# Relative to the sizes of the terms that an error comes from: Cholesky factors of Gram matrices leave up to
# the square root of the unit roundoff where they are used once, and far less after refinement.
TOLERANCE = 1e-7
# The same of equations that multipliers have to fulfil, because weights may be long where these are short.
FULFILLED = 1e-13
# Of labels below this power of two floats keep fewer digits than the tolerance asks for.
SMALLEST = -1022 + 32
# Rounding may hide a direction that only samples shorter than this share of the longest one show.
SHORTEST = 1e-6
# What rounding may change the fitted values by, as a share of the labels' root mean square, and how many such
# changes are tried.
NOISE, CHANGES = 1e-12, 4

REJECTED = ("rejected", np.inf, 0.0)


def or_else(failed):
    """What a check answers where its numbers overflow."""

    def decorate(check):
        @wraps(check)
        def checked(*arguments):
            try:
                return check(*arguments)
            except (ValueError, np.linalg.LinAlgError):
                return failed

        return checked

    return decorate


def _scaled(cell: Cell, values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Labels, fitted values or weights over the power of two that bounds the labels, so that squares neither
    overflow nor underflow."""
    return np.ldexp(values, -cell.exponent)


def _found(cell: Cell, bound: float, doubt: float) -> tuple[str, float, float]:
    """The bound, of scaled labels, in units of y, if it is beyond its doubt."""
    in_units = np.ldexp([bound, doubt], cell.exponent).tolist()
    return ("numerical", *in_units) if bound < -doubt and np.isfinite(in_units).all() else REJECTED


def _within(error: float | np.floating, size: float | np.floating, tolerance: float = TOLERANCE) -> bool:
    """Whether an error is within the tolerance of a size; an infinite size allows nothing."""
    return bool(np.isfinite(size) and error <= tolerance * size)


def minimum(cell: Cell):
    """The factorised minimum of the cell, which is kept with it.

    None where its rank is doubtful, where samples differ too much in length, or where labels are so small
    that floats keep few of their digits.
    """
    if "_numerical" not in cell.__dict__:
        cell.__dict__["_numerical"] = None if cell.exponent < SMALLEST else _minimum(cell)
    return cell.__dict__["_numerical"]


def _minimum(cell: Cell):
    from relucells.cells.factorised import floating_minimum
    from relucells.samples.free_part import free_part
    from relucells.samples.inputs import prepare

    inputs = cell.samples.inputs or prepare(cell.X)
    part = None if cell.free is None else free_part(cell.free.X, cell.N)
    found = floating_minimum(inputs, cell.y, cell.pattern, part)
    lengths = row_lengths(found.coordinates)[~cell.samples.zero]
    uneven = lengths.min(initial=np.inf) < SHORTEST * lengths.max(initial=0.0)
    if uneven or inputs.hinges_on_rounding or found.doubtful or not _has_exact_rank(cell, found):
        return None
    return found


def _has_exact_rank(cell: Cell, found) -> bool:
    """Whether the numerical rank is the exact one. It counts as that where finding out takes too long."""
    from relucells.samples.columns import exact_rank

    rows = np.flatnonzero(found.rows)
    lost = 0 if found.part is None else found.part.rank
    if found.rank == min(len(rows) - lost, cell.G * found.r):
        return True
    columns = cell.samples.columns
    if len(rows) * (cell.G * len(columns) + cell.m) > ENTRIES:
        return True
    exact = exact_rank(np.hstack([masked(cell.columns[rows], cell.X[np.ix_(rows, columns)]), cell.F[rows]]))
    return exact is None or exact == found.rank + lost


def _size(cell: Cell) -> float:
    """The root mean square of the scaled labels."""
    return float(np.sqrt(np.mean(_scaled(cell, cell.y) ** 2)))


@or_else(None)
def loss(cell: Cell) -> float | None:
    """The loss of the cell's minimum, of scaled labels."""
    found = minimum(cell)
    return None if found is None else float(np.mean(_scaled(cell, found.fitted[0] - cell.y) ** 2))


@or_else(REJECTED)
def sample_bound(cell: Cell, i: int, s: int) -> tuple[str, float, float]:
    """As ``kinds.check_sample``: the fitted value is beyond its tolerance."""
    found = minimum(cell)
    if found is None:
        return REJECTED
    count = int(cell.pattern[i].sum())
    bound = s * float(_scaled(cell, found.fitted[0])[i]) / count
    return _found(cell, bound, TOLERANCE * _size(cell) / count)


@or_else(REJECTED)
def samples_bound(cell: Cell, samples: list[int], weights: NDArray) -> tuple[str, float, float]:
    """As ``kinds.check_samples``, for weights that add up as they should."""
    found = minimum(cell)
    if found is None:
        return REJECTED
    bound = float(weights @ _scaled(cell, found.fitted[0])[samples])
    return _found(cell, bound, TOLERANCE * float(np.abs(weights).sum()) * _size(cell))


@or_else(REJECTED)
def multiplier_bound(cell: Cell, leaf: Leaf) -> tuple[str, float, float]:
    """As ``kinds.check_multipliers``, with λ from a basis of A's range, in orthonormal coordinates.

    Of minimisers whose weights are at most TOLERANCE / FULFILLED times as long as the shortest ones: what the
    equations miss, times longer weights, is no longer within the tolerance.
    """
    found = minimum(cell)
    if found is None:
        return REJECTED
    samples, owners = leaf.pairs.T
    shares = np.where(cell.pattern[samples, owners], cell.shares(owners, leaf.signs), 0)
    finite = bool((shares > 0).any())
    values = leaf.values / leaf.values.max()
    values = values / (shares @ values if finite else values.max())
    demands, sizes = np.zeros((cell.G, found.r)), np.zeros(cell.G)
    for g in range(cell.G):
        wanted = []
        for sign in sorted(set(leaf.signs[cell.group == g].tolist())):
            mine = (cell.group[owners] == g) & (leaf.signs[owners] == sign) & (sign != 0)
            terms = (np.where(cell.pattern[samples, owners], -sign, sign) * mine * values)[:, None]
            wanted.append((terms * found.coordinates[samples]).sum(axis=0))
            sizes[g] += np.linalg.norm(terms * found.coordinates[samples], axis=1).sum()
        if not all(_within(np.linalg.norm(w - wanted[0]), sizes[g], FULFILLED) for w in wanted):
            return REJECTED  # one block of Aᵀλ cannot meet two demands
        demands[g] = wanted[0]
    vector = found.preimage(demands)
    missing = np.linalg.norm(found.transposed(vector) - demands, axis=1)
    sizes += found.groups.T @ (np.abs(vector) * row_lengths(found.coordinates))
    if not all(_within(*pair, FULFILLED) for pair in zip(missing, sizes, strict=True)):
        return REJECTED  # Fᵀλ = 0 holds by construction
    fitted = _scaled(cell, found.fitted[0])
    # the labels may be far longer than the fitted values, which rounding has changed in proportion to them
    size = float(np.abs(vector) @ (np.abs(fitted) + _size(cell)))
    size += float(sizes @ row_lengths(_scaled(cell, found.sums)))
    shown = _found(cell, -float(vector @ fitted), TOLERANCE * size)
    return shown if finite or shown == REJECTED else ("numerical", -np.inf, 0.0)


@or_else(None)
def witness_margin(cell: Cell, R: NDArray[np.float64], signs: NDArray[np.int8]) -> float | None:
    """The margin, of scaled labels, of the minimiser to which one correction takes R.

    None unless it lies inside by more than that correction and rounding, of the fitted values too.
    """
    found = minimum(cell)
    if found is None:
        return None
    W = _scaled(cell, R)
    values = cell.X @ W.T
    fitted = (cell.pattern * values).sum(axis=1)
    short = _scaled(cell, found.fitted[0]) - fitted
    if found.part is not None:
        short = np.where(found.rows, short - found.part.projection(short), 0.0)
    if not _within(np.linalg.norm(short), np.linalg.norm(_scaled(cell, cell.y))):
        return None
    nearby, noise = copy.copy(found), np.random.default_rng(0)
    moves = np.zeros(found.groups.shape)
    for _ in range(CHANGES):
        change = NOISE * _size(cell) * noise.standard_normal(cell.N)
        nearby.y = np.where(cell.alive, short + change, 0.0)
        moves = np.maximum(moves, np.abs(found.coordinates @ nearby._least_squares().T))
    weights = row_lengths(W)[None, :] * row_lengths(cell.X)[:, None]
    moved = np.where(cell.group >= 0, moves[:, cell.group], 0.0) / np.maximum(cell.size[cell.group], 1)
    doubt = 2.0 * moved + TOLERANCE**2 * weights + TINY * cell.D
    # dead neurons with R_j = 0 and samples at the origin are on their side, whatever moves
    doubt[cell.samples.zero] = 0.0
    doubt[:, ~R.any(axis=1) & (cell.group < 0)] = 0.0
    sided = signs * values
    if not (sided[~cell.pattern] + doubt[~cell.pattern] <= 0).all():
        return None
    lower = float((sided - doubt)[cell.pattern].min(initial=np.inf))
    return lower if lower > 0 else None
