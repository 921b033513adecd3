"""The second checker agrees about what relucells exports, and refuses what was altered."""

import copy
import gzip
import json
import subprocess
import sys
from collections import Counter
from dataclasses import replace

import naive
import numpy as np
import pytest
from conftest import ROOT
from second_checker import answer, check_certificate, exported

from relucells import Certificate, Decision, Leaf, cell_minimum, decide, export_certificate, prepare, verify
from relucells.certify.critical import certify_point, export_point, point_level
from relucells.certify.quality import Quality, quality_level
from relucells.certify.verify import cell_of
from relucells.lower_loss import interpolate
from relucells.samples.gaussian import two_gaussians
from relucells.samples.images import binary_subset, parse_mnist
from relucells.samples.randomness import stream
from relucells.search.budget import Budget
from relucells.search.sign_free import Search


def small_decisions(count: int):
    """(X, y, pattern, decision) of random small cells under every convention."""
    for n in range(count):
        rng = stream(15, "exported", n)
        X, y, pattern = naive.random_cell(rng)
        for signs in ("positive", "uniform", "exists", rng.choice([-1, 1], pattern.shape[1])):
            decision = decide(X, y, pattern, signs)
            if decision.verdict != "undecided":
                yield X, y, pattern, decision


def larger_decisions():
    """Cells like those of Tables I to III, only smaller, for their margins' signs."""
    for seed, bias, D in ((0, 0.0, 4), (1, 3.0, 4), (2, 20.0, 3), (3, -3.0, 6)):
        rng = stream(16, "exported", seed)
        y = np.repeat([1.0, -1.0], 30)
        X = np.column_stack([rng.standard_normal((60, D - 1)), np.ones(60)])
        X[:, 0] += y
        W = rng.standard_normal((6, D))
        W[:, -1] += bias
        pattern = X @ W.T > 0
        for signs in ("positive", "uniform", "exists", np.array([1, 1, 1, -1, -1, -1])):
            decision = decide(X, y, pattern, signs, margin="sign", program_limit=200)
            if decision.verdict != "undecided":
                yield X, y, pattern, decision


def kinds_of(decision) -> set[tuple[str, str]]:
    """(convention, kind of proof) for all that the decision rests on."""
    if decision.verdict == "genuine":
        return {(decision.convention, "witness")}
    leaves = decision.certificate.leaves
    kinds = {leaf.kind or ("sample" if leaf.sample >= 0 else "multipliers") for leaf in leaves}
    kinds |= {"no margin"} if decision.margin == -np.inf else set()
    return {(decision.convention, kind) for kind in kinds}


def test_every_kind_under_every_convention_is_proven_twice(tmp_path):
    seen: Counter = Counter()
    for X, y, pattern, decision in (*small_decisions(25), *larger_decisions()):
        assert verify(X, y, pattern, decision)
        found = answer(exported(tmp_path, X, y, pattern, decision))
        assert found == "proven", (found, X, y, pattern, decision)
        seen.update(kinds_of(decision))
    assert sum(seen.values()) >= 60
    for convention in check_certificate.CONVENTIONS:
        assert all(seen[convention, kind] for kind in ("witness", "sample", "multipliers", "no margin"))


def test_products_of_forms_are_proven_twice(tmp_path):
    rng = stream(0, "sign-free", 3, 10, 64)
    X, y = two_gaussians(3, 64, rng)
    pattern = X @ rng.standard_normal((10, 4)).T > 0
    inputs, minimum = prepare(X), cell_minimum(X, y, pattern)
    arrays = Search(inputs, minimum.fitted, cell_of(X, y, pattern), Budget()).certificate().arrays()
    leaf = Leaf(np.zeros(10, dtype=np.int8), 0.0, kind="products", arrays=arrays)
    decision = Decision("none", 0.0, None, None, minimum.loss, "exists", Certificate((leaf,)))
    assert verify(X, y, pattern, decision)
    data = exported(tmp_path, X, y, pattern, decision)
    assert answer(data) == "proven"
    stored = data["certificate"]["leaves"][0]["arrays"]
    for name, value in (
        ("weights", ["-0x1p-1"] * len(stored["weights"])),
        ("multipliers", stored["multipliers"][::-1]),
        ("neurons", stored["neurons"][:-1]),
        ("factors", [[0, 0]] * len(stored["factors"])),
        ("samples", []),
        ("owners", None),
    ):
        leaf = {**data["certificate"]["leaves"][0], "arrays": {**stored, name: value}}
        assert answer({**data, "certificate": {"leaves": [leaf], "branches": []}}) != "proven", name


