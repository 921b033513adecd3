"""What README and docs say about results, and what reference/ holds: helpers for tests/docs.

A module of tests/docs lists in ``SAID``, for each page, the functions that write a part of it anew from
reference/. […] stands for text between. What no function writes is no claim, or is named in
tests/docs/test_every_number.py.
"""

from collections.abc import Callable

import pandas as pd
import pytest
import yaml
from conftest import ROOT

REFERENCE = ROOT / "reference"
WORDS = "no one two three four five six seven eight nine ten".split()
Said = dict[str, list[Callable[[], str]]]


def settings() -> dict:
    """config.yaml as it is shipped."""
    return yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8"))


def cases(said: Said) -> list:
    """(page, function) for a parametrised test."""
    return [
        pytest.param(page, function, id=f"{page}-{function.__name__}")
        for page, functions in said.items()
        for function in functions
    ]


def parts(text: str) -> list[str]:
    return [part for part in text.split(" […] ") if part]


def unsaid(page: str, text: str) -> list[str]:
    """The parts of the text that the page does not have."""
    return [part for part in parts(text) if part not in said(page)]


def read(name: str) -> pd.DataFrame:
    """A result of the reference."""
    return pd.read_csv(REFERENCE / name, dtype={"bias": str, "printed": str})


def said(page: str) -> str:
    """A page as one line, without the marks of bold type."""
    return " ".join((ROOT / page).read_text(encoding="utf-8").replace("**", "").split())


def digits(value: float) -> str:
    """An N as the pages write it: one decimal below 100, none above."""
    return f"{value:.1f}" if value < 100 else f"{value:.0f}"


def signed(value: float) -> str:
    """A correlation, with a true minus."""
    return f"{value:.2f}".replace("-", "−")


def bias_of(bias: str) -> str:
    """A bias as the pages write it."""
    return bias.replace("-", "−")


def in_words(*names: object) -> str:
    """a, b and c."""
    *first, last = map(str, names)
    return f"{', '.join(first)} and {last}" if first else last


def to(low: float, high: float, form: str = ",.0f") -> str:
    """3 to 9."""
    return f"{low:{form}} to {high:{form}}"
