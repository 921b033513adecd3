"""Native code where no folder can keep it."""

import numba
import pytest
from numba.core.caching import CacheImpl

from relucells.samples.native import native


def half(x):
    return 1 / (2 * x)


def test_without_a_folder_to_write_to_code_is_compiled_anew(monkeypatch):
    monkeypatch.setattr(CacheImpl, "_locator_classes", [])
    with pytest.raises(RuntimeError):
        numba.njit(cache=True)(half)
    assert native(half)(2.0) == 0.25


def test_a_division_by_zero_gives_infinity():
    assert native(half)(0.0) == float("inf")
