"""HiGHS says nothing on the terminal, whatever it prints before it can be told to be quiet."""

import os
import sys
from types import SimpleNamespace

import pytest

from relucells.search import highs
from relucells.search.budget import Budget


def test_the_notice_of_the_first_solver_goes_nowhere(monkeypatch, capfd):
    """HiGHS 1.16 prints two lines, by C, with the first solver of a process."""
    made = []

    class Solver:
        def __init__(self):
            if not made:
                os.write(1, b"Running HiGHS\n")
            made.append(self)

        def setOptionValue(self, name, value):
            assert name != "output_flag" or value is False

    monkeypatch.setitem(sys.modules, "highspy", SimpleNamespace(Highs=Solver))
    highs._highs.cache_clear()
    try:
        highs.new_solver()
        highs.new_solver()
    finally:
        highs._highs.cache_clear()
    os.write(1, b"after\n")
    assert len(made) == 3 and capfd.readouterr().out == "after\n"


def test_a_program_that_never_ends_is_asked_again_from_scratch():
    import highspy

    status = highspy.HighsModelStatus
    answers = [status.kIterationLimit, status.kNotset, status.kOptimal]

    class Solver:
        def __init__(self):
            self.options, self.scratch = {}, 0

        def getNumRow(self):
            return 30

        def getNumCol(self):
            return 10

        def setOptionValue(self, name, value):
            self.options[name] = value

        def clearSolver(self):
            self.scratch += 1

        def run(self):
            assert self.options["simplex_iteration_limit"] == 40 * highs.PIVOTS_EACH + highs.PIVOTS

        def getModelStatus(self):
            return answers[self.scratch] if self.scratch < len(answers) else status.kIterationLimit

    solver = Solver()
    assert highs.solve(solver, Budget()) == status.kOptimal and solver.scratch == 2
    answers.clear()
    with pytest.raises(highs.Unsolved):
        highs.solve(Solver(), Budget())
