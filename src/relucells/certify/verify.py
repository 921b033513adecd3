"""Checking what a decision claims, from X, y, pattern and its certificate alone.

Each claim is tried with proven floating-point bounds first (``enclosures``, ``multipliers``). Then it is
tried in rational arithmetic (``rational``), if the cell is small enough. Only beyond that it is checked
within tolerances (``numerical``). Three things are *proven*: the verdict; the loss, up to rounding; and that
the margin is at least (genuine) or at most (none) the stated one. With ``exact`` the stated margin is also
the one that the certificate supports. That no other certificate supports a better one is a claim of the
search and not checked.
"""

import numpy as np
from flint import fmpq
from numpy.typing import ArrayLike, NDArray

from relucells.certify import clauses, coercion, dyadic, numerical
from relucells.certify.cell import Cell, Samples, present
from relucells.certify.certificates import LEVELS, Certificate, Decision, Leaf
from relucells.certify.conventions import Convention, Signs
from relucells.certify.dyadic import power
from relucells.certify.enclosures import exact_fit
from relucells.certify.exact_witness import NEAR, witness_margins
from relucells.certify.kinds import Finding, check, too_long
from relucells.samples.floating import TINY, UNDERFLOW, gamma, norm, rounding
from relucells.samples.free_part import FreePart, free_array
from relucells.samples.inputs import Inputs, activations, prepare, targets
from relucells.samples.threads import one_thread

# A stated margin may exceed what its proof supports by this share: a witness that is moved strictly inside
# its cell loses that much.
MARGIN_SLACK = fmpq(1, 10**6)
# Of the root of the loss: relative to itself, and relative to the root mean square of y.
LOSS_SLACK = 1e-9
LOSS_ROUNDING = 1e-12
# What no float is near to: half a unit above the largest one.
INFINITE = power(1024) - power(970)


def verify(
    X: ArrayLike | Inputs,
    y: ArrayLike,
    pattern: ArrayLike,
    decision: Decision,
    *,
    level: str = "proven",
    free: ArrayLike | None = None,
) -> bool:
    """Whether the decision's certificate proves its verdict, margin and loss for this very cell.

    Uses X, y, pattern and the certificate only, and no solver. An undecided decision is never
    verified, and one that is checked within tolerances only for ``level="numerical"``. free : F, (N, m), of
    a network with a free part, as ``decide`` had it. Raises ValueError, naming the argument, for a bad X,
    y, pattern, level or free; a malformed decision is not verified.
    """
    if not isinstance(level, str) or level not in ("proven", "numerical"):
        raise ValueError(f'level: must be "proven" or "numerical", not {level!r}')
    return LEVELS.index(verification_level(X, y, pattern, decision, free=free)) >= LEVELS.index(level)


@one_thread
def verification_level(
    X: ArrayLike | Inputs,
    y: ArrayLike,
    pattern: ArrayLike,
    decision: Decision,
    *,
    free: ArrayLike | None = None,
) -> str:
    """ "proven" (by exact arithmetic, or floating point with proven error bounds), "numerical" (within
    tolerances: beyond the size where a proof is affordable), or "rejected"."""
    cell = cell_of(X, y, pattern, free)
    try:
        clean, convention = coercion.decision(decision, cell.N, cell.D, cell.K)
    except coercion.UNSHOWN:
        return "rejected"
    return support(cell, clean, convention)


def cell_of(
    X: ArrayLike | Inputs, y: ArrayLike, pattern: ArrayLike, free: ArrayLike | FreePart | None = None
) -> Cell:
    """The checkers' view of a cell; what is proven about X alone is kept with ``prepare(X)``."""
    inputs = prepare(X)
    samples = inputs.__dict__.get("_certified")
    if samples is None or not (inputs.fixed or np.array_equal(samples.X, inputs.X)):
        # what the caller holds may be changed; what was just prepared is nobody else's
        kept = inputs.X.copy() if inputs is X else inputs.X
        kept.flags.writeable = False
        samples = inputs.__dict__["_certified"] = Samples(kept, inputs)
    return Cell(
        samples,
        targets(y, len(samples.X)),
        activations(pattern, len(samples.X)),
        samples.beside(free_array(free, len(samples.X))),
    )


def support(cell: Cell, decision: Decision, convention: Convention) -> str:
    """How far the certificate of a clean decision carries it: one of ``LEVELS``."""
    with np.errstate(all="ignore"):
        try:
            if decision.verdict == "genuine":
                return _genuine(cell, decision, convention)
            if decision.verdict == "none":
                return _none(cell, decision, convention)
        except coercion.UNSHOWN:
            pass  # what cannot be computed is not shown
    return "rejected"


