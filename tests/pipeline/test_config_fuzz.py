"""Generated configs: the invalid are refused in one line that names the key, the valid run to sane tables."""

import copy
import math
import subprocess
from functools import cache

import numpy as np
import pandas as pd
import pytest
import yaml
from conftest import ROOT, SCHEMA
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from running import FULL_CHECK, command, copy_project, run

from relucells.pipeline.run_config import ConfigError, check_config
from relucells.samples.randomness import stream

VALID_RUNS = 50 if FULL_CHECK else 5
SOURCES = ("gaussian", "mnist", "cifar10", "torchvision", "npz")
ROOT_SCHEMA = yaml.safe_load(SCHEMA.read_text(encoding="utf-8"))


@cache
def valid_config():
    """The shipped config with data sets of every kind."""
    config = yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8"))
    mine = {"source": "npz", "path": "mine.npz", "augmented": True}
    fashion = {"source": "torchvision", "name": "FashionMNIST", "classes": [2, 7], "N": 10}
    for name, entry in (("mine", mine), ("fashion", fashion)):
        config["datasets"][name] = entry | {"K": 3, "biases": [1.5, 0], "descent": False}
    config["datasets"]["left_out"] = None
    check_config(config, SCHEMA)
    return config


def resolve(node):
    """A schema node with its reference and the parts of its ``allOf`` written out."""
    parts = list(node.get("allOf", []))
    if "$ref" in node:
        parts.append(ROOT_SCHEMA["$defs"][node["$ref"].rsplit("/", 1)[1]])
    result = {}
    for part in [*map(resolve, parts), {k: v for k, v in node.items() if k not in ("$ref", "allOf")}]:
        for key, value in part.items():
            merge = key == "items" and key in result
            result[key] = result[key] | value if merge else value
    return result


def accepts(node, value):
    return Draft202012Validator(node | {"$defs": ROOT_SCHEMA["$defs"]}).is_valid(value)


def sites(node, value, path=()):
    """Every place of a valid config, its schema node, and the alternative of the node that it chose."""
    whole = node = resolve(node)
    for alternatives in ("oneOf", "anyOf"):
        if alternatives in node:
            node = resolve(next(each for each in node[alternatives] if accepts(each, value)))
    yield path, whole, node
    if isinstance(value, dict):
        for key, nested in value.items():
            rule = node.get("properties", {}).get(key, node.get("additionalProperties"))
            yield from sites(rule, nested, (*path, key))
    elif isinstance(value, list) and value and "items" in node:
        yield from sites(node["items"], value[0], (*path, 0))


@cache
def all_sites():
    return list(sites(ROOT_SCHEMA, valid_config()))


# Plain names and hostile ones.
NAMES = st.text(st.characters(codec="utf-8"), min_size=1, max_size=20) | st.from_regex(
    r"[a-z_]{1,12}", fullmatch=True
)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=80)
VALUES = SCALARS | st.lists(SCALARS, max_size=3) | st.dictionaries(NAMES, SCALARS, max_size=2)


@st.composite
def mistakes(draw):
    """A place in the valid config, the value that spoils it, and the key that the refusal has to name."""
    path, whole, node = draw(st.sampled_from(all_sites()))
    value = at(valid_config(), path)
    kinds = [(VALUES, path)] if path else []
    if isinstance(value, dict) and node.get("additionalProperties") is False:
        unknown = draw(NAMES.filter(lambda name: name not in node["properties"]))
        missing = draw(st.sampled_from(node["required"]))
        rest = {key: nested for key, nested in value.items() if key != missing}
        kinds += [(st.just(value | {unknown: 1}), (*path, unknown)), (st.just(rest), (*path, missing))]
    if type(value) in (int, float):
        for key, strategy in (
            (
                "minimum",
                lambda low: (
                    st.floats(max_value=low, exclude_max=True) | st.integers(max_value=math.ceil(low) - 1)
                ),
            ),
            (
                "maximum",
                lambda high: (
                    st.floats(min_value=high, exclude_min=True) | st.integers(min_value=math.floor(high) + 1)
                ),
            ),
        ):
            limit = node.get(key, node.get(f"exclusive{key.capitalize()}"))
            if limit is not None:
                kinds.append((strategy(float(limit)), path))
    if isinstance(value, list) and value:
        kinds.append((st.just([value[0], value[0]]) | st.just(value * 2), path))
    strategy, named = draw(st.sampled_from(kinds))
    return path, draw(strategy.filter(lambda new: spoils(path, whole, new))), named


def at(config, path):
    for key in path:
        config = config[key]
    return config


def spoils(path, node, value):
    if path and path[-1] == "source" and value in SOURCES:
        return False  # another kind of data set: then other keys are wrong
    return not accepts(node, value) or (isinstance(value, float) and not math.isfinite(value))


@given(mistakes())
@settings(max_examples=400, suppress_health_check=list(HealthCheck))
def test_every_generated_mistake_is_refused_in_one_line_that_names_the_key(mistake):
    path, value, named = mistake
    config = copy.deepcopy(valid_config())
    if path:
        at(config, path[:-1])[path[-1]] = value
    else:
        config = value
    with pytest.raises(ConfigError) as error:
        check_config(config, SCHEMA)
    message = str(error.value)
    assert len(message.splitlines()) == 1, message
    if all(str(part).isprintable() for part in named):  # else escaped
        key = ".".join(map(str, named))
        assert message.startswith((f"{key}:", f"{key}.")), (key, message)


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    return copy_project(tmp_path_factory.mktemp("project"))


