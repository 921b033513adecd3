"""One cell under one sign convention, from the question to a decision that the checker confirms.

Linearly independent samples have a closed form (``independent_samples``). All others take linear programs
(``given_signs``); if all signs are allowed, these are part of a search over signs (``branch``). What the
checker rejects is not claimed.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from relucells.cells.minimum import cell_minimum, mean_square, scaled_by_power
from relucells.certify.cell import Cell
from relucells.certify.certificates import Certificate, Decision, Leaf
from relucells.certify.conventions import BY_NAME
from relucells.certify.verify import leaf_bound
from relucells.samples.exact_weights import prescribed_exactly
from relucells.samples.free_part import FreePart
from relucells.samples.inputs import Inputs
from relucells.search import free_samples, independent_samples
from relucells.search.branch import Branching
from relucells.search.budget import Budget, WorkLimit
from relucells.search.given_signs import (
    PARTS,
    ROUNDED,
    GivenSigns,
    NoProof,
    cell_within,
    exact_loss,
    level_of,
    margin_shown,
)
from relucells.search.margin_program import MarginProgram

# How often R is prescribed, the inactive pairs further inside each time, by this part of Σ_d |x_id R_jd|.
ATTEMPTS, DEEP = 3, 2.0**-44
# Bits of a column's numbers as integers beyond which floating point is likely to lose the minimum.
WIDE = 106


@dataclass
class Question:
    """exact : the margin itself is wanted, not only its sign; part : the free part of the network, if any."""

    inputs: Inputs
    y: NDArray[np.float64]
    pattern: NDArray[np.bool_]
    convention: str
    given: NDArray[np.int8] | None
    exact: bool
    part: FreePart | None = None

    @property
    def K(self) -> int:
        return self.pattern.shape[1]

    def answer(self, budget: Budget) -> Decision:
        """The decision, within the budget."""
        self.budget = budget
        if not self.pattern.any():
            signs = np.ones(self.K, np.int8) if self.all_signs else self.candidates()[0]
            R = np.zeros((self.K, self.inputs.X.shape[1]))
            found = self._claimed(1.0, signs, True, R)
            if found.level == "rejected" and self.cell.rational:  # rounded labels, squared, may overflow
                found = self._confirmed(replace(found, loss=exact_loss(self.cell)))
            return self._undecided("precision") if found.level == "rejected" else found
        answers = self._by_programs
        if self.inputs.independent:
            answers = self._by_samples if self.part is None else self._by_free_samples
        # with a limit the sign comes first: it stays when the limit ends the search for the margin
        limited = budget.programs is not None or budget.deadline is not None
        decision = self._within_limits(answers, self.exact and not limited)
        if self.exact and limited and decision.verdict != "undecided":
            found = self._within_limits(answers, True)
            if found.verdict != "undecided" and found.level != "rejected":
                decision = found
        # what the checker does not confirm: by exact arithmetic where that is affordable, then the sign alone
        for careful, exact in ((True, self.exact), (False, False), (True, False)):
            if decision.level != "rejected":
                break
            if not careful or self.cell.affordable:
                self.careful = careful
                # independent samples too: prescribed values may leave no room for a float
                decision = self._within_limits(self._by_programs if careful else answers, exact)
        return self._undecided("precision") if decision.level == "rejected" else decision

    careful = False  # whether exact arithmetic is asked even where it takes long

    def _within_limits(self, answers: Callable[[bool], Decision], exact: bool) -> Decision:
        try:
            return answers(exact)
        except WorkLimit:
            return self._undecided("limit")
        except (ArithmeticError, np.linalg.LinAlgError):  # numbers that no float holds on the way
            return replace(self._undecided("precision"), level="rejected")

    def candidates(self) -> list[NDArray[np.int8]]:
        """The sign vectors of a convention that does not allow all."""
        allowed = BY_NAME[self.convention].candidates
        assert allowed is not None
        return allowed(self.K, self.given)

    @property
    def all_signs(self) -> bool:
        """Whether the convention allows every sign vector."""
        return BY_NAME[self.convention].all_signs

    # Decisions

    def _decision(
        self, verdict, margin, reason, loss, R=None, signs=None, certificate=None, exact=True, rest=None
    ):
        return Decision(
            verdict=verdict,
            margin=float(margin) + 0.0,
            R=R,
            signs=signs,
            loss=loss,
            convention=self.convention,
            certificate=certificate,
            exact=exact,
            given=self.given,
            reason=reason,
            programs=self.budget.spent,
            rest=rest,
        )

    def _confirmed(self, decision: Decision) -> Decision:
        """The decision with the level that the checker gives it."""
        return replace(decision, level=level_of(self.cell, decision))

    @cached_property
    def cell(self) -> Cell:
        """The cell as the checker sees it, within the budget."""
        return cell_within(self.budget, self.inputs, self.y, self.pattern, self.part)

    def _undecided(self, reason: str) -> Decision:
        decision = self._decision("undecided", np.nan, reason, self._any_loss(), exact=False)
        return decision

    def _dead_loss(self) -> float:
        """The loss of a cell whose alive samples are all fitted."""
        y, power = scaled_by_power(self.y)
        missed = np.where(self.pattern.any(axis=1), 0.0, y)
        if self.part is not None:
            dead = ~self.pattern.any(axis=1)
            if self.part.rows[dead].any():
                apart = FreePart(self.part.F[dead])
                missed[dead] = 0.0 if apart.everything else missed[dead] - apart.projection(missed[dead])
        return mean_square(missed, power)

    def _any_loss(self) -> float:
        """The cell's minimum loss without a decision; NaN where that would take far longer than allowed."""
        if not self.pattern.any() or self.inputs.independent:
            return self._dead_loss()
        rows, columns = int(self.pattern.any(axis=1).sum()), self.pattern.any(axis=0).sum() * self.inputs.rank
        try:
            idle = max(0, columns - rows)  # as many directions, at least, along which R is made shortest
            self.budget.afford(2.0 * rows * columns * min(rows, columns) + 10.0 * columns * idle**2)
            if self.cell.samples.bits > WIDE or self.inputs.space.ill_conditioned:
                # in exact arithmetic, as it is likely: two systems, the second one of products
                self.cell.afford_system(min(rows, columns), 4)
        except WorkLimit:
            return float("nan")
        return cell_minimum(
            self.inputs, self.y, self.pattern, free=None if self.part is None else self.part.F
        ).loss

    # Linearly independent samples

    def _by_samples(self, exact: bool) -> Decision:
        cubes: list[tuple[int, int]]
        if self.all_signs:
            signs, margin, cubes = independent_samples.best_signs(self.y, self.pattern, exact, self.budget)
        else:
            bounds = [independent_samples.sample_bounds(self.y, self.pattern, s) for s in self.candidates()]
            worst = [int(np.argmin(b)) for b in bounds]
            margins = [b[i] for b, i in zip(bounds, worst, strict=True)]
            best = int(np.argmax(margins))
            signs, margin = self.candidates()[best], margins[best]
            # where a bound is not positive, the neurons that are active on its sample have one sign
            cubes = [
                (i, s[np.argmax(self.pattern[i])]) for i, s in zip(worst, self.candidates(), strict=True)
            ]
        if margin > 0:
            assert signs is not None
            return self._witness(margin, self.y, signs, exact)
        leaves = [independent_samples.sample_leaf(self.y[i], self.pattern, i, s) for i, s in cubes]
        branches = np.zeros(0, dtype=np.int64)
        if self.all_signs:
            branches = independent_samples.refutation(self.pattern, leaves, self.budget)
        return self._none(margin, leaves, branches, self._dead_loss(), exact)

    def _values(self, outputs: NDArray, signs: NDArray, before: NDArray | None = None) -> NDArray[np.float64]:
        """R_j·x_i, (N, K), with these outputs and the largest margin for these signs.

        before : an R whose pairs came out on the wrong side by rounding; they are put further inside
        """
        rounding = np.zeros(self.pattern.shape)
        if before is not None:
            with np.errstate(over="ignore", invalid="ignore"):
                rounding = DEEP * (np.abs(self.inputs.X) @ np.abs(before).T)
            rounding[~np.isfinite(rounding)] = 0.0
        values = independent_samples.witness_values(
            outputs, self.pattern, signs, self.inputs.scaled_lengths, rounding.max(axis=1)
        )
        inside = ~self.pattern & (values != 0)
        return np.where(inside, -signs * np.maximum(np.abs(values), rounding), values)

    def _witness(self, margin: float, outputs: NDArray, signs: NDArray, exact: bool) -> Decision:
        """The decision that an R with these outputs is a witness."""
        R = None
        for _ in range(ATTEMPTS):
            R = self.inputs.prescribe(self._values(outputs, signs, R))
            found = self._claimed(margin, signs, exact, R)
            if found.level != "rejected":
                return found
        finer = self._with_less_margin, self._with_rest
        answers = (ask(found, outputs) for ask in (finer[::-1] if exact else finer))
        return next((answer for answer in answers if answer.level != "rejected"), found)

    def _with_less_margin(self, decision: Decision, outputs: NDArray) -> Decision:
        """The same with the margin that R shows, rounded as it is."""
        assert decision.R is not None and decision.signs is not None
        try:
            lower = margin_shown(self.cell, decision.R, decision.signs)
        except ArithmeticError:  # F's columns depend on each other, and are too many to say how
            lower = 0.0
        return self._confirmed(replace(decision, margin=lower, exact=False))

    def _with_rest(self, decision: Decision, outputs: NDArray) -> Decision:
        """The same with an R that is the sum of several floats, as many as it takes."""
        assert decision.signs is not None
        if not self.cell.rational:
            return decision
        self.cell.afford_system(self.cell.N)
        weights = prescribed_exactly(self.inputs.X, self._values(outputs, decision.signs))
        for count in PARTS:
            self.budget.check()
            R, *rest = weights.parts(count)
            found = self._claimed(decision.margin, decision.signs, decision.exact, R, np.array(rest))
            if found.level != "rejected":
                return found
        return decision

    def _claimed(
        self, margin: float, signs: NDArray, exact: bool, R: NDArray, rest: NDArray | None = None
    ) -> Decision:
        """The decision that R, with its rest, is a witness of this margin, as the checker sees it."""
        found = self._decision("genuine", margin, "witness", self._dead_loss(), R, signs, None, exact, rest)
        return self._confirmed(found)

    def _by_free_samples(self, exact: bool) -> Decision:
        """The same with a free part."""
        assert self.part is not None
        if self.part.everything:  # every R is a minimiser
            allowed = np.ones(self.K, np.int8) if self.all_signs else self.candidates()[0]
            outputs = 2.0 * self.pattern.sum(axis=1) * free_samples.one_signed(self.pattern, allowed)
            return self._witness(1.0, outputs, allowed, exact)
        program = free_samples.IndependentSamples(self.part, self.y, self.pattern, self.budget)
        if self.all_signs:
            signs, found, leaves = free_samples.best_signs(self.pattern, program.margin, exact, self.budget)
        else:
            optima = [program.margin(s) for s in self.candidates()]
            best = int(np.argmax([optimum.margin for optimum in optima]))
            signs, found = self.candidates()[best], optima[best]
            leaves = [optimum.leaf for optimum in optima if optimum.leaf is not None]
        if found.margin > 0:
            assert signs is not None
            return self._witness(found.margin, found.outputs, signs, exact)
        branches = np.zeros(0, dtype=np.int64)
        if self.all_signs:
            branches = independent_samples.refutation(self.pattern, leaves, self.budget)
        return self._none(found.margin, leaves, branches, self._dead_loss(), exact)

    # All other samples

    def _by_programs(self, exact: bool) -> Decision:
        kind = Branching if self.all_signs else GivenSigns
        work = kind(self.inputs, self.y, self.pattern, self.budget, exact, part=self.part)
        if self._programs is not None:
            work.program = self._programs
        self._programs = work.program
        work.cell = self.cell
        if self.careful:
            work.be_careful()
        loss = work.loss
        try:
            best = work.best() if isinstance(work, Branching) else work.best_of(self.candidates())
        except NoProof:
            return replace(self._decision("none", 0.0, "precision", loss), level="rejected")
        branches = work.branches if isinstance(work, Branching) else np.zeros(0, dtype=np.int64)
        if best.margin > 0:
            witness = {"R": best.R, "signs": best.signs, "rest": best.rest}
            return self._confirmed(
                self._decision("genuine", best.margin, "witness", loss, exact=exact, **witness)
            )
        leaves = work.leaves
        if isinstance(work, Branching):
            leaves = [leaf for leaf in leaves if leaf.bound <= work.at_most(best.margin)]
        return self._none(best.margin, leaves, branches, loss, exact)

    _programs: MarginProgram | None = field(default=None, init=False, repr=False)  # once it is set up

    def _none(
        self, margin: float, leaves: list[Leaf], branches: NDArray[np.int64], loss: float, exact: bool
    ) -> Decision:
        """The verdict that no sign vector has a positive margin, with the leaves that show the margin."""
        if not exact:
            margin = max(leaf.bound for leaf in leaves)
        if len(leaves) > 1:
            reason = "conflicts"
        else:
            reason = leaves[0].kind or ("sample" if leaves[0].sample >= 0 else "multipliers")
        certificate = Certificate(tuple(leaves), branches)
        found = self._confirmed(
            self._decision("none", margin, reason, loss, certificate=certificate, exact=exact)
        )
        if found.level != "rejected":
            return found
        # bounds near 0 have few digits: the checker's own stand in for them
        shown = [leaf_bound(self.cell, leaf) for leaf in leaves]
        leaves = [replace(leaf, bound=at.upper) for leaf, at in zip(leaves, shown, strict=True)]
        bound = max(leaf.bound for leaf in leaves)
        certificate = Certificate(tuple(leaves), branches)
        exact = exact and bound <= margin + ROUNDED * abs(margin)
        return self._confirmed(replace(found, margin=bound, certificate=certificate, exact=exact))
