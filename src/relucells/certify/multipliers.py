"""Multipliers that bound the margin, proven in floating point.

Write λ·p through M of ``enclosures``: with Aᵀλ = Mᵀζ every minimiser has λ·p = ζ·h, so if ζ, μ, ν satisfy,
in each class of neurons with the same column and sign,

    (Mᵀζ)_g + s (Σ_active μ_i x_i − Σ_inactive ν_i x_i) = 0,    Σ_classes (neurons) Σ μ = 1,

then t ≤ −h·ζ. That needs M R = h at every minimiser, which ``enclosures.saturate`` proves, and not M's rank.
This is a linear system E (ζ, μ, ν) = b; if E has full row rank an exact solution lies
within a computable distance of the approximate one, and μ, ν ≥ 0 there if they exceed that distance. A free
part F adds the equations (Mᵀζ)_F = 0. Without μ the last equation is dropped, the system is homogeneous, and
h·ζ > 0 shows that there is no margin at all.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from relucells.certify.certificates import Leaf
from relucells.certify.enclosures import ProvenMinimum, covered, saturate
from relucells.samples.differences import differences, differing, masked, shortest_tree
from relucells.samples.floating import TINY, gamma, norm, product, residual, row_system
from relucells.samples.inputs import distinct_columns, gram_factor

# A bound whose doubt is a larger share of it is wanted more exactly.
SHARP = 5e-7
# Corrections of a solution of the dual system; each gains a few digits.
REFINEMENTS = 3
# Multiplications of a singular value decomposition that is still worth its while: a second or so.
LARGEST_DECOMPOSITION = 1_000_000_000
# How far a column of length 1 must be from the range of the others for their Gram matrix to be good enough.
INDEPENDENT = 1e-2
# Entries of the dual system.
ENTRIES = 100_000_000


@dataclass
class DualSystem:
    """E z = b of the module's docstring for one leaf; z = (ζ on ``zeta``, multipliers)."""

    matrix: NDArray[np.float64]
    error: NDArray[np.float64]
    right: NDArray[np.float64]
    zeta: NDArray[np.int64]


def floating_bound(minimum: ProvenMinimum, leaf: Leaf) -> tuple[float, float] | None:
    """(b, d): it is proven that the margin is at most some number in [b − d, b + d], which is not positive;
    b = −inf where it is proven that there is no margin. None where floating point proves nothing.

    The leaf's pairs belong to alive neurons with a sign.
    """
    owners = leaf.pairs[:, 1]
    active = minimum.cell.pattern[leaf.pairs[:, 0], owners]
    shares = np.where(active, minimum.cell.shares(owners, leaf.signs), 0).astype(float)
    finite = bool((shares > 0).any())
    if _one_class_each(minimum, leaf) and minimum.determined[minimum.group[owners]].all():
        return _determined_bound(minimum, leaf, active, shares)
    # multipliers are meant up to a common factor; the largest power of two first, so that nothing overflows
    values = np.ldexp(leaf.values, -int(np.frexp(leaf.values.max())[1]))
    values = values / (shares @ values if finite else values.max())
    if not (values > 0).all() or not np.isfinite(values).all():
        return None
    free, carrying = _requirements(minimum, leaf)
    rows = minimum.D * (len(free) + len(carrying)) + minimum.m + 1
    if rows * (int(minimum.saturated.sum()) + minimum.below.shape[1] + len(values)) > ENTRIES:
        return None
    system = _dual_system(minimum, leaf, shares if finite else None)
    # they enter relative to powers of two, at least 1 then, so that a distance below 1 keeps them positive
    unit = np.ldexp(1.0, np.frexp(values)[1] - 1)
    width = len(system.zeta)
    matrix = system.matrix.copy()
    matrix[:, width:] *= unit
    error = system.error + TINY * matrix.shape[1]
    trial = DualSystem(matrix, error, system.right, system.zeta)
    found = _near(minimum, trial, values / unit)
    if found is not None:
        bound, doubt = found
        if finite and bound + doubt <= 0.0:
            return bound, doubt
        if not finite and bound + doubt < 0.0:
            return -np.inf, 0.0
    # which equations have a multiplier is read off before products with small units underflow
    with_multiplier = np.asarray(system.matrix[:, width:].any(axis=1))
    return (0.0, 0.0) if finite and _cancel(trial, values / unit, with_multiplier) else None


