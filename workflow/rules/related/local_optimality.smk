"""Yun, Sra and Jadbabaie: do samples lie on walls where training converges, and what is that point?

In:  config section related.local_optimality; the samples are drawn
Out: results/related/local_optimality/{N}_{d}_{K}/{runs,certificates}.npz
     results/related/local_optimality.csv            every run
     results/related/local_optimality_summary.csv    shares with intervals, over N, d and K
     results/related/local_optimality.{png,pdf}
"""

LOCAL_OPTIMALITY = WORKS["local_optimality"]


rule train_to_walls:
    output:
        runs="results/related/local_optimality/{N}_{d}_{K}/runs.npz",
        certificates="results/related/local_optimality/{N}_{d}_{K}/certificates.npz",
    log:
        "logs/train_to_walls/{N}_{d}_{K}.log",
    wildcard_constraints:
        N=r"\d+",
        d=r"\d+",
        K=r"\d+",
    conda:
        "../../envs/relucells.yaml"
    resources:
        mem_mb=500,
        runtime=120,
    params:
        seed=config["seed"],
        settings={
            key: LOCAL_OPTIMALITY[key]
            for key in (
                "decay",
                "max_cells",
                "near",
                "near_wall",
                "runs",
                "step",
                "steps",
            )
        },
        code=code_of("related/local_optimality/train_to_walls"),
    script:
        "../../scripts/related/local_optimality/train_to_walls.py"


rule tabulate_local_optimality:
    input:
        runs=related_plan.wall_files(LOCAL_OPTIMALITY),
    output:
        runs=related_result(
            "Yun, Sra and Jadbabaie",
            "local_optimality.csv",
            "local_optimality/local_optimality_runs",
            "every run",
            "table",
        ),
        summary=related_result(
            "Yun, Sra and Jadbabaie",
            "local_optimality_summary.csv",
            "local_optimality/local_optimality",
            "samples on walls, kinds of end points",
            "table",
        ),
        png=related_result(
            "Yun, Sra and Jadbabaie",
            "local_optimality.png",
            "local_optimality/local_optimality",
            "samples on walls, kinds of end points",
            "figure",
        ),
        pdf="results/related/local_optimality.pdf",
    log:
        "logs/tabulate_local_optimality.log",
    localrule: True
    conda:
        "../../envs/relucells.yaml"
    params:
        cases=related_plan.wall_cases(LOCAL_OPTIMALITY),
        centre=LOCAL_OPTIMALITY["centre"],
        confidence=config["confidence"],
        code=code_of("related/local_optimality/tabulate_local_optimality"),
    script:
        "../../scripts/related/local_optimality/tabulate_local_optimality.py"


rule local_optimality:
    input:
        TARGETS["local_optimality"],
