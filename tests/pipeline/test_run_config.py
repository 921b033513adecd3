"""The config's schema and one-line errors, blocks of trials, and hashes of the code behind a rule."""

import ast
import copy
import os

import pytest
import yaml
from conftest import ROOT, SCHEMA

from relucells.pipeline.code import code_hash, imported_names
from relucells.pipeline.config_files import check_files, read_config
from relucells.pipeline.names import bias_token, block_range, blocks
from relucells.pipeline.plan import Plan
from relucells.pipeline.run_config import ConfigError, check_config, in_order, shown_config


@pytest.fixture
def config():
    return yaml.safe_load((ROOT / "config.yaml").read_text())


def test_the_shipped_config_is_valid(config):
    check_config(config, SCHEMA)


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("trials", 0, "trials: 0 is too small; it must be at least 1"),
        ("trials", "many", "trials: 'many' has the wrong type; allowed: integer"),
        ("trials", True, "trials: True has the wrong type; allowed: integer"),
        ("trials", 4.0, "trials: 4.0 has the wrong type; allowed: integer; write 4"),
        ("datasets.mnist.K", 3.0, "datasets.mnist.K: 3.0 has the wrong type; allowed: integer; write 3"),
        ("seed", 5.0, "seed: 5.0 has the wrong type; allowed: integer; write 5"),
        (
            "decide_conventions.program_limit",
            1e2,
            "decide_conventions.program_limit: 100.0 has the wrong type; allowed: integer or null; write 100",
        ),
        (
            "datasets.mnist.biases",
            [0.1, 0.1000000000001],
            "datasets.mnist.biases: 0.1 and 0.1000000000001 have the same name in paths, 0.1; keep one",
        ),
        ("full_scale.biases", [1, 1.00000000000001], "full_scale.biases: 1 and 1.00000000000001 have the"),
        ("trails", 100, "trails: unknown key; allowed here: seed, data_dir"),
        ("level", 0.9, "level: this key is called confidence now; rename it"),
        ("confidence", 1, "confidence: 1 is too large; it must be less than 1"),
        ("confidence", float("nan"), "confidence: nan is not a finite number"),
        ("data_dir", 3, "data_dir: 3 has the wrong type; allowed: string or null"),
        ("data_dir", "a\0b", "data_dir: 'a\\x00b' holds a zero character"),
        ("datasets.mine", {"path": "a\0b"}, "datasets.mine.path: 'a\\x00b' holds a zero character"),
        ("datasets", {}, "datasets: {} has too few entries"),
        ("datasets", [], "datasets: [] has the wrong type; allowed: a mapping of keys to values"),
        ("datasets.mnist.N", 201, "datasets.mnist.N: 201 is not a multiple of 2; half of the samples"),
        ("datasets.mnist.K", 0, "datasets.mnist.K: 0 is too small; it must be at least 1"),
        ("datasets.mnist.biases", [3, 3], "datasets.mnist.biases: [3, 3] repeats an entry"),
        ("datasets.mnist.biases", [], "datasets.mnist.biases: [] has too few entries"),
        (
            "datasets.mnist.classes",
            [0, 10],
            "datasets.mnist.classes.1: 10 is too large; it must be at most 9",
        ),
        ("datasets.mnist.classes", [1, 1], "datasets.mnist.classes: [1, 1] repeats an entry"),
        ("datasets.mnist.d", 784, "datasets.mnist.d: unknown key; allowed here: source, table, classes"),
        ("datasets.mnist.source", "imagenet", "datasets.mnist.source: 'imagenet' is not allowed; use one of"),
        ("datasets.mnist.table", "VI", "datasets.mnist.table: 'VI' is not allowed; use one of I, II"),
        ("datasets.mnist.table", "V", "datasets: table V is claimed by 2 entries"),
        ("datasets.my-data", {"source": "npz"}, "datasets: 'my-data' is not a usable name"),
        ("datasets.mine", {"source": "npz", "K": 2, "biases": [0]}, "datasets.mine.path: missing"),
        ("datasets.mine", {"K": 2, "biases": [0]}, "datasets.mine.source: missing"),
        (
            "datasets.mine",
            7,
            "datasets.mine: 7 has the wrong type; allowed: a mapping of keys to values or null",
        ),
        ("datasets.mine", False, "datasets.mine: False has the wrong type; allowed: a mapping of keys to"),
        ("transition.kinds.mine", "mnist", "transition.kinds.mine: 'mnist' has the wrong type; allowed: a"),
        ("datasets.ab\n", None, "datasets: 'ab\\n' is not a usable name; letters, digits and _ are"),
        ("networks.ab\n", {}, "networks: 'ab\\n' is not a usable name; letters, digits and _ are"),
        (
            "transition.kinds.ab\n",
            None,
            "transition.kinds: 'ab\\n' is not a usable name; letters, digits and",
        ),
        ("table_6.open_beyond", -1, "table_6.open_beyond: -1 is too small; it must be greater than 0"),
        ("table_6.open_beyond", {}, "table_6.open_beyond: {} has the wrong type; allowed: number or null"),
        (
            "table_6.weight_range",
            [0.5, -0.5],
            "table_6.weight_range: 0.5 to -0.5 does not ascend; the first must be less than the last",
        ),
        (
            "figure_2.locations",
            {"from": 6, "to": 0, "step": 1},
            "figure_2.locations: 6 to 0 does not ascend; the first must be less than the last",
        ),
        (
            "figure_3.shift",
            {"from": 1, "to": 1, "step": 1},
            "figure_3.shift: 1 to 1 does not ascend; the first",
        ),
        ("figure_1.locations", [-1, 1], "figure_1.locations: [-1, 1] has w1 left of w2; exchange them"),
        ("gd_verify.step", -1e-6, "gd_verify.step: -1e-06 is too small; it must be greater than 0"),
        ("gd_verify.step", "1e-6", "gd_verify.step: '1e-6' has the wrong type; allowed: number"),
        (
            "sample_weights.bias",
            "subtracted",
            "sample_weights.bias: 'subtracted' is not allowed; use one of added",
        ),
    ],
)
def test_each_mistake_gives_one_line_that_names_the_key(config, path, value, message):
    *parents, key = path.split(".")
    place = config
    for parent in parents:
        place = place[parent]
    place[key] = value
    with pytest.raises(ConfigError) as error:
        check_config(config, SCHEMA)
    assert str(error.value).startswith(message)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("on: 3", "True: YAML reads this key as yes or no, not as text; put it in quotes"),
        ("~: 3", "None: YAML reads this key as nothing, not as text"),
        ("1: 3", "1: YAML reads this key as int, not as text"),
        ("datasets: {2024-01-01: null}", "datasets.2024-01-01: YAML reads this key as date, not as text"),
        ("datasets: {mnist: {1.5: 2}}", "datasets.mnist.1.5: YAML reads this key as float, not as text"),
        ("table_6: {images: [{no: 1}]}", "table_6.images.False: YAML reads this key as yes or no"),
    ],
)
def test_keys_that_are_no_text_are_named(config, text, message):
    with pytest.raises(ConfigError) as error:
        check_config(config | yaml.safe_load(text), SCHEMA)
    assert str(error.value).startswith(message)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"trials: 2\nseed: 1\ntrials: 3\n", "trials: stands twice, in lines 1 and 3; keep one (FILE)"),
        (
            b"datasets:\n  a: null\nseed: 1\ndatasets:\n  b: null\n",
            "datasets: stands twice, in lines 1 and 4",
        ),
        (b"a:\n  b: {c: 1, d: 2}\n  e: [{f: 1,\n f: 2}]\n", "a.e.0.f: stands twice, in lines 3 and 4"),
        (b"datasets: {mnist: {K: 2, K: 4}}\n", "datasets.mnist.K: stands twice, in line 1; keep one (FILE)"),
        (b'{"trials": 2, "trials": 3}', "trials: stands twice, in line 1; keep one (FILE)"),
        (b"K: 2\n'K': 4\n", "K: stands twice, in lines 1 and 2; keep one (FILE)"),
        (b"a: {<<: {b: 1}, c: 2, c: 2}\n", "a.c: stands twice, in line 1; keep one (FILE)"),
        (b"N: &n [2, *n]\n", "N.1: *n would hold itself; write out what is meant (FILE)"),
        (b"datasets: &d {mnist: *d}\n", "datasets.mnist: *d would hold itself"),
        (b"trials: 010\n", "trials: YAML reads 010 as 8; write plain digits (FILE)"),
        (b"trials: 1:40\n", "trials: YAML reads 1:40 as 100; write plain digits (FILE)"),
        (b"a: {biases: [3, -0_17]}\n", "a.biases.1: YAML reads -0_17 as -15; write plain digits (FILE)"),
        (b"confidence: 0:30.5\n", "confidence: YAML reads 0:30.5 as 30.5; write plain digits (FILE)"),
        (b"a: 2024-13-45\n", "FILE: month must be in 1..12"),
        (b'{"trials": 2,\n "trials": 3}', "trials: stands twice, in lines 1 and 2; keep one (FILE)"),
        ("# größe\ntrials: 2\n".encode("latin-1"), "FILE: not UTF-8 text (byte 5); save it as UTF-8"),
        ("trials: 2\n".encode("utf-16"), "FILE: not UTF-8 text (byte 1); save it as UTF-8"),
        (b"trials: [2\n", "FILE: line 2: expected ',' or ']'"),
        (b"trials: 2\n\tseed: 1\n", "FILE: line 2: found character '\\t' that cannot start any token"),
        (b"- trials\n", "FILE: must hold keys with their values, not list"),
    ],
)
def test_what_yaml_would_let_pass_or_drop_is_refused(tmp_path, content, message):
    path = tmp_path / "mine.yaml"
    path.write_bytes(content)
    for read in (read_config, lambda path: check_files([path])):
        with pytest.raises(ConfigError) as error:
            read(path)
        assert str(error.value).startswith(message.replace("FILE", str(path)))
        assert len(str(error.value).splitlines()) == 1


