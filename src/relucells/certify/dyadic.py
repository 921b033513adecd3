"""Floats read as integers times powers of two, and exact linear algebra on them by FLINT.

A rank modulo a prime is never larger than the rank, so full rank modulo a prime is a proof of full rank.
Everything else that comes from a prime is a guess, and exact products check it.
"""

import hashlib
from typing import cast

import numpy as np
from flint import fmpq, fmpq_mat, fmpz, fmpz_mat, nmod_mat
from numpy.typing import NDArray

SMALLEST_NORMAL = 2.0**-1022
# Rows beyond the pivots that are tried before all of them.
SOME = 8
# Entries of an array that are looked at together.
PART = 10_000


def scaled(array: NDArray[np.float64], exponents: NDArray) -> NDArray[np.float64] | None:
    """array · 2^exponents, entry by entry, or None where the result is not exact."""
    if (np.abs(exponents) < 1000).all():
        found = array * np.ldexp(1.0, exponents)
        if _ordinary(found) == np.count_nonzero(array):
            return found
    exponents = np.broadcast_to(exponents, array.shape)
    # twice, because a factor of 2^1075 and more has no float
    half = exponents // 2
    found = np.ldexp(np.ldexp(array, half), exponents - half)
    back = np.ldexp(np.ldexp(found, -half), half - exponents)
    return found if np.isfinite(found).all() and np.array_equal(back, array) else None


