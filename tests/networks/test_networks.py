"""The target `networks`: a user's own networks and the ends of the pipeline's own descents."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
import yaml
from conftest import ROOT, SCHEMA
from mapping import not_on_the_map
from running import TINY, files, planned, run
from second_checker import check_certificate

from relucells.critical_points.exact_descent import settle
from relucells.pipeline.plan import Plan
from relucells.pipeline.run_config import ConfigError, check_config


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """(folder, config) of a run with two networks, one beside a minimum, and two ends of descent."""
    folder = tmp_path_factory.mktemp("networks")
    rng = np.random.default_rng(3)
    X, y = rng.standard_normal((12, 2)), rng.choice([-1.0, 1.0], 12)
    end = settle(np.column_stack([X, np.ones(12)]), y, rng.standard_normal((2, 3)), rng.standard_normal(2))
    np.savez(folder / "samples.npz", X=X, y=y)
    np.savez(folder / "beside.npz", W=end.W[:, :-1] + 1e-6, b=end.W[:, -1], z=end.z)
    np.savez(folder / "random.npz", W=rng.standard_normal((2, 2)), z=rng.standard_normal(2))
    names = {"trained": "beside", "drawn": "random"}
    networks = {
        name: {"data": str(folder / "samples.npz"), "network": str(folder / f"{file}.npz")}
        for name, file in names.items()
    }
    data_set = TINY["datasets"]["gaussian_d3_k10"] | {"biases": [0]}
    config = TINY | {
        "trials": 1,
        "datasets": TINY["datasets"] | {"gaussian_d3_k10": data_set},
        "networks": networks,
        "examine_network": {
            "descents": {"datasets": ["gaussian_d3_k10", "mnist"], "trials": 1, "max_steps": 200},
            "lines": 6,
        },
    }
    run(folder / "run", config, targets=("networks",))
    return folder / "run", config


def rows(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_each_network_has_its_findings_page_picture_and_certificates(finished):
    folder, _ = finished
    for name in ("trained", "drawn"):
        own = folder / "results" / "networks" / name
        found = json.loads((own / "found.json").read_text())
        certificates = sorted((own / "certificates").glob("*.json"))
        assert {path.name for path in certificates} >= {"descent.json", "cell_given.json"}
        for path in certificates:
            check_certificate.check(json.loads(path.read_text()))
        assert (own / "slice.png").stat().st_size > 10_000
        assert found["words"][0].split("'")[0] in (own / "page.html").read_text()
    table = {row["network"]: row for row in rows(folder / "results" / "networks" / "networks.csv")}
    assert "minimum" in table["trained"]["kind"] and float(table["trained"]["distance"]) < 1e-4
    assert table["drawn"]["kind"] == "not stationary" and table["drawn"]["distance"] == ""


def test_ends_of_descent_are_examined_the_same_way(finished):
    folder, _ = finished
    assert not_on_the_map(folder / "results", "networks") == {}
    table = rows(folder / "results" / "networks" / "descents.csv")
    assert [(row["dataset"], row["bias"]) for row in table] == [("gaussian_d3_k10", "0")]
    for row in table:
        kinds = ("differentiable_minimum", "non_differentiable_minimum", "saddle", "not_stationary")
        assert sum(int(row[kind]) for kind in kinds) == int(row["n_trials"]) == 1
        assert float(row["median_descent_loss"]) <= float(row["median_loss"])


@pytest.mark.campaign
def test_another_file_of_the_same_name_is_noticed_and_a_copy_is_not(finished, tmp_path):
    folder, config = finished
    before = files(folder)
    assert planned(folder, config, targets=("networks",)) == {}
    copy = tmp_path / "copy.npz"
    entry = dict(config["networks"]["drawn"])
    copy.write_bytes(Path(entry["network"]).read_bytes())
    with np.load(copy) as file:
        arrays = dict(file)
    np.savez(entry["network"], **(arrays | {"z": -arrays["z"]}))
    jobs = planned(folder, config, targets=("networks",))
    assert jobs["read_network"] == jobs["examine_network"] == jobs["tabulate_networks"] == 1
    np.savez(entry["network"], **arrays)
    assert planned(folder, config, targets=("networks",)) == {} and files(folder) == before


@pytest.mark.parametrize(
    ("entry", "line"),
    [
        (
            {"data": "missing.npz", "network": "missing.npz"},
            "networks.mine.data: there is no file missing.npz",
        ),
        (
            {"data": "~nosuchuser/a.npz", "network": "missing.npz"},
            "networks.mine.data: ~nosuchuser/a.npz: the home ~nosuchuser is not known here; write it out",
        ),
        ({"data": "missing.npz"}, "networks.mine.network: missing"),
        ({"data": "a", "network": "b", "K": 3}, "networks.mine.K: unknown key"),
    ],
)
def test_a_wrong_entry_is_one_line(entry, line):
    config = yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8")) | {
        "networks": {"mine": entry}
    }
    with pytest.raises(ConfigError) as error:
        check_config(config, SCHEMA)
        Plan(config).check_files()
    assert str(error.value).startswith(line)
