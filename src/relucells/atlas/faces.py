"""Exact minima of closed cells, and the non-differentiable minima on their walls, in whole numbers.

Neuron j with sign s_j in the closed sector k contributes s_j (α φ_k + β φ_(k+1)) with α, β ≥ 0. Here
φ_k(x) = [σ_k (x − v_k)]_+ is the function of ray k (``sectors``). So a closed cell's minimum is a
least-squares problem in at most four non-negative unknowns. With the residual r = y − f and c_k = Σ_i
φ_k(x_i) r_i (derived, Karush–Kuhn–Tucker):

* Coefficients are the minimum of the closed cell iff s_j c_k = 0 on the rays with a positive coefficient and
  s_j c_k ≤ 0 on the other ones of its (at most four) rays.
* A neuron on ray k, with neighbours k − 1 and k + 1, is at a local minimum of the landscape iff this holds in
  both sectors that meet there: s c_k = 0, s c_(k−1) ≤ 0 and s c_(k+1) ≤ 0.

Floating-point numbers are whole numbers times a power of two. With the Gram matrix φ_k·φ_l and φ_k·y as whole
numbers, both conditions and the losses are decided without rounding. Floating point only proposes which
coefficients are positive. The smallest of all closed cells' minima is the smallest loss of any network with
two neurons. So every bad minimum can be told from a global one.
"""

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from itertools import product

import numpy as np
from numpy.typing import NDArray

from relucells.atlas.sectors import Samples

# Which of a cell's four coefficients are positive: every subset.
SUBSETS = np.array(list(product((False, True), repeat=4)))
SIGNS = ((1, 1), (1, -1), (-1, 1), (-1, -1))
# Floating point proposes with this tolerance, relative to |φ_k| |y|; whole numbers decide.
PROPOSED = 1e-9


@dataclass(frozen=True)
class Face:
    """Coefficients (rational, positive) on rays: the function Σ sign · coefficient · φ_ray."""

    rays: tuple[int, ...]
    neurons: tuple[int, ...]
    coefficients: tuple[Fraction, ...]
    loss: Fraction


