"""Which settings make a row another experiment than the paper's, and what the reason says."""

import pytest
import yaml
from conftest import ROOT

from relucells.pipeline.comparability import other_diameters, other_rows
from relucells.pipeline.plan import Plan
from relucells.pipeline.tables import with_classes


@pytest.fixture
def config():
    return yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8"))


def reasons(config):
    """Of the whole config, those that are there: {entry: {column: reason}}."""
    return {name: why for name, why in other_rows(config, Plan(config).datasets).items() if why}


def test_the_shipped_config_is_the_papers_experiment(config):
    assert reasons(config) == {}
    assert other_diameters(config) == {}
    config["trials"], config["seed"] = 7, 1
    config["gd_verify"]["max_steps"] = 5
    assert reasons(config) == {}


@pytest.mark.parametrize(
    ("classes", "named"), [([3, 8], "3 and 8"), ([1, 0], "1 and 0"), ([0, 2], "0 and 2")]
)
def test_other_classes(config, classes, named):
    config["datasets"]["mnist"]["classes"] = classes
    assert reasons(config) == {"mnist": {"": f"classes {named} of MNIST, the paper has 0 and 1"}}


def test_a_set_of_ones_own_with_other_classes_is_told_apart_too(config):
    """It claims no table, but stands beside the paper's numbers where sizes and source are the same."""
    config["datasets"]["mine"] = {**config["datasets"]["mnist"], "classes": [3, 8]}
    del config["datasets"]["mine"]["table"]
    assert reasons(config) == {"mine": {"": "classes 3 and 8 of MNIST, the paper has 0 and 1"}}


def test_other_grey_images(config):
    config["datasets"]["cifar10"]["grey"] = config["datasets"]["mnist"]["grey"] = "average"
    assert reasons(config) == {"cifar10": {"": "grey images by average, the comparison is for rgb2gray"}}
    config["table_6"]["grey"] = "average"
    assert other_diameters(config) == {"cifar10": "grey images by average, the comparison is for rgb2gray"}


def test_another_rule_for_the_bias(config):
    config["sample_weights"]["bias"] = "replaced"
    reason = "the bias is replaced in a weight draw, the paper's is added"
    assert reasons(config) == {key: {"": reason} for key in config["datasets"]}


def test_another_descent_concerns_what_it_ends_in(config):
    config["gd_verify"]["step"] = 1e-5
    reason = "gd_verify.step is 1e-05, the paper's is 1e-06"
    assert reasons(config) == {key: {"trapped_pct": reason} for key in config["datasets"]}


@pytest.mark.parametrize(
    ("key", "value"), [("weights", 40), ("weight_range", [0, 1]), ("directions_per_d", 2)]
)
def test_other_diameters(config, key, value):
    config["table_6"][key] = value
    assert set(other_diameters(config)) == {"gaussian", "mnist", "cifar10"}
    assert other_diameters(config)["mnist"].startswith(f"table_6.{key} is {value}, the paper's is ")


def test_images_without_descent_have_no_share_of_trapped_ones(config):
    config["datasets"]["mnist"]["descent"] = False
    assert reasons(config) == {"mnist": {"trapped_pct": "no descent was run"}}


def test_other_readings_of_table_6(config):
    config["table_6"]["choice"] = "every_class"
    reason = "table_6.choice is every_class, the comparison is for two_classes"
    assert other_diameters(config) == {"mnist": reason, "cifar10": reason}
    config["table_6"]["open_beyond"] = None
    reason = "table_6.open_beyond is null, the comparison is for 150"
    assert other_diameters(config) == {"gaussian": reason, "mnist": reason, "cifar10": reason}


def test_tables_name_the_classes():
    import pandas as pd

    frame = pd.DataFrame({"dataset": ["mnist", "gaussian"], "classes": ["3 and 8", ""]})
    assert with_classes(frame[["dataset"]], frame)["classes"].tolist() == ["3 and 8", "—"]
    assert "classes" not in with_classes(frame[["dataset"]][1:], frame[1:])
