"""What is accepted as data, what is kept of it, and the linear algebra of the samples."""

from collections import UserList, deque

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

import relucells
from relucells.cells.diameter import cell_diameters
from relucells.cells.pattern import dense_matrix, rank
from relucells.critical_points.closed_cell import minimum_on_closed_cell
from relucells.critical_points.exact_descent import settle
from relucells.descent import gradient
from relucells.line import line_minima
from relucells.lower_loss import loss_bound, train
from relucells.samples.columns import rank_modulo_primes
from relucells.samples.decomposition import inverse_lower
from relucells.samples.inputs import gram_factor, prepare

X, y, W, z = np.eye(3) + 0.1, np.array([1.0, -1.0, 1.0]), np.array([[1.0, 2.0, -1.0]]), np.ones(1)
PATTERN = np.array([[1], [1], [0]])

CALLS = {
    "activation_pattern": (relucells.activation_pattern, {"X": X, "W": W}),
    "cell_minimum": (relucells.cell_minimum, {"X": X, "y": y, "pattern": PATTERN}),
    "decide": (relucells.decide, {"X": X, "y": y, "pattern": PATTERN, "signs": [1]}),
    # few steps: by default it would go on for seconds
    "descend": (
        lambda X, y, W, z: relucells.descend(X, y, W, z, max_steps=9),
        {"X": X, "y": y, "W": W, "z": z},
    ),
    "cell_diameter": (relucells.cell_diameter, {"X": X, "w": W[0], "directions": np.eye(3)}),
    "cell_diameters": (cell_diameters, {"X": X, "W": W, "directions": np.eye(3)}),
    "critical_point": (relucells.critical_point, {"X": X, "y": y, "W": W, "z": z}),
    "prepare": (relucells.prepare, {"X": X}),
    "rank": (rank, {"X": X, "pattern": PATTERN}),
    "dense_matrix": (dense_matrix, {"X": X, "pattern": PATTERN}),
    "gradient": (gradient, {"X": X, "y": y, "W": W, "z": z}),
    "settle": (settle, {"X": X, "y": y, "W": W, "z": z}),
    "minimum_on_closed_cell": (minimum_on_closed_cell, {"X": X, "y": y, "W": W, "z": z}),
    "loss_bound": (loss_bound, {"X": X, "y": y, "W": W, "z": z}),
    "train": (lambda X, y, W, z: train(X, y, W, z, 1), {"X": X, "y": y, "W": W, "z": z}),
    "line_minima": (line_minima, {"x": y, "y": y}),
}
CASES = [(name, argument) for name, (_, arguments) in CALLS.items() for argument in arguments]


@pytest.mark.parametrize(("name", "argument"), CASES)
def test_a_masked_array_is_refused_by_name(name, argument):
    call, arguments = CALLS[name]
    call(**arguments)
    masked = np.ma.masked_array(arguments[argument], mask=False)
    masked.mask[...] = np.arange(masked.size).reshape(masked.shape) == 1
    rows = list(masked) if masked.ndim == 2 else masked
    entry = np.ma.masked_array(masked.ravel()[0], mask=True)
    nested = masked.tolist(0)
    (nested[0] if masked.ndim == 2 else nested)[0] = entry
    lists = [rows, UserList([masked]), deque([masked]), nested]
    for value in (masked, np.ma.masked_array(arguments[argument]), *lists):
        with pytest.raises(ValueError, match=f"^{argument}: must not be a masked array"):
            call(**arguments | {argument: value})


@pytest.mark.parametrize(("name", "argument"), CASES)
def test_what_is_no_array_is_refused_by_name(name, argument):
    """A sparse matrix has no length, and a trained tensor raises errors of its own."""

    class Trained:
        def __array__(self, dtype=None, copy=None):
            raise RuntimeError("detach it first")

    call, arguments = CALLS[name]
    values = [Trained()]
    if np.ndim(arguments[argument]) == 2:
        values.append(sparse.csr_array(np.asarray(arguments[argument], dtype=float)))
    for value in values:
        with pytest.raises(ValueError, match=f"^{argument}: "):
            call(**arguments | {argument: value})


