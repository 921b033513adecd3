"""The minimum of a small cell in rational arithmetic, where A is too ill-conditioned for floating point.

With independent columns B of [A F] that span its range, p = B w with BᵀB w = Bᵀy. The minimiser of least
norm is R_j = Σ_i I_ij μ_i x_i with μ on independent rows S of [A F], where A_S R + F_S c = p_S and Fᵀμ = 0
(derived: the conditions of Lagrange for the least Σ_j |R_j|², in which c has no part).
"""

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from relucells.samples.columns import integers, rank_modulo_primes, rounded
from relucells.samples.free_part import FreePart
from relucells.samples.inputs import Inputs, distinct_columns
from relucells.samples.scaling import scale_columns

if TYPE_CHECKING:
    from flint import fmpz_mat

# Beyond these, of the rank, the entries of [A F], and the squared rank times the bits of its entries, exact
# arithmetic takes many seconds.
RANK, ENTRIES, WORK = 250, 400_000, 8_000_000


def exact_minimum(
    inputs: Inputs, y: NDArray, pattern: NDArray[np.bool_], part: FreePart | None
) -> tuple[NDArray[np.float64], NDArray[np.float64], int] | None:
    """R (K, D), the fitted values A R + F c (N,), each number rounded once, and rank [A F] − rank F.

    None where this takes too long.
    """
    from flint import fmpz_mat

    columns, _ = distinct_columns(pattern)
    rows = np.flatnonzero(pattern.any(axis=1) if part is None else part.reached(pattern))
    samples = inputs.X[np.ix_(rows, inputs.space.columns)]
    dense = (columns[rows][:, :, None] * samples[:, None, :]).reshape(len(rows), -1)
    free = np.zeros((len(rows), 0)) if part is None else part.F[np.ix_(rows, part.inputs.space.columns)]
    dense = np.hstack([dense, free])
    if dense.size > ENTRIES or min(dense.shape) > RANK:
        return None
    n, chosen = rank_modulo_primes(dense)
    A, _ = integers(dense, scale_columns(dense)[1])
    X, X_power = integers(inputs.X[rows])
    if n**2 * max(_bits(A), _bits(X)) > WORK:
        return None
    label, y_power = integers(y[rows, None])
    B = _columns(A, chosen)
    w, below = _solve(B.transpose() * B, B.transpose() * label)
    p = B * w
    if A.transpose() * (label * below - p) != fmpz_mat(A.ncols(), 1):
        return None  # a rank modulo primes falls short of the rank
    fitted = np.zeros(len(y))
    fitted[rows] = [rounded(int(v), int(below), y_power) for v in p.entries()]
    at = rank_modulo_primes(dense[:, chosen].T)[1]
    F, _ = integers(free, scale_columns(free)[1]) if free.shape[1] else (fmpz_mat(len(rows), 0), 0)
    mu, more = _multipliers(_rows(X, at), _rows(F, at), _rows(p, at), pattern[rows[at]])
    back, R = _rows(X, at).transpose(), np.zeros((pattern.shape[1], inputs.X.shape[1]))
    for j, on in enumerate(pattern[rows[at]].T.tolist()):
        weights = back * fmpz_mat([[m if active else 0] for m, active in zip(mu, on, strict=True)])
        R[j] = [rounded(int(v), int(more * below), y_power - X_power) for v in weights.entries()]
    return R, fitted, n - free.shape[1]


def _multipliers(X: Any, F: Any, p: Any, pattern: NDArray[np.bool_]) -> tuple[list, Any]:
    """μ (n,) over a denominator, for samples X (n, D), F (n, m) and fitted values (n, 1), all integers."""
    from flint import fmpz_mat

    n, m = X.nrows(), F.ncols()
    together = (pattern.astype(np.int64) @ pattern.T.astype(np.int64)).tolist()
    gram = (X * X.transpose()).tolist()
    free = F.tolist() if m else [[] for _ in range(n)]
    system = [
        [*(a * b for a, b in zip(*pair, strict=True)), *row]
        for *pair, row in zip(gram, together, free, strict=True)
    ]
    system += [[*(row[k] for row in free), *([0] * m)] for k in range(m)]
    found, denominator = _solve(fmpz_mat(system), fmpz_mat([*p.tolist(), *([[0]] * m)]))
    return found.entries()[:n], denominator


def _solve(square: Any, right: Any) -> tuple[Any, Any]:
    """The solution of a regular system of integers, over its denominator."""
    return square.solve(right).numer_denom()


def _columns(table: "fmpz_mat", chosen: NDArray[np.int64]) -> "fmpz_mat":
    return _rows(table.transpose(), chosen).transpose()


def _rows(table: Any, chosen: NDArray[np.int64]) -> Any:
    from flint import fmpz_mat

    width = table.ncols()
    return fmpz_mat(len(chosen), width, [table[int(i), c] for i in chosen for c in range(width)])


def _bits(table: "fmpz_mat") -> int:
    """The length of the largest entry."""
    return max((int(abs(a)).bit_length() for a in table.entries()), default=0)
