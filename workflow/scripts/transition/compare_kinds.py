"""All kinds of data at one d, K and bias: where is the transition, and which property orders them?"""

import numpy as np
import pandas as pd

from relucells.pipeline.job import job, write_csv
from relucells.pipeline.tables import stand_in_notes, with_interval, write_table
from relucells.transition.laws import class_jackknife, rank_correlation

OTHERS = "other kinds"  # than pairs of classes
PROPERTIES = {
    "rank": "rank X",
    "participation": "participation ratio",
    "cosine": "mean absolute cosine",
    "agreement": "agreement of activations",
    "same_class": "the same within a class",
    "other_class": "the same between classes",
    "linear_fit": "share of y that is linear in x",
    "dead": "share of dead samples",
    "single": "share with one neuron",
    "distinct": "share of different activations",
    "N_dimension": "N where Σδ = N − ½",
}


def at(places: pd.DataFrame, setting: dict, families: dict, repeats: dict) -> pd.DataFrame:
    """The rows with these d, K and bias, in the order of the config.

    ``family``: for a pair of classes, the name that such pairs share; ``repeats``: the other kind that has
    the same population.
    """
    own = places["d"].eq(setting["d"]) & places["K"].eq(setting["K"]) & places["bias"].eq(setting["bias"])
    kinds = places[own].reset_index(drop=True)
    return kinds.assign(family=kinds["kind"].map(families), repeats=kinds["kind"].map(repeats))


def orders(kinds: pd.DataFrame, classes: dict[str, list], confidence: float) -> pd.DataFrame:
    """Rank correlation of N_half with every property, over the kinds with a located transition.

    Pairs of classes share their images. So they are compared among themselves, with an interval that allows
    for that; ``classes`` has the two of each. The other kinds come from few populations, several of them
    Gaussian. So their correlation describes these kinds only and has no interval. A pair that is a kind of
    its own is compared as such. Stand-in images are left out.
    """
    rows = []
    chosen = kinds["status"].eq("located") & kinds["repeats"].isna() & kinds["data_source"].ne("stand-in")
    compared = kinds[chosen].assign(among=kinds["family"].fillna(OTHERS))
    for (convention, among), own in compared.groupby(["convention", "among"], sort=False):
        for name in PROPERTIES:
            both = own[["kind", "N_half", name]].dropna()
            if among == OTHERS:
                rho, low, high = rank_correlation(both[name], both["N_half"]), np.nan, np.nan
            else:
                pairs = [classes[kind] for kind in both["kind"]]
                rho, low, high = class_jackknife(both[name], both["N_half"], pairs, confidence)
            rows.append(
                {
                    "convention": convention,
                    "among": among,
                    "property": name,
                    "kinds": len(both),
                    "data_source": " ".join(sorted(set(own["data_source"]))),
                    "smallest": both[name].min(),
                    "largest": both[name].max(),
                    "correlation": rho,
                    "correlation_low": low,
                    "correlation_high": high,
                }
            )
    columns = ["convention", "among", "property", "kinds", "data_source", "smallest", "largest"]
    return pd.DataFrame(rows, columns=[*columns, "correlation", "correlation_low", "correlation_high"])


def readable(table: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "share": table["convention"],
            "among": table["among"],
            "property": table["property"].map(PROPERTIES),
            "range": [
                f"{low:.3g} … {high:.3g}"
                for low, high in zip(table["smallest"], table["largest"], strict=True)
            ],
            "rank correlation with N_half": with_interval(table, "correlation", 2),
            "kinds": table["kinds"],
            "source": table["data_source"],
        }
    )


NOTE = (
    "Spearman's correlation over kinds of data at the same d, K and bias, so that N/(d + 1) is the same "
    "for all. Each property is taken by itself, so the largest of several correlations is too large on "
    "average. Pairs of classes share their images. They are compared among themselves; the interval leaves "
    "out one class after the other, with all its pairs. The other kinds are no independent draws, and "
    "several are Gaussian. Their correlation describes these kinds only and has no interval. A pair that "
    "is a kind of its own counts as that kind. Kinds of stand-in images are left out."
)

if __name__ == "__main__":
    with job(snakemake) as log:
        params, output = snakemake.params, snakemake.output
        kinds = at(pd.read_csv(snakemake.input[0]), params.at, params.families, params.repeats)
        table = orders(kinds, params.classes, params.confidence)
        write_csv(output.kinds, kinds)
        formats = {"csv": output.csv, "md": output.md, "tex": output.tex}
        title = "What orders the kinds of data: d = {d}, K = {K}, bias = {bias:g}".format(**params.at)
        write_table(table, readable(table), formats, title, [NOTE, *stand_in_notes(kinds)])
        located = kinds.query("convention == 'sampled' and status == 'located'")
        log.info(
            "%d kinds, N_half of sampled signs from %.3g to %.3g",
            kinds["kind"].nunique(),
            located["N_half"].min(),
            located["N_half"].max(),
        )
