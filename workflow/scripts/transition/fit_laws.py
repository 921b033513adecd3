"""Rival laws for how the N at which a share is one half scales with K and d, side by side."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from relucells.pipeline.job import job, write_csv
from relucells.pipeline.tables import stand_in_notes, write_table
from relucells.statistics.distributions import normal_quantile
from relucells.transition.laws import fit_law

GROUP = ["kind", "bias", "convention"]
FEWEST = 6  # located places to which laws are fitted
FEWEST_K = 4  # numbers of neurons at one d to which the power of K is fitted
# For d = 1 the power of K is another one (docs/findings.md).
SMALLEST_D = 2


@dataclass(frozen=True)
class Rival:
    """A law: ``log_N(frame, parameters)`` and the start of its parameters, named as in ``text``.

    A ``factor`` is fitted by its logarithm. ``needs`` is a column that must not be missing.
    """

    text: str
    log_N: Callable[[pd.DataFrame, NDArray[np.float64]], NDArray[np.float64]]
    parameters: tuple[str, ...] = ()
    needs: str | None = None


def log(frame: pd.DataFrame, column: str) -> NDArray[np.float64]:
    return np.log(frame[column].to_numpy(dtype=float))


def beside_covering(frame: pd.DataFrame, other: NDArray[np.float64]) -> NDArray[np.float64]:
    """1/N = 1/N_covered + 1/N_other: about the smaller of the two, and smooth where they meet."""
    return -np.log(1 / frame["N_covered"].to_numpy() + np.exp(-other))


# D = d + 1 is the dimension of the augmented inputs. Three laws are derived and have no free parameter:
# * as many half-spaces as twice the unknowns that the equations leave, were they in general position
#   (Wendel);
# * statistical dimensions that add up to N − ½ (relucells.transition);
# * at bias 0, where a neuron is active on half of all samples: the N up to which, with probability above ½,
#   none
#   of N independent samples has active neurons of the wrong sign only.
RIVALS = (
    Rival("c D", lambda f, p: p[0] + log(f, "D"), ("c",)),
    Rival("c K", lambda f, p: p[0] + log(f, "K"), ("c",)),
    Rival("c K D", lambda f, p: p[0] + log(f, "K") + log(f, "D"), ("c",)),
    Rival("c (K + D)", lambda f, p: p[0] + np.log(f["K"] + f["D"]).to_numpy(), ("c",)),
    Rival("c K^a", lambda f, p: p[0] + p[1] * log(f, "K"), ("c", "a")),
    Rival("c D^b", lambda f, p: p[0] + p[1] * log(f, "D"), ("c", "b")),
    Rival("c (K D)^a", lambda f, p: p[0] + p[1] * (log(f, "K") + log(f, "D")), ("c", "a")),
    Rival("c K^a D^b", lambda f, p: p[0] + p[1] * log(f, "K") + p[2] * log(f, "D"), ("c", "a", "b")),
    Rival("2 K D / (K + 2)", lambda f, p: np.log(2 * f["K"] * f["D"] / (f["K"] + 2)).to_numpy()),
    Rival("ln 2 / ((3/4)^K − (1/2)^K)", lambda f, p: log(f, "N_wrong"), (), "N_wrong"),
    Rival("Σδ = N − ½", lambda f, p: log(f, "N_dimension"), (), "N_dimension"),
    Rival("c N(Σδ)", lambda f, p: p[0] + log(f, "N_dimension"), ("c",), "N_dimension"),
    Rival(
        "c K D beside covering",
        lambda f, p: beside_covering(f, p[0] + log(f, "K") + log(f, "D")),
        ("c",),
        "N_covered",
    ),
    Rival(
        "c K^a D^b beside covering",
        lambda f, p: beside_covering(f, p[0] + p[1] * log(f, "K") + p[2] * log(f, "D")),
        ("c", "a", "b"),
        "N_covered",
    ),
    Rival(
        "c N(Σδ) beside covering",
        lambda f, p: beside_covering(f, p[0] + log(f, "N_dimension")),
        ("c",),
        "N_both",
    ),
)


ALONG_K = tuple(rival for rival in RIVALS if rival.text == "c K^a")  # at one d


def with_predictors(places: pd.DataFrame) -> pd.DataFrame:
    """Every place with D, and with the N up to which its series' samples are covered (inf: beyond)."""
    setting = ["kind", "d", "K", "bias"]
    own = places[places["convention"] == "covered"].set_index(setting)
    covered = own["N_half"].where(own["status"] != "above", np.inf).where(own["status"] != "open")
    both = places.join(covered.rename("N_covered"), on=setting)
    both["D"] = both["d"] + 1
    both["N_both"] = both["N_covered"].where(both["N_dimension"].notna())
    wrong = 0.75 ** both["K"] - 0.5 ** both["K"]
    both["N_wrong"] = (np.log(2) / wrong).where(both["bias"] == 0)
    # Covering concerns the drawn signs alone, not rank or other signs.
    both.loc[both["convention"] != "sampled", ["N_covered", "N_both"]] = np.nan
    both.loc[~both["convention"].isin(["sampled", "covered"]), "N_wrong"] = np.nan
    return both


