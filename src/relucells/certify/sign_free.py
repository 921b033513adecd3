"""Certificates that refute every choice of signs at once: sums of products of non-negative forms.

Let σ_ij = 1 where I_ij = 1 and −1 where I_ij = 0, and C_j = {v : σ_ij x_i·v ≥ 0 for all samples i}. At a
genuine minimum with signs s every s_j R_j lies in C_j. A *form* of neuron j is f(v) = Σ_i μ_i σ_ij x_i·v
with μ ≥ 0: it is non-negative on C_j. So is

    f(R_j) f'(R_j)            for two forms of one neuron, whatever its sign, because s_j² = 1,
    s_j s_k f(R_j) f'(R_k)    for forms of two neurons whose signs are known,

and for weights w ≥ 0 the sum Q(R_T) = Σ w f f' of such products is ≥ 0 at every genuine minimum. T is a
set of neurons that holds all owners of forms, U the other ones.

Theorem. Let p be the fitted values of the cell's minimum, |p − p̂| ≤ e, and B a matrix whose range
contains that of A_j for every j in U. If

    |A_T R_T + B b + τ p̂|² − e² τ² − Q(R_T)                                            (*)

is a positive definite quadratic form in (R_T, b, τ), the cell holds no genuine minimum with these signs.
Proof. At one, A_T R_T + A_U R_U = p, so some b gives A_T R_T + B b − p̂ = p − p̂. At (R_T, b, −1), which is
not zero, the form (*) is |p − p̂|² − e² − Q(R_T) ≤ 0. ∎ What is *strict* is the definiteness, and it is
what the check shows. Where p vanishes off the samples that B fits (below), τ is left out, and the vector
is not zero because R_j ≠ 0 for a neuron of T with an active sample, which T must hold; it must in any case.

B is never stored and nothing of it is dropped by a numerical rank: ``free_range`` makes it of the columns
of A_j, j in U, and of unit vectors, which may make its range larger than needed, never smaller. Samples
whose unit vectors are in B leave the residual; for the rest the columns of B are masked columns of X. The
columns of a free part F, which is without half-spaces like U, join B; those that it holds already do not.

Leaves of this kind hold, by name, the arrays of ``Products``. Their bound is 0: they show that there is no
positive margin, not how far below zero it is.

Definiteness is shown in floating point by a Cholesky factorisation of a matrix shifted by all rounding
errors (S. M. Rump, *Verification of positive definiteness*, BIT 2006), and where that does not suffice in
integers: for the matrix M and any S, S M Sᵀ strictly diagonally dominant with positive diagonal shows
that M is positive definite (a kernel vector of Sᵀ would be one of S M Sᵀ, which has none).
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from flint import fmpz_mat
from numpy.typing import NDArray

from relucells.certify import coercion
from relucells.certify.cell import Cell, present
from relucells.certify.definiteness import integers, positive_in_floats, positive_in_integers
from relucells.certify.dyadic import power
from relucells.certify.enclosures import covered
from relucells.samples.differences import differing, masked
from relucells.samples.floating import TINY, UNIT, gamma, norm

KIND = "products"
# Order of the quadratic form up to which it is checked in floating point (4000² floats are 128 MB), and in
# integers (order 800 takes some seconds).
LARGEST_ORDER = 4000
LARGEST_EXACT_ORDER = 800
# Forms that a certificate may hold for each unknown: more than any search makes.
FORMS_PER_UNKNOWN = 64
# Coordinates of its forms, of their multipliers' samples, or of its products' factors: some 100 MB each.
TERMS = 20_000_000
# Numbers are brought to the order of 1 by powers of two. Within this factor of 1 no product of a few of them
# underflows or overflows; a certificate or samples with others are rejected.
NORMAL = 2.0**150


@dataclass(frozen=True)
class Products:
    """The sum of products of a certificate, as it is stored.

    neurons : T, (t,) int, increasing
    owners : (F,) int, the neuron of each form; counts : (F,) int, how many multipliers each form has
    samples, multipliers : (M,) int and (M,) positive float, those of the forms one after the other; a
        multiplier belongs to σ_ij x_i as it is, whatever its length
    factors : (P, 2) int, the two forms of each product; weights : (P,) positive float
    """

    neurons: NDArray[np.int64]
    owners: NDArray[np.int64]
    counts: NDArray[np.int64]
    samples: NDArray[np.int64]
    multipliers: NDArray[np.float64]
    factors: NDArray[np.int64]
    weights: NDArray[np.float64]

    def arrays(self) -> dict[str, NDArray]:
        """As ``Leaf.arrays`` holds them."""
        return dict(vars(self))

    @classmethod
    def of(cls, arrays: Mapping[str, NDArray], N: int, D: int, K: int) -> "Products":
        """What a leaf holds, checked; raises ``coercion.Malformed``."""
        if set(arrays) != set(cls.__dataclass_fields__):
            raise coercion.Malformed
        T = coercion.integers(arrays["neurons"], None, high=K)
        owners = coercion.integers(arrays["owners"], None, high=K)
        counts = coercion.integers(arrays["counts"], len(owners), low=1, high=N + 1)
        samples = coercion.integers(arrays["samples"], None, high=N)
        if len(samples) != counts.sum():
            raise coercion.Malformed
        multipliers = coercion.reals(arrays["multipliers"], len(samples))
        factors = coercion.integers(arrays["factors"], None, 2, high=max(len(owners), 1))
        weights = coercion.reals(arrays["weights"], len(factors))
        sizes = len(owners), len(factors)
        large = max(sizes) > FORMS_PER_UNKNOWN * K * (D + 1) or max(*sizes, len(samples)) * D > TERMS
        if not len(T) or (np.diff(T) <= 0).any() or min(sizes) < 1 or large:
            raise coercion.Malformed
        if not np.isin(owners, T).all() or (multipliers <= 0).any() or (weights <= 0).any():
            raise coercion.Malformed
        return cls(T, owners, counts, samples, multipliers, factors, weights)


def refutes(cell: Cell, signs: NDArray[np.int8], arrays: Mapping[str, NDArray]) -> bool:
    """Whether the arrays of a leaf prove that no minimum with such signs is genuine.

    signs : (K,) in {−1, 0, 1}, 0 where the neuron may take either sign
    Raises ``coercion.Malformed`` for arrays that are no certificate of this kind.
    """
    products = Products.of(arrays, cell.N, cell.D, cell.K)
    first, second = products.owners[products.factors].T
    if ((first != second) & ((signs[first] == 0) | (signs[second] == 0))).any():
        return False
    numbers = cell.samples if cell.free is None or cell.free.scalable else cell.free
    if not numbers.scalable or not cell.pattern[:, products.neurons].any():
        return False
    p, error = _fitted(cell)
    if not np.isfinite(error).all():
        return False
    form = Form.of(cell, p, error, signs, products)
    scaled = _scaled(form) if form.order <= LARGEST_ORDER else None
    if scaled is None:
        return False
    if positive_in_floats(scaled.matrix, scaled.doubt):
        return True
    if form.order > LARGEST_EXACT_ORDER:
        return False
    return positive_in_integers(*_integer_matrix(form), scaled.exponents, scaled.matrix)


def _fitted(cell: Cell) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """p̂, (N,), for scaled labels, and a bound on the error of each, by exact arithmetic if need be."""
    p, error = cell.fitted
    if not np.isfinite(error).all() and cell.affordable:
        p, error = np.zeros(cell.N), np.zeros(cell.N)
        for i in np.flatnonzero(cell.alive).tolist():
            value = cell.exact.value(i) / power(cell.exponent)
            p[i] = int(value.p) / int(value.q)
            error[i] = 4 * UNIT * abs(p[i]) + 4 * TINY
    # what is too small for the products below counts as an error of 0
    small = np.abs(p) < 2.0 / NORMAL
    return np.where(small, 0.0, p), np.where(small, error + np.abs(p), error)


def free_range(columns: NDArray[np.bool_], rank: int) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """A set of samples S (N,) and masks (N, g) off S: the range of the blocks diag(column) X lies in the
    span of e_i, i in S, and of the blocks diag(mask) X.

    Blocks whose columns, (N, u), differ in at most ``rank`` = rank X samples would be (nearly) dependent:
    these samples join S. The zero column counts as a block. That only ever makes the span larger.
    """
    fitted = np.zeros(len(columns), dtype=bool)
    while True:
        rest = np.unique(columns & ~fitted[:, None], axis=1)
        rest = rest[:, rest.any(axis=0)]
        trial = np.concatenate([rest.T, np.zeros((1, len(rest)), dtype=bool)])
        close = np.argwhere(np.triu(differing(trial) <= rank, 1))
        if not len(close):
            return fitted, rest
        for a, b in close:
            fitted |= trial[a] ^ trial[b]


@dataclass(frozen=True)
class Form:
    """The quadratic form (*) of one certificate on ``rows``, the samples that no unit vector of B fits.

    X : (N, D); masks : (n, t + g) bool, the columns of the pattern in T and the masks of B, on rows
    p, error : (n,), or None where p vanishes on rows and τ is left out
    sides : (N, t), σ of the neurons in T; place : (F,) of each form's neuron in T; signs : (P,) of products
    """

    X: NDArray[np.float64]
    rows: NDArray[np.int64]
    masks: NDArray[np.bool_]
    free: NDArray[np.float64]
    p: NDArray[np.float64] | None
    error: NDArray[np.float64] | None
    sides: NDArray[np.float64]
    place: NDArray[np.int64]
    signs: NDArray[np.int64]
    products: Products

    @classmethod
    def of(cls, cell: Cell, p, error, signs: NDArray[np.int8], products: Products) -> "Form":
        """The form of a certificate on the scaled samples and labels; p, error : (N,)."""
        X = present(cell.samples.scaled)[:, cell.samples.columns]
        pattern, T = cell.pattern, products.neurons
        U = np.setdiff1d(np.arange(pattern.shape[1]), T)
        fitted, rest = free_range(pattern[:, U], X.shape[1])
        left = ~fitted & cell.alive
        rows = np.flatnonzero(left)
        new = ~covered(cell, pattern[:, U], left) if cell.m else np.zeros(0, dtype=bool)
        masks = np.concatenate([pattern[rows][:, T], rest[rows]], axis=1)
        with_p = bool(p[rows].any() or error[rows].any())
        first, second = products.owners[products.factors].T
        orientation = np.where(first == second, 1, signs[first].astype(np.int64) * signs[second])
        return cls(
            X=X,
            rows=rows,
            masks=masks,
            free=cell.F[np.ix_(left, new)],
            p=p[rows] if with_p else None,
            error=error[rows] if with_p else None,
            sides=np.where(pattern[:, T], 1.0, -1.0),
            place=np.searchsorted(T, products.owners),
            signs=orientation,
            products=products,
        )

    @property
    def order(self) -> int:
        """m, the number of unknowns."""
        return self.masks.shape[1] * self.X.shape[1] + self.free.shape[1] + (self.p is not None)

    @property
    def starts(self) -> NDArray[np.int64]:
        """Where each form's multipliers begin, (F,)."""
        return np.concatenate([[0], np.cumsum(self.products.counts)[:-1]])

    def blocks(self) -> list[tuple[int, int, NDArray[np.int64]]]:
        """(place in T, place in T, products) for each pair of neurons that has products."""
        t = len(self.products.neurons)
        first, second = self.place[self.products.factors].T
        code = first * t + second
        return [(int(c) // t, int(c) % t, np.flatnonzero(code == c)) for c in np.unique(code)]


# Floating point


@dataclass(frozen=True)
class Scaled:
    """The form's matrix in unknowns multiplied by powers of two, its diagonal near 1.

    matrix : (m, m); doubt : a bound on the norm of its error
    exponents : (m,) int, those of the powers of two, for the matrix of the unknowns that ``_residual`` has
    """

    matrix: NDArray[np.float64]
    doubt: float
    exponents: NDArray[np.int64]


def _scaled(form: Form) -> Scaled | None:
    """None where numbers of extreme size, or a diagonal that is not positive, forbid it."""
    C, products = _residual(form), _products(form)
    if C is None or products is None:
        return None
    size, Q = np.abs(C), products[0]
    matrix, error = C.T @ C, gamma(len(C) + 2) * (size.T @ size)
    k = len(Q)
    error[:k, :k] += products[1] + 4 * UNIT * (np.abs(Q) + np.abs(matrix[:k, :k]))
    matrix[:k, :k] -= Q
    if form.p is not None:
        uncertain = _uncertainty(form)
        matrix[-1, -1] -= uncertain
        error[-1, -1] += 4 * UNIT * (abs(matrix[-1, -1]) + 2 * uncertain)
    diagonal = matrix.diagonal()
    if not np.isfinite(matrix).all() or not np.isfinite(error).all() or not (diagonal > 0).all():
        return None
    exponents = -(np.frexp(diagonal)[1].astype(np.int64) // 2)
    scale = np.ldexp(1.0, exponents)
    if not _normal(scale):
        return None
    return Scaled(matrix * scale * scale[:, None], norm(error * scale * scale[:, None]), exponents)


def _unit(values: NDArray) -> NDArray[np.float64]:
    """The power of two above the largest magnitude of each column; 1 for zeros."""
    largest = np.abs(values).max(axis=0, initial=0.0)
    return np.ldexp(1.0, np.where(largest > 0, np.frexp(largest)[1], 0))


def _normal(values: NDArray) -> bool:
    """Whether no value is so large or small that products of a few could overflow or underflow."""
    size = np.abs(values[values != 0])
    return bool(((size < NORMAL) & (size > 1.0 / NORMAL)).all())


def _in_units(values: NDArray) -> NDArray[np.float64] | None:
    """The columns divided by their ``_unit``, which is exact, or None where it is not."""
    scaled = values / _unit(values)
    exact = _normal(scaled) and np.array_equal(scaled != 0, values != 0)
    return scaled if exact else None


def _uncertainty(form: Form) -> float:
    """An upper bound on e² in units of p."""
    error = present(form.error)
    if not error.any():
        return 0.0
    return (norm(error / _unit(present(form.p))) * (1.0 + gamma(4)) + 1.0 / NORMAL) ** 2 * (1.0 + gamma(4))


def _residual(form: Form) -> NDArray[np.float64] | None:
    """C, (n, m), of the residual C u, the columns of X, F and p in units that are powers of two."""
    X, F = _in_units(form.X), _in_units(form.free)
    p = np.zeros((len(form.rows), 0)) if form.p is None else _in_units(form.p[:, None])
    if X is None or F is None or p is None or (form.p is not None and not _uncertainty(form) < NORMAL):
        return None
    X = X[form.rows]
    return np.concatenate([masked(form.masks, X), F, p], axis=1)


def _units_of_forms(form: Form) -> tuple[NDArray[np.float64], NDArray[np.float64]] | None:
    """Multipliers (M,) and weights (P,) after each form is divided by a power of two, exactly."""
    stored, starts = form.products, form.starts
    unit = np.ldexp(1.0, np.frexp(np.maximum.reduceat(stored.multipliers, starts))[1])
    multipliers = stored.multipliers / np.repeat(unit, stored.counts)
    weights = stored.weights * unit[stored.factors].prod(axis=1)
    numbers = (unit, multipliers, weights)
    return (multipliers, weights) if all(_normal(n) and n.all() for n in numbers) else None


def _products(form: Form) -> tuple[NDArray[np.float64], NDArray[np.float64]] | None:
    """The matrix of Q, (tD, tD), in the unknowns of ``_residual``, and a bound on the error of each entry."""
    X, numbers, stored = _in_units(form.X), _units_of_forms(form), form.products
    if X is None or numbers is None:
        return None
    multipliers, weights = numbers
    sides = form.sides[stored.samples, np.repeat(form.place, stored.counts)]
    terms = (multipliers * sides)[:, None] * X[stored.samples]
    values = np.add.reduceat(terms, form.starts)
    doubts = gamma(int(stored.counts.max())) * np.add.reduceat(np.abs(terms), form.starts)
    t, D = len(stored.neurons), X.shape[1]
    Q, error = np.zeros((t * D, t * D)), np.zeros((t * D, t * D))
    for a, b, chosen in form.blocks():
        first, second = stored.factors[chosen].T
        w, sign = weights[chosen, None], form.signs[chosen, None]
        f, g, df, dg = values[first], values[second], doubts[first], doubts[second]
        block = (w * sign * f).T @ g / 2
        rounding = (w * np.abs(f)).T @ (np.abs(g) * gamma(len(chosen) + 2) + dg) + (w * df).T @ (
            np.abs(g) + dg
        )
        rounding = rounding * (0.5 + gamma(len(chosen)))
        for target, part in ((Q, block), (error, rounding)):
            target[a * D : (a + 1) * D, b * D : (b + 1) * D] += part
            target[b * D : (b + 1) * D, a * D : (a + 1) * D] += part.T
    return Q, error + 8 * UNIT * np.abs(Q)


# Integers


def _integer_matrix(form: Form) -> tuple[fmpz_mat, int]:
    """The form's matrix in the unknowns of ``_residual`` times 2^bits, as flint's fmpz_mat, and bits.

    The diagonal entry of τ is rounded down.
    """
    residual, X, stored = present(_residual(form)), present(_in_units(form.X)), form.products
    multipliers, weights = present(_units_of_forms(form))
    bits_C = _bits(np.append(X, residual[:, -1 - form.free.shape[1] :]))
    bits_f, bits_w = _bits(multipliers), _bits(weights)
    C = integers(residual, bits_C)
    bits = 2 * bits_C + 2 * bits_f + bits_w + 1
    matrix = C.transpose() * C * 2 ** (bits - 2 * bits_C)
    sides = form.sides[stored.samples, np.repeat(form.place, stored.counts)]
    terms = integers((multipliers * sides)[:, None], bits_f)
    x = integers(X, bits_C)
    D, forms = X.shape[1], []
    for start, count in zip(form.starts.tolist(), stored.counts.tolist(), strict=True):
        mine = fmpz_mat([[terms[start + n, 0] for n in range(count)]])
        rows = stored.samples[start : start + count].tolist()
        theirs = fmpz_mat([[x[i, c] for c in range(D)] for i in rows])
        forms.append((mine * theirs).tolist()[0])
    w = [
        int(v) * int(s) for v, s in zip(np.ldexp(weights, bits_w).tolist(), form.signs.tolist(), strict=True)
    ]
    for a, b, chosen in form.blocks():
        f = fmpz_mat([[w[k] * v for v in forms[stored.factors[k, 0]]] for k in chosen.tolist()])
        g = fmpz_mat([forms[stored.factors[k, 1]] for k in chosen.tolist()])
        block = f.transpose() * g
        for r in range(D):
            for c in range(D):
                matrix[a * D + r, b * D + c] -= block[r, c]
                matrix[b * D + c, a * D + r] -= block[r, c]
    if form.p is not None:
        numerator, denominator = _uncertainty(form).as_integer_ratio()
        matrix[form.order - 1, form.order - 1] -= -(-numerator * 2**bits // denominator)
    return matrix, bits


def _bits(values: NDArray[np.float64]) -> int:
    """n ≥ 0 such that all values times 2ⁿ are whole."""
    exponents = np.frexp(values[values != 0])[1]
    return max(0, 53 - int(exponents.min(initial=53)))
