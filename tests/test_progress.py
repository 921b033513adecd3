"""Progress bars: where somebody watches, and nowhere else."""

import io
import subprocess
import sys
from contextlib import redirect_stderr

import pytest
from conftest import ROOT

from relucells import progress


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture(autouse=True)
def at_once(monkeypatch):
    """Without the wait for the bar, and silenced by no job."""
    monkeypatch.setattr(progress, "DELAY", 0.0)
    monkeypatch.setattr(progress, "_silent", False)


def test_a_terminal_sees_a_bar():
    with redirect_stderr(Terminal()) as terminal:
        assert list(progress.progress(range(3), "cells")) == [0, 1, 2]
    assert "cells" in terminal.getvalue() and "/3" in terminal.getvalue()


def test_a_short_call_shows_nothing(monkeypatch):
    monkeypatch.setattr(progress, "DELAY", 3600.0)
    with redirect_stderr(Terminal()) as terminal:
        assert list(progress.progress(range(3), "cells")) == [0, 1, 2]
    assert "cells" not in terminal.getvalue()


def test_jobs_are_silent():
    progress.silence()
    with redirect_stderr(Terminal()) as terminal:
        assert list(progress.progress(iter("ab"), "cells")) == ["a", "b"]
    assert terminal.getvalue() == ""


def test_a_stopped_loop_takes_its_bar_along():
    with redirect_stderr(Terminal()) as terminal:
        for item in progress.progress(range(10), "steps"):
            if item == 4:
                break
    assert terminal.getvalue().endswith("\r")


def test_a_pipe_sees_nothing():
    """A long descent whose output goes to a file or another program."""
    program = (
        "import numpy as np, relucells, relucells.progress as p; p.DELAY = 0\n"
        "X = np.ones((1, 1)); relucells.descend(X, [1.0], [[1.0]], [0.5], step=1e-9, max_steps=2000)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={"PYTHONPATH": str(ROOT / "src")},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == done.stderr == ""
