"""A cell as the checkers see it: its data scaled by powers of two, its groups of equal neurons, its limits.

The question depends on X only through its column space, and on y only up to a positive factor. So columns of
X and the labels may be multiplied by powers of two. This is done without rounding or not at all.
"""

from functools import cached_property
from typing import TYPE_CHECKING, TypeVar

import numpy as np
from numpy.typing import NDArray

from relucells.certify import dyadic
from relucells.certify.definiteness import positive_in_floats
from relucells.samples.floating import TINY, column_lengths, gamma, norm, row_system
from relucells.samples.inputs import distinct_columns, nonzero_rows
from relucells.samples.scaling import largest_in_columns

if TYPE_CHECKING:
    from flint import fmpq

Part = TypeVar("Part")

# A matrix A with more entries than this is too large for proofs in floating point.
ENTRIES = 20_000_000
# Exact arithmetic takes many seconds beyond these limits on A's rank, its size, and its squared rank times
# the bits of its entries.
EXACT_RANK = 250
EXACT_ENTRIES = 400_000
EXACT_WORK = 8_000_000
# Samples whose lengths differ by fewer powers of two need no scaling.
ALIKE = 8
# Bits that X takes as integers.
EXACT_BITS = 4_000_000_000
# Multiplications of floats that a rational system takes about, for its cubed unknowns times bits (measured).
SYSTEM = 7.0
# Columns of a free part up to which a least-squares solution for them alone is exact.
FREE_COLUMNS = 120


def present(part: Part | None) -> Part:
    """A part of a cell that must be there; ArithmeticError otherwise, so that nothing is shown without it."""
    if part is None:
        raise ArithmeticError("a part of the cell is missing")
    return part


