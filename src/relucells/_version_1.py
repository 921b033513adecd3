"""Keeps the imports that version 1 documented, with a DeprecationWarning that names the new one."""

import sys
import warnings
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType

# Modules of version 1 and where their contents are; "" is the package itself, which has the public names.
MOVED = {
    "added_neuron": "related.exponential_neuron",
    "better": "lower_loss",
    "certificates": "certify.certificates",
    "diameter": "cells.diameter",
    "draws": "cells.inspection",
    "gaussian": "samples.gaussian",
    "gaussian_1d": "line",
    "genuineness": "",
    "images": "samples.images",
    "inputs": "samples.inputs",
    "jacobian_rank": "related.jacobian_rank",
    "maximum_concatenation": "related.concatenation",
    "minima": "cells.minimum",
    "randomness": "samples.randomness",
    "scaling": "transition.laws",
    "student_teacher": "related.student_teacher",
}
# Modules of version 1 whose name a package has now, and the modules that have their contents.
PACKAGES = {
    "cells": ["cells.pattern"],
    "critical_points": [
        f"critical_points.{name}"
        for name in ("classify", "gradient", "exact_descent", "closed_cell", "saddles")
    ],
    "transition": ["transition.geometry"],
}


def _place(new: str) -> str:
    return f"relucells.{new}" if new else "relucells"


class _Finder(MetaPathFinder, Loader):
    """Finds the old modules; each takes its names from the new one."""

    def find_spec(self, fullname, path=None, target=None):
        package, _, name = fullname.rpartition(".")
        return ModuleSpec(fullname, self) if package == "relucells" and name in MOVED else None

    def create_module(self, spec) -> ModuleType:
        return ModuleType(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        new = _place(MOVED[module.__name__.rpartition(".")[2]])
        warnings.warn(
            f"{module.__name__} is the name of version 1; import from {new}", DeprecationWarning, stacklevel=6
        )
        vars(module)["__getattr__"] = lambda name: getattr(import_module(new), name)


def serve_old_imports() -> None:
    """Let ``import relucells.genuineness`` and the like find what they found in version 1."""
    if not any(isinstance(finder, _Finder) for finder in sys.meta_path):
        sys.meta_path.append(_Finder())


def attribute(package: str, name: str):
    """A name that version 1 had in a module whose name is a package's now."""
    for new in map(_place, PACKAGES[package]):
        if hasattr(module := import_module(new), name):
            break
    else:
        raise AttributeError(f"module 'relucells.{package}' has no attribute {name!r}")
    warnings.warn(
        f"relucells.{package}.{name} is the name of version 1; import it from {new}",
        DeprecationWarning,
        stacklevel=3,
    )
    return getattr(module, name)