@pytest.mark.parametrize(
    ("config", "line"),
    [
        ({"trails": 5}, "config: trails: unknown key; allowed here: seed"),
        ({"trials": 0}, "config: trials: 0 is too small; it must be at least 1"),
        (
            {"gd_verify": {"step": "fast"}},
            "config: gd_verify.step: 'fast' has the wrong type; allowed: number",
        ),
        (
            {"datasets": {"mnist": {"classes": [3, 3]}}},
            "config: datasets.mnist.classes: [3, 3] repeats an entry",
        ),
        (
            {"datasets": {"mine": {"source": "npz", "path": "no.npz", "K": 2, "biases": [0]}}},
            "config: datasets.mine.path: there is no file no.npz",
        ),
    ],
)
def test_the_command_refuses_before_any_job_runs(project, tmp_path, config, line):
    done = run(tmp_path, config, (), project=project, check=False)
    assert done.returncode == 1
    lines = [text for text in done.stdout.splitlines() if "onfig file" not in text and "profile" not in text]
    assert len(lines) == 1
    assert lines[0].startswith(line)
    assert {path.name for path in tmp_path.iterdir()} <= {"settings.yaml", ".snakemake"}


def test_a_second_block_of_a_section_is_refused(project, tmp_path):
    """YAML would keep the last one without a word, and the data sets of the first would be gone."""
    arguments = command(tmp_path, {}, (), project=project)
    (tmp_path / "settings.yaml").write_text("datasets: {mnist: null}\ntrials: 3\ndatasets: {cifar10: null}\n")
    done = subprocess.run(arguments, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert done.returncode == 1
    assert done.stdout.splitlines()[-1] == (
        f"config: datasets: stands twice, in lines 1 and 3; keep one ({tmp_path / 'settings.yaml'})"
    )


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("trials: 2\n".encode("utf-16"), "not UTF-8 text (byte 1); save it as UTF-8"),
        (None, "No such file or directory; the workflow needs this file"),
    ],
    ids=["UTF-16", "missing"],
)
def test_the_projects_own_config_is_named_where_it_stands(tmp_path, content, reason):
    project = copy_project(tmp_path / "project")
    own = project / "config.yaml"
    own.unlink()
    if content:
        own.write_bytes(content)
    done = run(tmp_path / "work", {}, (), project=project, check=False)
    assert done.returncode == 1
    lines = [text for text in done.stdout.splitlines() if "onfig file" not in text and "profile" not in text]
    assert lines == [f"config: {own}: {reason}"]


def draw_valid(rng, folder):
    """A small valid config: one or two data sets, drawn or from a file of one's own."""

    def pick(*values):
        return values[rng.integers(len(values))]

    def entry():
        biases = rng.choice([-20, -1.5, -0.25, 0, 1e-3, 2, 7.5, 20], rng.integers(1, 3), replace=False)
        entry = {"K": int(rng.integers(1, 7)), "biases": biases.tolist(), "descent": bool(rng.integers(2))}
        d, half = int(rng.integers(1, 7)), int(rng.integers(1, 21))
        if rng.random() < 0.7:
            return entry | {"source": "gaussian", "d": d, "N": 2 * half}
        path = folder / f"{len(list(folder.glob('*.npz')))}.npz"
        X = rng.standard_normal((half, d)) * 10.0 ** rng.integers(-3, 4)
        augmented = bool(rng.integers(2))
        if augmented:
            X[:, -1] = 1
        np.savez(path, X=X, y=rng.choice([-1, 1], half))
        return entry | {"source": "npz", "path": str(path), "augmented": augmented}

    config = {
        "seed": int(rng.integers(2**32)),
        "trials": int(rng.integers(1, 6)),
        "trials_per_job": int(rng.integers(1, 8)),
        "data_seeds": int(rng.integers(2, 4)),
        "confidence": pick(0.5, 0.9, 0.95, 0.999),
        "sample_weights": {"bias": pick("added", "replaced")},
        "gd_verify": {
            "step": 10.0 ** rng.uniform(-9, 0),
            "gradient_tolerance": 10.0 ** rng.uniform(-9, 0),
            "max_steps": int(rng.integers(1, 50)),
        },
        "datasets": dict.fromkeys(valid_config()["datasets"])
        | {f"set_{i}": entry() for i in range(rng.integers(1, 3))},
    }
    for name in ("mine", "fashion", "left_out"):
        del config["datasets"][name]
    return config


@pytest.mark.parametrize("number", range(VALID_RUNS))
def test_a_valid_config_runs_to_sane_tables(project, tmp_path, number):
    config = draw_valid(stream(0, "valid config", number), tmp_path)
    run(tmp_path, config, ["results/tables/own_data.csv"], project=project)
    table = pd.read_csv(tmp_path / "results/tables/own_data.csv")
    entries = {name: entry for name, entry in config["datasets"].items() if entry}
    assert len(table) == sum(len(entry["biases"]) for entry in entries.values())
    assert (table["n_trials"] == config["trials"]).all()
    one_trial = config["trials"] == 1
    # classes are words, and blank but for images
    for column in table.drop(columns="classes").select_dtypes("number"):
        of_descent = column.startswith(("trapped_pct", "descent_undecided_pct"))
        spread = column.startswith(("mean_gap_probability_", "activated_pct_"))  # needs two trials
        expected = (table["entry"].map(lambda name: not entries[name]["descent"])) & of_descent
        assert (table[column].isna() == (expected | (spread and one_trial))).all(), column
        largest = 100 if "_pct" in column else 1 if "probability" in column else None
        if largest and not column.endswith("_sd"):
            assert table[column].dropna().between(0, largest).all(), column
        if f"{column}_low" in table:
            low, high = table[f"{column}_low"], table[f"{column}_high"]
            inside = (low <= table[column] + 1e-9) & (table[column] <= high + 1e-9)
            assert (inside | low.isna()).all(), column