class Samples:
    """The samples X, (N, D), with what is proven about them alone."""

    def __init__(self, X: NDArray[np.float64], inputs=None):
        self.X, self.inputs = X, inputs
        self.zero: NDArray[np.bool_] = ~nonzero_rows(X)
        self.losses: dict[tuple[bytes, ...], fmpq] = {}  # of networks, by labels and weights

    def beside(self, F: NDArray[np.float64]) -> "Samples | None":
        """F, (N, m), of a free part; None where it has no entry but zeros. The last one is kept."""
        if not F.any():
            return None
        known = self.__dict__.get("_beside")
        if known is None or not np.array_equal(known.X, F):
            kept = F.copy()
            kept.flags.writeable = False
            known = self.__dict__["_beside"] = Samples(kept)
        return known

    @cached_property
    def exponents(self) -> NDArray[np.int64]:
        """The power of two, (D,), that bounds each column."""
        return np.frexp(self.largest)[1].astype(np.int64)

    @cached_property
    def largest(self) -> NDArray[np.float64]:
        """The largest magnitude in each column, (D,)."""
        return largest_in_columns(self.X)

    @cached_property
    def bits(self) -> int:
        """What the largest column takes as integers, each."""
        return dyadic.bits(self.X)

    @cached_property
    def scalable(self) -> bool:
        """Whether ``scaled`` would not round. Many checks need no more, and a copy costs more than a look."""
        small = self.X.size <= dyadic.PART
        return self.scaled is not None if small else dyadic.scalable(self.X, -self.exponents)

    @cached_property
    def scaled(self) -> NDArray[np.float64] | None:
        """X with every column's largest entry in [1/2, 1), or None where that would round."""
        return dyadic.scaled(self.X, -self.exponents)

    @cached_property
    def lengths(self) -> NDArray[np.float64]:
        """Upper bounds on the lengths of the scaled samples, (N,)."""
        lengths = column_lengths(present(self.scaled).T) * (1.0 + gamma(self.X.shape[1]))
        return np.where(self.zero, 0.0, lengths + 2.0**-530 * self.X.shape[1])

    @cached_property
    def independent(self) -> bool:
        """Whether it is proven that the N samples are linearly independent."""
        N, D = self.X.shape
        if N > D or self.zero.any():
            return False
        # few columns take less time, and samples that are independent on some are independent
        few = max(1, 2 * D // (3 * N))
        if self.scalable and any(self._gram_is_definite(step) for step in sorted({few, 1}, reverse=True)):
            return True
        if self.scaled is not None and row_system(self.scaled).proven:
            return True
        if self.X.size > ENTRIES:
            return False
        return dyadic.rank_at_least(self.X) == N

    def _gram_is_definite(self, step: int) -> bool:
        """Whether floating point proves that X Xᵀ is positive definite, of each step-th column, samples of
        other sizes over powers of two."""
        some = self.scaled if step == 1 else dyadic.scaled(self.X[:, ::step], -self.exponents[::step])
        X = present(some)
        lengths = np.frexp(np.maximum(X.max(axis=1), -X.min(axis=1)))[1].astype(np.int64)
        rows = X if np.ptp(lengths) < ALIKE else dyadic.scaled(X, -lengths[:, None])
        if rows is None:
            return False
        return _independent_rows(rows)

    @cached_property
    def columns(self) -> NDArray[np.int64]:
        """Columns of X, ascending, that are proven to span all of them."""
        used = np.flatnonzero(self.largest)
        if len(used) <= len(self.X) and self.scaled is not None:
            rows = present(self.scaled)[:, used].T
            if _independent_rows(rows) or row_system(rows).proven:
                return used
        if self.independent or min(len(self.X), len(used)) > EXACT_RANK or self.X.size > EXACT_ENTRIES:
            return used
        return used[dyadic.spanning_columns(self.X[:, used])]


def _independent_rows(rows: NDArray[np.float64]) -> bool:
    """Whether their Gram matrix shows that the rows, (m, n), are linearly independent."""
    return positive_in_floats(rows @ rows.T, gamma(rows.shape[1]) * norm(rows) ** 2 + rows.size * TINY)


class Cell:
    """One cell: y (N,), pattern (N, K) on samples X (N, D), and the free part F (N, m) of its network.

    columns : (N, G), the distinct nonzero columns of the pattern; group : (K,), each neuron's, −1 if dead;
    size : (G,), neurons in each; active : (N,), samples that activate some neuron; alive : (N,), those
    whose output is not always 0: active ones, and those with an entry in F
    free : F as ``Samples``, None without one; free_rows : (N,), samples with an entry in it; F : (N, m'),
    scaled columns that span its range
    """

    def __init__(
        self,
        samples: Samples,
        y: NDArray[np.float64],
        pattern: NDArray[np.bool_],
        free: Samples | None = None,
    ):
        self.samples, self.X, self.y, self.pattern = samples, samples.X, y, pattern
        self.N, self.D = self.X.shape
        self.K = pattern.shape[1]
        self.free = free
        self.active = nonzero_rows(pattern)
        self.free_rows: NDArray[np.bool_] = np.zeros(self.N, dtype=bool)
        if free is not None:
            self.free_rows = np.asarray(~free.zero)
        self.alive = np.logical_or(self.active, self.free_rows)

    # independent samples are decided without these

    @cached_property
    def _distinct(self) -> tuple[NDArray[np.bool_], NDArray[np.int64]]:
        return distinct_columns(self.pattern)

    @property
    def columns(self) -> NDArray[np.bool_]:
        return self._distinct[0]

    @property
    def group(self) -> NDArray[np.int64]:
        return self._distinct[1]

    @property
    def G(self) -> int:
        return self.columns.shape[1]

    @cached_property
    def size(self) -> NDArray[np.int64]:
        return np.bincount(self.group[self.group >= 0], minlength=self.G)

    def afford(self, multiplications: float) -> None:
        """Called before a step of so many multiplications. A search puts its limit here, which may raise."""

    def afford_system(self, unknowns: int, count: int = 1) -> None:
        """The same before linear systems are solved over the rationals."""
        self.afford(count * SYSTEM * unknowns**3 * self.bits)

    @cached_property
    def F(self) -> NDArray[np.float64]:
        return np.zeros((self.N, 0)) if self.free is None else present(self.free.scaled)[:, self.free.columns]

    @property
    def m(self) -> int:
        """The number of F's spanning columns."""
        return 0 if self.free is None else len(self.free.columns)

    @property
    def everything(self) -> bool:
        """Whether it is proven that F's range is all of ℝᴺ: then every R is a minimiser, of loss 0."""
        return self.free is not None and self.free.independent

    @property
    def fits_free_part(self) -> bool:
        """Whether the best c for given values is to be had in exact arithmetic."""
        if self.free is None or self.everything:
            return True
        return self.m <= FREE_COLUMNS and self.m**2 * self.free.bits <= EXACT_WORK

    @cached_property
    def inside(self) -> NDArray[np.bool_]:
        """Columns of F, (m,), that are proven to lie in the range of X: equal ones, others exactly."""
        known = {column.tobytes() for column in np.ascontiguousarray(present(self.samples.scaled).T)}
        found = np.array([column.tobytes() in known for column in np.ascontiguousarray(self.F.T)], dtype=bool)
        basis = self.X[:, self.samples.columns]
        if found.all() or basis.shape[1] > FREE_COLUMNS or basis.size > EXACT_ENTRIES:
            return found
        free = present(self.free)  # without one there are no columns, and all of none are found
        return found | dyadic.inside(basis, free.X[:, free.columns])

    @cached_property
    def free_columns(self):
        """F's spanning columns in integers (``free_part``)."""
        from relucells.certify.free_part import FreeColumns

        return FreeColumns(self.free.X[:, self.free.columns])

    @cached_property
    def exponent(self) -> int:
        """The power of two that bounds the labels."""
        return int(np.frexp(np.abs(self.y).max())[1])

    @cached_property
    def scaled_y(self) -> NDArray[np.float64] | None:
        """The labels, the largest in [1/2, 1), or None where that would round."""
        return dyadic.scaled(self.y, np.array(-self.exponent))

    @cached_property
    def floating(self) -> bool:
        """Whether proofs in floating point are possible."""
        exact = self.free is None or self.free.scalable
        if not exact or not self.samples.scalable or self.scaled_y is None:
            return False
        if self.samples.independent:
            return True
        return int(self.alive.sum()) * (self.G * len(self.samples.columns) + self.m) <= ENTRIES

    @cached_property
    def affordable(self) -> bool:
        """Whether exact arithmetic is affordable."""
        alive, width = int(self.alive.sum()), self.G * self.D + self.m
        if min(alive, width) > EXACT_RANK or alive * width > EXACT_ENTRIES or width > 2 * EXACT_RANK:
            return False
        bits = max(self.samples.bits, 0 if self.free is None else self.free.bits)
        if bits * self.X.size > EXACT_BITS:
            return False
        return min(alive, width) ** 2 * self.bits <= EXACT_WORK

    @cached_property
    def bits(self) -> int:
        """What the largest columns of X or F, and the labels, take as integers together."""
        free = 0 if self.free is None else self.free.bits
        return max(self.samples.bits, free) + dyadic.bits(self.y[:, None])

    @cached_property
    def enclosure(self):
        """The minimum, enclosed in floating point, or None where that is not possible."""
        from relucells.certify.enclosures import enclosure

        return enclosure(self) if self.floating and self.pattern.any() else None

    @cached_property
    def finer_enclosure(self):
        """The same with tighter bounds, or None where there are none."""
        from relucells.certify.enclosures import ProvenMinimum

        return ProvenMinimum(self, finely=True) if isinstance(self.enclosure, ProvenMinimum) else None

    @cached_property
    def exact(self):
        """The minimum in rational arithmetic."""
        from relucells.certify.rational import ExactCell

        return ExactCell(self)

    @property
    def fitted(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """The fitted values of the scaled labels, (N,), and a proven bound on the error of each, or inf."""
        if self.enclosure is None:
            return np.zeros(self.N), np.full(self.N, np.inf)
        return self.enclosure.fitted

    @property
    def rational(self) -> bool:
        """Whether fitted values, loss and witnesses are to be had in exact arithmetic: of independent
        samples also where ``affordable`` ends, because no system is solved there."""
        few = self.fits_free_part and self.X.size * self.K <= ENTRIES
        return self.affordable or (
            self.samples.independent and few and self.samples.bits * self.X.size <= EXACT_BITS
        )

    def scaled_weights(self, R: NDArray[np.float64]) -> NDArray[np.float64] | None:
        """R, (K, D), for the scaled samples and labels, or None where that would round."""
        return dyadic.scaled(R, self.samples.exponents - self.exponent)

    def shares(self, owners: NDArray[np.int64], signs: NDArray[np.int8]) -> NDArray[np.int64]:
        """How many neurons have the column and the sign of each of these neurons."""
        kind = 3 * (self.group + 1) + signs.astype(np.int64) + 1
        return np.bincount(kind)[kind[owners]]