def leaf_bound(cell: Cell, leaf: Leaf) -> Finding:
    """What a leaf shows about the cell (``kinds``): the bound to store with it, and its level."""
    with np.errstate(all="ignore"):
        try:
            return check(cell, coercion.leaf(leaf, cell.N, cell.K))
        except coercion.UNSHOWN:
            return Finding("rejected", np.inf)


# Witnesses


def _genuine(cell: Cell, decision: Decision, convention: Convention) -> str:
    R, signs = decision.R, decision.signs
    if R is None or signs is None or not convention.allows(signs, decision.given):
        return "rejected"
    if not 0.0 < decision.margin <= 1.0:
        return "rejected"
    loss = _loss_level(cell, decision.loss)
    if loss == "rejected":
        return "rejected"
    if decision.rest is None and _inside(cell, decision, R, signs):
        return loss
    if cell.rational:
        shown = witness_margins(cell, R, signs, decision.rest)
        enough = (margin > 0 and _supports(decision, margin, margin) for margin in shown)
        return loss if any(enough) else "rejected"
    # a rest says more than any tolerance
    found = None if decision.rest is not None else numerical.witness_margin(cell, R, signs)
    if found is None:
        return "rejected"
    margin = _at_most_1(found, cell.exponent)
    return "numerical" if _supports(decision, margin, margin) else "rejected"


def _supports(decision: Decision, lower: fmpq, upper: fmpq) -> bool:
    """Whether a margin between these bounds, at most 1, is the one stated. As rationals: a float near the
    smallest one would be rounded by more than the slack."""
    stated = dyadic.fraction(decision.margin)
    enough = lower >= stated * (1 - MARGIN_SLACK)
    return enough and (not decision.exact or stated >= upper * (1 - 2 * MARGIN_SLACK))


def _at_most_1(value: float, exponent: int) -> fmpq:
    """value · 2^exponent, at most 1, exactly."""
    return fmpq(1) if value == np.inf else min(dyadic.fraction(value) * power(exponent), fmpq(1))


def _inside(cell: Cell, decision: Decision, R: NDArray[np.float64], signs: NDArray[np.int8]) -> bool:
    """Whether floating point proves that a minimiser near R is in the cell and has the margin."""
    if not cell.pattern.any() and not R.any():
        return _supports(decision, fmpq(1), fmpq(1))  # all values are 0, and no pair is active
    X, scaled = cell.samples.scaled, cell.scaled_weights(R) if cell.floating else None
    if X is None or scaled is None:
        return False
    values = X @ scaled.T
    # a bound by lengths takes less time, and is enough unless a value is as good as 0
    long = np.array([norm(row) for row in scaled])
    # the second term is for products that underflow: a length that is not 0 is at least D 2^-530
    error = np.multiply.outer(cell.samples.lengths, gamma(cell.D) * long + 2.0**-543 * (long > 0))
    if _is_inside(cell, decision, signs, values, error, np.abs(values) - error):
        return True
    error = rounding(X, scaled.T)
    return _is_inside(cell, decision, signs, values, error, error / gamma(cell.D))


def _is_inside(
    cell: Cell, decision: Decision, signs: NDArray[np.int8], values: NDArray, error: NDArray, size: NDArray
) -> bool:
    """As ``_inside``, from scaled values R_j·x_i, (N, K), known to ``error``.

    size : Σ_d |x_id R_jd|, (N, K), or less
    """
    moved = cell.enclosure.displacement(values, error) if cell.enclosure else np.zeros_like(values)
    if (moved > NEAR * size).any():
        return False
    values, error = signs * values, (error + moved) * (1.0 + gamma(4))
    low, high = values - error, values + error
    if not (low.min() > -np.inf and high.max() < np.inf):  # NaN is neither
        return False
    if not ((high <= 0) | cell.pattern).all():
        return False
    lower, upper = (float(np.where(cell.pattern, bound, np.inf).min()) for bound in (low, high))
    return lower > 0.0 and _supports(decision, *(_at_most_1(v, cell.exponent) for v in (lower, upper)))


# Leaves


def _none(cell: Cell, decision: Decision, convention: Convention) -> str:
    certificate = decision.certificate
    if certificate is None or decision.margin > 0 or not cell.pattern.any():
        return "rejected"
    leaves = list({id(leaf): leaf for leaf in certificate.leaves}.values())
    if len(leaves) > 1 and too_long(cell, leaves):
        return "rejected"
    if not _covered(cell, certificate, decision.given, convention):
        return "rejected"
    level = LEVELS.index(_loss_level(cell, decision.loss))
    highest = Finding("proven", -np.inf)
    for leaf in leaves:
        if not level:
            break
        found = check(cell, leaf)
        level = min(level, LEVELS.index(found.level))
        if not _agree(leaf.bound, found):
            return "rejected"
        if found.upper > highest.upper:
            highest = found
    return LEVELS[level] if _agree(decision.margin, highest) else "rejected"


