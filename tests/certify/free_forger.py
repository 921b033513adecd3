"""Forgeries about networks with a free linear part, on planted cells to whose labels F c is added.

A cell that has a genuine minimum (R, c) for its signs has no ``none``; so every leaf is false, whatever λ it
rests on. F is made of small dyadic numbers, so that all sums stay exact.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from forger import HUGE, LEAST, genuine_of, leaf_of, none_of
from forger_cells import Planted, opposed
from numpy.typing import NDArray

from relucells import Decision, Leaf

FREE = ("bias", "skip", "two", "with a zero column", "some samples")


@dataclass(frozen=True)
class Free:
    """A planted cell, its labels F c higher, and F (N, m)."""

    cell: Planted
    F: NDArray


def with_free_part(cell: Planted, kind: str, rng: np.random.Generator) -> Free:
    """The cell with a free part of a kind in ``FREE``, and some c."""
    N = len(cell.X)
    ones = np.ones((N, 1))
    F = {
        "bias": ones,
        "skip": cell.X,
        "two": np.hstack([ones, rng.integers(-8, 9, (N, 1)) / 4.0]),
        "with a zero column": np.hstack([np.zeros((N, 1)), ones, -2.0 * ones]),
        "some samples": (np.arange(N)[:, None] % 2 == 0).astype(float),
    }[kind]
    c = rng.integers(-8, 9, F.shape[1]) / 2.0
    if kind == "skip":  # of the size of the labels, whatever that of the samples
        c = c * 2.0 ** -np.frexp(np.abs(cell.X).max())[1]
    return Free(replace(cell, y=cell.y + F @ c), F)


def samples_leaf(samples, weights, signs, bound: float) -> Leaf:
    arrays = {"samples": np.array(samples, dtype=np.int64), "weights": np.array(weights, dtype=float)}
    return Leaf(np.array(signs, dtype=np.int8), bound, kind="samples", arrays=arrays)


def single_samples(free: Free, rng) -> Iterator[Decision]:
    """A sample whose label has the wrong sign for its neurons, where F may fit it: both kinds of leaf."""
    cell = free.cell
    for i in rng.permutation(len(cell.X))[:6].tolist():
        signs = cell.signs[cell.pattern[i]]
        if not len(signs):
            continue
        for s in {int(signs[0]), -int(signs[0])}:
            bound = min(0.0, s * float(cell.y[i]) / len(signs))
            for stated in (bound, 0.0, -1.0):
                yield none_of(cell, [Leaf(cell.signs, stated, i)])
                yield none_of(cell, [samples_leaf([i], [float(s)], cell.signs, stated)])


def weights_that_the_free_part_sees(free: Free, rng) -> Iterator[Decision]:
    """λ with Fᵀλ ≠ 0, and with Fᵀλ = 0 but signs that are not those of the neurons."""
    cell, N = free.cell, len(free.cell.X)
    one_sign = [i for i in range(N) if len(set(cell.signs[cell.pattern[i]].tolist())) == 1]
    for _ in range(8):
        count = int(rng.integers(1, min(N, 4) + 1))
        chosen = rng.permutation(one_sign if len(one_sign) >= count else N)[:count]
        own = [cell.signs[cell.pattern[i]][0] if cell.pattern[i].any() else 1 for i in chosen]
        for weights in (
            own,
            -np.array(own),
            rng.standard_normal(count),
            np.exp(rng.normal(0, 9, count)) * own,
        ):
            for bound in (0.0, -0.5, -np.inf):
                yield none_of(cell, [samples_leaf(chosen, weights, cell.signs, bound)])
                yield none_of(cell, [samples_leaf(chosen, weights, -cell.signs, bound)])
    # λ in the kernel of Fᵀ, with whatever signs
    kernel = np.linalg.svd(free.F.T)[2][np.linalg.matrix_rank(free.F) :]
    for vector in kernel[:3]:
        for bound in (0.0, -1e-9, -np.inf):
            yield none_of(cell, [samples_leaf(np.arange(N), vector, cell.signs, bound)])


def empty_and_zero(free: Free, rng) -> Iterator[Decision]:
    """No samples, zero weights, only samples without an active neuron, weights that over- or underflow."""
    cell, N = free.cell, len(free.cell.X)
    dead = np.flatnonzero(~cell.pattern.any(axis=1))
    for bound in (0.0, -np.inf):
        yield none_of(cell, [samples_leaf([], [], cell.signs, bound)])
        yield none_of(cell, [samples_leaf([0], [0.0], cell.signs, bound)])
        yield none_of(cell, [samples_leaf(np.arange(N), np.zeros(N), cell.signs, bound)])
        yield none_of(cell, [samples_leaf(dead, np.ones(len(dead)), cell.signs, bound)])
        for size in (HUGE, LEAST):
            yield none_of(
                cell, [samples_leaf(np.arange(N), np.full(N, size), np.ones(len(cell.signs)), bound)]
            )
        yield none_of(cell, [replace(samples_leaf([0], [1.0], cell.signs, bound), arrays={})])
        yield none_of(cell, [replace(samples_leaf([0], [1.0], cell.signs, bound), sample=0)])


def multipliers_without_the_free_part(free: Free, rng) -> Iterator[Decision]:
    """Single pairs, and all pairs of a sample: their λ meets Aᵀλ = …, if that, but not Fᵀλ = 0."""
    cell = free.cell
    N, K = cell.pattern.shape
    for i in rng.permutation(N)[:4].tolist():
        pairs = [(i, j) for j in range(K) if cell.pattern[:, j].any()]
        for chosen in ([pair] for pair in pairs[:2]), [pairs]:
            for some in chosen:
                if some:
                    for bound in (0.0, -1.0, -np.inf):
                        yield none_of(cell, [leaf_of(cell, some, np.ones(len(some)), bound)])


def false_witnesses(free: Free, rng) -> Iterator[Decision]:
    """R of the turned signs, moved by what F does not fit, scaled, and 0."""
    turned = opposed(replace(free.cell, y=(free.cell.pattern * (free.cell.X @ free.cell.R.T)).sum(axis=1)))
    if turned is None:
        return
    turned = replace(free.cell, signs=-free.cell.signs)
    for scale in (1.0, -1.0, 0.0, 2.0**-60, 2.0**60):
        for margin in (1.0, 1e-3, LEAST):
            yield genuine_of(turned, scale * free.cell.R, margin)


NONE = (
    single_samples,
    weights_that_the_free_part_sees,
    empty_and_zero,
    multipliers_without_the_free_part,
)
