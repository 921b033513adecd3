"""Checking what a decision claims, from X, y, pattern and its certificate alone; no solver is used.

Each check is tried with floating-point bounds that are proven (``enclosures``), then, for small cells
near degeneracy, in exact rational arithmetic (``exact``), and last by floating-point arithmetic with
tolerances where the cell is too large for that. The result says which of the three succeeded.

Multipliers (``certificates``) bound the margin as follows. Write λ·p through M of ``enclosures``:
with Aᵀλ = Mᵀζ every minimiser has λ·p = ζ·h, so if ζ, μ, ν satisfy, in each class of neurons with the
same column and sign,

    (Mᵀζ)_g + s (Σ_active μ_i x_i − Σ_inactive ν_i x_i) = 0,    Σ_classes (neurons) Σ μ = 1,

then t ≤ −h·ζ. This is a linear system E (ζ, μ, ν) = b; if E has full row rank an exact solution lies
within a computable distance of the approximate one, and μ, ν ≥ 0 there if they exceed that distance.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from relucells.cells.factorised import LargeMinimum, floating_minimum
from relucells.cells.pattern import distinct_columns
from relucells.certify import clauses, rational
from relucells.certify.certificates import Decision, Leaf
from relucells.certify.enclosures import ExactFit, ProvenMinimum, differences, proven_minimum, saturate
from relucells.samples.inputs import Inputs, activations, gram_factor, prepare, targets
from relucells.samples.linear_bounds import gamma, norm, row_system

# A claimed margin may exceed what its proof supports by this, relative to the larger of the two: a
# witness that is moved strictly inside its cell gives up that much.
MARGIN_SLACK = 1e-6
# Tolerance, relative to max|y|, of checks that are not rigorous, and of the stated loss.
FLOAT_TOLERANCE = 1e-7

# Corrections of a solution of the dual system; each gains a few digits.
REFINEMENTS = 3

LEVELS = ("rejected", "floating point", "exact", "rigorous")


def support(inputs: Inputs, y: NDArray, pattern: NDArray[np.bool_], decision: Decision) -> str:
    """How far the decision's certificate carries it: one of ``LEVELS``."""
    if decision.verdict == "genuine":
        return _genuine(inputs, y, pattern, decision)
    if decision.verdict == "none" and decision.certificate is not None:
        return _none(inputs, y, pattern, decision)
    return "rejected"


def allowed(decision: Decision, signs: NDArray) -> bool:
    """Whether the convention allows these signs, (K,)."""
    if decision.convention == "positive":
        return bool((signs == 1).all())
    if decision.convention == "uniform":
        return bool((signs == signs[0]).all())
    if decision.convention == "given":
        return decision.given is not None and np.array_equal(signs, decision.given)
    return decision.convention == "exists"


# Witnesses


def _genuine(inputs: Inputs, y: NDArray, pattern: NDArray[np.bool_], decision: Decision) -> str:
    (N, D), K = inputs.X.shape, pattern.shape[1]
    R, signs = decision.R, decision.signs
    if R is None or signs is None or np.shape(R) != (K, D) or np.shape(signs) != (K,):
        return "rejected"
    if not np.isfinite(R).all() or not np.isin(signs, (-1, 1)).all() or not allowed(decision, signs):
        return "rejected"
    if not 0.0 < decision.margin <= 1.0 or decision.certificate is not None:
        return "rejected"
    values = inputs.X @ R.T
    residual = (pattern * values).sum(axis=1) - y
    if not _close(decision.loss, float(residual @ residual) / N, y):
        return "rejected"
    if not pattern.any():
        return "rigorous" if (R == 0.0).all() else "rejected"

    minimum = proven_minimum(inputs, y, pattern)
    error = gamma(D) * (np.abs(inputs.X) @ np.abs(R).T) + minimum.displacement(R)
    if _inside(signs * values, error, pattern, decision.margin):
        return "rigorous"
    if rational.fits(inputs.X, pattern):
        margin = rational.witness_margin(inputs.X, y, pattern, R, signs)
        proven = margin is not None and margin > 0 and margin >= decision.margin * (1.0 - MARGIN_SLACK)
        return "exact" if proven else "rejected"
    if _is_minimiser(inputs, y, pattern, residual) and _inside(
        signs * values, -FLOAT_TOLERANCE * np.abs(y).max(), pattern, decision.margin
    ):
        return "floating point"
    return "rejected"


