"""Rank of a ReLU network's Jacobian over activation regions (Karhadkar, Murray, Tseran and Montúfar,
arXiv 2305.19510).

Take the network F(x) = Σ_j v_j [w_j·x + b_j]_+ with v fixed. At n inputs its Jacobian with respect to W and b
has the blocks v_j I_ij (x_i, 1). This is the matrix A of ``relucells.cells.pattern`` for the augmented
inputs, with its columns scaled by v_j ≠ 0. So it has the rank of A. Where the rank is n, every differentiable
critical point of the squared loss in the region has loss 0.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from relucells.cells import pattern as cells
from relucells.samples.decomposition import svd
from relucells.samples.inputs import Inputs, activations, prepare, real_array


def draw_region(
    rng: np.random.Generator, d0: int, n: int, d1: int
) -> tuple[NDArray[np.float64], NDArray[np.bool_], NDArray[np.float64]]:
    """Inputs, the region in which an initialisation falls, and output weights, as the work draws them.

    x ~ U[0, 1]^d0, W and b ~ U(±1/√d0), v ~ N(0, 1). Returns the augmented inputs (n, d0 + 1),
    constant last, the activation pattern (n, d1) and v (d1,).
    """
    X = np.hstack([rng.random((n, d0)), np.ones((n, 1))])
    W = rng.uniform(-1, 1, (d1, d0 + 1)) / np.sqrt(d0)
    return X, cells.activation_pattern(X, W), rng.standard_normal(d1)


def draw_step_patterns(rng: np.random.Generator, n: int, d1: int) -> NDArray[np.bool_]:
    """A region drawn uniformly from the non-empty ones of n sorted distinct inputs in R: (n, d1) bool.

    Neurons are independent, and each has one of 2n columns: active on the last m inputs, m = 0 … n,
    or on the first m, m = 1 … n − 1.
    """
    choice = rng.integers(2 * n, size=d1)
    position = np.arange(n)[:, None]
    return np.where(choice <= n, position >= n - choice, position < choice - n)


def full_row_rank(X: ArrayLike | Inputs, pattern: ArrayLike, v: ArrayLike, dtype: str = "float64") -> bool:
    """Whether the Jacobian has rank n, by numpy's default tolerance in the given precision.

    X : (n, D) augmented inputs; pattern : (n, d1); v : (d1,) output weights, none of them 0;
    dtype : ``"float64"``, where the rank is that of A, ``relucells.cells.pattern.rank``, or ``"float32"``,
    where the Jacobian with its scales v_j is rounded to single precision and decomposed there.
    Scaling columns does not change the rank. But it moves singular values across float32's tolerance, so
    v matters there only.
    """
    inputs = prepare(X)
    pattern = activations(pattern, len(inputs.X))
    v = real_array("v", v, dimensions=1)
    if len(v) != pattern.shape[1] or not v.all():
        raise ValueError(f"v: must hold {pattern.shape[1]} nonzero numbers, one per neuron")
    if dtype not in ("float64", "float32"):
        raise ValueError(f"dtype: must be 'float64' or 'float32', not {dtype!r}")
    if not pattern.any(axis=1).all():
        return False  # a sample that activates no neuron is a row of zeros
    if dtype == "float64":
        return cells.rank(inputs, pattern) == len(pattern)
    compact = cells.compact(inputs, pattern)
    alive = compact.group >= 0
    scale = np.sqrt(np.bincount(compact.group[alive], v[alive] ** 2) / compact.multiplicity)
    jacobian = (compact.matrix * np.repeat(scale, inputs.rank)).astype(np.float32)
    if jacobian.shape[0] > jacobian.shape[1]:
        return False
    singular = svd(jacobian, compute_uv=False)
    longest_side = max(len(pattern), pattern.shape[1] * inputs.X.shape[1])
    return bool(singular[-1] > singular[0] * longest_side * np.finfo(np.float32).eps)
