"""The documentation site: it builds without a warning, names every key, and its snippets run."""

import os
import re
import subprocess
import sys
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest
import yaml
from browsing import chromium
from conftest import ROOT, SCHEMA

PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])
SNIPPETS = [
    pytest.param(page, text, id=f"{page.relative_to(ROOT)}:{number}")
    for page in PAGES
    for number, text in enumerate(
        re.findall(r"^```python\n(.*?)^```", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    )
]


@pytest.fixture
def pages(monkeypatch):
    """The module that makes pages; it needs mkdocs, which the extra `docs` brings."""
    pytest.importorskip("mkdocs", reason="mkdocs comes with the extra `docs`")
    monkeypatch.syspath_prepend(ROOT / "docs" / "site")
    import pages

    return pages


@pytest.mark.parametrize(("page", "text"), SNIPPETS)
def test_every_snippet_runs(page, text, tmp_path):
    done = subprocess.run(
        [sys.executable, "-W", "error::DeprecationWarning:relucells", "-c", text],
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT / "src"), "MPLBACKEND": "Agg", "PATH": "", "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_page_that_a_page_names_exists(page):
    text = page.read_text(encoding="utf-8")
    named = re.findall(r"`((?:docs|paper|configs|benchmarks|tests|profiles)/[\w./-]+\.\w+)`", text)
    assert [name for name in named if not (ROOT / name).exists()] == []
    links = re.findall(r"\]\(([\w./-]+)\)", text)
    assert [link for link in links if not (page.parent / link).exists()] == []


def test_the_config_reference_has_every_key(pages):
    shipped = yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8"))
    schema = yaml.safe_load(SCHEMA.read_text(encoding="utf-8"))
    named = {key for key, _ in pages.keys(schema, schema)}

    def known(key):
        parts = key.split(".")
        return any(
            len(parts) == len(other) and all(a in ("*", b) for a, b in zip(other, parts, strict=True))
            for other in (name.split(".") for name in named)
        )

    def walk(value, prefix=""):
        if isinstance(value, dict):
            for name, nested in value.items():
                key = f"{prefix}.{name}" if prefix else name
                yield key
                yield from walk(nested, key)

    assert [key for key in walk(shipped) if not known(key)] == []
    text = pages.config_reference()
    assert "| `gd_verify.step` |" in text and "`1e-06`" in text


@pytest.mark.campaign
def test_the_site_builds_without_a_warning(tmp_path):
    """Every link is followed, every notebook runs."""
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "-q", "-d", str(tmp_path / "site")],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT / "src"), "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    start = (tmp_path / "site" / "index.html").read_text(encoding="utf-8")
    assert "relucells" in start and "https://fonts." not in start


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The site, built without running its notebooks, served on this machine; its address."""
    pytest.importorskip("mkdocs", reason="mkdocs comes with the extra `docs`")
    folder = tmp_path_factory.mktemp("site")
    environment = {"PYTHONPATH": str(ROOT / "src"), "RELUCELLS_RUN_NOTEBOOKS": "false"}
    command = [sys.executable, "-m", "mkdocs", "build", "-q", "-d", str(folder)]
    subprocess.run(command, cwd=ROOT, env=os.environ | environment, check=True, capture_output=True)
    handler = partial(SimpleHTTPRequestHandler, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.mark.campaign
def test_search_finds_pages_and_nothing_is_fetched_from_elsewhere(site):
    from selenium.webdriver.common.by import By
    from selenium.webdriver.support.ui import WebDriverWait

    with chromium() as browser:
        browser.get(f"{site}/index.html")
        query = browser.find_element(By.CSS_SELECTOR, "[data-md-component=search-query]")
        query.send_keys("genuine minimum")
        found = WebDriverWait(browser, 120).until(
            lambda page: page.find_elements(By.CSS_SELECTOR, ".md-search-result__item a")
        )
        assert any("cells.html" in link.get_attribute("href") for link in found)
        fetched = browser.execute_script("return performance.getEntriesByType('resource').map(e => e.name)")
        assert [name for name in fetched if not name.startswith((site, "blob:"))] == []
