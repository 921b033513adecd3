"""False certificates on cells of their own: numbers underflow or overflow, or samples look independent.

Each function yields (X, y, pattern, decision). The first of each family is the smallest example that was
found; the others are neighbours of it, drawn at random.
"""

from collections.abc import Iterator

import numpy as np

from relucells import Certificate, Decision, Leaf
from relucells.certify.quality import Quality
from relucells.certify.verify import cell_of

LEAST = 2.0**-1074
PLUS = np.ones(1, dtype=np.int8)


def none_of(leaf: Leaf, loss: float, margin: float | None = None, convention: str = "positive") -> Decision:
    margin = leaf.bound if margin is None else margin
    return Decision("none", margin, None, None, loss, convention, certificate=Certificate((leaf,)))


def multipliers(pairs, values, bound: float, signs=PLUS) -> Leaf:
    pairs = np.array(pairs, dtype=np.int64).reshape(-1, 2)
    return Leaf(np.array(signs, dtype=np.int8), bound, -1, pairs, np.array(values, dtype=float))


def underflowing_equations(rng: np.random.Generator, count: int) -> Iterator:
    """Multipliers whose products with the samples are below the smallest float, so that the equation which
    they violate seems to hold no multiplier. The cell is genuine, its margin v: R = v / tiny (−big, 1)."""
    for n in range(count):
        top, gap = (500, 1073) if n == 0 else (int(rng.integers(470, 520)), int(rng.integers(1069, 1075)))
        big, tiny, v = 2.0**top, 2.0 ** (top - gap), 2.0**-80
        active = 3 if n == 0 else int(rng.integers(2, 6))
        X = np.array([[1.0, big]] + [[0.0, tiny]] * active)
        y = np.array([0.0] + [v] * active)
        pattern = np.array([[False]] + [[True]] * active)
        values = np.ones(active) if n == 0 else rng.uniform(0.1, 1.0, active)
        for bound in (0.0, -0.0):
            yield X, y, pattern, none_of(multipliers([[i + 1, 0] for i in range(active)], values, bound), 0.0)


# Multiples (second) of one direction (first): two samples that numpy.linalg.matrix_rank calls independent.
# Such numbers are rare; they were found by a long search.
DIRECTION, FACTORS = np.array([2325070, -1824400]), np.array([7259, 680829])


def collinear_samples(rng: np.random.Generator, count: int) -> Iterator:
    """p = y is claimed of two samples that are collinear but do not look it. y_0 < 0 < p_0: genuine."""
    for n in range(count):
        direction, factors = DIRECTION.copy(), FACTORS.copy()
        if n % 3 == 1:
            direction = (direction * rng.choice([-1, 1], 2))[rng.permutation(2)]
        if n % 3 == 2:
            direction, factors = direction + rng.integers(-2, 3, 2), factors + rng.integers(-2, 3, 2)
        X = np.vstack([np.outer(factors, direction), [-direction, [-3 * direction[0], 0]]]).astype(float)
        X = np.ldexp(X, -40 if n == 0 else int(rng.integers(-60, 20)))
        high = 10.0 if n == 0 else float(rng.integers(1, 20))
        y = np.array([-1.0, high, 0.0, 0.0])
        pattern = np.array([[True], [True], [False], [False]])
        a, b = (float(f) for f in factors)
        p = np.array([a, b]) * ((-a + high * b) / (a * a + b * b))
        loss = float(np.sum((p - y[:2]) ** 2) / 4)
        if not p[0] > 0:
            continue
        for pairs, bound in (([[0, 0]], -1.0), ([[0, 0]], 0.0), ([[0, 0], [2, 0]], -1.0)):
            yield X, y, pattern, none_of(multipliers(pairs, [1.0] * len(pairs), bound), loss)
        yield X, y, pattern, none_of(Leaf(PLUS, -1.0, 0), loss)


def overflowing_witnesses(rng: np.random.Generator, count: int) -> Iterator:
    """Weights so large that the distance to the next minimiser overflows. The minimiser is −R: none."""
    for n in range(count):
        N, D, K = (3, 1, 1) if n == 0 else (12, int(rng.integers(1, 4)), int(rng.integers(1, 4)))
        X = np.array([[1.0], [2.0], [3.0]]) if n == 0 else rng.integers(-40, 41, (N, D)) / 8.0
        R = np.ones((1, 1)) if n == 0 else rng.integers(-40, 41, (K, D)) / 8.0
        values = X @ R.T
        pattern = values > 0
        y = -(pattern * values).sum(axis=1)
        if not pattern.any():
            continue
        for top in (980, 1000, 1016, 1023):
            far = np.ldexp(R, top - int(np.frexp(np.abs(values).max())[1]))
            for margin in (1.0, LEAST):
                signs = np.ones(K, dtype=np.int8)
                yield X, y, pattern, Decision("genuine", margin, far, signs, 0.0, "positive", exact=False)


