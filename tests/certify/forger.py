"""False certificates by construction: a function for each kind of forgery.

Every forgery claims something false about its cell, or is no certificate at all, so none may pass at any
level. The cells are those of ``forger_cells``, which have a genuine minimum for the chosen signs; of these,
``opposed`` ones have none for the signs turned round. ``forger_claims`` changes true decisions, and
``forger_rounding`` has cells of its own, on which numbers underflow, overflow or look independent.
"""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from forger_cells import Planted

from relucells import Certificate, Decision, Leaf

HUGE, LEAST = 1e308, 5e-324

# Forgeries of "none" for a cell that has a genuine minimum


def none_of(
    cell: Planted, leaves, convention: str = "given", margin: float | None = None, branches=()
) -> Decision:
    """The claim that leaves show that there is no genuine minimum."""
    leaves = tuple(leaves)
    if margin is None:
        margin = max((leaf.bound for leaf in leaves), default=0.0)
    return Decision(
        "none",
        margin,
        None,
        None,
        cell.loss,
        convention,
        certificate=Certificate(leaves, np.array(branches, dtype=np.int64)),
        given=cell.signs if convention == "given" else None,
    )


def leaf_of(cell: Planted, pairs, values, bound=0.0, signs=None, **more) -> Leaf:
    """A leaf of multipliers, under the planted signs unless others are named."""
    signs = cell.signs if signs is None else signs
    pairs = np.array(pairs, dtype=np.int64).reshape(-1, 2)
    return Leaf(np.array(signs, dtype=np.int8), bound, -1, pairs, np.array(values, dtype=float), **more)


def overflowing_multipliers(cell: Planted, rng) -> Iterator[Decision]:
    """Multipliers whose sum overflows, so that a careless normalisation makes them 0."""
    N, K = cell.pattern.shape
    j = int(np.argmax(cell.pattern.any(axis=0)))
    for bound in (0.0, -np.inf, -1.0):
        yield none_of(cell, [leaf_of(cell, [(i, j) for i in range(min(N, 2))], [HUGE] * min(N, 2), bound)])
        every = [(i, k) for i in range(N) for k in range(K) if cell.pattern[:, k].any()]
        yield none_of(cell, [leaf_of(cell, every, [1.7e308] * len(every), bound)])
        yield none_of(cell, [leaf_of(cell, every, [HUGE, *[LEAST] * (len(every) - 1)], bound)])


def vanishing_multipliers(cell: Planted, rng) -> Iterator[Decision]:
    """Empty, all-zero, and underflowing ones: each fulfils all equations and shows nothing."""
    j = int(np.argmax(cell.pattern.any(axis=0)))
    i = int(np.argmax(cell.pattern[:, j]))
    for bound in (0.0, -np.inf):
        yield none_of(cell, [leaf_of(cell, [], [], bound)])
        yield none_of(cell, [leaf_of(cell, [(i, j)], [0.0], bound)])
        yield none_of(cell, [leaf_of(cell, [(i, j)], [-0.0], bound)])
        yield none_of(cell, [leaf_of(cell, [(i, j)], [LEAST], bound)])
        yield none_of(cell, [leaf_of(cell, [(i, j)], [1.0], bound, signs=np.zeros(len(cell.signs)))])
    yield none_of(cell, [], margin=0.0)
    yield replace(none_of(cell, [], margin=0.0), certificate=None)


def multipliers_that_meet_no_value(cell: Planted, rng) -> Iterator[Decision]:
    """λ·p = 0: pairs of dead neurons and of samples at the origin bound nothing."""
    dead = np.flatnonzero(~cell.pattern.any(axis=0))
    for j in dead[:2]:
        for i in range(min(3, len(cell.X))):
            yield none_of(cell, [leaf_of(cell, [(i, j)], [1.0], -np.inf)])
            yield none_of(cell, [leaf_of(cell, [(i, j)], [1.0], 0.0)])
    for i in np.flatnonzero(~cell.X.any(axis=1))[:2]:
        for j in range(len(cell.signs)):
            yield none_of(cell, [leaf_of(cell, [(i, j)], [1.0], -np.inf)])
            yield none_of(cell, [leaf_of(cell, [(i, j)], [HUGE], 0.0)])