def test_a_good_file_is_read_as_yaml_reads_it(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_bytes(b"\xef\xbb\xbfa: &a {b: 1, c: 2}\nd: {<<: *a, c: 3}\n")  # with a byte order mark
    assert read_config(path) == {"a": {"b": 1, "c": 2}, "d": {"b": 1, "c": 3}}
    # what a merge brings in may be said again; which one counts then depends on PyYAML's version
    merged = b"z: &z {b: 0}\na: {i: &i {<<: *z, b: 1}}\nd: {<<: *i}\ne: {<<: [*z, *i], b: 2}\n"
    path.write_bytes(merged)
    assert read_config(path) == yaml.safe_load(merged)
    # numbers that a person reads as YAML does, and texts
    path.write_bytes(b"a: [0, -0, 07, 010.5, 0x10, 1_000, '010', 1.0e-2, '1:40', 1:99]\n")
    assert read_config(path) == {"a": [0, 0, 7, 10.5, 16, 1000, "010", 0.01, "1:40", "1:99"]}
    path.write_bytes(b"# nothing set\n")
    assert read_config(path) == {}
    assert read_config(ROOT / "config.yaml") == yaml.safe_load((ROOT / "config.yaml").read_text())
    check_files([tmp_path / "no such file"])
    with pytest.raises(ConfigError, match=r"gone\.yaml: No such file or directory; the workflow needs"):
        read_config(tmp_path / "gone.yaml")


def test_every_line_about_a_config_is_one_line():
    assert str(ConfigError("path: a\nb\0c \u2028é")) == "path: a\\nb\\x00c \\u2028é"


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("no.npz", "there is no file no.npz"),
        ("a\nb", "there is no file a\\nb"),
        ("n" * 300, f"{'n' * 300}: File name too long; give a file that can be read"),
        ("a\0b", "a\\x00b: holds a zero character, which no path may; give a file that can be read"),
        ("file/a.npz", "file/a.npz: Not a directory; give a file that can be read"),
        (".", ".: not a file; give a file that can be read"),
        ("pipe", "pipe: not a file; give a file that can be read"),
        ("~nosuchuser/a.npz", "~nosuchuser/a.npz: the home ~nosuchuser is not known here; write it out"),
    ],
)
def test_a_file_of_ones_own_that_cannot_be_read_is_named(config, tmp_path, monkeypatch, path, told):
    """A pipe would be waited for."""
    monkeypatch.chdir(tmp_path)
    os.mkfifo("pipe")
    (tmp_path / "file").touch()
    config["datasets"]["mine"] = {"source": "npz", "path": path, "K": 2, "biases": [0]}
    with pytest.raises(ConfigError) as error:
        Plan(config).check_files()
    assert str(error.value) == f"datasets.mine.path: {told}"
    del config["datasets"]["mine"]
    config["networks"]["mine"] = {"data": path, "network": path}
    with pytest.raises(ConfigError) as error:
        Plan(config).check_files()
    assert str(error.value) == f"networks.mine.data: {told}"
    config["networks"] = {}
    config["atlas"]["path"] = path
    with pytest.raises(ConfigError) as error:
        Plan(config).check_files()
    assert str(error.value) == f"atlas.path: {told}"
    config["atlas"]["path"] = None
    config["datasets"]["mine"] = {"source": "npz", "path": "file", "K": 2, "biases": [0]}
    Plan(config).check_files()