@pytest.mark.parametrize("columns", ["a column of zeros", "the same column twice", "no sample twice"])
def test_products_on_dependent_columns_are_proven_twice(tmp_path, columns):
    """Both checkers take forms along columns that span all of them; along all, no form would be definite."""
    X = {
        "a column of zeros": [[1.0, 0.0], [1.0, 0.0]],
        "the same column twice": [[3.0, 3.0], [3.0, 3.0]],
        "no sample twice": [[1.0, 2.0], [2.0, 4.0]],
    }[columns]
    arrays = {"neurons": np.array([0]), "owners": np.array([0, 0]), "counts": np.array([1, 1])}
    arrays |= {"samples": np.array([0, 1]), "multipliers": np.ones(2), "factors": np.array([[0, 1]])}
    arrays |= {"weights": np.array([0.25])}
    leaf = Leaf(np.zeros(1, dtype=np.int8), 0.0, kind="products", arrays=arrays)
    decision = Decision("none", 0.0, None, None, 0.0, "exists", Certificate((leaf,)))
    # The second sample lies beside the first one: no neuron is active on one alone, but one may be on both.
    for active, y, proven in ((False, [1.0, 0.0], True), (True, [row[0] for row in X], False)):
        pattern = np.array([[True], [active]])
        found = answer(exported(tmp_path, np.array(X), np.array(y), pattern, decision))
        assert (verify(X, y, pattern, decision), found == "proven") == (proven, proven)


@pytest.mark.campaign
def test_cells_of_real_images_are_proven_twice(tmp_path, shared_data):
    with gzip.open(shared_data / "mnist" / "train-images-idx3-ubyte.gz") as images:
        pixels = images.read()
    with gzip.open(shared_data / "mnist" / "train-labels-idx1-ubyte.gz") as labels:
        X, y = binary_subset(*parse_mnist(pixels, labels.read()), classes=[0, 1], per_class=100)
    for bias in (20.0, 0.0, -50.0):
        rng = stream(17, "mnist", bias)
        W = rng.standard_normal((10, X.shape[1]))
        W[:, -1] += bias
        pattern = X @ W.T > 0
        for signs in ("positive", "exists"):
            decision = decide(X, y, pattern, signs)
            assert decision.verdict != "undecided" and verify(X, y, pattern, decision)
            assert answer(exported(tmp_path, X, y, pattern, decision)) == "proven"