def scalable(array: NDArray[np.float64], exponents: NDArray) -> bool:
    """Whether array · 2^exponents, one for each column of (N, D), is exact; in parts, without a copy."""
    if (np.abs(exponents) < 1000).all():
        factors, rows = np.ldexp(1.0, exponents), max(1, PART // max(1, array.shape[1]))
        parts = (array[start : start + rows] * factors for start in range(0, len(array), rows))
        if sum(map(_ordinary, parts)) == np.count_nonzero(array):
            return True
    return scaled(array, exponents) is not None


def _ordinary(array: NDArray[np.float64]) -> int:
    """How many entries are normal numbers: a product with a power of two that is one is exact."""
    flat = array.reshape(-1)
    count = 0
    # in parts: to have a large array costs more than to fill it
    for start in range(0, len(flat), PART):
        size = np.abs(flat[start : start + PART])
        count += int(np.count_nonzero((size >= SMALLEST_NORMAL) & (size < np.inf)))
    return count


def mantissas(array: NDArray[np.float64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Odd integers m (0 for 0) and exponents e with array = m 2^e."""
    fraction, exponent = np.frexp(array)
    m = np.ldexp(fraction, 53).astype(np.int64)
    low = np.where(m == 0, 1, m & -m)
    zeros = np.frexp(low.astype(float))[1] - 1
    return m >> zeros, np.where(m == 0, 0, exponent - 53 + zeros).astype(np.int64)


def bits(array: NDArray[np.float64]) -> int:
    """The bits that integers over one power of two for each column, (N, D), take."""
    m, e = mantissas(array)
    top = e + np.where(m == 0, 0, np.frexp(np.abs(m).astype(float))[1])
    used = m != 0
    high = np.where(used, top, -(10**6)).max(axis=0, initial=-(10**6))
    low = np.where(used, e, 10**6).min(axis=0, initial=10**6)
    return int(np.maximum(high - low, 0).max(initial=0))


def integers(array: NDArray[np.float64]) -> tuple[list[list[int]], list[int]]:
    """Rows of integers M, and exponents for the columns, with array[i, d] = M[i][d] 2^exponents[d]."""
    m, e = mantissas(array)
    lowest = np.where(m == 0, 10**6, e).min(axis=0, initial=10**6)
    lowest = np.where(lowest == 10**6, 0, lowest)
    shifts = np.where(m == 0, 0, e - lowest)
    if shifts.max(initial=0) + 54 < 63:
        return (m << shifts).tolist(), lowest.tolist()
    rows = [
        [a << b for a, b in zip(row, shift, strict=True)]
        for row, shift in zip(m.tolist(), shifts.tolist(), strict=True)
    ]
    return rows, lowest.tolist()


def whole(array: NDArray[np.float64]) -> tuple[list[list[int]], int]:
    """Rows of integers over one power of two, and its exponent."""
    rows, exponents = integers(array)
    lowest = min(exponents, default=0)
    return [[a << (e - lowest) for a, e in zip(r, exponents, strict=True)] for r in rows], lowest


def matrix(rows: list, columns: int) -> fmpz_mat:
    """Rows of integers as a matrix of FLINT, with its number of columns even where there are no rows."""
    return fmpz_mat(len(rows), columns, [a for row in rows for a in row])


def rows_of(table: fmpz_mat, rows: list[int]) -> fmpz_mat:
    """Some rows of a matrix."""
    width = table.ncols()
    return matrix([[table[i, c] for c in range(width)] for i in rows], width)


def fraction(value: float) -> fmpq:
    """The exact value of a float."""
    return fmpq(*float(value).as_integer_ratio())


def float_at_most(value: fmpq) -> float:
    """The largest float that is not above a value."""
    found = int(value.p) / int(value.q)
    return float(np.nextafter(found, -np.inf)) if fraction(found) > value else found


def total(parts: list[NDArray[np.float64]]) -> tuple[list[list[int]], list[int]]:
    """The exact sum of arrays of one shape, as ``integers`` has it."""
    rows, exponents = integers(np.concatenate(parts))
    blocks = [rows[start : start + len(parts[0])] for start in range(0, len(rows), len(parts[0]))]
    found = [[sum(same) for same in zip(*lines, strict=True)] for lines in zip(*blocks, strict=True)]
    return found, exponents


def values(X: NDArray[np.float64], R: NDArray[np.float64]) -> tuple[fmpz_mat, int]:
    """X Rᵀ, (N, K), as integers times a power of two."""
    rows, weights, unit = _over_one_power(X, *integers(R))
    return _times(rows, weights), unit


def values_and_terms(
    X: NDArray[np.float64], weights: list[list[int]], powers: list[int]
) -> tuple[fmpz_mat, fmpz_mat, int]:
    """X Rᵀ and |X| |R|ᵀ, (N, K), as integers times a power of two, which comes last.

    R, (K, D), is weights[j][d] · 2^powers[d].
    """
    rows, weights, unit = _over_one_power(X, weights, powers)
    sizes = ([[abs(a) for a in row] for row in table] for table in (rows, weights))
    return _times(rows, weights), _times(*sizes), unit


def _over_one_power(X: NDArray, weights: list[list[int]], powers: list[int]) -> tuple[list, list, int]:
    """X and R in integers for which X Rᵀ is in units of one power of two."""
    rows, left = integers(X)
    exponents = [a + b for a, b in zip(left, powers, strict=True)]
    lowest = min(exponents)
    return rows, [[a << (e - lowest) for a, e in zip(row, exponents, strict=True)] for row in weights], lowest


def _times(rows: list[list[int]], weights: list[list[int]]) -> fmpz_mat:
    return matrix(rows, len(rows[0])) * matrix(weights, len(rows[0])).transpose()


def power(exponent: int) -> fmpq:
    """2^exponent."""
    return fmpq(1 << exponent) if exponent >= 0 else fmpq(1, 1 << -exponent)


def primes_of(table: fmpz_mat) -> list[int]:
    """Two primes of 62 bits drawn from a matrix: no data, least of all small integers, can be made to fit
    them."""
    # by SHA-256: Python's own hash of integers can be steered to a prime that was chosen before
    digest = hashlib.sha256(" ".join([f"{int(a):x}" for a in table.entries()]).encode()).digest()
    primes = [(1 << 61) + (int.from_bytes(digest[n : n + 8], "little") % (1 << 61) | 1) for n in (0, 8)]
    for n in range(2):
        while not fmpz(primes[n]).is_prime():
            primes[n] += 2
    return primes


def reduced(table: fmpz_mat) -> tuple[nmod_mat, int]:
    """The reduced echelon form modulo a prime, and the rank there. Where the first prime does not show full
    rank the second one is asked, and the larger rank counts."""
    first, second = primes_of(table)
    found = nmod_mat(table, first).rref()
    if found[1] == min(table.nrows(), table.ncols()):
        return found
    return max(found, nmod_mat(table, second).rref(), key=lambda pair: pair[1])


def pivots(table: fmpz_mat) -> list[int]:
    """The first columns that are independent modulo a prime, so that they are independent."""
    echelon, rank = reduced(table)
    found: list[int] = []
    column = 0
    for row in range(rank):
        while int(echelon[row, column]) == 0:
            column += 1
        found.append(column)
        column += 1
    return found


def rank_at_least(array: NDArray[np.float64]) -> int:
    """A lower bound on the rank, right with near certainty."""
    return reduced(matrix(integers(array)[0], array.shape[1]))[1]


def spanning_columns(array: NDArray[np.float64]) -> NDArray[np.int64]:
    """Columns, ascending, that are proven to span all of them; every column where that is not affordable."""
    everything = np.arange(array.shape[1])
    rows = integers(array)[0]
    chosen = pivots(matrix(rows, array.shape[1]))
    if len(chosen) == array.shape[1]:
        return everything
    rest = sorted(set(everything.tolist()) - set(chosen))
    basis = matrix([[row[c] for c in chosen] for row in rows], len(chosen))
    others = matrix([[row[c] for c in rest] for row in rows], len(rest))
    through = nearest_combination(basis, others)
    return everything if through is None else np.array(chosen, dtype=np.int64)


def solve(square: fmpz_mat, right: fmpz_mat) -> tuple[fmpz_mat, fmpz]:
    """Z and d with square · Z = d · right exactly; ZeroDivisionError for a singular matrix."""
    # python-flint's annotations know only that a matrix comes back; it is one of rationals.
    return cast(fmpq_mat, square.solve(right)).numer_denom()


def nearest_combination(basis: fmpz_mat, others: fmpz_mat) -> tuple[fmpz_mat, fmpz] | None:
    """T and d with basis · T = d · others exactly, for independent columns; None if there are none."""
    at = pivots(basis.transpose())
    if len(at) < basis.ncols():
        return None
    found, denominator = solve(rows_of(basis, at), rows_of(others, at))
    return (found, denominator) if basis * found == others * denominator else None


def inside(array: NDArray[np.float64], others: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which columns of ``others`` (N, m) are proven to lie in the range of the independent columns (N, r)."""
    proven = np.zeros(others.shape[1], dtype=bool)
    at = np.array(pivots(matrix(integers(array)[0], array.shape[1]).transpose()), dtype=np.int64)
    if len(at) < array.shape[1]:
        return proven
    left, N = np.arange(len(proven)), len(array)
    # a few rows tell what most columns lack
    for rows in (np.union1d(at, np.arange(min(N, len(at) + SOME))), np.arange(N)):
        basis, columns = (
            matrix(integers(part)[0], part.shape[1]) for part in (array[rows], others[rows][:, left])
        )
        found, denominator = solve(
            *(rows_of(part, np.searchsorted(rows, at).tolist()) for part in (basis, columns))
        )
        missing = basis * found - columns * denominator
        left = left[[not any(column) for column in missing.transpose().tolist()]]
        if not len(left):
            return proven
    proven[left] = True
    return proven
