"""Linear programs in integers, finished by exact steps from a basis that floating point found.

    max goal·z    subject to    equations z = values,    rows z ≥ lower.

A *basis* holds all equations and as many rows as make a square, regular system; its point z fulfils them
with equality, its prices π solve goal + Σ π_b row_b = 0. It is optimal if the point fulfils all rows and
no row has a negative price. Negative prices are first taken as 0, which makes another goal, and the *dual*
simplex method restores the rows; a violated row with no row to leave for it proves that there is no point.
Then the *primal* method takes the true goal to its optimum (V. Chvátal, Linear Programming, chs. 8, 10).
"""

from dataclasses import dataclass

from flint import fmpq, fmpz_mat

from relucells.certify import dyadic
from relucells.certify.cell import SYSTEM
from relucells.search.budget import Budget

# Steps by the most violated row or most negative price; after them Bland's rule, which cannot go in circles.
GREEDY_STEPS = 100


@dataclass(frozen=True)
class Program:
    """Integer rows over n unknowns; together they must determine the unknowns."""

    equations: list[list]
    values: list
    rows: list[list]
    lower: list
    goal: list


class Infeasible(Exception):
    """No point fulfils the program; ``prices`` : {row: multiplier > 0} that show it with the equations."""

    def __init__(self, prices: dict[int, fmpq]):
        super().__init__("no point fulfils all rows")
        self.prices = prices


def optimise(program: Program, tight: list[int], budget: Budget) -> tuple[tuple[list, int], dict[int, fmpq]]:
    """((z numerators, common denominator), {row: price > 0}) of an optimum.

    tight : rows to begin with, most wanted first. Raises Infeasible, or WorkLimit where the time is up.
    The program must be bounded.
    """
    work = _Simplex(program, tight, budget)
    work.restore()
    return work.improve()


class _Simplex:
    def __init__(self, program: Program, tight: list[int], budget: Budget):
        self.program, self.budget = program, budget
        self.matrix, self.all_lower = fmpz_mat(program.rows), program.lower
        e, order = len(program.equations), dict.fromkeys([*tight, *range(len(program.rows))])
        candidates = list(order)
        chosen = independent_rows(program.equations + [program.rows[k] for k in candidates])
        self.basis = [candidates[n - e] for n in chosen if n >= e]
        self.steps = 0
        table = self.matrix.tolist() + program.equations
        self.bits = max((int(abs(a)).bit_length() for row in table for a in row), default=1)

    def _square(self) -> fmpz_mat:
        return fmpz_mat(self.program.equations + [self.program.rows[k] for k in self.basis])

    def _solve(self, right: list, transposed: bool = False) -> tuple[list[int], int]:
        """Solution of the basis's system (or its transpose) as numerators and a positive denominator."""
        self.budget.check()
        self.budget.afford(SYSTEM * len(right) ** 3 * self.bits)
        square = self._square().transpose() if transposed else self._square()
        whole, denominator = dyadic.solve(square, fmpz_mat([[entry] for entry in right]))
        return [int(entry) for entry in whole.entries()], int(denominator)

    def _point(self) -> tuple[list[int], int]:
        return self._solve(self.program.values + [self.all_lower[k] for k in self.basis])

    def _prices(self) -> list[fmpq]:
        """π of the basis's rows for the true goal."""
        whole, denominator = self._solve([-g for g in self.program.goal], transposed=True)
        return [fmpq(p, denominator) for p in whole[len(self.program.equations) :]]

    def _slack(self, point: tuple[list[int], int]) -> list[int]:
        """denominator · (rows z − lower)."""
        whole, denominator = point
        image = (self.matrix * fmpz_mat([[entry] for entry in whole])).entries()
        return [int(v) - denominator * b for v, b in zip(image, self.all_lower, strict=True)]

    def _pick(self, bad: list[tuple]) -> int:
        """The entering row among (how bad, row): the worst, or the first once steps grow many."""
        self.steps += 1
        return max(bad)[1] if self.steps <= GREEDY_STEPS else min(k for _, k in bad)

    def restore(self) -> None:
        """Dual steps until the point fulfils all rows, for the goal whose prices are not negative."""
        prices = {k: max(p, fmpq(0)) for k, p in zip(self.basis, self._prices(), strict=True)}
        while True:
            slack = self._slack(self._point())
            bad = [(-s, k) for k, s in enumerate(slack) if s < 0]
            if not bad:
                return
            entering = self._pick(bad)
            share = self._through_basis(entering)
            leaving = [(prices[k] / a, k) for k, a in share.items() if a > 0]
            if not leaving:
                raise Infeasible({entering: fmpq(1)} | {k: -a for k, a in share.items() if a < 0})
            ratio, out = min(leaving)
            for k, a in share.items():
                prices[k] -= ratio * a
            del prices[out]
            prices[entering] = ratio
            self.basis[self.basis.index(out)] = entering

    def _through_basis(self, row: int) -> dict[int, fmpq]:
        """a with row = Σ a_k row_k + equations, over the rows of the basis."""
        whole, denominator = self._solve(self.program.rows[row], transposed=True)
        e = len(self.program.equations)
        return {k: fmpq(a, denominator) for k, a in zip(self.basis, whole[e:], strict=True) if a}

    def improve(self) -> tuple[tuple[list[int], int], dict[int, fmpq]]:
        """Primal steps until no price is negative."""
        self.steps = 0
        while True:
            prices = self._prices()
            bad = [(-p, k) for k, p in zip(self.basis, prices, strict=True) if p < 0]
            point = self._point()
            if not bad:
                return point, {k: p for k, p in zip(self.basis, prices, strict=True) if p > 0}
            out = self._pick(bad)
            place = self.basis.index(out)
            unit = [0] * (len(self.program.equations) + len(self.basis))
            unit[len(self.program.equations) + place] = 1
            direction, _ = self._solve(unit)
            rates = (self.matrix * fmpz_mat([[entry] for entry in direction])).entries()
            blocking = [
                (fmpq(s, -int(rate)), k)
                for k, (s, rate) in enumerate(zip(self._slack(point), rates, strict=True))
                if rate < 0
            ]
            if not blocking:
                raise ValueError("the program is unbounded")
            self.basis[place] = min(blocking)[1]


# Ranks and independent rows modulo a prime


def modular_rank(rows: list[list]) -> int:
    """The rank of integer rows modulo a prime drawn from them."""
    return dyadic.reduced(dyadic.matrix(rows, len(rows[0])))[1] if rows and rows[0] else 0


def independent_rows(rows: list[list]) -> list[int]:
    """The first rows, in order, that are independent of those before them, modulo a prime drawn from them."""
    if not rows or not rows[0]:
        return []
    return dyadic.pivots(dyadic.matrix(rows, len(rows[0])).transpose())