def _inside(values: NDArray, error: NDArray | float, pattern: NDArray[np.bool_], margin: float) -> bool:
    """Whether s_j R_j·x_i, known to ``error``, is within the cell and supports the margin."""
    lower = (values - error)[pattern].min(initial=np.inf)
    upper = (values + error)[~pattern].max(initial=-np.inf)
    return bool(lower > 0.0 and lower >= margin * (1.0 - MARGIN_SLACK) and upper <= 0.0)


def _is_minimiser(inputs: Inputs, y: NDArray, pattern: NDArray[np.bool_], residual: NDArray) -> bool:
    """Whether Aᵀ(A R − y) vanishes within tolerance, in coordinates in which no direction of X is weak."""
    coordinates = inputs.orthonormal[0] / np.sqrt(len(y))
    gradient = coordinates.T @ (residual[:, None] * pattern)
    return bool(np.linalg.norm(gradient, axis=0).max() <= FLOAT_TOLERANCE * np.linalg.norm(y))


# Leaves


def _none(inputs: Inputs, y: NDArray, pattern: NDArray[np.bool_], decision: Decision) -> str:
    leaves = decision.certificate.leaves
    K = pattern.shape[1]
    if not leaves or decision.margin > 0 or np.isnan(decision.margin) or not pattern.any():
        return "rejected"
    if any(np.shape(leaf.signs) != (K,) or not np.isin(leaf.signs, (-1, 0, 1)).all() for leaf in leaves):
        return "rejected"
    if not _covered(pattern, decision):
        return "rejected"
    minimum = proven_minimum(inputs, y, pattern)
    residual = minimum.fitted[0] - y
    if not _close(decision.loss, float(np.mean(residual**2)), y):
        return "rejected"
    if isinstance(minimum, LargeMinimum) and not _is_minimiser(inputs, y, pattern, residual):
        return "rejected"
    level, highest = len(LEVELS) - 1, -np.inf
    for leaf in leaves:
        method, bound = leaf_bound(minimum, pattern, leaf)
        level = min(level, LEVELS.index(method))
        highest = max(highest, bound)
    if not _agree(decision.margin, highest, y):
        return "rejected"
    return LEVELS[level]


def _agree(claimed: float, found: float, y: NDArray) -> bool:
    """Whether two margins are the same, up to rounding if they are finite."""
    if not np.isfinite(claimed) or not np.isfinite(found):
        return claimed == found
    return abs(claimed - found) <= MARGIN_SLACK * (np.abs(y).max() + abs(found))


def _covered(pattern: NDArray[np.bool_], decision: Decision) -> bool:
    """Whether the leaves reach every sign vector that the convention allows."""
    leaves = decision.certificate.leaves
    ones = np.ones(pattern.shape[1], dtype=int)
    if decision.convention == "exists":
        known = clauses.clauses_of(np.array([leaf.signs for leaf in leaves]))
        known += clauses.equal_neurons(distinct_columns(pattern)[1])
        return clauses.refuted(known, decision.certificate.branches.tolist())
    given = decision.given if decision.given is not None else 0 * ones
    wanted = {"positive": [ones], "uniform": [ones, -ones], "given": [given]}[decision.convention]
    return all(any((signs * leaf.signs >= 0).all() for leaf in leaves) for signs in wanted)


def leaf_bound(
    minimum: ProvenMinimum | ExactFit | LargeMinimum, pattern: NDArray[np.bool_], leaf: Leaf
) -> tuple[str, float]:
    """The level of a leaf's proof that there is no positive margin, and the bound that it supports."""
    if leaf.sample >= 0:
        method, bound = _sample_bound(minimum, pattern, leaf)
    elif isinstance(minimum, ProvenMinimum) and _well_formed(pattern, leaf):
        method, bound = _multiplier_bound(minimum, pattern, leaf)
    elif isinstance(minimum, LargeMinimum) and _well_formed(pattern, leaf):
        method, bound = _large_multiplier_bound(minimum, pattern, leaf)
    else:
        return "rejected", np.inf
    if method == "rejected" or not _agree(leaf.bound, bound, minimum.y):
        return "rejected", np.inf
    return method, bound


