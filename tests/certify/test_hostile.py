"""Whatever is no certificate is rejected, by both checkers: without exceptions, within memory and time."""

import json
from dataclasses import replace

import numpy as np
import pytest
from second_checker import answer, check_certificate

from relucells import Certificate, Decision, Leaf, verification_level
from relucells.certify import clauses, coercion
from relucells.certify.critical import CertifiedPoint, certify_point, point_level
from relucells.certify.quality import Quality, quality_level
from relucells.certify.verify import cell_of, leaf_bound

X, Y, PATTERN = np.array([[1.0], [2.0], [3.0]]), np.array([1.0, 2.0, 3.0]), np.ones((3, 1), dtype=bool)
PLUS = np.ones(1, dtype=np.int8)
GENUINE = Decision("genuine", 1.0, np.array([[1.0]]), PLUS, 0.0, "positive")
GOOD = Leaf(PLUS, 0.0, -1, np.array([[0, 0]]), np.ones(1))


def none_of(leaf, branches=()) -> Decision:
    certificate = Certificate((leaf,), np.array(branches, dtype=np.int64))
    return Decision("none", 0.0, None, None, 0.0, "positive", certificate=certificate)


class Key(str):
    def __hash__(self):
        return hash("neurons")

    def __eq__(self, other):
        raise RuntimeError("compared")