def test_a_missing_section_is_named(config):
    del config["gd_verify"]
    with pytest.raises(ConfigError, match=r"^gd_verify: missing"):
        check_config(config, SCHEMA)


def test_null_leaves_a_data_set_out_but_not_all(config):
    config["datasets"]["mnist"] = None
    check_config(config, SCHEMA)
    config["datasets"] = dict.fromkeys(config["datasets"])
    with pytest.raises(ConfigError, match="every entry is null"):
        check_config(config, SCHEMA)


def test_schema_describes_every_key():
    """Each leaf has a description. Its default stands in config.yaml, and there alone."""
    schema = yaml.safe_load((ROOT / "workflow/schemas/config.schema.yaml").read_text())
    shipped = yaml.safe_load((ROOT / "config.yaml").read_text())

    def walk(node, value, name):
        if "properties" in node:
            assert node.get("additionalProperties") is False, name
            for key, nested in node["properties"].items():
                assert key in value, f"{name}.{key}"
                walk(nested, value[key], f"{name}.{key}")
        elif "$ref" not in node and name != ".datasets":
            assert "description" in node, name
            assert "default" not in node, name

    for key, node in schema["properties"].items():
        walk(node, shipped[key], f".{key}")


@pytest.mark.parametrize(
    ("bias", "token"),
    [(20, "20"), (3.0, "3"), (0, "0"), (-0.0, "0"), (-50, "-50"), (0.5, "0.5"), (1e-7, "1e-07")],
)
def test_bias_token(bias, token):
    assert bias_token(bias) == token
    assert float(token) == bias