def multipliers_of_all_sizes(cell: Planted, rng) -> Iterator[Decision]:
    """Active pairs of next to no weight, beside which all others overflow once their sum is 1."""
    active, inactive = np.argwhere(cell.pattern), np.argwhere(~cell.pattern)
    if len(active) and len(inactive):
        for value in (1e-150, 1e-155, 1e-200, 1e-300, LEAST):
            pairs = [inactive[rng.integers(len(inactive))], active[rng.integers(len(active))]]
            for bound in (0.0, -1.0, -1.0 / value, -np.inf):
                yield none_of(cell, [leaf_of(cell, pairs, [1.0, value], bound)])


def single_pairs(cell: Planted, rng) -> Iterator[Decision]:
    """One pair alone: a tolerance in units of the data takes its missing equation for fulfilled."""
    N, K = cell.pattern.shape
    values = cell.signs * (cell.X @ cell.R.T)
    for _ in range(4):
        i, j = int(rng.integers(N)), int(rng.integers(K))
        bound = -abs(float(values[i, j])) if cell.pattern[i, j] else -np.inf
        for value in (1.0, 1e-9, 1e300):
            yield none_of(cell, [leaf_of(cell, [(i, j)], [value], bound)])
            yield none_of(cell, [leaf_of(cell, [(i, j)], [value], 0.0)])


