"""Certificates: stored and read back, accepted when true, rejected when tampered with or misplaced."""

import io
import itertools
from dataclasses import replace
from fractions import Fraction

import naive
import numpy as np
import pytest
from flint import fmpq, fmpq_mat

from relucells.certify import clauses, dyadic
from relucells.certify.cell import Samples
from relucells.certify.certificates import Certificate, Leaf
from relucells.certify.multipliers import floating_bound
from relucells.certify.quality import Quality, shown_quality
from relucells.certify.stored import pack, unpack
from relucells.certify.verify import cell_of, verification_level, verify
from relucells.lower_loss import interpolate, loss_bound, train
from relucells.samples import floating
from relucells.samples.inputs import prepare
from relucells.samples.randomness import stream
from relucells.search import rational_program, satisfiability
from relucells.search.budget import Budget
from relucells.search.decide import decide

CONVENTIONS = ("positive", "uniform", "exists")


def gaussian_cell(K: int, N: int, seed: int, bias: float = 0.0):
    """A cell like those of Tables I to III, only smaller."""
    rng = stream(seed, "gaussian cell")
    y = np.repeat([1.0, -1.0], N // 2)
    X = np.column_stack([rng.standard_normal((N, 3)), np.ones(N)])
    X[:, 0] += y
    W = rng.standard_normal((K, 4))
    W[:, -1] += bias
    return X, y, X @ W.T > 0


def some_decisions():
    """(X, y, pattern, decision) of every verdict and convention."""
    for n in range(25):
        rng = stream(4, "certified", n)
        X, y, pattern = naive.random_cell(rng)
        given = rng.choice([-1, 1], pattern.shape[1])
        for signs in (*CONVENTIONS, given):
            yield X, y, pattern, decide(X, y, pattern, signs)
    for seed, bias in itertools.product(range(3), (0.0, 3.0, 20.0)):
        X, y, pattern = gaussian_cell(6, 200, seed, bias)
        for signs in (*CONVENTIONS, np.array([1, 1, 1, -1, -1, -1])):
            yield X, y, pattern, decide(X, y, pattern, signs, margin="sign")


def test_decisions_survive_an_npz():
    by_shape = {}
    for X, y, pattern, decision in some_decisions():
        by_shape.setdefault((X.shape[1], pattern.shape[1]), []).append((X, y, pattern, decision))
    for cells in by_shape.values():
        file = io.BytesIO()
        np.savez(file, **pack([decision for *_, decision in cells]))
        file.seek(0)
        with np.load(file, allow_pickle=False) as arrays:
            restored = unpack(arrays)
        assert len(restored) == len(cells)
        for (X, y, pattern, decision), again in zip(cells, restored, strict=True):
            assert (again.verdict, again.convention) == (decision.verdict, decision.convention)
            assert again.margin == decision.margin and again.loss == decision.loss
            assert verify(X, y, pattern, again)
    assert unpack(pack([])) == []


def test_every_decision_is_proven():
    for X, y, pattern, decision in some_decisions():
        assert verification_level(X, y, pattern, decision) == "proven", decision


def test_tampering_is_rejected():
    tried = 0
    for X, y, pattern, decision in some_decisions():
        for changed in _tampered(decision):
            tried += 1
            assert not verify(X, y, pattern, changed), (decision, changed)
    assert tried > 500


def _tampered(decision):
    """Decisions that claim more than they may."""
    other = {"genuine": "none", "none": "genuine"}[decision.verdict]
    yield replace(decision, verdict=other)
    yield replace(decision, verdict="undecided")
    yield replace(decision, loss=decision.loss + 0.01)
    yield replace(decision, margin=1.5)
    if decision.verdict == "genuine":
        if decision.margin < 0.99:
            yield replace(decision, margin=min(1.0, 1.01 * decision.margin))
        if decision.R.any():
            yield replace(decision, R=1.01 * decision.R)
            yield replace(decision, R=-decision.R)
            yield replace(decision, signs=-decision.signs)
            yield replace(decision, R=np.full_like(decision.R, np.nan))
        yield replace(decision, R=None)
        yield replace(decision, signs=decision.signs[:-1])
        return
    leaves = decision.certificate.leaves
    yield replace(decision, certificate=None)
    yield replace(decision, certificate=Certificate(()))
    if np.isfinite(decision.margin) and decision.margin < -1e-3:
        yield replace(decision, margin=0.5 * decision.margin)
    if decision.convention != "exists":
        yield replace(decision, certificate=Certificate(leaves[1:]))
    for n, leaf in enumerate(leaves):
        if not leaf.signs.any():
            continue
        for bad in _tampered_leaf(leaf):
            yield replace(decision, certificate=Certificate((*leaves[:n], bad, *leaves[n + 1 :])))


def _tampered_leaf(leaf):
    if leaf.sample < 0:
        yield replace(leaf, values=-leaf.values)
        yield replace(leaf, values=np.full_like(leaf.values, np.nan))
        yield replace(leaf, pairs=leaf.pairs + 10**6)
    else:
        yield replace(leaf, sample=10**6)
    yield replace(leaf, bound=0.7)


def test_multipliers_for_other_signs_are_rejected():
    """A true leaf, turned to the signs of a genuine minimum."""
    tried = 0
    for seed in range(12):
        rng = stream(5, "other signs", seed)
        X = np.column_stack([rng.standard_normal((10, 3)), np.ones(10)])
        y, pattern = rng.choice([-1.0, 1.0], 10), X @ rng.standard_normal((6, 4)).T > 0
        genuine, other = decide(X, y, pattern, "exists"), decide(X, y, pattern, rng.choice([-1, 1], 6))
        if genuine.verdict == "genuine" and other.verdict == "none":
            (leaf,) = other.certificate.leaves
            turned = replace(leaf, signs=np.where(leaf.signs != 0, genuine.signs, 0).astype(np.int8))
            forged = replace(other, given=genuine.signs, certificate=Certificate((turned,)))
            assert verify(X, y, pattern, other) and not verify(X, y, pattern, forged)
            tried += 1
    assert tried > 3


def test_a_certificate_of_another_cell_is_rejected():
    cells = [gaussian_cell(6, 200, seed, 1.0) for seed in range(4)]
    decisions = [decide(*cell, signs) for cell in cells for signs in CONVENTIONS]
    for n, decision in enumerate(decisions):
        for m, cell in enumerate(cells):
            assert verify(*cell, decision) == (n // len(CONVENTIONS) == m)


def test_a_certificate_of_another_convention_is_rejected():
    X, y, pattern = gaussian_cell(4, 60, 1, 20.0)
    found = decide(X, y, pattern, "exists")
    assert found.verdict == "genuine"
    for convention in ("positive", "uniform"):
        assert not verify(X, y, pattern, replace(found, convention=convention))
    assert not verify(X, y, pattern, replace(found, convention="given", given=-found.signs))
    alone = decide(X, y, pattern, "positive")
    assert alone.verdict == "none"
    for convention in ("uniform", "exists"):
        assert not verify(X, y, pattern, replace(alone, convention=convention))


def test_refutations_agree_with_enumeration():
    for n in range(60):
        rng = stream(5, "cubes", n)
        K = int(rng.integers(1, 6))
        cubes = rng.choice([-1, 0, 1], (int(rng.integers(1, 14)), K), p=[0.35, 0.3, 0.35]).astype(np.int8)
        known = clauses.clauses_of(cubes)
        left = [
            s for s in itertools.product((1, -1), repeat=K) if not ((cubes == 0) | (cubes == s)).all(1).any()
        ]
        signs, branches = satisfiability.satisfy(known, K)
        if left:
            assert tuple(signs) in left
            assert not clauses.refuted(known, branches, K)
        else:
            assert signs is None and clauses.refuted(known, branches, K)
            assert not clauses.refuted(known, [*branches, 0], K)


def exactly(matrix: np.ndarray) -> fmpq_mat:
    return fmpq_mat([[fmpq(*value.as_integer_ratio()) for value in row] for row in matrix.tolist()])


def test_distances_enclose_exact_solutions():
    for n in range(10):
        rng = stream(6, "system", n)
        E, b = rng.standard_normal((4, 6)), rng.standard_normal(4)
        E[1] = E[0] + 10.0 ** -float(rng.integers(0, 5)) * E[1]
        system = floating.row_system(E)
        assert system.proven
        z = system.solve(b)
        z = z + system.solve(b - E @ z)
        matrix, residual = exactly(E), exactly(b[:, None]) - exactly(E) * exactly(z[:, None])
        # the nearest solution
        change = matrix.transpose() * (matrix * matrix.transpose()).solve(residual)
        away = np.sqrt(sum((int(v.p) / int(v.q)) ** 2 for v in change.entries()))
        bound = system.distance(b - E @ z, floating.gamma(6) * (np.abs(E) @ np.abs(z) + np.abs(b)))
        assert 0 < bound < 1e-4
        assert away <= bound
    assert not floating.row_system(np.array([[1.0, 2.0, 3.0], [2.0, 4.0, 6.0]])).proven
    assert not floating.row_system(np.eye(3)[:, :2]).proven


def test_fitted_values_are_enclosed():
    for n in range(12):
        X, y, pattern = naive.random_cell(stream(7, "fitted", n))
        if not pattern.any():
            continue
        cell = cell_of(X, y, pattern)
        p, error = (np.ldexp(part, cell.exponent) for part in cell.fitted)
        for i in np.flatnonzero(np.isfinite(error) & pattern.any(axis=1)):
            exact = cell.exact.value(int(i))
            assert abs(Fraction(int(exact.p), int(exact.q)) - Fraction(p[i])) <= Fraction(error[i])


def test_exact_program_agrees_with_the_naive_one():
    for n in range(40):
        rng = stream(8, "exact", n)
        X, y, pattern = naive.random_cell(rng)
        signs = rng.choice([-1, 1], pattern.shape[1])
        if pattern.any():
            found = rational_program.maximise(prepare(X), y, pattern, signs, Budget()).margin
            wanted = naive.margin(X, y, pattern, signs)
            assert found == wanted or abs(found - wanted) < 1e-7 * (1 + abs(wanted))


def test_better_networks():
    rng = stream(9, "better")
    X = rng.standard_normal((10, 12))
    y = np.repeat([1.0, -1.0], 5)
    network = interpolate(X, y, 3)
    assert network.loss < 1e-20
    assert network.loss >= np.mean((np.maximum(X @ network.W.T, 0) @ network.z - y) ** 2)
    assert interpolate(X, y, 1) is None and interpolate(X[:, :4], y, 3) is None
    start = rng.standard_normal((4, 4)), rng.standard_normal(4)
    trained = train(X[:, :4], y, *start, iterations=200)
    assert trained.loss < loss_bound(X[:, :4], y, *start)
    alive, dead = np.ones((10, 2), dtype=bool), np.zeros((10, 2), dtype=bool)
    small = interpolate(X, y, 2)
    lower = Quality("bad", small.W, small.z)
    assert shown_quality(cell_of(X, y, alive), lower) == "global"
    assert shown_quality(cell_of(X, y, dead), lower) == "bad"
    assert shown_quality(cell_of(X, np.zeros(10), dead), Quality("global")) == "global"
    worse = Quality("bad", 0.0 * trained.W, trained.z)
    assert shown_quality(cell_of(X[:, :4], y, alive), worse) == "open"


def test_leaves_hold_for_every_sign_vector_that_extends_them():
    for n in range(15):
        X, y, pattern = naive.random_cell(stream(10, "leaves", n))
        decision = decide(X, y, pattern, "exists")
        if decision.verdict != "none":
            continue
        margins = naive.all_margins(X, y, pattern)
        leaf: Leaf
        for leaf in decision.certificate.leaves:
            for signs, margin in margins.items():
                if ((leaf.signs == 0) | (leaf.signs == signs)).all():
                    assert margin <= leaf.bound or margin <= leaf.bound + 1e-7 * (1 + abs(margin))


@pytest.mark.parametrize("K", [2, 5])
def test_equal_neurons_are_decided_up_to_their_number(K):
    X, y, _ = gaussian_cell(1, 40, 2)
    column = X @ np.array([1.0, 0.3, -0.2, 0.1]) > 0
    pattern = np.repeat(column[:, None], K, axis=1)
    decision = decide(X, y, pattern, "exists")
    assert decision.verdict == "genuine" and set(decision.signs) == {1, -1}
    assert verification_level(X, y, pattern, decision) == "proven"


def test_multipliers_of_nearly_equal_neurons_are_proven_in_floating_point():
    """Pairs of neurons that few samples tell apart, both with multipliers: their demands are dependent."""
    tried = proven = 0
    for seed in range(30):
        rng = stream(6, "twins", seed)
        y = np.repeat([1.0, -1.0], 20)
        X = np.column_stack([rng.standard_normal((40, 6)), np.ones(40)])
        W = rng.standard_normal((12, 7)) + np.eye(7)[6]
        W[1:8:2] = W[0:8:2] + 0.15 * rng.standard_normal((4, 7))
        pattern, signs = X @ W.T > 0, rng.choice([-1, 1], 12)
        decision = decide(X, y, pattern, signs, margin="sign")
        if decision.reason != "multipliers":
            continue
        tried += 1
        (leaf,) = decision.certificate.leaves
        cell = cell_of(X, y, pattern)
        found = floating_bound(cell.enclosure, leaf)
        if found is not None:
            proven += 1
            bound, doubt = np.ldexp(found, cell.exponent)  # of scaled labels
            exact = float(cell.exact.leaf_bound(leaf))
            assert exact == bound or bound - doubt <= exact <= bound + doubt
    assert tried > 15 and proven > 0.8 * tried


def test_scaling_by_powers_of_two_is_exact_or_refused():
    rng = stream(7, "scaling")
    values = rng.standard_normal(400) * np.exp2(rng.integers(-1060, 1020, 400))
    values[::9] = 0.0
    for exponents in (rng.integers(-1100, 1100, 400), rng.integers(-40, 40, 400), np.array(3)):
        for value, exponent in zip(values, np.broadcast_to(exponents, values.shape), strict=True):
            with np.errstate(over="ignore"):
                found = dyadic.scaled(np.array([value]), np.array([exponent]))
            exact = Fraction(float(value)) * Fraction(2) ** int(exponent)
            try:
                as_float = Fraction(float(exact))
            except OverflowError:
                as_float = None
            if as_float == exact:
                assert Fraction(float(found[0])) == exact
            else:
                assert found is None
    assert dyadic.scaled(np.array([1.0, 2.0**-1074]), np.array([0, -1])) is None


def test_columns_are_scalable_where_scaling_them_is_exact(monkeypatch):
    monkeypatch.setattr(dyadic, "PART", 20)  # several parts, none of which is a row
    rng, found = stream(7, "scalable"), set()
    for spread in (10, 400, 1000, 1070):
        for _ in range(40):
            X = rng.standard_normal((30, 7)) * np.exp2(rng.integers(-spread, min(spread, 1020), (30, 7)))
            X[rng.random(X.shape) < 0.2] = 0.0
            exponents = rng.integers(-spread // 20, spread // 20 + 1, 7)
            with np.errstate(over="ignore"):
                exact = dyadic.scaled(X, exponents) is not None
                assert dyadic.scalable(X, exponents) == exact
            found.add(exact)
    assert found == {True, False}


@pytest.mark.parametrize("unit", [1.0, 2.0**-700])
def test_samples_that_few_columns_do_not_tell_apart_are_independent_all_the_same(unit):
    rng = stream(7, "independent")
    X = np.zeros((20, 600))
    X[:, ::20] = rng.standard_normal((20, 30))  # of every twentieth column, which are looked at first
    assert Samples(unit * X).independent
    X[:, ::20] = X[:, [0]]
    assert not Samples(unit * X).independent
    X[:, 1::20] = rng.standard_normal((20, 30))
    assert Samples(unit * X).independent  # the others tell them apart
    X[19] = 2.0 * X[18]
    assert not Samples(unit * X).independent


def test_columns_in_a_range_are_told_from_others_in_their_last_row():
    rng = stream(7, "range")
    basis = rng.integers(-9, 10, (60, 4)) * np.exp2(rng.integers(-40, 40, 4))
    others = basis @ np.diag(np.exp2(-np.frexp(np.abs(basis).max(axis=0))[1])) @ rng.integers(-5, 6, (4, 6))
    others[:, 3] = 0.0
    assert dyadic.inside(basis, others).all()
    others[-1, [0, 4]] *= 1 + 2.0**-40
    others[7, 2] = np.nextafter(others[7, 2], 2.0)
    expected = [False, True, False, True, False, True]
    assert dyadic.inside(basis, others).tolist() == expected
    assert not dyadic.inside(
        np.column_stack([basis, basis[:, 0]]), others
    ).any()  # dependent: nothing is proven
    zero = np.column_stack([np.zeros(60), others[:, 1]])
    assert dyadic.inside(np.zeros((60, 0)), zero).tolist() == [True, False]  # the range of no columns is 0
