"""What a decision may use: a number of linear programs, and seconds. Every part of the search asks here."""

import time
from dataclasses import dataclass

# Seconds that one product or factorisation takes at most for a thousand million multiplications.
SECONDS_PER_BILLION = 0.5
# A step is not begun if it would end later than the deadline by more than GRACE seconds, unless it takes less
# than BRIEF ones.
GRACE, BRIEF = 1.0, 0.1


def clock() -> float:
    """Seconds from a fixed moment; tests put their own in its place."""
    return time.monotonic()


class WorkLimit(Exception):
    """The linear programs or the time allowed for a decision are used up."""


@dataclass
class Budget:
    """Linear programs and a moment (of ``clock``) until which a decision may go on; None is unlimited."""

    programs: int | None = None
    deadline: float | None = None
    spent: int = 0

    def spend(self) -> None:
        """Count a linear program; WorkLimit if none is left."""
        self.check()
        if self.programs is not None and self.spent >= self.programs:
            raise WorkLimit
        self.spent += 1

    def check(self) -> None:
        """WorkLimit if the time is up."""
        left = self.left()
        if left is not None and left <= 0:
            raise WorkLimit

    def afford(self, multiplications: float) -> None:
        """WorkLimit if a step of so many multiplications, once begun, would end far beyond the time."""
        left = self.left()
        if left is not None and multiplications * 1e-9 * SECONDS_PER_BILLION > max(left + GRACE, BRIEF):
            raise WorkLimit

    def left(self) -> float | None:
        """Seconds left, None if they are not limited."""
        return None if self.deadline is None else self.deadline - clock()
