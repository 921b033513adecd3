"""The search for a certificate that refutes every choice of signs at once (``relucells.certify.sign_free``).

Notation as there. The products are of opposite forms of a neuron's cone (``cones``). First the forms are such
as need no linear program. Their weighted sum Q must be negative on every R_T ≠ 0 with A_T R_T in the range
of B, a subspace (``negative_sum``). Then some multiple of the residual makes the form definite everywhere.
With few neurons left free there are more unknowns. With many left free the residual shows less of the
unknowns. Both are tried. Where no weights of these products are enough, linear programs make the forms, and
more products are made: of those pairs of facets that the dual solution violates most, as long as there are
any.
"""

from collections.abc import Callable
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from relucells.certify.cell import Cell
from relucells.certify.certificates import Leaf
from relucells.certify.enclosures import covered
from relucells.certify.sign_free import KIND, Products, free_range, refutes
from relucells.samples.decomposition import svd
from relucells.samples.inputs import Inputs
from relucells.search.cones import Cone, LinearForm
from relucells.search.negative_sum import Sum, adjust, optimise

# Shares of the neurons that are left free, one after the other: those with the fewest active or inactive
# samples. The last one is also the one that more products are made for.
FREE_SHARES = (0.24, 0.12, 0.36, 0.0)
# The same for nearest forms, fewest neurons first: they take the least time.
NEAREST_SHARES = (0.36, 0.24)
# Forms of unit length that are shorter on the space where the residual vanishes are 0 there.
ZERO = 1e-9
# Rounds in which the weights of one attempt are adjusted.
ROUNDS = 20
# Alive samples, as a share of (groups of neurons) · rank X, below which no certificate was ever found.
FEWEST_SAMPLES = 0.2
# Unknowns beyond which eigenvalues take too long, and numbers in all half-spaces.
LARGEST_SPACE = 1500
LARGEST_CONES = 20_000_000
# Facets of a cone, as a multiple of the dimensions, whose products are tried, and how many are taken at once.
FACETS = 8
NEW_PRODUCTS = 6
# The multiple of the residual is raised by factors of 4 until the form is definite, and once more.
FACTOR = 4.0
RAISES = 40


def leaf_of(found: Products, K: int) -> Leaf:
    """The leaf that covers every sign vector of K neurons."""
    return Leaf(np.zeros(K, dtype=np.int8), 0.0, kind=KIND, arrays=found.arrays())


Pair = tuple[LinearForm, LinearForm]
Product = tuple[int, LinearForm, LinearForm]  # the neuron's place in T, and two forms


class Search:
    """The search for one cell. ``budget`` ends it when it is used up: each attempt with linear programs, and
    each request for more products, counts as one.

    fitted : (N,) the fitted values, up to rounding and a common factor; cell : as the check sees it
    """

    def __init__(self, inputs: Inputs, fitted: NDArray[np.float64], cell: Cell, budget):
        self.cell, self.pattern, self.fitted, self.budget = cell, cell.pattern, fitted, budget
        self.coordinates = inputs.orthonormal[0]
        self.N, self.r = self.coordinates.shape
        self.cones: dict[int, Cone | None] = {}
        self.nearest: dict[int, list[Pair]] = {}
        self.opposite: dict[int, list[Pair]] = {}

    def certificate(self) -> Products | None:
        """A certificate that ``refutes`` confirms, or None if none was found."""
        return self.quick() or self.thorough()

    def quick(self) -> Products | None:
        """The same of two forms of each principal axis alone."""
        for attempt in self._attempts(NEAREST_SHARES, self.nearest_forms_of):
            found = attempt.adjusted()
            if found is not None:
                return found
        for attempt in self.attempts:
            self.budget.spend()
            found = attempt.adjusted()
            if found is not None:
                return found
        return None

    def thorough(self) -> Products | None:
        """The same with products of facets too, which takes far longer, above all where none will do."""
        return self.attempts[-1].extended() if self.attempts else None

    @cached_property
    def attempts(self) -> list["Attempt"]:
        """With linear programs, one for each number of neurons that are left free."""
        return self._attempts(FREE_SHARES, self.opposite_forms_of)

    def _attempts(self, shares: tuple[float, ...], forms_of: Callable[[int], list[Pair]]) -> list["Attempt"]:
        """One for each share; none where no certificate is to be hoped for."""
        if not self._promising():
            return []
        candidates = self.candidates
        free = dict.fromkeys(round(share * self.pattern.shape[1]) for share in shares)
        return [Attempt(self, candidates[n:], forms_of) for n in free if n < len(candidates)]

    def _promising(self) -> bool:
        """Whether the cell has a size and shape for which a certificate may be found."""
        width = self.groups * self.r
        affordable = self.N * width <= LARGEST_CONES and width <= 4 * LARGEST_SPACE
        return bool(self.density >= FEWEST_SAMPLES and affordable and self.r > 1)

    @cached_property
    def groups(self) -> int:
        return len({column.tobytes() for column in self.pattern.T if column.any()})

    @property
    def density(self) -> float:
        """Alive samples for each of the (groups of neurons) · rank X unknowns."""
        return float(self.pattern.any(axis=1).sum() / max(self.groups * self.r, 1))

    @cached_property
    def candidates(self) -> list[int]:
        """Neurons whose column is theirs alone and whose active samples span everything, those with the
        fewest active or inactive samples first."""
        members: dict[bytes, list[int]] = {}
        for j, column in enumerate(self.pattern.T):
            members.setdefault(column.tobytes(), []).append(j)
        active = self.pattern.sum(axis=0)
        spanning = [
            j
            for j, *others in members.values()
            if not others
            and active[j] >= self.r
            and np.linalg.matrix_rank(self.coordinates[self.pattern[:, j]]) == self.r
        ]
        return sorted(spanning, key=lambda j: min(active[j], self.N - active[j]))

    def nearest_forms_of(self, j: int) -> list[Pair]:
        """The nearest forms of a neuron, none if its cone is not open."""
        if j not in self.nearest:
            cone = self.cone_of(j)
            self.nearest[j] = [] if cone is None else cone.nearest_forms()
        return self.nearest[j]

    def opposite_forms_of(self, j: int) -> list[Pair]:
        """The forms of a neuron that linear programs make, none if its cone is not open."""
        if j not in self.opposite:
            cone = self.cone_of(j)
            self.opposite[j] = [] if cone is None else list(cone.opposite_forms())
        return self.opposite[j]

    def cone_of(self, j: int) -> Cone | None:
        self.budget.check()
        if j not in self.cones:
            self.cones[j] = Cone.of(self.coordinates, self.pattern[:, j])
        return self.cones[j]