def _sample_bound(minimum, pattern: NDArray[np.bool_], leaf: Leaf) -> tuple[str, float]:
    if leaf.sample >= len(pattern):
        return "rejected", np.inf
    active = pattern[leaf.sample]
    signs = leaf.signs[active]
    if not active.any() or signs[0] == 0 or (signs != signs[0]).any():
        return "rejected", np.inf
    p, error = (array[leaf.sample] for array in minimum.fitted)
    bound = float(signs[0] * p) / int(active.sum())
    if signs[0] * p + error <= 0:
        return "rigorous", bound
    if rational.fits(minimum.X, pattern):
        exact_bound = signs[0] * rational.fitted(minimum.X, minimum.y, pattern, leaf.sample)
        return ("exact" if exact_bound <= 0 else "rejected"), float(exact_bound) / int(active.sum())
    near = bound <= FLOAT_TOLERANCE * np.abs(minimum.y).max()
    return ("floating point" if near else "rejected"), bound


def _well_formed(pattern: NDArray[np.bool_], leaf: Leaf) -> bool:
    """Whether the multipliers are positive and belong to neurons whose sign the leaf fixes."""
    pairs, values = np.asarray(leaf.pairs), np.asarray(leaf.values)
    if pairs.shape != (len(values), 2) or not len(values) or not (values > 0).all():
        return False
    if not np.isfinite(values).all() or (pairs < 0).any() or (pairs >= pattern.shape).any():
        return False
    return bool((leaf.signs[pairs[:, 1]] != 0).all()) and len({tuple(p) for p in pairs.tolist()}) == len(
        pairs
    )


@dataclass
class DualSystem:
    """E z = b of the module's docstring for one leaf; z = (ζ on ``zeta``, multipliers)."""

    matrix: NDArray[np.float64]
    error: NDArray[np.float64]
    right: NDArray[np.float64]
    zeta: NDArray[np.int64]


def _dual_system(minimum: ProvenMinimum, pattern: NDArray[np.bool_], leaf: Leaf, finite: bool) -> DualSystem:
    X, D = minimum.X, minimum.D
    free, carrying = _requirements(minimum, leaf)
    # λ vanishes where the free groups alone demand it; off these samples few of their masks remain
    saturated, rest = _vanishing(minimum, free)
    vanish = np.zeros(len(minimum.system.matrix), dtype=bool)
    vanish[: minimum.saturated.sum()] = saturated[minimum.saturated]
    zeta = np.flatnonzero(~vanish)

    pairs, n = leaf.pairs, len(leaf.values)
    # what a free group demands may be taken off the demand of a similar one
    nodes = np.concatenate([np.zeros((minimum.N, 1)), rest], axis=1)
    masks, sides = [differences(rest)], [np.zeros((D * rest.shape[1], n))]
    for g, sign in carrying:
        column = minimum.groups[:, g] & ~saturated
        nearest = np.argmin(np.abs(nodes - column[:, None]).sum(axis=0))
        masks.append((column - nodes[:, nearest])[:, None] * (g not in free))
        mine = (minimum.group[pairs[:, 1]] == g) & (leaf.signs[pairs[:, 1]] == sign)
        side = np.where(pattern[pairs[:, 0], pairs[:, 1]], 1.0, -1.0) * sign * mine
        sides.append((X[pairs[:, 0]] * side[:, None]).T)
    masks = np.concatenate(masks, axis=1)
    blocks, _, error = minimum.blocks(masks)
    dense = np.hstack([blocks[zeta].T, np.concatenate(sides)])
    start = D * rest.shape[1]
    rows, row_errors = [dense[:start]], [error[:start]]
    for k, (g, sign) in enumerate(carrying):
        block = slice(start + k * D, start + (k + 1) * D)
        single = _sample_by_sample(minimum, pattern, leaf, zeta, masks[:, rest.shape[1] + k], (g, sign))
        rows.append(dense[block] if single is None else single)
        row_errors.append(error[block] if single is None else np.zeros(len(single)))
    right = np.zeros(sum(map(len, rows)))
    if finite:
        rows.append(np.concatenate([np.zeros(len(zeta)), _shares(minimum, pattern, leaf)])[None, :])
        row_errors.append(np.zeros(1))
        right = np.append(right, 1.0)
    return DualSystem(np.vstack(rows), np.concatenate(row_errors), right, zeta)


