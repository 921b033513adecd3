"""Integer linear systems of any shape, solved with the help of a rank modulo a prime, and checked exactly."""

from flint import fmpz, fmpz_mat

from relucells.certify import dyadic

Ratio = tuple[fmpz_mat, fmpz]  # a matrix of numerators and their common denominator


def identity(n: int) -> fmpz_mat:
    """The n × n identity."""
    return fmpz_mat(n, n, [int(i == j) for i in range(n) for j in range(n)])


def nearest(B: fmpz_mat, right: fmpz_mat) -> Ratio | None:
    """The z of least norm with B z = right, and its denominator; None if there is none."""
    if right == fmpz_mat(right.nrows(), 1):
        return fmpz_mat(B.ncols(), 1), fmpz(1)
    at = dyadic.pivots(B.transpose())
    if not at:
        return None
    picked = dyadic.rows_of(B, at)
    back = picked.transpose()
    along, denominator = dyadic.solve(picked * back, dyadic.rows_of(right, at))
    z = back * along
    return (z, denominator) if B * z == right * denominator else None


def solve(matrix: fmpz_mat, right: fmpz_mat, start: list[int]) -> Ratio | None:
    """A z with matrix · z = right, and its denominator, or None if there is none.

    Columns are made pivots from left to right; unknowns that are not needed keep their ``start``.
    """
    chosen = dyadic.pivots(matrix)
    table = matrix.tolist()
    part = dyadic.matrix([[row[c] for c in chosen] for row in table], len(chosen))
    at = dyadic.pivots(part.transpose())
    picked = set(chosen)
    kept = dyadic.matrix([[0 if c in picked else v] for c, v in enumerate(start)], 1)
    left = right - matrix * kept
    square = dyadic.rows_of(part, at)
    found, denominator = dyadic.solve(square, dyadic.rows_of(left, at))
    z = kept * denominator
    for n, c in enumerate(chosen):
        z[c, 0] = found[n, 0]
    return (z, denominator) if matrix * z == right * denominator else None
