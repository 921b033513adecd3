"""How far two networks are apart.

Scaling w_j by a > 0 and z_j by 1/a leaves the network as it is. Take all networks with certain
v_j = |z_j| w_j and signs, and look for the one nearest to a given network (w, z). For each neuron its
s = |z_j| minimises |v_j/s − w_j|² + (s − ζ_j)², where ζ_j is the given z_j times the new sign. So s is a root
of s⁴ − ζ s³ + (v·w) s − |v|² = 0.
"""

import numpy as np
from numpy.typing import NDArray

from relucells.critical_points.coordinates import directions, orthonormal
from relucells.examination.problem import Net, Problem
from relucells.samples.floating import gamma


def distance(a: Net, b: Net) -> float:
    """‖(W, z, c) − (W', z', c')‖, rounded up."""
    parts = np.concatenate([(a.W - b.W).ravel(), a.z - b.z, a.c - b.c])
    return float(np.linalg.norm(parts)) * (1.0 + gamma(parts.size))


def in_span(problem: Problem, change: NDArray) -> NDArray[np.float64]:
    """The part of weights (K, D) that lies in the span of the samples."""
    basis = problem.inputs.basis
    return change if len(basis) == basis.shape[1] else (change @ basis) @ basis.T


def nearest_representative(problem: Problem, net: Net, end: Net) -> Net:
    """The network that is the same function as ``end``, neuron by neuron, and nearest to ``net``.

    A neuron that is silent in ``end`` (z_j = 0) keeps its direction there, at the length nearest to w_j.
    """
    C, T = orthonormal(problem.inputs)
    V = directions(problem.inputs, C, end.W) * np.abs(end.z)[:, None]
    weights = in_span(problem, V @ T.T)
    seen = in_span(problem, net.W)
    W, z = net.W.copy(), end.z.copy()
    for j, v in enumerate(weights):
        sign = np.sign(end.z[j])
        if not sign:
            length = float(np.linalg.norm(end.W[j]))
            along = float(net.W[j] @ end.W[j]) / length**2 if length else 0.0
            W[j] = end.W[j] * (along if along > 0 else np.linalg.norm(net.W[j]) / (length or 1.0) or 1.0)
        elif v.any():
            s = _scale(v, seen[j], sign * net.z[j])
            W[j] = net.W[j] - seen[j] + v / s
            z[j] = sign * s
        else:
            W[j], z[j] = net.W[j] - seen[j], net.z[j] if sign * net.z[j] > 0 else end.z[j]
    return Net(W, z, end.c)


def _scale(v: NDArray, w: NDArray, zeta: float) -> float:
    """The s > 0 of the module's head."""
    unit = max(float(np.linalg.norm(w)), abs(zeta), float(np.sqrt(np.linalg.norm(v))))
    v, w, zeta = v / unit**2, w / unit, zeta / unit
    roots = np.roots([1.0, -zeta, 0.0, float(v @ w), -float(v @ v)])
    real = roots.real[(np.abs(roots.imag) <= 1e-6 * np.abs(roots)) & (roots.real > 0)]
    if not len(real):
        return float(np.sqrt(np.linalg.norm(v))) * unit
    costs = [float(((v / s - w) ** 2).sum() + (s - zeta) ** 2) for s in real]
    return float(real[int(np.argmin(costs))]) * unit