def _one_class_each(minimum: ProvenMinimum, leaf: Leaf) -> bool:
    """Whether all neurons of a group with multipliers have one sign."""
    groups = minimum.group[leaf.pairs[:, 1]]
    signs = leaf.signs[leaf.pairs[:, 1]]
    return all(
        (leaf.signs[minimum.group == g] == s).all()
        for g, s in set(zip(groups.tolist(), signs.tolist(), strict=True))
    )


def _determined_bound(
    minimum: ProvenMinimum, leaf: Leaf, active: NDArray, shares: NDArray
) -> tuple[float, float] | None:
    """As ``floating_bound`` where the sums u_g with multipliers are determined: what is demanded of Aᵀλ can
    be met, and −λ·p = Σ s (Σ_active μ x_i·u_g − Σ_inactive ν x_i·u_g)."""
    samples, owners = leaf.pairs.T
    values = np.ldexp(leaf.values, -int(np.frexp(leaf.values.max())[1]))  # at most 1, some at least 1/2
    found, error = minimum.pair_values(samples, minimum.group[owners])
    sides = np.where(active, leaf.signs[owners], -leaf.signs[owners]) * values
    # a value that underflows, and the rounding of the sum
    doubt = product(np.abs(sides), error) + gamma(len(sides) + 2) * product(np.abs(sides), np.abs(found))
    doubt = (float(doubt) + TINY * (np.abs(found) + error).sum()) * (1.0 + gamma(8))
    total = float(sides @ found)
    if not np.isfinite(total) or not np.isfinite(doubt):
        return None
    weight = float(shares @ values)
    if not shares.any():
        return (-np.inf, 0.0) if total + doubt < 0.0 else None
    if total + doubt > 0.0 or weight <= 0.0:
        return None
    relative = gamma(len(values) + 4) + len(values) * TINY / weight * float(shares.max())
    bound, doubt = total / weight, (doubt + relative * abs(total)) / weight * (1.0 + gamma(8)) + TINY
    return (bound, doubt) if np.isfinite(bound) and np.isfinite(doubt) else None


def _near(minimum: ProvenMinimum, system: DualSystem, start: NDArray) -> tuple[float, float] | None:
    """The bound that an exact solution near this one gives, and its doubt; None if none is proven."""
    matrix, width = system.matrix, len(system.zeta)
    proof = row_system(matrix, system.error)
    if not proof.proven:
        return None
    wanted = system.right - matrix[:, width:] @ start
    z = np.concatenate([_least_squares(matrix[:, :width], wanted), start])
    for _ in range(REFINEMENTS):
        z = z + proof.solve(system.right - matrix @ z)
    left = system.right - matrix @ z
    known = product(np.abs(matrix), np.abs(z)) + np.abs(system.right)
    distance = proof.distance(left, gamma(len(z)) * known + system.error * norm(z))
    found = _bound_near(minimum, system, z, distance)
    last = minimum.cell.affordable and not minimum.finely
    if last or (found is not None and found[1] <= SHARP * abs(found[0])):
        return found
    # the worst that rounding can do is a thousand times what it does
    z = z + proof.solve(residual(matrix, z, system.right)[0])
    left, known = residual(matrix, z, system.right)
    return _bound_near(minimum, system, z, proof.distance(left, known + system.error * norm(z)))


def _bound_near(
    minimum: ProvenMinimum, system: DualSystem, z: NDArray, distance: float
) -> tuple[float, float] | None:
    """The bound, and its doubt, of a solution that is at most so far from z."""
    width = len(system.zeta)
    if not (z[width:] > distance).all():
        return None
    h, h_error = (array[system.zeta] for array in minimum.right)
    zeta = z[:width]
    rounded = product(gamma(len(h)) * np.abs(h) + h_error + TINY, np.abs(zeta) + distance)
    doubt = float((norm(h) * distance + rounded) * (1.0 + gamma(8)))
    bound = -float(h @ zeta)
    return (bound, doubt) if np.isfinite(bound) and np.isfinite(doubt) else None


def _cancel(system: DualSystem, start: NDArray, rows: NDArray[np.bool_]) -> bool:
    """Whether multipliers near these fulfil everything with λ = 0, which shows exactly t ≤ 0.

    rows : the equations in which a multiplier occurs; the others hold then
    """
    alone, right = system.matrix[rows, len(system.zeta) :], system.right[rows]
    rounded = np.full(len(alone), TINY * (len(start) + 1))
    known = gamma(len(start)) * (product(np.abs(alone), start) + np.abs(right)) + rounded * norm(start)
    return row_system(alone, rounded).distance(right - alone @ start, known) < 1.0


