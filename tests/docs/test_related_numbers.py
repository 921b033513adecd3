"""Numbers that docs/findings.md states about the related works, against reference/."""

import numpy as np
import pandas as pd
import pytest
from claims import cases, read, settings, to, unsaid

PAGE = "docs/findings.md"


def students() -> pd.DataFrame:
    return read("related/safran_shamir.csv")


def safran_shamir() -> str:
    rows = students()
    (runs,) = set(rows["runs"])
    assert runs == settings()["related"]["safran_shamir"]["runs"]
    found = []
    for extra in (0, 1, 2):
        own = rows[rows["n"] - rows["k"] == extra].sort_values("k")
        found.append(own.set_index("k")["spurious"])
    least, most = found[0].idxmin(), found[0].idxmax()
    families = read("related/safran_shamir_families.csv")
    assert families["certified"].all() and not found[2].any()
    agreement = read("related/safran_shamir_agreement.csv")["verdict"].value_counts()
    assert "differs" not in agreement
    return (
        f"holds. {runs} runs each: {found[0][least]} at k = {least} to {found[0][most]} at k = {most} for n "
        f"= k, {to(found[1].min(), found[1].max())} for n = k + 1, none at n = k + 2; all {len(families)} "
        f"families of minima certified. Against published figures, of 1000 runs each, {agreement['agrees']} "
        f"agree, {agreement['not comparable']} cannot be judged, none differs"
    )


def cells_of_students() -> str:
    """With more samples than weights the criterion sees the teacher, and no spurious minimum."""
    rows = read("related/safran_shamir_cells.csv")
    many = rows[rows["N"] > rows["n"] * rows["k"]]
    teacher = many["minimum"] == "teacher"
    assert (many["genuine"][teacher] == many["draws"][teacher]).all()
    assert not many["genuine"][~teacher].any() and not rows["undecided"].any()
    spurious = rows[rows["minimum"] != "teacher"]
    (draws,) = set(spurious["draws"])
    ends = spurious["end_differentiable"] + spurious["end_non_differentiable"] + spurious["end_other"]
    assert (ends == draws).all()
    return (
        "With more samples than weights the cell of a spurious minimum holds no genuine minimum, while the "
        "teacher's cell does. Descent ends near the spurious minimum, on kinks"
    )


def half_places(d0: int) -> list[float]:
    """For each n: d0·d1 by n where the share of full rank is one half, between two d1 of the map."""
    rows = read("related/jacobian_rank.csv")
    rows = rows[(rows["dtype"] == "float64") & (rows["family"] == "fixed_d0") & (rows["d0"] == d0)]
    places = []
    for n, group in rows.groupby("n"):
        group = group.sort_values("d1")
        share, d1 = group["full_rank_share"].to_numpy(), group["d1"].to_numpy()
        above = np.flatnonzero(share >= 0.5)
        if len(above) and above[0] > 0:
            at = above[0]
            part = (0.5 - share[at - 1]) / (share[at] - share[at - 1])
            places.append(d0 * (d1[at - 1] + part * (d1[at] - d1[at - 1])) / n)
    return places


def jacobian_rank() -> str:
    (first, second), two = half_places(1), half_places(2)
    verdicts = read("related/jacobian_rank_agreement.csv")["verdict"]
    assert (verdicts == "agrees").all()
    return (
        f"In double precision the share is one half at d0·d1 ≈ {to(min(two), max(two))} n for d0 = 2, and "
        f"for d0 = 1 at {first:.0f} n (n = 10) and {second:.0f} n (n = 20), beyond the map at larger n. All "
        f"{len(verdicts)} figures of an earlier re-run agree"
    )


def critical_points() -> str:
    cells, ends = read("related/critical_cells.csv"), read("related/critical_points.csv")
    middle = ["3", "0", "-3"]
    gaussian = ends[(ends["dataset"] == "gaussian_d3_k10") & ends["bias"].isin(middle)]
    kinks = gaussian["class"] == "non-differentiable minimum"
    own = cells[(cells["dataset"] == "gaussian_d3_k10") & cells["bias"].isin(middle)]
    assert not (own["saddle"] == "saddle").any()
    assert not own["closed_cell"].str.contains("minimum").any()
    images = cells[cells["dataset"].isin(["mnist", "cifar10"]) & cells["bias"].isin(["20", *middle])]
    assert (images["saddle"] == "saddle").all()
    cifar = ends[(ends["dataset"] == "cifar10") & ends["bias"].isin(middle)]
    kinks_of_cifar = (cifar["class"] == "non-differentiable minimum").sum()
    return (
        "holds for random cells of Gaussian data; descent there ends in certified *non-differentiable* "
        f"minima ({kinks.sum()} of {len(gaussian)} runs at biases 3, 0, −3). On images every cell with "
        f"active neurons held a saddle, and on CIFAR-10 {kinks_of_cifar} of {len(cifar)} such runs end in a "
        "kink"
    )


