"""Which groups of equal neurons have the same sum of R_j at every minimiser: claims against exact ranks."""

from fractions import Fraction

import numpy as np
from flint import fmpz_mat

from relucells import decide, verification_level
from relucells.certify.enclosures import ProvenMinimum
from relucells.certify.multipliers import floating_bound
from relucells.certify.verify import cell_of
from relucells.samples.inputs import prepare
from relucells.samples.randomness import stream


def rank(matrix: np.ndarray) -> int:
    return fmpz_mat([[int(value) for value in row] for row in matrix]).rank()


def near_copies(rng, N: int, K: int) -> np.ndarray:
    """A pattern, (N, K): copies of two random columns and of the zero column that differ in few samples."""
    base = np.concatenate([rng.random((N, 2)) < rng.uniform(0.2, 0.8), np.zeros((N, 1), bool)], axis=1)
    pattern = base[:, rng.integers(0, 3, K)]
    for j in range(K):
        flipped = rng.permutation(N)[: rng.integers(0, 5)]
        pattern[flipped, j] ^= True
    return pattern


def test_claims_hold_exactly():
    whole = partial = silent = 0
    for trial in range(1500):
        rng = stream(31, "determined", trial)
        N, D, K = int(rng.integers(8, 40)), int(rng.integers(1, 5)), int(rng.integers(2, 7))
        X = rng.integers(-9, 10, (N, D)).astype(float)
        if trial % 3 == 0:  # samples on a few lines: their rank is lower than their number
            X = X[rng.integers(0, D, N)] * rng.integers(1, 4, (N, 1))
        pattern = near_copies(rng, N, K)
        free = rng.integers(-2, 3, (N, int(rng.integers(1, 3)))).astype(float) if trial % 4 == 0 else None
        if free is not None and trial % 8 == 0:
            free[:, 0] = X[:, 0] * pattern[:, 0]  # held by a neuron's block
        cell = cell_of(prepare(X), rng.standard_normal(N), pattern, free)
        minimum = cell.enclosure
        if not isinstance(minimum, ProvenMinimum) or not minimum.system.proven:
            continue
        r = cell.samples.columns
        A = np.concatenate([cell.columns[:, g, None] * X[:, r] for g in range(cell.G)], axis=1)
        A = A if free is None else np.concatenate([A, free], axis=1)
        claimed = minimum.determined
        for g in np.flatnonzero(claimed):
            block = np.zeros((len(r), A.shape[1]))
            block[:, g * len(r) : (g + 1) * len(r)] = np.eye(len(r))
            assert rank(np.concatenate([A, block])) == rank(A), (trial, g)
        whole += claimed.all()
        partial += claimed.any() and not claimed.all()
        silent += not claimed.any()
    assert whole > 100 and partial > 100 and silent > 100, (whole, partial, silent)


def test_bounds_of_determined_groups_hold_where_others_are_not(monkeypatch):
    """The bound by determined sums holds the exact one, and is sharper than that by a dual system."""
    ratios = []
    for trial in range(60):
        rng = stream(32, "determined bound", trial)
        X = np.concatenate([rng.standard_normal((300, 3)), np.ones((300, 1))], axis=1)
        y, pattern = np.where(rng.random(300) < 0.5, 1.0, -1.0), near_copies(rng, 300, 6)
        decision = decide(X, y, pattern, "exists", margin="sign")
        cell = cell_of(prepare(X), y, pattern)
        if decision.verdict != "none" or not isinstance(cell.enclosure, ProvenMinimum):
            continue
        known = cell.enclosure.determined
        for leaf in decision.certificate.leaves:
            groups = cell.group[leaf.pairs[:, 1]] if len(leaf.values) else np.zeros(0, dtype=int)
            if not len(groups) or known.all() or not known[groups].all() or not np.isfinite(leaf.bound):
                continue
            bound, doubt = floating_bound(cell.enclosure, leaf)
            exact = cell.exact.leaf_bound(leaf)
            true = Fraction(int(exact.p), int(exact.q)) / Fraction(2) ** cell.exponent
            assert abs(true - Fraction(bound)) <= Fraction(doubt)
            with monkeypatch.context() as patched:
                patched.setitem(cell.enclosure.__dict__, "determined", np.zeros(cell.G, dtype=bool))
                other = floating_bound(cell.enclosure, leaf)
            ratios.append(np.inf if other is None else other[1] / doubt)
        assert verification_level(X, y, pattern, decision) == "proven"
    assert len(ratios) >= 5 and np.median(ratios) > 1
