"""The free linear part F c of a network, exactly, and leaves that rest on its samples alone.

F's columns enter the minimum's system as further columns, [A F], without half-spaces. So every λ with Aᵀλ = …
must also have Fᵀλ = 0. Only the range of F matters.

**Samples.** Let λ be a vector with Fᵀλ = 0 that vanishes on all samples that activate a neuron, but for some
of which all m_i active neurons have the sign s_i of λ_i. Summed over the samples,

    λ·p = λ·(A R + F c) = Σ_i λ_i Σ_j I_ij R_j·x_i = Σ_i |λ_i| Σ_j I_ij s_i R_j·x_i ≥ t Σ_i |λ_i| m_i,

so the margin is at most λ·p / Σ |λ_i| m_i, and λ·p ≤ 0 is what is shown. Strict: λ_i ≠ 0 for an i with
m_i ≥ 1. A single sample refutes only where F_i = 0 (that is ``sample``). With a bias, a pair of samples i, k
may refute, with λ = e_i − e_k: all neurons of i are +, all of k are −, and p_i ≤ p_k. λ is stored rounded.
The check shows that an exact one near it exists.
"""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from flint import fmpq, fmpz, fmpz_mat
from numpy.typing import NDArray

from relucells.certify import coercion, dyadic
from relucells.certify.cell import Cell
from relucells.certify.dyadic import power
from relucells.certify.systems import nearest, solve
from relucells.samples.floating import TINY, UNIT

KIND = "samples"
# Up to so many columns of F such a leaf is checked. As a rule it has at most one sample more.
COLUMNS = 400
# Powers of two by which the weights of samples may differ at most.
LONGEST = 2000


class FreeColumns:
    """F's spanning columns as integers of like size; ``matrix`` : (N, m), ``rows`` : the same as lists."""

    def __init__(self, F: NDArray[np.float64]):
        rows, _ = dyadic.integers(F)
        sizes = [max(abs(row[d]) for row in rows).bit_length() for d in range(F.shape[1])]
        lift = [max(sizes, default=0) - size for size in sizes]
        self.rows = [[a << s for a, s in zip(row, lift, strict=True)] for row in rows]
        self.matrix = dyadic.matrix(self.rows, F.shape[1])

    def fit(self, values: list, first: list[int], weights: list[int] | None = None) -> tuple[list, fmpz]:
        """F c, (N,), and its denominator, of the c that fits integers (N,) best: those of the samples
        ``first`` before all others (least squares), what each misses times two to the power of its weight."""
        F, r = self.matrix, dyadic.matrix([[v] for v in values], 1)
        m = F.ncols()
        E, h, below = fmpz_mat(0, m), fmpz_mat(0, 1), None
        if first:
            below = dyadic.rows_of(F, first)
            chosen = dyadic.pivots(below)
            through = dyadic.matrix(
                [[row[c] for c in chosen] for row in below.tolist()], len(chosen)
            ).transpose()
            E, h = through * below, through * dyadic.rows_of(r, first)
        G, s = F, r
        if weights is not None:
            rows = [[a << w for a in row] for row, w in zip(self.rows, weights, strict=True)]
            G = dyadic.matrix(rows, m)
            s = dyadic.matrix([[v << w] for v, w in zip(values, weights, strict=True)], 1)
        gram, right = G.transpose() * G, G.transpose() * s
        e = E.nrows()
        system: list[list] = [
            [*gram_row, *(E[n, k] for n in range(e))] for k, gram_row in enumerate(gram.tolist())
        ]
        system += [[*row, *([0] * e)] for row in E.tolist()]
        together = dyadic.matrix([*right.tolist(), *h.tolist()], 1)
        found, denominator = _solve(dyadic.matrix(system, m + e), together)
        c = dyadic.rows_of(found, list(range(m)))
        if below is not None:
            rest = below * c - dyadic.rows_of(r, first) * denominator
            if below.transpose() * rest != fmpz_mat(m, 1):
                raise ArithmeticError("rank modulo a prime falls short of the rank")
        return [row[0] for row in (F * c).tolist()], denominator


def nearest_coefficients(
    F: NDArray[np.float64], values: list[fmpq], rows: list[int], start: list[fmpq]
) -> list[fmpq]:
    """The c nearest to ``start`` that fits values on these rows of F, (N, m), best.

    Raises ArithmeticError where a rank modulo a prime falls short of the rank.
    """
    table, unit = dyadic.whole(F)
    part = dyadic.matrix([table[i] for i in rows], F.shape[1])
    known = [sum((b * a for a, b in zip(table[i], start, strict=True)), fmpq(0)) for i in rows]
    missing, below = _common([v * power(-unit) - k for v, k in zip(values, known, strict=True)])
    found = nearest(part.transpose() * part, part.transpose() * dyadic.matrix([[a] for a in missing], 1))
    if found is None:
        raise ArithmeticError("rank modulo a prime falls short of the rank")
    z, denominator = found
    return [a + fmpq(z[k, 0], denominator * below) for k, a in enumerate(start)]


