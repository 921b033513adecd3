"""Results as plain data that can be compared."""

from dataclasses import fields

import numpy as np


class Record:
    """Equality of a frozen dataclass that holds arrays: field by field, arrays by shape and content.

    NaN equals NaN, so that a record equals its copy. Records have no hash, as arrays have none. The dataclass
    must be made with ``eq=False``.
    """

    __hash__ = None  # type: ignore[assignment]  # what dict and set ask for

    def __eq__(self, other: object) -> bool:
        if type(self) is not type(other):
            return NotImplemented
        return all(same(getattr(self, one.name), getattr(other, one.name)) for one in fields(self))  # type: ignore[arg-type]  # a dataclass


def same(a: object, b: object) -> bool:
    """Whether two values are equal, arrays, and sequences and dicts of them, included."""
    if isinstance(a, np.ndarray) or isinstance(b, np.ndarray):
        a, b = np.asarray(a), np.asarray(b)
        return bool(np.array_equal(a, b, equal_nan=a.dtype.kind in "fc" and b.dtype.kind in "fc"))
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(same(a[key], b[key]) for key in a)
    if isinstance(a, (list, tuple)) and isinstance(b, (list, tuple)):
        return len(a) == len(b) and all(same(*pair) for pair in zip(a, b, strict=True))
    if isinstance(a, float) and isinstance(b, float) and np.isnan(a) and np.isnan(b):
        return True
    return bool(a == b)