def _sample_by_sample(minimum, pattern, leaf: Leaf, zeta: NDArray, mask: NDArray, owner) -> NDArray | None:
    """Rows that make every x_i in a class's sum vanish by itself, where there are at most D of them.

    So few samples are independent as a rule, which would make the D rows of the sum dependent. None if
    there are more, or if some λ_i in the sum is not an unknown of its own.
    """
    g, sign = owner
    samples, owners = leaf.pairs.T
    mine = np.flatnonzero((minimum.group[owners] == g) & (leaf.signs[owners] == sign))
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
            rows[row, len(zeta) + m] = sign * (1.0 if pattern[i, owners[m]] else -1.0)
    return rows


def _vanishing(minimum: ProvenMinimum, free: list[int]) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Samples whose λ is set to zero for the free groups' sake, and the columns that these leave."""
    columns = minimum.groups[:, free]
    alive = columns.any(axis=1)
    if 0 < alive.sum() <= len(free) * minimum.D and not (alive & ~minimum.saturated).any():
        A = (columns[alive][:, :, None] * minimum.X[alive][:, None, :]).reshape(alive.sum(), -1)
        if gram_factor(A @ A.T) is not None:
            return alive, np.zeros((minimum.N, 0), dtype=bool)
    return saturate(minimum.X, columns)


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


def _shares(minimum: ProvenMinimum, pattern: NDArray[np.bool_], leaf: Leaf) -> NDArray[np.float64]:
    """The weight of each multiplier in Σ μ: the neurons that share it if its pair is active, else 0."""
    samples, owners = leaf.pairs.T
    same = (minimum.group[None, :] == minimum.group[owners][:, None]) & (
        leaf.signs[None, :] == leaf.signs[owners][:, None]
    )
    return np.where(pattern[samples, owners], same.sum(axis=1), 0).astype(float)


def _normalised(shares: NDArray, leaf: Leaf) -> tuple[bool, NDArray[np.float64]]:
    """Whether the bound is finite (Σ μ > 0), and the multipliers with Σ μ = 1, or at most 1 if it is not."""
    finite = bool((shares > 0).any())
    return finite, leaf.values / (shares @ leaf.values if finite else leaf.values.max())


def _multiplier_bound(minimum: ProvenMinimum, pattern: NDArray[np.bool_], leaf: Leaf) -> tuple[str, float]:
    """The level at which the multipliers are proven, and the bound on the margin they give."""
    shares = _shares(minimum, pattern, leaf)
    finite, values = _normalised(shares, leaf)
    system = _dual_system(minimum, pattern, leaf, finite)
    # multipliers enter relative to their values, so that a distance below 1 keeps them positive
    relative = len(system.zeta) + np.arange(len(values))
    matrix = system.matrix.copy()
    matrix[:, relative] *= values
    proof = row_system(matrix, system.error)
    z = np.ones(matrix.shape[1])
    z[: len(system.zeta)] = _least_squares(
        matrix[:, : len(system.zeta)], system.right - matrix[:, relative].sum(1)
    )
    for _ in range(REFINEMENTS if proof.proven else 0):
        z = z + proof.solve(system.right - matrix @ z)
    residual = system.right - matrix @ z
    h, h_error = (array[system.zeta] for array in minimum.right)
    zeta = z[: len(system.zeta)]
    bound = -float(h @ zeta)
    if proof.proven:
        error = gamma(len(z)) * (np.abs(matrix) @ np.abs(z) + np.abs(system.right)) + system.error * norm(z)
        distance = proof.distance(residual, error)
        doubt = norm(h) * distance + (gamma(len(h)) * np.abs(h) + h_error) @ (np.abs(zeta) + distance)
        if (z[relative] > distance).all() and bound + doubt <= 0.0 and (finite or bound + doubt < 0.0):
            return "rigorous", bound if finite else -np.inf
    if _cancel(system, matrix, relative):
        return "rigorous", 0.0
    if rational.fits(minimum.X, pattern):
        exact_bound = rational.leaf_bound(minimum.X, minimum.y, pattern, leaf)
        proven = exact_bound is not None and exact_bound <= 0
        return ("exact", float(exact_bound)) if proven else ("rejected", np.inf)
    scale = np.abs(minimum.y).max()
    small = np.abs(residual).max() <= FLOAT_TOLERANCE * max(1.0, np.abs(matrix).max())
    if small and (z[relative] > 0).all() and bound <= (FLOAT_TOLERANCE if finite else 0.0) * scale:
        return "floating point", bound if finite else -np.inf
    return _large_multiplier_bound(floating_minimum(minimum.inputs, minimum.y, pattern), pattern, leaf)


