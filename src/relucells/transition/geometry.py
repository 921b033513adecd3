"""Up to how many samples do cells hold a genuine minimum? Properties of the data that decide it.

For a given pattern, genuineness depends on X only through its column space (derived). Put X M in the place of
X, M invertible. Then A becomes A (I_K ⊗ M), which fits the same values, and every minimiser R becomes R M⁻ᵀ
with the same R_j·x_i. Rank A, the cell's loss and the margin depend on X in the same way. So the geometry of
the data enters only through the patterns of random weights, and through how y lies to them.

A cell with A of full row rank has a minimum with f = y. For it to be genuine every active sample must be
*covered*: it activates a neuron whose sign is that of y_i. If the samples are linearly independent this is
enough (``search.independent_samples``). If not, the cones of the neurons must hold a solution of N
equations. Each cone is cut out by N half-spaces of R^r, r = rank X.

For cones in general position the conic kinematic formula (Amelunxen, Lotz, McCoy and Tropp, *Living on the
edge*, arXiv 1303.6672) would place the transition where their statistical dimensions Σ_j δ(C_j) equal N − ½.
The R with A R = t y, t ≥ 0 are half of a subspace and have the dimension K r − N + ½. It meets the cones once
the dimensions add up to more than K r (derived; for half-lines this is Wendel's theorem, which is exact).
These cones are not in general position: their facets are the rows of A.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from relucells.samples.decomposition import svd
from relucells.samples.inputs import Inputs


def covered(y: NDArray[np.float64], pattern: NDArray[np.bool_], signs: NDArray[np.int_]) -> bool:
    """Whether every sample that activates a neuron activates one with signs_j = sign y_i.

    Necessary for a genuine minimum with f = y on the active samples, sufficient where rank X = N.
    """
    right = (pattern & (signs[None, :] * y[:, None] > 0)).any(axis=1)
    return bool((right | ~pattern.any(axis=1)).all())


def cone_dimension(inputs: Inputs, column: NDArray[np.bool_], rng: np.random.Generator) -> float:
    """One draw of ‖Π_C(g)‖², whose mean is the statistical dimension δ(C) of the cone of one neuron.

    C = {w : w·x_i ≥ 0 where ``column`` (N,) holds, ≤ 0 elsewhere} within the span of the samples; Π_C is
    the projection on it and g ~ N(0, I). By Moreau's decomposition ‖Π_C(g)‖ is the distance of g from
    the polar cone, which is spanned by the samples themselves: a non-negative least-squares problem.
    """
    from scipy.optimize import nnls

    outward = inputs.coordinates * np.where(column, -1.0, 1.0)[:, None]
    return float(nnls(outward.T, rng.standard_normal(inputs.rank))[1] ** 2)


@dataclass(frozen=True)
class Geometry:
    """Numbers that describe samples and the patterns that random weights have on them.

    rank : rank X; participation : (Σλ)²/Σλ² over the eigenvalues of XᵀX, an effective rank
    cosine : mean |cosine| between two samples; agreement : probability that a neuron treats two
    samples alike; same_class, other_class : the same for two samples with equal and unequal y
    linear_fit : share of ‖y‖² that a linear function of the augmented samples fits
    dead, single : share of samples that activate no neuron, and just one
    distinct : share of different sets of active neurons among the samples
    """

    rank: float
    participation: float
    cosine: float
    agreement: float
    same_class: float
    other_class: float
    linear_fit: float
    dead: float
    single: float
    distinct: float


def geometry(inputs: Inputs, y: NDArray[np.float64], pattern: NDArray[np.bool_]) -> Geometry:
    """``Geometry`` of samples (N, D), N ≥ 4, y (N,) of ±1 with two of each, and a pattern (N, K)."""
    N = len(y)
    eigenvalues = svd(inputs.X, compute_uv=False) ** 2
    unit = inputs.X / np.linalg.norm(inputs.X, axis=1)[:, None]
    side = np.where(pattern, 1.0, -1.0)
    alike = (1 + side @ side.T / pattern.shape[1]) / 2
    pair = ~np.eye(N, dtype=bool)
    same = np.equal.outer(y > 0, y > 0)
    span = np.linalg.qr(inputs.coordinates)[0]
    active = pattern.sum(axis=1)
    return Geometry(
        rank=float(inputs.rank),
        participation=float(eigenvalues.sum() ** 2 / (eigenvalues**2).sum()),
        cosine=float(np.abs(unit @ unit.T)[pair].mean()),
        agreement=float(alike[pair].mean()),
        same_class=float(alike[pair & same].mean()),
        other_class=float(alike[~same].mean()),
        linear_fit=float(((span.T @ y) ** 2).sum() / (y**2).sum()),
        dead=float((active == 0).mean()),
        single=float((active == 1).mean()),
        distinct=len(np.unique(pattern, axis=0)) / N,
    )
