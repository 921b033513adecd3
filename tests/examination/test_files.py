"""The command `relucells examine`: its files, and one line for what is wrong with them."""

import io
import json
import os
import pickle
import subprocess
import sys
import zipfile

import numpy as np
import pytest

from relucells.cli import main
from relucells.critical_points.exact_descent import settle
from relucells.pipeline import examination_page, network_files
from relucells.pipeline.network_files import read_problem


@pytest.fixture
def files(tmp_path, rng):
    """Paths of data and of a network with biases beside a minimum, and the arrays."""
    X, y = rng.standard_normal((16, 2)), rng.choice([-1.0, 1.0], 16)
    augmented = np.column_stack([X, np.ones(16)])
    end = settle(augmented, y, rng.standard_normal((3, 3)), rng.standard_normal(3))
    arrays = {"W": end.W[:, :-1] + 1e-6, "b": end.W[:, -1], "z": end.z}
    np.savez(tmp_path / "data.npz", X=X, y=y)
    np.savez(tmp_path / "network.npz", **arrays)
    return tmp_path / "data.npz", tmp_path / "network.npz", X, y, arrays


def test_the_command_says_it_and_writes_it(files, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(examination_page, "LINES", 6)  # fewer cells to decide
    data, network, *_ = files
    out = {name: tmp_path / name for name in ("found.json", "shown", "page.html")}
    arguments = ["--json", out["found.json"], "--certificates", out["shown"], "--report", out["page.html"]]
    assert main(["examine", str(data), str(network), *map(str, arguments)]) == 0
    said = capsys.readouterr().out
    found = json.loads(out["found.json"].read_text())
    assert found["words"] == said.splitlines()[: len(found["words"])]
    assert found["kind"] == "non-differentiable minimum" and found["point"]["certified"]
    assert (out["shown"] / "point.json").is_file()
    page = out["page.html"].read_text()
    assert (
        "<script" not in page and "data:image/png;base64," in page and "http" not in page.split("</style>")[1]
    )
    for sentence in found["words"]:
        assert sentence.split("'")[0] in page  # an apostrophe is escaped


def test_biases_become_the_last_column_and_a_column_of_ones_is_not_added_twice(files, tmp_path):
    data, network, X, y, arrays = files
    found = read_problem(data, network)
    assert (found.X == np.column_stack([X, np.ones(16)])).all() and found.output_bias is None
    assert (found.W == np.column_stack([arrays["W"], arrays["b"]])).all()
    np.savez(tmp_path / "carried.npz", X=found.X, y=y)
    assert (read_problem(tmp_path / "carried.npz", network).X == found.X).all()
    np.savez(tmp_path / "more.npz", **arrays, c=2.5, skip=[1.0, 2.0])
    more = read_problem(data, tmp_path / "more.npz")
    assert more.output_bias == 2.5 and more.skip.tolist() == [1.0, 2.0, 0.0]


def npz(path, **arrays):
    np.savez(path, **arrays)
    return path


X, Y, W, B, Z = np.ones((4, 2)), np.ones(4), np.ones((3, 2)), np.ones(3), np.ones(3)
GOOD = {"X": X, "y": Y}, {"W": W, "b": B, "z": Z}
WRONG = {
    "no X": ({"y": Y}, {}, "data.npz: array X is missing"),
    "text": ({"X": np.array([["a", "b"]] * 4)}, {}, "data.npz: X: must hold real numbers"),
    "NaN": ({"X": X * np.nan}, {}, "data.npz: X: must be finite"),
    "complex": ({"y": Y * 1j}, {}, "data.npz: y: must hold real numbers"),
    "empty": ({"X": np.ones((0, 2))}, {}, "data.npz: X: must not be empty"),
    "y too long": ({"y": np.ones(5)}, {}, "data.npz: y: must have one entry per row of X, 4, not 5"),
    "y a table": ({"y": np.ones((4, 1))}, {}, "data.npz: y: must have 1 dimension"),
    "objects": ({"X": np.array([[{}, 1]] * 4, dtype=object)}, {}, "pickled objects"),
    "no z": ({}, {"z": None}, "network.npz: array z is missing"),
    "W too wide": ({}, {"W": np.ones((3, 5))}, "network.npz: W: has 5 inputs, but X of"),
    "biases in W": ({}, {"W": np.ones((3, 3)), "b": None}, "the biases, now the last column, as b"),
    "b too short": ({}, {"b": np.ones(2)}, "network.npz: b: must have one entry per row of W, 3, not 2"),
    "z too short": ({}, {"z": np.ones(2)}, "network.npz: z: must have one entry per row of W, 3, not 2"),
    "two c": ({}, {"c": np.ones(2)}, "network.npz: c: must be one number"),
    "c infinite": ({}, {"c": np.inf}, "network.npz: c: must be finite"),
}


@pytest.mark.parametrize("case", WRONG)
def test_one_line_names_the_file_and_the_key(case, tmp_path, capsys):
    data, network, line = WRONG[case]
    paths = []
    for name, arrays, change in (("data.npz", GOOD[0], data), ("network.npz", GOOD[1], network)):
        arrays = {key: value for key, value in (arrays | change).items() if value is not None}
        arrays = {
            key: value for key, value in arrays.items() if key in change or not (change and case == "no X")
        }
        np.savez(tmp_path / name, **arrays)
        paths.append(str(tmp_path / name))
    said = fails(["examine", *paths], capsys)
    assert line in said


def test_a_home_folder_that_nobody_knows_is_told_in_one_line(tmp_path, capsys):
    data = npz(tmp_path / "good.npz", **GOOD[0])
    assert "~no such user/w.npz: " in fails(["examine", str(data), "~no such user/w.npz"], capsys)


def fails(arguments, capsys) -> str:
    """The one line of an unsuccessful command."""
    assert main(arguments) == 1
    captured = capsys.readouterr()
    assert captured.out == "" and captured.err.count("\n") == 1
    return captured.err


class Hostile:
    def __reduce__(self):
        return (pytest.fail, ("it was run",))


def test_files_that_are_no_files_of_arrays(tmp_path, capsys):
    good = npz(tmp_path / "good.npz", **GOOD[0])
    network = npz(tmp_path / "network.npz", **GOOD[1])
    (tmp_path / "text.npz").write_text("X = 1")
    (tmp_path / "empty.npz").write_bytes(b"")
    (tmp_path / "cut.npz").write_bytes(good.read_bytes()[:200])
    (tmp_path / "pickle.npz").write_bytes(pickle.dumps(Hostile()))
    np.save(tmp_path / "one.npy", X)
    (tmp_path / "one.npy").rename(tmp_path / "one.npz")
    with zipfile.ZipFile(tmp_path / "claims.npz", "w") as archive:
        header = io.BytesIO()
        np.lib.format.write_array_header_1_0(
            header, {"descr": "<f8", "fortran_order": False, "shape": (10**9, 10**6)}
        )
        archive.writestr("X.npy", header.getvalue())
        archive.writestr("y.npy", header.getvalue())
    for name in ("text", "empty", "cut", "pickle", "one", "claims", "missing"):
        said = fails(["examine", str(tmp_path / f"{name}.npz"), str(network)], capsys)
        assert f"{name}.npz" in said
        said = fails(["examine", str(good), str(tmp_path / f"{name}.npz")], capsys)
        assert f"{name}.npz" in said
    assert "is a folder" in fails(["examine", str(tmp_path), str(network)], capsys)


def test_an_archive_that_unpacks_to_too_much_is_not_unpacked(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(network_files, "BYTES", 1000)
    path = tmp_path / "bomb.npz"
    np.savez_compressed(path, X=np.zeros((100, 100)), y=np.zeros(100))
    assert path.stat().st_size < 1000
    monkeypatch.setattr(np, "load", lambda *_, **__: pytest.fail("it was unpacked"))
    assert "leave samples out" in fails(["examine", str(path), str(path)], capsys)


def test_nothing_is_written_where_the_place_is_wrong(files, tmp_path, capsys):
    data, network, *_ = files
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "notes.txt").write_text("mine")
    arguments = ["examine", str(data), str(network), "--certificates", str(tmp_path / "taken")]
    assert main(arguments) == 1 and "notes.txt" in capsys.readouterr().err
    assert main([*arguments[:3], "--json", str(tmp_path / "taken")]) == 1
    assert "taken" in capsys.readouterr().err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data.npz", "network.npz", "taken"]


def test_a_state_dict_without_pytorch_is_one_line(files, tmp_path):
    data, *_ = files
    (tmp_path / "network.pt").write_bytes(b"")
    (tmp_path / "torch.py").write_text("raise ModuleNotFoundError('torch')")
    code = "import sys; from relucells.cli import main; sys.exit(main(sys.argv[1:]))"
    done = subprocess.run(
        [sys.executable, "-c", code, "examine", str(data), str(tmp_path / "network.pt")],
        env={"PYTHONPATH": ":".join([str(tmp_path), *sys.path])},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1 and done.stderr.count("\n") == 1
    assert "needs PyTorch" in done.stderr and "save W, b, z as npz" in done.stderr


def test_a_reader_that_leaves_early_costs_no_file(files, tmp_path):
    """`relucells examine … | head -1`."""
    data, network, *_ = files
    reading, writing = os.pipe()
    os.close(reading)
    command = [sys.executable, "-m", "relucells", "examine", str(data), str(network)]
    done = subprocess.run(
        [*command, "--json", str(tmp_path / "found.json")],
        env={"PYTHONPATH": ":".join(sys.path)},
        stdout=writing,
        stderr=subprocess.PIPE,
        text=True,
    )
    os.close(writing)
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads((tmp_path / "found.json").read_text())
