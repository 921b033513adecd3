"""The mathematics of cells and minima of one-hidden-layer ReLU networks.

``import relucells`` in a notebook and use ``relucells.genuineness.decide`` and its neighbours:
the submodules are imported on first use, so importing the package itself costs nothing.
"""

from importlib import import_module
from pkgutil import iter_modules

__version__ = "1.0.0"

_MODULES = sorted(module.name for module in iter_modules(__path__))


def __getattr__(name: str):
    if name in _MODULES:
        return import_module(f"{__name__}.{name}")
    if name == "prepare":
        return import_module(f"{__name__}.inputs").prepare
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *_MODULES, "prepare"])
