"""The column space of X: its exact rank, and an accurate orthonormal basis, however ill-conditioned X is.

Whether a cell's minimum is genuine depends on X only through its column space: X → X T with T invertible
changes neither fitted values nor half-spaces. A raw column (a year beside the constant 1, features of
unequal units) makes X ill-conditioned without changing that space. A singular value decomposition in double
precision then loses the small directions. So:

* Columns are brought to the order of 1 by powers of two, which is exact.
* The rank is the exact one: each float is read as the rational number that it is. Full rank is shown in
  floating point with proven bounds, or modulo a prime (the rank modulo a prime never exceeds the rank). A
  lower rank is found modulo two primes drawn from the data. It is wrong with a probability below 1e-9.
* C = X T is made orthonormal by T = R⁻¹ of a QR factorisation. Where X is ill-conditioned, the product X T is
  formed in exact integers. The result is well-conditioned and is factorised again, until C is orthonormal.
  Every entry of C is then right to its last digits, in short samples as well. This is the idea of S. M.
  Rump's preconditioning by an approximate inverse.
"""

import hashlib
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from relucells.samples.decomposition import svd, triangle
from relucells.samples.floating import row_system
from relucells.samples.scaling import rows_near_one, scale_columns

if TYPE_CHECKING:
    from flint import fmpz_mat

# Up to this condition number a product in double precision has an accurate result.
PLAIN_CONDITION = 1e3
# Up to so many entries of X the product is formed in exact integers; beyond, in double precision.
EXACT_ENTRIES = 400_000
# About how many multiplications a rank modulo a prime may take: a few seconds.
MODULAR_WORK = 4e9
# Most factorisations; each divides the condition number by up to 1e15.
ROUNDS = 80


class ColumnSpace:
    """The column space of samples X (N, D), finite; parts are computed on first use.

    rank : exact (see the module's head); columns : (rank,) independent columns of X
    coordinates : C (N, r), orthonormal columns with the span of X's; transform : T (D, r), X T = C up to the
    rounding of T; accurate : whether C is right to its last digits (X is not too large)
    """

    def __init__(self, X: NDArray[np.float64]):
        self.X, self.shape = X, X.shape
        self.scaled, self.exponents = scale_columns(X)

    @cached_property
    def rank(self) -> int:
        """Exact; by singular values where X is too large for that."""
        rank = exact_rank(self.X)
        if rank is None:
            singular = svd(self.scaled, compute_uv=False)
            rank = int((singular > singular[0] * max(self.shape) * np.finfo(float).eps).sum())
        return rank

    @cached_property
    def columns(self) -> NDArray[np.int64]:
        """By a QR factorisation with pivoting, so they are well-conditioned as a rule."""
        distinct = distinct_rows(self.X.T)
        if self.rank == len(distinct):
            return distinct
        from scipy.linalg import qr

        candidates = self.scaled[:, distinct]
        order = qr(candidates, mode="r", pivoting=True, check_finite=False)[1]
        chosen = distinct[np.sort(order[: self.rank])]
        if exact_rank(self.X[:, chosen]) in (self.rank, None):
            return chosen
        return distinct[rank_modulo_primes(self.X[:, distinct])[1]]

    @cached_property
    def _parts(self) -> tuple[NDArray, NDArray, bool, float]:
        """C, T for the scaled columns, accurate, and the condition number of the columns chosen."""
        if self.rank == 0:
            return np.zeros((self.shape[0], 0)), np.zeros((self.shape[1], 0)), True, 1.0
        with np.errstate(all="ignore"):
            if self.rank == self.shape[0]:
                # every vector of N values is in the column space: the unit vectors are its basis
                return np.eye(self.rank), *_right_inverse(self.scaled)
            columns = self.columns
            C, T, accurate, condition = _orthonormalise(
                self.X[:, columns], self.scaled[:, columns], self.exponents[columns]
            )
        whole = np.zeros((self.shape[1], self.rank))
        whole[self.columns] = T
        return C, whole, accurate, condition

    @property
    def coordinates(self) -> NDArray[np.float64]:
        return self._parts[0]

    @cached_property
    def transform(self) -> NDArray[np.float64]:
        with np.errstate(all="ignore"):
            return np.ldexp(self._parts[1], -self.exponents[:, None])

    @property
    def transform_and_power(self) -> tuple[NDArray[np.float64], int]:
        """T over a power of two, and that power, where T itself may have entries that no float holds."""
        used = self.exponents[self._parts[1].any(axis=1)]
        power = -int(used.min()) if len(used) else 0
        with np.errstate(all="ignore"):
            return np.ldexp(self._parts[1], -self.exponents[:, None] - power), power

    @property
    def accurate(self) -> bool:
        return self._parts[2]

    @property
    def condition(self) -> float:
        """The condition number of the independent columns, or rows, of X, scaled."""
        return self._parts[3]

    @property
    def hinges_on_rounding(self) -> bool:
        """Whether the rank depends on singular values of X (columns scaled) that are as small as rounding."""
        return rank_is_doubtful(self._parts[3], *self.shape)

    @property
    def ill_conditioned(self) -> bool:
        return not self._parts[3] <= PLAIN_CONDITION

    @cached_property
    def integer_samples(self) -> "IntegerSamples":
        exponents = self.exponents[self.columns]
        matrix, power = integers(self.X[:, self.columns], exponents)
        transform = self._parts[1][self.columns]
        if self.ill_conditioned and np.isfinite(transform).all():
            factor, step = integers(transform)
            # T is rounded: entries that underflow may cost it its rank
            if rank_modulo_prime(matrix * factor) == self.rank:
                return IntegerSamples(matrix * factor, power + step, factor, step - exponents, self.columns)
        return IntegerSamples(matrix, power, _identity(self.rank), -exponents, self.columns)


