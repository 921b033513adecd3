"""Points to which gradient descent converges: differentiable minima, kinks and saddles."""

from relucells._version_1 import attribute


def __getattr__(name: str):
    if name.startswith("_"):
        raise AttributeError(name)
    return attribute("critical_points", name)
