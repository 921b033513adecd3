"""Which files each target asks for. A new result joins the list of its target here."""

from collections.abc import Iterable

from relucells.pipeline.paper import FIGURES
from relucells.pipeline.plan import Plan
from relucells.pipeline.related_plan import critical_groups, rank_maps

TABLE = ("csv", "md", "tex")
PICTURE = ("pdf", "png")
READING_FIGURES = ("weights", "sign", "data", "diameters", "images", "open")


def targets(plan: Plan) -> dict[str, list[str]]:
    """The files of every target by its name."""
    found = {
        "paper": _paper(plan),
        "beyond": [
            *_files("results/tables", ["genuineness", "witnesses"], TABLE),
            *_files("results/figures", ["genuineness"], PICTURE),
        ],
        **_related(plan),
        "transition": [
            *_files(
                "results/transition",
                ["points", "locations", "laws", "kinds", "orders", "brackets"],
                ["csv"],
            ),
            *_files("results/transition", ["laws", "orders"], ["md", "tex"]),
            *_files("results/transition", ["map", "law", "kinds", "brackets"], PICTURE),
            *_files("results/transition/data", ["map", "law", "kinds"], ["csv"]),
        ],
        "full_scale": _files("results/full_scale", ["shares"], TABLE),
        "atlas": [
            *_files("results/figures", ["atlas"], PICTURE),
            *_files("results/atlas", ["cells", "minima", "descents", "summary"], ["csv"]),
            "results/atlas.html",
            *_slices(plan),
        ],
        "networks": _networks(plan),
    }
    works = [file for work in plan.config["related"] for file in found[work]]
    found["related"] = works
    parts = ("paper", "beyond", "related", "transition", "full_scale", "atlas", "networks")
    found["everything"] = [file for part in parts for file in found[part]]
    return found


def _paper(plan: Plan) -> list[str]:
    return [
        *_files("results/tables", plan.tables, TABLE),
        "results/activations.csv",
        "results/comparison.csv",
        *_files("results/figures", [f"figure_{figure}" for figure in FIGURES], PICTURE),
        "results/figures/data/figure_2_checks.csv",
        *_files("results/tables", ["table_6", "cell_counts", "readings"], TABLE),
        *_files(
            "results/figures", ["table_6_tail", *(f"readings_{name}" for name in READING_FIGURES)], PICTURE
        ),
        "results/diameters/repeated_means.csv",
        "results/readings.csv",
        *_files("results/figures", ["comparison"], PICTURE),
        "results/provenance.csv",
        "results/costs.csv",
        "results/report.html",
    ]


def _slices(plan: Plan) -> list[str]:
    """Slices through draws of a data set, if the config has it."""
    if plan.config["atlas"]["slices"]["dataset"] not in plan.datasets:
        return []
    return [*_files("results/figures", ["atlas_slices"], PICTURE), "results/figures/data/atlas_slices.csv"]


def _networks(plan: Plan) -> list[str]:
    """Each network of the user's own, their table, and that of the ends of descent."""
    folder = "results/networks"
    own = [
        path
        for name in plan.networks
        for path in (
            f"{folder}/{name}/found.json",
            f"{folder}/{name}/page.html",
            *_files(f"{folder}/{name}", ["slice"], PICTURE),
        )
    ]
    tables = [name for name, files in (("networks", own), ("descents", plan.examined_descents)) if files]
    return [*_files(folder, tables, TABLE), *own]


def _related(plan: Plan) -> dict[str, list[str]]:
    """Every related work is a target of its own."""
    folder = "results/related"
    maps = [f"jacobian_rank_{family}" for family in rank_maps(plan.config["related"]["jacobian_rank"])]
    critical = [
        *_files(folder, ["critical_points", "critical_cells", "critical_points_summary"], ["csv"]),
        *_files(folder, ["critical_points"], PICTURE),
    ]
    concatenation = "maximum_and_concatenation"
    return {
        "safran_shamir": [
            *_files(
                folder,
                [f"safran_shamir{part}" for part in ("", "_families", "_agreement", "_cells")],
                ["csv"],
            ),
            *_files(folder, ["safran_shamir", "safran_shamir_cells"], PICTURE),
        ],
        "jacobian_rank": [
            *_files(folder, ["jacobian_rank", "jacobian_rank_agreement", "uniform_regions"], ["csv"]),
            *_files(folder, [*maps, "uniform_regions"], PICTURE),
        ],
        "critical_points": critical if critical_groups(plan) else [],
        "added_neuron": [
            *_files(folder, [f"added_neuron{part}" for part in ("", "_summary", "_counterexample")], ["csv"]),
            *_files(folder, ["added_neuron"], PICTURE),
        ],
        "local_optimality": [
            *_files(folder, ["local_optimality", "local_optimality_summary"], ["csv"]),
            *_files(folder, ["local_optimality"], PICTURE),
        ],
        concatenation: [
            *_files(folder, [concatenation, f"{concatenation}_summary"], ["csv"]),
            *_files(folder, [concatenation], PICTURE),
        ],
    }


def _files(folder: str, names: Iterable[str], formats: Iterable[str]) -> list[str]:
    formats = list(formats)
    return [f"{folder}/{name}.{suffix}" for name in names for suffix in formats]
