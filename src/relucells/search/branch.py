"""The search for signs and a minimiser with the largest margin: what ``genuineness.decide`` runs.

Linearly independent samples: the margin of every sign vector is a minimum over samples
(``independent_samples``), so the best one is found by satisfiability over a descending threshold. All others:
linear programs (``margin_program``); for "exists" branch and bound over the groups of equal neurons.
Undecided neurons carry no constraint in the relaxations, groups whose sum is the same for every
minimiser are decided on their own, and an infeasible (or not improving) program forbids every sign
vector that agrees with it on the groups that carry multipliers.
"""

import heapq
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from relucells.cells.pattern import distinct_columns
from relucells.certify import clauses
from relucells.certify.cell import Cell
from relucells.certify.certificates import Certificate, Decision, Leaf
from relucells.certify.verify import cell_of, leaf_bound, verification_level
from relucells.samples.inputs import Inputs
from relucells.search import exact_program, independent_samples, satisfiability, sign_free
from relucells.search.margin_program import FREE, Bound, Budget, MarginProgram, Unsolved, WorkLimit

# A margin program's optimum is right to about this, relative to max|y| (HiGHS works to 1e-10).
MARGIN_ERROR = 1e-9
# The same for values in large cells, which are projections without proven bounds.
LARGE_ERROR = 1e-6

# The share by which a witness of the exact margin is moved towards a point strictly inside the cell;
# below ``certify.verify.MARGIN_SLACK``.
INWARD = 5e-7


@dataclass(frozen=True)
class Settled:
    """The margin of one sign vector, a witness if it is positive, and the leaf that bounds it."""

    margin: float
    R: NDArray[np.float64] | None
    signs: NDArray[np.int8] | None
    leaf: Leaf | None


