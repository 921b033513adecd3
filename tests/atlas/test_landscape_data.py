"""One's own one-dimensional data."""

import numpy as np
import pytest
from survey_landscape import read_data

from relucells.pipeline.job import UserError


def test_own_data_are_read_as_they_are(tmp_path):
    x, y = np.array([[3.0], [1.0], [2.0]]), np.array([1, 0, 4])
    np.savez(tmp_path / "mine.npz", X=x, y=y)
    found = read_data(str(tmp_path / "mine.npz"))
    assert found[0].tolist() == [3.0, 1.0, 2.0] and found[1].tolist() == [1.0, 0.0, 4.0]


@pytest.mark.parametrize(
    ("arrays", "problem"),
    [
        ({"X": np.zeros((3, 2)), "y": np.ones(3)}, "one-dimensional"),
        ({"X": np.arange(41.0), "y": np.ones(41)}, "at most 40"),
        ({"X": np.arange(3.0), "y": np.ones(4)}, "one entry per sample"),
        ({"X": np.arange(3.0)}, "y is not a file in the archive"),
        ({"X": np.array([0, np.inf]), "y": np.ones(2)}, "finite"),
    ],
)
def test_data_that_cannot_be_mapped_get_one_line(tmp_path, arrays, problem):
    np.savez(tmp_path / "mine.npz", **arrays)
    with pytest.raises(UserError, match=problem) as error:
        read_data(str(tmp_path / "mine.npz"))
    assert "atlas.path" in str(error.value) and "\n" not in str(error.value)


def test_a_file_that_is_none_gets_one_line(tmp_path):
    (tmp_path / "text.npz").write_text("no archive")
    for name in ("text.npz", "missing.npz"):
        with pytest.raises(UserError, match=name):
            read_data(str(tmp_path / name))
