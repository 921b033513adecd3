"""The interactive page in headless Chromium: every way of choosing a cell, every switch, both neurons."""

import math
from pathlib import Path

import numpy as np
import pandas as pd
import plot_atlas
import pytest
import write_atlas
from browsing import PHONE, chromium, requests
from conftest import ROOT
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.actions.action_builder import ActionBuilder
from selenium.webdriver.common.actions.pointer_input import PointerInput
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import Select
from survey_landscape import survey

from relucells import line
from relucells.atlas import basins, sectors, storage
from relucells.atlas.words import findings
from relucells.pipeline.figures import save
from relucells.samples.randomness import stream

TEMPLATE = ROOT / "workflow" / "report" / "atlas" / "atlas.html.jinja"
S = 16  # sectors


@pytest.fixture(scope="module")
def landscape():
    """The arrays of a landscape of eight samples and of runs on it."""
    stored = survey(*line.draw(S // 2, stream(0, "atlas page")))
    runs = basins.descents(sectors.samples(stored["x"], stored["y"]), stored["genuine"], 4, 0.5, 500)
    return stored, storage.descent_arrays(runs)


@pytest.fixture(scope="module")
def path(landscape, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("atlas")
    stored, runs = landscape
    save(plot_atlas.plot(stored, runs), [folder / "atlas.png"])
    summary = pd.DataFrame(storage.in_numbers(stored, runs))
    said = findings(stored, summary)
    html = write_atlas.page(TEMPLATE, stored, runs, summary, said, folder / "atlas.png", ["cells.csv"])
    (folder / "atlas.html").write_text(html, encoding="utf-8")
    return folder / "atlas.html"


@pytest.fixture(scope="module")
def browser():
    with chromium() as opened:
        yield opened


@pytest.fixture
def page(browser, path):
    requests(browser)
    browser.get(path.as_uri())
    return browser


def text(page, name: str) -> str:
    return page.find_element(By.ID, name).get_property("textContent")


def cell(page) -> tuple[int, int]:
    """The chosen cell, counted from 0."""
    a, b = text(page, "cell").split(" of ")[0].split(",")
    return int(a) - 1, int(b) - 1


def pixels(page) -> str:
    return page.execute_script("return document.getElementById('map').toDataURL()")


def place(page, a: int, b: int) -> tuple[float, float]:
    """Pixels of a cell's middle from the middle of the map's canvas, all cells equally large."""
    size = page.execute_script("return document.getElementById('map').clientWidth")
    inner = size - 54 - 8
    return 54 + inner * (a + 0.5) / S - size / 2, 8 + inner * (1 - (b + 0.5) / S) - size / 2


def hover(page, a: int, b: int, click: bool = False) -> None:
    canvas = page.find_element(By.ID, "map")
    page.execute_script("arguments[0].scrollIntoView({block: 'center'})", canvas)
    x, y = place(page, a, b)
    chain = ActionChains(page).move_to_element_with_offset(canvas, round(x), round(y))
    (chain.click() if click else chain).perform()


def touch(page, element, way: list[tuple[float, float]]) -> None:
    """A finger put on the first point, moved along the others and lifted; pixels from the middle."""
    finger = PointerInput("touch", "finger")
    action = ActionBuilder(page, mouse=finger)
    action.pointer_action.move_to(element, *map(round, way[0])).pointer_down()
    for x, y in way[1:]:
        action.pointer_action.move_to(element, round(x), round(y))
    action.pointer_action.pointer_up()
    action.perform()


def choose_signs(page, value: str) -> None:
    Select(page.find_element(By.ID, "convention")).select_by_value(value)


def test_the_page_stands_alone_and_is_small(page, path):
    assert requests(page) == [path.as_uri()]
    assert not [entry for entry in page.get_log("browser") if entry["level"] == "SEVERE"]
    assert path.stat().st_size < 3e6


def test_without_javascript_the_picture_and_the_tables_are_there(browser, path, landscape):
    browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    try:
        browser.get(path.as_uri())
        body = browser.find_element(By.TAG_NAME, "body").text
        assert not browser.find_element(By.ID, "explore").is_displayed()
        picture = browser.find_element(By.CSS_SELECTOR, "#picture img")
        assert picture.is_displayed() and picture.size["width"] > 300
        rows = browser.find_elements(By.CSS_SELECTOR, "#minima tbody tr")
        kinds = " ".join(row.text for row in rows)
        assert "non-differentiable" in kinds and "global" in kinds and "hinge at" in kinds
        assert str(int(landscape[0]["genuine"].any(axis=2).sum())) in body
    finally:
        browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})


def test_hovering_chooses_a_cell_until_a_click_keeps_one(page):
    hover(page, 3, 11)
    assert cell(page) == (3, 11)
    hover(page, 12, 2)
    assert cell(page) == (12, 2)
    hover(page, 5, 6, click=True)
    hover(page, 9, 9)
    assert cell(page) == (5, 6)
    hover(page, 9, 9, click=True)
    assert cell(page) == (9, 9)


def test_arrow_keys_choose_neighbours_around_the_edge(page):
    canvas = page.find_element(By.ID, "map")
    hover(page, S - 1, 0, click=True)
    for key, expected in ((Keys.ARROW_RIGHT, (0, 0)), (Keys.ARROW_UP, (0, 1)), (Keys.ARROW_DOWN, (0, 0)),
                          (Keys.ARROW_LEFT, (S - 1, 0)), (Keys.ARROW_DOWN, (S - 1, S - 1))):  # fmt: skip
        canvas.send_keys(key)
        assert cell(page) == expected


def test_every_cell_shows_what_was_decided(page, landscape):
    stored, _ = landscape
    verdicts = {"": "not genuine", "bad": "genuine, bad", "global": "genuine, global"}
    for a, b in [(1, 12), (12, 1), (7, 7), (0, 5), (15, 4), *np.argwhere(stored["genuine"].any(axis=2))[:6]]:
        hover(page, a, b, click=cell(page) != (a, b))
        hover(page, a, b, click=cell(page) != (a, b))
        assert cell(page) == (a, b)
        shown = page.find_elements(By.CSS_SELECTOR, "#details tbody tr")
        for s, row in enumerate(shown):
            verdict, margin, level = (td.text for td in row.find_elements(By.TAG_NAME, "td"))
            assert verdict == verdicts[stored["quality"][a, b, s]] and level == stored["level"][a, b, s]
            if np.isfinite(stored["margin"][a, b, s]):
                assert float(margin.replace("−", "-")) == pytest.approx(stored["margin"][a, b, s], rel=1e-3)
            else:
                assert margin == "−∞"
        loss = float(text(page, "loss").split()[0])
        assert loss == pytest.approx(stored["loss"][a, b], rel=1e-3, abs=1e-9)


def test_the_sign_convention_changes_verdict_and_frames(page, landscape):
    stored, _ = landscape
    a, b = np.argwhere(stored["genuine"][..., 1] & ~stored["genuine"][..., [0, 2, 3]].any(axis=2))[0]
    hover(page, a, b, click=True)
    seen = {}
    for value, genuine in (
        ("positive", False),
        ("exists", True),
        ("uniform", False),
        ("+-", True),
        ("-+", False),
    ):
        choose_signs(page, value)
        assert text(page, "verdict").startswith("genuine") == genuine
        assert bool(page.find_elements(By.ID, "elsewhere")) != genuine
        seen[value] = pixels(page)
    assert len(set(seen.values())) == len(seen)


def test_next_goes_through_all_genuine_cells(page, landscape):
    stored, _ = landscape
    choose_signs(page, "positive")
    wanted = {tuple(map(int, at)) for at in np.argwhere(stored["genuine"][..., 0])}
    seen = set()
    for _ in wanted:
        page.find_element(By.ID, "map").send_keys("n")
        seen.add(cell(page))
    assert seen == wanted
    page.find_element(By.ID, "next").click()
    assert cell(page) in wanted


@pytest.mark.parametrize("layer", ["paths", "basins", "walls"])
def test_layers_are_shown_and_hidden(page, layer):
    before = pixels(page)
    box = page.find_element(By.ID, layer)
    box.click()
    changed = pixels(page)
    box.click()
    assert changed != before and pixels(page) == before


def test_cells_can_be_drawn_by_angle(page, landscape):
    own = sectors.samples(landscape[0]["x"], landscape[0]["y"])
    Select(page.find_element(By.ID, "scale")).select_by_value("angle")
    size = page.execute_script("return document.getElementById('map').clientWidth")
    canvas = page.find_element(By.ID, "map")
    page.execute_script("arguments[0].scrollIntoView({block: 'center'})", canvas)
    x, y = 0.3, 0.8
    chain = ActionChains(page).move_to_element_with_offset(
        canvas, round(54 + (size - 62) * x - size / 2), round(8 + (size - 62) * (1 - y) - size / 2)
    )
    chain.perform()
    angles = own.angles[0] + 2 * np.pi * np.array([x, y])
    assert cell(page) == tuple(own.sector(angles))


def hinge(page, j: int) -> float:
    return float(page.find_element(By.ID, f"hinge{j}").get_attribute("aria-valuenow"))


def test_dragging_a_neuron_moves_the_place_on_the_map(page, landscape):
    stored, _ = landscape
    own = sectors.samples(stored["x"], stored["y"])
    hover(page, 4, 12, click=True)
    before, handle = pixels(page), page.find_element(By.ID, "hinge1")
    page.execute_script("document.getElementById('fit').scrollIntoView({block: 'center'})")
    start = hinge(page, 1)
    ActionChains(page).click_and_hold(handle).move_by_offset(-60, 0).release().perform()
    width = page.execute_script("return document.getElementById('fit').getBoundingClientRect().width")
    span = 1.24 * (own.x[-1] - own.x[0]) / (352 / 400 * width)
    assert hinge(page, 1) - start == pytest.approx(-60 * span, abs=3 * span)
    right = own.sector(math.atan2(-hinge(page, 1), 1.0))  # active to the right of its hinge, as before
    assert cell(page) == (right, 12)
    assert pixels(page) != before


def test_the_hinges_move_by_keyboard_and_turn(page):
    hover(page, 4, 12, click=True)
    handle = page.find_element(By.ID, "hinge2")
    start = hinge(page, 2)
    handle.send_keys(Keys.ARROW_RIGHT)
    assert hinge(page, 2) > start
    side = handle.get_attribute("aria-valuetext").split()[-1]
    handle.send_keys(Keys.ENTER)
    assert handle.get_attribute("aria-valuetext").split()[-1] == {"left": "right", "right": "left"}[side]
    assert handle.get_attribute("role") == "slider"


def test_a_genuine_minimum_is_the_best_network_with_its_own_hinges(page, landscape):
    stored, _ = landscape
    for s, name in enumerate(("++", "+-", "-+", "--")):
        choose_signs(page, name)
        canvas = page.find_element(By.ID, "map")
        for _ in range(min(5, int(stored["genuine"][..., s].sum()))):
            canvas.send_keys("n")
            here, loss = text(page, "here").split()[0], text(page, "loss").split()[0]
            assert float(here) == pytest.approx(float(loss), rel=2e-3, abs=1e-6)


def test_the_best_network_with_these_hinges_is_the_least_squares_one(page, landscape):
    stored, _ = landscape
    choose_signs(page, "+-")
    hover(page, 3, 10, click=True)
    at = [hinge(page, j) for j in (1, 2)]
    features = np.stack([np.maximum(stored["x"] - at[0], 0), -np.maximum(at[1] - stored["x"], 0)], axis=1)
    from scipy.optimize import nnls

    expected = nnls(features, stored["y"])[1] ** 2 / len(stored["y"])
    assert float(text(page, "here").split()[0]) == pytest.approx(expected, rel=2e-2)


def test_on_a_phone_fingers_choose_cells_and_drag_neurons(page):
    page.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", PHONE)
    page.execute_cdp_cmd("Emulation.setTouchEmulationEnabled", {"enabled": True})
    try:
        assert page.execute_script("return document.documentElement.scrollWidth") <= PHONE["width"]
        canvas = page.find_element(By.ID, "map")
        page.execute_script("arguments[0].scrollIntoView({block: 'center'})", canvas)
        touch(page, canvas, [place(page, 2, 13)])
        assert cell(page) == (2, 13)
        touch(page, canvas, [place(page, 13, 2)])
        assert cell(page) == (13, 2)
        handle = page.find_element(By.ID, "hinge1")
        page.execute_script("document.getElementById('fit').scrollIntoView({block: 'center'})")
        start = hinge(page, 1)
        touch(page, handle, [(0, 0), (10, 0), (25, 0)])
        assert hinge(page, 1) > start
        controls = page.find_elements(By.CSS_SELECTOR, ".controls select, .controls button, .controls .tick")
        assert min(control.size["height"] for control in controls) >= 36
    finally:
        page.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
        page.execute_cdp_cmd("Emulation.setTouchEmulationEnabled", {"enabled": False})


def test_colours_keep_their_order_in_grey(page):
    """Lightness alone, as in grey print or for any colour blindness, tells the losses apart."""
    ramp = page.execute_script(
        "const c = document.getElementById('ramp'); const p = c.getContext('2d');"
        "return [...Array(256).keys()].map(i => [...p.getImageData(i, 5, 1, 1).data.slice(0, 3)])"
    )
    lightness = np.array(ramp) @ [0.2126, 0.7152, 0.0722]
    assert (np.diff(lightness) <= 1.0).all() and lightness[0] - lightness[-1] > 150


def test_everything_is_reached_by_keyboard_in_order(page):
    reached = []
    page.find_element(By.TAG_NAME, "body").click()
    page.execute_script("document.activeElement.blur(); window.scrollTo(0, 0)")
    for _ in range(10):
        ActionChains(page).send_keys(Keys.TAB).perform()
        reached.append(page.execute_script("return document.activeElement.id"))
    wanted = ["convention", "scale", "paths", "basins", "walls", "next", "map", "hinge1", "hinge2"]
    assert [name for name in reached if name in wanted] == wanted
