"""One thread for linear algebra on small matrices.

On a machine whose cores are busy, the threads of a BLAS wait for each other. A product that takes
milliseconds on one thread can then take a second. The library's products are small, so it keeps them on one
thread.
"""

import sys
from collections.abc import Callable
from functools import lru_cache, wraps
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

# With more samples than this, products are so large that several threads are faster.
MANY = 3000


def one_thread(function: Callable[P, T]) -> Callable[P, T]:
    """The function, with BLAS on one thread while it runs. Not if its first argument holds many samples."""

    @wraps(function)
    def limited(*arguments, **named):
        X = arguments[0] if arguments else named.get("X")
        X = getattr(X, "X", X)
        if _many(X):
            return function(*arguments, **named)
        changed = [(library, n) for library in _libraries() if (n := library.num_threads) > 1]
        for library, _ in changed:
            library.set_num_threads(1)
        try:
            return function(*arguments, **named)
        finally:
            for library, n in changed:
                library.set_num_threads(n)

    return limited


def _many(X: object) -> bool:
    """Whether there are many samples; what has no length is refused later, by its name."""
    try:
        return len(X) > MANY  # type: ignore[arg-type]
    except TypeError:
        return False


def _libraries() -> list:
    """The BLAS libraries that are loaded."""
    return _look("scipy.linalg" in sys.modules)


@lru_cache(maxsize=2)
def _look(with_scipy: bool) -> list:
    """Look for them once, and again when SciPy has loaded its own."""
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController().select(user_api="blas").lib_controllers
