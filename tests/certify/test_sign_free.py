"""Certificates that refute every choice of signs: accepted where they prove it, and nowhere else."""

import numpy as np
import pytest
from flint import fmpz_mat
from planted import KINDS, planted
from second_checker import check_certificate

from relucells import cell_minimum, export_certificate
from relucells.certify import coercion, sign_free
from relucells.certify.certificates import Certificate, Decision, Leaf
from relucells.certify.definiteness import positive_in_floats, positive_in_integers
from relucells.certify.verify import cell_of, verification_level
from relucells.samples.gaussian import two_gaussians
from relucells.samples.inputs import prepare
from relucells.samples.randomness import stream
from relucells.search.budget import Budget
from relucells.search.sign_free import Attempt, Search


def gaussian_cell(d: int, K: int, N: int, seed: int, bias: float = 0.0):
    """X, y, pattern as in the paper's tables, only smaller."""
    rng = stream(seed, "sign-free", d, K, N)
    X, y = two_gaussians(d, N, rng)
    W = rng.standard_normal((K, d + 1))
    W[:, -1] += bias
    return X, y, X @ W.T > 0


def search_of(X, y, pattern) -> Search:
    inputs, cell = prepare(X), cell_of(X, y, pattern)
    A = (pattern[:, :, None] * X[:, None, :]).reshape(len(X), -1)
    return Search(inputs, A @ np.linalg.lstsq(A, y)[0], cell, Budget())


def anything(pattern) -> np.ndarray:
    return np.zeros(pattern.shape[1], dtype=np.int8)


def refuted(X, y, pattern, arrays, signs=None) -> bool:
    """What a check of the leaf comes to: malformed arrays prove nothing."""
    try:
        return sign_free.refutes(
            cell_of(X, y, pattern), anything(pattern) if signs is None else signs, arrays
        )
    except coercion.Malformed:
        return False


@pytest.fixture(scope="module")
def honest():
    """(X, y, pattern, arrays) of a cell that holds no genuine minimum, with its certificate."""
    X, y, pattern = gaussian_cell(3, 10, 64, 0)
    found = search_of(X, y, pattern).certificate()
    assert found is not None
    return X, y, pattern, found.arrays()


def scaled_form(X, y, pattern, arrays):
    cell = cell_of(X, y, pattern)
    products = sign_free.Products.of(arrays, cell.N, cell.D, cell.K)
    form = sign_free.Form.of(cell, *sign_free._fitted(cell), anything(pattern), products)
    return form, sign_free._scaled(form)


def in_integers(form, scaled) -> bool:
    return positive_in_integers(*sign_free._integer_matrix(form), scaled.exponents, scaled.matrix)


def test_floats_and_integers_both_prove_it(honest):
    X, y, pattern, arrays = honest
    assert refuted(X, y, pattern, arrays)
    form, scaled = scaled_form(X, y, pattern, arrays)
    assert positive_in_floats(scaled.matrix, scaled.doubt)
    assert in_integers(form, scaled)


