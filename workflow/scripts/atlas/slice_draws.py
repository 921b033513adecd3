"""Planes through a pipeline draw of each bias: cells, minima, verdicts, loss and descent."""

import numpy as np
import pandas as pd
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from relucells.atlas.slices import Slice, slice_landscape
from relucells.pipeline.figures import GREY, PAGE_WIDTH, new_figure, save
from relucells.pipeline.job import UserError, job, write_csv
from relucells.pipeline.slice_picture import draw_slice, slice_counts, slice_rows
from relucells.samples.inputs import prepare

COLUMNS = 3
KEYS = [
    Line2D([], [], color="black", marker="o", markersize=5, linestyle="none", label="the draw"),
    Line2D([], [], color="black", linewidth=1.6, label="gradient descent"),
    Line2D([], [], color="black", linewidth=1.1, linestyle="--", label="to the nearest minimum"),
    Line2D([], [], color=GREY, linewidth=0.5, label="contours of the loss"),
    Patch(facecolor="#C8B968", edgecolor="white", hatch="/////", label="cell, minimum not genuine"),
    Patch(facecolor="#C8B968", edgecolor="white", label="cell, minimum genuine\n(for the drawn signs)"),
]


def read_draw(path: str, trial: int) -> tuple[np.ndarray, np.ndarray]:
    """W and z of one trial of a block."""
    with np.load(path) as file:
        rows = np.flatnonzero(file["trial"] == trial)
        if not len(rows):
            raise UserError(
                f"atlas.slices.trial: {trial} is not among the first trials of {path}; use a smaller one"
            )
        return file["W"][rows[0]], file["z"][rows[0]]


def plot(slices: dict[str, Slice], largest: float) -> Figure:
    """A panel for each bias on one scale of colour, from 0 to the loss of a network that is 0."""
    rows = -(-(len(slices) + 1) // COLUMNS)  # the last place is for the legend
    figure, panels = new_figure(2.2 * rows, PAGE_WIDTH, rows, COLUMNS, squeeze=False)
    scale = Normalize(0.0, largest)
    for axes, (bias, found) in zip(panels.flat, slices.items(), strict=False):
        image = draw_slice(axes, found, scale)
        counts = slice_counts(found)
        axes.set_title(f"bias {bias}: {counts['cells']} cells".replace("-", "−"), pad=11)
        words = (
            f"genuine: drawn signs {counts['given']}, some {counts['exists']}, positive {counts['positive']}"
        )
        axes.text(0.5, 1.025, words, transform=axes.transAxes, fontsize=5.8, ha="center")
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_locator(MaxNLocator(3))
        axes.set_box_aspect(1)
    for axes in list(panels.flat)[len(slices) :]:
        axes.axis("off")
    panels.flat[-1].legend(handles=KEYS, loc="center left")
    for axes in panels[:, 0]:
        axes.set_ylabel("to the cell’s minimum")
    for axes in list(panels.flat)[max(0, len(slices) - COLUMNS) : len(slices)]:
        axes.set_xlabel("along the negative gradient")
    figure.colorbar(image, ax=panels, shrink=0.7, aspect=30, label="loss at the cell’s minimum")
    return figure


if __name__ == "__main__":
    with job(snakemake) as log:
        settings = dict(snakemake.params.settings)
        trial = settings.pop("trial")
        with np.load(snakemake.input.data) as file:
            inputs, y = prepare(file["X"]), file["y"]
        slices = {}
        for bias, path in zip(snakemake.params.biases, snakemake.input.weights, strict=True):
            W, z = read_draw(path, trial)
            slices[bias] = slice_landscape(inputs, y, W, z, **settings)
            log.info("bias %s: %s", bias, slice_counts(slices[bias]))
        table = [{"bias": bias} | row for bias, found in slices.items() for row in slice_rows(found)]
        write_csv(snakemake.output.data, pd.DataFrame(table))
        save(plot(slices, float(np.mean(y**2))), [snakemake.output.pdf, snakemake.output.png])
