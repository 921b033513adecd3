"""Tables and figure of the exponential neuron: each run, shares of the endings, and the counterexample."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from relucells.pipeline.figures import BLACK, BLUE, GREY, PAGE_WIDTH, RED, SERIES, YELLOW, new_figure, save
from relucells.pipeline.job import job, write_csv
from relucells.related.exponential_neuron import runaway
from relucells.statistics import wilson

# A diverging run's objective counts as going to 0 if it ends below this.
VANISHES = 1e-6
LOOKS = {
    "global minimum": BLUE,
    "bad minimum": RED,
    "at a kink": YELLOW,
    "diverging, to 0": "white",  # where L̃ goes
    "diverging, above 0": GREY,
    "not converged": BLACK,
}


def read(files: list[str]) -> pd.DataFrame:
    frames = []
    for path in files:
        with np.load(path) as held:
            frames.append(pd.DataFrame({key: held[key] for key in held.files}))
    return pd.concat(frames, ignore_index=True)


def outcome(runs: pd.DataFrame) -> pd.Series:
    """The ending, with diverging runs split by where their objective goes."""
    split = np.where(runs["objective"] <= VANISHES, "to 0", "above 0")
    diverging = "diverging, " + pd.Series(split, index=runs.index)
    return runs["ending"].where(runs["ending"] != "diverging", diverging)


def summarise(runs: pd.DataFrame, confidence: float) -> pd.DataFrame:
    """Share of each outcome, for constructed and random starts, with and without the neuron.

    The row *all bad endings* counts every run whose network alone does not reach loss 0.
    """
    kind = np.where(runs["start"].str.startswith("random"), "random", "constructed")
    rows = []
    for (starts, neuron), group in runs.assign(kind=kind, outcome=outcome(runs)).groupby(["kind", "neuron"]):
        for name in [*LOOKS, "all bad endings"]:
            bad = name == "all bad endings"
            chosen = group[group["outcome"] != "global minimum" if bad else group["outcome"] == name]
            low, high = wilson(len(chosen), len(group), confidence)
            rows.append(
                {
                    "starts": starts,
                    "neuron": neuron,
                    "outcome": name,
                    "count": len(chosen),
                    "n": len(group),
                    "share": len(chosen) / len(group),
                    "low": low,
                    "high": high,
                    "mean_objective": chosen["objective"].mean(),
                    "mean_loss": chosen["loss"].mean(),
                }
            )
    return pd.DataFrame(rows)


def plot(summary: pd.DataFrame, paths: pd.DataFrame) -> Figure:
    figure, (bars, path) = new_figure(height=2.6, width=PAGE_WIDTH, columns=2)
    groups = [(s, n) for s in ("constructed", "random") for n in (False, True)]
    names = [f"{s},\n{'with' if n else 'without'} neuron" for s, n in groups]
    left = np.zeros(len(groups))
    indexed = summary.set_index(["starts", "neuron", "outcome"])["share"]
    for name, colour in LOOKS.items():
        share = np.array([indexed.loc[s, n, name] for s, n in groups])
        bars.barh(names, share, left=left, color=colour, edgecolor="black", linewidth=0.5, label=name)
        left += share
    bars.invert_yaxis()
    bars.set(xlim=(0, 1), xlabel="share of runs", title="endings of training")
    figure.legend(*bars.get_legend_handles_labels(), loc="outside lower center", ncols=3)
    curves = (
        ("b", "b"),
        ("product", "a e$^b$"),
        ("excess", "objective above the bad minimum's loss"),
    )
    for (column, label), look in zip(curves, SERIES, strict=False):
        path.plot(paths["step"], paths[column], label=label, **look)
    path.set(
        xscale="log",
        yscale="log",
        xlabel="step of gradient descent",
        title="the counterexample at a bad minimum",
    )
    path.set_ylim(bottom=paths["b"].min() / 20)
    path.legend(loc="lower center")
    return figure


def counterexample(runs: pd.DataFrame, ridge: float, steps: int) -> pd.DataFrame:
    """Gradient descent on Sohl-Dickstein and Kawaguchi's objective from a dead network's loss."""
    bad_loss = float(runs.loc[runs["start"] == "dead", "start_loss"].iloc[0])
    paths = pd.DataFrame(runaway(bad_loss, ridge, steps), columns=["step", "a", "b", "objective"])
    paths["product"] = paths["a"] * np.exp(paths["b"])
    return paths.assign(excess=paths["objective"] - bad_loss)


if __name__ == "__main__":
    with job(snakemake) as log:
        params, output = snakemake.params, snakemake.output
        runs = read(snakemake.input)
        summary = summarise(runs, params.confidence)
        paths = counterexample(runs, params.ridge, params.runaway_steps)
        write_csv(output.runs, runs)
        write_csv(output.summary, summary)
        write_csv(output.counterexample, paths)
        save(plot(summary, paths), [output.png, output.pdf])
        for row in summary[summary["outcome"] == "all bad endings"].itertuples():
            neuron = "with" if row.neuron else "without"
            log.info("%s starts, %s neuron: %d of %d end bad", row.starts, neuron, row.count, row.n)