def _agree(stated: float, found: Finding) -> bool:
    """Whether a stated margin is not below what is shown, and not above what may be, both up to rounding:
    ``MARGIN_SLACK`` of it, and four of the smallest floats."""
    if not np.isfinite(stated) or not np.isfinite(found.bound):
        return stated == found.bound
    rounded = float(MARGIN_SLACK) * abs(found.bound) + 4 * TINY
    least = found.upper if found.level == "proven" else found.bound - 2 * found.doubt
    return least - rounded <= stated <= found.bound + 2 * found.doubt + rounded


def _covered(cell: Cell, certificate: Certificate, given: Signs | None, convention: Convention) -> bool:
    """Whether the leaves reach every sign vector that the convention allows."""
    leaves = certificate.leaves
    if convention.candidates is None:  # all are allowed
        known = clauses.clauses_of(np.array([leaf.signs for leaf in leaves]))
        known += clauses.equal_neurons(cell.group)
        return clauses.refuted(known, certificate.branches.tolist(), cell.K)
    wanted = convention.candidates(cell.K, given)
    return not len(certificate.branches) and all(
        any((signs * leaf.signs >= 0).all() for leaf in leaves) for signs in wanted
    )


# The loss


def _loss_level(cell: Cell, stated: float) -> str:
    """The level at which the stated loss is the minimum's."""
    if stated == np.inf and cell.rational:  # it may be infinite, and yet next to nothing beside the labels
        return "proven" if cell.exact.loss * power(2 * cell.exact.unit) >= INFINITE else "rejected"
    lower, upper = loss_root(cell)
    labels = np.ldexp(cell.y, -cell.exponent) if cell.scaled_y is None else cell.scaled_y
    size = float(np.linalg.norm(labels) / np.sqrt(cell.N))
    if upper - lower <= _loss_slack(lower, size):
        # whatever the root is between its bounds: the less favourable one counts
        return "proven" if _same_loss(cell, stated, upper, lower, size) else "rejected"
    found = numerical.loss(cell)
    root = np.inf if found is None else float(np.sqrt(found))
    doubt = numerical.TOLERANCE * size
    return "numerical" if _same_loss(cell, stated, root - doubt, root + doubt, size) else "rejected"


def _loss_slack(root: float, size: float) -> float:
    """How far the root of a stated loss may be from this one, the labels' root mean square being ``size``."""
    return LOSS_SLACK * root + LOSS_ROUNDING * size


def _same_loss(cell: Cell, stated: float, least: float, most: float, size: float) -> bool:
    """Whether the root of the stated loss is at least the one, and at most the other, up to rounding."""
    if not stated >= 0.0 or not np.isfinite([least, most]).all():
        return False
    low, high = np.ldexp([max(least, 0.0) ** 2, max(most, 0.0) ** 2], 2 * cell.exponent)
    if stated == np.inf:  # a loss that is too large for a float
        return bool(min(low, high) == np.inf)
    if low - 4 * TINY <= stated <= high + 4 * TINY:  # what floats near the smallest one cannot tell
        return True
    root = float(np.sqrt(np.ldexp(stated, -2 * cell.exponent)))
    slack = _loss_slack(min(least, most), size)
    return least - slack <= root <= most + slack


def loss_root(cell: Cell) -> tuple[float, float]:
    """Proven bounds on the root of the minimum's loss, for scaled labels; (0, inf) if there are none."""
    root = np.sqrt(cell.N)
    if cell.floating:
        enclosed = cell.enclosure or exact_fit(cell)  # without active pairs every label is missed whole
        low, high = enclosed.residual_length
        sharp = high - low <= _loss_slack(low, float(np.linalg.norm(present(cell.scaled_y)))) / 4
        if sharp or not cell.rational:
            return low / root * (1.0 - gamma(4)), high / root * (1.0 + gamma(4))
    if not cell.rational:
        return 0.0, np.inf
    exact = cell.exact.loss * power(2 * (cell.exact.unit - cell.exponent))
    if not exact:
        return 0.0, 0.0
    length = float(np.sqrt(int(exact.p) / int(exact.q)))
    return max(0.0, length * (1.0 - gamma(4)) - UNDERFLOW), length * (1.0 + gamma(4)) + UNDERFLOW