NAMES = ("owners", "counts", "samples", "multipliers", "factors", "weights")
MUCH = np.broadcast_to(np.uint8(0), (10**13,))
HOSTILE = {
    "a view of one number as branches": replace(none_of(GOOD), certificate=Certificate((GOOD,), MUCH)),
    "a view of one number as pairs": none_of(replace(GOOD, pairs=np.broadcast_to(np.uint8(0), (10**13, 2)))),
    "a view of one number as values": none_of(replace(GOOD, values=np.broadcast_to(1.0, (10**13,)))),
    "a leaf that was never initialised": none_of(Leaf.__new__(Leaf)),
    "a decision that was never initialised": Decision.__new__(Decision),
    "a certificate that was never initialised": replace(
        none_of(GOOD), certificate=Certificate.__new__(Certificate)
    ),
    "a key that cannot be compared": none_of(
        replace(
            GOOD, pairs=[], values=[], kind="products", arrays={n: np.zeros(1) for n in NAMES} | {Key(): 1}
        )
    ),
    "numbers beyond 2^63": none_of(replace(GOOD, pairs=np.array([[2**63, 0]], dtype=np.uint64))),
    "names that are no text": none_of(replace(GOOD, kind="products", arrays={1: np.zeros(1)})),
    "dates": none_of(replace(GOOD, values=np.array(["2020"], dtype="M8[Y]"))),
    "a structure": none_of(replace(GOOD, values=np.zeros(1, dtype=[("a", "f4")]))),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_objects_are_rejected(name):
    assert verification_level(X, Y, PATTERN, HOSTILE[name]) == "rejected"


def test_hostile_qualities_and_points_are_rejected():
    assert verification_level(X, Y, PATTERN, GENUINE) == "proven"
    for wrong in (Quality.__new__(Quality), None, Quality("bad", W=Key(), z=3), Quality(Key("global"))):
        assert quality_level(X, Y, PATTERN, GENUINE, wrong) == "rejected"
    many = np.broadcast_to(1.0, (10**7,))
    weights = np.broadcast_to(1.0, (10**7, 1))
    crowd = CertifiedPoint("saddle", weights, many, np.zeros((0, 2), int), np.zeros(0), 0.0)
    for point in (crowd, CertifiedPoint.__new__(CertifiedPoint), None):
        assert point_level(X, Y, point) == "rejected"


def test_a_distance_that_overflows_is_no_certificate():
    far = np.array([[1e308], [1e308]])
    assert certify_point(np.array([[1e-300]]), [1e308], far, [1e-300, 1e-300], "saddle", []) is None


def test_what_cannot_be_computed_is_rejected(monkeypatch):
    for error in (MemoryError, RecursionError, OverflowError):

        def fail(*_, error=error):
            raise error

        monkeypatch.setattr("relucells.certify.verify._genuine", fail)
        assert verification_level(X, Y, PATTERN, GENUINE) == "rejected"


def test_samples_at_the_origin_are_checked_as_any():
    """Nothing spans them; a free neuron has no block then."""
    for signs in ([1, 0], [1, 0, 0], [0, 1]):
        j, pattern = signs.index(1), np.ones((1, len(signs)), dtype=bool)
        leaf = Leaf(np.array(signs, np.int8), 0.0, -1, np.array([[0, j]]), np.ones(1))
        assert verification_level(np.zeros((1, 1)), [0.0], pattern, none_of(leaf)) == "proven"
        wrong = replace(leaf, bound=-1.0)
        assert verification_level(np.zeros((1, 1)), [0.0], pattern, none_of(wrong)) == "rejected"


@pytest.mark.parametrize(
    "error", [IndexError, ValueError, TypeError, ZeroDivisionError, np.linalg.LinAlgError]
)
def test_whatever_a_check_raises_is_rejected(monkeypatch, error):
    def fails(*arguments):
        raise error

    monkeypatch.setattr("relucells.certify.verify.check", fails)
    assert verification_level(X, Y, PATTERN, none_of(GOOD)) == "rejected"
    assert leaf_bound(cell_of(X, Y, PATTERN), GOOD).level == "rejected"


def test_one_leaf_in_many_places_is_read_once():
    leaves = (GOOD,) * 10**5
    clean = coercion.certificate(Certificate(leaves, np.zeros(0, np.int64)), 3, 1)
    assert len(clean.leaves) == 10**5 and len(set(map(id, clean.leaves))) == 1


def test_all_leaves_together_are_limited(monkeypatch):
    leaves = tuple(replace(GOOD) for _ in range(30))
    certificate = Certificate(leaves, np.zeros(0, np.int64))
    assert len(coercion.certificate(certificate, 3, 1).leaves) == 30
    monkeypatch.setattr(coercion, "TOTAL", 100)
    with pytest.raises(coercion.Malformed):
        coercion.certificate(certificate, 3, 1)


def test_forms_of_repeated_samples_are_limited(monkeypatch):
    N, D = 40, 30
    samples = np.arange(N * D, dtype=float).reshape(N, D) + np.eye(N, D)
    forms = 20
    arrays = {
        "neurons": np.array([0]),
        "owners": np.zeros(forms, dtype=np.int64),
        "counts": np.full(forms, N),
        "samples": np.zeros(forms * N, dtype=np.int64),
        "multipliers": np.ones(forms * N),
        "factors": np.zeros((1, 2), dtype=np.int64),
        "weights": np.ones(1),
    }
    from relucells.certify.sign_free import Products

    assert Products.of(arrays, N, D, 1).neurons.tolist() == [0]
    monkeypatch.setattr("relucells.certify.sign_free.TERMS", forms * N * D - 1)
    with pytest.raises(coercion.Malformed):
        Products.of(arrays, N, D, 1)
    with pytest.raises(coercion.Malformed):
        Products.of({**arrays, "samples": arrays["samples"][:-1]}, N, D, 1)
    assert samples.shape == (N, D)


# Replay


def chain(n: int, depth: int) -> tuple[int, np.ndarray, list[int]]:
    """(K, cubes, branches): the last of ``depth`` branches starts a chain of n implications, whose clauses
    stand in the wrong order, so that each pass of unit propagation takes one step."""
    K, cubes = depth + n + 1, []

    def clause(*literals):
        cube = np.zeros(K, dtype=np.int8)
        for j, sign in literals:
            cube[j] = -sign
        cubes.append(cube)

    links = [depth + k for k in range(n)]
    for k in reversed(range(n - 1)):
        clause((links[k], -1), (links[k + 1], 1))
    clause((depth - 1, -1), (links[0], 1))
    clause((depth - 1, 1), (links[0], 1))
    clause((links[-1], -1), (K - 1, 1))
    clause((links[-1], -1), (K - 1, -1))
    branches: list[int] = []

    def split(j):
        branches.append(j)
        if j < depth - 1:
            split(j + 1)
            split(j + 1)

    split(0)
    return K, np.array(cubes), branches


def test_replay_counts_the_clauses_that_it_looks_at(monkeypatch):
    K, cubes, branches = chain(30, 3)
    known = clauses.clauses_of(cubes)
    assert clauses.refuted(known, branches, K)
    # seven branches, eight ends, some thirty passes at each over thirty clauses and less
    monkeypatch.setattr(clauses, "WORK", len(cubes) * len(branches) * 4)
    assert not clauses.refuted(known, branches, K)


def test_the_second_checker_counts_them_too(monkeypatch):
    K, cubes, branches = chain(30, 3)

    class Cell:
        pass

    cell = Cell()
    cell.K, cell.members = K, []
    data = {"convention": "exists", "certificate": {"branches": branches}}
    check_certificate.check_cover(cell, data, cubes.tolist())
    with pytest.raises(check_certificate.Rejected, match="uncovered"):
        check_certificate.check_cover(cell, data, cubes[:-1].tolist())
    monkeypatch.setattr(check_certificate, "REPLAY", 1)
    with pytest.raises(check_certificate.Rejected, match="takes too long"):
        check_certificate.check_cover(cell, data, cubes.tolist())


# Files


ONE = (1.0).hex()
FILE = {
    "format_version": 2,
    "kind": "decision",
    "X": [[ONE]],
    "y": [(-1.0).hex()],
    "pattern": ["1"],
    "verdict": "none",
    "convention": "positive",
    "given": None,
    "margin": (-1.0).hex(),
    "loss": (0.0).hex(),
    "exact": True,
    "R": None,
    "signs": None,
    "certificate": {
        "leaves": [
            {
                "kind": "sample",
                "signs": [1],
                "bound": (-1.0).hex(),
                "sample": 0,
                "pairs": [],
                "values": [],
                "arrays": {},
            }
        ],
        "branches": [],
    },
}


def test_a_number_is_read_as_it_stands_or_not_at_all(tmp_path):
    assert answer(FILE) == "proven"
    for text in (
        "0x1p-1100",
        "-0x1.00000000000001p+0",
        "-1",
        "10",
        " -0x1p0",
        "-0x1.0p0",
        "-0X1.0P+0",
        "inf",
        1,
    ):
        assert answer({**FILE, "y": [text]}) != "proven", text
    for version in (2.0, True, "2", None):
        assert answer({**FILE, "format_version": version}) != "proven"
    for exact in (None, 1, "true", []):
        assert answer({**FILE, "exact": exact}) != "proven"


def test_a_leaf_holds_what_its_kind_uses():
    leaf = FILE["certificate"]["leaves"][0]
    for change in (
        {"arrays": {"weights": [ONE]}},
        {"arrays": None},
        {"kind": "\ud800"},
        {"kind": "x" * 10**5},
    ):
        reason = answer({**FILE, "certificate": {"leaves": [{**leaf, **change}], "branches": []}})
        assert reason != "proven" and reason.isascii() and len(reason) < 100


def test_a_file_says_one_thing(tmp_path):
    path = tmp_path / "file.json"
    path.write_text(json.dumps(FILE))
    check_certificate.check(check_certificate.read(path))
    for old, new in (
        ('"verdict": "none"', '"verdict": "genuine", "verdict": "none"'),
        ('"exact": true', '"exact": NaN'),
        ('"exact": true', '"exact": Infinity'),
    ):
        path.write_text(json.dumps(FILE).replace(old, new))
        with pytest.raises(check_certificate.Rejected):
            check_certificate.read(path)


def products(forms: int, neurons: int = 1) -> dict:
    arrays = {
        "neurons": list(range(neurons)),
        "owners": [0] * forms,
        "counts": [1] * forms,
        "samples": [0] * forms,
        "multipliers": [ONE] * forms,
        "factors": [[0, 0]],
        "weights": [ONE],
    }
    leaf = {
        "kind": "products",
        "signs": [1] * neurons,
        "bound": (0.0).hex(),
        "sample": -1,
        "pairs": [],
        "values": [],
    }
    return {"leaves": [{**leaf, "arrays": arrays}], "branches": []}


def test_large_forms_and_crowds_are_refused_at_once():
    for n, neurons, forms in ((20, 61, 1), (200, 1, 30000)):
        X = [[(1.0 if i == d else 0.0).hex() for d in range(n)] for i in range(n)]
        cell = {"X": X, "y": FILE["y"] * n, "pattern": ["1" * neurons] * n, "margin": (0.0).hex()}
        assert "too large" in answer({**FILE, **cell, "certificate": products(forms, neurons)})
    # 1,500 columns of one sample are as one
    wide = {**FILE, "X": [[ONE] * 1500], "margin": (0.0).hex(), "certificate": products(1)}
    assert "not positive definite" in answer(wide)


def test_values_near_zero_are_limited(monkeypatch):
    """R = 0 puts every inactive pair of a crowd of equal neurons near zero."""
    rng = np.random.default_rng(0)
    samples = rng.integers(-9, 10, (30, 3)).astype(float)
    side = samples @ [1.0, 2.0, -3.0]
    pattern = np.repeat((side > 0)[:, None], 40, axis=1)
    y = np.where(side > 0, -side, 0.0)
    claim = Decision("genuine", 1.0, np.zeros((40, 3)), np.ones(40, np.int8), 0.0, "positive")
    monkeypatch.setattr("relucells.certify.exact_witness.SINGLE", 10_000)
    solved = []
    monkeypatch.setattr(
        "relucells.certify.exact_witness.nearest", lambda B, right: solved.append(B.nrows() * B.ncols())
    )
    assert verification_level(samples, y, pattern, claim) == "rejected"
    assert max(solved, default=0) <= 10_000


def test_points_are_limited_by_the_digits_of_their_numbers(monkeypatch):
    samples, y = np.array([[1.0, 1.0], [-1.0, 1.0], [2.0, 1.0]]), np.array([1.0, 0.0, 2.0])
    point = certify_point(samples, y, [[1.0, 0.0]], [1.0], "differentiable minimum", [])
    assert point_level(samples, y, point) == "proven"
    monkeypatch.setattr("relucells.certify.critical.WORK", 10)
    assert point_level(samples, y, point) == "rejected"


def test_products_on_samples_that_others_fit_all_are_refused():
    """No row of the form is left: the form is −Q alone, which is nowhere definite."""
    arrays = {"neurons": [0], "owners": [0, 0], "counts": [1, 1], "samples": [0, 1], "factors": [[0, 1]]}
    whole = {name: np.array(entries) for name, entries in arrays.items()}
    whole |= {"multipliers": np.ones(2), "weights": np.ones(1)}
    leaf = Leaf(np.zeros(2, np.int8), 0.0, kind="products", arrays=whole)
    claim = replace(none_of(leaf), convention="exists")
    X, y, pattern = np.array([[1.0, 1.0], [2.0, 1.0]]), np.ones(2), np.array([[1, 1], [0, 1]])
    assert verification_level(X, y, pattern, claim) == "rejected"
