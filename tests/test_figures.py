"""The common style: pictures are reproducible, of the right size, and readable without colour."""

import matplotlib.colors
import matplotlib.image
import numpy as np
import pytest
from _figures import COLUMN_WIDTH, SERIES, new_figure, save


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


def test_series_can_be_told_apart_without_colour():
    assert len({series["marker"] for series in SERIES}) == len(SERIES)
    assert len({str(series["linestyle"]) for series in SERIES}) == len(SERIES)
    rgb = np.array([matplotlib.colors.to_rgb(series["color"]) for series in SERIES])
    grey = np.sort(rgb @ [0.2126, 0.7152, 0.0722])
    assert np.diff(grey).min() > 0.08
    assert grey.max() < 0.75  # still visible on white paper
