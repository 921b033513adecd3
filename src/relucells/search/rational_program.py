"""The margin of a cell in exact arithmetic, for small cells that floating point cannot decide.

Floats are dyadic rationals: scaled by powers of two, the samples and labels are integers. With one vector
q of r = rank X unknowns for each class of neurons with equal column and sign, the program is

    max t    subject to    Aᵀ A q = Aᵀ y,    s x_i·q ≥ t (active),    −s x_i·q ≥ 0 (inactive),    t ≤ 1.

HiGHS solves it in floating point; the half-spaces that are tight there make a basis, from which the simplex
method goes on in integers (``rational_simplex``) until the basis is optimal, or shows that there is no
point at all. As a rule no step is needed. The prices of the last basis are the multipliers of a ``Leaf``. A
free part F adds its columns to A, and its c to the unknowns.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from flint import fmpq, fmpz, fmpz_mat
from numpy.typing import NDArray

from relucells.samples.columns import integers, rounded
from relucells.samples.decomposition import svd
from relucells.samples.exact_weights import ExactWeights
from relucells.samples.free_part import FreePart
from relucells.samples.inputs import Inputs
from relucells.samples.scaling import row_lengths
from relucells.search import highs
from relucells.search.budget import Budget
from relucells.search.rational_simplex import Infeasible, Program, independent_rows, modular_rank, optimise

# Unknowns, and half-spaces times their squared number, up to which a program takes well below a second.
UNKNOWNS = 100
PRODUCTS = 2_000_000
# Margins of inactive pairs.
INNER = ("alike", "by length")
# A witness of the exact margin is moved towards a point strictly inside the cell by the first of so many
# steps: by less than ``certify.verify.MARGIN_SLACK``.
STEPS = 2_000_000


def quick(inputs: Inputs, pattern: NDArray[np.bool_], part: FreePart | None = None) -> bool:
    """Whether a cell's programs take well below a second; dead neurons and equal ones do not count."""
    unknowns = len({column.tobytes() for column in pattern.T if column.any()}) * inputs.rank
    unknowns += 0 if part is None else part.rank
    return unknowns <= UNKNOWNS and len(pattern) * unknowns**2 <= PRODUCTS


@dataclass(frozen=True)
class Optimum:
    """The exact margin of a cell with given signs: a minimiser that attains it, or None for −inf, and
    the multipliers that bound it as ``Leaf`` holds them."""

    margin: float
    weights: ExactWeights | None
    pairs: NDArray[np.int64]
    values: NDArray[np.float64]


def maximise(
    inputs: Inputs,
    y: NDArray,
    pattern: NDArray[np.bool_],
    signs: NDArray,
    budget: Budget,
    inner: str = "",
    part: FreePart | None = None,
) -> Optimum:
    """The largest margin for the given signs; the pattern needs an active pair.

    ``inner``, one of ``INNER``, asks for a margin on inactive pairs too, zero samples apart: the same one
    (≤ −t), or one in proportion to the sample's length, as rounding is. Dead neurons have R = 0.
    Raises WorkLimit where the time is up.
    """
    cell = _Cell(inputs, y, pattern, signs, inner, part)
    try:
        point, prices = optimise(cell.program(), _tight(cell, budget), budget)
    except Infeasible as found:
        return Optimum(-np.inf, None, *cell.multipliers(found.prices))
    return Optimum(cell.margin(point), cell.weights(point), *cell.multipliers(prices))


def minimisers(
    best: Optimum,
    exact: bool,
    cell: tuple[Inputs, NDArray, NDArray[np.bool_], NDArray, Budget],
    part: FreePart | None = None,
) -> Iterator[ExactWeights]:
    """Exact minimisers of a positive margin, to be tried as witnesses of a cell whose optimum is known.

    First such as lie strictly inside on inactive pairs too, where rounding cannot put them outside. If the
    margin itself is wanted (``exact``), all have it, up to one of ``STEPS``. cell : what ``maximise`` takes.
    """
    assert best.weights is not None
    if exact:
        yield best.weights
    for inner in INNER:
        found = maximise(*cell, inner=inner, part=part)
        if found.weights is not None and found.margin > 0:
            if not exact:
                yield found.weights
            yield best.weights.towards(found.weights, STEPS)
    if not exact:  # inner points lost by rounding what the optimum may keep
        yield best.weights


