"""Bad and global: what is proven about the loss of a genuine minimum beside that of other networks."""

from dataclasses import dataclass

import numpy as np
from flint import fmpq
from numpy.typing import ArrayLike, NDArray

from relucells.certify import coercion, dyadic
from relucells.certify.cell import Cell
from relucells.certify.certificates import Decision
from relucells.certify.critical import CertifiedPoint, point_loss
from relucells.certify.dyadic import power
from relucells.certify.enclosures import ProvenMinimum
from relucells.certify.free_part import fits_apart
from relucells.certify.verify import cell_of, loss_root, verification_level
from relucells.samples.free_part import free_array
from relucells.samples.inputs import Inputs, prepare, targets
from relucells.samples.records import Record

# Entries of X times neurons up to which a network's loss is computed exactly.
NETWORK = 20_000_000
MINIMA = ("differentiable minimum", "non-differentiable minimum")


@dataclass(frozen=True, eq=False)
class Quality(Record):
    """kind : "bad" or "global"; W (K', D), z (K',) : of a bad one, a network of K' ≤ K neurons with a lower
    loss, else None; c (m,) : its coefficients of the free part, if the networks have one (None: zeros)."""

    kind: str
    W: NDArray[np.float64] | None = None
    z: NDArray[np.float64] | None = None
    c: NDArray[np.float64] | None = None

    def network(self, D: int, m: int) -> "tuple[NDArray, NDArray, NDArray]":
        """W, z and c of the network that it names. Raises ``coercion.Malformed``."""
        W = coercion.reals(self.W, None, D)
        c = np.zeros(m) if self.c is None else coercion.reals(self.c, m)
        return W, coercion.reals(self.z, len(W)), c


def quality_level(
    X: ArrayLike | Inputs,
    y: ArrayLike,
    pattern: ArrayLike,
    decision: Decision,
    quality: Quality,
    *,
    free: ArrayLike | None = None,
) -> str:
    """The level at which the genuine minimum of a decision is shown to be bad or global (``LEVELS``).

    The decision is checked too: its level is the highest that its quality can have. free : F, (N, m), of
    networks with a free part; the better network has it too.
    """
    cell = cell_of(X, y, pattern, free)
    level = verification_level(X, y, pattern, decision, free=free)
    if level == "rejected" or decision.verdict != "genuine":
        return "rejected"
    try:
        kind = coercion.parts(quality, Quality)["kind"]
        shown = type(kind) is str and kind != "open" and shown_quality(cell, quality) == kind
    except coercion.UNSHOWN:
        return "rejected"
    return level if shown else "rejected"


def point_quality_level(
    X: ArrayLike | Inputs,
    y: ArrayLike,
    point: CertifiedPoint,
    quality: Quality,
    *,
    free: ArrayLike | None = None,
) -> str:
    """ "proven" if the exact minimum that a certificate shows is bad or global, as stated, else "rejected".

    Theorem: its loss is known exactly; at 0 it is global, above that of the network named it is bad.
    """
    loss = point_loss(X, y, point, free=free)
    if loss is None or point.kind not in MINIMA:
        return "rejected"
    X = prepare(X).X
    y, F = targets(y, len(X)), free_array(free, len(X))
    try:
        return "proven" if _is_quality_of(loss, len(point.W), X, y, F, quality) else "rejected"
    except coercion.UNSHOWN:
        return "rejected"


def _is_quality_of(loss: fmpq, K: int, X: NDArray, y: NDArray, F: NDArray, quality: Quality) -> bool:
    """Whether a minimum of K neurons with this loss is bad or global, as stated. May raise Malformed."""
    kind = coercion.parts(quality, Quality)["kind"]
    if type(kind) is not str or kind not in ("bad", "global"):
        return False
    if kind == "global":
        return loss == 0
    W, z, c = quality.network(X.shape[1], F.shape[1])
    if len(W) > K or X.size * max(len(W), 1) > NETWORK:
        return False
    return _loss_of(X, y, W, z, F, c) < loss


def shown_quality(cell: Cell, quality: Quality) -> str:
    """ "global" or "bad" if that is proven of the cell's minimum, provided that it is genuine, else "open".

    quality : names the network, if any, that a bad one is compared with; both kinds are tried.
    """
    if exact_loss_is_zero(cell):
        return "global" if quality.kind == "global" or quality.W is not None else "open"
    return "bad" if quality.W is not None and _is_bad(cell, quality) else "open"


def exact_loss_is_zero(cell: Cell) -> bool:
    """Whether it is proven that the cell's minimum has loss 0: that the range of A and F holds y."""
    if cell.y[~cell.alive].any():
        return False
    if cell.everything:
        return True
    if not cell.pattern.any() or cell.samples.independent:
        return fits_apart(cell)
    enclosed = cell.enclosure
    if isinstance(enclosed, ProvenMinimum) and enclosed.system.proven:
        if enclosed.saturated[cell.alive].all():
            return True
    return cell.affordable and cell.exact.loss == 0


def _is_bad(cell: Cell, quality: Quality) -> bool:
    """Whether the network's exact loss is below a lower bound on the minimum's."""
    try:
        W, z, c = quality.network(cell.D, 0 if cell.free is None else cell.free.X.shape[1])
    except coercion.Malformed:
        return False
    if len(W) > cell.K or cell.X.size * max(len(W), 1) > NETWORK:
        return False
    key: tuple[bytes, ...] = (cell.y.tobytes(), W.tobytes(), z.tobytes())
    if cell.free is not None:
        key += (cell.free.X.tobytes(), c.tobytes())
    network = cell.samples.losses.get(key)
    if network is None:
        network = cell.samples.losses[key] = network_loss(cell, W, z, c)
    lower = max(0.0, loss_root(cell)[0])
    if network < dyadic.fraction(lower) ** 2 * power(2 * cell.exponent):
        return True
    return cell.affordable and network < cell.exact.loss * power(2 * cell.exact.unit)


def network_loss(
    cell: Cell, W: NDArray[np.float64], z: NDArray[np.float64], c: NDArray[np.float64] | None = None
) -> fmpq:
    """(1/N) Σ_i (Σ_j z_j [w_j·x_i]_+ + F_i·c − y_i)², exactly (eq. 1)."""
    return _loss_of(cell.X, cell.y, W, z, None if cell.free is None else cell.free.X, c)


def _loss_of(X: NDArray, y: NDArray, W: NDArray, z: NDArray, F: NDArray | None, c: NDArray | None) -> fmpq:
    N = len(X)
    if not len(W):
        outputs = [fmpq(0)] * N
    else:
        values, unit = dyadic.values(X, W)
        weights, below = dyadic.whole(z[:, None])
        scale = power(unit + below)
        outputs = [
            fmpq(sum((w[0] * values[i, j] for j, w in enumerate(weights) if values[i, j] > 0), 0)) * scale
            for i in range(N)
        ]
    if F is not None and c is not None and c.any():
        added, unit = dyadic.values(F, c[None])
        outputs = [out + fmpq(added[i, 0]) * power(unit) for i, out in enumerate(outputs)]
    errors = [out - dyadic.fraction(label) for out, label in zip(outputs, y.tolist(), strict=True)]
    return sum((e * e for e in errors), fmpq(0)) / N
