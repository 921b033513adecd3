"""Headless Chromium for tests of pages."""

import json
import shutil
import tempfile
from contextlib import contextmanager

import pytest
from running import unavailable

FLAGS = """--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking
--disable-component-update --disable-sync --window-size=1280,900""".split()
PHONE = {"width": 390, "height": 844, "deviceScaleFactor": 2, "mobile": True}


@contextmanager
def chromium():
    """Headless Chromium that cannot reach a network and records what it asks for."""
    program, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if not program or not driver:
        unavailable("Debian's packages chromium and chromium-driver are not installed")
    from selenium import webdriver

    options = webdriver.ChromeOptions()
    options.binary_location = program
    with (
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile,
        pytest.MonkeyPatch.context() as patch,
    ):
        for name in ("no_proxy", "NO_PROXY"):
            patch.setenv(name, "localhost,127.0.0.1")  # selenium talks to its driver there
        for flag in (*FLAGS, f"--user-data-dir={profile}", "--proxy-server=http://127.0.0.1:9"):
            options.add_argument(flag)
        options.set_capability("goog:loggingPrefs", {"performance": "ALL", "browser": "ALL"})
        opened = webdriver.Chrome(options=options, service=webdriver.ChromeService(driver))
        yield opened
        opened.quit()


def requests(browser) -> list[str]:
    """Addresses that the browser asked for since the last call, embedded data left out."""
    events = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    urls = [
        event["params"]["request"]["url"]
        for event in events
        if event["method"] == "Network.requestWillBeSent"
    ]
    return [url for url in urls if not url.startswith(("data:", "chrome:"))]
