"""The kinds of leaves, and the check of each.

A check gets the cell and a leaf whose common fields are clean (``coercion``). It returns a ``Finding``: the
level at which it is shown that no minimiser whose signs extend the leaf's has a positive margin, and the
bound on the margin that the proof gives. A new kind adds a line to ``KINDS``, its theorem and its strictness
to the head of the package, and forgeries of its empty and its all-zero certificate to
``tests/certify/forger.py``.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from flint import fmpq

from relucells.certify import coercion, free_part, numerical, sign_free
from relucells.certify.cell import Cell
from relucells.certify.certificates import Leaf
from relucells.certify.enclosures import ProvenMinimum
from relucells.certify.multipliers import LARGEST_DECOMPOSITION, SHARP, floating_bound
from relucells.samples.floating import TINY, gamma, product

# Most multipliers of a leaf for each unknown. A basic solution has at most one for each, and one more.
PAIRS = 4
# Coordinates of the samples that a leaf's multipliers belong to.
TERMS = 50_000_000
# Multiplications of short rational numbers that all leaves of a certificate may take together, some ten
# minutes; floating point is about so many times faster. What a leaf takes that does next to nothing.
LEAVES, FLOATS, CALL = 100_000_000_000, 50, 10_000
# Machine words that an entry of X or F and a label may take as integers together.
MOST_WORDS = 67


class Finding(NamedTuple):
    """level : "proven", "numerical" or "rejected"; the margin is at most ``bound``, in units of y, which is
    not positive, up to ``doubt``: what is shown is ``upper``."""

    level: str
    bound: float
    doubt: float = 0.0

    @property
    def upper(self) -> float:
        """The bound that holds: the upper end of what is enclosed, or the bound itself within a tolerance."""
        return min(self.bound + self.doubt, 0.0) if self.level == "proven" else self.bound


REJECTED = Finding("rejected", np.inf)


def check(cell: Cell, leaf: Leaf) -> Finding:
    """What the leaf shows; ``REJECTED`` for an unknown kind."""
    kind = leaf.kind or ("sample" if leaf.sample >= 0 else "multipliers")
    return KINDS[kind](cell, leaf) if kind in KINDS else REJECTED


def too_long(cell: Cell, leaves: list[Leaf]) -> bool:
    """Whether the checks of some leaves may take longer together than ``LEAVES`` allows."""
    if sum(work(cell, leaf, MOST_WORDS) for leaf in leaves) <= LEAVES:
        return False  # as a rule, and without a look at the bits of all numbers
    return sum(work(cell, leaf) for leaf in leaves) > LEAVES


def work(cell: Cell, leaf: Leaf, words: int = 0) -> float:
    """About how many multiplications of short rational numbers the check of a leaf takes, at most.

    words : machine words that an entry of the cell takes as an integer; 0: as many as it does
    """
    count = len(leaf.values) + sum(map(_length, leaf.arrays.values()))
    least = CALL + cell.K + count * cell.D
    if leaf.sample >= 0:
        return least
    r, alive = len(cell.samples.columns), int(cell.alive.sum())
    width = cell.G * r + cell.m
    if leaf.kind == sign_free.KIND:
        order = min((cell.K + cell.G) * r + cell.m + 1, sign_free.LARGEST_ORDER)
        return least + order**3 / (1 if order <= sign_free.LARGEST_EXACT_ORDER else FLOATS)
    if leaf.kind == free_part.KIND:
        return least + min(cell.m + 1, cell.N) ** 2 * min(count, cell.N) * (words or _words(cell))
    equations, rank = min(2 * cell.G, cell.K) * r + cell.m + 1, min(alive, width)
    decomposition = min(rank**2 * max(alive, width), LARGEST_DECOMPOSITION)
    floats = equations**2 * (alive + width + count) + 5 * decomposition
    rational = equations**2 * (rank + count)
    if not words:
        words = _words(cell) if cell.affordable else 0
    return least + floats / FLOATS + rational * words


def _words(cell: Cell) -> int:
    """How many machine words an entry of the cell takes as an integer."""
    return 1 + cell.bits // 64


def _length(part: object) -> int:
    """How many entries an array has; what is no array is refused later."""
    if type(part) is np.ndarray:
        return int(part.size)
    return len(part) if isinstance(part, (list, tuple)) else 0


def check_sample(cell: Cell, leaf: Leaf) -> Finding:
    """All neurons active on one sample carry one sign s, and s p_i ≤ 0."""
    i = leaf.sample
    if i < 0 or len(leaf.values) or leaf.arrays:
        return REJECTED
    if cell.free_rows[i]:
        return REJECTED  # F alone may fit it
    signs = leaf.signs[cell.pattern[i]]
    if not len(signs) or signs[0] == 0 or (signs != signs[0]).any():
        return REJECTED
    s, count = int(signs[0]), len(signs)
    p, error = (array[i] for array in cell.fitted)
    if s * p + error <= 0 and (error <= SHARP * abs(p) or not cell.rational):
        return _scaled(cell, s * p / count, error / count)
    if cell.rational:
        exact = s * cell.exact.value(i) / count
        return Finding("proven", _float(exact)) if exact <= 0 else REJECTED
    return Finding(*numerical.sample_bound(cell, i, s))


def check_multipliers(cell: Cell, leaf: Leaf) -> Finding:
    """Multipliers μ, ν ≥ 0 with a λ that they belong to, and −λ·p ≤ 0 (< 0 without μ)."""
    if leaf.sample >= 0 or not len(leaf.values) or leaf.arrays:
        return REJECTED
    owners = leaf.pairs[:, 1]
    if len(owners) > PAIRS * (cell.K * cell.D + cell.m + 1) or len(owners) * cell.D > TERMS:
        return REJECTED
    if (leaf.signs[owners] == 0).any() or (cell.group[owners] < 0).any():
        return REJECTED
    found = _in_floats(cell.enclosure, leaf)
    if found is not None and not _sharp(*found):
        # beyond double precision takes a tenth of the time of exact arithmetic
        finer = _in_floats(cell.finer_enclosure, leaf)
        found = finer if finer is not None and finer[1] < found[1] else found
    if found is not None and (_sharp(*found) or not cell.affordable):
        return _scaled(cell, *found)
    if cell.affordable:
        exact = cell.exact.leaf_bound(leaf)
        if exact is not None and exact <= 0:
            return Finding("proven", _float(exact))
        return REJECTED if found is None else _scaled(cell, *found)
    return Finding(*numerical.multiplier_bound(cell, leaf))


def _in_floats(minimum, leaf: Leaf) -> tuple[float, float] | None:
    """The bound of multipliers in floating point, and its doubt; None where nothing is proven."""
    try:
        return floating_bound(minimum, leaf) if isinstance(minimum, ProvenMinimum) else None
    except np.linalg.LinAlgError:
        return None  # exact arithmetic may prove it


def _sharp(bound: float, doubt: float) -> bool:
    return doubt <= SHARP * abs(bound)


def check_samples(cell: Cell, leaf: Leaf) -> Finding:
    """A λ with Fᵀλ = 0 on samples whose neurons have the sign of λ_i, and λ·p ≤ 0 (``free_part``)."""
    if leaf.sample >= 0 or len(leaf.values) or cell.m > free_part.COLUMNS:
        return REJECTED
    try:
        found = free_part.sample_weights(cell, leaf.signs, leaf.arrays)
    except coercion.Malformed:
        return REJECTED
    if found is None:
        return REJECTED
    samples, weights, total = found
    p, error = (array[samples] for array in cell.fitted)
    sizes = np.array([_float(w / total) for w in weights])
    bound, size = float(sizes @ p), float(np.abs(sizes) @ np.abs(p))
    doubt = float(product(np.abs(sizes), error)) + gamma(len(p) + 4) * size
    doubt += TINY * (4 * len(p) + float(np.abs(p).sum()))
    if bound + doubt <= 0 and (doubt <= SHARP * abs(bound) or not cell.rational):
        return _scaled(cell, bound, doubt)
    if cell.rational:
        exact = sum((w * cell.exact.value(i) for i, w in zip(samples, weights, strict=True)), fmpq(0)) / total
        return Finding("proven", _float(exact)) if exact <= 0 else REJECTED
    return Finding(*numerical.samples_bound(cell, samples, sizes))


def check_products(cell: Cell, leaf: Leaf) -> Finding:
    """A sum of products of non-negative forms that is negative on all minimisers (``sign_free``)."""
    if leaf.sample >= 0 or len(leaf.values):
        return REJECTED
    try:
        proven = sign_free.refutes(cell, leaf.signs, leaf.arrays)
    except coercion.Malformed:
        return REJECTED
    return Finding("proven", 0.0) if proven else REJECTED


def _scaled(cell: Cell, bound: float, doubt: float) -> Finding:
    """A proven bound on scaled labels, in units of y; −inf is said of nothing but what has no margin."""
    in_units = np.ldexp([bound, doubt], cell.exponent).tolist()
    if np.isfinite(bound) and not np.isfinite(in_units).all():
        return REJECTED
    return Finding("proven", *in_units)


def _float(bound) -> float:
    """A rational as a float, −inf as it is."""
    return bound if isinstance(bound, float) else int(bound.p) / int(bound.q)


KINDS: dict[str, Callable[[Cell, Leaf], Finding]] = {
    "sample": check_sample,
    "multipliers": check_multipliers,
    sign_free.KIND: check_products,
    free_part.KIND: check_samples,
}
