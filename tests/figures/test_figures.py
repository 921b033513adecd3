"""The common style, and Figures 1 to 3 from their computation to the picture."""

import os
import subprocess
import sys

import matplotlib.colors
import matplotlib.image
import numpy as np
import pandas as pd
import pytest
from check_figure_2 import check_figure_2
from compute_figure_1 import figure_1
from compute_figure_2 import figure_2, grid
from compute_figure_3 import figure_3
from plot_figures import drawings, stretches

from relucells import line as gaussian_1d
from relucells.pipeline.figures import COLUMN_WIDTH, SERIES, new_figure, save

FIGURE_2 = {
    "N": 100,
    "location_w2": 0,
    "locations": {"from": 0, "to": 6, "step": 0.01},
    "surface_step": 0.5,
    "repetitions": 300,
    "draws": 100_000,
}
FOUR = [-0.05, 0, 0.05, 0.1]
FIGURE_3 = {
    "a": {"locations": FOUR, "moves": "last"},
    "b": {"locations": FOUR, "moves": "all"},
    "c": {"locations": {"from": -3, "to": 3, "K": 60}, "moves": "all"},
    "d": {"locations": {"from": -3, "to": 3, "K": 200}, "moves": "all"},
}
SHIFTS = grid({"from": -6, "to": 6, "step": 0.5})
SHIFTS = np.union1d(SHIFTS, [-0.05])


@pytest.fixture(scope="module")
def tables():
    found = {"figure_1": figure_1([1.0, -1.0])} | figure_2(FIGURE_2, seed=5)
    return found | {f"figure_3{name}": figure_3(panel, SHIFTS, 100) for name, panel in FIGURE_3.items()}


@pytest.fixture(scope="module")
def checks(tables):
    return check_figure_2(FIGURE_2, 5, tables["figure_2d"]).set_index("quantity")


def draw(paths, values=(1.0, 3.0, 2.0)):
    figure, axes = new_figure()
    for scale, series in enumerate(SERIES):
        axes.plot(np.multiply(values, scale), label=f"series {scale}", **series)
    axes.set(xlabel="location $h_1$", ylabel="probability")
    axes.legend()
    save(figure, paths)


@pytest.mark.parametrize("suffix", ["pdf", "png"])
def test_equal_data_give_equal_bytes(tmp_path, suffix):
    first, second, other = (tmp_path / f"{name}.{suffix}" for name in "abc")
    draw([first])
    draw([second])
    draw([other], values=(1.0, 3.0, 2.1))
    assert first.read_bytes() == second.read_bytes()
    assert first.read_bytes() != other.read_bytes()


def test_pictures_are_one_column_wide_and_leave_nothing_else_behind(tmp_path):
    draw([tmp_path / "a.pdf", tmp_path / "a.png"])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.pdf", "a.png"]
    height, width, _ = matplotlib.image.imread(tmp_path / "a.png").shape
    assert width == round(300 * COLUMN_WIDTH)
    assert height < width


def test_unknown_format_is_refused_before_anything_is_written(tmp_path):
    figure, _ = new_figure()
    with pytest.raises(ValueError, match=r"^paths: must end in \.pdf or \.png, not a\.jpg"):
        save(figure, [tmp_path / "a.pdf", tmp_path / "a.jpg"])
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("backend", ["module://matplotlib_inline.backend_inline", "no_such_backend"])
def test_a_users_matplotlib_settings_do_not_count(tmp_path, backend):
    """Not a backend that only a notebook has, not a matplotlibrc in the working folder or at home."""
    draw([tmp_path / "plain.png"])
    home = tmp_path / "home"
    (home / ".config/matplotlib").mkdir(parents=True)
    settings = "text.usetex: True\nlines.linewidth: 9\naxes.facecolor: red\nsavefig.bbox: tight\n"
    for place in (tmp_path, home / ".config/matplotlib"):
        (place / "matplotlibrc").write_text(settings, encoding="utf-8")
    program = (
        f"import sys; sys.path[:0] = {sys.path!r}; import relucells.pipeline.figures; "
        "from test_figures import draw; draw(['rc.png'])"
    )
    environment = os.environ | {"MPLBACKEND": backend, "HOME": str(home), "MPLCONFIGDIR": ""}
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "rc.png").read_bytes() == (tmp_path / "plain.png").read_bytes()


def test_series_can_be_told_apart_without_colour():
    assert len({series["marker"] for series in SERIES}) == len(SERIES)
    assert len({str(series["linestyle"]) for series in SERIES}) == len(SERIES)
    rgb = np.array([matplotlib.colors.to_rgb(series["color"]) for series in SERIES])
    grey = np.sort(rgb @ [0.2126, 0.7152, 0.0722])
    assert np.diff(grey).min() > 0.08
    assert grey.max() < 0.75  # still visible on white paper


# ---- Figures 1 to 3 ----


def test_every_figure_is_drawn_from_its_table(tables, tmp_path):
    draw = drawings(tables)
    assert set(draw) == set(tables)
    for name, figure in draw.items():
        save(figure(), [tmp_path / f"{name}.png"])
        picture = matplotlib.image.imread(tmp_path / f"{name}.png")[..., :3]
        assert picture.shape[1] == round(300 * COLUMN_WIDTH)
        inked = (picture < 0.95).any(axis=2)
        margins = [inked[:3], inked[-3:], inked[:, :3], inked[:, -3:]]
        assert not any(margin.any() for margin in margins), f"{name}: something is cut off"
        assert 0.01 < inked.mean() < 0.5


