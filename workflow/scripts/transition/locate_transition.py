"""Shares over N of every series, and the N at which each share is one half."""

import numpy as np
import pandas as pd
from map_series import NOT_ASKED, VERDICTS

from relucells.pipeline.job import job, write_csv
from relucells.statistics import wilson
from relucells.transition.half_points import Location, crossing, locate

# The first three are about the cell's minimum: is it genuine with the drawn signs, with some signs, and,
# among covered cells, genuine and by the rank of A global? The last two are facts about the cell.
CONVENTIONS = {
    "sampled": "sampled",
    "exists": "exists",
    "among_covered": "global among covered",
    "full_rank": "full rank",
    "covered": "covered",
}
SETTING = ["kind", "d", "K", "bias"]


def shares(series: dict, result: dict[str, np.ndarray], confidence: float) -> list[dict]:
    """Rows of one series: the share for every convention and N. Undecided cells widen its interval."""
    global_by_rank = np.where(result["full_rank"] == 1, result["sampled"], np.minimum(result["sampled"], 0))
    among = np.where(result["covered"] == 1, global_by_rank, NOT_ASKED)
    result, rows = result | {"among_covered": among}, []
    for key, convention in CONVENTIONS.items():
        for p, N in enumerate(result["N"]):
            asked = result[key][p][result[key][p] != NOT_ASKED]
            if not len(asked):
                continue
            none, genuine, undecided = (int((asked == code).sum()) for code in range(len(VERDICTS)))
            rows.append(
                {
                    **{name: series[name] for name in SETTING},
                    "rank": float(result["rank"][p].mean()),
                    "convention": convention,
                    "N": int(N),
                    "draws": len(asked),
                    "genuine": genuine,
                    "none": none,
                    "undecided": undecided,
                    "share": genuine / len(asked),
                    "share_undecided_genuine": (genuine + undecided) / len(asked),
                    "low": wilson(genuine, len(asked), confidence)[0],
                    "high": wilson(genuine + undecided, len(asked), confidence)[1],
                    "global": float((global_by_rank[p] == 1).mean()) if key == "sampled" else np.nan,
                    "programs": int(result[f"{key}_programs"][p].sum()) if f"{key}_programs" in result else 0,
                    **(levels(result, p, key) if f"{key}_proven" in result else {}),
                    **(proofs(result, p) if key == "exists" else {}),
                    "data_source": str(result["data_source"]),
                }
            )
    return rows


def levels(result: dict[str, np.ndarray], p: int, key: str) -> dict[str, int | str]:
    """How many of the draws' verdicts are proven and how many numerical, and the numbers of the latter."""
    decided = (result[key][p] == VERDICTS.index("none")) | (result[key][p] == VERDICTS.index("genuine"))
    proven = result[f"{key}_proven"][p] == 1
    numerical = np.flatnonzero(decided & ~proven)
    return {
        "proven": int((decided & proven).sum()),
        "numerical": len(numerical),
        "numerical_draws": " ".join(map(str, numerical)),
    }


def proofs(result: dict[str, np.ndarray], p: int) -> dict[str, int]:
    """For draws that ask for some choice of signs: how many are proven genuine, how many proven none, and for
    how many all choices were refuted at once."""
    verdicts, proven = result["exists"][p], result["exists_proven"][p] == 1
    counts = {f"proven_{name}": (verdicts == code) & proven for code, name in enumerate(VERDICTS[:2])}
    counts["at_once"] = (verdicts != NOT_ASKED) & (result["exists_at_once"][p] == 1)
    return {name: int(those.sum()) for name, those in counts.items()}


def place(points: pd.DataFrame, confidence: float) -> tuple[Location, Location]:
    """Where the share is one half with every undecided cell counted as none, and as genuine."""
    none = locate(points["N"], points["genuine"], points["draws"], confidence)
    if not points["undecided"].any():
        return none, none
    return none, locate(points["N"], points["genuine"] + points["undecided"], points["draws"], confidence)


def dimension_crossing(series: dict, result: dict[str, np.ndarray]) -> float:
    """The N at which K times the mean statistical dimension of a neuron's cone is N − ½; nan if none is."""
    total = series["K"] * result["cone_dimension"].mean(axis=1)
    return crossing(result["N"], np.maximum(total, 1e-9), lambda N: N - 0.5)


def status(none: Location, genuine: Location) -> str:
    """``located`` if both fits are. A bound, if one fit has it and the other one does not contradict it."""
    kinds = {none.status, genuine.status}
    if kinds == {"located"} or len(kinds) == 1:
        return none.status
    if kinds == {"located", "above"}:
        return "above"
    return "below" if kinds == {"located", "below"} else "open"


def locations(points: pd.DataFrame, extra: dict, confidence: float) -> list[dict]:
    """Rows of one series: for every convention where its share is one half, or a bound."""
    rows = []
    for convention, own in points.groupby("convention", sort=False):
        none, genuine = place(own, confidence)
        found = status(none, genuine)
        rows.append(
            {
                **{name: own[name].iloc[0] for name in SETTING},
                "convention": convention,
                "status": found,
                "N_half": np.sqrt(none.half * genuine.half) if found == "located" else np.nan,
                "low": none.low,
                "high": genuine.high,
                "N_half_undecided_none": none.half if none.status == "located" else np.nan,
                "N_half_undecided_genuine": genuine.half if genuine.status == "located" else np.nan,
                "resolved": none.resolved and genuine.resolved,
                "draws": int(own["draws"].sum()),
                "undecided": int(own["undecided"].sum()),
                **extra,
                "data_source": own["data_source"].iloc[0],
            }
        )
    return rows


def all_rows(files: list[str], series: list[dict], confidence: float) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Points and locations of every series."""
    points, places = [], []
    for path, entry in zip(files, series, strict=True):
        with np.load(path) as arrays:
            result = dict(arrays)
        rows = shares(entry, result, confidence)
        extra = {"N_dimension": dimension_crossing(entry, result)}
        for key, value in result.items():
            if key.startswith("geometry_"):
                extra[key.removeprefix("geometry_")] = float(value)
        points += rows
        places += locations(pd.DataFrame(rows), extra, confidence)
    return pd.DataFrame(points), pd.DataFrame(places)


if __name__ == "__main__":
    with job(snakemake) as log:
        params = snakemake.params
        points, places = all_rows(snakemake.input, list(params.series.values()), params.confidence)
        write_csv(snakemake.output.points, points)
        write_csv(snakemake.output.locations, places)
        located = (places["status"] == "located").sum()
        log.info("%d series, %d of %d places located", len(params.series), located, len(places))
        log.info("%d of %d cells undecided", points["undecided"].sum(), points["draws"].sum())
        log.info("%d verdicts proven, %d numerical", points["proven"].sum(), points["numerical"].sum())