def subnormal_margins(rng: np.random.Generator, count: int) -> Iterator:
    """Margins of 1.5 and the like in units of the smallest float, stated as the next whole number."""
    for n in range(count):
        K, shift = (2, 10) if n == 0 else (2 ** int(rng.integers(1, 4)), int(rng.integers(4, 30)))
        whole = 3 if n == 0 else int(rng.integers(1, 20))
        if whole % K == 0:
            continue
        X, y = np.array([[2.0**-shift]]), np.array([whole * LEAST])
        R = np.full((K, 1), whole / K * 2.0 ** (shift - 1074))
        signs, pattern = np.ones(K, dtype=np.int8), np.ones((1, K), dtype=bool)
        for exact in (True, False):
            claim = Decision("genuine", -(-whole // K) * LEAST, R, signs, 0.0, "positive", exact=exact)
            yield X, y, pattern, claim


def overflowing_bounds(rng: np.random.Generator, count: int) -> Iterator:
    """A finite bound on the margin that no float holds, stated as −inf, "no margin at all".

    Sample 1 determines u_1 = −2^(top + gap), the value of neuron 1 on sample 0.
    """
    for n in range(count):
        top, gap = (1000, 40) if n == 0 else (int(rng.integers(960, 1020)), int(rng.integers(66, 90)))
        X, pattern = np.array([[1.0], [2.0**-gap]]), np.array([[True, True], [True, False]])
        y = np.array([0.0, -(2.0**top)])
        for signs in (np.ones(2), -np.ones(2)):
            owner = 0 if signs[0] > 0 else 1
            leaf = multipliers([[0, owner]], [1.0], -np.inf, signs)
            yield X, y, pattern, none_of(leaf, 0.0, convention="uniform")
            given = Decision(
                "none", -np.inf, None, None, 0.0, "given", Certificate((leaf,)), given=signs.astype(np.int8)
            )
            yield X, y, pattern, given


def doubtful_bounds(rng: np.random.Generator, count: int) -> Iterator:
    """A margin below the true one by a share of it, within the doubt of what floating point encloses.

    R = (−2^k, 2^k) fits y exactly and alone; the least label, y_0 < 0, is the margin.
    """
    pattern = np.ones((60, 1), dtype=bool)
    for n in range(count):
        k = 14 if n == 0 else int(rng.integers(6, 20))
        y = np.round(rng.uniform(0.1, 1.0, 60) * 2**20) / 2**20
        y[0] = -(2.0**-30)
        for _ in range(3):  # the doubt is to be little less than the value
            X = np.stack([np.ones(60), 1.0 + y * 2.0**-k], axis=1)
            cell = cell_of(X, y, pattern)
            p, error = (float(np.ldexp(part[0], cell.exponent)) for part in cell.fitted)
            y[0] = -np.ceil((1.02 * error + abs(p - y[0])) * 2.0 ** (50 - k)) * 2.0 ** (k - 50)
        X = np.stack([np.ones(60), 1.0 + y * 2.0**-k], axis=1)
        if not (X @ [-(2.0**k), 2.0**k] == y).all():
            continue
        for share in (1.01, 1.5, 2.0, 2.5, 2.9):
            yield X, y, pattern, none_of(Leaf(PLUS, share * y[0], 0), 0.0)


def bad_by_underflow(rng: np.random.Generator, count: int) -> Iterator:
    """(X, y, pattern, decision, quality): a network whose loss is above the minimum's, by less than squares
    near the smallest float show."""
    unit = 2.0**-536
    X, pattern = np.eye(2), np.array([[True, False], [False, False]])
    for n in range(count):
        missed, worse = (0.775, 0.9) if n == 0 else np.sort(rng.uniform(0.71, 1.2, 2))
        y = np.array([1.0, -missed * unit])
        W, z = np.eye(2), np.array([1.0, -(missed + worse) * unit])
        R = np.array([[1.0, 0.0], [0.0, 0.0]])
        decision = Decision("genuine", 1.0, R, np.ones(2, np.int8), float(y[1] ** 2 / 2), "positive")
        yield X, y, pattern, decision, Quality("bad", W, z)


ROUNDING = (
    underflowing_equations,
    collinear_samples,
    overflowing_witnesses,
    subnormal_margins,
    overflowing_bounds,
)