@pytest.mark.parametrize(
    ("trials", "size", "expected"),
    [
        (100, 100, ["000-099"]),
        (100, 50, ["000-049", "050-099"]),
        (5, 2, ["000-001", "002-003", "004-004"]),
        (1, 100, ["000-000"]),
        (1001, 1000, ["000-999", "1000-1000"]),
    ],
)
def test_blocks(trials, size, expected):
    assert blocks(trials, size) == expected
    assert [i for block in expected for i in block_range(block)] == list(range(trials))


def test_raising_trials_keeps_full_blocks():
    assert set(blocks(100, 50)) < set(blocks(200, 50))


def test_code_hash_follows_imports(tmp_path):
    """It changes with a module that is imported through another one, and with nothing else."""
    files = {
        "script.py": "from package.one import f\nfrom relucells.pipeline.job import log\n",
        "package/one.py": "def f():\n    from package import two\n    return two\n",
        "package/two.py": "x = 1\n",
        "package/other.py": "y = 1\n",
        "relucells/pipeline/job.py": "log = 1\n",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    before = code_hash(tmp_path / "script.py", tmp_path)
    for name in ("package/other.py", "relucells/pipeline/job.py"):
        (tmp_path / name).write_text("changed = True\n")
    assert code_hash(tmp_path / "script.py", tmp_path) == before
    (tmp_path / "package/two.py").write_text("x = 2\n")
    assert code_hash(tmp_path / "script.py", tmp_path) != before
    (tmp_path / "package/two.py").write_text("x = 1\n")
    assert code_hash(tmp_path / "script.py", tmp_path) == before


def test_no_import_of_the_project_is_missed():
    """The text is only searched. What Python itself reads in it must be found."""
    for path in [*(ROOT / "src").rglob("*.py"), *(ROOT / "workflow").rglob("*.py")]:
        text, imported = path.read_text(encoding="utf-8"), set()
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.Import):
                imported |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
                imported |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
        assert imported <= set(imported_names(text)), path


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("import a.b as c, d  # e", {"a.b", "d"}),
        ("def f():\n    from a import (\n        b,  # why\n        c as d,\n    )\n", {"a", "a.b", "a.c"}),
        ("from a.b import c\nx = 1  # import y\n", {"a.b", "a.b.c"}),
        ("value = 'import z'", set()),
    ],
)
def test_what_a_text_imports(text, names):
    assert set(imported_names(text)) == names


@pytest.mark.parametrize("key", ["data_dir", "datasets.mine.path"])
def test_a_home_folder_that_nobody_knows_is_named_with_its_key(config, key):
    path = "~no such user/images"
    if key == "data_dir":
        config["data_dir"] = path
    else:
        config["datasets"]["mine"] = {"source": "npz", "path": path, "K": 2, "biases": [0]}
    check_config(config, SCHEMA)
    with pytest.raises(ConfigError) as error:
        Plan(config).check_files()
    assert str(error.value).startswith(f"{key}: {path}: the home ~no such user is not known here; write")


def test_config_is_not_changed_by_checking(config):
    before = copy.deepcopy(config)
    check_config(config, SCHEMA)
    assert config == before


def test_the_order_of_keys_does_not_matter():
    one = in_order({"b": [{"d": 1, "c": 2}], "a": 3})
    assert str(one) == "{'a': 3, 'b': [{'c': 2, 'd': 1}]}"


def test_a_page_shows_no_folder_of_this_machine(config):
    config["data_dir"] = "/home/somebody/images"
    config["datasets"]["mine"] = {"source": "npz", "path": "/home/somebody/mine.npz", "K": 2, "biases": [0]}
    shown = shown_config(config)
    assert "somebody" not in str(shown)
    assert shown["datasets"]["mine"]["path"] == "mine.npz"
    assert shown == shown_config(dict(reversed(config.items())))
