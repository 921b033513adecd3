"""Whatever a checker is given, turned into plain arrays of the right shape, or refused.

A certificate may come from anywhere. No part of it is used before it has passed through here. What does not
fit raises ``Malformed``, and the checkers answer *rejected*.
Limits are on products of sizes: a view, or one leaf in many places, may stand for far more numbers than
it takes memory.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from relucells.certify.certificates import VERDICTS, Certificate, Decision, Leaf
from relucells.certify.conventions import BY_NAME, Convention

# More branches than any search would store.
BRANCHES = 10_000_000
# Most numbers in one array, and in all leaves of a certificate together.
ENTRIES, TOTAL = 20_000_000, 60_000_000
# Most numbers in what a witness's R lacks: each may take thousands of bits.
REST = 500_000
# Arrays that a leaf's own kind may have.
ARRAYS = 64


# Of plain numbers; subclasses may do anything when they are read.
INTEGERS = frozenset({int, *(np.dtype(code).type for code in "bhilqBHILQ")})
NUMBERS = INTEGERS | {float, np.float64, np.float32, np.float16}


class Malformed(Exception):
    """What was given is not a certificate at all."""


# What cannot be computed is not shown.
UNSHOWN = (
    Malformed,
    ArithmeticError,
    np.linalg.LinAlgError,
    MemoryError,
    RecursionError,
    LookupError,
    ValueError,
    TypeError,
)


def parts(value: Any, kind: type) -> dict[str, Any]:
    """The fields of a dataclass object of this very class; Malformed if it was never initialised."""
    if type(value) is not kind:
        raise Malformed
    try:
        return {name: getattr(value, name) for name in kind.__dataclass_fields__}
    except AttributeError:
        raise Malformed from None


def array(value: Any, kinds: str, dtype: type, shape: tuple[int | None, ...]) -> NDArray:
    """A fresh array of that dtype and shape (None: any length) from a plain array or nested lists.

    kinds : NumPy's letters of the dtypes that are taken. Masked arrays and other subclasses are not.
    """
    if type(value) in (list, tuple):
        if not _flat(value):
            raise Malformed
        try:
            value = np.array(value)
        except (ValueError, TypeError, OverflowError, RecursionError):
            raise Malformed from None
        if not value.size and None in shape:
            value = np.zeros([size or 0 for size in shape], dtype=dtype)
    if type(value) is not np.ndarray or value.dtype.kind not in kinds or value.dtype.itemsize > 8:
        raise Malformed
    if value.size > ENTRIES and None in shape:
        raise Malformed  # before anything is done to each entry
    if value.ndim != len(shape) or any(n not in (None, m) for n, m in zip(shape, value.shape, strict=True)):
        raise Malformed
    return np.array(value, dtype=dtype, order="C")


def _flat(value: list | tuple) -> bool:
    """Whether a list holds numbers, or lists of numbers, and not too many."""
    nested = [len(row) for row in value if type(row) in (list, tuple)]
    if len(value) * max(nested, default=1) > ENTRIES:
        return False
    rows = value if nested else [value]
    return all(type(row) in (list, tuple) and all(type(a) in NUMBERS for a in row) for row in rows)


def reals(value: Any, *shape: int | None) -> NDArray[np.float64]:
    """A finite float array."""
    found = array(value, "iuf", np.float64, shape)
    if not np.isfinite(found).all():
        raise Malformed
    return found


def integers(value: Any, *shape: int | None, low: int = 0, high: int) -> NDArray[np.int64]:
    """An integer array with 0 ≤ low ≤ entry < high; 2^63 and more become negative, and are refused."""
    found = array(value, "iu", np.int64, shape)
    if ((found < low) | (found >= high)).any():
        raise Malformed
    return found


def ternary(value: Any, K: int) -> NDArray[np.int8]:
    """A partial sign vector, (K,) in {−1, 0, 1}."""
    found = array(value, "iuf", np.float64, (K,))
    if not ((found == 0.0) | (np.abs(found) == 1.0)).all():
        raise Malformed
    return found.astype(np.int8)


def signs(value: Any, K: int) -> NDArray[np.int8]:
    """A sign vector, (K,) in ±1."""
    found = ternary(value, K)
    if not found.all():
        raise Malformed
    return found


def number(value: Any, infinite: bool = False) -> float:
    """A float; −inf and inf only if ``infinite``, never NaN."""
    if type(value) not in NUMBERS:
        raise Malformed
    try:
        found = float(value)
    except OverflowError:
        raise Malformed from None
    if found != found or (np.isinf(found) and not infinite):
        raise Malformed
    return found


def leaf(value: Any, N: int, K: int) -> Leaf:
    """A leaf with clean common fields; ``arrays`` is cleaned by its kind's own check."""
    given = parts(value, Leaf)
    if type(given["kind"]) not in (str, np.str_):
        raise Malformed
    pairs = integers(given["pairs"], None, 2, high=max(N, K))
    values = reals(given["values"], len(pairs))
    if ((pairs >= (N, K)).any()) or (values <= 0).any():
        raise Malformed
    if len(pairs) and len(np.unique(pairs[:, 0] * K + pairs[:, 1])) < len(pairs):
        raise Malformed
    if type(given["sample"]) not in INTEGERS or not -1 <= given["sample"] < N:
        raise Malformed
    arrays = given["arrays"]
    # keys of other types may do anything when they are compared
    if type(arrays) is not dict or len(arrays) > ARRAYS or any(type(name) is not str for name in arrays):
        raise Malformed
    return Leaf(
        ternary(given["signs"], K),
        number(given["bound"], infinite=True),
        int(given["sample"]),
        pairs,
        values,
        str(given["kind"]),
        arrays,
    )