def test_the_integers_are_the_form_itself(honest):
    """The exact matrix and the one in floating point differ by rounding; both are |residual|² − e²τ² − Q."""
    X, y, pattern, arrays = honest
    form, scaled = scaled_form(X, y, pattern, arrays)
    exact, bits = sign_free._integer_matrix(form)
    scale = np.ldexp(1.0, scaled.exponents)
    there = np.array([[int(x) / 2**bits for x in row] for row in exact.tolist()]) * scale * scale[:, None]
    assert np.abs(there - scaled.matrix).max() <= scaled.doubt < 1e-10

    # by the definition, at random R_T, b and τ
    cell, T = cell_of(X, y, pattern), arrays["neurons"]
    rng = stream(0, "form")
    D, t = X.shape[1], len(T)
    u = rng.standard_normal(form.order)
    R = u[: t * D].reshape(t, D)
    x = cell.samples.scaled
    blocks = form.masks.shape[1]
    rest = u[t * D : blocks * D].reshape(-1, D)
    both = np.concatenate([R, rest])
    residual = (form.masks * (x[form.rows] @ both.T)).sum(axis=1) + u[-1] * form.p / sign_free._unit(form.p)
    starts = np.concatenate([[0], np.cumsum(arrays["counts"])])
    sides = np.where(pattern, 1.0, -1.0)
    unit = sign_free._unit(x)
    values = []
    for n, owner in enumerate(arrays["owners"]):
        mine = slice(starts[n], starts[n + 1])
        samples = arrays["samples"][mine]
        weights = arrays["multipliers"][mine] * sides[samples, owner]
        values.append(weights @ (x[samples] / unit) @ R[np.searchsorted(T, owner)])
    Q = sum(w * values[a] * values[b] for w, (a, b) in zip(arrays["weights"], arrays["factors"], strict=True))
    value = (u / scale) @ scaled.matrix @ (u / scale)
    assert unit == pytest.approx(np.ones(D))
    assert value == pytest.approx(residual @ residual - Q, rel=1e-9)


def test_units_do_not_matter(honest):
    X, y, pattern, arrays = honest
    assert refuted(X * 2.0 ** np.array([40, -30, 7, 0]), 2.0**-20 * y, pattern, arrays)
    # forms that are larger, with weights that make up for it
    owners = np.repeat(np.arange(len(arrays["owners"])), arrays["counts"])
    grown = dict(arrays, multipliers=arrays["multipliers"] * 2.0 ** (owners % 50))
    powers = 2.0 ** (np.arange(len(arrays["owners"])) % 50)
    grown["weights"] = arrays["weights"] / powers[arrays["factors"]].prod(axis=1)
    assert refuted(X, y, pattern, grown)


MALFORMED = {
    "empty T": lambda a: dict(a, neurons=a["neurons"][:0]),
    "T not increasing": lambda a: dict(a, neurons=a["neurons"][::-1]),
    "a neuron twice": lambda a: dict(a, neurons=np.repeat(a["neurons"], 2)),
    "an owner outside T": lambda a: dict(a, neurons=a["neurons"][1:]),
    "neurons that do not exist": lambda a: dict(a, neurons=a["neurons"] + 100),
    "no products": lambda a: dict(a, factors=a["factors"][:0], weights=a["weights"][:0]),
    "nothing at all": lambda a: {name: array[:0] for name, array in a.items()},
    "all zero": lambda a: {name: 0 * array for name, array in a.items()},
    "zero forms": lambda a: dict(a, multipliers=0 * a["multipliers"]),
    "forms without multipliers": lambda a: dict(
        a, counts=0 * a["counts"], samples=a["samples"][:0], multipliers=a["multipliers"][:0]
    ),
    "a negative multiplier": lambda a: dict(a, multipliers=-a["multipliers"]),
    "one negative multiplier": lambda a: dict(
        a, multipliers=a["multipliers"] * np.where(np.arange(len(a["samples"])) == 7, -1, 1)
    ),
    "an infinite multiplier": lambda a: dict(a, multipliers=a["multipliers"] * np.inf),
    "no number": lambda a: dict(a, weights=a["weights"] * np.nan),
    "zero weights": lambda a: dict(a, weights=0 * a["weights"]),
    "negative weights": lambda a: dict(a, weights=-a["weights"]),
    "a sample too many": lambda a: dict(a, samples=a["samples"] + 64),
    "negative samples": lambda a: dict(a, samples=a["samples"] - 64),
    "counts beyond the multipliers": lambda a: dict(a, counts=a["counts"] + 1),
    "counts beyond memory": lambda a: dict(a, counts=np.full_like(a["counts"], 2**62)),
    "factors that do not exist": lambda a: dict(a, factors=a["factors"] + 10**6),
    "factors of another shape": lambda a: dict(a, factors=a["factors"].ravel()),
    "floats for indices": lambda a: dict(a, samples=a["samples"].astype(float)),
    "objects": lambda a: dict(a, weights=a["weights"].astype(object)),
    "a missing array": lambda a: {name: array for name, array in a.items() if name != "counts"},
    "another array": lambda a: dict(a, more=a["weights"]),
    "a masked array": lambda a: dict(a, weights=np.ma.masked_array(a["weights"], a["weights"] > 0)),
    "None": lambda a: dict(a, weights=None),
}


