"""Files and certificates of many things that are true one by one: memory and time stay bounded."""

import os
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from conftest import ROOT
from flint import fmpq
from second_checker import check_certificate

from relucells import Certificate, Leaf, decide, export_certificate, verification_level
from relucells.certify import clauses, coercion
from relucells.certify.export import hexadecimal
from relucells.certify.kinds import LEAVES, work
from relucells.certify.verify import cell_of, leaf_bound

X, Y, PLUS = np.array([[1.0], [2.0], [3.0]]), np.array([1.0, 2.0, 3.0]), np.ones(1, dtype=np.int8)


def crowd(leaves, pattern, X=X, y=Y):
    """The answers of both checkers to a file with these leaves, as a word and a reason."""
    plain = {
        "format_version": 2,
        "kind": "decision",
        "verdict": "none",
        "convention": "exists",
        "given": None,
        "margin": "0x0.0p+0",
        "loss": "0x0.0p+0",
        "exact": False,
        "R": None,
        "signs": None,
        "X": hexadecimal(X),
        "y": hexadecimal(y),
        "pattern": ["".join("01"[int(on)] for on in row) for row in pattern],
        "certificate": {"leaves": leaves, "branches": []},
    }
    with pytest.raises(check_certificate.Rejected) as refused:
        check_certificate.check(plain)
    return str(refused.value)


def test_leaves_are_limited_by_the_work_that_they_take_together(monkeypatch, tmp_path):
    """A leaf of few bytes may take seconds; many that say the same are checked once."""
    samples = np.array([[1.0, 0], [0, 1], [1, 1], [2, 1]])
    found = decide(samples, [1.0, 1, -1, -1], np.ones((4, 1)), "positive")
    leaf = Leaf(PLUS, 0.0, -1, np.array([[2, 0]]), np.ones(1))
    bound = leaf_bound(cell_of(samples, [1.0, 1, -1, -1], np.ones((4, 1))), leaf).upper
    leaf, found = replace(leaf, bound=bound), replace(found, margin=bound, exact=False)
    same = [replace(leaf, signs=leaf.signs.copy()) for _ in range(200)]
    other = [replace(leaf, values=leaf.values * (1 + n / 64)) for n in range(200)]
    monkeypatch.setattr("relucells.certify.kinds.LEAVES", 1_000_000)
    monkeypatch.setattr(check_certificate, "LEAVES", 100_000)
    for leaves, proven in ((same, True), (other, False)):
        many = replace(found, certificate=Certificate(tuple(leaves)))
        path = tmp_path / "many.json"
        export_certificate(samples, [1.0, 1, -1, -1], np.ones((4, 1)), many, path)
        assert (verification_level(samples, [1.0, 1, -1, -1], np.ones((4, 1)), many) == "proven") == proven
        if proven:
            check_certificate.check(check_certificate.read(path))
        else:
            with pytest.raises(check_certificate.Rejected, match="too long together"):
                check_certificate.check(check_certificate.read(path))


def test_crowds_of_neurons_are_limited(monkeypatch):
    """The order of equal neurons takes a clause of up to K bits for each two: a help that is left out."""
    group = np.zeros(3, dtype=np.int64)
    assert clauses.equal_neurons(group) == [(1, 2), (2, 4)]
    monkeypatch.setattr(clauses, "EQUAL", 2)
    assert clauses.equal_neurons(group) == []
    monkeypatch.setattr(check_certificate, "REPLAY", 10)
    plain = {"kind": "sample", "signs": [1] * 3, "bound": "0x0.0p+0", "sample": 0}
    plain |= {"pairs": [], "values": [], "arrays": {}}
    assert crowd([plain], np.ones((3, 3), dtype=bool)) == "there are too many neurons for this checker"


def test_columns_are_compared_so_long_only(monkeypatch):
    monkeypatch.setattr(check_certificate, "REPLAY", 20)
    one = "0x1.0000000000000p+0"
    arrays = {"neurons": [0], "owners": [0], "counts": [1], "samples": [0], "multipliers": [one]}
    plain = {
        "kind": "products",
        "signs": [0] * 6,
        "bound": "0x0.0p+0",
        "sample": -1,
        "pairs": [],
        "values": [],
    }
    plain["arrays"] = arrays | {"factors": [[0, 0]], "weights": [one]}
    pattern = np.array([[a, b, c, a, b, 1] for a in (0, 1) for b in (0, 1) for c in (0, 1)], dtype=bool)
    refusal = crowd([plain], pattern, np.eye(8), np.ones(8))
    assert refusal == "there are too many columns to compare for this checker"