class _Cell:
    """The cell's program over (q of each class, c, t), in integers.

    equations, values : independent rows of Aᵀ A q = Aᵀ y, or of A q = y where that can be fulfilled
    pairs : (sample, first neuron of the class) of each half-space
    """

    def __init__(self, inputs, y: NDArray, pattern: NDArray, signs: NDArray, inner: str, part=None):
        self.part = part
        self.free = [[]] * len(y) if part is None else part.inputs.integer_samples.matrix.tolist()
        self.inputs, self.y, self.pattern, self.signs, self.inner = inputs, y, pattern, signs, inner
        self.samples = inputs.integer_samples.matrix.tolist()
        label, self.label_power = integers(y[:, None])
        self.label = [int(entry) for entry in label.entries()]
        self.first = _first_of_class(pattern, signs)
        self.classes = np.unique(self.first[pattern.any(axis=0)])
        self.sharing = [int((self.first == j).sum()) for j in self.classes]
        self.r = len(self.samples[0])
        sizes = [max((abs(int(entry)) for entry in row), default=0).bit_length() for row in self.samples]
        least = min((size for size in sizes if size), default=0)
        self.length = [max(0, size - least) for size in sizes]  # of each sample, as a power of two
        self.width = len(self.classes) * self.r + len(self.free[0]) + 1
        # an inactive sample at the origin demands nothing
        self.pairs = [
            (i, int(j))
            for j in self.classes
            for i in range(len(pattern))
            if pattern[i, j] or inputs.nonzero[i]
        ]
        self.equations, self.values = self._minimisers()

    def _minimisers(self) -> tuple[list[list], list]:
        reached = np.flatnonzero(self.rows)
        rows = [
            [
                m * entry if self.pattern[i, j] else 0
                for j, m in zip(self.classes, self.sharing, strict=True)
                for entry in self.samples[i]
            ]
            + self.free[i]
            for i in reached
        ]
        values: list[int] | list[fmpz] = [self.label[i] for i in reached]
        with_values = [[*row, value] for row, value in zip(rows, values, strict=True)]
        if modular_rank(with_values) > modular_rank(rows):
            A = fmpz_mat(rows)
            values = (A.transpose() * fmpz_mat([[value] for value in values])).entries()
            rows = (A.transpose() * A).tolist()
        chosen = independent_rows(rows)
        return [[*rows[n], 0] for n in chosen], [values[n] for n in chosen]

    @property
    def rows(self) -> NDArray[np.bool_]:
        """Samples whose output is not always 0, (N,)."""
        if self.part is None:
            return np.asarray(self.pattern.any(axis=1))
        return self.part.reached(self.pattern)

    def side(self, i: int, j: int) -> int:
        """+1 or −1, as the pair's value must be ≥ 0 or ≤ 0."""
        return int(self.signs[j]) * (1 if self.pattern[i, j] else -1)

    def share(self, i: int, j: int) -> int:
        """The multiple of the margin t with which the pair's half-space is to be fulfilled."""
        if self.pattern[i, j]:
            return 1
        return {"": 0, "alike": 1, "by length": 1 << self.length[i]}[self.inner]

    def program(self) -> Program:
        place = {int(j): n for n, j in enumerate(self.classes)}
        rows = []
        for i, j in self.pairs:
            row, start, side = [0] * self.width, place[j] * self.r, self.side(i, j)
            row[start : start + self.r] = [side * entry for entry in self.samples[i]]
            row[-1] = -self.share(i, j)
            rows.append(row)
        # t ≤ 1, with t in units of the labels' power of two
        rows.append([0] * (self.width - 1) + [-(1 << max(0, self.label_power))])
        lower = [*([0] * len(self.pairs)), -(1 << max(0, -self.label_power))]
        goal = [0] * (self.width - 1) + [1]
        return Program(self.equations, self.values, rows, lower, goal)

    def margin(self, point: tuple[list, int]) -> float:
        """t in the units of y, the nearest float of the same sign."""
        whole, denominator = point
        return rounded(int(whole[-1]), denominator, self.label_power)

    def weights(self, point: tuple[list, int]) -> ExactWeights:
        """R, (K, D)."""
        whole, denominator = point
        exact, D = self.inputs.integer_samples, self.inputs.X.shape[1]
        columns, powers = exact.columns.tolist(), [0] * D
        for d, power in zip(columns, exact.back_powers, strict=True):
            powers[d] = self.label_power - exact.power + int(power)
        rows, numerators = {}, []
        for n, j in enumerate(self.classes.tolist()):
            q = fmpz_mat([[entry] for entry in whole[n * self.r : (n + 1) * self.r]])
            rows[j] = [0] * D
            for d, entry in zip(columns, (exact.back * q).entries(), strict=True):
                rows[j][d] = int(entry)
        numerators = [rows.get(j, [0] * D) for j in self.first.tolist()]
        return ExactWeights(numerators, int(denominator), powers)

    def multipliers(self, prices: dict[int, fmpq]) -> tuple[NDArray, NDArray]:
        """Prices of half-spaces as pairs (M, 2) and values (M,), the largest 1, shared within a class."""
        share = {int(j): m for j, m in zip(self.classes, self.sharing, strict=True)}
        found = {
            self.pairs[row]: price / share[self.pairs[row][1]]
            for row, price in prices.items()
            if row < len(self.pairs) and price > 0
        }
        if not found:
            return np.zeros((0, 2), dtype=np.int64), np.zeros(0)
        largest = max(found.values())
        values = [rounded(int((v / largest).p), int((v / largest).q), 0) for v in found.values()]
        return np.array(list(found), dtype=np.int64), np.array(values)