@dataclass(frozen=True)
class IntegerSamples:
    """X T in integers, well-conditioned, for an exact invertible T on independent columns of X.

    matrix : (N, r) integers, x_i T = its rows times 2^power
    back, back_powers, columns : a weight q of its rows is R with R[columns[k]] = (back q)_k 2^back_powers[k]
    """

    matrix: "fmpz_mat"
    power: int
    back: "fmpz_mat"
    back_powers: NDArray[np.int64]
    columns: NDArray[np.int64]


def rank_is_doubtful(condition: float, N: int, columns: int) -> bool:
    """Whether ``numpy.linalg.matrix_rank`` would call an N × columns matrix of that condition deficient."""
    return bool(condition * max(N, columns) * np.finfo(float).eps >= 1.0)


def exact_rank(matrix: NDArray[np.float64]) -> int | None:
    """The rank of the rational matrix; None where finding it would take too long."""
    if _has_full_rank(matrix):
        return min(matrix.shape)
    rows, columns = distinct_rows(matrix), distinct_rows(matrix.T)
    small = matrix[np.ix_(rows, columns)]
    if not small.size:
        return 0
    if small.shape != matrix.shape and _has_full_rank(small):
        return min(small.shape)
    if small.size * min(small.shape) > MODULAR_WORK:
        return None
    return rank_modulo_primes(small)[0]


def _has_full_rank(matrix: NDArray[np.float64]) -> bool:
    """Whether floating point proves that the rational matrix has full rank."""
    with np.errstate(all="ignore"):
        scaled, exponents = scale_columns(matrix)
        if not (np.ldexp(scaled, exponents) == matrix).all():
            return False  # something underflowed
        return row_system(scaled if matrix.shape[0] <= matrix.shape[1] else scaled.T).proven


def distinct_rows(matrix: NDArray[np.float64]) -> NDArray[np.int64]:
    """The first of each set of equal rows that are not zero."""
    rows = np.ascontiguousarray(matrix) + 0.0  # so that -0.0 is 0.0
    content, width = rows.tobytes(), rows.shape[1] * rows.itemsize
    found: dict[bytes, int] = {}
    for n in np.flatnonzero(rows.any(axis=1)).tolist():
        found.setdefault(content[n * width : (n + 1) * width], n)
    return np.fromiter(found.values(), dtype=np.int64)


