"""Bad or global? Networks whose loss is known to be lower than that of a cell's minimum.

A genuine minimum with zero loss is global. One with positive loss is *bad* once a network with the same
number of neurons and a strictly lower loss can be named. For linearly independent samples this network
interpolates the labels; otherwise it was trained. Losses of named networks carry a proven bound on their
rounding error. ``certify.quality`` proves what follows for a minimum.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from relucells.samples.floating import TINY, gamma
from relucells.samples.free_part import coefficients, free_array
from relucells.samples.inputs import Inputs, prepare, real_array, targets, weights
from relucells.samples.records import Record


@dataclass(frozen=True, eq=False)
class Network(Record):
    """W (K, D), z (K,), c (m,) of a free part or None; its loss is at most ``loss``; how it was found."""

    W: NDArray[np.float64]
    z: NDArray[np.float64]
    loss: float
    origin: str
    c: NDArray[np.float64] | None = None


def loss_bound(
    X: ArrayLike | Inputs,
    y: ArrayLike,
    W: ArrayLike,
    z: ArrayLike,
    *,
    free: ArrayLike | None = None,
    c: ArrayLike | None = None,
) -> float:
    """An upper bound on L = (1/N) Σ_i (Σ_j z_j [w_j·x_i]_+ + F_i·c − y_i)² (eq. 1), rounding included.

    free (N, m), c (m,) : F and c of a network with a free part; without one, no F.
    """
    inputs = prepare(X)
    y, W = targets(y, len(inputs.X)), weights(W, inputs.X.shape[1])
    z = real_array("z", z, dimensions=1)
    (N, D), K = inputs.X.shape, len(W)
    F = free_array(free, N)
    c = coefficients("c", c, F)
    with np.errstate(all="ignore"):
        output = np.maximum(inputs.X @ W.T, 0.0) @ z + F @ c
        size = (np.abs(inputs.X) @ np.abs(W).T) @ np.abs(z) + np.abs(F) @ np.abs(c) + np.abs(y)
        error = np.abs(output - y) + gamma(D + K + len(c)) * size
        if W.any() or c.any():  # products that underflow, before z enlarges them and after
            error += TINY * (2 * D * float(np.abs(z).sum()) + K + len(c) + 4)
        bound = float(error @ error) / N * (1.0 + gamma(N)) + (4 * TINY if error.any() else 0.0)
    return bound if np.isfinite(bound) else np.inf


def interpolate(X: ArrayLike | Inputs, y: ArrayLike, K: int) -> Network | None:
    """A network that fits linearly independent samples, exact up to rounding; None if there is none.

    The first neuron has w·x_i = y_i where y_i > 0 and −1 elsewhere, the second the mirrored values.
    """
    inputs = prepare(X)
    y = targets(y, len(inputs.X))
    signs = [s for s in (1.0, -1.0) if (s * y > 0).any()]
    if not inputs.independent or K < len(signs):
        return None
    W, z = np.zeros((K, inputs.X.shape[1])), np.zeros(K)
    if signs:
        values = np.stack([np.where(s * y > 0, s * y, -1.0) for s in signs], axis=1)
        W[: len(signs)], z[: len(signs)] = inputs.prescribe(values), signs
    return Network(W, z, loss_bound(inputs, y, W, z), "interpolation")


def train(
    X: ArrayLike | Inputs,
    y: ArrayLike,
    W: ArrayLike,
    z: ArrayLike,
    iterations: int,
    *,
    free: ArrayLike | None = None,
    c: ArrayLike | None = None,
) -> Network:
    """The network that L-BFGS reaches from (W, z) in so many iterations, crossing cells freely.

    free (N, m), c (m,) : F, and the first c, of a network with a free part; c is trained too.
    """
    from scipy.optimize import minimize

    inputs = prepare(X)
    y, W = targets(y, len(inputs.X)), weights(W, inputs.X.shape[1])
    N, (K, D) = len(y), W.shape
    F = free_array(free, N)

    def loss_and_gradient(flat: NDArray) -> tuple[float, NDArray]:
        W, z, c = _parts(flat, K, D)
        active = np.maximum(inputs.X @ W.T, 0.0)
        error = active @ z + F @ c - y
        by_W = ((error[:, None] * (active > 0)) * z).T @ inputs.X
        return float(error @ error) / N, (2 / N) * np.concatenate(
            [by_W.ravel(), active.T @ error, F.T @ error]
        )

    start = np.concatenate([W.ravel(), real_array("z", z, dimensions=1), coefficients("c", c, F)])
    end: NDArray[np.float64] = minimize(
        loss_and_gradient,
        start,
        jac=True,
        method="L-BFGS-B",
        options={"maxiter": iterations, "maxfun": 10**9},
    ).x
    # losses beyond the largest float may lead anywhere
    W, z, c = _parts(end if np.isfinite(end).all() else start, K, D)
    loss = loss_bound(inputs, y, W, z, free=F, c=c)
    return Network(W, z, loss, "training", None if free is None else c)


def _parts(flat: NDArray, K: int, D: int) -> tuple[NDArray, NDArray, NDArray]:
    """W (K, D), z (K,) and c of all weights in a row."""
    return flat[: K * D].reshape(K, D), flat[K * D : K * D + K], flat[K * D + K :]
