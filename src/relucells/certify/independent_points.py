"""Critical points on linearly independent samples, where no equation is left to solve.

If rank X = N, the values u_ij = w_j·x_i of a neuron may be chosen one by one. The exact point near a stored
(W, z) has the same z and

    u'_ij = 0 on the boundary;   u'_ij = u_ij − z_j e_i / Σ z_k² for a loud neuron j (z_j ≠ 0) active on i,
                                 the sum over the loud neurons k active on i, e_i = f(x_i) − y_i;
    u'_ij = u_ij otherwise.

So a sample with a loud neuron active on it is fitted exactly, e'_i = 0, and e'_i = −y_i on the others. Hence
g_j = Σ e'_i x_i, over the samples active in a loud j, is 0, and all multipliers t are 0. Independent samples
lie on hyperplanes of their own, so the condition on the boundary is s_j e'_i ≥ 0. The rest is as in
``critical``: a local minimum, differentiable if all e'_i on the boundary are 0. A silent neuron has g_j = 0
if y_i = 0 on all samples without a loud neuron that it is active on; else it is moved to g_j·w'_j =
Σ e'_i u'_ij = 0 along e', and the point is a saddle.

A free part F c joins f: c' then fits the samples without an active loud neuron as well as it can, so that
Σ e'_i F_i = 0, and y_i − F_i·c' takes the place of y_i.

The distance: X δ_j = u'_j − u_j has an exact solution near an approximate one (``samples.floating``).
"""

from functools import cached_property

import numpy as np
from flint import fmpq
from numpy.typing import NDArray

from relucells.certify import dyadic
from relucells.certify.free_part import nearest_coefficients
from relucells.samples.floating import RowSystem, gamma, norm, row_system

# Samples, and entries of X times neurons, up to which a point is looked at.
SAMPLES, ENTRIES = 3_000, 20_000_000


def affordable(N: int, D: int, K: int) -> bool:
    """Whether the samples may be independent, and are not too many."""
    return N <= min(D, SAMPLES) and N * D * K <= ENTRIES


class IndependentPoint:
    """u' (N, K) of the exact point near (W, z, c), as rationals, and its errors."""

    def __init__(self, X, y, W, z, boundary: list[tuple[int, int]], F: NDArray, c: NDArray):
        self.X, self.W = X, W
        self.N, self.K = len(X), len(z)
        self.z = [dyadic.fraction(a) for a in z.tolist()]
        self.sign = [int(s) for s in np.sign(z)]
        self.boundary, self.on = boundary, set(boundary)
        table, unit = dyadic.values(X, W)
        scale = dyadic.power(unit)
        self.u = [[fmpq(table[i, j]) * scale for j in range(self.K)] for i in range(self.N)]
        self.active = [
            [self.u[i][j] > 0 and (i, j) not in self.on for j in range(self.K)] for i in range(self.N)
        ]
        self.e, self.change = [], [[fmpq(0)] * self.K for _ in range(self.N)]
        for i, label in enumerate(self._labels([dyadic.fraction(a) for a in y.tolist()], F, c)):
            self.e.append(self._fit(i, label))
        for i, j in boundary:
            self.change[i][j] = -self.u[i][j]
        self.pulled = [j for j in range(self.K) if not self.z[j] and self._silence(j)]

    def _labels(self, y: list[fmpq], F: NDArray, c: NDArray) -> list[fmpq]:
        """y − F c' of the c' nearest to c that fits the samples without a loud neuron best."""
        self.moved_c = fmpq(0)
        if not F.any():
            return y
        apart = [
            i
            for i in range(self.N)
            if not any(z and on for z, on in zip(self.z, self.active[i], strict=True))
        ]
        start = [dyadic.fraction(a) for a in c.tolist()]
        new = nearest_coefficients(F, [y[i] for i in apart], apart, start) if apart else start
        self.moved_c = sum(((a - b) * (a - b) for a, b in zip(new, start, strict=True)), fmpq(0))
        rows = [[dyadic.fraction(a) for a in row] for row in F.tolist()]
        return [
            label - sum((a * b for a, b in zip(row, new, strict=True)), fmpq(0))
            for label, row in zip(y, rows, strict=True)
        ]

    def _fit(self, i: int, label: fmpq) -> fmpq:
        """Changes the values of the loud neurons active on sample i; e'_i."""
        loud = [j for j in range(self.K) if self.z[j] and self.active[i][j]]
        if not loud:
            return -label
        e = sum((self.z[j] * self.u[i][j] for j in loud), -label)
        size = sum((self.z[j] * self.z[j] for j in loud), fmpq(0))
        for j in loud:
            self.change[i][j] = -self.z[j] * e / size
        return fmpq(0)

    def _silence(self, j: int) -> bool:
        """Whether a silent neuron is pulled; moved to where its gradient vanishes."""
        rows = [i for i in range(self.N) if self.active[i][j] and self.e[i]]
        square = sum((self.e[i] * self.e[i] for i in rows), fmpq(0))
        if square:
            along = sum((self.e[i] * self.u[i][j] for i in rows), fmpq(0)) / square
            for i in rows:
                self.change[i][j] = -along * self.e[i]
        return bool(square)

    def holds(self, kind: str) -> bool:
        """Whether all conditions of the kind hold exactly, apart from the samples' independence."""
        for i in range(self.N):
            for j in range(self.K):
                value = self.u[i][j] + self.change[i][j]
                right = value == 0 if (i, j) in self.on else value > 0 if self.active[i][j] else value < 0
                if not right:
                    return False
        slopes = [self.sign[j] * self.e[i] for i, j in self.boundary]
        if any(slope < 0 for slope in slopes):
            return False
        if self.pulled or kind == "saddle":
            return bool(self.pulled) and kind == "saddle"
        return any(slopes) == (kind == "non-differentiable minimum")

    @cached_property
    def system(self) -> RowSystem:
        """The samples with the proof, where there is one, that they are linearly independent."""
        return row_system(self.X)

    @cached_property
    def moved(self) -> fmpq:
        """An upper bound on |W' − W|² + |c' − c|² for some exact W'. Raises ArithmeticError where none is
        known."""
        wanted = [[float(int(a.p) / int(a.q)) for a in row] for row in self.change]
        steps = self.system.solve(np.array(wanted))
        if not np.isfinite(steps).all():
            raise ArithmeticError("the change overflows")
        total = 0.0
        for j in range(self.K):
            step = steps[:, j]
            reached, unit = dyadic.values(self.X, step[None])
            scale = dyadic.power(unit)
            missing = [self.change[i][j] - fmpq(reached[i, 0]) * scale for i in range(self.N)]
            rounded = np.array([float(int(a.p) / int(a.q)) for a in missing])
            further = self.system.distance(rounded, np.abs(rounded) * gamma(1) + 2.0**-1022)
            total += (norm(step) + further) ** 2 * (1.0 + gamma(4))
        if not np.isfinite(total):
            raise ArithmeticError("the samples are not proven independent")
        return dyadic.fraction(total * (1.0 + gamma(self.K))) + self.moved_c

    @property
    def loss(self) -> fmpq:
        """(1/N) Σ e'_i²."""
        return sum((a * a for a in self.e), fmpq(0)) / self.N
