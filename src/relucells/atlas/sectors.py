"""The directions of one neuron on one-dimensional inputs, as sectors of a circle.

A neuron computes [w·(x, 1)]_+ with w in the plane. Each sample gives a line through the origin of that plane.
M different inputs cut it into 2M sectors; in each sector the neuron is active on one set of samples. A sector
lies between two *rays*: directions whose hinge is a sample. The ray w = σ (1, −v) has w·(x, 1) = σ (x − v),
with σ = +1 (active to the right of v) or −1 (to the left). So on one-dimensional inputs the cells of a
network with two neurons are the (2M)² rectangles of a torus. Every w of a closed sector is

    w = α σ_k (1, −v_k) + β σ_(k+1) (1, −v_(k+1)),   α, β ≥ 0      (derived).

Rays and sectors are numbered by angle: sector k lies between ray k and ray k + 1 (modulo 2M). Sector M − 1
activates every sample, sector 2M − 1 none.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray


@dataclass(frozen=True)
class Samples:
    """Samples on a line, in ascending order of x.

    x, y : (N,) inputs and labels; values : (M,) the different inputs, ascending.
    """

    x: NDArray[np.float64]
    y: NDArray[np.float64]

    @cached_property
    def values(self) -> NDArray[np.float64]:
        return np.unique(self.x)

    @property
    def sectors(self) -> int:
        """2M, the number of sectors and of rays."""
        return 2 * len(self.values)

    @cached_property
    def X(self) -> NDArray[np.float64]:
        """(N, 2): the inputs with the constant 1."""
        return np.column_stack([self.x, np.ones(len(self.x))])

    @cached_property
    def hinges(self) -> NDArray[np.float64]:
        """(2M,) v_k, the sample at which ray k has its hinge."""
        return np.concatenate([self.values[::-1], self.values[::-1]])

    @cached_property
    def sides(self) -> NDArray[np.int8]:
        """(2M,) σ_k: +1 where ray k is active to the right of its hinge, −1 to the left."""
        return np.repeat(np.array([1, -1], dtype=np.int8), len(self.values))

    @cached_property
    def rays(self) -> NDArray[np.float64]:
        """(2M, 2): the weight σ_k (1, −v_k) of every ray."""
        return self.sides.astype(float)[:, None] * np.column_stack([np.ones(self.sectors), -self.hinges])

    @cached_property
    def angles(self) -> NDArray[np.float64]:
        """(2M,) the angle of every ray, ascending from −π/2 up to 3π/2."""
        first = np.arctan(-self.values[::-1])
        return np.concatenate([first, first + np.pi])

    @cached_property
    def patterns(self) -> NDArray[np.bool_]:
        """(2M, N): which samples each sector activates."""
        place = np.searchsorted(self.values, self.x)
        M = len(self.values)
        right = [place >= M - 1 - k for k in range(M)]
        left = [place < M - 1 - k for k in range(M)]
        return np.array([*right, *left])

    def sector(self, angle: ArrayLike) -> NDArray[np.int64]:
        """The sector in which each direction lies; a direction on a ray belongs to the sector after it."""
        turned = (np.asarray(angle) + np.pi / 2) % (2 * np.pi) - np.pi / 2
        return (np.searchsorted(self.angles, turned, side="right") - 1) % self.sectors


def samples(x: ArrayLike, y: ArrayLike) -> Samples:
    """Check and sort one-dimensional samples.

    x : (N,) or (N, 1), finite, at least two different; y : (N,), finite.
    Raises ValueError, naming the argument.
    """
    x = _column("x", x)
    y = _column("y", y)
    if len(x) != len(y):
        raise ValueError(f"y: must have one entry per sample, {len(x)}, not {len(y)}")
    if len(np.unique(x)) < 2:
        raise ValueError("x: must hold at least two different inputs")
    order = np.lexsort((y, x))
    return Samples(x[order], y[order])


def scaled(x: ArrayLike) -> tuple[NDArray[np.float64], float, float]:
    """Inputs brought to the order of one, with their centre and unit: x = centre + unit · scaled.

    Cells, verdicts and losses do not change, because they depend only on the span of the inputs and the
    constant. The directions become those that a picture can show. The unit is a power of two, and the centre
    a multiple of it. If the shift could not be undone exactly, the inputs stay as they are.
    """
    x = _column("x", x)
    spread = float(np.std(x))
    if not np.isfinite(spread) or spread == 0:
        return x, 0.0, 1.0
    unit = 2.0 ** np.floor(np.log2(spread))
    centre = float(np.round(np.mean(x) / unit) * unit)
    small = (x - centre) / unit
    if not np.isfinite(small).all() or (centre + unit * small != x).any():
        return x, 0.0, 1.0
    return small, centre, float(unit)


def _column(name: str, value: ArrayLike) -> NDArray[np.float64]:
    array = np.asarray(value)
    if array.dtype.kind not in "biuf" or array.ndim not in (1, 2) or array.size != len(array):
        raise ValueError(f"{name}: must hold one real number per sample, not {array.dtype} {array.shape}")
    array = array.reshape(-1).astype(np.float64)
    if not np.isfinite(array).all():
        raise ValueError(f"{name}: must be finite, but holds NaN or infinity")
    return array