def random_multipliers(cell: Planted, rng) -> Iterator[Decision]:
    """Some pairs with some values."""
    N, K = cell.pattern.shape
    for _ in range(2):
        chosen = rng.permutation(N * K)[: int(rng.integers(1, min(N * K, 12) + 1))]
        pairs = np.column_stack([chosen // K, chosen % K])
        values = np.exp(rng.normal(0, 3, len(pairs)))
        for bound in (0.0, -0.5, -np.inf):
            yield none_of(cell, [leaf_of(cell, pairs, values, bound)])


def samples_with_the_right_sign(cell: Planted, rng) -> Iterator[Decision]:
    """A sample leaf whose fitted value has the sign of its neurons, whatever bound it claims."""
    N, K = cell.pattern.shape
    fitted = (cell.pattern * (cell.X @ cell.R.T)).sum(axis=1)
    for i in rng.permutation(N)[:4]:
        active = cell.pattern[i]
        for s in (1, -1):
            bound = s * float(fitted[i]) / max(1, int(active.sum()))
            leaf = Leaf(np.where(active, s, 0).astype(np.int8), min(bound, -bound), int(i))
            yield none_of(cell, [leaf, replace(leaf, signs=cell.signs)])
            yield none_of(cell, [replace(leaf, signs=cell.signs, bound=0.0)])
            yield none_of(cell, [replace(leaf, signs=np.zeros(K, dtype=np.int8), bound=-np.inf)])


def uncovered_signs(cell: Planted, rng) -> Iterator[Decision]:
    """Leaves, true or not, that leave out the planted signs."""
    K = len(cell.signs)
    other = cell.signs.copy()
    other[int(rng.integers(K))] *= -1
    leaf = leaf_of(cell, [(0, 0)], [1.0], -np.inf, signs=other)
    for branches in ([], [0], list(range(K)), [0] * 3000, list(range(K)) * 500):
        yield none_of(cell, [leaf], "exists", branches=branches)
        yield none_of(cell, [leaf, replace(leaf, signs=-other)], "exists", branches=branches)
    yield none_of(cell, [leaf])
    if (cell.signs == cell.signs[0]).all():
        yield none_of(cell, [replace(leaf, signs=-cell.signs)], "uniform")


def empty_products(cell: Planted, rng) -> Iterator[Decision]:
    """Sums of products of forms without neurons, forms, multipliers or weights, or with zeros for them."""
    K = len(cell.signs)
    none, nothing = np.zeros(0, dtype=np.int64), np.zeros(0)
    names = ("neurons", "owners", "counts", "samples", "multipliers", "factors", "weights")
    one = np.zeros(1, dtype=np.int64)
    empty = (none, none, none, none, nothing, none.reshape(0, 2), nothing)
    without_products = (one, one, one + 1, one, np.ones(1), none.reshape(0, 2), nothing)
    zero_weight = (one, one, one + 1, one, np.ones(1), np.zeros((1, 2), dtype=np.int64), np.zeros(1))
    zero_form = (one, one, one + 1, one, np.zeros(1), np.zeros((1, 2), dtype=np.int64), np.ones(1))
    square = (one, one, one + 1, one, np.ones(1), np.zeros((1, 2), dtype=np.int64), np.ones(1))
    heavy = (one, one, one + 1, one, np.full(1, 1e150), np.zeros((1, 2), dtype=np.int64), np.full(1, HUGE))
    for arrays in (empty, without_products, zero_weight, zero_form, square, heavy):
        for signs, convention in ((np.zeros(K), "exists"), (cell.signs, "given")):
            named = dict(zip(names, arrays, strict=True))
            leaf = leaf_of(cell, [], [], 0.0, signs=signs, kind="products", arrays=named)
            yield none_of(cell, [leaf], convention)
            yield none_of(cell, [replace(leaf, bound=-np.inf)], convention)
            yield none_of(cell, [replace(leaf, arrays={**named, "neurons": np.arange(K)})], convention)


def unknown_kinds(cell: Planted, rng) -> Iterator[Decision]:
    """Leaves of kinds that nobody knows, or of two kinds at once; quadratic ones without anything."""
    leaf = leaf_of(cell, [(0, 0)], [1.0], 0.0)
    K = len(cell.signs)
    empty = {"neurons": np.zeros(0, dtype=np.int64), "weights": np.zeros(0), "forms": np.zeros((0, 2))}
    zeros = {"neurons": np.arange(K), "weights": np.zeros(K), "forms": np.zeros((K, 2))}
    for kind in ("", "trust me", "Sample", "quadratic", "linear", "sample", "multipliers"):
        for arrays in (empty, zeros, {"": np.zeros(1)}):
            yield none_of(cell, [replace(leaf, kind=kind, arrays=arrays)])
            free = replace(leaf, kind=kind, arrays=arrays, signs=np.zeros(K, dtype=np.int8))
            yield none_of(cell, [free], "exists")
    yield none_of(cell, [replace(leaf, sample=0)])


# Forgeries of "genuine" for a cell that has none under the signs turned round


def genuine_of(cell: Planted, R, margin: float, signs=None, **more) -> Decision:
    """The claim that R is a witness for the turned signs."""
    signs = cell.signs if signs is None else signs
    claims = {"convention": "given", "given": cell.signs, "exact": False, **more}
    return Decision("genuine", margin, R, signs, cell.loss, **claims)


def false_witnesses(cell: Planted, rng) -> Iterator[Decision]:
    """The planted R, turned, moved, scaled, 0, and what is far from every minimiser."""
    R, shape = cell.R, cell.R.shape
    weak = rng.standard_normal(shape)
    for scale in (1.0, -1.0, 0.0, 2.0**-60, 2.0**60, 1e-8):
        for margin in (1.0, 1e-3, LEAST):
            yield genuine_of(cell, scale * R, margin)
    for size in (1e-12, 1e-8, 1.0, 1e6):
        yield genuine_of(cell, -R + size * weak, 1e-9)
        yield genuine_of(cell, R * (1 + size * weak), 1e-9)


def false_rests(cell: Planted, rng) -> Iterator[Decision]:
    """What turns a false R into another one: nothing, zeros, the planted one once more, and what cancels."""
    R, zero = cell.R, np.zeros_like(cell.R)
    weak = rng.standard_normal(R.shape)
    far = np.full_like(R, 2.0**900)
    for margin in (1.0, 1e-3, LEAST):
        for base in (R, -R, zero):
            for rest in (
                [],
                [zero],
                [zero] * 40,
                [-2 * R],
                [R],
                [weak],
                [-base, R],
                [far, -far],
                [LEAST * R],
            ):
                yield replace(genuine_of(cell, base, margin), rest=np.array(rest).reshape(-1, *R.shape))
        yield replace(genuine_of(cell, far, margin), rest=np.array([-far, R]))


def witnesses_of_other_signs(cell: Planted, rng) -> Iterator[Decision]:
    """A true witness, but not for the signs that are asked."""
    for exact in (True, False):
        yield genuine_of(cell, cell.R, cell.margin, signs=-cell.signs, exact=exact)
    positive = np.ones(len(cell.signs), dtype=np.int8)
    if not (cell.signs == -1).all():
        yield genuine_of(cell, cell.R, 0.5, signs=-cell.signs, convention="positive", given=None)
        yield genuine_of(cell, cell.R, 0.5, signs=positive, convention="given", given=cell.signs)


# Sums of products of forms


def products_of_forms(cell: Planted, rng) -> Iterator[Decision]:
    """Sums of products with any T, forms, weights and signs, for one choice of signs and for all; and with
    an empty T, with no forms, no products, and zeros for everything."""
    N, K = cell.pattern.shape
    for n in range(12):
        T = np.flatnonzero(rng.random(K) < 0.7) if n else np.arange(K)
        if not len(T):
            continue
        owners = rng.choice(T, 4 * len(T))
        counts = rng.integers(1, N + 1, len(owners))
        same = [(a, b) for a in range(len(owners)) for b in range(a + 1) if owners[a] == owners[b]]
        every = [(a, b) for a in range(len(owners)) for b in range(a + 1)]
        factors = np.array(every if n % 3 == 2 else same)
        arrays = {
            "neurons": T,
            "owners": owners,
            "counts": counts,
            "samples": rng.integers(0, N, counts.sum()),
            "multipliers": np.exp(rng.normal(0.0, 3.0, counts.sum())),
            "factors": factors,
            "weights": np.exp(rng.normal(0.0, 2.0, len(factors))) * 10.0 ** rng.uniform(-14, 6),
        }
        signs = cell.signs if n % 3 == 2 else np.zeros(K, dtype=np.int8)
        leaf = Leaf(signs, 0.0, kind="products", arrays=arrays)
        yield none_of(cell, [leaf])
        yield none_of(cell, [leaf], "exists")
        if n < 3:
            for name in arrays:
                for changed in (arrays[name][:0], 0 * arrays[name], -arrays[name]):
                    yield none_of(cell, [replace(leaf, arrays=arrays | {name: changed})], "exists")
            yield none_of(cell, [replace(leaf, arrays={name: a[:0] for name, a in arrays.items()})], "exists")
            yield none_of(cell, [replace(leaf, arrays={name: 0 * a for name, a in arrays.items()})], "exists")
            yield none_of(cell, [replace(leaf, bound=-1.0)], "exists")
            yield none_of(cell, [replace(leaf, bound=-np.inf)], "exists")


FALSE_NONE = (
    products_of_forms,
    overflowing_multipliers,
    vanishing_multipliers,
    multipliers_that_meet_no_value,
    multipliers_of_all_sizes,
    single_pairs,
    random_multipliers,
    samples_with_the_right_sign,
    uncovered_signs,
    empty_products,
    unknown_kinds,
)
FALSE_GENUINE = (false_witnesses, false_rests, witnesses_of_other_signs)