@dataclass(frozen=True)
class Rays:
    """The functions of all rays on the samples, as whole numbers in units of 2^-x_shift and 2^-y_shift."""

    samples: Samples

    @cached_property
    def shifts(self) -> tuple[int, int]:
        return _shift(self.samples.x), _shift(self.samples.y)

    @cached_property
    def whole(self) -> tuple[list[list[int]], list[int], int]:
        """(φ_k·φ_l as (2M, 2M), φ_k·y as (2M,), y·y), whole numbers."""
        p, q = self.shifts
        x, y = _whole(self.samples.x, p), _whole(self.samples.y, q)
        hinges, sides = _whole(self.samples.hinges, p), self.samples.sides
        phi = np.array(
            [[max(int(s) * (xi - v), 0) for xi in x] for s, v in zip(sides, hinges, strict=True)],
            dtype=object,
        )
        labels = np.array(y, dtype=object)
        return (phi @ phi.T).tolist(), (phi @ labels).tolist(), int(labels @ labels)

    @cached_property
    def lengths(self) -> NDArray[np.float64]:
        """(2M,) |φ_k| over the samples."""
        s = self.samples
        return np.linalg.norm(np.maximum(s.sides[:, None] * (s.x - s.hinges[:, None]), 0.0), axis=1)

    @cached_property
    def float(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """(Gram matrix, right side) of φ_k / |φ_k| and y / |y|; rays that are zero on every sample give 0."""
        s = self.samples
        phi = np.maximum(s.sides[:, None] * (s.x - s.hinges[:, None]), 0.0)
        phi = phi / np.where(self.lengths > 0, self.lengths, 1.0)[:, None]
        return phi @ phi.T, phi @ (s.y / (np.linalg.norm(s.y) or 1.0))

    def fraction(self, coefficient: Fraction) -> Fraction:
        """A coefficient of the whole-number functions in the units of the data."""
        p, q = self.shifts
        return coefficient * Fraction(2) ** (p - q)

    def loss(self, square: Fraction) -> Fraction:
        """The mean of a sum of squares in whole-number units."""
        return square / len(self.samples.y) / Fraction(4) ** self.shifts[1]

    def exact(
        self, rays: tuple[int, ...], neurons: tuple[int, ...], signs
    ) -> tuple[Face, Callable[[int], int]] | None:
        """The least squares on these rays and a function k → c_k; None if dependent or not all positive."""
        gram, right, square = self.whole
        solved = _solve([[gram[k][l] for l in rays] for k in rays], [right[k] for k in rays])
        if solved is None:
            return None
        values, determinant = solved
        if any(signs[j] * value <= 0 for j, value in zip(neurons, values, strict=True)):
            return None

        def c(k: int) -> int:
            """c_k times the positive determinant."""
            return determinant * right[k] - sum(gram[k][l] * v for l, v in zip(rays, values, strict=True))

        left = determinant * square - sum(right[k] * v for k, v in zip(rays, values, strict=True))
        coefficients = tuple(self.fraction(Fraction(abs(value), determinant)) for value in values)
        return Face(rays, neurons, coefficients, self.loss(Fraction(left, determinant))), c

    def closed_minimum(self, cell: tuple[int, int], signs: tuple[int, int], proposed: int) -> Face:
        """The exact minimum of a closed cell; ``proposed`` : the index in SUBSETS that is tried first."""
        rays = rays_of(cell, self.samples.sectors)
        for subset in [SUBSETS[proposed], *SUBSETS]:
            chosen = np.flatnonzero(subset).tolist()
            on = tuple(rays[m] for m in chosen)
            found = self.exact(on, tuple(m // 2 for m in chosen), signs)
            if found and all(signs[m // 2] * found[1](k) <= 0 for m, k in enumerate(rays) if k not in on):
                return found[0]
        raise RuntimeError("a closed cell without a minimum")  # cannot be: the loss is bounded below

    def propose(self, cells: NDArray[np.int64], signs: tuple[int, int]) -> NDArray[np.int64]:
        """For cells (C, 2): the index in SUBSETS of the coefficients that seem positive at the minimum."""
        gram, right = self.float
        rays = np.stack([cells, (cells + 1) % self.samples.sectors], axis=2).reshape(-1, 4)
        s = np.repeat(np.array(signs, dtype=float), 2)
        G = gram[rays[:, :, None], rays[:, None, :]] * (s[:, None] * s)
        b = right[rays] * s
        best, found = np.full(len(cells), np.inf), np.zeros(len(cells), dtype=np.int64)
        for n, subset in enumerate(SUBSETS):
            mask = np.outer(subset, subset)
            system = np.where(mask, G, np.eye(4))
            fit = np.where(subset, b, 0.0)
            regular = np.linalg.cond(system) < 1e12
            a = np.zeros_like(b)
            a[regular] = np.linalg.solve(system[regular], fit[regular][..., None])[..., 0]
            slack = b - (G @ a[..., None])[..., 0]
            excess = np.maximum(np.where(subset, -a, slack), 0.0).max(axis=1)
            excess[~regular] = np.inf
            better = excess < best - PROPOSED
            best, found = np.where(better, excess, best), np.where(better, n, found)
        return found


Place = tuple[int, ...]  # of a neuron: on a ray, between two, or () where no sample activates it


@dataclass(frozen=True)
class WallMinimum:
    """A local minimum with at least one neuron on a ray, with the numbers that prove it.

    places : for each neuron (first ray, second ray or None); a dead neuron has ()
    signs; face : the exact coefficients and loss; kinks : hinges at which the loss is not differentiable
    """

    places: tuple[Place, Place]
    signs: tuple[int, int]
    face: Face
    kinks: tuple[int, ...]


def wall_minima(rays: Rays) -> list[WallMinimum]:
    """All local minima of the landscape with a neuron on a wall between cells and both R_j ≠ 0.

    Neurons are exchangeable, so of two minima that differ by their order one is listed: + before −, or else
    the smaller place first. A neuron that no sample activates may lie anywhere in its sector. Two neurons of
    one sign on the same ray may share its coefficient in any proportion; they are listed with one half each.
    """
    found = []
    for signs in ((1, 1), (1, -1), (-1, -1)):
        for places in _candidates(rays, signs):
            on = tuple(k for place in places for k in place)
            neurons = tuple(j for j, place in enumerate(places) for _ in place)
            solved = rays.exact(on, neurons, signs)
            if solved is None:
                continue
            face, c = solved
            if any(signs[j] * c(k) > 0 for j, place in enumerate(places) for k in _beside(rays, place)):
                continue
            kinks = tuple(k for k in _hinges(places) if _residual(rays, face, signs, k) != 0)
            found.append(WallMinimum(places, signs, face, kinks))
            if places[1] == () and len(places[0]) == 1 and signs[0] == signs[1]:
                found.append(_shared(found[-1]))
    return found


def _shared(single: WallMinimum) -> WallMinimum:
    """Both neurons on the ray of one: the same function, and the same conditions."""
    (ray,), (whole,) = single.places[0], single.face.coefficients
    face = Face((ray, ray), (0, 1), (whole / 2, whole / 2), single.face.loss)
    return WallMinimum(((ray,), (ray,)), single.signs, face, single.kinks)


def _hinges(places) -> tuple[int, ...]:
    return tuple(place[0] for place in places if len(place) == 1)


def _beside(rays: Rays, place: tuple[int, ...]) -> tuple[int, ...]:
    """The rays next to a neuron on a ray; none for a neuron inside a sector, which is on both of its rays."""
    sectors = rays.samples.sectors
    return ((place[0] - 1) % sectors, (place[0] + 1) % sectors) if len(place) == 1 else ()


def _residual(rays: Rays, face: Face, signs, ray: int) -> Fraction:
    """Σ (y_i − f(x_i)) over the samples at the hinge of a ray."""
    s = rays.samples
    at = Fraction(float(s.hinges[ray]))
    f = Fraction(0)
    for k, j, coefficient in zip(face.rays, face.neurons, face.coefficients, strict=True):
        f += signs[j] * coefficient * max(int(s.sides[k]) * (at - Fraction(float(s.hinges[k]))), 0)
    here = s.y[s.x == s.hinges[ray]]
    return sum((Fraction(float(label)) for label in here), Fraction(0)) - len(here) * f


def _candidates(rays: Rays, signs: tuple[int, int]):
    """Places of both neurons, at least one of them on a ray, that floating point cannot exclude."""
    sectors = rays.samples.sectors
    gram, right = rays.float
    alone: list[Place] = [(k,) for k in range(sectors) if gram[k, k] > 0]
    inside: list[Place] = [
        (k, (k + 1) % sectors) for k in range(sectors) if gram[k, k] > 0 and gram[(k + 1) % sectors].any()
    ]
    ordered = signs[0] != signs[1]
    pairs: list[tuple[Place, Place]] = [
        (a, b) for n, a in enumerate(alone) for b in (alone if ordered else alone[n + 1 :])
    ]
    pairs += [(a, b) for a in alone for b in inside] + [(b, a) for a in alone for b in inside if ordered]
    pairs += [(a, ()) for a in alone] + [((), a) for a in alone if ordered]
    by_size: dict[int, list] = {}
    for pair in pairs:
        by_size.setdefault(sum(map(len, pair)), []).append(pair)
    for same in by_size.values():
        on = np.array([[k for place in pair for k in place] for pair in same])
        s = np.array(
            [[signs[j] for j, place in enumerate(pair) for _ in place] for pair in same], dtype=float
        )
        beside = np.array([_sides_of(rays, pair, signs) for pair in same])
        G, b = gram[on[:, :, None], on[:, None, :]], right[on]
        regular = np.linalg.det(G) > 1e-14
        a = np.zeros_like(b)
        a[regular] = np.linalg.solve(G[regular], b[regular][..., None])[..., 0]
        near = beside[..., 0].astype(np.int64)
        c = right[near] - (gram[near[:, :, None], on[:, None, :]] @ a[..., None])[..., 0]
        good = regular & (s * a > -PROPOSED).all(axis=1) & (beside[..., 1] * c < PROPOSED).all(axis=1)
        yield from (same[n] for n in np.flatnonzero(good))


def _sides_of(rays: Rays, places, signs) -> list[tuple[int, int]]:
    """(ray, sign) of the four conditions beside; (0, 0) where there are fewer."""
    found = [(k, signs[j]) for j, place in enumerate(places) for k in _beside(rays, place)]
    return found + [(0, 0)] * (4 - len(found))


def rays_of(cell: tuple[int, int], sectors: int) -> tuple[int, int, int, int]:
    """The two rays of each neuron's sector."""
    a, b = cell
    return a, (a + 1) % sectors, b, (b + 1) % sectors


def _shift(numbers: NDArray[np.float64]) -> int:
    """The least p ≥ 0 for which all numbers times 2^p are whole."""
    return max(int(number).bit_length() - 1 for _, number in map(float.as_integer_ratio, numbers.tolist()))


def _whole(numbers: NDArray[np.float64], shift: int) -> list[int]:
    return [top * (2**shift // bottom) for top, bottom in map(float.as_integer_ratio, numbers.tolist())]


def _solve(matrix: list[list[int]], right: list[int]) -> tuple[list[int], int] | None:
    """(z, d) with matrix @ z = d · right and d > 0, by elimination without fractions (Bareiss 1968).

    matrix : a Gram matrix; None if it is singular.
    """
    n = len(matrix)
    rows = [[*row, value] for row, value in zip(matrix, right, strict=True)]
    last = 1
    for k in range(n):  # the pivots of a Gram matrix are its leading minors: positive unless singular
        if rows[k][k] == 0:
            return None
        for i in range(n):
            if i != k:
                rows[i] = [(rows[k][k] * rows[i][j] - rows[i][k] * rows[k][j]) // last for j in range(n + 1)]
        last = rows[k][k]
    return [row[n] for row in rows], last
