"""Progress bars of long calls: in a terminal or a notebook, and nowhere else.

A bar appears once a call has lasted DELAY seconds and vanishes at its end. Jobs of the workflow call
``silence``: their output belongs to Snakemake.
"""

import sys
import warnings
from collections.abc import Iterable, Iterator
from typing import TypeVar

DELAY = 2.0
_silent = False
Item = TypeVar("Item")


def silence() -> None:
    """No bars from here on in this process."""
    global _silent
    _silent = True


def watched() -> bool:
    """Whether somebody sees a bar: standard error is a terminal, or an IPython kernel shows the output."""
    if _silent:
        return False
    terminal = sys.stderr is not None and sys.stderr.isatty()
    return terminal or "ipykernel" in sys.modules


def progress(items: Iterable[Item], what: str, total: int | None = None) -> Iterator[Item]:
    """The items one by one, with a bar that counts them as ``what`` (a plural) if somebody sees it.

    total : how many there will be; taken from ``len(items)`` where there is one, else not shown.
    """
    if not watched():
        yield from items
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # without ipywidgets there is a plain bar
        from tqdm.auto import tqdm

    yield from tqdm(items, desc="relucells", unit=f" {what}", total=total, delay=DELAY, leave=False)
