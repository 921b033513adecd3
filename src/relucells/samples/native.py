"""Loops that run as native code.

numba compiles a function when it is first called. It keeps the result beside its source, or in the user's
cache folder, so that later processes only load it. Without fast-math a result does not depend on the
processor.
"""

from collections.abc import Callable

import numba


def native(function: Callable) -> Callable:
    """The function as native code. A division by zero gives inf or NaN, as in NumPy."""
    try:
        return numba.njit(cache=True, error_model="numpy")(function)
    except RuntimeError:  # no folder to keep it in can be written to: each process compiles anew
        return numba.njit(error_model="numpy")(function)
