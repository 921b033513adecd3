"""Genuine local minima of one-hidden-layer ReLU networks: found, decided and certified.

    import relucells
    decision = relucells.decide(X, y, pattern, "exists")
    relucells.verify(X, y, pattern, decision)

The packages, each of which uses only those above it:

    samples           the data: checks, ranks, bases, images, random streams
    statistics        intervals for shares and means, and what another experiment would print
    cells             one cell: activation pattern, minimum, diameter
    certify           the trusted part: certificates and their check
    search            the part that finds verdicts and certificates, and need not be trusted
    critical_points   the points to which descent converges: minima, kinks, saddles
    atlas             the whole landscape of two neurons on a line, and slices through larger ones
    examination       a network that somebody trained: what it is, what its cell holds
    transition        up to how many samples cells hold a genuine minimum
    related           the related works
    pipeline          what the workflow's rules and scripts share

Beside them stand single modules: ``descent`` (gradient descent until it leaves its cell), ``line`` (Figures 1
to 3), ``lower_loss`` (bad or global?), ``cli`` (the command). pyproject.toml has the exact order.

Public names are imported on first use, so that importing the package costs nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from relucells import _version_1
from relucells._version import __version__

if TYPE_CHECKING:
    from relucells.cells.diameter import cell_diameter
    from relucells.cells.minimum import cell_minimum
    from relucells.cells.pattern import activation_pattern
    from relucells.certify.certificates import Certificate, Decision, Leaf
    from relucells.certify.export import export_certificate
    from relucells.certify.verify import verification_level, verify
    from relucells.critical_points.classify import critical_point
    from relucells.descent import descend
    from relucells.examination.examine import examine
    from relucells.examination.torch_network import from_torch
    from relucells.samples.inputs import prepare
    from relucells.search.decide import decide

__all__ = [
    "Certificate",
    "Decision",
    "Leaf",
    "__version__",
    "activation_pattern",
    "cell_diameter",
    "cell_minimum",
    "critical_point",
    "decide",
    "descend",
    "examine",
    "export_certificate",
    "from_torch",
    "prepare",
    "verification_level",
    "verify",
]

_MODULES = {
    "Certificate": "certify.certificates",
    "Decision": "certify.certificates",
    "Leaf": "certify.certificates",
    "activation_pattern": "cells.pattern",
    "cell_diameter": "cells.diameter",
    "cell_minimum": "cells.minimum",
    "critical_point": "critical_points.classify",
    "decide": "search.decide",
    "descend": "descent",
    "examine": "examination.examine",
    "export_certificate": "certify.export",
    "from_torch": "examination.torch_network",
    "prepare": "samples.inputs",
    "verification_level": "certify.verify",
    "verify": "certify.verify",
}

_version_1.serve_old_imports()


def __getattr__(name: str):
    if name in _MODULES:
        return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
    if name in _version_1.MOVED:
        return import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *_MODULES})
