"""Checked arguments, and a data set's inputs prepared once for repeated use.

Questions about a cell involve the weights of neuron j only through the N values R_j·x_i. So only the
component of R_j in the span of the samples matters. ``prepare`` computes that span once: ``X = C Bᵀ`` with an
orthonormal B. All later work is done on C, which has rank(X) columns instead of D.
"""

import sys
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from relucells.samples.columns import ColumnSpace, IntegerSamples
from relucells.samples.decomposition import inverse_lower, svd
from relucells.samples.exact_weights import prescribed_exactly
from relucells.samples.floating import RowSystem, gamma, row_system
from relucells.samples.records import Record
from relucells.samples.scaling import SHORT, row_lengths

# A Gram matrix squares the singular values, so the small ones can be lost in rounding. Beyond this bound on
# the factor's condition number the singular values themselves are computed instead.
GRAM_CONDITION_LIMIT = 1e6
# Squared lengths outside this range lose digits to underflow, or overflow in products.
GRAM_RANGE = (1e-200, 1e200)
# Weights that give ill-conditioned samples their values are solved for exactly, up to so many entries of X.
UNSURE, EXACT_SAMPLES = 1e-8, 5_000
# Beyond it not every integer is a float.
LONGEST_INTEGER = 2.0**53
# Lists in lists: numpy takes no more.
DEEPEST = 64
TOO_LONG = (
    "holds a number that float64 would round, and everything is decided of the exact numbers; "
    "subtract an offset or round it first"
)


