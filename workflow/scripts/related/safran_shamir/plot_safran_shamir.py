"""Share of spurious runs and smallest Hessian eigenvalue against the teacher's width."""

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from relucells.pipeline.figures import BLACK, PAGE_WIDTH, SERIES, new_figure, save
from relucells.pipeline.job import job
from relucells.statistics import wilson


def plot_safran_shamir(counts: pd.DataFrame, published: pd.DataFrame, confidence: float) -> Figure:
    """Two panels against k, a series for each n − k; the published figures as open circles of its colour."""
    figure, (left, right) = new_figure(height=2.6, width=PAGE_WIDTH, columns=2)
    ring = {"linestyle": "none", "marker": "o", "fillstyle": "none", "markersize": 7}
    for series, (extra, rows) in zip(SERIES, counts.groupby(counts["n"] - counts["k"]), strict=False):
        share = rows["spurious"] / rows["runs"]
        ends = [wilson(s, runs, confidence) for s, runs in zip(rows["spurious"], rows["runs"], strict=True)]
        below = [max(value - low, 0) for value, (low, _) in zip(share, ends, strict=True)]
        above = [max(high - value, 0) for value, (_, high) in zip(share, ends, strict=True)]
        label = "n = k" if extra == 0 else f"n = k + {extra}"
        left.errorbar(rows["k"], share, [below, above], label=label, capsize=1.5, **series)
        right.plot(rows["k"], rows["mean_min_eigenvalue"], label=label, **series)
        shown = published[published["k"].isin(rows["k"]) & (published["n"] - published["k"] == extra)]
        left.plot(shown["k"], shown["spurious_of_1000"] / 1000, color=series["color"], **ring)
        right.plot(shown["k"], shown["mean_min_eigenvalue"], color=series["color"], **ring)
    left.plot([], [], color=BLACK, label="published", **ring)
    left.set(xlabel="teacher neurons k", ylabel="share of runs that end spurious", ylim=(-0.02, 1.02))
    right.set(xlabel="teacher neurons k", ylabel="mean smallest Hessian eigenvalue")
    for axis in (left, right):
        axis.xaxis.set_major_locator(MaxNLocator(integer=True))
    left.legend()
    return figure


if __name__ == "__main__":
    with job(snakemake) as log:
        counts = pd.read_csv(snakemake.input.counts)
        published = pd.read_csv(snakemake.input.published)
        figure = plot_safran_shamir(counts, published, snakemake.params.confidence)
        save(figure, snakemake.output)
        log.info(
            "%d students drawn, spurious shares up to %g",
            len(counts),
            (counts["spurious"] / counts["runs"]).max(),
        )
