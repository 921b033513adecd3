"""Samples on walls and kinds of end points over N, d and K, as tables and as a picture."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from relucells.pipeline.figures import BLACK, BLUE, PAGE_WIDTH, RED, YELLOW, new_figure, save
from relucells.pipeline.job import job, write_csv
from relucells.statistics import wilson

KINDS = ("differentiable minimum", "non-differentiable minimum", "saddle", "not stationary")
LOOKS = dict(zip(KINDS, ((BLUE, ""), (YELLOW, ""), (RED, "///"), ("white", "...")), strict=True))
NAMES = {"N": "samples N", "d": "dimension d", "K": "neurons K"}


def read(files: list[str], cases: list[list[int]]) -> pd.DataFrame:
    """A row for each run."""
    frames = []
    for path, (N, d, K) in zip(files, cases, strict=True):
        with np.load(path) as held:
            frames.append(pd.DataFrame({"N": N, "d": d, "K": K} | {key: held[key] for key in held.files}))
    return pd.concat(frames, ignore_index=True)


def summarise(runs: pd.DataFrame, confidence: float) -> pd.DataFrame:
    """A row for each N, d and K: shares with Wilson's intervals, means over the runs."""
    rows = []
    for (N, d, K), group in runs.groupby(["N", "d", "K"], sort=False):
        row = {"N": N, "d": d, "K": K, "runs": len(group), "mean_on_walls": group["on_walls"].mean()}
        row["largest_on_walls"] = group["on_walls"].max()
        answers = {"some_on_walls": group["on_walls"] > 0}
        answers |= {kind.replace(" ", "_").replace("-", "_"): group["kind"] == kind for kind in KINDS}
        answers["certified_minimum"] = group["kind"].str.endswith("minimum")
        for name, hits in answers.items():
            low, high = wilson(int(hits.sum()), len(group), confidence)
            row |= {
                f"{name}_pct": 100 * hits.mean(),
                f"{name}_pct_low": 100 * low,
                f"{name}_pct_high": 100 * high,
            }
        certified = group[group["point_on_walls"] >= 0]
        row["same_count_pct"] = 100 * (certified["point_on_walls"] == certified["on_walls"]).mean()
        row["median_relative_distance"] = certified["relative_distance"].median()
        row |= {"mean_loss": group["loss"].mean(), "mean_dead_neurons": group["dead_neurons"].mean()}
        rows.append(row)
    return pd.DataFrame(rows)


def plot(summary: pd.DataFrame, centre: dict[str, int]) -> Figure:
    """For each of N, d and K: kinds of end points above, samples on walls below."""
    figure, axes = new_figure(3.6, PAGE_WIDTH, 2, 3, sharey="row", sharex="col")
    for (name, label), (kinds, walls) in zip(NAMES.items(), axes.T, strict=True):
        others = [other for other in NAMES if other != name]
        part = summary[(summary[others] == [centre[other] for other in others]).all(axis=1)].sort_values(name)
        places = part[name].astype(str)
        below = np.zeros(len(part))
        for kind, (colour, hatch) in LOOKS.items():
            share = part[f"{kind.replace(' ', '_').replace('-', '_')}_pct"].to_numpy()
            look = {"color": colour, "hatch": hatch, "edgecolor": BLACK, "linewidth": 0.4}
            kinds.bar(places, share, bottom=below, label=kind, **look)
            below += share
        fixed = ", ".join(f"{other} = {centre[other]}" for other in others)
        kinds.set_title(fixed)
        walls.plot(places, part["mean_on_walls"], color=BLACK, marker="o", linestyle="-")
        walls.set_xlabel(label)
    axes[1, 0].set_ylim(bottom=0)  # shared, so once all panels are drawn
    axes[0, 0].set_ylabel("end points, %")
    axes[1, 0].set_ylabel("mean pairs on walls")
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=4)
    return figure


if __name__ == "__main__":
    with job(snakemake) as log:
        params, output = snakemake.params, snakemake.output
        runs = read(snakemake.input.runs, params.cases)
        summary = summarise(runs, params.confidence)
        write_csv(output.runs, runs)
        write_csv(output.summary, summary)
        save(plot(summary, params.centre), [output.png, output.pdf])
        log.info("%d runs, %d on walls", len(runs), (runs["on_walls"] > 0).sum())
