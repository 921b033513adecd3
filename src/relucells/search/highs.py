"""HiGHS for every linear program of the search: quiet, serial, within the budget."""

import os
import threading
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from relucells.search.budget import Budget, WorkLimit

# The smallest feasibility tolerance that HiGHS accepts. Rows have length 1 and y the order of 1.
FEASIBILITY = 1e-10

# HiGHS sometimes gives up on a degenerate program (status "Not Set"). It is then asked again from scratch:
# with the primal simplex method, without scaling, and with both.
USUAL = {"simplex_strategy": 1, "simplex_scale_strategy": 2}
ATTEMPTS: tuple[dict[str, int], ...] = (
    {},
    {},
    {"simplex_strategy": 4},
    {"simplex_scale_strategy": 0},
    {"simplex_strategy": 4, "simplex_scale_strategy": 0},
)

# Pivots of one attempt, for each row and column, and in any case: some ten times what programs take that end.
# On very degenerate ones HiGHS may go round in circles for ever.
PIVOTS_EACH, PIVOTS = 5, 1000

_first = threading.Lock()


class Unsolved(Exception):
    """HiGHS found neither an optimum nor a proof that there is none."""


def new_solver():
    """HiGHS for small programs that are solved again and again, at its best tolerances."""
    solver = _highs().Highs()
    for name, value in (
        ("output_flag", False),
        ("threads", 1),
        ("presolve", "off"),
        ("solver", "simplex"),
        ("primal_feasibility_tolerance", FEASIBILITY),
        ("dual_feasibility_tolerance", FEASIBILITY),
    ):
        solver.setOptionValue(name, value)
    return solver


def solve(solver, budget: Budget):
    """HiGHS's verdict, optimal or infeasible with a ray, from scratch if its restart fails.

    Raises Unsolved where all attempts fail, WorkLimit where the time is up.
    """
    import highspy

    status = None
    pivots = PIVOTS_EACH * (solver.getNumRow() + solver.getNumCol()) + PIVOTS
    solver.setOptionValue("simplex_iteration_limit", pivots)
    for attempt, options in enumerate(ATTEMPTS):
        if attempt:
            solver.clearSolver()
        for name, value in options.items():
            solver.setOptionValue(name, value)
        left = budget.left()
        if left is not None:
            budget.check()
            solver.setOptionValue("time_limit", solver.getRunTime() + left)
        solver.run()
        status = solver.getModelStatus()
        for name in options:
            solver.setOptionValue(name, USUAL[name])
        if status == highspy.HighsModelStatus.kTimeLimit:
            raise WorkLimit
        if status == highspy.HighsModelStatus.kOptimal:
            return status
        if status == highspy.HighsModelStatus.kInfeasible and solver.getDualRay()[1]:
            return status
    raise Unsolved(str(status))


def one_each(duals: NDArray[np.float64], rows: list) -> NDArray[np.float64]:
    """The duals, one for each row. HiGHS takes no rows whose numbers are too large, and has fewer then."""
    if len(duals) != len(rows) or not np.isfinite(duals).all():
        raise Unsolved("rows are missing")
    return duals


@lru_cache(maxsize=1)
def _highs():
    """The module, once the notice that HiGHS 1.16 prints with its first solver has gone nowhere.

    It is printed before a solver can be told to be quiet, by C, so that only the file descriptor helps.
    """
    import ctypes

    import highspy

    with _first:
        try:
            flush = ctypes.CDLL(None).fflush
            kept, nowhere = os.dup(1), os.open(os.devnull, os.O_WRONLY)
        except (OSError, TypeError):  # no standard output, or not the C library of a Unix
            return highspy
        try:
            flush(None)
            os.dup2(nowhere, 1)
            highspy.Highs()
            flush(None)
        finally:
            os.dup2(kept, 1)
            os.close(kept)
            os.close(nowhere)
    return highspy
