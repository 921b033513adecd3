"""Signs that a genuine minimum may have, where too many are open to branch on all of them.

A genuine minimum is a common point of two sets: the minimisers u = u* + Z c, an affine space A, and the
product B of the unions C_g ∪ −C_g over the groups of neurons. Douglas and Rachford's iteration

    x ← x + P_B(2 P_A x − x) − P_A x,    P the projection on a set,

ends in such a point where both sets are convex. With unions of cones it may wander for ever, but where there
is a common point it often comes near (V. Elser, I. Rankenburg and P. Thibault, *Searching with iterated
maps*, PNAS 2007). It proves nothing: the signs of the cones that it visits are tried by linear programs.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from relucells.search.budget import Budget
from relucells.search.margin_program import MarginProgram

# Steps in all, and between two sign vectors that are offered.
STEPS = 200
OFFERED = 25
# Numbers in all half-spaces, and unknowns, beyond which the projections take too long.
LARGEST_CONES = 2_000_000
LARGEST_SPACE = 1500


def candidates(program: MarginProgram, budget: Budget) -> Iterator[NDArray[np.int64]]:
    """Positive members of each group, (G,), one sign vector after the other, none twice.

    Raises WorkLimit where the budget's time is up.
    """
    G, r = program.G, program.r
    if program.kernel is None or G * r > LARGEST_SPACE or G * len(program.unit) * r > LARGEST_CONES:
        return
    kernel, start = program.kernel.reshape(G * r, -1), program.sums
    cones = [np.where(column, 1.0, -1.0) * program.unit.T for column in program.columns.T]
    x, offered = start, set()
    for step in range(1, STEPS + 1):
        budget.check()
        on_minimisers = start + (kernel @ (kernel.T @ (x - start).ravel())).reshape(G, r)
        in_cones, plus = _nearest(cones, program.size, 2.0 * on_minimisers - x)
        change = in_cones - on_minimisers
        x = x + change
        arrived = not change.any()
        if (arrived or step % OFFERED == 0) and plus.tobytes() not in offered:
            offered.add(plus.tobytes())
            yield plus
        if arrived:
            return


def _nearest(
    cones: list[NDArray[np.float64]], size: NDArray[np.int64], sums: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """The nearest point of every C_g ∪ −C_g, (G, r), and the positive members of that sign, (G,).

    cones : for each group the vectors h, (r, N), with h·u ≥ 0 on its cone. A group of several neurons may
    have both signs, which leaves its sum free.
    """
    found, plus = sums.copy(), np.zeros(len(cones), dtype=np.int64)
    for g, (cone, u) in enumerate(zip(cones, sums, strict=True)):
        values = u @ cone
        inside, opposite = bool((values >= 0).all()), bool((values <= 0).all())
        if inside or opposite:
            plus[g] = size[g] if inside else 0
        elif size[g] > 1:
            plus[g] = size[g] // 2
        else:
            points = _projection(cone, u), -_projection(cone, -u)
            plus[g] = np.linalg.norm(points[0] - u) <= np.linalg.norm(points[1] - u)
            found[g] = points[1 - plus[g]]
    return found, plus


def _projection(cone: NDArray[np.float64], u: NDArray[np.float64]) -> NDArray[np.float64]:
    """The nearest point to u of {v : v @ cone ≥ 0}: u + cone @ μ, μ ≥ 0 with the least |cone @ μ + u|."""
    from scipy.optimize import nnls

    try:
        multipliers, _ = nnls(cone, -u)
    except RuntimeError:  # too many steps; a heuristic can do without
        return np.zeros_like(u)
    return u + cone @ multipliers