def _right_inverse(X: NDArray[np.float64]) -> tuple[NDArray[np.float64], bool, float]:
    """T (D, N) with X T = I for independent rows, whether that is accurate, and the condition number."""
    rows, exponents = rows_near_one(X)
    q, R = np.linalg.qr(rows.T)
    singular = svd(R, compute_uv=False)
    condition = float(singular[0] / singular[-1]) if singular[-1] > 0 else np.inf
    if condition > 1.0 / np.finfo(float).eps:
        return np.ldexp(q @ np.linalg.pinv(R).T, -exponents), False, condition
    return np.ldexp(q @ np.linalg.inv(R).T, -exponents), condition <= PLAIN_CONDITION, condition


# Orthonormal columns


def _orthonormalise(
    original: NDArray, X: NDArray, exponents: NDArray
) -> tuple[NDArray, NDArray, bool, float]:
    """C, T, whether C is accurate, and the condition number of X, the original columns scaled."""
    inverse, condition = _inverse_of_triangle(triangle(X))
    if condition <= PLAIN_CONDITION:
        return X @ inverse, inverse, True, condition
    if X.size > EXACT_ENTRIES:
        C = X @ inverse
        again = _inverse_of_triangle(triangle(C))[0]
        return C @ again, inverse @ again, False, condition
    return *_orthonormalise_exactly(integers(original, exponents), inverse), True, condition


def _inverse_of_triangle(R: NDArray) -> tuple[NDArray, float]:
    """An approximate inverse of R, singular values cut at the size of rounding, and R's condition number.

    A direction that is cut stays longer than it should. The next round finds it again, at its true size.
    """
    left, singular, right = svd(R)
    condition = singular[0] / singular[-1] if singular[-1] > 0 else np.inf
    kept = np.maximum(singular, singular[0] * len(R) * np.finfo(float).eps)
    return (right.T / kept) @ left.T, float(condition)


def _orthonormalise_exactly(samples: tuple["fmpz_mat", int], inverse: NDArray) -> tuple[NDArray, NDArray]:
    """C and T of independent columns, every product formed in integers."""
    E, power = samples
    T, T_power = _identity(E.ncols()), 0
    for _ in range(ROUNDS):
        factor, step = integers(inverse)
        E, power = E * factor, power + step
        T, T_power = T * factor, T_power + step
        C = _floats(E, power)
        inverse, condition = _inverse_of_triangle(triangle(C))
        if condition <= PLAIN_CONDITION:
            break
    factor, step = integers(inverse)
    return _floats(E * factor, power + step), _floats(T * factor, T_power + step)


def integers(matrix: NDArray[np.float64], columns: NDArray | int = 0) -> tuple["fmpz_mat", int]:
    """(integers, p): the matrix, its column k times 2^-columns[k], is integers · 2^p exactly."""
    from flint import fmpz_mat

    mantissa, exponent = np.frexp(matrix)
    whole = np.ldexp(mantissa, 53).astype(np.int64)
    exponent = exponent.astype(np.int64) - 53 - columns
    power = int(exponent[whole != 0].min(initial=np.iinfo(np.int64).max)) if whole.any() else 0
    rows = [
        [m << s if m else 0 for m, s in zip(*pair, strict=True)]
        for pair in zip(whole.tolist(), (exponent - power).tolist(), strict=True)
    ]
    return fmpz_mat(matrix.shape[0], matrix.shape[1], [a for row in rows for a in row]), power


def _identity(n: int) -> "fmpz_mat":
    from flint import fmpz_mat

    return fmpz_mat([[int(i == j) for j in range(n)] for i in range(n)])


def rounded(numerator: int, denominator: int, power: int) -> float:
    """The float nearest to numerator / denominator · 2^power.

    It keeps the sign, and is 0 only if the number is.
    """
    if numerator == 0:
        return 0.0
    shift = 64 - abs(numerator).bit_length() + denominator.bit_length()
    whole = (abs(numerator) << max(0, shift)) // (denominator << max(0, -shift))
    exponent = power - shift
    if exponent + whole.bit_length() > 1024:
        return np.inf if numerator > 0 else -np.inf
    found = max(float(np.ldexp(float(whole), exponent)), float(np.finfo(float).smallest_subnormal))
    return found if numerator > 0 else -found