def _tight(cell: _Cell, budget: Budget) -> list[int]:
    """Half-spaces that are tight at HiGHS's optimum; none where it has none."""
    import highspy

    C = cell.inputs.orthonormal[0]
    alive, exponent = cell.rows, int(np.frexp(np.abs(cell.y).max())[1])
    mask = cell.pattern[np.ix_(alive, cell.classes)] * np.array(cell.sharing, dtype=float)
    A = (mask[:, :, None] * C[alive][:, None, :]).reshape(len(mask), -1)
    wanted, rank = np.ldexp(cell.y, -exponent)[alive], len(cell.equations)
    if cell.part is not None:
        off, rank = cell.part.restricted(alive), rank - cell.part.rank
        A, wanted = off.onto(A), off.onto(wanted)
    if not A.size:
        return []
    left, singular, right = svd(A, full_matrices=True)
    if (not rank and cell.part is None) or (rank and not singular[min(rank, len(singular)) - 1] > 0):
        return []
    u = right[:rank].T @ ((left[:, :rank].T @ wanted) / singular[:rank])
    u, kernel = u.reshape(-1, cell.r), right[rank:].T.reshape(len(cell.classes), cell.r, -1)
    length = row_lengths(C)
    unit = min(length[i] for i, j in cell.pairs if cell.pattern[i, j]) or 1.0
    place = {int(j): n for n, j in enumerate(cell.classes)}
    width = kernel.shape[2] + 1
    rows, lower = np.zeros((len(cell.pairs), width)), np.zeros(len(cell.pairs))
    for row, (i, j) in enumerate(cell.pairs):
        x = cell.side(i, j) * C[i] / (length[i] or 1.0)
        rows[row, :-1], lower[row] = x @ kernel[place[j]], -x @ u[place[j]]
        rows[row, -1] = -cell.share(i, j) * (unit / (length[i] or unit))
    solver, infinity = highs.new_solver(), highspy.kHighsInf
    with np.errstate(over="ignore"):
        cap = min(float(np.ldexp(1.0 / unit, -exponent)), 1e15)
    top = np.append(np.full(width - 1, infinity), cap)
    solver.addVars(width, np.full(width, -infinity), top)
    solver.changeColCost(width - 1, 1.0)
    solver.changeObjectiveSense(highspy.ObjSense.kMaximize)
    starts = np.arange(len(rows), dtype=np.int32) * width
    indices = np.tile(np.arange(width, dtype=np.int32), len(rows))
    ends = np.full(len(rows), infinity)
    solver.addRows(len(rows), lower, ends, rows.size, starts, indices, rows.ravel())
    try:
        highs.solve(solver, budget)
    except highs.Unsolved:
        return []
    basis, basic = solver.getBasis(), highspy.HighsBasisStatus.kBasic
    tight = [row for row, state in enumerate(basis.row_status) if state != basic]
    capped = basis.col_status[width - 1] != basic
    return [len(rows)] * capped + tight


def _first_of_class(pattern: NDArray[np.bool_], signs: NDArray) -> NDArray[np.int64]:
    """For each neuron the first one with the same column and sign, (K,)."""
    seen: dict[tuple[bytes, int], int] = {}
    columns = np.ascontiguousarray(pattern.T)
    keys = [(column.tobytes(), int(s)) for column, s in zip(columns, signs, strict=True)]
    return np.array([seen.setdefault(key, j) for j, key in enumerate(keys)])