def _dual_system(minimum: ProvenMinimum, leaf: Leaf, shares: NDArray | None) -> DualSystem:
    X, D = minimum.X[leaf.pairs[:, 0]], minimum.D
    free, carrying = _requirements(minimum, leaf)
    zero, rest, demands = _without_zeros(minimum, leaf, free, carrying)
    vanish = np.zeros(len(minimum.system.matrix), dtype=bool)
    vanish[: minimum.saturated.sum()] = zero[minimum.saturated]
    zeta = np.flatnonzero(~vanish)

    masks = np.concatenate([differences(rest), *(mask[:, None] for mask, _ in demands)], axis=1)
    blocks, _, error = minimum.blocks(masks)
    dense = blocks[zeta].T
    start = D * rest.shape[1]
    rows = [np.hstack([dense[:start], np.zeros((start, len(leaf.values)))])]
    row_errors = [error[:start]]
    stated: set[bytes] = set()
    for k, (mask, side) in enumerate(demands):
        block = slice(start + k * D, start + (k + 1) * D)
        single = _sample_by_sample(minimum, leaf, zeta, mask, side)
        if single is not None:
            single = _unstated(single, stated)
        rows.append(np.hstack([dense[block], (X * side[:, None]).T]) if single is None else single)
        row_errors.append(error[block] if single is None else np.zeros(len(single)))
    if minimum.m:
        nothing = np.zeros((minimum.N, 0))
        # what a free group demands need not be demanded again
        new = ~covered(minimum.cell, minimum.groups[:, free], ~zero)
        blocks, _, error = minimum.blocks(nothing, True)
        alone = blocks[zeta].T[new]
        rows.append(np.hstack([alone, np.zeros((len(alone), len(leaf.values)))]))
        row_errors.append(error[new])
    right = np.zeros(sum(map(len, rows)))
    if shares is not None:
        rows.append(np.concatenate([np.zeros(len(zeta)), shares])[None, :])
        row_errors.append(np.zeros(1))
        right = np.append(right, 1.0)
    return DualSystem(np.vstack(rows), np.concatenate(row_errors), right, zeta)


def _unstated(rows: NDArray[np.float64], stated: set[bytes]) -> NDArray[np.float64]:
    """The rows that do not say, up to their sign, what others have stated; these join."""
    new = []
    for n, row in enumerate(rows):
        first = row[np.flatnonzero(row)[0]] if row.any() else 1.0
        key = (row * first + 0.0).tobytes()  # −0 is 0
        if row.any() and key not in stated:
            stated.add(key)
            new.append(n)
    return rows[new]


def _without_zeros(
    minimum: ProvenMinimum, leaf: Leaf, free: list[int], carrying: list[tuple[int, int]]
) -> tuple[NDArray[np.bool_], NDArray[np.bool_], list[tuple[NDArray, NDArray]]]:
    """Samples with λ_i = 0, (N,), the free groups' columns off them, (N, g), and the ``_demands`` there.

    λ vanishes where the free groups alone demand it, and where a demand on few samples does: there few
    columns and samples remain, and more may follow. It may be set to zero anywhere.
    """
    zero = np.zeros(minimum.N, dtype=bool)
    columns = minimum.groups[:, free]
    while True:
        zero |= _vanishing(minimum, columns & ~zero[:, None]) & minimum.saturated
        rest = distinct_columns(columns & ~zero[:, None])[0]
        demands = _demands(minimum, leaf, carrying, rest, ~zero)
        found = zero.copy()
        for mask, side in demands:
            alone = mask != 0
            with_pairs = np.zeros(minimum.N, dtype=bool)
            with_pairs[leaf.pairs[side != 0, 0]] = True
            if (alone | with_pairs).sum() <= minimum.D and not (alone & ~minimum.saturated).any():
                found |= alone & ~with_pairs
        if (found == zero).all():
            return zero, rest, demands
        zero = found


def _demands(
    minimum: ProvenMinimum, leaf: Leaf, carrying: list[tuple[int, int]], rest: NDArray, inside: NDArray
) -> list[tuple[NDArray, NDArray]]:
    """(mask (N,), side (n,)) of what each class demands: Σ_i mask_i λ_i x_i + Σ_m side_m values_m x_m = 0.

    Columns that are nearly equal would make their demands nearly dependent, or dependent where few samples
    tell them apart. So the demands of the most similar class, or of a free group's mask (``rest``, (N, g)),
    which carries nothing, are taken off each, along a shortest tree from the free ones.
    """
    samples, owners = leaf.pairs.T
    upward = np.where(minimum.cell.pattern[samples, owners], 1.0, -1.0) * leaf.signs[owners]
    fixed = np.concatenate([np.zeros((minimum.N, 1)), rest], axis=1)
    nodes = [*fixed.T, *((minimum.groups[:, g] & inside).astype(float) for g, _ in carrying)]
    sides = [np.zeros(len(owners))] * fixed.shape[1]
    for g, sign in carrying:
        sides.append(upward * ((minimum.group[owners] == g) & (leaf.signs[owners] == sign)))
    tree = shortest_tree(differing(np.array(nodes)), fixed.shape[1])
    return [(nodes[k] - nodes[parent], sides[k] - sides[parent]) for k, parent in tree]


