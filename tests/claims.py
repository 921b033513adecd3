"""What README and docs say about results, and what reference/ holds: helpers for tests/docs."""

import pandas as pd
from conftest import ROOT

REFERENCE = ROOT / "reference"
WORDS = "no one two three four five six seven eight nine ten".split()


def read(name: str) -> pd.DataFrame:
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