@dataclass
class Question:
    """One cell, one convention. ``exact``: the margin itself is wanted, not only its sign."""

    inputs: Inputs
    y: NDArray[np.float64]
    pattern: NDArray[np.bool_]
    convention: str
    given: NDArray[np.int8] | None
    exact: bool
    leaves: list[Leaf] = field(default_factory=list)

    @property
    def K(self) -> int:
        return self.pattern.shape[1]

    def answer(self, budget: Budget) -> Decision:
        """The decision, within the budget."""
        self.budget = budget
        if not self.pattern.any():
            signs = self._candidates()[0] if self.convention != "exists" else np.ones(self.K, np.int8)
            R = np.zeros((self.K, self.inputs.X.shape[1]))
            return self._decision("genuine", 1.0, "witness", R, signs, loss=float(np.mean(self.y**2)))
        if self.inputs.independent:
            return self._answer_by_covering()
        try:
            return self._answer_by_programs()
        except WorkLimit:
            return self._decision("undecided", np.nan, "limit", loss=self._loss)

    def _candidates(self) -> list[NDArray[np.int8]]:
        """The sign vectors of a convention that has few."""
        ones = np.ones(self.K, dtype=np.int8)
        return {"positive": [ones], "uniform": [ones, -ones], "given": [self.given]}[self.convention]

    @property
    def _loss(self) -> float:
        return float(np.mean((self.program.fitted - self.y) ** 2))

    def _decision(self, verdict, margin, reason, R=None, signs=None, certificate=None, exact=True, loss=None):
        return Decision(
            verdict=verdict,
            margin=float(margin) + 0.0,
            R=R,
            signs=signs,
            loss=self._loss if loss is None else loss,
            convention=self.convention,
            certificate=certificate,
            exact=exact,
            given=self.given,
            reason=reason,
            programs=self.budget.spent,
        )

    # Linearly independent samples

    def _answer_by_covering(self) -> Decision:
        alive = self.pattern.any(axis=1)
        loss = float((self.y[~alive] ** 2).sum()) / len(self.y)
        if self.convention == "exists":
            signs, margin, cubes = independent_samples.best_signs(self.y, self.pattern, self.exact)
        else:
            bounds = [independent_samples.sample_bounds(self.y, self.pattern, s) for s in self._candidates()]
            worst = [int(np.argmin(b)) for b in bounds]
            margins = [b[i] for b, i in zip(bounds, worst, strict=True)]
            best = int(np.argmax(margins))
            signs, margin = self._candidates()[best], margins[best]
            cubes = list(zip(worst, (s[0] for s in self._candidates()), strict=True))
            if self.convention == "given":
                cubes = [(worst[0], self.given[np.argmax(self.pattern[worst[0]])])]
        if margin > 0:
            values = independent_samples.witness_values(self.y, self.pattern, signs)
            R = self.inputs.prescribe(values)
            return self._decision("genuine", margin, "witness", R, signs, exact=self.exact, loss=loss)
        leaves = [independent_samples.sample_leaf(self.y[i], self.pattern, i, s) for i, s in cubes]
        return self._none(margin, leaves, loss)

    # All other samples

    @cached_property
    def program(self) -> MarginProgram:
        return MarginProgram(self.inputs, self.y, self.pattern, self.budget)

    def _answer_by_programs(self) -> Decision:
        best = self._best_choice() if self.convention == "exists" else self._best_candidate()
        if best.margin > 0:
            return self._decision("genuine", best.margin, "witness", best.R, best.signs, exact=self.exact)
        return self._none(best.margin, self.leaves)

    def _best_choice(self) -> "Settled":
        """The best signs of all. Where a limit may end the search for the margin, its sign comes first."""
        limited = self.exact and (self.budget.programs is not None or self.budget.deadline is not None)
        leaf = self._leaf_for_all_signs() if limited else None
        try:
            return self._branch_and_bound()
        except WorkLimit:
            if leaf is None:
                raise
            self.exact, self.leaves = False, [leaf]
            return Settled(0.0, None, None, leaf)

    def _best_candidate(self) -> "Settled":
        best = None
        for signs in self._candidates():
            plus = self._plus(signs)
            leaf = None if self.exact else self._violated_sample(signs) or self._violated_pair(signs)
            if leaf is not None:
                found = Settled(leaf.bound, None, signs, leaf)
            else:
                bound = self._maximise(plus)
                found = self._settle(plus, signs, bound)
            self.leaves.append(found.leaf)
            if best is None or found.margin > best.margin:
                best = found
            if found.margin > 0 and not self.exact:
                break
        return best

    # What floating point leaves open, in small cells, is settled in exact arithmetic

    @cached_property
    def small(self) -> bool:
        return exact_program.fits(self.inputs.X, self.pattern)

    @cached_property
    def cell(self) -> Cell:
        return cell_of(self.inputs, self.y, self.pattern)

    def _maximise(self, plus: NDArray) -> Bound:
        """The margin program of a node; no bound where HiGHS fails and exact arithmetic can serve."""
        try:
            return self.program.maximise(plus, -np.inf if self.exact else -self.error)
        except Unsolved:
            if not self.small:
                raise WorkLimit from None
            nothing = np.zeros((0, 3), dtype=np.int64)
            return Bound(1.0, self.program.sums, {}, nothing, np.zeros(0), False)

    def _proven(self, leaf: Leaf) -> bool:
        """Whether a leaf's proof stands; taken for granted in cells too large for exact arithmetic."""
        return not self.small or leaf_bound(self.cell, leaf).level != "rejected"

    def _sharpened(self, leaf: Leaf) -> Leaf | None:
        """The leaf with the bound that its proof gives; None if the proof does not stand."""
        if not self.small:
            return leaf
        found = leaf_bound(self.cell, leaf)
        return None if found.level == "rejected" else replace(leaf, bound=found.bound)

    def _settle(self, plus: NDArray, signs: NDArray, bound: Bound) -> "Settled":
        """The margin for these signs, its sign beyond doubt in small cells."""
        leaf = self._leaf(plus, bound, signs)
        if bound.margin > 0:
            margin, R = self._strict_witness(plus, signs, bound)
            found = Settled(margin, R, signs, leaf)
            if not self.small:
                return found
            claim = self._decision("genuine", margin, "witness", R, signs)
            if verification_level(self.inputs, self.y, self.pattern, claim) != "rejected":
                return found
        elif (sharp := self._sharpened(leaf)) is not None:
            return Settled(sharp.bound, None, signs, sharp)
        self.budget.spend()
        best = exact_program.maximise(self.inputs.X, self.y, self.pattern, signs)
        fixed = np.isin(np.arange(self.K), best.pairs[:, 1])
        group = self.program.group
        fixed = np.isin(group, group[fixed]) & (group >= 0)
        leaf = Leaf(np.where(fixed, signs, 0).astype(np.int8), best.margin, -1, best.pairs, best.values)
        R = best.R if best.margin > 0 else None
        if R is not None:
            inner = exact_program.maximise(self.inputs.X, self.y, self.pattern, signs, inner=True)
            R = (1.0 - INWARD) * R + INWARD * inner.R if inner.margin > 0 else R
        return Settled(best.margin, R, signs, leaf)

    def _strict_witness(self, plus: NDArray, signs: NDArray, bound: Bound) -> tuple[float, NDArray]:
        """A witness strictly inside on inactive pairs too, where one exists, and the margin it shows."""
        R = self._witness(plus, signs, bound)
        if not bound.optimal or not (self.program.kernel.shape[2] or bound.minus):
            return bound.margin, R
        try:
            inner = self.program.maximise(plus, inner=True)
        except Unsolved:
            return bound.margin, R
        if inner.margin <= self.error:
            return bound.margin, R
        inside = self._witness(plus, signs, inner)
        if self.exact:
            return bound.margin, (1.0 - INWARD) * R + INWARD * inside
        return inner.margin, inside

    @property
    def error(self) -> float:
        return (LARGE_ERROR if self.program.large else MARGIN_ERROR) * self.program.scale

    def _plus(self, signs: NDArray[np.int8]) -> NDArray[np.int64]:
        """Neurons of each group with sign +."""
        group = self.program.group
        return np.bincount(group[(group >= 0) & (signs > 0)], minlength=self.program.G)

    def _violated_sample(self, signs: NDArray[np.int8]) -> Leaf | None:
        """The sample that bounds the margin furthest below zero by its fitted value alone, if any."""
        bounds = independent_samples.sample_bounds(self.program.fitted, self.pattern, signs)
        i = int(np.argmin(bounds))
        if bounds[i] >= -self.error:
            return None
        s = int(signs[np.argmax(self.pattern[i])])
        leaf = independent_samples.sample_leaf(self.program.fitted[i], self.pattern, i, s)
        return leaf if self._proven(leaf) else None

    def _violated_pair(self, signs: NDArray[np.int8]) -> Leaf | None:
        """In a large cell, the pair of known value that is furthest outside for these signs, if any."""
        program = self.program
        if not program.large:
            return None
        plus, found, furthest = self._plus(signs), None, self.error
        for g in self._singles:
            outside = self._outside(g, plus[g]).max()
            if outside > furthest:
                found, furthest = self._single_leaf(g, plus[g]), outside
        return found

    @cached_property
    def _singles(self) -> NDArray[np.int64]:
        """The groups of a single neuron with a value that is known."""
        return np.flatnonzero(self.program.known.any(axis=0) & (self.program.size == 1))

    def _outside(self, g: int, plus: int) -> NDArray[np.float64]:
        """How far outside a single neuron's cell each known value lies, (N,); −inf for unknown ones."""
        program = self.program
        values = (program.scale if plus else -program.scale) * program.values[:, g]
        return np.where(program.known[:, g], np.where(program.columns[:, g], -values, values), -np.inf)

    def _branch_and_bound(self) -> "Settled":
        """The best signs by best-first search; ``leaves`` cover everything that is not better."""
        best = Settled(-np.inf, None, None, None)
        threshold = -np.inf if self.exact else 0.0
        queue, count = [(-np.inf, 0, self._root())], 0
        if not self.exact:
            misfit = self._misfit()
            if misfit:
                self.leaves = misfit
                return replace(best, margin=max(leaf.bound for leaf in misfit))
            self.leaves += self._sample_leaves()
            if (leaf := self._leaf_for_all_signs()) is not None:
                self.leaves = [leaf]
                return Settled(0.0, None, None, leaf)
        while queue:
            plus = self._implied(heapq.heappop(queue)[2], threshold)
            if plus is None:
                continue
            bound = self._maximise(plus)
            leaf = self._leaf(plus, bound)
            if bound.margin <= threshold and (threshold > 0 or self._proven(leaf)):
                self.leaves.append(leaf)
                continue
            g = self._branching_group(plus, bound) if bound.margin > threshold else None
            if g is None:
                full = self._complete(plus, bound)
                found = self._settle(full, self._signs(full), bound)
                self.leaves.append(found.leaf)
                best = max(best, found, key=lambda settled: settled.margin)
                threshold = max(threshold, best.margin)
                if threshold > 0 and not self.exact:
                    break
                if found.margin >= bound.margin - self.error or not (plus == FREE).any():
                    continue
                g = int(np.argmax(plus == FREE))
            for child in self._children(plus, g):
                heapq.heappush(queue, (-bound.margin, count := count - 1, child))
        return best

    def _leaf_for_all_signs(self) -> Leaf | None:
        """One proven leaf that covers every choice of signs (``sign_free``), if there is one to be had."""
        if not self.program.kernel.shape[2]:
            return None  # every R_j is determined, and so is its better sign
        return sign_free.refutation(self.inputs, self.program.fitted, self.cell, self.budget)

    def _misfit(self) -> list[Leaf]:
        """Both leaves of the single neuron whose known values are furthest outside for either sign."""
        found, furthest = [], self.error
        for g in self._singles:
            excess = min(self._outside(g, plus).max() for plus in (0, 1))
            if excess > furthest:
                leaves = [self._single_leaf(g, plus) for plus in (0, 1)]
                if all(leaf.bound <= 0 and self._proven(leaf) for leaf in leaves):
                    found, furthest = leaves, excess
        return found

    def _root(self) -> NDArray[np.int64]:
        """Single neurons with a determined R_j take their better sign; the other one is a leaf."""
        program = self.program
        root = np.full(program.G, FREE)
        for g in np.flatnonzero(program.determined & (program.size == 1)):
            best = max((0, 1), key=lambda plus, g=g: program.single(g, plus))
            other = self._single_leaf(g, 1 - best)
            if other.bound > 0 or self._proven(other):
                root[g] = best
                self.leaves += [other] if other.bound <= 0 else []
        if program.large and not self.exact:
            for g in self._singles:
                wrong = [plus for plus in (0, 1) if self._outside(g, plus).max() > self.error]
                if wrong and root[g] == FREE:
                    root[g] = 1 - wrong[0]
                    self.leaves += [self._single_leaf(g, plus) for plus in wrong]
        return root

    def _children(self, plus: NDArray, g: int) -> Iterator[NDArray]:
        """The node with group g decided in every way."""
        for n in range(int(self.program.size[g]) + 1):
            child = plus.copy()
            child[g] = n
            yield child

    def _open_violations(self, plus: NDArray, bound: Bound) -> dict[int, tuple[float, int]]:
        """For each open group, by how much one sign for all of it fails here at best, and that sign."""
        program = self.program
        values = program.scale * (program.coordinates @ bound.sums.T)
        found = {}
        for g in np.flatnonzero(plus == FREE):
            active, size = program.columns[:, g], int(program.size[g])
            options = []
            for sign, n in ((1.0, size), (-1.0, 0)):
                v = sign * values[:, g]
                outside = v[~active].max(initial=-np.inf)
                options.append((max(outside, bound.margin - v[active].min() / size), n))
            found[int(g)] = min(options)
        return found

    def _branching_group(self, plus: NDArray, bound: Bound) -> int | None:
        """The open group that is furthest from satisfying either sign here; None if all do."""
        violations = {g: v for g, (v, _) in self._open_violations(plus, bound).items() if v > self.error}
        return max(violations, key=violations.get) if violations else None

    def _complete(self, plus: NDArray, bound: Bound) -> NDArray:
        """The node with every open group given the sign that it satisfies."""
        full = plus.copy()
        for g, (_, n) in self._open_violations(plus, bound).items():
            full[g] = n
        return full

    def _sample_leaves(self) -> list[Leaf]:
        """Every sample forbids that all its neurons have the wrong sign for its fitted value."""
        p = self.program.fitted
        wrong = {}
        for i in np.flatnonzero(self.pattern.any(axis=1) & (np.abs(p) > self.error)):
            wrong.setdefault((self.pattern[i].tobytes(), p[i] > 0), i)
        leaves = [
            independent_samples.sample_leaf(p[i], self.pattern, i, -int(np.sign(p[i])))
            for i in wrong.values()
        ]
        return [leaf for leaf in leaves if self._proven(leaf)]

    def _implied(self, plus: NDArray, threshold: float) -> NDArray[np.int64] | None:
        """The node with the signs that follow from the leaves, or None if they cover all of it."""
        signs = self._signs(plus)
        signs[self.program.group < 0] = 0
        forbidden = np.array([leaf.signs for leaf in self.leaves if leaf.bound <= threshold], dtype=np.int8)
        known = clauses.clauses_of(forbidden.reshape(-1, self.K))
        positive, negative = clauses.bits(np.stack([signs > 0, signs < 0]))
        state = clauses.propagate(known, positive, negative)
        if state is None:
            return None
        implied = plus.copy()
        for j in np.flatnonzero(signs == 0):
            g = self.program.group[j]
            if g >= 0 and self.program.size[g] == 1 and (state[1] | state[2]) >> int(j) & 1:
                implied[g] = state[1] >> int(j) & 1
        return implied

    def _group_signs(self, g: int, plus: int) -> NDArray[np.int8]:
        size = int(self.program.size[g])
        if plus == FREE:
            return np.zeros(size, dtype=np.int8)
        return np.where(np.arange(size) < plus, 1, -1).astype(np.int8)

    def _signs(self, plus: NDArray) -> NDArray[np.int8]:
        """Signs (K,), + first within each group, + for dead neurons."""
        signs = np.ones(self.K, dtype=np.int8)
        for g in range(self.program.G):
            signs[self.program.group == g] = self._group_signs(g, plus[g])
        return signs

    def _single_leaf(self, g: int, plus: int) -> Leaf:
        """The leaf of a single neuron: its worst sample of known value alone bounds the margin."""
        program = self.program
        sign = 1 if plus else -1
        values = sign * program.scale * program.values[:, g]
        active = program.columns[:, g]
        j = int(np.argmax(program.group == g))
        signs = np.zeros(self.K, dtype=np.int8)
        signs[j] = sign
        excess = self._outside(g, plus)
        if self.exact and excess[~active].max(initial=-np.inf) > self.error:
            excess[active] = -np.inf  # an inactive pair outside its side leaves no margin at all
        i = int(np.argmax(excess))
        bound = float(values[i]) if active[i] else -np.inf
        return Leaf(signs, bound, -1, np.array([[i, j]]), np.ones(1))

    def _leaf(self, plus: NDArray, bound: Bound, signs: NDArray | None = None) -> Leaf:
        """What the multipliers of a program forbid: only groups that carry some are fixed."""
        program = self.program
        signs = self._signs(plus) if signs is None else signs
        used = np.unique(bound.pairs[:, 1])
        fixed = np.where(np.isin(program.group, used), signs, 0).astype(np.int8)
        pairs = []
        for i, g, s in bound.pairs:
            members = np.flatnonzero((program.group == g) & (signs == s))
            pairs.append((i, members[0]))
        return Leaf(fixed, bound.margin, -1, np.array(pairs, dtype=np.int64).reshape(-1, 2), bound.values)

    def _witness(self, plus: NDArray, signs: NDArray, bound: Bound) -> NDArray[np.float64]:
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
        return program.scale * q @ program.lift.T

    def _none(self, margin: float, leaves: list[Leaf], loss: float | None = None) -> Decision:
        """The verdict that no sign vector has a positive margin, with the leaves that show the margin."""
        if not self.inputs.independent:
            found = [leaf_bound(self.cell, leaf) for leaf in leaves]
            leaves = [
                leaf if shown.level == "rejected" else replace(leaf, bound=shown.bound)
                for leaf, shown in zip(leaves, found, strict=True)
            ]
        if self.exact:
            leaves = [leaf for leaf in leaves if leaf.bound <= margin + MARGIN_ERROR * np.abs(self.y).max()]
        margin = max(leaf.bound for leaf in leaves)
        branches = np.zeros(0, dtype=np.int64)
        if self.convention == "exists":
            known = clauses.clauses_of(np.array([leaf.signs for leaf in leaves]))
            known += clauses.equal_neurons(distinct_columns(self.pattern)[1])
            signs, found = satisfiability.satisfy(known, self.K)
            if signs is not None:
                raise RuntimeError("the search left a sign vector without a proof")
            branches = np.array(found, dtype=np.int64)
        if len(leaves) > 1:
            reason = "conflicts"
        else:
            reason = leaves[0].kind or ("sample" if leaves[0].sample >= 0 else "multipliers")
        certificate = Certificate(tuple(leaves), branches)
        return self._decision("none", margin, reason, certificate=certificate, exact=self.exact, loss=loss)