@dataclass(frozen=True, eq=False)
class Inputs(Record):
    """Samples x_1 … x_N as rows, augmented by the caller, with what can be computed from them alone.

    X : (N, D) float
    Computed on first use and kept: ``gram`` (N, N), the exact ``rank``, the samples in orthonormal
    coordinates of their span, ``X = coordinates @ basis.T`` up to rounding, (N, r) and (D, r) with r = rank
    X, and, for questions that depend on the columns' span alone, an orthonormal basis of it (``space``).
    """

    X: NDArray[np.float64]

    @property
    def fixed(self) -> bool:
        """Whether X cannot be changed in place by accident, as after ``prepare``."""
        return self.X.base is None and not self.X.flags.writeable

    @cached_property
    def space(self) -> ColumnSpace:
        """The span of X's columns: all that genuineness depends on."""
        return ColumnSpace(self.X)

    @cached_property
    def gram(self) -> NDArray[np.float64]:
        """G = X Xᵀ, (N, N)."""
        with np.errstate(over="ignore", invalid="ignore"):
            return self.X @ self.X.T

    @cached_property
    def rank(self) -> int:
        """rank X, of the rational numbers that the floats are (``columns``)."""
        return min(self.X.shape) if self._gram_factor is not None else self.space.rank

    @property
    def independent(self) -> bool:
        """Whether the N samples are linearly independent (rank X = N)."""
        return self.rank == len(self.X)

    @cached_property
    def hinges_on_rounding(self) -> bool:
        """Whether ``rank`` depends on singular values as small as rounding, columns scaled to one size."""
        return self._gram_factor is None and self.space.hinges_on_rounding

    @property
    def to_be_exact(self) -> bool:
        """Whether samples are independent, but so nearly dependent that weights are solved for exactly.

        They must be few enough.
        """
        few = self._gram_factor is None and self.X.size <= EXACT_SAMPLES
        return few and self.independent and self.space.condition > 1.0 / UNSURE

    @property
    def integer_samples(self) -> IntegerSamples:
        """The samples in integers, for exact arithmetic."""
        return self.space.integer_samples

    @cached_property
    def nonzero(self) -> NDArray[np.bool_]:
        """Samples that are not at the origin, (N,)."""
        return nonzero_rows(self.X)

    @cached_property
    def coordinates(self) -> NDArray[np.float64]:
        """(N, r); X itself where its columns are independent, free of rounding."""
        if self.rank == self.X.shape[1]:
            return self.X
        left, singular, _ = self._svd
        return left[:, : self.rank] * singular[: self.rank]

    @cached_property
    def basis(self) -> NDArray[np.float64]:
        """(D, r), orthonormal columns."""
        if self.rank == self.X.shape[1]:
            return np.eye(self.rank)
        return self._svd[2][: self.rank].T

    @cached_property
    def orthonormal(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Coordinates (N, r) with orthogonal columns of norm √N, and the map (D, r) with X @ map = them.

        Questions about half-spaces are best conditioned in them, whatever the scales in X. Every sample's
        coordinates are right to their last digits, whatever its length.
        """
        root = np.sqrt(len(self.X))
        return root * self.space.coordinates, root * self.space.transform

    @cached_property
    def lengths(self) -> NDArray[np.float64]:
        """‖x_i‖, (N,), rounded up."""
        return np.linalg.norm(self.X, axis=1) * (1.0 + gamma(self.X.shape[1]))

    @cached_property
    def scaled_lengths(self) -> NDArray[np.float64]:
        """The lengths of the samples, (N,), after columns were scaled by powers of two."""
        return row_lengths(self.space.scaled)

    @cached_property
    def rows(self) -> RowSystem:
        """The samples, with a proof that they are linearly independent where there is one."""
        plain = row_system(self.X)
        return plain if plain.proven else row_system(self.space.scaled)

    def prescribe(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """R (K, D) with X Rᵀ = values (N, K); the samples must be independent.

        Of least norm where X is well-conditioned.
        """
        factor = self._gram_factor
        if factor is None:
            if self.to_be_exact or not np.isfinite(self.space.transform).all():
                return prescribed_exactly(self.X, values).floats
            transform = self.space.transform
            R = transform @ values
            return (R + transform @ (values - self.X @ R)).T
        R = self.X.T @ (factor.T @ (factor @ values))
        missing = values - self.X @ R
        return (R + self.X.T @ (factor.T @ (factor @ missing))).T

    def remembered(self, key: Hashable, make: Callable[[], Any]) -> Any:
        """``make()``.

        The result is kept until another key is asked for, so that several questions share it.
        """
        if self._last.get("key") != key:
            self._last.clear()  # first, so that two large cells are never held at once
            self._last["value"] = make()
            self._last["key"] = key
        return self._last["value"]

    @cached_property
    def _last(self) -> dict[str, Any]:
        return {}

    @cached_property
    def _gram_factor(self) -> NDArray[np.float64] | None:
        """``gram_factor`` of X Xᵀ or XᵀX, whichever is smaller."""
        N, D = self.X.shape
        with np.errstate(over="ignore", invalid="ignore"):
            return gram_factor(self.gram if N <= D else self.X.T @ self.X)

    @cached_property
    def _svd(self) -> tuple[NDArray, NDArray, NDArray]:
        return svd(self.X, full_matrices=False)


def prepare(X: ArrayLike | Inputs) -> Inputs:
    """Check the samples. Pass the result in the place of X, so that their span is computed only once.

    X : (N, D), N ≥ 1, D ≥ 1, finite. Raises ValueError otherwise. The samples are copied: later
    changes of the array have no effect.
    """
    if isinstance(X, Inputs):
        return X
    array = np.array(real_array("X", X, dimensions=2))
    array.setflags(write=False)
    return Inputs(array)


def rank_tolerance(largest: float, N: int, columns: int) -> float:
    """``numpy.linalg.matrix_rank``'s default tolerance for an N × columns matrix of that norm."""
    return largest * max(N, columns) * np.finfo(float).eps


def gram_factor(gram: NDArray[np.float64]) -> NDArray[np.float64] | None:
    """Inverse Cholesky factor T of a Gram matrix, TᵀT = G⁻¹, or None where G is too ill-conditioned.

    Frobenius norms bound the condition number from above, so a factor that is returned shows that
    the matrix behind the Gram matrix has full rank with singular values above 1e-6 of the largest.
    """
    largest, smallest = gram.diagonal().max(initial=0.0), gram.diagonal().min(initial=np.inf)
    if not (GRAM_RANGE[0] < smallest <= largest < GRAM_RANGE[1]):
        return None  # squares overflow or underflow: the caller has other means
    try:
        lower = np.asarray(np.linalg.cholesky(gram), dtype=np.float64)
        inverse = inverse_lower(lower)
    except np.linalg.LinAlgError:
        return None
    bound = np.linalg.norm(lower) * np.linalg.norm(inverse)
    return inverse if bound <= GRAM_CONDITION_LIMIT else None


def gram_factors(grams: NDArray[np.float64]) -> NDArray[np.float64] | None:
    """``gram_factor`` of each of many small matrices, (m, n, n); None where it is None for any."""
    sizes = np.diagonal(grams, axis1=1, axis2=2)
    if not ((GRAM_RANGE[0] < sizes) & (sizes < GRAM_RANGE[1])).all():
        return None
    try:
        lower = np.linalg.cholesky(grams)
        inverse = np.linalg.inv(lower)
    except np.linalg.LinAlgError:
        return None
    bound = np.linalg.norm(lower, axis=(1, 2)) * np.linalg.norm(inverse, axis=(1, 2))
    return np.asarray(inverse, dtype=np.float64) if (bound <= GRAM_CONDITION_LIMIT).all() else None


def clear_of_noise(factor: NDArray[np.float64] | None, whole: NDArray[np.float64]) -> bool:
    """Whether M, which a projection has left of ``whole``, is more than rounding.

    ``factor`` is M's inverse Cholesky factor: the least singular value of M is at least 1 / ‖factor‖.
    """
    if factor is None:
        return False
    return bool(np.linalg.norm(factor) * np.linalg.norm(whole) <= GRAM_CONDITION_LIMIT)


def real_array(name: str, value: ArrayLike, dimensions: int | None) -> NDArray[np.float64]:
    """``value`` as a finite float array without empty axes; ValueError names the argument.

    dimensions : how many there must be; None: one or more
    """
    given = plain_array(name, value)
    if given.dtype.kind not in "biuf":
        if given.dtype == object and any(type(entry) is int for entry in given.flat):
            raise ValueError(f"{name}: {TOO_LONG}")
        raise ValueError(f"{name}: must hold real numbers, not {given.dtype}")
    with np.errstate(over="ignore"):
        array = np.ascontiguousarray(given, dtype=np.float64)
    if not _is_exact(value, given, array):
        raise ValueError(f"{name}: {TOO_LONG}")
    if dimensions not in (None, array.ndim):
        raise ValueError(f"{name}: must have {dimensions} dimensions, not shape {array.shape}")
    if 0 in array.shape:
        raise ValueError(f"{name}: must not be empty, got shape {array.shape}")
    if not np.isfinite(array).all():
        raise ValueError(f"{name}: must be finite, but holds NaN or infinity")
    return array


def plain_array(name: str, value: ArrayLike) -> NDArray:
    """``value`` as an array of any dtype; ValueError names the argument where it is none, or masked."""
    refuse_masks(name, value)
    try:
        return np.asarray(value)
    except (ValueError, TypeError, RuntimeError, OverflowError) as error:  # a tensor's own errors among them
        raise ValueError(f"{name}: not an array ({error})") from None


def _is_exact(value: object, given: NDArray, array: NDArray[np.float64]) -> bool:
    """Whether no number was rounded on its way from ``value`` by way of ``given`` to float64."""
    if given.dtype.kind == "f" and given.dtype.itemsize > 8:
        return bool((array.astype(given.dtype) == given)[~np.isnan(given)].all())
    if given.dtype.itemsize < 8 or (given.dtype.kind == "f" and isinstance(value, np.ndarray)):
        return True
    if not (np.abs(array) >= LONGEST_INTEGER).any():
        return True
    if given.dtype.kind == "f":
        given = _objects(value)
    whole = (entry.item() if getattr(entry, "ndim", 1) == 0 else entry for entry in given.ravel().tolist())
    return all(a == b for a, b in zip(whole, array.ravel().tolist(), strict=True) if isinstance(a, int))


def _objects(value: Any) -> NDArray:
    """What a list or a table holds: numpy itself makes floats of it, and so does a table that numpy asks."""
    if hasattr(value, "to_numpy"):
        try:
            return value.to_numpy(dtype=object)
        except TypeError:  # not every library takes a dtype
            return np.column_stack([np.asarray(value[name], dtype=object) for name in value.columns])
    return np.asarray(value, dtype=object)


def refuse_masks(name: str, value: object, depth: int = 0) -> None:
    """ValueError for a masked array, or a list with one: numpy would use what is under the mask as data."""
    if isinstance(value, np.ma.MaskedArray):
        raise ValueError(
            f"{name}: must not be a masked array; leave the masked entries out, or fill them in yourself"
        )
    if not isinstance(value, Sequence) or isinstance(value, str | bytes) or depth > DEEPEST:
        return
    nested = tuple(
        kind for kind in set(map(type, value)) if issubclass(kind, Sequence | np.ma.MaskedArray)
    )  # looked for among the types, of which a long row of numbers has few
    for part in value if nested else ():
        if isinstance(part, nested):
            refuse_masks(name, part, depth + 1)


def at_least(name: str, value: Any, least: float, what: str, whole: bool = False) -> None:
    """ValueError unless value is a number, not NaN, of at least that; whole : an integer."""
    kinds = (int, np.integer) if whole else (int, float, np.integer, np.floating)
    if isinstance(value, bool) or not isinstance(value, kinds) or not value >= least:
        raise ValueError(f"{name}: must be {what}, at least {least:g}, not {value!r}")
    if isinstance(value, int) and value > sys.float_info.max:
        raise ValueError(f"{name}: must be {what}, and no more than a float can hold")


def targets(y: ArrayLike, N: int) -> NDArray[np.float64]:
    """The labels y, (N,), any finite real numbers."""
    y = real_array("y", y, dimensions=1)
    if len(y) != N:
        raise ValueError(f"y: must have one entry per sample, {N}, not {len(y)}")
    return y


def weights(W: ArrayLike, D: int, name: str = "W") -> NDArray[np.float64]:
    """Input weights, one neuron a row, (K, D)."""
    W = real_array(name, W, dimensions=2)
    if W.shape[1] != D:
        raise ValueError(f"{name}: must have one column per input coordinate, {D}, not {W.shape[1]}")
    return W


def network(
    inputs: Inputs, y: ArrayLike, W: ArrayLike, z: ArrayLike
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Labels and weights of a network on these samples: y (N,), W (K, D), z (K,)."""
    y = targets(y, len(inputs.X))
    W = weights(W, inputs.X.shape[1])
    z = real_array("z", z, dimensions=1)
    if len(z) != len(W):
        raise ValueError(f"z: must have one entry per neuron, {len(W)}, not {len(z)}")
    return y, W, z


def activations(pattern: ArrayLike, N: int) -> NDArray[np.bool_]:
    """An activation pattern, bool or 0/1, (N, K), K ≥ 1."""
    pattern = plain_array("pattern", pattern)
    if pattern.ndim != 2:
        raise ValueError(f"pattern: must have 2 dimensions, not shape {pattern.shape}")
    if pattern.shape[0] != N:
        raise ValueError(f"pattern: must have one row per sample, {N}, not {pattern.shape[0]}")
    if pattern.shape[1] == 0:
        raise ValueError("pattern: must have at least one column (K ≥ 1)")
    if pattern.dtype != bool:
        if pattern.dtype.kind not in "iuf" or not ((pattern == 0) | (pattern == 1)).all():
            raise ValueError("pattern: must be bool or hold only 0 and 1")
        pattern = pattern.astype(bool)
    return pattern


def nonzero_rows(array: NDArray) -> NDArray[np.bool_]:
    """Rows, (N,), of (N, n), that hold more than zeros."""
    short = array.shape[1] <= SHORT
    return np.asarray(np.ascontiguousarray(array.T).any(axis=0) if short else array.any(axis=1))


def distinct_columns(pattern: NDArray[np.bool_]) -> tuple[NDArray[np.bool_], NDArray[np.int64]]:
    """The distinct nonzero columns, (N, G), in order of appearance, and each neuron's, −1 if dead."""
    seen: dict[bytes, int] = {}
    group, first = np.full(pattern.shape[1], -1), list[np.intp]()
    packed = np.packbits(np.ascontiguousarray(pattern.T), axis=1)
    for j in np.flatnonzero(packed.any(axis=1)):
        group[j] = seen.setdefault(packed[j].tobytes(), len(first))
        if group[j] == len(first):
            first.append(j)
    return pattern[:, first], group
