"""Up to how many samples cells hold a genuine minimum: geometry of the data, half points, laws."""

from relucells._version_1 import attribute


def __getattr__(name: str):
    if name.startswith("_"):
        raise AttributeError(name)
    return attribute("transition", name)
