"""The target on a user's own data, through Snakemake; the report's entry; what the documentation states."""

import json
import os

import numpy as np
import pandas as pd
import pytest
import yaml
from conftest import ROOT
from mapping import not_on_the_map
from running import planned, run
from survey_landscape import survey
from write_report import page

from relucells import line
from relucells.atlas import basins, sectors, storage
from relucells.atlas.words import findings, how_to_read
from relucells.certify.stored import unpack
from relucells.certify.verify import verify
from relucells.pipeline.figures import new_figure, save
from relucells.pipeline.plan import Plan
from relucells.samples.randomness import stream

CONFIG = yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8"))


ROW = {
    "table": "I", "dataset": "gaussian", "d": "3", "K": "10", "N": "2000", "bias": "-3",
    "column": "mean_gap_probability", "printed": "0.96", "ours": "0.9612", "low": "0.93", "high": "0.99",
    "verdict": "agrees", "reason": "inside", "data_source": "gaussian",
}  # fmt: skip


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """The folder of a run on five samples of one's own."""
    folder = tmp_path_factory.mktemp("atlas_run")
    np.savez(folder / "mine.npz", X=np.array([1990.0, 1994, 1996, 2001, 2008]), y=np.array([1.0, 2, 0, 3, 3]))
    config = {"atlas": {"path": "mine.npz", "descent": {"starts": 3, "max_steps": 200}}}
    run(folder, config, targets=("results/atlas.html", "results/atlas/descents.csv"))
    return folder / "results"


def test_own_data_become_a_page_and_tables(finished):
    cells = pd.read_csv(finished / "atlas" / "cells.csv", dtype={"pattern_1": str, "pattern_2": str})
    assert len(cells) == 100 and set(cells["level ++"]) == {"proven"}
    assert cells["pattern_1"].nunique() == 10
    text = (finished / "atlas.html").read_text(encoding="utf-8")
    assert '"center":1996.0' in text and "hinge at 199" in text
    minima = pd.read_csv(finished / "atlas" / "minima.csv")
    assert {"global", "bad"} >= set(minima["quality"]) and "global" in set(minima["quality"])
    assert len(pd.read_csv(finished / "atlas" / "descents.csv")) == 36


def test_a_file_of_ones_own_enters_by_content(finished):
    """An older date does not hide other numbers, and a newer one alone makes nothing new."""
    own, target = finished.parent / "mine.npz", ("results/atlas/minima.csv",)
    config = {"atlas": {"path": "mine.npz", "descent": {"starts": 3, "max_steps": 200}}}
    whole = own.read_bytes()
    np.savez(own, X=np.array([1990.0, 1994, 1996, 2001, 2009]), y=np.array([1.0, 2, 0, 3, 3]))
    os.utime(own, (0, 0))
    assert planned(finished.parent, config, targets=target) == {"survey_landscape": 1}
    own.write_bytes(whole)
    assert planned(finished.parent, config, targets=target) == {}


def test_the_home_of_a_file_of_ones_own_is_written_out(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "a {b}.npz").touch()
    config = CONFIG | {"atlas": CONFIG["atlas"] | {"path": "~/a {b}.npz"}}
    assert Plan(config).atlas_file["path"] == str(tmp_path / "a {b}.npz")


def test_every_column_is_on_the_map(finished):
    assert {path.stem for path in (finished / "atlas").glob("*.csv")} >= {"cells", "minima", "descents"}
    assert not_on_the_map(finished) == {}


def test_stored_decisions_can_be_checked_by_anyone(finished):
    with np.load(finished / "atlas" / "landscape.npz") as file:
        stored = dict(file)
    own = sectors.samples(stored["x"], stored["y"])
    packed = {name[9:]: array for name, array in stored.items() if name.startswith("decision_")}
    decisions = unpack(packed)
    for a, b, s in np.argwhere(np.triu(np.ones((10, 10)))[..., None] * np.ones(4))[::7]:
        decision = decisions[stored["decision"][a, b, s]]
        assert verify(own.X, own.y, own.patterns[[a, b]].T, decision)
        assert (decision.verdict == "genuine") == stored["genuine"][a, b, s]


def test_the_report_opens_with_the_atlas(tmp_path):
    """The picture, three sentences, what was found, and the way to the page."""
    for name in ("figures", "atlas"):
        (tmp_path / name).mkdir()
    figure, _ = new_figure()
    save(figure, [tmp_path / "figures" / "atlas.png"])
    (tmp_path / "atlas" / "summary.csv").write_text("signs,cells\npositive,100\n", encoding="utf-8")
    (tmp_path / "atlas" / "findings.json").write_text(json.dumps(["What was found."]), encoding="utf-8")
    captions = ROOT / "workflow" / "report" / "atlas"
    common = {"category": "Atlas", "subcategory": "", "labels": {"result": "x"}, "wildcards": {}}
    results = [
        {"path": str(tmp_path / "figures" / "atlas.png"), "caption": str(captions / "atlas.rst")} | common,
        {"path": str(tmp_path / "atlas" / "summary.csv"), "caption": str(captions / "summary.rst")} | common,
    ]
    template = ROOT / "workflow" / "report" / "report" / "page.html.jinja"
    comparison = tmp_path / "comparison.csv"
    comparison.write_text("table\nI\n", encoding="utf-8")
    html = page(template, comparison, [ROW], results, CONFIG)
    assert html.index('id="section-atlas"') < html.index('id="section-finding"')
    assert 'href="atlas.html"' in html and "What was found." in html and html.count('id="section-atlas"') == 1
    assert 'id="section-atlas"' not in page(template, comparison, [ROW], [], CONFIG)
    assert len(how_to_read()) == 3


@pytest.mark.campaign
def test_the_documentation_states_what_the_default_config_finds():
    settings = CONFIG["atlas"]
    stored = survey(*line.draw(settings["N"], stream(CONFIG["seed"], "atlas")))
    own = sectors.samples(stored["x"], stored["y"])
    runs = storage.descent_arrays(basins.descents(own, stored["genuine"], **settings["descent"]))
    text = " ".join((ROOT / "docs" / "atlas.md").read_text(encoding="utf-8").split())
    for sentence in [*how_to_read(), *findings(stored, pd.DataFrame(storage.in_numbers(stored, runs)))]:
        assert sentence in text
