"""The best signs for the neurons of a cell: branch and bound over the groups of equal neurons.

Undecided neurons have no constraint in the relaxations. Groups whose sum is the same for every minimiser are
decided on their own. An infeasible program, or one without improvement, forbids every sign vector that agrees
with it on the groups with multipliers. At the end the sign vectors that no leaf covers are settled one by
one, so that everything has a proof.
"""

import heapq
from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from relucells.certify import clauses
from relucells.certify.certificates import Leaf
from relucells.progress import progress
from relucells.samples.inputs import distinct_columns
from relucells.search import reflections, sign_free
from relucells.search.given_signs import Found, GivenSigns, NoProof, Settled
from relucells.search.margin_program import FREE, Bound
from relucells.search.satisfiability import satisfy

# Most leaves of several samples' fitted values with which a search begins.
MOST_SAMPLE_LEAVES = 300
# Neurons with a sign of their own from which on signs are tried that reflections offer: few signs are
# branched on in less time.
MANY_SIGNS = 8
# Margins that exceed the error of a program by this factor are known well enough.
LARGE_SHARE = 1000.0
# Alive samples for each unknown from which on a cell is likelier to hold no genuine minimum.
LIKELY_NONE = 0.5


class Branching(GivenSigns):
    """``best`` finds the best signs; ``leaves`` then cover everything that is not better, and ``branches``
    show it."""

    branches: NDArray[np.int64] = np.zeros(0, dtype=np.int64)

    def best(self) -> Found:
        """Raises WorkLimit, or NoProof in cells too large for exact arithmetic."""
        best = self._search()
        while best.margin <= 0 or self.exact:
            open_signs = self._uncovered(best.margin)
            if open_signs is None:
                break
            plus = self.plus(open_signs)
            found = self.settle(plus, open_signs, self.maximise(plus))
            if self.small and not self._stands(found, open_signs):
                found = self._settle_exactly(open_signs)
            if not self._stands(found, open_signs):
                raise NoProof
            self.leaves.append(found.leaf)
            if found.margin > best.margin:
                best = found
                if best.margin > 0 and not self.exact:
                    break
        return best

    def _stands(self, found: Settled, signs: NDArray[np.int8]) -> bool:
        """Whether what was found for these signs has a proof: the witness, or else the leaf."""
        return found.margin > 0 or (self.proven(found.leaf) and _covers(found.leaf, signs))

    def _uncovered(self, margin: float) -> NDArray[np.int8] | None:
        """A sign vector for which no leaf shows that its margin is at most this; None if there is none."""
        if self.exact and margin > 0:
            return None  # the margin of a witness is not certified from above
        kept = [leaf.signs for leaf in self.leaves if leaf.bound <= self.at_most(margin)]
        known = clauses.clauses_of(np.array(kept, dtype=np.int8).reshape(-1, self.K))
        known += clauses.equal_neurons(distinct_columns(self.pattern)[1])
        signs, branches = satisfy(known, self.K, self.budget)
        self.branches = np.array(branches, dtype=np.int64)
        return signs

    def at_most(self, margin: float) -> float:
        """What a bound on the margin may be if it shows the margin, rounding included."""
        if not self.exact:
            return 0.0
        scale = abs(margin) if np.isfinite(margin) else 0.0
        if not self.small:  # where bounds and margins are not exact
            scale = max(scale, float(self.program.in_units_of_y(self.error)))
        return min(0.0, margin + 1e-9 * scale)

    def _search(self) -> Found:
        """Best-first search; ``leaves`` cover everything that is not better, as far as proofs stand."""
        best = Found(-np.inf, None, None)
        threshold = -np.inf if self.exact else 0.0
        if not self.exact:
            misfit = self._misfit()
            if misfit:
                self.leaves = misfit
                return replace(best, margin=max(leaf.bound for leaf in misfit))
            self.leaves += self._sample_leaves()
            if (found := self._without_branching()) is not None:
                return found
        queue, count = [(-np.inf, 0, self._root())], 0
        for node in progress(_popped(queue), "nodes"):
            plus = self._implied(node, threshold)
            if plus is None:
                continue
            bound = self.maximise(plus)
            leaf = self.leaf(plus, bound)
            close = 0.0 < threshold < self._close()
            doubtful = False
            if bound.margin <= threshold - close * self._slack():
                # a bound above 0 has no proof, and is taken as a program gives it
                sharp = leaf if bound.margin > 0 else self.sharpened(leaf)
                if sharp is not None and sharp.bound <= threshold:
                    self.leaves.append(sharp)
                    continue
                doubtful = (
                    self.exact
                )  # where only the sign is wanted, what no leaf covers is asked at the end
            g = self._branching_group(plus, bound) if bound.margin > threshold else None
            if g is None:
                full = self._complete(plus, bound)
                found = self.settle(full, self.signs(full), bound)
                self.leaves.append(found.leaf)
                best = max(best, found, key=lambda settled: settled.margin)
                threshold = max(threshold, best.margin)
                if threshold > 0 and not self.exact:
                    break
                close = abs(found.margin) < self._close()
                best_here = found.margin >= bound.margin - (not close) * self._slack()
                if not (plus == FREE).any() or (best_here and not doubtful):
                    continue
                g = int(np.argmax(plus == FREE))
            for child in self._children(plus, g):
                heapq.heappush(queue, (-bound.margin, count := count - 1, child))
        return best

    def _close(self) -> float:
        """Margins below this are not told apart by programs in floating point; small cells settle each sign
        vector that may be the best one."""
        return LARGE_SHARE * self._slack() if self.small else 0.0

    def _slack(self) -> float:
        return float(self.program.in_units_of_y(self.error)) if self.exact else 0.0

    def _without_branching(self) -> Settled | None:
        """One leaf that covers every choice of signs (``sign_free``), or a choice of signs (``reflections``),
        the likelier first."""
        if self.program.kernel is None or not self.program.kernel.shape[2]:
            return None  # every R_j is determined, and so is its better sign; or nobody can afford it
        search = sign_free.Search(self.inputs, self.program.scaled_fitted, self.cell, self.budget)
        if (found := self._refuted(search.quick)) is not None:
            return found
        if search.density >= LIKELY_NONE:
            return self._refuted(search.thorough) or self._by_reflections()
        return self._by_reflections() or self._refuted(search.thorough)

    def _refuted(self, search: Callable[[], sign_free.Products | None]) -> Settled | None:
        """What a search finds that refutes every choice of signs at once, as the one leaf."""
        try:
            found = search()
        except np.linalg.LinAlgError:  # cones so thin that their matrices are singular in floating point
            found = None
        if found is None:
            return None
        self.leaves = [sign_free.leaf_of(found, self.K)]
        return Settled(0.0, None, None, self.leaves[0])

    def _by_reflections(self) -> Settled | None:
        """A genuine minimum for one of the sign vectors that reflections offer; the others leave a proof."""
        if (self.program.size == 1).sum() < MANY_SIGNS:
            return None
        for plus in reflections.candidates(self.program, self.budget):
            found = self.settle_in_floats(plus, self.signs(plus), self.maximise(plus))
            if found is not None and found.margin > 0:
                return found
            if found is not None and found.leaf.bound <= 0:
                self.leaves.append(found.leaf)
        return None

    def _misfit(self) -> list[Leaf]:
        """Both leaves of the single neuron whose known values are furthest outside for either sign."""
        found, furthest = [], self.error
        for g in self.singles:
            excess = min(self.outside(g, plus).max() for plus in (0, 1))
            if excess > furthest:
                leaves = [self.single_leaf(g, plus) for plus in (0, 1)]
                if all(leaf.bound <= 0 and self.proven(leaf) for leaf in leaves):
                    found, furthest = leaves, excess
        return found

    def _root(self) -> NDArray[np.int64]:
        """Single neurons with a determined R_j take their better sign; the other one is a leaf."""
        program = self.program
        root = np.full(program.G, FREE)
        for g in map(int, np.flatnonzero(program.determined & (program.size == 1))):
            best = int(program.single(g, 1) > program.single(g, 0))
            other = self.single_leaf(g, 1 - best)
            sharp = self.sharpened(other) if other.bound <= 0 else None
            if other.bound > 0 or sharp is not None:
                root[g] = best
                self.leaves += [] if sharp is None else [sharp]
        if program.large and not self.exact:
            for g in self.singles:
                wrong = [plus for plus in (0, 1) if self.outside(g, plus).max() > self.error]
                if wrong and root[g] == FREE:
                    root[g] = 1 - wrong[0]
                    self.leaves += [self.single_leaf(g, plus) for plus in wrong]
        return root

    def _children(self, plus: NDArray, g: int) -> Iterator[NDArray]:
        """The node with group g decided in every way."""
        for n in range(int(self.program.size[g]) + 1):
            child = plus.copy()
            child[g] = n
            yield child

    def _open_violations(self, plus: NDArray, bound: Bound) -> dict[int, tuple[float, int]]:
        """For each open group, by how much one sign for all of it fails here at best, and that sign."""
        found = {}
        for g in map(int, np.flatnonzero(plus == FREE)):
            options = [
                (float(self.program.violations(g, sign, bound).max()), n)
                for sign, n in ((1, int(self.program.size[g])), (-1, 0))
            ]
            found[g] = min(options)
        return found

    def _branching_group(self, plus: NDArray, bound: Bound) -> int | None:
        """The open group that is furthest from satisfying either sign here; None if all do."""
        violations = {g: v for g, (v, _) in self._open_violations(plus, bound).items() if v > self.error}
        return max(violations, key=lambda g: violations[g]) if violations else None

    def _complete(self, plus: NDArray, bound: Bound) -> NDArray:
        """The node with every open group given the sign that it satisfies."""
        full = plus.copy()
        for g, (_, n) in self._open_violations(plus, bound).items():
            full[g] = n
        return full

    def _sample_leaves(self) -> list[Leaf]:
        """Every sample forbids that all its neurons have the wrong sign for its fitted value."""
        p = self.program.fitted_per_length
        asked = self.pattern.any(axis=1) & (np.abs(p) > self.error)
        if self.part is not None:
            asked &= ~self.part.rows
        wrong: dict[tuple[bytes, bool], int] = {}
        for i in map(int, np.flatnonzero(asked)):
            wrong.setdefault((self.pattern[i].tobytes(), bool(p[i] > 0)), i)
        leaves = [self.sample_leaf(i, -int(np.sign(p[i]))) for i in wrong.values()]
        leaves = [leaf for leaf in leaves if self.proven(leaf)]
        return leaves if self.part is None else self._with_free_samples(leaves)

    def _with_free_samples(self, leaves: list[Leaf]) -> list[Leaf]:
        """These leaves, and such of several samples, until signs are found that none of them forbids."""
        symmetric = clauses.equal_neurons(distinct_columns(self.pattern)[1])
        for _ in range(MOST_SAMPLE_LEAVES):
            known = clauses.clauses_of(np.array([leaf.signs for leaf in leaves]).reshape(-1, self.K))
            signs, _ = satisfy([*known, *symmetric], self.K, self.budget)
            leaf = None if signs is None else self._violated_samples(signs)
            if leaf is None:
                break
            leaves.append(leaf)
        return leaves

    def _implied(self, plus: NDArray, threshold: float) -> NDArray[np.int64] | None:
        """The node with the signs that follow from the leaves, or None if they cover all of it."""
        signs = self.signs(plus)
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


def _popped(queue: list[tuple[float, int, NDArray]]) -> Iterator[NDArray]:
    """The queue's nodes, the most promising first, until none is left."""
    while queue:
        yield heapq.heappop(queue)[2]


def _covers(leaf: Leaf, signs: NDArray[np.int8]) -> bool:
    """Whether the sign vector extends the leaf's."""
    return bool((leaf.signs * signs >= 0).all())
