"""The paper's check: gradient descent that stops when it leaves its cell (Liu, Part 2, eqs. 23, 24).

    ∂L/∂z_j = ∂L/∂R_j · w_j      ∂L/∂w_j = z_j ∂L/∂R_j            (23)
    ∂L/∂R_j = (2/N) Σ_i (f(x_i) − y_i) I_ij x_i                    (24)
    ∂L/∂c = (2/N) Σ_i (f(x_i) − y_i) F_i                           (of a free linear part F c, derived)

Inside a cell every gradient lies in the span of the samples. So with fewer samples than coordinates the
pre-activations and the Gram matrix G = X Xᵀ are enough (``descent_gram``), whatever the input dimension.
With more samples a run goes by its weights (``descent_weights``). Both are the same iteration.

Derived: a step moves w_j by η|z_j|‖∂L/∂R_j‖, hence w_j·x_i by at most ‖x_i‖ times that. As long as the path
of w_j is shorter than its least distance to a hyperplane, no sign can have changed, and none is looked at.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from relucells.descent_end import Descent
from relucells.descent_weights import descend_by_weights
from relucells.samples.free_part import coefficients, free_array
from relucells.samples.inputs import Inputs, at_least, network, prepare, real_array
from relucells.samples.threads import one_thread


def gradient(
    X: ArrayLike | Inputs, y: ArrayLike, W: ArrayLike, z: ArrayLike
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(∂L/∂W (K, D), ∂L/∂z (K,)) of L = (1/N) Σ_i (f(x_i) − y_i)², eqs. (23), (24).

    With a free part at c, y − F c takes the place of y.
    """
    inputs = prepare(X)
    y, W, z = network(inputs, y, W, z)
    pre = inputs.X @ W.T
    active = pre > 0
    output = np.where(active, pre, 0.0) @ z
    errors = (2 / len(y)) * (output - y)[:, None] * active
    return z[:, None] * (errors.T @ inputs.X), (errors * pre).sum(axis=0)


@one_thread
def descend(
    X: ArrayLike | Inputs,
    y: ArrayLike,
    W: ArrayLike,
    z: ArrayLike,
    step: float = 1e-6,
    gradient_tolerance: float = 1e-3,
    max_steps: int = 100_000,
    *,
    free: ArrayLike | None = None,
    c: ArrayLike | None = None,
) -> Descent:
    """Gradient descent from (W, z) with a fixed step until it crosses a cell boundary or comes to rest.

    X : (N, D) or ``relucells.prepare(X)``; y : (N,); W : (K, D); z : (K,); step > 0.
    Before each step the joint gradient norm over z and all w_j is compared with gradient_tolerance:
    below it the run is *trapped*. After each step the signs of all w_j·x_i are compared with the
    start: where a product is ≤ 0 the run has *crossed*. After max_steps it is *undecided*.
    free, c : F (N, m) of a network with a free part F c, and the c where it starts (zeros by default).
    Raises ValueError, naming the argument, for arrays that do not fit or settings out of range.
    """
    inputs = prepare(X)
    y, W, z = network(inputs, y, W, z)
    settings = step, gradient_tolerance, max_steps
    start = None if c is None else coefficients("c", c, free_array(free, len(y)))[None]
    (run,) = descend_all(inputs, y, W[None], z[None], *settings, free=free, c=start)
    return run


@one_thread
def descend_all(
    X: ArrayLike | Inputs,
    y: ArrayLike,
    W: ArrayLike,
    z: ArrayLike,
    step: float = 1e-6,
    gradient_tolerance: float = 1e-3,
    max_steps: int = 100_000,
    *,
    free: ArrayLike | None = None,
    c: ArrayLike | None = None,
) -> list[Descent]:
    """``descend`` from each of T points, W (T, K, D), z (T, K) and c (T, m), on the same samples."""
    inputs = prepare(X)
    W, z = real_array("W", W, dimensions=3), real_array("z", z, dimensions=2)
    if len(z) != len(W):
        raise ValueError(f"z: must have one row per run, {len(W)}, not {len(z)}")
    y, _, _ = network(inputs, y, W[0], z[0])
    at_least("step", step, 0, "a positive number")
    if not 0 < step < np.inf:
        raise ValueError(f"step: must be positive and finite, not {step}")
    at_least("gradient_tolerance", gradient_tolerance, 0, "a number")
    at_least("max_steps", max_steps, 0, "a number of steps", whole=True)
    N, D = inputs.X.shape
    F = free_array(free, N)
    starts = np.zeros((len(W), F.shape[1])) if c is None else real_array("c", c, dimensions=2)
    if starts.shape != (len(W), F.shape[1]):
        raise ValueError(f"c: must have shape {(len(W), F.shape[1])}, not {starts.shape}")
    # One by one: products of several runs round differently with their number, and a result must not depend
    # on how trials are cut into blocks.
    if N < D and free is None:
        from relucells.descent_gram import descend_by_gram  # numba takes a while to load

        return [
            descend_by_gram(inputs, y, W[t], z[t], step, gradient_tolerance, max_steps) for t in range(len(W))
        ]
    parts = [() if free is None else (F, start) for start in starts]
    return [
        descend_by_weights(inputs, y, W[t], z[t], step, gradient_tolerance, max_steps, *parts[t])
        for t in range(len(W))
    ]
