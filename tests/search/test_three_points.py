"""The example in docs/three_points.md does what it says: each of its code blocks, run in order."""

import doctest

from conftest import ROOT

GUIDE = ROOT / "docs" / "three_points.md"


def test_every_line_of_the_example():
    failed, tried = doctest.testfile(str(GUIDE), module_relative=False, encoding="utf-8")
    assert tried >= 20
    assert failed == 0
