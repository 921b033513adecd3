"""Fixtures for the tests of the checker."""

import pytest


@pytest.fixture(params=["all", "exact arithmetic alone", "tolerances alone"])
def checking(request, monkeypatch) -> str:
    """One way of checking alone, as in cells that are too large or too difficult for the others."""
    if request.param != "all":
        monkeypatch.setattr("relucells.certify.cell.ENTRIES", 0)
    if request.param == "tolerances alone":
        monkeypatch.setattr("relucells.certify.cell.EXACT_RANK", 0)
    return request.param
