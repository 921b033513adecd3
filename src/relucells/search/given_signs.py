"""The margin of one sign vector: linear programs, and exact arithmetic where they leave doubt.

Small cells are settled beyond doubt: a leaf or a witness is kept only if the checker confirms it, and
``rational_program`` decides what floating point cannot show. In larger cells the checker decides at the end
(``question``).
"""

from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from relucells.cells.minimum import mean_square, scaled_by_power
from relucells.certify import coercion
from relucells.certify.cell import Cell
from relucells.certify.certificates import Decision, Leaf
from relucells.certify.dyadic import float_at_most
from relucells.certify.exact_witness import witness_margin
from relucells.certify.verify import cell_of, leaf_bound, support
from relucells.samples.columns import rounded
from relucells.samples.exact_weights import ExactWeights
from relucells.samples.free_part import FreePart
from relucells.samples.inputs import Inputs
from relucells.search import free_samples, independent_samples, interior, rational_program
from relucells.search.budget import Budget
from relucells.search.highs import Unsolved
from relucells.search.margin_program import FREE, Bound, MarginProgram

# A margin program's optimum is right to about this, for values near 1 (HiGHS works to 1e-10).
MARGIN_ERROR = 1e-9
# The same for values in large cells, which are projections without proven bounds.
LARGE_ERROR = 1e-6

# The share by which a witness of the exact margin is moved towards a point strictly inside the cell;
# below ``certify.verify.MARGIN_SLACK``.
INWARD = 5e-7
# Of how many floats each weight of a witness is the sum where one is not enough.
PARTS = (2, 4, 12, 40)
# A margin is rounded down by this share, so that the checker finds at least as much.
ROUNDED = 1e-9


def level_of(cell: Cell, decision: Decision) -> str:
    """What the checker says of a decision, on a cell whose minimum it may have enclosed before."""
    try:
        return support(cell, *coercion.decision(decision, cell.N, cell.D, cell.K))
    except coercion.UNSHOWN:
        return "rejected"


def cell_within(budget: Budget, *cell) -> Cell:
    """``cell_of`` the arguments: a cell as the checker sees it, its exact arithmetic within the budget."""
    found = cell_of(*cell)
    found.afford = budget.afford  # type: ignore[method-assign]
    return found


def exact_loss(cell: Cell) -> float:
    """The cell's minimum loss, exact but for one rounding."""
    loss = cell.exact.loss
    return rounded(int(loss.p), int(loss.q), 2 * cell.exact.unit)


def margin_shown(cell: Cell, R: NDArray, signs: NDArray, rest: NDArray | None = None) -> float:
    """The margin that R, with its rest, shows as it is rounded, or 0."""
    found = witness_margin(cell, R, signs, rest)
    return 0.0 if found is None else float_at_most(found) * (1.0 - ROUNDED)


def mean_loss(fitted: NDArray, y: NDArray) -> float:
    """(1/N) ‖fitted − y‖², whatever the scale of y."""
    _, power = scaled_by_power(y)
    return mean_square(np.ldexp(fitted - y, -power), power)


class NoProof(Exception):
    """Floating point has no answer with a valid proof, and exact arithmetic was not asked for."""


@dataclass(frozen=True)
class Found:
    """The margin of some signs, and a witness if it is positive."""

    margin: float
    R: NDArray[np.float64] | None
    signs: NDArray[np.int8] | None
    rest: NDArray[np.float64] | None = field(default=None, kw_only=True)


@dataclass(frozen=True)
class Settled(Found):
    """The same of one sign vector, and the leaf that bounds its margin."""

    leaf: Leaf