def _floats(matrix, power: int) -> NDArray[np.float64]:
    """integers · 2^power, each entry rounded once."""
    found = np.empty((matrix.nrows(), matrix.ncols()))
    for n, entry in enumerate(matrix.entries()):
        value = int(entry)
        spare = max(0, value.bit_length() - 1000)
        found.flat[n] = np.ldexp(float(value >> spare), power + spare)
    return found


# Ranks modulo primes


def rank_modulo_prime(matrix: "fmpz_mat") -> int:
    """The rank of integers modulo a prime of 61 bits, never above the exact one."""
    from flint import nmod_mat

    return nmod_mat(matrix, (1 << 61) - 1).rank()


MORE_ROWS = 4  # combinations of rows beyond the number of columns


def rank_modulo_primes(matrix: NDArray[np.float64]) -> tuple[int, NDArray[np.int64]]:
    """The larger rank modulo two primes of 31 bits, which never exceeds the exact one, and its pivot columns.

    The primes are drawn from the data, so that no data can be made to fit them by accident.
    """
    from flint import nmod_mat

    seed = int.from_bytes(hashlib.sha256(np.ascontiguousarray(matrix).tobytes()).digest()[:16], "little")
    best, pivots = -1, np.zeros(0, dtype=np.int64)
    for p in _primes(seed):
        residues = _combined(_residues(matrix, p), p, seed)
        rows, columns = residues.shape
        reduced, rank = nmod_mat(rows, columns, residues.ravel().tolist(), p).rref()
        if rank > best:
            best = rank
            pivots = np.array(_pivots(reduced, rank), dtype=np.int64)
        if best == min(matrix.shape):
            break
    return best, pivots


def _combined(residues: NDArray[np.uint64], p: int, seed: int) -> NDArray[np.uint64]:
    """Few random combinations of many rows modulo p.

    They span the same space except by accident, never a larger one.

    With coefficients of 20 bits and MORE_ROWS to spare, an accident is rarer than one among the primes. The
    sums of products of halves of 16 bits stay below 2^53, and floats hold them exactly.
    """
    N, n = residues.shape
    if N <= 4 * (n + MORE_ROWS) or N > 2**16:
        return residues
    rng = np.random.default_rng(seed)
    coefficients = rng.integers(0, 1 << 20, (n + MORE_ROWS, N)).astype(float)
    high, low = (
        (coefficients @ half.astype(float)).astype(np.uint64) % np.uint64(p)
        for half in (residues >> np.uint64(16), residues & np.uint64(0xFFFF))
    )
    return (high * np.uint64(1 << 16) + low) % np.uint64(p)


def _primes(seed: int) -> list[int]:
    from flint import fmpz

    found = []
    for part in (seed & (1 << 29) - 1, seed >> 64 & (1 << 29) - 1):
        p = (1 << 30) + part | 1
        while not fmpz(p).is_prime() or p in found:
            p += 2
        found.append(p)
    return found


def _residues(matrix: NDArray[np.float64], p: int) -> NDArray[np.uint64]:
    """Entries m·2^e modulo p."""
    mantissa, exponent = np.frexp(matrix)
    whole = np.ldexp(mantissa, 53).astype(np.int64) % p
    exponent = np.where(whole != 0, exponent, 0).astype(np.int64) - 53
    distinct, place = np.unique(exponent, return_inverse=True)
    powers = np.array([pow(2, int(e), p) for e in distinct], dtype=np.uint64)
    return whole.astype(np.uint64) * powers[place.reshape(matrix.shape)] % np.uint64(p)


def _pivots(reduced, rank: int) -> list[int]:
    """The pivot columns of a reduced row echelon form."""
    found, column = [], 0
    for row in range(rank):
        while int(reduced[row, column]) == 0:
            column += 1
        found.append(column)
        column += 1
    return found