def test_equal_seeds_give_equal_tables(tables):
    again = figure_2(FIGURE_2, seed=5)
    for name, table in again.items():
        pd.testing.assert_frame_equal(table, tables[name], check_exact=True)
    other = figure_2(FIGURE_2 | {"repetitions": 1}, seed=6)
    assert not other["figure_2a"]["loss"].equals(tables["figure_2a"]["loss"])


def test_what_the_text_says_about_figure_2_holds(checks):
    judged = checks[checks["holds"] != ""]
    assert len(judged) == 10
    assert (judged["holds"] == "yes").all(), judged[judged["holds"] == "no"]
    # Empirical minima scatter about that of the expected loss, by more than the peak's width of 0.1.
    lowest = checks.value["location of the minimum of the expected loss"]
    middle = checks.value["its 0.5 quantile over samples"]
    assert abs(middle - lowest) < 0.1 < checks.value["its standard deviation over samples"]


def test_kinks_hold_minima_however_many_points(checks):
    """Not exponentially unlikely: about one sample in four has one, at N = 100 as at N = 1000."""
    for where in ("per sample", "per sample of ten times as many points"):
        assert checks.value[f"minima that are not differentiable {where}"] > 0.1


def test_a_false_claim_does_not_hold(tables):
    moved = tables["figure_2d"].assign(location=tables["figure_2d"]["location"] + 0.1)
    checks = check_figure_2(FIGURE_2, 5, moved).set_index("quantity")
    assert checks.holds["location of the peak of P_t"] == "no"


@pytest.mark.parametrize("panel", "abc")
def test_marked_minima_are_lower_than_their_neighbours(tables, panel):
    curve = tables[f"figure_2{panel}"]
    marked = np.flatnonzero(curve["minimum"] != "")
    assert len(marked)
    loss = curve["loss"].to_numpy()
    for i in marked:
        assert loss[i] <= min(loss[i - 1], loss[i + 1])
    assert (np.diff(curve["location"]) <= 0.01 + 1e-12).all()


def test_share_of_genuine_minima_is_that_of_drawn_samples(tables):
    """Far left practically no drawn minimum is genuine, far right every one, as for P_t."""
    curve = tables["figure_2d"]
    assert curve["share_genuine"].iloc[0] < 0.05
    assert curve["share_genuine"].iloc[-1] > 0.99
    peak = curve["share_genuine"][(curve["location"] - 0.73).abs().idxmin()]
    assert 0.15 < peak < 0.35  # where P_t itself is 1


def test_surface_is_the_product_beside_the_exact_probability(tables):
    surface, curve = tables["figure_2e"], tables["figure_2d"].set_index("location")["probability"]
    row = surface[(surface["location_1"] == 4.5) & (surface["location_2"] == -5)].iloc[0]
    assert row["probability"] == pytest.approx(curve[4.5] * curve[5.0], rel=1e-9)
    exact = np.exp(gaussian_1d.log_probability_all_free(gaussian_1d.gaps([4.5, -5.0], [1, -1]), 100))
    assert row["probability_any_gap"] == pytest.approx(exact, rel=1e-12)
    assert row["probability_any_gap"] <= row["probability_largest_gap"]


def test_figure_3_is_symmetric_where_the_weights_are(tables):
    for name in ("figure_3c", "figure_3d"):
        curve = tables[name].set_index("shift")
        left, right = curve.loc[-6.0:-0.5], curve.loc[0.5:6.0].iloc[::-1]
        for column in ("log10_probability", "log10_probability_any_gap"):
            np.testing.assert_allclose(left[column].to_numpy(), right[column].to_numpy(), rtol=1e-9)


@pytest.mark.parametrize("panel", "abcd")
def test_largest_gap_alone_is_never_less_likely_free_than_all(tables, panel):
    curve = tables[f"figure_3{panel}"]
    assert (curve["log10_probability_any_gap"] <= curve["log10_probability"] * (1 - 1e-12)).all()
    assert (curve["log10_probability"] <= curve["log10_probability_last_weight"]).all()
    np.testing.assert_allclose(curve["probability"], 10.0 ** curve["log10_probability"], rtol=1e-9)


def test_singular_is_where_weights_meet_or_leave_the_data(tables):
    a, b, c = (tables[f"figure_3{name}"] for name in "abc")
    assert a.loc[a["singular"], "shift"].tolist() == [-0.05]
    assert a.loc[a["coincident"], "shift"].tolist() == [-0.05]
    assert not b["singular"].any()
    assert c.loc[c["singular"], "shift"].abs().min() > 4
    assert c["singular"].iloc[[0, -1]].all()
    assert not c["coincident"].any()


def test_grid_keeps_its_ends_and_its_step():
    values = grid({"from": 0, "to": 1, "step": 0.3})
    assert values[0] == 0
    assert values[-1] == 1
    assert np.diff(values).max() <= 0.3
    assert len(grid({"from": 0, "to": 6, "step": 0.01})) == 601


def test_stretches_of_marked_rows():
    x = pd.Series([0.0, 1.0, 2.0, 3.0, 4.0, 5.0])
    marked = pd.Series([True, True, False, True, False, True])
    assert stretches(x, marked) == [(0.0, 1.0), (3.0, 3.0), (5.0, 5.0)]
    assert stretches(x, ~marked & False) == []
