"""Floating point with proven error bounds, and proofs that a linear system has a solution nearby.

Everything here trusts IEEE double precision and nothing else. Let u = 2⁻⁵³ and γ_n = n u / (1 − n u). An
inner product of n terms, computed in any order, errs by at most γ_n times the inner product of the absolute
values, and by 2⁻¹⁰⁷⁵ more for each product that underflows. Sums do not underflow. ``gamma`` is more than
twice γ_n, which leaves room for the rounding of the bounds themselves. A number that overflows is not finite,
and a bound that is not finite proves nothing.

Let T be any matrix (in practice an inverse Cholesky factor), and let F = T E have ‖F Fᵀ − I‖ ≤ δ < 1. Then E
has full row rank. For every z the system E z' = b has a solution with ‖z' − z‖ ≤ ‖T (b − E z)‖ / √(1 − δ)
(derived: z' − z = F⁺ T (b − E z)).
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from relucells.samples.decomposition import inverse_lower, triangle

UNIT = 2.0**-53
# A product that underflows errs by at most half of this.
TINY = 2.0**-1074
# The root of a square that underflows errs by less than this.
UNDERFLOW = 2.0**-536
# A bound on rounding this small need not be sharper.
COARSE = 1e-6


def gamma(n: int) -> float:
    """Twice the relative error of an inner product of n terms, and a little more for its own rounding."""
    return 2.0 * (n + 4) * UNIT


def norm(array: NDArray) -> float:
    """An upper bound on the Frobenius norm; squares that underflow are worth 2⁻⁵³⁷ each."""
    rounded = _length(array) * (1.0 + gamma(array.size))
    return rounded + UNDERFLOW * math.sqrt(array.size) if rounded or array.any() else 0.0


def norm_at_least(array: NDArray) -> float:
    """A lower bound on the Frobenius norm: squares that underflow may be rounded up."""
    rounded = _length(array) * (1.0 - gamma(array.size))
    return max(0.0, rounded - UNDERFLOW * math.sqrt(array.size))


def _length(array: NDArray) -> float:
    """The Frobenius norm as computed: ``numpy.linalg.norm`` takes longer, and small arrays are many."""
    flat = array.ravel(order="K")
    return math.sqrt(flat.dot(flat))


def column_lengths(array: NDArray[np.float64]) -> NDArray[np.float64]:
    """The norms of the columns, (n,) of (m, n), as computed, without a copy of the array."""
    return np.sqrt(np.einsum("ij,ij->j", array, array))


def product(left: NDArray, right: NDArray) -> NDArray[np.float64]:
    """An upper bound, entry by entry, on the product of two matrices or vectors that are not negative."""
    n = left.shape[-1]
    return (left @ right) * (1.0 + gamma(n)) + n * TINY


def rounding(left: NDArray, right: NDArray) -> NDArray[np.float64]:
    """A bound on the error of each entry of the computed ``left @ right``; 0 where all terms are 0."""
    n = left.shape[-1]
    size = np.abs(left) @ np.abs(right)
    underflow: NDArray[np.float64] | float = TINY * 2.0 * n
    if not size.all():  # no terms, or all of them underflow
        underflow *= (left != 0).astype(float) @ (right != 0).astype(float) > 0
    return gamma(n) * size + underflow


# Cuts of a number, and the bits of each: sums of up to 2^13 products of two cuts are exact in 53 bits.
CUTS, CUT_BITS, LONGEST = 4, 20, 2**13


def residual(matrix: NDArray, z: NDArray, right: NDArray) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """right − matrix z, (m,), as if in eighty bits, and a bound on the error of each entry.

    Every row, and z, is cut into multiples of powers of two, whose products and their sums are exact (K.
    Ozaki et al., Numerical Algorithms 59, 2012). If numbers are too many or extreme, it is as usual.
    """
    rows, row_rest = _cuts(matrix)
    parts, rest = _cuts(z[None])
    if len(z) > LONGEST or not rows or not parts:
        size = product(np.abs(matrix), np.abs(z)) + np.abs(right)
        return right - matrix @ z, gamma(len(z)) * size + TINY * (len(z) + 1)
    terms = [right, *(-(E @ v[0]) for E in rows for v in parts)]
    found = np.array([math.fsum(column) for column in zip(*(term.tolist() for term in terms), strict=True)])
    missing = product(np.abs(row_rest), np.abs(z)) + 2.0 * product(np.abs(matrix), np.abs(rest[0]))
    return found, missing * (1.0 + gamma(4)) + gamma(1) * np.abs(found) + TINY


def finer_product(
    left: NDArray[np.float64], right: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """leftᵀ right, (p, q), for (n, p) and (n, q), as if in eighty bits, and a bound on each error.

    The vectors are cut as in ``residual``. The products of cuts k and l with k + l ≤ 5 are summed up exactly.
    What is left out is at most n 2⁻⁷⁹ times the powers of two above the entries of the two vectors (derived).
    """
    rows, columns = (_cuts(array.T)[0] for array in (left, right))
    n = len(left)
    if n > LONGEST or not rows or not columns:
        return left.T @ right, rounding(left.T, right)
    terms = [rows[k] @ columns[l].T for k in range(CUTS) for l in range(CUTS) if k + l < CUTS]
    largest = [np.abs(array).max(axis=0, initial=0.0) for array in (left, right)]
    above = [np.where(sizes > 0, np.ldexp(1.0, np.frexp(sizes)[1]), 0.0) for sizes in largest]
    missing = n * 2.0**-79 * np.outer(*above)
    total, left_over, size = terms[0], np.zeros_like(missing), np.zeros_like(missing)
    for term in terms[1:]:
        new = total + term
        part = new - total
        lost = (total - (new - part)) + (term - part)  # exactly what the sum has lost (Knuth)
        total, left_over, size = new, left_over + lost, size + np.abs(lost)
    found = total + left_over
    rounded = UNIT * np.abs(found) + gamma(len(terms)) * size
    return found, (missing + rounded) * (1.0 + gamma(4)) + TINY


def _cuts(array: NDArray) -> tuple[list[NDArray[np.float64]], NDArray[np.float64]]:
    """Parts of each row (m, n) whose sum is the row but for a rest, no entry of which is above the row's own;
    no parts where the largest entries are not of ordinary size."""
    exponents = np.frexp(np.abs(array).max(axis=1, initial=0.0))[1][:, None]
    if not np.isfinite(array).all() or np.abs(exponents).max(initial=0) > 400:
        return [], array
    parts, rest = [], array
    for k in range(1, CUTS + 1):
        unit = np.ldexp(1.0, exponents - CUT_BITS * k)
        parts.append(np.rint(rest / unit) * unit)
        rest = rest - parts[-1]
    return parts, rest


@dataclass(frozen=True)
class RowSystem:
    """E, m × n with m ≤ n, its rows known to within ``error`` (m,), and the proof of its full row rank.

    precondition : T, (m, m); sigma : a lower bound on the smallest singular value of T E, positive iff
    full row rank is proven
    """

    matrix: NDArray[np.float64]
    error: NDArray[np.float64]
    precondition: NDArray[np.float64]
    sigma: float

    @property
    def proven(self) -> bool:
        return self.sigma > 0.0

    def solve(self, right: NDArray) -> NDArray[np.float64]:
        """An approximate least-norm solution of E z = right."""
        return self.matrix.T @ (self.precondition.T @ (self.precondition @ right))

    def distance(self, residual: NDArray, error: NDArray) -> float:
        """How far the nearest exact solution can be from a z with this residual, known to ``error`` (m,)."""
        if not self.proven:
            return np.inf
        T = self.precondition
        known = error + gamma(len(T)) * np.abs(residual) + TINY
        moved = norm(T @ residual) + norm(product(np.abs(T), known) + len(T) * TINY)
        found = moved / self.sigma * (1.0 + 8 * UNIT)
        return found if np.isfinite(found) else np.inf


def row_system(matrix: NDArray[np.float64], error: NDArray | None = None) -> RowSystem:
    """Try to prove that the matrix, its rows known to within ``error``, has full row rank."""
    with np.errstate(all="ignore"):  # what overflows is not proven
        return _row_system(matrix, np.zeros(len(matrix)) if error is None else error)


def _row_system(matrix: NDArray[np.float64], error: NDArray) -> RowSystem:
    m, n = matrix.shape
    nothing = RowSystem(matrix, error, np.zeros((m, m)), 0.0)
    if m > n:
        return nothing
    if m == 0:
        return RowSystem(matrix, error, np.zeros((0, 0)), 1.0)
    lengths = np.linalg.norm(matrix, axis=1)
    if not (lengths > 1e-290).all() or not np.isfinite(lengths).all():
        return nothing
    weights = 1.0 / lengths
    scaled = weights[:, None] * matrix
    try:
        T = inverse_lower(np.linalg.cholesky(scaled @ scaled.T))
    except np.linalg.LinAlgError:
        T = _triangular_inverse(scaled)
    result = _with_precondition(matrix, error, T * weights)
    if not result.proven:
        result = _with_precondition(matrix, error, _triangular_inverse(scaled) * weights)
    return result


def _triangular_inverse(scaled: NDArray) -> NDArray:
    """R⁻ᵀ, where scaledᵀ = Q R. Slower than Cholesky, but good up to condition numbers near 1e15."""
    R = triangle(scaled.T)
    try:
        return np.linalg.inv(R).T
    except np.linalg.LinAlgError:
        return np.zeros_like(R)


def _with_precondition(matrix: NDArray, error: NDArray, T: NDArray) -> RowSystem:
    m, n = matrix.shape
    F = T @ matrix
    if not np.isfinite(F).all():
        return RowSystem(matrix, error, np.zeros((m, m)), 0.0)
    # rounding of F itself: at most γ |T| |matrix|, and the matrix is its rows' lengths times unit rows
    lengths = np.linalg.norm(matrix, axis=1) * (1.0 + gamma(n)) + UNDERFLOW * np.sqrt(n)
    size = norm(T * lengths) * np.sqrt(m) * (1.0 + 8 * UNIT)
    if not gamma(m) * size < COARSE:
        size = norm(product(np.abs(T), np.abs(matrix)) + TINY)
    wrong = gamma(m) * size + m * UNDERFLOW * np.sqrt(F.size) + norm(product(np.abs(T), error))
    delta = norm(F @ F.T - np.eye(m)) + gamma(n) * norm(F) ** 2 + m * n * TINY
    sigma = np.sqrt(1.0 - delta) - wrong if delta < 1.0 else 0.0
    sigma = float(sigma) * (1.0 - 8 * UNIT)
    return RowSystem(matrix, error, T, sigma if sigma > 0.0 else 0.0)
