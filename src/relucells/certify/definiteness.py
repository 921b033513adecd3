"""Proofs that a symmetric matrix is positive definite: in floating point, and in integers.

In floating point: if Cholesky's method runs to its end on a matrix of order m, the smallest eigenvalue
exceeds −γ_{m+1} times the trace, in whatever order the sums are formed (S. M. Rump, *Verification of positive
definiteness*, BIT 2006). So it is tried on a matrix whose diagonal is reduced by that and by all errors.

In integers: let S M Sᵀ be strictly diagonally dominant with a positive diagonal for some S. Then S M Sᵀ is
positive definite by Gershgorin's theorem. So S is regular, and M is positive definite too, because
xᵀ M x = zᵀ (S M Sᵀ) z with x = Sᵀ z. S is an inverse Cholesky factor, rounded.
"""

import numpy as np
from flint import fmpz_mat
from numpy.typing import NDArray

from relucells.samples.floating import gamma

# Binary digits after the point of the matrix that is checked in integers, and of the factor.
MATRIX_BITS = 96
PRECONDITION_BITS = 48


def positive_in_floats(matrix: NDArray[np.float64], doubt: float) -> bool:
    """Whether every symmetric matrix within ``doubt``, in norm, of this one, (m, m), is positive definite."""
    m = len(matrix)
    shift = 2.0 * (doubt + gamma(m + 1) * float(np.trace(matrix)))
    reduced = matrix.copy()
    reduced.reshape(-1)[:: m + 1] -= shift
    try:
        factor = np.linalg.cholesky(reduced)
    except np.linalg.LinAlgError:
        return False
    return bool(np.isfinite(factor).all() and (factor.diagonal() > 0).all())


def positive_in_integers(
    exact: fmpz_mat, bits: int, exponents: NDArray[np.int64], approximate: NDArray[np.float64]
) -> bool:
    """Whether exact · 2^−bits, (m, m), is positive definite.

    approximate : the same matrix, its row and its column i multiplied by 2^exponents_i, up to rounding
    """
    m = len(approximate)
    try:
        inverse = np.linalg.inv(np.linalg.cholesky(approximate))
    except np.linalg.LinAlgError:
        return False
    # entries are rounded down to MATRIX_BITS, an error matrix of norm below m, which the diagonal gives up
    powers = [int(e) for e in exponents]
    rows = [
        [_shifted(int(x), MATRIX_BITS - bits + a + b) for x, b in zip(row, powers, strict=True)]
        for row, a in zip(exact.tolist(), powers, strict=True)
    ]
    for i in range(m):
        rows[i][i] -= m
    S = integers(inverse, PRECONDITION_BITS)
    product = S * fmpz_mat(m, m, [a for row in rows for a in row]) * S.transpose()
    sums = [sum(map(abs, row)) for row in product.tolist()]
    return all(2 * product[i, i] > total for i, total in enumerate(sums))


def integers(values: NDArray[np.float64], bits: int):
    """The values, (m, n), times 2^bits, cut to whole numbers, as flint's fmpz_mat."""
    m, n = values.shape
    return fmpz_mat(m, n, [int(v) for v in np.ldexp(values, bits).ravel().tolist()])


def _shifted(value: int, shift: int) -> int:
    """value · 2^shift, rounded down."""
    return value << shift if shift >= 0 else value >> -shift
