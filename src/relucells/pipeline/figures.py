"""The one style of all pictures, and saving them whole.

Pictures are one printed column wide, so the screen shows at 100 % what a reader sees in print. Series differ
in lightness, in line style and in marker, so they can be told apart without colour. The colours are Paul
Tol's high-contrast scheme, made for colour blindness and for grey print
(https://sronpersonalpages.nl/~pault/); surfaces and images use cividis for the same reason.

Only this style counts: settings of a user's matplotlibrc are undone, and the backend needs no display.
"""

import logging
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

os.environ["MPLBACKEND"] = "Agg"  # jobs have no use for the backend of the notebook that starts them

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
from cycler import cycler
from matplotlib.figure import Figure

from relucells.pipeline.job import replacing, write_csv

logging.getLogger("fontTools").setLevel(logging.WARNING)  # else every glyph of a pdf is logged

COLUMN_WIDTH = 3.5  # inches, one column of a two-column page
PAGE_WIDTH = 7.16  # inches, both columns

BLACK, BLUE, RED, YELLOW, GREY = "#000000", "#004488", "#BB5566", "#DDAA33", "#8C8C8C"

# One entry a series, in the order of drawing: ``axes.plot(x, y, **SERIES[0])``.
SERIES: list[dict[str, Any]] = [
    {"color": BLUE, "linestyle": "-", "marker": "o"},
    {"color": RED, "linestyle": "--", "marker": "s"},
    {"color": YELLOW, "linestyle": "-.", "marker": "^"},
    {"color": BLACK, "linestyle": ":", "marker": "D"},
    {"color": GREY, "linestyle": (0, (5, 1, 1, 1, 1, 1)), "marker": "v"},
]

# Without these entries a format would write the date and the like; so equal data give equal bytes.
UNSTAMPED = {
    ".pdf": {"CreationDate": None, "Creator": None, "Producer": None},
    ".png": {"Software": None},
}

matplotlib.rcParams.update({k: v for k, v in matplotlib.rcParamsDefault.items() if k != "backend"})
matplotlib.rcParams.update(
    {
        "figure.figsize": (COLUMN_WIDTH, 2.3),
        "figure.constrained_layout.use": True,
        "savefig.dpi": 300,
        "font.family": "DejaVu Sans",  # comes with matplotlib: the same on every machine
        "font.size": 8,
        "axes.titlesize": 8,
        "axes.labelsize": 8,
        "xtick.labelsize": 7,
        "ytick.labelsize": 7,
        "legend.fontsize": 7,
        "legend.frameon": False,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.linewidth": 0.6,
        "axes.axisbelow": True,
        "xtick.major.width": 0.6,
        "ytick.major.width": 0.6,
        "lines.linewidth": 1.2,
        "hatch.linewidth": 0.4,
        "lines.markersize": 4,
        "axes.prop_cycle": cycler(color=[s["color"] for s in SERIES])
        + cycler(linestyle=[s["linestyle"] for s in SERIES]),
        "image.cmap": "cividis",
        "pdf.fonttype": 42,  # text that can be searched and edited
    }
)


def new_figure(height: float = 2.3, width: float = COLUMN_WIDTH, rows: int = 1, columns: int = 1, **options):
    """A figure and its axes as ``matplotlib.pyplot.subplots`` gives them; sizes in inches."""
    return plt.subplots(rows, columns, figsize=(width, height), **options)


def save_picture(figure: Figure, frame, outputs: Mapping[str, str]) -> None:
    """Write a picture to ``outputs['pdf']`` and ``['png']``, and the numbers that it shows to ``['csv']``."""
    write_csv(outputs["csv"], frame)
    save(figure, [outputs["pdf"], outputs["png"]])


def save(figure: Figure, paths: Iterable[str | os.PathLike]) -> None:
    """Write the figure to every path (.pdf or .png), each whole or not at all, and close it.

    Raises ValueError for another suffix: only these two are known to give the same file every time.
    """
    files = [Path(path) for path in paths]
    for path in files:
        if path.suffix not in UNSTAMPED:
            raise ValueError(f"paths: must end in {' or '.join(UNSTAMPED)}, not {path.name}")
    for path in files:
        with replacing(path) as temporary:
            figure.savefig(temporary, metadata=UNSTAMPED[path.suffix])
        # One layout for both formats: it takes a third of the time, and the two then look alike.
        figure.set_layout_engine("none")
    plt.close(figure)