def with_large_number(array, kind):
    """The array with one number that float64 would round, as an array or lists of that kind."""
    if kind == "float lists":  # numpy makes floats of them, without a word
        whole = np.asarray(array).astype(float).astype(object)
        whole.flat[0] = 2**53 + 1
        return whole.tolist()
    if kind == "scalars in lists":
        whole = np.asarray(array).astype(float).tolist()
        (whole[0] if np.ndim(array) == 2 else whole)[0] = np.array(2**53 + 1)
        return whole
    if kind == "table":  # so does pandas, of an integer column beside others
        whole = np.asarray(array).astype(float)
        table = pd.DataFrame(whole) if whole.ndim == 2 else pd.Series(whole, dtype=object)
        first = np.full(len(whole), 2**53 + 1)
        return table.assign(**{"0": first}) if whole.ndim == 2 else table.where(table.index > 0, 2**53 + 1)
    if kind == "long double":
        whole = np.asarray(array).astype(np.longdouble)
        whole.flat[0] = np.longdouble(1) + np.longdouble(2) ** -60
        return whole
    whole = np.asarray(array).astype(int)
    whole.flat[0] = 2**53 + 1
    return whole.tolist() if kind == "lists" else whole.astype(kind)


KINDS = ["int64", "uint64", "lists", "float lists", "scalars in lists", "table", "long double"]
NUMBERS = [case for case in CASES if case[1] not in ("pattern", "signs")]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("name", "argument"), NUMBERS)
def test_numbers_that_float64_would_round_are_refused_by_name(name, argument, kind):
    """Time stamps in nanoseconds lose what tells them apart; a proof would be about other samples."""
    call, arguments = CALLS[name]
    value = np.abs(arguments[argument]) if kind == "uint64" else arguments[argument]
    with pytest.raises(ValueError, match=f"^{argument}: holds a number that float64 would round"):
        call(**arguments | {argument: with_large_number(value, kind)})


@pytest.mark.parametrize("stamps", [[10**30, 1], [2**63, 2**63 - 1], [10**400, 1]])
def test_integers_too_long_for_numpy_are_refused_by_name(stamps):
    with pytest.raises(ValueError, match=r"^y: holds a number that float64 would round"):
        relucells.decide(np.eye(2), stamps, [[1], [1]], "positive")


def test_a_free_part_that_float64_would_round_is_refused_by_name():
    stamps = np.array([[2**60], [2**60 + 1], [2**60 + 2]])
    for call in (relucells.cell_minimum, rank, lambda *given, **free: relucells.decide(*given, [1], **free)):
        with pytest.raises(ValueError, match=r"^free: holds a number that float64 would round"):
            call(*((X, PATTERN) if call is rank else (X, y, PATTERN)), free=stamps)


@pytest.mark.parametrize("dtype", [bool, np.int8, np.uint16, np.int64, np.float16, np.float32, np.longdouble])
def test_numbers_that_float64_holds_are_taken(dtype):
    decision = relucells.decide(np.eye(2).astype(dtype), np.ones(2).astype(dtype), [[1], [1]], "positive")
    assert decision.verdict == "genuine"
    assert relucells.decide([[2**60], [3 * 2**60]], [1, 3], [[1], [1]], "positive").loss < 1e-30


SETTINGS = {
    "time_limit": lambda value: relucells.decide(X, y, PATTERN, [1], time_limit=value),
    "program_limit": lambda value: relucells.decide(X, y, PATTERN, [1], program_limit=value),
    "margin": lambda value: relucells.decide(X, y, PATTERN, [1], margin=value),
    "level": lambda value: relucells.verify(X, y, PATTERN, None, level=value),
    "tolerance": lambda value: relucells.critical_point(X, y, W, z, tolerance=value),
    "max_cells": lambda value: settle(X, y, W, z, max_cells=value),
    "step": lambda value: relucells.descend(X, y, W, z, step=value),
    "gradient_tolerance": lambda value: relucells.descend(X, y, W, z, gradient_tolerance=value),
    "max_steps": lambda value: relucells.descend(X, y, W, z, max_steps=value),
    "decision": lambda value: relucells.export_certificate(X, y, PATTERN, value, "x.json"),
}