class Attempt:
    """The search with one choice of T, less the neurons that have no forms: their cones are not open.

    forms_of : the pairs of forms of a neuron
    """

    def __init__(self, search: Search, chosen: list[int], forms_of: Callable[[int], list[Pair]]):
        self.search, self.chosen, self.forms_of = search, sorted(chosen), forms_of
        self.r = search.r

    def adjusted(self) -> Products | None:
        """With products of two forms of one principal axis alone."""
        return self._proven() if self.prepare() and adjust(self.total, ROUNDS) else None

    def prepare(self) -> bool:
        """The products of two forms of one axis, on the space where the residual vanishes; False if there are
        none."""
        self.T = np.array([j for j in self.chosen if self.forms_of(j)], dtype=np.int64)
        if not len(self.T):
            return False
        self.residual = self._residual()
        self.space = _kernel(self.residual, len(self.T) * self.r).reshape(len(self.T), self.r, -1)
        self.products: list[Product] = [
            (n, *pair) for n, j in enumerate(self.T.tolist()) for pair in self.forms_of(j)
        ]
        u = np.array([f.vector @ self.space[n] for n, f, _ in self.products])
        v = np.array([g.vector @ self.space[n] for n, _, g in self.products])
        self.total = Sum(u, v, np.ones(len(u)))
        return 0 < self.space.shape[2] <= LARGEST_SPACE

    def extended(self) -> Products | None:
        """With products of facets too."""
        if not self.prepare():
            return None
        lengths = np.array([np.linalg.norm(vectors, axis=1) for vectors in (self.total.u, self.total.v)])
        some = np.asarray((lengths > ZERO).all(axis=0))  # a form that vanishes on the space adds nothing
        if not some.any():
            return None
        self.total.u, self.total.v = self.total.u[some], self.total.v[some]
        self.products = [
            (n, _scaled(f, 1.0 / a), _scaled(g, 1.0 / b))
            for (n, f, g), a, b, there in zip(self.products, *lengths, some, strict=True)
            if there
        ]
        self.fresh: list[Product] = []
        done = optimise(self.total, self._request, self._replace, self.search.budget.spend)
        return self._proven() if done else None

    def _request(self, P: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """The products of two facets of one cone that P violates most, as vectors of unit length."""
        self.fresh = []
        vectors: tuple[list[NDArray], list[NDArray]] = [], []
        for place, j in enumerate(self.T.tolist()):
            cone = self.search.cones[j]
            assert cone is not None  # T holds neurons with forms, which open cones alone have
            near = np.argsort(cone.rows @ cone.centre)[: FACETS * self.r]
            facets = cone.rows[near] @ self.space[place]
            lengths = np.linalg.norm(facets, axis=1)
            near, facets, lengths = (part[lengths > ZERO] for part in (near, facets, lengths))
            if not len(near):
                continue
            facets = facets / lengths[:, None]
            for a, b in _most_negative(facets @ P @ facets.T, NEW_PRODUCTS):
                f, g = (
                    _scaled(cone.facet(near[i]), float(cone.rows[near[i]] @ cone.centre) / lengths[i])
                    for i in (a, b)
                )
                self.fresh.append((place, f, g))
                vectors[0].append(facets[a])
                vectors[1].append(facets[b])
        shape = (-1, self.space.shape[2])
        return np.array(vectors[0]).reshape(shape), np.array(vectors[1]).reshape(shape)

    def _replace(self, kept: NDArray[np.int64], new: int) -> None:
        self.products = [self.products[k] for k in kept] + self.fresh[:new]

    def _residual(self) -> NDArray[np.float64]:
        """The matrix of the residual in (R_T, b, τ) as the check has it, in orthonormal coordinates."""
        search = self.search
        U = np.setdiff1d(np.arange(search.pattern.shape[1]), self.T)
        fitted, rest = free_range(search.pattern[:, U], self.r)
        rows = ~fitted & search.cell.alive
        masks = np.concatenate([search.pattern[rows][:, self.T], rest[rows]], axis=1)
        blocks = (masks[:, :, None] * search.coordinates[rows][:, None, :]).reshape(
            len(masks), masks.shape[1] * self.r
        )
        if search.cell.m:
            new = ~covered(search.cell, search.pattern[:, U], rows)
            blocks = np.concatenate([blocks, search.cell.F[np.ix_(rows, new)]], axis=1)
        p = search.fitted[rows, None]
        return np.concatenate([blocks, p / np.abs(p).max()], axis=1) if p.any() else blocks

    def _proven(self) -> Products | None:
        """The certificate, its weights divided by the multiple of the residual that makes it definite, if the
        check confirms it."""
        multiple = self._multiple()
        if multiple is None:
            return None
        stored = self.products_with(self.total.weights / multiple)
        anything = np.zeros(self.search.cell.K, dtype=np.int8)
        return stored if refutes(self.search.cell, anything, stored.arrays()) else None

    def products_with(self, weights: NDArray[np.float64]) -> Products:
        """The sum of products as a certificate stores it, without those of hardly any weight."""
        used = np.flatnonzero(weights > 1e-9 * weights.max())
        products = [self.products[k] for k in used]
        forms = [form for _, *pair in products for form in pair]
        return Products(
            neurons=self.T,
            owners=np.repeat(self.T[[place for place, *_ in products]], 2),
            counts=np.array([len(form.samples) for form in forms]),
            samples=np.concatenate([form.samples for form in forms]),
            multipliers=_short(np.concatenate([form.multipliers for form in forms])),
            factors=np.arange(2 * len(products)).reshape(-1, 2),
            weights=_short(weights[used]),
        )

    def _multiple(self) -> float | None:
        """κ with κ |residual|² − Q well inside the positive definite forms, or None if there is none."""
        gram = self.residual.T @ self.residual
        Q = np.zeros((len(self.T), self.r, self.r))
        for weight, (place, f, g) in zip(self.total.weights, self.products, strict=True):
            Q[place] += weight * np.outer(f.vector, g.vector)
        Q = (Q + Q.transpose(0, 2, 1)) / 2
        multiple = float(np.abs(Q).max() / gram.max())
        for _ in range(RAISES):
            matrix = multiple * gram
            for place, block in enumerate(Q):
                own = slice(place * self.r, (place + 1) * self.r)
                matrix[own, own] -= block
            if _definite(matrix):
                return FACTOR * multiple
            multiple *= FACTOR
        return None


def _scaled(form: LinearForm, factor: float) -> LinearForm:
    return LinearForm(form.samples, factor * form.multipliers, factor * form.vector)


def _short(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """The values in single precision, which halves what is stored: they need not be exact."""
    return values.astype(np.float32).astype(np.float64)


def _definite(matrix: NDArray[np.float64]) -> bool:
    """Whether the matrix is positive definite, as far as floating point shows."""
    diagonal = matrix.diagonal()
    if not (diagonal > 0).all():
        return False
    scale = 1.0 / np.sqrt(diagonal)
    try:
        np.linalg.cholesky(matrix * scale * scale[:, None] - 1e-13 * np.eye(len(matrix)))
    except np.linalg.LinAlgError:
        return False
    return True


def _most_negative(values: NDArray[np.float64], count: int) -> list[tuple[int, int]]:
    """The pairs (a ≤ b) with the most negative entries of a symmetric matrix, no index in more than two."""
    upper = np.triu(values)
    few = np.argsort(upper, axis=None)[: 8 * count]
    taken: list[tuple[int, int]] = []
    uses = np.zeros(len(values), dtype=int)
    for a, b in zip(*np.unravel_index(few, values.shape), strict=True):
        if upper[a, b] >= 0 or len(taken) == count:
            break
        if uses[a] < 2 and uses[b] < 2:
            uses[[a, b]] += 1
            taken.append((int(a), int(b)))
    return taken


def _kernel(residual: NDArray[np.float64], unknowns: int) -> NDArray[np.float64]:
    """A basis (unknowns, k) of the R_T for which some (b, τ) makes the residual vanish."""
    A, B = residual[:, :unknowns], residual[:, unknowns:]
    if B.shape[1]:
        left, singular, _ = svd(B, full_matrices=False)
        left = left[:, singular > 1e-10 * singular[0]]
        A = A - left @ (left.T @ A)
    _, singular, right = svd(A, full_matrices=True)
    rank = int((singular > 1e-10 * singular.max(initial=1e-300)).sum())
    return right[rank:].T
