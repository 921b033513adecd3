"""Tables and figure of Maximum-and-Concatenation Networks: are the minima at most the linear loss?"""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from relucells.pipeline.figures import BLACK, BLUE, COLUMN_WIDTH, GREY, RED, YELLOW, new_figure, save
from relucells.pipeline.job import job, write_csv
from relucells.statistics import wilson

# Losses that differ by less count as equal: a gradient of 1e-8 allows for such a difference.
EQUAL = 1e-9
NETWORKS = {
    "block": "with exponential and linear part",
    "control": "control: the maximum alone",
}
LOOKS = {
    "minimum": (BLUE, "o"),
    "minimum at a kink": (BLACK, "D"),
    "saddle": (RED, "s"),
    "not converged": (YELLOW, "^"),
    "diverging": (GREY, "v"),
}


def read(files: list[str]) -> pd.DataFrame:
    frames = []
    for name, path in zip(NETWORKS, files, strict=True):
        with np.load(path) as held:
            frame = pd.DataFrame({key: held[key] for key in held.files})
        frame.insert(0, "network", name)
        frames.append(frame)
    runs = pd.concat(frames, ignore_index=True)
    runs["at_most_linear"] = runs["loss"] <= runs["linear_loss"] + EQUAL
    return runs


def summarise(runs: pd.DataFrame, confidence: float) -> pd.DataFrame:
    """For each network and ending: how many runs, and how many of them lie above the linear loss."""
    rows = []
    for name in NETWORKS:
        for ending in LOOKS:
            every = runs[runs["network"] == name]
            chosen = every[every["ending"] == ending]
            above = int((~chosen["at_most_linear"]).sum())
            low, high = wilson(above, len(chosen), confidence) if len(chosen) else (np.nan, np.nan)
            rows.append(
                {
                    "network": name,
                    "ending": ending,
                    "count": len(chosen),
                    "n": len(every),
                    "above_linear": above,
                    "above_share": above / len(chosen) if len(chosen) else np.nan,
                    "low": low,
                    "high": high,
                    "least_loss": chosen["loss"].min(),
                    "largest_loss": chosen["loss"].max(),
                    "linear_loss": every["linear_loss"].iloc[0],
                }
            )
    return pd.DataFrame(rows)


def plot(runs: pd.DataFrame) -> Figure:
    """The losses of each network in order, by ending, with the linear loss as a line."""
    figure, axes = new_figure(height=2.9, width=2 * COLUMN_WIDTH, columns=2, sharey=True)
    for axis, name in zip(axes, NETWORKS, strict=True):
        part = runs[runs["network"] == name].sort_values("loss").reset_index(drop=True)
        for ending, (colour, marker) in LOOKS.items():
            chosen = part[part["ending"] == ending]
            proved = ending.startswith("minimum")
            axis.plot(
                chosen.index + 1,
                chosen["loss"],
                marker,
                color=colour,
                label=ending,
                markersize=4 if proved else 2,
                zorder=3 if proved else 2,
            )
        axis.axhline(part["linear_loss"].iloc[0], color=BLACK, linestyle="--", label="linear least squares")
        axis.set(xlabel="run, in order of loss", title=NETWORKS[name], ylim=(0, 1.05 * runs["loss"].max()))
    axes[0].set_ylabel("loss at the end")
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=6)
    return figure


if __name__ == "__main__":
    with job(snakemake) as log:
        output = snakemake.output
        runs = read(snakemake.input)
        summary = summarise(runs, snakemake.params.confidence)
        write_csv(output.runs, runs)
        write_csv(output.summary, summary)
        save(plot(runs), [output.png, output.pdf])
        for row in summary[summary["ending"].str.startswith("minimum")].itertuples():
            log.info(
                "%s: %s: %d, above the linear loss: %d", row.network, row.ending, row.count, row.above_linear
            )
