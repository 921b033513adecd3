"""Random streams that depend on what is drawn, not on when or where it is drawn."""

import hashlib

import numpy as np


def stream(seed: int, *names: object) -> np.random.Generator:
    """The generator that belongs to (seed, names), for example ``stream(seed, dataset, bias, trial)``.

    Equal arguments give equal streams on every machine and in every process; streams with different
    names are independent. The names enter by their text, through SHA-256.
    """
    digest = hashlib.sha256("\x1f".join(str(name) for name in names).encode()).digest()
    words = [int.from_bytes(digest[i : i + 4], "little") for i in range(0, len(digest), 4)]
    return np.random.default_rng(np.random.SeedSequence([seed, *words]))