def certificate(value: Any, N: int, K: int) -> Certificate:
    """A certificate of at least one leaf; one in many places stays one object, and equal ones become one."""
    given = parts(value, Certificate)
    leaves = given["leaves"]
    if type(leaves) not in (tuple, list) or not leaves or len(leaves) * K > TOTAL:
        raise Malformed
    branches = integers(given["branches"], None, high=K)
    if len(branches) > BRANCHES:
        raise Malformed
    clean: dict[int, Leaf] = {}
    equal: dict[tuple, Leaf] = {}
    total = 0
    for item in leaves:
        if id(item) not in clean:
            one = leaf(item, N, K)
            clean[id(item)] = one if one.arrays else equal.setdefault(_contents(one), one)
            total += len(one.signs) + 3 * len(one.values)
            if total > TOTAL:
                raise Malformed
    return Certificate(tuple(clean[id(item)] for item in leaves), branches)


def _contents(one: Leaf) -> tuple:
    """What a leaf without arrays holds."""
    parts = (one.signs, one.pairs, one.values)
    return one.kind, one.sample, one.bound, *(part.tobytes() for part in parts)


def decision(value: Any, N: int, D: int, K: int) -> tuple[Decision, Convention]:
    """A decision whose parts fit the cell and its verdict, and its convention."""
    parts(value, Decision)
    if type(value.exact) not in (bool, np.bool_):
        raise Malformed
    if type(value.verdict) not in (str, np.str_) or value.verdict not in VERDICTS:
        raise Malformed
    if type(value.convention) not in (str, np.str_) or value.convention not in BY_NAME:
        raise Malformed
    if (value.given is not None) != (value.convention == "given"):
        raise Malformed
    undecided = value.verdict == "undecided"
    clean = Decision(
        verdict=str(value.verdict),
        margin=np.nan if undecided else number(value.margin, infinite=True),
        R=None if value.R is None else reals(value.R, K, D),
        signs=None if value.signs is None else signs(value.signs, K),
        loss=np.nan if undecided else number(value.loss, infinite=True),
        convention=str(value.convention),
        certificate=None if value.certificate is None else certificate(value.certificate, N, K),
        exact=bool(value.exact),
        given=None if value.given is None else signs(value.given, K),
        rest=None if value.rest is None else reals(value.rest, None, K, D),
    )
    if clean.rest is not None and (clean.R is None or not 0 < clean.rest.size <= REST):
        raise Malformed
    there = clean.R is not None, clean.signs is not None, clean.certificate is not None
    if there != {"genuine": (True, True, False), "none": (False, False, True)}.get(clean.verdict, there):
        raise Malformed
    return clean, BY_NAME[clean.convention]
