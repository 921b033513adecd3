"""One cell of weight space: its activation pattern, its minimum, its gap and its diameter."""

from relucells._version_1 import attribute


def __getattr__(name: str):
    if name.startswith("_"):
        raise AttributeError(name)
    return attribute("cells", name)
