"""Tables and figure of the critical points: cell by cell, end by end, and shares with their intervals."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from relucells.pipeline.figures import BLACK, BLUE, GREY, PAGE_WIDTH, RED, YELLOW, new_figure, save
from relucells.pipeline.job import job, write_csv
from relucells.statistics import wilson

# Each question with its answers, in the order of the bars.
QUESTIONS = {
    "saddle": ["saddle", "none", "undecided"],
    "closed_cell": ["differentiable minimum", "non-differentiable minimum", "none", "undecided"],
    "descent": ["differentiable minimum", "non-differentiable minimum", "saddle", "not converged"],
}
TITLES = {
    "saddle": "cells: a saddle inside",
    "closed_cell": "closed cells: a local minimum",
    "descent": "where descent ends",
}
LOOKS = {
    "saddle": (RED, "///"),
    "differentiable minimum": (BLUE, ""),
    "non-differentiable minimum": (YELLOW, ""),
    "none": ("white", ""),
    "undecided": (GREY, "..."),
    "not converged": (BLACK, ""),
}


def read(files: list[str], keys: list[tuple[str, str]]) -> pd.DataFrame:
    """The rows of all files, each with its data set, bias and source."""
    frames = []
    for path, (dataset, bias) in zip(files, keys, strict=True):
        with np.load(path) as held:
            source = str(held["data_source"])
            frame = pd.DataFrame({key: held[key] for key in held.files if key != "data_source"})
        frame.insert(0, "dataset", dataset)
        frame.insert(1, "bias", bias)
        frames.append(frame.assign(data_source=source))
    return pd.concat(frames, ignore_index=True)


def summarise(cells: pd.DataFrame, ends: pd.DataFrame, confidence: float) -> pd.DataFrame:
    """Share of each answer with Wilson's interval, and the losses of the points that go with it."""
    rows = []
    for question, answers in QUESTIONS.items():
        frame = ends if question == "descent" else cells
        answer_column = "class" if question == "descent" else question
        loss_column = "loss" if question == "descent" else f"{question}_loss"
        for (dataset, bias), group in frame.groupby(["dataset", "bias"], sort=False):
            for answer in answers:
                chosen = group[group[answer_column] == answer]
                low, high = wilson(len(chosen), len(group), confidence)
                losses = chosen[loss_column]
                rows.append(
                    {
                        "question": question,
                        "dataset": dataset,
                        "bias": bias,
                        "answer": answer,
                        "count": len(chosen),
                        "n": len(group),
                        "share": len(chosen) / len(group),
                        "low": low,
                        "high": high,
                        "mean_loss": losses.mean(),
                        "least_loss": losses.min(),
                        "largest_loss": losses.max(),
                        "data_source": group["data_source"].iloc[0],
                    }
                )
    return pd.DataFrame(rows)


def plot(summary: pd.DataFrame) -> Figure:
    """A row of panels for each data set, a column for each question, a bar for each bias."""
    datasets = list(summary["dataset"].unique())
    figure, axes = new_figure(
        height=0.7 + 1.15 * len(datasets),
        width=PAGE_WIDTH,
        rows=len(datasets),
        columns=len(QUESTIONS),
        squeeze=False,
        sharex=True,
    )
    for row, dataset in zip(axes, datasets, strict=True):
        for axis, (question, answers) in zip(row, QUESTIONS.items(), strict=True):
            part = summary[(summary["dataset"] == dataset) & (summary["question"] == question)]
            biases = list(part["bias"].unique())
            left = np.zeros(len(biases))
            for answer in answers:
                share = part[part["answer"] == answer].set_index("bias")["share"].loc[biases].to_numpy()
                colour, hatch = LOOKS[answer]
                axis.barh(
                    biases,
                    share,
                    left=left,
                    color=colour,
                    hatch=hatch,
                    label=answer,
                    edgecolor="black",
                    linewidth=0.4,
                )
                left += share
            axis.invert_yaxis()
            axis.set_xlim(0, 1)
            if dataset == datasets[0]:
                axis.set_title(f"{TITLES[question]} (n = {part['n'].iloc[0]})")
        row[0].set_ylabel(f"{dataset}\nbias")
    for axis in axes[-1]:
        axis.set_xlabel("share")
    handles = {}
    for axis in axes[0]:
        handles |= {label: handle for handle, label in zip(*axis.get_legend_handles_labels(), strict=True)}
    figure.legend(handles.values(), handles.keys(), loc="outside lower center", ncols=6)
    return figure


if __name__ == "__main__":
    with job(snakemake) as log:
        keys = [tuple(key) for key in snakemake.params.groups]
        cells = read(snakemake.input.cells, keys)
        ends = read(snakemake.input.ends, keys)
        summary = summarise(cells, ends, snakemake.params.confidence)
        write_csv(
            snakemake.output.points,
            ends[["dataset", "bias", "start", "class", "loss", "evidence"]],
        )
        write_csv(snakemake.output.cells, cells)
        write_csv(snakemake.output.summary, summary)
        save(plot(summary), [snakemake.output.png, snakemake.output.pdf])
        for kind, count in ends["class"].value_counts().items():
            log.info("%d of %d descents end in: %s", count, len(ends), kind)