def alterations(data, rng):
    """(name, altered copy) of an exported decision, each of which claims something else."""

    def altered(name, change):
        other = copy.deepcopy(data)
        change(other)
        return name, other

    def number(text, factor):
        return (float.fromhex(text) * factor + 0.25 * (factor - 1)).hex()

    half = (0.5).hex()
    yield altered("no version", lambda d: d.pop("format_version"))
    yield altered("old version", lambda d: d.update(format_version=1))
    yield altered("loss", lambda d: d.update(loss=number(d["loss"], 1.001)))
    yield altered("negative loss", lambda d: d.update(loss=(-1e-300).hex()))
    yield altered("nan", lambda d: d.update(loss="nan"))
    yield altered("decimal", lambda d: d.update(loss=0.5))
    yield altered("verdict", lambda d: d.update(verdict="none" if d["verdict"] == "genuine" else "genuine"))
    yield altered("undecided", lambda d: d.update(verdict="undecided"))
    yield altered("convention", lambda d: d.update(convention="some"))
    yield altered("margin above 1", lambda d: d.update(margin=(1.5).hex()))
    yield altered("cut pattern", lambda d: d.update(pattern=d["pattern"][:-1]))
    yield altered("cut labels", lambda d: d.update(y=d["y"][:-1]))
    yield altered("ragged samples", lambda d: d["X"].append([half]))
    if data["verdict"] == "genuine":
        yield altered("no witness", lambda d: d.update(R=None))
        yield altered("signs", lambda d: d["signs"].__setitem__(0, 0))
        if any(float.fromhex(a) for row in data["R"] for a in row):
            turned = [[(-float.fromhex(a)).hex() for a in row] for row in data["R"]]
            yield altered("turned", lambda d: d.update(R=turned))
            longer = [[(1.01 * float.fromhex(a)).hex() for a in row] for row in data["R"]]
            yield altered("longer", lambda d: d.update(R=longer))
        if float.fromhex(data["margin"]) < 0.9:
            yield altered("more", lambda d: d.update(margin=number(d["margin"], 1.01)))
        return
    leaf = int(rng.integers(len(data["certificate"]["leaves"])))
    for key, value in (
        ("pairs", [[0, 0], [0, 0]]),
        ("values", ["-0x1p-1"]),
        ("sample", 10**9),
        ("kind", "x"),
    ):
        yield altered(key, lambda d, k=key, v=value: d["certificate"]["leaves"][leaf].update({k: v}))
    yield altered("bound", lambda d: d["certificate"]["leaves"][leaf].update(bound=half))
    yield altered("no leaves", lambda d: d["certificate"].update(leaves=[]))
    yield altered("branch", lambda d: d["certificate"]["branches"].append(0))
    yield altered("far branch", lambda d: d["certificate"]["branches"].append(8 * 10**9))
    if data["convention"] != "exists":
        yield altered("fewer leaves", lambda d: d["certificate"]["leaves"].pop())
    if data["margin"] != "-inf" and float.fromhex(data["margin"]) < 0:
        yield altered("lower margin", lambda d: d.update(margin=number(d["margin"], 1.01)))


def test_altered_files_are_refused(tmp_path):
    tried: Counter = Counter()
    for n, (X, y, pattern, decision) in enumerate(small_decisions(8)):
        data = exported(tmp_path, X, y, pattern, decision)
        for name, other in alterations(data, stream(18, "altered", n)):
            tried[name] += 1
            assert answer(other) != "proven", (name, other)
    assert sum(tried.values()) >= 200 and len(tried) >= 25


def test_bad_and_global_are_proven_twice(tmp_path):
    rng = stream(19, "quality")
    X, y = rng.standard_normal((6, 8)), np.array([1.0, 1.0, 1.0, -1.0, -1.0, -1.0])
    whole = np.ones((6, 3), dtype=bool)
    found = decide(X, y, whole, "exists")
    assert quality_level(X, y, whole, found, Quality("global")) == "proven"
    assert answer(exported(tmp_path, X, y, whole, found, quality=Quality("global"))) == "proven"
    part = whole.copy()
    part[5] = False
    found = decide(X, y, part, "exists")
    better = interpolate(X, y, 2)
    bad = Quality("bad", better.W, better.z)
    assert quality_level(X, y, part, found, bad) == "proven"
    assert answer(exported(tmp_path, X, y, part, found, quality=bad)) == "proven"
    zero = Quality("bad", 0.0 * better.W, better.z)
    crowd = Quality("bad", np.vstack([better.W, better.W]), np.append(better.z, better.z))
    for wrong in (Quality("global"), zero, crowd, Quality("bad"), Quality("good"), None):
        assert quality_level(X, y, part, found, wrong) == "rejected"
        if wrong is not None:
            assert answer(exported(tmp_path, X, y, part, found, quality=wrong)) != "proven"