def errors(own: pd.DataFrame, confidence: float) -> NDArray[np.float64]:
    """Standard errors of the places in log N, from half the interval, or from its finite side alone."""
    with np.errstate(divide="ignore"):
        low, half, high = (np.log(own[name].to_numpy(dtype=float)) for name in ("low", "N_half", "high"))
    sides = np.stack([half - low, high - half])
    sides = np.where(np.isfinite(sides), sides, np.nan)
    return np.nanmean(sides, axis=0) / normal_quantile((1 + confidence) / 2)


def rows_of(
    own: pd.DataFrame, rivals: Iterable[Rival], extent: str, confidence: float
) -> tuple[list[dict], list[pd.DataFrame]]:
    """The laws that can be fitted to one group of located places, the best first, and what they predict.

    All are fitted to the same places, else their criteria could not be compared.
    """
    rows, predicted = [], []
    keys = {name: own[name].iloc[0] for name in (*GROUP, "data_source")} | {"extent": extent}
    spread = errors(own, confidence)
    for rival in rivals:
        if rival.needs and own[rival.needs].isna().any():
            continue
        start = [0.0 if name == "c" else 1.0 for name in rival.parameters]
        fitted = fit_law(
            own["N_half"], lambda p, rival=rival: rival.log_N(own, p), start, confidence, errors=spread
        )
        if fitted is None:
            continue
        row = keys | {"law": rival.text, "places": len(own)}
        for name, values in zip(rival.parameters, fitted.parameters, strict=True):
            values = np.exp(values) if name == "c" else values
            row |= dict(zip((name, f"{name}_low", f"{name}_high"), values, strict=True))
        row |= {"misfit": fitted.misfit, "p": fitted.p, "rms": fitted.rms}
        rows.append(row | {"left_out_rms": fitted.left_out, "aicc": fitted.aicc})
        shown = own[["kind", "d", "K", "bias", "convention", "N_half", "low", "high"]]
        predicted.append(shown.assign(extent=extent, law=rival.text, predicted=fitted.predicted))
    lowest = min((row["aicc"] for row in rows), default=np.nan)
    # With few places the criterion of a law alone may be infinite.
    rows = [row | {"delta_aicc": 0.0 if row["aicc"] == lowest else row["aicc"] - lowest} for row in rows]
    return sorted(rows, key=lambda row: row["aicc"]), predicted


