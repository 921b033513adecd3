"""Liu, Part 1: saddles and non-differentiable minima, in random cells and at the end of descent.

In:  data/subsets/{dataset}.npz, results/trials/{dataset}/{bias}/{trials}/weights.npz
Out: results/related/critical_points/{dataset}/{bias}/{cells,ends,certificates}.npz
     results/related/critical_points.csv           the end of each descent, with its evidence
     results/related/critical_cells.csv            what each cell holds, with its evidence
     results/related/critical_points_summary.csv   shares with intervals, losses
     results/related/critical_points.{png,pdf}
"""

CRITICAL_POINTS = WORKS["critical_points"]


rule find_critical_points:
    input:
        data="data/subsets/{dataset}.npz",
        weights=lambda wildcards: related_plan.critical_weights(
            PLAN, wildcards.dataset, wildcards.bias
        ),
    output:
        cells="results/related/critical_points/{dataset}/{bias}/cells.npz",
        ends="results/related/critical_points/{dataset}/{bias}/ends.npz",
        certificates="results/related/critical_points/{dataset}/{bias}/certificates.npz",
    log:
        "logs/find_critical_points/{dataset}/{bias}.log",
    conda:
        "../../envs/relucells.yaml"
    resources:
        mem_mb=500,
        runtime=120,
    params:
        cells=CRITICAL_POINTS["cells"],
        descents=CRITICAL_POINTS["descents"],
        code=code_of("related/critical_points/find_critical_points"),
    script:
        "../../scripts/related/critical_points/find_critical_points.py"


rule tabulate_critical_points:
    input:
        cells=related_plan.critical_files(PLAN, "cells"),
        ends=related_plan.critical_files(PLAN, "ends"),
    output:
        points=related_result(
            "Liu, Part 1",
            "critical_points.csv",
            "critical_points/critical_points",
            "where descent ends, run by run",
            "table",
        ),
        cells=related_result(
            "Liu, Part 1",
            "critical_cells.csv",
            "critical_points/critical_cells",
            "what random cells hold, cell by cell",
            "table",
        ),
        summary=related_result(
            "Liu, Part 1",
            "critical_points_summary.csv",
            "critical_points/critical_points_summary",
            "saddles and minima, shares",
            "table",
        ),
        png=related_result(
            "Liu, Part 1",
            "critical_points.png",
            "critical_points/critical_points_summary",
            "saddles and minima, shares",
            "figure",
        ),
        pdf="results/related/critical_points.pdf",
    log:
        "logs/tabulate_critical_points.log",
    localrule: True
    conda:
        "../../envs/relucells.yaml"
    params:
        groups=[list(key) for key in related_plan.critical_groups(PLAN)],
        confidence=config["confidence"],
        code=code_of("related/critical_points/tabulate_critical_points"),
    script:
        "../../scripts/related/critical_points/tabulate_critical_points.py"


rule critical_points:
    input:
        TARGETS["critical_points"],