@pytest.mark.parametrize("value", ["a", float("nan"), -1, [1, 2], np.array([1, 2])])
@pytest.mark.parametrize("setting", SETTINGS)
def test_bad_settings_are_refused_by_name(setting, value):
    with pytest.raises(ValueError, match=f"^{setting}: must be"):
        SETTINGS[setting](value)


@pytest.mark.parametrize("pattern", [[[1], [1, 0], [0]], [[1], [[1]], [0]]])
def test_a_ragged_pattern_is_refused_by_name(pattern):
    for call in (lambda p: relucells.decide(X, y, p, [1]), lambda p: rank(X, p)):
        with pytest.raises(ValueError, match=r"^pattern: not an array"):
            call(pattern)
    with pytest.raises(ValueError, match=r"^free: not an array"):
        relucells.cell_minimum(X, y, PATTERN, free=[[1], [1, 2], [3]])


@pytest.mark.parametrize("argument", ["X", "y", "pattern"])
def test_checking_a_decision_refuses_masks_too(argument):
    decision = relucells.decide(X, y, PATTERN, "positive")
    arguments = {"X": X, "y": y, "pattern": PATTERN}
    masked = arguments | {argument: np.ma.masked_array(arguments[argument])}
    for check in (relucells.verify, relucells.verification_level):
        with pytest.raises(ValueError, match=f"^{argument}: must not be a masked array"):
            check(*masked.values(), decision)


def test_what_is_done_to_the_samples_later_changes_nothing():
    samples = np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])
    labels, pattern = [1.0, 1.0, 2.0], [[1], [1], [1]]
    inputs = prepare(samples)
    first = relucells.decide(inputs, labels, pattern, "positive")
    samples *= -1.0
    again = relucells.decide(inputs, labels, pattern, "positive")
    assert first.verdict == again.verdict == "genuine" and first.margin == again.margin
    assert relucells.verify(inputs, labels, pattern, again)
    np.testing.assert_array_equal(inputs.gram, [[1, 0, 1], [0, 1, 1], [1, 1, 2]])
    with pytest.raises(ValueError, match="read-only"):
        inputs.X[0, 0] = 7.0


@pytest.mark.parametrize("n", [1, 2, 64, 65, 131, 300])
def test_triangular_inverse(rng, n):
    triangle = np.tril(rng.standard_normal((n, n))) / np.sqrt(n) + 2 * np.eye(n)
    inverse = inverse_lower(triangle)
    assert not np.triu(inverse, 1).any()
    np.testing.assert_allclose(inverse @ triangle, np.eye(n), atol=1e-12)


def test_gram_factor_is_the_root_of_the_inverse(rng):
    A = rng.standard_normal((100, 150))
    factor = gram_factor(A @ A.T)
    np.testing.assert_allclose(factor.T @ factor @ (A @ A.T), np.eye(100), atol=1e-9)
    A[1] = A[0] * (1 + 1e-9)
    assert gram_factor(A @ A.T) is None


@pytest.mark.parametrize("rank", [0, 1, 5, 12])
def test_ranks_of_tall_matrices_modulo_primes(rng, rank):
    """Combining rows changes neither rank nor pivots; the last columns depend on those before."""
    left = rng.integers(-9, 10, (400, rank)).astype(float)
    matrix = left @ np.hstack([np.eye(rank), rng.integers(-9, 10, (rank, 12 - rank))])
    found, pivots = rank_modulo_primes(matrix)
    assert found == rank and pivots.tolist() == list(range(rank))
    shuffled = matrix[:, rng.permutation(12)] * 2.0 ** rng.integers(-40, 40, 12)
    assert rank_modulo_primes(shuffled)[0] == rank