@pytest.mark.parametrize("name", MALFORMED)
def test_what_is_no_certificate_is_refused(honest, name):
    X, y, pattern, arrays = honest
    with pytest.raises(coercion.Malformed):
        sign_free.refutes(cell_of(X, y, pattern), anything(pattern), MALFORMED[name](arrays))


def test_it_belongs_to_its_cell(honest):
    """Another cell's certificate, or one whose forms are given away, shows nothing."""
    X, y, pattern, arrays = honest
    for seed in range(1, 5):
        other = gaussian_cell(3, 10, 64, seed)
        assert not refuted(*other, arrays)
    swapped = dict(arrays, owners=np.roll(arrays["owners"], len(arrays["owners"]) // 2))
    assert not refuted(X, y, pattern, swapped)
    moved = dict(arrays, samples=(arrays["samples"] + 1) % 64)
    assert not refuted(X, y, pattern, moved)
    for n in range(5):
        case = planted(stream(n, "same size"), 3, 10, 64)
        assert not refuted(case.X, case.y, case.pattern, arrays)


def test_products_of_two_neurons_need_both_signs(honest):
    X, y, pattern, arrays = honest
    a, b = arrays["owners"][arrays["factors"]].T
    other = int(np.flatnonzero(arrays["owners"] != arrays["owners"][0])[0])
    crossed = dict(
        arrays,
        factors=np.concatenate([arrays["factors"], [[0, other]]]),
        weights=np.append(arrays["weights"], 1e-12 * arrays["weights"].min()),
    )
    assert (a == b).all()
    assert not refuted(X, y, pattern, crossed)
    signs = anything(pattern)
    signs[arrays["owners"][0]] = 1
    assert not refuted(X, y, pattern, crossed, signs)
    signs[arrays["owners"][other]] = -1
    assert refuted(X, y, pattern, crossed, signs)


def test_indefinite_by_a_millionth_of_a_millionth_is_refused(honest):
    """The weights are raised until the smallest eigenvalue is −1e-12, which exact integers confirm."""
    X, y, pattern, arrays = honest

    def at(factor):
        return dict(arrays, weights=arrays["weights"] * factor)

    def least(factor):
        found = scaled_form(X, y, pattern, at(factor))[1]
        return -1.0 if found is None else float(np.linalg.eigvalsh(found.matrix)[0])

    low, high = 1.0, 2.0
    while least(high) > 0:
        high *= 2.0
    for _ in range(200):
        middle = (low + high) / 2
        low, high = (middle, high) if least(middle) > -1e-12 else (low, middle)
    form, scaled = scaled_form(X, y, pattern, at(high))
    values, vectors = np.linalg.eigh(scaled.matrix)
    assert -1e-11 < values[0] < 0
    direction = np.ldexp(vectors[:, 0], scaled.exponents)
    exact, _ = sign_free._integer_matrix(form)
    v = fmpz_mat([[int(x * 2.0**80)] for x in direction.tolist()])
    assert (v.transpose() * exact * v)[0, 0] < 0
    assert not refuted(X, y, pattern, at(high))
    assert not in_integers(form, scaled)
    assert refuted(X, y, pattern, at(1.0))


# The second checker


def second(path, X, y, pattern, arrays) -> str:
    """What the second checker says of a decision whose only leaf holds these arrays."""
    leaf = Leaf(anything(pattern), 0.0, kind=sign_free.KIND, arrays=arrays)
    loss = cell_minimum(X, y, pattern).loss
    decision = Decision("none", 0.0, None, None, loss, "exists", Certificate((leaf,)), exact=False)
    export_certificate(X, y, pattern, decision, path / "certificate.json")
    try:
        check_certificate.check(check_certificate.read(path / "certificate.json"))
    except check_certificate.Rejected as error:
        return str(error)
    return "proven"


def test_the_second_checker_agrees(honest, tmp_path):
    X, y, pattern, arrays = honest
    assert second(tmp_path, X, y, pattern, arrays) == "proven"
    indefinite = dict(arrays, weights=1e6 * arrays["weights"])
    assert "positive definite" in second(tmp_path, X, y, pattern, indefinite)
    for name in MALFORMED:
        if name not in ("objects", "a masked array", "None"):  # of which JSON knows nothing
            assert second(tmp_path, X, y, pattern, MALFORMED[name](arrays)) != "proven", name
    other = gaussian_cell(3, 10, 64, 1)
    assert second(tmp_path, *other, arrays) != "proven"


@pytest.mark.parametrize("d, K, N", [(2, 6, 16), (4, 10, 60), (3, 12, 40)])
def test_the_second_checker_agrees_on_cells_of_every_shape(tmp_path, d, K, N):
    """Of full row rank, of full column rank, and between."""
    agreed = 0
    for seed in range(2):
        X, y, pattern = gaussian_cell(d, K, N, seed)
        found = search_of(X, y, pattern).certificate()
        if found is not None:
            agreed += 1
            assert second(tmp_path, X, y, pattern, found.arrays()) == "proven"
            worse = dict(found.arrays(), weights=1e4 * found.weights)
            assert not refuted(X, y, pattern, worse) or second(tmp_path, X, y, pattern, worse) == "proven"
    assert agreed


# Cells with a genuine minimum: nothing refutes them


def forgeries(rng, search: Search):
    """Certificates of the right shape for a cell: T, the weights and their size at random."""
    candidates = search.candidates
    for n in range(6):
        chosen = candidates if n == 0 else [j for j in candidates if rng.random() < 0.6]
        attempt = Attempt(search, chosen, search.opposite_forms_of if n % 2 else search.nearest_forms_of)
        if not attempt.prepare():
            continue
        attempt.total.weights = np.exp(rng.normal(0.0, 1.0, len(attempt.products)))
        for size in 10.0 ** rng.uniform(-14, 4, 3):
            yield attempt.products_with(attempt.total.weights * size).arrays()


def check_nothing_refutes(case, rng) -> int:
    """How many certificates were tried on a planted cell, none of which may prove anything."""
    genuine = Decision(
        "genuine",
        float(min(1.0, (case.signs * (case.X @ case.R.T))[case.pattern].min(initial=1.0)) / 2),
        case.R,
        case.signs,
        float(np.mean(((case.pattern * (case.X @ case.R.T)).sum(axis=1) - case.y) ** 2)),
        "exists",
        exact=False,
    )
    assert verification_level(case.X, case.y, case.pattern, genuine) == "proven"
    search = search_of(case.X, case.y, case.pattern)
    assert search.certificate() is None
    tried = 1
    for arrays in forgeries(rng, search):
        tried += 1
        assert not refuted(case.X, case.y, case.pattern, arrays)
        assert not refuted(case.X, case.y, case.pattern, arrays, case.signs)
    return tried


@pytest.mark.parametrize("kind", KINDS)
def test_a_genuine_cell_is_never_refuted(kind):
    tried = 0
    for n in range(10):
        rng = stream(n, "planted", kind)
        d, K = int(rng.integers(1, 4)), int(rng.integers(2, 7))
        N = int(rng.integers(d + 2, 3 * K * (d + 1)))
        case = planted(rng, d, K, N, float(rng.choice([-1.0, 0.0, 1.0])), kind)
        if case.pattern.any():
            tried += check_nothing_refutes(case, rng)
    assert tried > 50