def fit_laws(places: pd.DataFrame, confidence: float) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Laws and predictions for each kind, bias and convention with enough located places.

    Over all d from SMALLEST_D on, and the power of K by itself at every d with enough K.
    """
    located = with_predictors(places).query("status == 'located'")
    rows, predicted = [], []
    for _, own in located.groupby(GROUP, sort=False):
        parts = [(f"d ≥ {SMALLEST_D}", own[own["d"] >= SMALLEST_D], RIVALS, FEWEST)]
        parts += [(f"d = {d}", part, ALONG_K, FEWEST_K) for d, part in own.groupby("d")]
        for extent, part, rivals, fewest in parts:
            if len(part) < fewest:
                continue
            more, shown = rows_of(part.reset_index(drop=True), rivals, extent, confidence)
            only = places.merge(part[[*GROUP, "d"]].drop_duplicates()).query("status != 'located'")
            range_ = {f"{name}s": " ".join(map(str, sorted(set(part[name])))) for name in ("d", "K")}
            rows += [row | {"only_bounds": len(only)} | range_ for row in more]
            predicted += shown
    columns = [*GROUP, "data_source", "extent", "law", "places", "only_bounds", "ds", "Ks"]
    columns += [f"{name}{end}" for name in "cab" for end in ("", "_low", "_high")]
    columns += ["misfit", "p", "rms", "left_out_rms", "aicc", "delta_aicc"]
    return (
        pd.DataFrame(rows).reindex(columns=columns),
        pd.concat(predicted) if predicted else pd.DataFrame(columns=["kind", "extent", "law", "predicted"]),
    )


def readable(laws: pd.DataFrame) -> pd.DataFrame:
    def parameters(row) -> str:
        return ", ".join(
            f"{name} = {row[name]:.3g} [{row[f'{name}_low']:.3g}, {row[f'{name}_high']:.3g}]"
            for name in "cab"
            if not pd.isna(row[name])
        )

    return pd.DataFrame(
        {
            "data": laws["kind"],
            "source": laws["data_source"],
            "bias": laws["bias"].map("{:g}".format),
            "share": laws["convention"],
            "over": laws["extent"],
            "law": laws["law"],
            "parameters": [parameters(row) for row in laws.to_dict("records")],
            "misfit": laws["misfit"].map("{:.3f}".format),
            "p": laws["p"].map("{:.2g}".format),
            "rms": laws["rms"].map("{:.3f}".format),
            "left out": laws["left_out_rms"].map("{:.3f}".format),
            "ΔAICc": laws["delta_aicc"].map("{:.1f}".format),
            "places": laws["places"],
            "bounds": laws["only_bounds"],
        }
    )


NOTES = (
    "N_half as a function of K and D = d + 1. Each place is weighted by its own error and the law's misfit: "
    "the standard deviation in log N by which places lie off the law beyond their errors. Intervals include "
    "the misfit. p: the probability of places as far off if the law were exact. Laws in D are fitted from "
    f"d = {SMALLEST_D} on; the power of K also at single d. rms: residuals in log N of all places; left out: "
    "of each place predicted from the others. ΔAICc: above the best law of the group. bounds: series that "
    "show only one side of the transition and are not fitted.",
    "Without a free parameter: 2 K D / (K + 2), as many half-spaces as twice the unknowns (Wendel); "
    "Σδ = N − ½, statistical dimensions of the neurons' cones; ln 2 / ((3/4)^K − (1/2)^K), covering of "
    "independent samples. Beside covering: 1/N = 1/N_covered + 1/N_law.",
)

if __name__ == "__main__":
    with job(snakemake) as log_file:
        places = pd.read_csv(snakemake.input[0])
        laws, predictions = fit_laws(places, snakemake.params.confidence)
        output = snakemake.output
        formats = {"csv": output.csv, "md": output.md, "tex": output.tex}
        notes = [*NOTES, *stand_in_notes(laws)]
        write_table(laws, readable(laws), formats, "How the transition scales", notes)
        write_csv(output.predictions, predictions)
        for _, best in laws[laws["delta_aicc"] == 0].iterrows():
            log_file.info("%s, bias %g, %s: %s", *(best[name] for name in GROUP), best["law"])
