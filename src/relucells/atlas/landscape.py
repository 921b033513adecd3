"""Every cell of a network with two neurons on one-dimensional inputs, decided and certified.

The cells are the pairs of sectors (``sectors``). ``relucells.decide`` decides each under the four sign
vectors, and ``relucells.verification_level`` checks its certificate. Neurons are exchangeable, so a cell and
its mirror image across the diagonal share their decisions. The smallest loss of any network with two neurons
is the smallest minimum of all closed cells (``faces``), in exact arithmetic. A genuine minimum with that loss
is *global*, any other one *bad*.
"""

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from relucells.atlas.faces import SIGNS, Face, Rays, WallMinimum, wall_minima
from relucells.atlas.sectors import Samples
from relucells.cells.minimum import cell_minimum
from relucells.certify.certificates import Decision
from relucells.certify.verify import verification_level
from relucells.progress import progress
from relucells.samples.inputs import prepare
from relucells.search.decide import decide


@dataclass(frozen=True)
class Landscape:
    """All cells (a, b), sectors of the two neurons, in one array each; S = 2M sectors, signs as in SIGNS.

    loss : (S, S), at the cell's minimum; R : (S, S, 2, 2), its minimiser of least norm; unique : (S, S)
    genuine : (S, S, 4); margin : (S, S, 4), −inf where there is none
    witness : (S, S, 4, 2, 2), a minimiser inside the cell, NaN where there is none
    level : (S, S, 4), of the check; quality : (S, S, 4) "global", "bad" or ""
    decision : (S, S, 4), the row of ``decisions`` with the certificate: that of this cell if a ≤ b, else that
        of its mirror image (neurons and signs exchanged)
    decisions : of ``relucells.decide``; best : the network of smallest loss; walls : minima on walls
    """

    samples: Samples
    loss: NDArray[np.float64]
    R: NDArray[np.float64]
    unique: NDArray[np.bool_]
    genuine: NDArray[np.bool_]
    margin: NDArray[np.float64]
    witness: NDArray[np.float64]
    level: NDArray[np.str_]
    quality: NDArray[np.str_]
    decision: NDArray[np.int64]
    decisions: list[Decision]
    best: "Best"
    walls: list[WallMinimum]


@dataclass(frozen=True)
class Best:
    """The network of smallest loss: its closed cell, signs, and exact face."""

    cell: tuple[int, int]
    signs: tuple[int, int]
    face: Face

    @property
    def loss(self) -> Fraction:
        return self.face.loss


def survey(samples: Samples) -> Landscape:
    """Decide every cell of the landscape of these samples and find its minima on walls."""
    S = samples.sectors
    inputs = prepare(samples.X)
    rays = Rays(samples)
    first, second = np.triu_indices(S)
    cells = np.column_stack([first, second])
    losses, best = _closed_minima(rays, cells)
    shape = (S, S, len(SIGNS))
    made = Landscape(
        samples=samples, loss=np.zeros((S, S)), R=np.zeros((S, S, 2, 2)), unique=np.zeros((S, S), dtype=bool),
        genuine=np.zeros(shape, dtype=bool), margin=np.zeros(shape), witness=np.full((*shape, 2, 2), np.nan),
        level=np.zeros(shape, dtype="U9"), quality=np.zeros(shape, dtype="U6"),
        decision=np.zeros(shape, dtype=np.int64), decisions=[], best=best, walls=wall_minima(rays),
    )  # fmt: skip
    for n, (a, b) in enumerate(progress(cells, "cells")):
        pattern = samples.patterns[[a, b]].T
        minimum = cell_minimum(inputs, samples.y, pattern)
        made.loss[[a, b], [b, a]] = minimum.loss
        made.unique[[a, b], [b, a]] = minimum.unique
        made.R[a, b], made.R[b, a] = minimum.R, minimum.R[::-1]
        for s, signs in enumerate(SIGNS):
            decision = decide(inputs, samples.y, pattern, np.array(signs))
            level = verification_level(inputs, samples.y, pattern, decision)
            quality = ""
            if decision.verdict == "genuine":
                quality = "global" if losses[n][s] == best.loss else "bad"
            _enter(made, (a, b, s), decision, level, quality)
            if a != b:
                _enter(made, (b, a, SIGNS.index(signs[::-1])), decision, level, quality, mirrored=True)
            made.decisions.append(decision)
    return made


def _enter(
    made: Landscape, at: tuple, decision: Decision, level: str, quality: str, mirrored: bool = False
) -> None:
    made.genuine[at] = decision.verdict == "genuine"
    made.margin[at] = decision.margin
    made.level[at], made.quality[at] = level, quality
    made.decision[at] = len(made.decisions)
    if decision.R is not None:
        made.witness[at] = decision.R[::-1] if mirrored else decision.R


def _closed_minima(rays: Rays, cells: NDArray[np.int64]) -> tuple[list[list[Fraction]], Best]:
    """The exact minimum of every closed cell under every sign vector, and the smallest of all."""
    losses: list[list[Fraction]] = [[] for _ in cells]
    found: list[Best] = []
    for signs in SIGNS:
        for n, proposed in enumerate(rays.propose(cells, signs)):
            cell = (int(cells[n, 0]), int(cells[n, 1]))
            face = rays.closed_minimum(cell, signs, proposed)
            losses[n].append(face.loss)
            if not found or face.loss < found[-1].loss:
                found.append(Best(cell, signs, face))
    return losses, found[-1]