def _sample_by_sample(minimum, leaf: Leaf, zeta: NDArray, mask: NDArray, side: NDArray) -> NDArray | None:
    """Rows that make every x_i in a demand vanish by itself, where there are at most D of them.

    So few samples are independent as a rule, which would make the D rows of the sum dependent. None if
    there are more, or if some λ_i in the sum is not an unknown of its own.
    """
    samples = leaf.pairs[:, 0]
    mine = np.flatnonzero(side)
    own = np.flatnonzero(minimum.saturated)
    free = np.zeros(minimum.N, dtype=bool)
    free[own[zeta[zeta < len(own)]]] = True
    involved = (mask != 0) & (free | ~minimum.saturated)
    involved[samples[mine]] = True
    chosen = np.flatnonzero(involved)
    if len(chosen) > minimum.D or (involved & (mask != 0) & ~minimum.saturated).any():
        return None
    rows = np.zeros((len(chosen), len(zeta) + len(samples)))
    column = {int(own[i]): n for n, i in enumerate(zeta) if i < len(own)}
    for row, i in enumerate(chosen):
        if mask[i] and int(i) in column:
            rows[row, column[int(i)]] = mask[i]
        for m in mine[samples[mine] == i]:
            rows[row, len(zeta) + m] = side[m]
    return rows


def _vanishing(minimum: ProvenMinimum, columns: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Samples, (N,), on which λ must vanish if no block diag(column) X is to see it, columns (N, g).

    Their unit vectors lie in the range of the blocks. Any answer is sound: it only takes unknowns
    away.
    """
    found = saturate(minimum.X, columns)[0]
    alive = columns.any(axis=1) & ~found
    shape = int(alive.sum()), columns.shape[1] * minimum.D
    if not alive.any() or not shape[1] or min(shape) ** 2 * max(shape) > LARGEST_DECOMPOSITION:
        return found
    # Differences of similar columns span the same range, and are far less dependent.
    A = masked(differences(columns[alive]), minimum.X[alive])
    lengths = np.linalg.norm(A, axis=0)
    if lengths.any():
        A = A[:, lengths > 0] / lengths[lengths > 0]
        found[np.flatnonzero(alive)[_leverages(A) > 1.0 - 1e-10]] = True
    return found


def _leverages(A: NDArray[np.float64]) -> NDArray[np.float64]:
    """The squared lengths of the unit vectors' projections on A's range, (N,); A's columns have length 1."""
    factor = gram_factor(A.T @ A) if A.shape[1] < len(A) else None
    if factor is not None and factor.diagonal().max() < 1.0 / INDEPENDENT:
        return np.asarray(((A @ factor.T) ** 2).sum(axis=1))
    left, singular, _ = np.linalg.svd(A, full_matrices=False)
    return np.asarray((left[:, singular > 1e-10 * singular[0]] ** 2).sum(axis=1))


def _requirements(minimum: ProvenMinimum, leaf: Leaf) -> tuple[list[int], list[tuple[int, int]]]:
    """Groups with neurons that carry no multipliers, and the (group, sign) classes that do."""
    owners = leaf.pairs[:, 1]
    carrying = sorted(
        {(int(g), int(s)) for g, s in zip(minimum.group[owners], leaf.signs[owners], strict=True)}
    )
    free = []
    for g in range(minimum.G):
        signs = set(leaf.signs[minimum.group == g].tolist())
        if any(s == 0 or (g, s) not in carrying for s in signs):
            free.append(g)
    return free, carrying


def _least_squares(matrix: NDArray, right: NDArray) -> NDArray[np.float64]:
    """A least-squares solution, by refined regularised normal equations: any one will do."""
    gram = matrix.T @ matrix
    regular = gram + 1e-12 * max(np.trace(gram), 1e-300) * np.eye(len(gram))
    solution = np.zeros(matrix.shape[1])
    for _ in range(4):
        solution = solution + np.linalg.solve(regular, matrix.T @ (right - matrix @ solution))
    return solution