def _large_multiplier_bound(
    minimum: LargeMinimum, pattern: NDArray[np.bool_], leaf: Leaf
) -> tuple[str, float]:
    """As ``_multiplier_bound``, with λ from a basis of A's range, in orthonormal coordinates."""
    if minimum.doubtful:
        return "rejected", np.inf
    finite, values = _normalised(_shares(minimum, pattern, leaf), leaf)
    free, carrying = _requirements(minimum, leaf)
    samples, owners = leaf.pairs.T
    demands = {g: np.zeros(minimum.r) for g in free}
    for g, sign in carrying:
        mine = (minimum.group[owners] == g) & (leaf.signs[owners] == sign)
        side = np.where(pattern[samples, owners], -sign, sign) * mine * values
        demand = side @ minimum.coordinates[samples]
        if not np.allclose(demands.setdefault(g, demand), demand):
            return "rejected", np.inf  # one block of Aᵀλ cannot meet two demands
    demands = np.stack([demands[g] for g in range(minimum.G)])
    vector = minimum.preimage(demands)
    missing = np.abs(minimum.transposed(vector) - demands).max()
    bound = -float(vector @ minimum.fitted[0])
    limit = FLOAT_TOLERANCE * np.abs(minimum.y).max() if finite else 0.0
    if missing <= FLOAT_TOLERANCE * np.abs(demands).max() and bound <= limit:
        return "floating point", bound if finite else -np.inf
    return "rejected", np.inf


def _cancel(system: DualSystem, matrix: NDArray, relative: NDArray) -> bool:
    """Whether multipliers near these fulfil everything with λ = 0, which shows exactly t ≤ 0."""
    rows = matrix[:, relative].any(axis=1)
    alone, right = matrix[np.ix_(rows, relative)], system.right[rows]
    proof = row_system(alone)
    error = gamma(len(relative)) * (np.abs(alone).sum(axis=1) + np.abs(right))
    return bool(system.right.any()) and proof.distance(right - alone.sum(axis=1), error) < 1.0


def _least_squares(matrix: NDArray, right: NDArray) -> NDArray[np.float64]:
    """A least-squares solution, by refined regularised normal equations: any one will do."""
    gram = matrix.T @ matrix
    regular = gram + 1e-12 * max(np.trace(gram), 1e-300) * np.eye(len(gram))
    solution = np.zeros(matrix.shape[1])
    for _ in range(4):
        solution = solution + np.linalg.solve(regular, matrix.T @ (right - matrix @ solution))
    return solution


def _close(loss: float, found: float, y: NDArray) -> bool:
    """Whether the stated loss is the one found."""
    return abs(loss - found) <= MARGIN_SLACK * max(float(np.mean(y**2)), 1e-300)


def verify(X: ArrayLike | Inputs, y: ArrayLike, pattern: ArrayLike, decision: Decision) -> bool:
    """Whether the decision's certificate proves its verdict, margin and loss for this very cell.

    Trusts X, y, pattern and the certificate only, and uses no solver. An undecided one is never
    verified. ``verification_level`` tells how rigorous the check was.
    """
    return verification_level(X, y, pattern, decision) != "rejected"


def verification_level(X: ArrayLike | Inputs, y: ArrayLike, pattern: ArrayLike, decision: Decision) -> str:
    """ "rigorous" (floating point with proven error bounds), "exact" (rational arithmetic), "floating
    point" (with tolerances: beyond the size where the others serve), or "rejected"."""
    inputs = prepare(X)
    y = targets(y, len(inputs.X))
    return support(inputs, y, activations(pattern, len(inputs.X)), decision)
