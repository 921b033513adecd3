"""False certificates by construction: a function for each kind of forgery, and cells to try them on.

Every forgery claims something false about its cell, or is no certificate at all, so none may pass at any
level. ``genuine_cells`` are planted: labels are sums of the values of a chosen R, exactly, so the cell has
a genuine minimum for the chosen signs; of these, ``opposed`` ones have none for the signs turned round.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from relucells import Certificate, Decision, Leaf

HUGE, LEAST = 1e308, 5e-324


@dataclass(frozen=True)
class Planted:
    """A cell whose minimum for these signs is R, with the margin and the loss of it."""

    kind: str
    X: NDArray
    y: NDArray
    pattern: NDArray
    R: NDArray
    signs: NDArray
    loss: float

    @property
    def margin(self) -> float:
        values = self.signs * (self.X @ self.R.T)
        return float(min(1.0, values[self.pattern].min(initial=1.0)))

    @property
    def given(self) -> Decision:
        """The true decision under the planted signs."""
        return Decision(
            "genuine", self.margin, self.R, self.signs, self.loss, "given", exact=False, given=self.signs
        )


# Cells


def plant(rng: np.random.Generator, kind: str, N: int, D: int, K: int) -> Planted:
    """A cell of small dyadic numbers, all of whose sums are exact, of a kind in ``CELLS``."""
    X = rng.integers(-40, 41, (N, D)) / 16.0
    X[:, -1] = 1.0
    R = rng.integers(-24, 25, (K, D)) / 8.0
    signs = rng.choice([-1, 1], K).astype(np.int8)
    if kind == "equal neurons" and K > 1:
        R[1], signs[1] = R[0], signs[0]
    if kind == "zero sample":
        X[0] = 0.0
    if kind == "dependent columns" and D > 1:
        X[:, 0] = 2.0 * X[:, -1]
    if kind == "nearly collinear" and N > 2:
        X[1] = X[0] + 2.0**-30 * X[2 % N]
        X[2 % N] = X[0] - 2.0**-31
    values = X @ R.T
    pattern = signs * values > 0
    if kind == "dead neuron":
        pattern[:, 0], R[0] = False, 0.0
    y = (pattern * (X @ R.T)).sum(axis=1)
    loss = 0.0
    if kind == "with a loss":  # every sample twice, with labels above and below its fitted value
        gap = rng.integers(1, 9, N) / 4.0
        X, pattern = np.repeat(X, 2, axis=0), np.repeat(pattern, 2, axis=0)
        y = np.repeat(y, 2) + np.column_stack([gap, -gap]).ravel()
        loss = float(np.mean(np.repeat(gap, 2) ** 2))
    power = {"grey levels": 8, "large": 300, "small": -300, "short": -530}.get(kind, 0)
    if power:
        X, R = np.ldexp(X, power), np.ldexp(R, -power)
    if kind == "unequal columns":
        powers = rng.integers(-30, 31, D)
        X, R = np.ldexp(X, powers), np.ldexp(R, -powers)
    if kind == "huge label":
        dead = np.zeros((1, K), dtype=bool)
        pattern, X, y = np.vstack([pattern, dead]), np.vstack([X, X[:1]]), np.append(y, 2.0**30)
        keep = ~(pattern[:-1] == pattern[-1]).all(axis=1)
        loss = float((2.0**60 + (y[:-1][~keep] ** 2).sum()) / len(y))
        inside = (signs * (X[-1:] @ R.T) <= 0).all()
        if not inside:  # a sample at the origin is dead whatever the weights
            X[-1] = 0.0
    return Planted(kind, X, y, pattern, R, signs, loss)


CELLS = (
    "plain",
    "equal neurons",
    "zero sample",
    "dependent columns",
    "nearly collinear",
    "dead neuron",
    "with a loss",
    "grey levels",
    "large",
    "small",
    "short",
    "unequal columns",
    "huge label",
)
SIZES = ((1, 1, 1), (3, 2, 1), (4, 6, 2), (6, 2, 3), (8, 3, 2), (25, 3, 4), (60, 4, 5), (5, 8, 3))


def genuine_cells(stream_of, count: int) -> Iterator[Planted]:
    """Planted cells of every kind and size in turn, with an active pair."""
    n = made = 0
    while made < count:
        rng = stream_of(n)
        cell = plant(rng, CELLS[n % len(CELLS)], *SIZES[(n // len(CELLS)) % len(SIZES)])
        n += 1
        if cell.pattern.any() and cell.margin > 0:
            made += 1
            yield cell


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


def opposed(cell: Planted) -> Planted | None:
    """The cell with −1 times the signs, if it is certain to have no genuine minimum for them."""
    fitted = (cell.pattern * (cell.X @ cell.R.T)).sum(axis=1)
    one_sign = [len(set(cell.signs[row].tolist())) == 1 for row in cell.pattern]
    return replace(cell, signs=-cell.signs) if (fitted[one_sign] != 0).any() else None


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


def witnesses_of_other_signs(cell: Planted, rng) -> Iterator[Decision]:
    """A true witness, but not for the signs that are asked."""
    for exact in (True, False):
        yield genuine_of(cell, cell.R, cell.margin, signs=-cell.signs, exact=exact)
    positive = np.ones(len(cell.signs), dtype=np.int8)
    if not (cell.signs == -1).all():
        yield genuine_of(cell, cell.R, 0.5, signs=-cell.signs, convention="positive", given=None)
        yield genuine_of(cell, cell.R, 0.5, signs=positive, convention="given", given=cell.signs)


# Claims that are off, and things that are no certificates


def false_claims(decision: Decision, rng) -> Iterator[Decision]:
    """A true decision with one claim made false."""
    loss, margin = decision.loss, decision.margin
    size = max(1.0, abs(loss))
    for wrong in (loss + 1e-6 * size, -1e-12, -loss - 1.0, math.nan, math.inf, -math.inf, loss + 0.01 * size):
        yield replace(decision, loss=wrong)
    other = {"genuine": "none", "none": "genuine"}[decision.verdict]
    for verdict in (other, "undecided", "Genuine", "", None, 1, b"none"):
        yield replace(decision, verdict=verdict)
    for convention in ("", "Given", "sampled", None, 3, ("given",)):
        yield replace(decision, convention=convention)
    K = len(decision.certificate.leaves[0].signs if decision.signs is None else decision.signs)
    for given in (None, [0], [], [1] * (K + 1), "1" * K, np.zeros(K), np.full(K, np.nan)):
        yield replace(decision, convention="given", given=given)
    yield replace(decision, convention="exists", given=np.ones(K, dtype=np.int8))
    wrong_margins = [math.nan, math.inf, 2.0, True, "1", None, 1j, 10**400]
    if decision.verdict == "genuine":
        wrong_margins += [0.0, -0.0, -1.0, -math.inf]
        wrong_margins += [min(1.0, 1.001 * margin)] * (margin < 0.99)
        yield replace(decision, margin=margin / 2, exact=True)
        yield replace(decision, margin=margin * 1e-9, exact=True)
    else:
        wrong_margins += [LEAST, 1e-300, 1.0]
        wrong_margins += (
            [-math.inf, margin - 1.0, 1.001 * margin] if np.isfinite(margin) and margin else [-1.0]
        )
    for wrong in wrong_margins:
        yield replace(decision, margin=wrong)


class Loud:
    """Fails however it is read."""

    def __array__(self, *_, **__):
        raise RuntimeError("read before it was looked at")

    def __len__(self):
        raise RuntimeError("read before it was looked at")

    def __float__(self):
        raise RuntimeError("read before it was looked at")


def hostile_objects(decision: Decision, rng) -> Iterator:
    """Things of the wrong type, size or range wherever a certificate has something."""
    endless: list = []
    endless.append(endless)
    strange = [Loud(), "x", b"x", {}, object(), np.array([None]), np.array(["a"]), 5, endless]
    yield from (None, 7, "none", {"verdict": "none"}, decision.certificate, [decision])
    for thing in strange:
        yield replace(decision, certificate=thing)
        yield replace(decision, exact=thing)
        if decision.verdict == "genuine":
            yield replace(decision, R=thing)
            yield replace(decision, signs=thing)
    if decision.verdict == "genuine":
        R, signs = decision.R, decision.signs
        for wrong in (
            R.astype(complex),
            R.astype(object),
            R.astype(np.longdouble),
            R[:-1],
            R.T[:, :, None],
            R * np.nan,
        ):
            yield replace(decision, R=wrong)
        yield replace(decision, R=np.ma.masked_array(R, mask=True))
        yield replace(decision, R=np.broadcast_to(np.float64(1.0), (10**6, 10**6)))
        for wrong in (signs * 2, signs * 0, signs[:-1], signs.astype(bool), signs * np.nan, signs[None]):
            yield replace(decision, signs=wrong)
        return
    first, *others = decision.certificate.leaves
    changes = [
        {"signs": thing} for thing in (*strange, first.signs * 2, first.signs[:-1], first.signs * np.nan)
    ]
    changes += [{"sample": s} for s in (-2, 10**6, 8 * 10**9, 2**70, 0.0, True, None, "0", Loud())]
    changes += [{"bound": b} for b in (math.nan, None, "0", 1j, 10**400, Loud(), np.zeros(2), 0.7)]
    changes += [{"kind": k} for k in (None, 3, [], Loud(), "x" * 10**5)]
    changes += [{"arrays": a} for a in (None, [], {"a": Loud()}, {str(n): np.zeros(1) for n in range(1000)})]
    far = np.array([[0, 8 * 10**9]])
    many = [
        far,
        far * 0 - 1,
        far.astype(float),
        far.astype(object),
        [[0, 0], [0, 0]],
        [[0]],
        [],
        Loud(),
        "ab",
    ]
    changes += [{"pairs": pairs, "values": np.ones(1)} for pairs in many]
    changes += [{"values": v} for v in ([-1.0], [np.nan], [np.inf], np.ones(99), Loud(), "1", None)]
    changes += [{"values": []}] * bool(len(first.values))
    for change in changes:
        try:
            leaf = replace(first, **change)
        except RuntimeError:
            continue
        yield replace(decision, certificate=Certificate((leaf, *others), decision.certificate.branches))
    for branches in ([8 * 10**9], [-1], np.zeros(5), [0.5], np.zeros((2, 2), dtype=int), Loud(), None, [[0]]):
        yield replace(decision, certificate=Certificate(decision.certificate.leaves, branches))
    for leaves in ((), None, 5, [None], (Loud(),), "leaves", {0: first}):
        yield replace(decision, certificate=Certificate(leaves, decision.certificate.branches))


def mutations(decision: Decision, rng) -> Iterator[Decision]:
    """A true ``none`` decision with one number of its leaves changed so that it proves something else."""
    certificate = decision.certificate
    for n, leaf in enumerate(certificate.leaves[:3]):
        K = len(leaf.signs)
        changed = [replace(leaf, bound=leaf.bound - 1.0 if np.isfinite(leaf.bound) else 0.0)]
        if leaf.signs.any() and decision.convention != "exists":
            changed.append(replace(leaf, signs=-leaf.signs))
        if leaf.sample < 0:
            changed += [
                replace(leaf, values=-leaf.values),
                replace(leaf, pairs=leaf.pairs[:0], values=leaf.values[:0]),
            ]
            changed += [replace(leaf, pairs=leaf.pairs[:, ::-1] + 10**6)]
        else:
            changed += [replace(leaf, sample=-1), replace(leaf, signs=np.zeros(K, dtype=np.int8))]
        for other in changed:
            leaves = (*certificate.leaves[:n], other, *certificate.leaves[n + 1 :])
            yield replace(decision, certificate=Certificate(leaves, certificate.branches))
    yield replace(decision, certificate=Certificate(certificate.leaves, np.append(certificate.branches, 0)))


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
    single_pairs,
    random_multipliers,
    samples_with_the_right_sign,
    uncovered_signs,
    empty_products,
    unknown_kinds,
)
FALSE_GENUINE = (false_witnesses, witnesses_of_other_signs)
