"""The sign of a margin by an interior-point method, where A's kernel is too large for a simplex method.

With rank A = N < K · rank X the margin program in the kernel's coordinates has hundreds of dense columns. In
the R_j themselves its half-spaces fall into blocks, N equations A R = p tie them together, and an
interior-point method that sees this (``block_interior``) ends after some thirty steps. It maximises the least
distance t from *all* half-spaces, so that the program is always feasible: t > 0 gives a point strictly
inside, t < 0 strict multipliers.
"""

import numpy as np
from numpy.typing import NDArray

from relucells.search.block_interior import Program
from relucells.search.budget import Budget
from relucells.search.margin_program import FREE, Bound, MarginProgram

# Columns of the kernel from which on it is tried, and numbers in the program up to which.
LARGE_KERNEL = 200
LARGEST = 20_000_000
# A t, for samples of length 1 and values near 1, that may be zero with rounding.
ERROR = 1e-6
# Multipliers below this share of the largest are zeros of an interior point.
NEGLIGIBLE = 1e-7


def maximise(program: MarginProgram, plus: NDArray[np.int64], budget: Budget) -> Bound | None:
    """A bound whose margin has the right sign, or None where this is not the way: a small kernel, open signs,
    groups of both signs, or a t too close to 0."""
    if program.kernel is None or program.kernel.shape[2] < LARGE_KERNEL:
        return None
    if ((plus == FREE) | ((plus > 0) & (plus < program.size))).any():
        return None
    N, G, r = len(program.unit), program.G, program.r
    if (N * G + int(program.alive.sum()) * G) * r > LARGEST:
        return None
    budget.spend()
    t, sums, prices = _solve(program, plus, budget)
    # back to the minimisers exactly, as far as floats go
    kernel = program.kernel.reshape(G * r, -1)
    change = kernel @ (kernel.T @ (sums - program.sums).ravel())
    sums = program.sums + change.reshape(G, r)
    values = _values(program, plus, sums)
    height = float(values[program.nonzero].min())
    if height > ERROR:
        return program._bound(height, sums, {}, plus, [], np.zeros(0), False)
    if t >= -ERROR:
        return None
    used = np.argwhere(prices > NEGLIGIBLE * prices.max())
    pairs = [(int(i), int(g), 1 if plus[g] else -1) for i, g in used]
    return program._bound(t, sums, {}, plus, pairs, prices[tuple(used.T)], False)


def _sides(program: MarginProgram, plus: NDArray[np.int64]) -> NDArray[np.float64]:
    """What x_i·u_g / |x_i| is multiplied by to be a distance from its half-space, (N, G), positive inside."""
    signs = np.where(plus > 0, 1.0, -1.0) / program.size
    return np.where(program.columns, signs, -signs)


def _values(program: MarginProgram, plus: NDArray[np.int64], sums: NDArray) -> NDArray[np.float64]:
    return _sides(program, plus) * (program.unit @ sums.T)


def _off_free_part(program: MarginProgram) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The equations VᵀA u = VᵀA u* (``samples.free_part``)."""
    assert program.part is not None
    rows = np.asarray(program.rows)
    blocks = program.columns[rows][:, :, None] * program.coordinates[rows][:, None, :]
    A = program.part.restricted(rows).onto(blocks.reshape(int(rows.sum()), -1))
    return A, A @ program.sums.ravel()


def _solve(
    program: MarginProgram, plus: NDArray[np.int64], budget: Budget
) -> tuple[float, NDArray[np.float64], NDArray[np.float64]]:
    """max t ≤ 1 with all distances ≥ t and A u = p: t, u (G, r), and the prices of the half-spaces (N, G)."""
    G, r = program.G, program.r
    inside = np.flatnonzero(program.nonzero)
    sides = _sides(program, plus)[inside].T
    if program.part is None:
        rows = np.flatnonzero(program.alive & program.nonzero)
        A = (program.columns[rows][:, :, None] * program.unit[rows][:, None, :]).reshape(len(rows), G * r)
        right = program.output_per_length[rows]
    else:
        A, right = _off_free_part(program)
    kept = np.arange(len(A)) if program.rank == len(A) else _independent(A)
    solved = Program(
        half_spaces=sides[:, :, None] * program.unit[inside],
        equations=A[kept].reshape(len(kept), G, r).transpose(1, 0, 2),
        right=right[kept],
    ).maximise(program.sums, budget)
    prices = np.zeros((len(program.unit), G))
    prices[inside] = solved.z.T
    return solved.t, solved.u, prices


def _independent(A: NDArray[np.float64]) -> NDArray[np.int64]:
    """Rows of A (n, k) that span all of them, as far as floating point tells."""
    from scipy.linalg import qr

    if not len(A):  # a free part fits everything
        return np.zeros(0, dtype=np.int64)
    triangle, order = qr(A.T, mode="r", pivoting=True)
    diagonal = np.abs(np.diag(triangle))
    return np.sort(order[: len(diagonal)][diagonal > 1e-11 * diagonal.max(initial=0.0)])
