"""Heat maps of the full-rank share over (n, d1), a row for each precision, with the line d0·d1 = n."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from measure_jacobian_rank import PRECISIONS, input_dimension

from relucells.pipeline.figures import PAGE_WIDTH, new_figure, save
from relucells.pipeline.job import job


def edges(centres: np.ndarray) -> np.ndarray:
    """Boundaries of cells around increasing centres."""
    if len(centres) == 1:
        return centres[0] + np.array([-0.5, 0.5])
    inner = (centres[1:] + centres[:-1]) / 2
    return np.concatenate([[2 * centres[0] - inner[0]], inner, [2 * centres[-1] - inner[-1]]])


def plot_jacobian_rank(
    table: pd.DataFrame, family: str, values: list[float], ns: list[int], widths: list[int]
) -> Figure:
    """``values`` are the d0 or the ratios, one column of panels each."""
    figure, axes = new_figure(
        height=3.6,
        width=PAGE_WIDTH,
        rows=len(PRECISIONS),
        columns=len(values),
        squeeze=False,
        sharex=True,
        sharey=True,
    )
    cells = table[table["family"] == family].set_index(["dtype", "d0", "n", "d1"])["full_rank_share"]
    x, y = edges(np.array(ns, dtype=float)), edges(np.array(widths, dtype=float))
    fine = np.linspace(x[0], x[-1], 200)
    for row, dtype in zip(axes, PRECISIONS, strict=True):
        for axis, value in zip(row, values, strict=True):
            shares = [[cells[dtype, input_dimension(family, value, n), n, d1] for n in ns] for d1 in widths]
            image = axis.pcolormesh(x, y, shares, vmin=0, vmax=1)
            slope = fine / value if family == "fixed_d0" else np.full_like(fine, 1 / value)
            axis.plot(fine, slope, color="white", linestyle="-", linewidth=2.4)
            axis.plot(fine, slope, color="black", linestyle="--")
            axis.set(xlim=(x[0], x[-1]), ylim=(min(y[0], 0), y[-1]))
            name = f"d0 = {value:g}" if family == "fixed_d0" else f"d0 = {value:g} n"
            axis.set_title(f"{name}, {dtype}")
            axis.xaxis.set_major_locator(MaxNLocator(5, integer=True))
            axis.yaxis.set_major_locator(MaxNLocator(6, integer=True))
    figure.supxlabel("samples n", fontsize=8)
    figure.supylabel("neurons d1", fontsize=8)
    figure.colorbar(image, ax=axes, label="share of full rank")
    return figure


if __name__ == "__main__":
    with job(snakemake) as log:
        grid = snakemake.params.grid
        family = snakemake.wildcards.family
        table = pd.read_csv(snakemake.input[0])
        save(
            plot_jacobian_rank(table, family, grid["values"], grid["n"], grid["d1"]),
            snakemake.output,
        )
        log.info("%d panels of %d cells", 2 * len(grid["values"]), len(grid["n"]) * len(grid["d1"]))
