"""All kinds of data at one d, K and bias: where is the transition, and which property orders them?"""

import pandas as pd
from _job import job, write_csv
from _tables import write_table
from relucells.scaling import rank_correlation

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
    "N_dimension": "N where Σδ = N − 1",
}


def at(places: pd.DataFrame, setting: dict) -> pd.DataFrame:
    """The rows with these d, K and bias, in the order of the config."""
    own = places["d"].eq(setting["d"]) & places["K"].eq(setting["K"]) & places["bias"].eq(setting["bias"])
    return places[own].reset_index(drop=True)


def orders(kinds: pd.DataFrame, level: float) -> pd.DataFrame:
    """Rank correlation of N_half with every property, over the kinds with a located transition."""
    rows = []
    for convention, own in kinds.query("status == 'located'").groupby("convention", sort=False):
        for name in PROPERTIES:
            both = own[["N_half", name]].dropna()
            rho, low, high, p = rank_correlation(both[name], both["N_half"], level)
            rows.append(
                {
                    "convention": convention,
                    "property": name,
                    "kinds": len(both),
                    "smallest": both[name].min(),
                    "largest": both[name].max(),
                    "correlation": rho,
                    "correlation_low": low,
                    "correlation_high": high,
                    "p": p,
                }
            )
    columns = ["convention", "property", "kinds", "smallest", "largest", "correlation"]
    columns += ["correlation_low", "correlation_high", "p"]
    return pd.DataFrame(rows, columns=columns)


def readable(table: pd.DataFrame) -> pd.DataFrame:
    def interval(row) -> str:
        if pd.isna(row["correlation"]):
            return "—"
        low, high = row["correlation_low"], row["correlation_high"]
        return f"{row['correlation']:.2f} [{low:.2f}, {high:.2f}]"

    return pd.DataFrame(
        {
            "share": table["convention"],
            "property": table["property"].map(PROPERTIES),
            "range": [
                f"{low:.3g} … {high:.3g}"
                for low, high in zip(table["smallest"], table["largest"], strict=True)
            ],
            "rank correlation with N_half": [interval(row) for row in table.to_dict("records")],
            "p": [f"{p:.2g}" if p == p else "—" for p in table["p"]],
            "kinds": table["kinds"],
        }
    )


NOTE = (
    "Spearman's correlation over the kinds of data at the same d, K and bias, so that N/(d + 1) is the same "
    "for all; p of no association, each property by itself. Pairs of digits share images and are not "
    "independent of each other."
)

if __name__ == "__main__":
    with job(snakemake) as log:  # noqa: F821
        params, output = snakemake.params, snakemake.output  # noqa: F821
        kinds = at(pd.read_csv(snakemake.input[0]), params.at)  # noqa: F821
        table = orders(kinds, params.level)
        write_csv(output.kinds, kinds)
        formats = {"csv": output.csv, "md": output.md, "tex": output.tex}
        title = "What orders the kinds of data: d = {d}, K = {K}, bias = {bias:g}".format(**params.at)
        write_table(table, readable(table), formats, title, [NOTE])
        located = kinds.query("convention == 'sampled' and status == 'located'")
        log.info(
            "%d kinds, N_half of sampled signs from %.3g to %.3g",
            kinds["kind"].nunique(),
            located["N_half"].min(),
            located["N_half"].max(),
        )