def added_neuron() -> str:
    rows = read("related/added_neuron_summary.csv")
    random = rows[rows["starts"] == "random"].set_index(["neuron", "outcome"])
    count, n = random["count"], random["n"]
    assert not count[True, "bad minimum"]
    diverge = count[True, "diverging, to 0"] + count[True, "diverging, above 0"]
    return (
        f"no run with it ended in a bad smooth minimum ({count[False, 'bad minimum']} of "
        f"{n[False, 'bad minimum']} without), but {diverge} of {n[True, 'bad minimum']} diverge, and no more "
        f"reach loss 0: {count[True, 'global minimum']} of {n[True, 'global minimum']} against "
        f"{count[False, 'global minimum']}"
    )


def constructed_minima() -> str:
    """Every constructed bad minimum was left."""
    rows = read("related/added_neuron_summary.csv")
    own = rows[(rows["starts"] == "constructed") & rows["neuron"]].set_index("outcome")["count"]
    assert not own["bad minimum"]
    counterexample = read("related/added_neuron_counterexample.csv")
    assert counterexample["b"].is_monotonic_increasing
    return "no run with the neuron ended in a bad smooth minimum, and every constructed one was left."


def concatenation() -> str:
    rows = read("related/maximum_and_concatenation_summary.csv")
    minima = rows[rows["ending"].isin(["minimum", "minimum at a kink"])]
    count, above = (minima.groupby("network")[name].sum() for name in ("count", "above_linear"))
    assert not above["block"]
    runs = rows.groupby("network")["n"].first()["block"]
    unproved = rows[(rows["network"] == "block") & (rows["ending"] == "not converged")]["count"].sum()
    assert runs == settings()["related"]["maximum_and_concatenation"]["starts"]
    return (
        f"none of the {count['block']} minima proved for the block lies above it; of the control's "
        f"{count['control']} minima {above['control']:.0f} do. {unproved} runs of the block end where "
        "nothing could be proved"
    )


def walls() -> str:
    runs, rows = read("related/local_optimality.csv"), read("related/local_optimality_summary.csv")
    section = settings()["related"]["local_optimality"]
    assert set(rows["runs"]) == {section["runs"]}
    kinds = runs["kind"].value_counts()
    certified = runs[runs["kind"].str.contains("minimum")]
    same = (certified["on_walls"] == certified["point_on_walls"]).sum()
    centre = rows[(rows["d"] == 5) & (rows["K"] == 3)].set_index("N")["mean_on_walls"]
    assert section["centre"] == {"N": 100, "d": 5, "K": 3} and centre.is_monotonic_increasing
    return (
        f"There are {section['runs']} networks for each of {len(rows)} choices of N, d and K, and "
        f"{section['steps']:,} steps of Adam; the work has 200,000. Of {len(runs)} runs, "
        f"{(runs['on_walls'] > 0).sum()} ended with samples on walls, within 1e-5. At "
        f"{kinds['non-differentiable minimum']} ends an exact non-differentiable minimum is certified, at "
        f"{kinds['differentiable minimum']} a differentiable one, and {kinds['not stationary']} were not "
        f"yet stationary. At {same} of the {len(certified)} certified points exactly as many pairs lie on "
        "walls as the threshold counts. Their number grows with N, d and K: at d = 5 and K = 3 from "
        f"{centre[30]:.3g} at N = 30 to {centre[1000]:.3g} at N = 1000 in the mean."
    )


SAID = {
    PAGE: [
        safran_shamir,
        cells_of_students,
        jacobian_rank,
        critical_points,
        added_neuron,
        constructed_minima,
        concatenation,
        walls,
    ]
}


@pytest.mark.parametrize(("page", "says"), cases(SAID))
def test_the_page_says_what_the_reference_says(page, says):
    assert unsaid(page, says()) == []
