"""A free linear part of the network: f(x_i) = Σ_j I_ij R_j·x_i + F_i·c with c free.

F = (1, …, 1)ᵀ is an output bias, F = X a linear skip connection. Let Q be the projector onto the orthogonal
complement of F's range, and V an orthonormal basis of that complement. The R of all minimisers are the
minimisers of ‖Q (A R − y)‖² (derived: for every R the best c makes the residual orthogonal to F). So Vᵀ A and
Vᵀ y take the place of A and y everywhere. The half-spaces concern R alone and stay.
"""

from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from relucells.samples.inputs import Inputs, plain_array, real_array


class Complement:
    """V, n × (n − r), orthonormal and orthogonal to an F of full column rank r, (n, r); never formed."""

    def __init__(self, F: NDArray[np.float64]):
        from scipy.linalg import lapack

        self.r = F.shape[1]
        self.reflectors, self.factors, _, _ = lapack.dgeqrf(F)

    def _multiply(self, matrix: NDArray, transposed: bool) -> NDArray[np.float64]:
        from scipy.linalg import lapack

        trans = "T" if transposed else "N"
        if not matrix.size:
            return matrix
        _, work, _ = lapack.dormqr("L", trans, self.reflectors, self.factors, matrix, -1)
        found, _, _ = lapack.dormqr("L", trans, self.reflectors, self.factors, matrix, int(work[0]))
        return np.ascontiguousarray(found)

    def onto(self, values: NDArray) -> NDArray[np.float64]:
        """Vᵀ values, for values (n,) or (n, k)."""
        found = self._multiply(_flat(values), True)[self.r :]
        return found.reshape(len(found), *values.shape[1:])

    def back(self, values: NDArray) -> NDArray[np.float64]:
        """V values, for values (n − r,) or (n − r, k)."""
        flat = _flat(values)
        found = self._multiply(np.concatenate([np.zeros((self.r, flat.shape[1])), flat]), False)
        return found.reshape(len(found), *values.shape[1:])


def _flat(values: NDArray) -> NDArray[np.float64]:
    """Vectors as columns."""
    return values.reshape(len(values), int(np.prod(values.shape[1:])))


class FreePart:
    """F, (N, m), m ≥ 1 and not all zero, with what the search needs of it.

    inputs : F prepared, as samples are; rank : its exact rank; rows (N,) : where it has an entry
    """

    def __init__(self, F: NDArray[np.float64]):
        self.F, self.inputs = F, Inputs(F)
        self.rows: NDArray[np.bool_] = np.asarray(F.any(axis=1))

    @property
    def rank(self) -> int:
        return self.inputs.rank

    @property
    def everything(self) -> bool:
        """Whether every vector of N values is F c for some c."""
        return self.inputs.independent

    def reached(self, pattern: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Samples, (N,), whose output is not 0 whatever the weights are."""
        return np.logical_or(pattern.any(axis=1), self.rows)

    @cached_property
    def complement(self) -> Complement:
        return Complement(np.array(self.inputs.orthonormal[0]))

    def restricted(self, rows: NDArray[np.bool_]) -> Complement:
        """The complement within some samples, (N,) bool.

        They must include every sample at which F has an entry.
        """
        return self.complement if rows.all() else Complement(np.array(self.inputs.orthonormal[0][rows]))

    def rank_on(self, rows: NDArray[np.bool_]) -> int:
        """The exact rank of F's part on some samples, (N,)."""
        part = self.F[rows]
        return Inputs(part).rank if part.any() else 0

    def coefficients(self, values: NDArray) -> NDArray[np.float64]:
        """c, (m,), for which F c is nearest to values, (N,)."""
        coordinates, transform = self.inputs.orthonormal
        found = coordinates.T @ values
        found += coordinates.T @ (values - coordinates @ found / len(self.F))
        return transform @ (found / len(self.F))

    def projection(self, values: NDArray) -> NDArray[np.float64]:
        """F c of that c, (N,)."""
        return values - self.complement.back(self.complement.onto(values))

    def key(self) -> bytes:
        return self.F.tobytes()


def free_array(free: ArrayLike | FreePart | None, N: int) -> NDArray[np.float64]:
    """F, (N, m), checked; (N, 0) for None. ValueError names the argument."""
    if free is None:
        return np.zeros((N, 0))
    if isinstance(free, FreePart):
        free = free.F
    if plain_array("free", free).shape == (N, 0):
        return np.zeros((N, 0))
    F = real_array("free", free, dimensions=2)
    if len(F) != N:
        raise ValueError(f"free: must have one row per sample, {N}, not {len(F)}")
    return F


def coefficients(name: str, c: ArrayLike | None, F: NDArray[np.float64]) -> NDArray[np.float64]:
    """c, (m,), of a free part F (N, m); zeros for None. ValueError names the argument."""
    if c is None or (F.shape[1] == 0 and plain_array(name, c).shape == (0,)):
        return np.zeros(F.shape[1])
    c = real_array(name, c, dimensions=1)
    if len(c) != F.shape[1]:
        raise ValueError(
            f"{name}: must have one entry per column of the free part, {F.shape[1]}, not {len(c)}"
        )
    return c


def free_part_at(
    inputs: Inputs,
    output_bias: float | None = None,
    skip: ArrayLike | None = None,
    free: ArrayLike | FreePart | None = None,
    c: ArrayLike | None = None,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """F (N, m) and c (m,) of an output bias, a skip connection's weights (D,), and any further F c.

    Raises ValueError, naming the argument, for what does not fit.
    """
    N, D = inputs.X.shape
    F = free_array(free, N)
    if c is not None and free is None:
        raise ValueError("c: there is no free part that it belongs to; give it as free")
    columns, values = [F], [coefficients("c", c, F)]
    if output_bias is not None:
        columns.append(np.ones((N, 1)))
        values.append(real_array("output_bias", [output_bias], dimensions=1))
    if skip is not None:
        weights = real_array("skip", skip, dimensions=1)
        if len(weights) != D:
            raise ValueError(f"skip: must have one entry per column of X, {D}, not {len(weights)}")
        columns.append(inputs.X)
        values.append(weights)
    return np.column_stack(columns), np.concatenate(values)


def free_part(free: ArrayLike | FreePart | None, N: int) -> FreePart | None:
    """The free part, or None where it has no columns or only columns of zeros.

    free : (N, m) finite, or None. Raises ValueError, naming the argument, for anything else.
    """
    if isinstance(free, FreePart):
        if len(free.F) != N:
            raise ValueError(f"free: must have one row per sample, {N}, not {len(free.F)}")
        return free
    F = free_array(free, N)
    if not F.any():
        return None
    F = F.copy()
    F.flags.writeable = False
    return FreePart(F)
