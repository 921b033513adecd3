"""The related works: which experiments the config asks for, and their files."""

from collections.abc import Iterable, Mapping
from typing import Any

from relucells.pipeline.plan import Plan

FOLDER = "results/related"


def students(section: Mapping[str, Any]) -> list[tuple[int, int]]:
    """(k, n) of Safran and Shamir: teacher's and student's neurons."""
    return [(k, k + extra) for extra in section["extra_neurons"] for k in section["k"]]


def students_in_cells(section: Mapping[str, Any]) -> list[tuple[int, int]]:
    """Those (k, n) to whose minima the cell criterion is applied."""
    possible = students(section)
    return [(k, n) for k, n in section["cells"]["students"] if (k, n) in possible]


def student_files(name: str, pairs: Iterable[tuple[int, int]]) -> list[str]:
    """One step's file of each (k, n)."""
    return [f"{FOLDER}/safran_shamir/{k}_{n}/{name}.npz" for k, n in pairs]


def rank_maps(section: Mapping[str, Any]) -> dict[str, list]:
    """The heat maps of Karhadkar et al.: the d0, or the ratios d0 / n, of each family."""
    return {
        "fixed_d0": section["fixed_d0"]["d0"],
        "proportional_d0": section["proportional_d0"]["ratio"],
    }


def rank_grid(section: Mapping[str, Any], family: str) -> dict[str, Any]:
    """n, d1 and trials of a family's heat maps."""
    return {"n": section[family]["n"], "d1": section[family]["d1"], "trials": section["trials"]}


def wall_cases(section: Mapping[str, Any]) -> list[list[int]]:
    """[N, d, K] of Yun, Sra and Jadbabaie's experiment: each varied alone about the centre."""
    cases = []
    for name in ("N", "d", "K"):
        for value in section[name]:
            case = section["centre"] | {name: value}
            cases.append([case["N"], case["d"], case["K"]])
    return sorted(map(list, {tuple(case) for case in cases}))


def wall_files(section: Mapping[str, Any]) -> list[str]:
    """The runs of each of them."""
    return [f"{FOLDER}/local_optimality/{N}_{d}_{K}/runs.npz" for N, d, K in wall_cases(section)]


def critical_groups(plan: Plan) -> list[tuple[str, str]]:
    """(data set, bias) whose critical points are searched.

    Data sets that the config leaves out are no error.
    """
    names = plan.config["related"]["critical_points"]["datasets"]
    return [(name, bias) for name in names if name in plan.datasets for bias in plan.biases(name)]


def critical_files(plan: Plan, step: str) -> list[str]:
    """``cells`` or ``ends`` of each of them."""
    return [f"{FOLDER}/critical_points/{name}/{bias}/{step}.npz" for name, bias in critical_groups(plan)]


def critical_weights(plan: Plan, dataset: str, bias: str) -> list[str]:
    """The blocks of drawn weights that hold the trials in question."""
    section = plan.config["related"]["critical_points"]
    trials = max(section[part]["trials"] for part in ("cells", "descents"))
    enough = -(-trials // plan.config["trials_per_job"])
    return plan.trial_files(dataset, bias, "weights")[:enough]