def _common(values: list[fmpq]) -> tuple[list[int], int]:
    """Rationals as integers over their common denominator."""
    denominator = math.lcm(*(int(v.q) for v in values))
    return [int(v.p) * (denominator // int(v.q)) for v in values], denominator


def _solve(square: fmpz_mat, right: fmpz_mat) -> tuple[fmpz_mat, fmpz]:
    """The solution of a regular system, over its denominator."""
    solution: Any = square.solve(right)
    return solution.numer_denom()


def weights_of(sizes: list[int | None]) -> list[int]:
    """Weights of samples, powers of two, by which each may miss its value in proportion to its size.

    sizes : powers of two; None for samples of which nothing is asked
    """
    known = [size for size in sizes if size is not None]
    largest = max(known, default=0)
    return [0 if size is None else min(largest - size, LONGEST) for size in sizes]


def fit_floats(
    cell: Cell, values: NDArray, first: NDArray, rooms: NDArray | None = None
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """As ``FreeColumns.fit`` for floats, rounded once, and bounds on the error of each.

    rooms : by how much each sample may miss its value, (N,); 0 where nothing is asked
    """
    weights = None
    if rooms is not None:
        powers = np.frexp(rooms)[1].tolist()
        weights = weights_of([power if room else None for power, room in zip(powers, rooms, strict=True)])
    whole, unit = dyadic.whole(values[:, None])
    outputs, denominator = cell.free_columns.fit([row[0] for row in whole], first.tolist(), weights)
    scale = power(unit)
    exact = [fmpq(v, denominator) * scale for v in outputs]
    found = np.array([int(v.p) / int(v.q) for v in exact])
    return found, 4 * UNIT * np.abs(found) + 4 * TINY


def fits_apart(cell: Cell) -> bool:
    """Whether it is proven that some c fits all labels of samples that F alone reaches, exactly."""
    apart = np.flatnonzero(cell.alive & ~cell.active).tolist()
    if not apart:
        return True
    if not cell.fits_free_part:
        return False
    whole, _ = dyadic.whole(cell.y[:, None])
    try:
        outputs, denominator = cell.free_columns.fit([row[0] for row in whole], apart)
    except ArithmeticError:
        return False
    return all(outputs[i] == whole[i][0] * denominator for i in apart)


def sample_weights(
    cell: Cell, signs: NDArray[np.int8], arrays: Mapping[str, NDArray]
) -> tuple[list[int], list[fmpq], fmpq] | None:
    """Samples, exact λ near the stored ones, and Σ |λ_i| m_i > 0; None if they prove nothing.

    Raises ``coercion.Malformed`` for arrays that are no certificate of this kind.
    """
    if set(arrays) != {"samples", "weights"}:
        raise coercion.Malformed
    samples = coercion.integers(arrays["samples"], None, high=cell.N)
    weights = coercion.reals(arrays["weights"], len(samples))
    if not len(samples) or len(np.unique(samples)) < len(samples) or not weights.all():
        raise coercion.Malformed
    counts = cell.pattern[samples].sum(axis=1)
    for i, w in zip(samples, weights, strict=True):
        mine = signs[cell.pattern[i]]
        if (mine != (1 if w > 0 else -1)).any():
            return None
    if not counts.any():
        return None
    found = _exact_weights(cell, samples.tolist(), weights)
    if found is None:
        return None
    # samples without an active neuron may have any sign
    for n, a, w in zip(counts, found, weights, strict=True):
        if n and a * (1 if w > 0 else -1) < 0:
            return None
    total = sum((abs(a) * int(n) for a, n in zip(found, counts, strict=True)), fmpq(0))
    return (samples.tolist(), found, total) if total > 0 else None


def _exact_weights(cell: Cell, samples: list[int], weights: NDArray) -> list[fmpq] | None:
    """λ near the weights with Fᵀλ = 0 and the same sum of absolute values, if there is one."""
    whole, unit = dyadic.whole(weights[:, None])
    start = [row[0] for row in whole]
    rows: list[list] = []
    if cell.free is not None:
        rows = dyadic.rows_of(cell.free_columns.matrix, samples).transpose().tolist()
    rows.append([1 if w > 0 else -1 for w in start])
    total = sum(abs(w) for w in start)
    # the largest are solved for, the smallest keep their values
    order = sorted(range(len(start)), key=lambda n: -abs(start[n]))
    matrix = dyadic.matrix([[row[n] for n in order] for row in rows], len(order))
    right = dyadic.matrix([[0]] * (len(rows) - 1) + [[total]], 1)
    found = solve(matrix, right, [start[n] for n in order])
    if found is None:
        return None
    z, denominator = found
    exact = [fmpq(0)] * len(order)
    for place, n in enumerate(order):
        exact[n] = fmpq(z[place, 0], denominator) * power(unit)
    return exact