@pytest.mark.parametrize(
    "text", ["[" + "[]," * 40 + "[]]", "[" + "0," * 200 + "0]", '[{"a":1}' + ",{}" * 40 + "]"]
)
def test_a_text_of_many_things_is_not_read(text, monkeypatch, tmp_path):
    monkeypatch.setattr(check_certificate, "VALUES", 60)
    path = tmp_path / "many.json"
    path.write_text(text)
    with pytest.raises(check_certificate.Rejected, match="too many things"):
        check_certificate.read(path)


def test_equal_leaves_become_one():
    leaves = (*(Leaf(PLUS.copy(), -1.0, 0) for _ in range(50)), Leaf(PLUS, -2.0, 0))
    clean = coercion.certificate(Certificate(leaves), 3, 1)
    assert len(clean.leaves) == 51 and len(set(map(id, clean.leaves))) == 2


def test_work_grows_with_what_a_leaf_solves():
    cell = cell_of(np.eye(4)[:, :2] + 1, np.ones(4), np.ones((4, 3)))
    signs = np.ones(3, np.int8)
    pairs = np.array([[i, 0] for i in range(4)])
    few, many = (Leaf(signs, 0.0, -1, pairs[:n], np.ones(n)) for n in (1, 4))
    named = Leaf(signs, 0.0, kind="products", arrays={"neurons": [0], "weights": np.broadcast_to(1.0, 10**9)})
    cheap = work(cell, Leaf(signs, 0.0, 0))
    assert cheap < work(cell, few) < work(cell, many) < LEAVES and work(cell, named) > 10**9
    assert work(cell, Leaf(signs, 0.0, kind="unknown", arrays={"a": object(), 3: None})) < LEAVES


def test_points_on_many_samples_are_refused_at_once(monkeypatch):
    one, zero = "0x1.0000000000000p+0", "0x0.0p+0"
    point = {"format_version": 2, "kind": "critical point", "point": "differentiable minimum"}
    point |= {"X": [[one, zero], [zero, one]], "y": [one, one], "W": [[one, one]], "z": [one]}
    point |= {"boundary": [], "multipliers": [], "distance": zero}
    check_certificate.check(point)
    monkeypatch.setattr(check_certificate, "WORK", 0)  # no equations: its samples are independent
    check_certificate.check(point)
    monkeypatch.setattr(check_certificate, "SAMPLES", 1)
    with pytest.raises(check_certificate.Rejected, match="too many samples"):
        check_certificate.check(point)


def test_digits_are_limited(monkeypatch):
    numbers = [[fmpq(1, 2**40)], [fmpq(2**20)]]
    assert check_certificate.whole(numbers) == ([[1], [2**60]], 2**40)
    monkeypatch.setattr(check_certificate, "BITS", 20)
    with pytest.raises(check_certificate.Rejected, match="too many digits"):
        check_certificate.whole(numbers)


def test_dependent_columns_are_limited(monkeypatch):
    basis, others = [[1, 0], [0, 1], [1, 1]], [[0, 2], [0, 3], [0, 5]]
    assert check_certificate.in_range(basis, others)
    assert not check_certificate.in_range(basis, [[0], [3], [5]])
    assert check_certificate.in_range(basis, [[0], [0], [0]])
    monkeypatch.setattr(check_certificate, "WORK", 3)
    with pytest.raises(check_certificate.Rejected, match="too many dependent columns"):
        check_certificate.in_range(basis, others)


def test_letters_that_no_terminal_shows(tmp_path):
    """Neither in a path, which is said nevertheless, nor in a text."""
    path = tmp_path / "z\u00fcrich.json"
    path.write_text('{"\u00fc": 1}', encoding="utf-8")
    command = [sys.executable, str(ROOT / "check_certificate.py"), str(path), str(tmp_path / "none.json")]
    run = subprocess.run(
        command, capture_output=True, text=True, check=False, env={**os.environ, "PYTHONIOENCODING": "ascii"}
    )
    lines = run.stdout.splitlines()
    assert run.returncode == 1 and len(lines) == 2 and not run.stderr
    assert lines[0].endswith("z\\xfcrich.json: rejected: this is not JSON")