@dataclass
class GivenSigns:
    """One cell and its programs. ``exact``: the margin itself is wanted, not only its sign.

    leaves : the proofs found so far that sign vectors have no better margin
    """

    inputs: Inputs
    y: NDArray[np.float64]
    pattern: NDArray[np.bool_]
    budget: Budget
    exact: bool = False
    leaves: list[Leaf] = field(default_factory=list)
    part: FreePart | None = None

    @property
    def K(self) -> int:
        return self.pattern.shape[1]

    @cached_property
    def program(self) -> MarginProgram:
        return MarginProgram(self.inputs, self.y, self.pattern, self.budget, self.part)

    @cached_property
    def small(self) -> bool:
        """Whether exact arithmetic is quick."""
        return self.cell.affordable and rational_program.quick(self.inputs, self.pattern, self.part)

    @cached_property
    def cell(self) -> Cell:
        """The cell as the checker sees it, within the budget."""
        return cell_within(self.budget, self.inputs, self.y, self.pattern, self.part)

    @cached_property
    def loss(self) -> float:
        """The cell's minimum loss, from the program's fitted values."""
        if self.program.fits:
            return mean_loss(np.where(self.program.rows, self.y, 0.0), self.y)
        return mean_loss(self.program.fitted, self.y)

    def be_careful(self) -> None:
        """Settle everything in exact arithmetic, whatever that takes."""
        self.small = True
        self.loss = exact_loss(self.cell)

    @property
    def error(self) -> float:
        """Values of samples of length 1, in the program's scale, that may be zeros with rounding."""
        return LARGE_ERROR if self.program.large else MARGIN_ERROR

    def best_of(self, candidates: list[NDArray[np.int8]]) -> Settled:
        """The best of few sign vectors; a leaf for each of them."""
        best: Settled | None = None
        for signs in candidates:
            self.budget.check()
            leaf = None if self.exact else self._refuting_leaf(signs)
            if leaf is not None:
                found = Settled(leaf.bound, None, signs, leaf)
            else:
                plus = self.plus(signs)
                found = self.settle(plus, signs, self.maximise(plus))
            self.leaves.append(found.leaf)
            if best is None or found.margin > best.margin:
                best = found
            if found.margin > 0 and not self.exact:
                break
        if best is None:
            raise ValueError("candidates: need at least one sign vector")
        return best

    def _refuting_leaf(self, signs: NDArray[np.int8]) -> Leaf | None:
        """A leaf for these signs that needs no program of all half-spaces, if any."""
        return self._violated_sample(signs) or self._violated_pair(signs) or self._violated_samples(signs)

    def maximise(self, plus: NDArray) -> Bound:
        """The margin program of a node; no bound where HiGHS fails and exact arithmetic can serve."""
        self.program.exact = self.exact
        found = None if self.exact else interior.maximise(self.program, plus, self.budget)
        if found is not None:
            # its multipliers may be no vertex's: where no proof comes of them the simplex method finds others
            stands = found.margin > 0 or leaf_bound(self.cell, self.leaf(plus, found)).level != "rejected"
            if stands:
                return found
        try:
            return self.program.maximise(plus, -np.inf if self.exact else -self.error)
        except Unsolved:
            if not self.small:
                raise NoProof from None
            nothing = np.zeros((0, 3), dtype=np.int64)
            return Bound(1.0, 1.0, self.program.sums, {}, nothing, np.zeros(0), False)

    def proven(self, leaf: Leaf) -> bool:
        """Whether a leaf's proof holds. In larger cells this is assumed until the end."""
        self.budget.check()
        return not self.small or leaf_bound(self.cell, leaf).level != "rejected"

    def sharpened(self, leaf: Leaf) -> Leaf | None:
        """The leaf with the bound that its proof gives; None if the proof does not hold."""
        if not self.small:
            return leaf
        self.budget.check()
        found = leaf_bound(self.cell, leaf)
        return None if found.level == "rejected" else replace(leaf, bound=found.bound)

    def settle(self, plus: NDArray, signs: NDArray, bound: Bound) -> Settled:
        """The margin for these signs, beyond doubt in small cells."""
        if self.small and self.exact:
            return self._settle_exactly(signs)
        found = self.settle_in_floats(plus, signs, bound)
        if found is not None:
            return found
        if not self.small:
            return Settled(min(bound.margin, 0.0), None, signs, self.leaf(plus, bound, signs))
        return self._settle_exactly(signs)

    def settle_in_floats(self, plus: NDArray, signs: NDArray, bound: Bound) -> Settled | None:
        """As ``settle``, without exact arithmetic; None where the checker does not confirm what was found."""
        leaf = self.leaf(plus, bound, signs)
        if bound.margin > 0:
            margin, R = self._strict_witness(plus, signs, bound)
            if margin > 0 and (not self.small or self._is_witness(margin, R, signs)):
                return Settled(margin, R, signs, leaf)
        elif (sharp := self.sharpened(leaf)) is not None:
            return Settled(sharp.bound, None, signs, sharp)
        return None

    def _is_witness(self, margin: float, R: NDArray, signs: NDArray, rest: NDArray | None = None) -> bool:
        claim = Decision(
            "genuine", margin, R, signs, self.loss, "given", exact=self.exact, given=signs, rest=rest
        )
        return level_of(self.cell, claim) != "rejected"

    def _settle_exactly(self, signs: NDArray) -> Settled:
        self.budget.spend()
        cell = self.inputs, self.y, self.pattern, signs, self.budget
        best = rational_program.maximise(*cell, part=self.part)
        group = self.program.group
        fixed = np.isin(np.arange(self.K), best.pairs[:, 1])
        fixed = np.isin(group, group[fixed]) & (group >= 0)
        leaf = Leaf(np.where(fixed, signs, 0).astype(np.int8), best.margin, -1, best.pairs, best.values)
        if best.weights is None or not best.margin > 0:
            return Settled(best.margin, None, signs, leaf)
        tried = []
        for weights in rational_program.minimisers(best, self.exact, cell, self.part):
            tried.append(weights)
            if (found := self._with_parts(1, weights, best.margin, signs, leaf)) is not None:
                return found
        for count in PARTS:
            for weights in tried:
                if (found := self._with_parts(count, weights, best.margin, signs, leaf)) is not None:
                    return found
        return Settled(best.margin if self.exact else 0.0, best.weights.floats, signs, leaf)

    def _with_parts(
        self, count: int, weights: ExactWeights, margin: float, signs: NDArray, leaf: Leaf
    ) -> Settled | None:
        """These weights as a witness, each the sum of so many floats; None where the checker sees none."""
        self.budget.check()
        R, *more = weights.parts(count)
        rest = np.array(more) if more else None
        if not self.exact:
            margin = margin_shown(self.cell, R, signs, rest)
        if margin > 0 and (not self.exact or self._is_witness(margin, R, signs, rest)):
            return Settled(margin, R, signs, leaf, rest=rest)
        return None

    def _strict_witness(self, plus: NDArray, signs: NDArray, bound: Bound) -> tuple[float, NDArray]:
        """A witness strictly inside on inactive pairs too, where one exists, and the margin it shows."""
        R = self.witness(plus, signs, bound)
        kernel = self.program.kernel
        if bound.optimal and kernel is not None and (kernel.shape[2] or bound.minus):
            try:
                inner = self.program.maximise(plus, inner=True)
            except Unsolved:
                inner = bound
            if inner is not bound and inner.height > self.error:
                inside = self.witness(plus, signs, inner)
                R = (1.0 - INWARD) * R + INWARD * inside if self.exact else inside
        if self.exact and bound.optimal:
            return bound.margin, R
        return min(1.0, float((signs * (self.inputs.X @ R.T))[self.pattern].min(initial=1.0))), R

    # Leaves that need no program

    def plus(self, signs: NDArray[np.int8]) -> NDArray[np.int64]:
        """Neurons of each group with sign +."""
        group = self.program.group
        return np.bincount(group[(group >= 0) & (signs > 0)], minlength=self.program.G)

    def sample_leaf(self, i: int, sign: int) -> Leaf:
        return independent_samples.sample_leaf(self.program.fitted[i], self.pattern, i, sign)

    def _violated_sample(self, signs: NDArray[np.int8]) -> Leaf | None:
        """The sample whose fitted value alone is furthest on the wrong side, if any."""
        bounds = independent_samples.sample_bounds(self.program.fitted_per_length, self.pattern, signs)
        if self.part is not None:
            bounds = np.where(self.part.rows, 1.0, bounds)  # F may fit these
        i = int(np.argmin(bounds))
        if bounds[i] >= -self.error:
            return None
        leaf = self.sample_leaf(i, int(signs[np.argmax(self.pattern[i])]))
        return leaf if self.proven(leaf) else None

    def _violated_samples(self, signs: NDArray[np.int8]) -> Leaf | None:
        """The samples that a free part cannot bring to the right side all at once, if any."""
        if self.part is None:
            return None
        leaf = free_samples.refutation(self.part, self.program.fitted, self.pattern, signs)
        return leaf if leaf is not None and self.proven(leaf) else None

    def _violated_pair(self, signs: NDArray[np.int8]) -> Leaf | None:
        """In a large cell, the pair of known value that is furthest outside for these signs, if any."""
        if not self.program.large:
            return None
        plus, found, furthest = self.plus(signs), None, self.error
        for g in self.singles:
            outside = self.outside(g, plus[g]).max()
            if outside > furthest:
                found, furthest = self.single_leaf(g, plus[g]), outside
        return found

    @cached_property
    def singles(self) -> NDArray[np.int64]:
        """The groups of a single neuron with a value that is known."""
        return np.flatnonzero(self.program.known.any(axis=0) & (self.program.size == 1))

    def outside(self, g: int, plus: int) -> NDArray[np.float64]:
        """How far outside a single neuron's cell each known value lies, (N,), in the program's scale and for
        samples of length 1; −inf for unknown ones."""
        program = self.program
        values = program.values[:, g] if plus else -program.values[:, g]
        return np.where(program.known[:, g], np.where(program.columns[:, g], -values, values), -np.inf)

    def single_leaf(self, g: int, plus: int) -> Leaf:
        """The leaf of a single neuron: its worst sample of known value alone bounds the margin."""
        program = self.program
        sign = 1 if plus else -1
        active = program.columns[:, g]
        j = int(np.argmax(program.group == g))
        signs = np.zeros(self.K, dtype=np.int8)
        signs[j] = sign
        excess = self.outside(g, plus)
        if self.exact:
            if excess[~active].max(initial=-np.inf) > self.error:
                excess[active] = -np.inf  # an inactive pair outside its side leaves no margin at all
            else:
                excess = excess * program.length
        i = int(np.argmax(excess))
        value = float(program.in_units_of_y(sign * program.values[i, g] * program.length[i]))
        return Leaf(signs, value if active[i] else -np.inf, -1, np.array([[i, j]]), np.ones(1))

    # From programs to sign vectors, leaves and witnesses

    def group_signs(self, g: int, plus: int) -> NDArray[np.int8]:
        size = int(self.program.size[g])
        if plus == FREE:
            return np.zeros(size, dtype=np.int8)
        return np.where(np.arange(size) < plus, 1, -1).astype(np.int8)

    def signs(self, plus: NDArray) -> NDArray[np.int8]:
        """Signs (K,), + first within each group, + for dead neurons."""
        signs = np.ones(self.K, dtype=np.int8)
        for g in range(self.program.G):
            signs[self.program.group == g] = self.group_signs(g, plus[g])
        return signs

    def leaf(self, plus: NDArray, bound: Bound, signs: NDArray | None = None) -> Leaf:
        """What the multipliers of a program forbid: only groups that carry some are fixed."""
        program = self.program
        signs = self.signs(plus) if signs is None else signs
        used = np.unique(bound.pairs[:, 1])
        fixed = np.where(np.isin(program.group, used), signs, 0).astype(np.int8)
        pairs = []
        for i, g, s in bound.pairs:
            members = np.flatnonzero((program.group == g) & (signs == s))
            pairs.append((i, members[0]))
        return Leaf(fixed, bound.margin, -1, np.array(pairs, dtype=np.int64).reshape(-1, 2), bound.values)

    def witness(self, plus: NDArray, signs: NDArray, bound: Bound) -> NDArray[np.float64]:
        """R, (K, D), of the optimum."""
        program = self.program
        q = np.zeros((self.K, program.r))
        for g in range(program.G):
            for sign in (1, -1):
                members = (program.group == g) & (signs == sign)
                if not members.any():
                    continue
                if g not in bound.minus:
                    q[members] = bound.sums[g] / program.size[g]
                elif sign < 0:
                    q[members] = -bound.minus[g]
                else:
                    rest = program.size[g] - plus[g]
                    q[members] = (bound.sums[g] + rest * bound.minus[g]) / plus[g]
        return program.in_units_of_y(q @ program.lift.T)