def points():
    """(X, y, certified point) of each kind of critical point, by hand."""
    X, y = np.array([[1.0, 1.0], [-1.0, 1.0], [2.0, 1.0]]), np.array([1.0, 0.0, 2.0])
    # f = [x_1]_+ fits (1, ·, 2) with the second sample inactive: a minimum inside its cell
    yield X, y, certify_point(X, y, [[1.0, 0.0]], [1.0], "differentiable minimum", [])
    # two samples at 1 and −1 with labels 1 and −1 pull a neuron of sign + on the hyperplane of the second
    X, y = np.array([[1.0, 0.0], [0.0, 1.0]]), np.array([1.0, -1.0])
    yield X, y, certify_point(X, y, [[1.0, 0.0]], [1.0], "non-differentiable minimum", [[1, 0]])
    # without active samples z_j = 0 is a minimum; active on the first, it is pulled
    yield X, y, certify_point(X, y, [[1e-9, 1.0]], [0.0], "saddle", [])


def test_kinds_of_critical_points_are_proven_twice(tmp_path):
    kinds = []
    for X, y, point in points():
        assert point is not None and point_level(X, y, point) == "proven"
        export_point(X, y, point, tmp_path / "point.json")
        data = json.loads((tmp_path / "point.json").read_text())
        assert answer(data) == "proven"
        kinds.append(point.kind)
        for wrong in set(check_certificate.KINDS_OF_POINTS) - {point.kind}:
            assert point_level(X, y, replace(point, kind=wrong)) == "rejected"
            assert answer({**data, "point": wrong}) != "proven"
        moved = replace(point, W=point.W - np.array([1e-3, 0.0]))
        assert point_level(X, y, moved) == "rejected"
        for change in ({"distance": -1.0}, {"z": point.z[:0]}, {"boundary": [[9, 9]]}, {"W": None}):
            assert point_level(X, y, replace(point, **change)) == "rejected"
    assert sorted(kinds) == sorted(check_certificate.KINDS_OF_POINTS)


def test_the_file_runs_alone(tmp_path):
    """Neither relucells nor numpy is imported; the exit status says whether everything was proven."""
    X, y, pattern, decision = next(small_decisions(1))
    good, bad = tmp_path / "good.json", tmp_path / "bad.json"
    export_certificate(X, y, pattern, decision, good)
    bad.write_text(json.dumps({**json.loads(good.read_text()), "loss": (9.0).hex()}))
    (tmp_path / "text.json").write_text("[")
    probe = "import check_certificate, sys; sys.exit(bool({'numpy', 'relucells'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", probe], cwd=ROOT).returncode == 0
    program = [sys.executable, str(ROOT / "check_certificate.py")]
    run = subprocess.run([*program, good], capture_output=True, text=True)
    assert (run.returncode, run.stdout) == (0, f"{good}: proven\n")
    files = [good, bad, tmp_path / "text.json", tmp_path]
    run = subprocess.run([*program, *files], capture_output=True, text=True)
    assert run.returncode == 1 and run.stdout.count("rejected") == 3 and not run.stderr


def test_an_undecided_cell_has_nothing_to_export(tmp_path):
    X, y, pattern, decision = next(small_decisions(1))
    with pytest.raises(ValueError, match="undecided cell has no certificate"):
        export_certificate(X, y, pattern, replace(decision, verdict="undecided"), tmp_path / "x.json")


JUNK = (None, [], {}, "x", "", 10**400, -1, 0.5, True, [[]], "nan", "inf", "0x1p+1023", {"a": 1}, 2**63)


def places(data, path=()):
    """Paths to everything in nested lists and objects."""
    yield path
    children = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    for key, child in children:
        yield from places(child, (*path, key))


def put(data, path, thing):
    """A copy with something else at a path."""
    if not path:
        return thing
    other = data.copy()
    other[path[0]] = put(data[path[0]], path[1:], thing)
    return other


def test_junk_anywhere_is_refused_in_words(tmp_path):
    """Never an exception of another kind, whatever stands wherever."""
    for n, (X, y, pattern, decision) in enumerate(small_decisions(6)):
        rng = stream(20, "junk", n)
        data = exported(tmp_path, X, y, pattern, decision)
        paths = list(places(data))
        for k in rng.permutation(len(paths))[:25]:
            for thing in JUNK:
                answer(put(data, paths[k], thing))
    for X, y, point in points():
        export_point(X, y, point, tmp_path / "point.json")
        data = json.loads((tmp_path / "point.json").read_text())
        for path in places(data):
            for thing in JUNK:
                answer(put(data, path, thing))
