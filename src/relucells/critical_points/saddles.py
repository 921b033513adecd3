"""Does a cell hold a saddle?"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from relucells.cells.minimum import scaled_by_power
from relucells.critical_points.classify import CriticalPoint, critical_point
from relucells.critical_points.cones import Cone, FreeCell
from relucells.critical_points.coordinates import CROSSING, orthonormal, scaled_directions
from relucells.samples.inputs import Inputs, prepare, targets, weights
from relucells.samples.records import Record
from relucells.samples.signs import positive
from relucells.samples.threads import one_thread
from relucells.search.highs import Unsolved


@dataclass(frozen=True, eq=False)
class CellSaddle(Record):
    """verdict; W (K, D), z (K,) and point : a saddle in the cell, if one was found; sets : sets of
    neurons with z_j = 0 that were tried; complete : whether those are all."""

    verdict: Literal["saddle", "none", "undecided"]
    W: NDArray[np.float64] | None
    z: NDArray[np.float64] | None
    point: CriticalPoint | None
    sets: int
    complete: bool


@one_thread
def saddle_in_cell(
    X: ArrayLike | Inputs,
    y: ArrayLike,
    W: ArrayLike,
    max_sets: int = 1023,
    program_limit: int | None = None,
) -> CellSaddle:
    """Does the cell of W hold a saddle, for some z?

    A saddle has a nonempty set of neurons with z_j = 0. The other neurons solve the remaining least squares
    in their cells (``search.decide``, any signs). Each w_j of the set can be moved within its cell to w_j·g_j
    = 0, and some g_j ≠ 0. The sets are tried from the largest down, at most max_sets of them. Neurons that no
    sample activates are left out. *none* means that every set was ruled out.
    program_limit : linear programs for one call of ``decide``.
    """
    from relucells.search.decide import decide

    inputs = prepare(X)
    y, W = targets(y, len(inputs.X)), weights(W, inputs.X.shape[1])
    pattern = positive(inputs, W)
    alive = np.flatnonzero(pattern.any(axis=0))
    C, T = orthonormal(inputs)
    V, (labels, _) = scaled_directions(inputs, C, W)[0], scaled_by_power(y)
    cell = FreeCell if inputs.independent else Cone
    cells = {j: cell(C, pattern[:, j], V[j]) for j in alive}
    sure, tried = True, 0
    for silent, e in _residuals(C, labels, pattern, alive, max_sets):
        tried += 1
        pulls = (pattern[:, silent] * e[:, None]).T @ C
        pulled = np.linalg.norm(pulls, axis=1) > CROSSING * np.linalg.norm(labels)
        moved = W.copy()
        for j, g in zip(silent[pulled], pulls[pulled], strict=True):
            try:
                v = cells[j].on_plane(g, e)
            except Unsolved:
                v, sure = None, False
            if v is None:
                break
            moved[j] = v @ T.T
        else:
            if not pulled.any():
                continue
            z = np.zeros(len(W))
            rest = np.setdiff1d(alive, silent)
            if len(rest):
                decision = decide(
                    inputs, y, pattern[:, rest], "exists", program_limit=program_limit, margin="sign"
                )
                sure &= decision.verdict != "undecided"
                if decision.verdict != "genuine":
                    continue
                z[rest] = decision.signs
                moved[rest] = z[rest][:, None] * decision.R
            point = critical_point(inputs, y, moved, z)
            if point.kind == "saddle":
                return CellSaddle("saddle", moved, z, point, tried, tried == 2 ** len(alive) - 1)
            sure = False
    complete = tried == 2 ** len(alive) - 1
    return CellSaddle("none" if sure and complete else "undecided", None, None, None, tried, complete)


def _residuals(C, y, pattern, alive, max_sets) -> Iterator[tuple[NDArray, NDArray]]:
    """Sets of silent neurons, largest first, with the errors e of the other alive neurons' least squares."""
    r = C.shape[1]
    independent = len(C) == r
    if not independent:
        A = (pattern[:, alive, None] * C[:, None, :]).reshape(len(C), -1)
        H, b = A.T @ A, A.T @ y
    tried = 0
    for size in range(len(alive), 0, -1):
        for chosen in combinations(range(len(alive)), size):
            if tried == max_sets:
                return
            tried += 1
            rest = np.setdiff1d(np.arange(len(alive)), chosen)
            if independent:
                e = np.where(pattern[:, alive[rest]].any(axis=1), 0.0, -y)
            elif len(rest):
                columns = (rest[:, None] * r + np.arange(r)).ravel()
                R = np.linalg.lstsq(H[np.ix_(columns, columns)], b[columns], rcond=None)[0]
                e = A[:, columns] @ R - y
            else:
                e = -y
            yield alive[list(chosen)], e
