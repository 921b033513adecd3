"""From a point that was classified in floating point to a certificate of its kind."""

import numpy as np
from numpy.typing import ArrayLike

from relucells.certify.critical import KINDS, CertifiedPoint, certify_point
from relucells.critical_points.classify import CriticalPoint
from relucells.critical_points.coordinates import BOUNDARY
from relucells.samples.free_part import free_part_at
from relucells.samples.inputs import Inputs, network, prepare


def certificate_of(
    X: ArrayLike | Inputs,
    y: ArrayLike,
    W: ArrayLike,
    z: ArrayLike,
    point: CriticalPoint,
    *,
    output_bias: float | None = None,
    skip: ArrayLike | None = None,
    free: ArrayLike | None = None,
    c: ArrayLike | None = None,
) -> CertifiedPoint | None:
    """A certificate that an exact critical point of that kind lies close to (W, z); None if none is found.

    X : (N, D) or ``relucells.prepare(X)``; y : (N,); W : (K, D); z : (K,); point : what
    ``critical_point`` says of them, with the same ``output_bias``, ``skip``, ``free`` and ``c``. The
    certificate's c is that of all their columns, in the order free, output_bias, skip. Raises ValueError,
    naming the argument.
    """
    inputs = prepare(X)
    y, W, z = network(inputs, y, W, z)
    if point.kind not in KINDS:
        return None
    lengths = np.linalg.norm(inputs.X, axis=1)[:, None] * np.linalg.norm(W, axis=1)
    near = (np.abs(inputs.X @ W.T) <= BOUNDARY * lengths) & (z != 0) & (lengths > 0)
    pairs = np.argwhere(near)
    # in v_j = |z_j| w_j, and of N/2 times the loss
    multipliers = point.multipliers[near] * len(y) / (2 * np.abs(z)[pairs[:, 1]])
    F, c = free_part_at(inputs, output_bias, skip, free, c)
    at = {"free": F, "c": c} if F.shape[1] else {}
    return certify_point(inputs, y, W, z, point.kind, pairs, multipliers, **at)
