"""HiGHS says nothing on the terminal, whatever it prints before it can be told to be quiet."""

import os
import sys
from types import SimpleNamespace

from relucells.search import highs


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
