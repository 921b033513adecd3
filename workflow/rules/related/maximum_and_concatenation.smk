"""Xie et al.: is every minimum of one Maximum-and-Concatenation block at most the linear loss?

In:  config section related.maximum_and_concatenation; the samples are drawn
Out: results/related/maximum_and_concatenation/{network}.npz      runs of the block and of its control
     results/related/maximum_and_concatenation.csv                the same, one table
     results/related/maximum_and_concatenation_summary.csv        counts, and shares above the linear loss
     results/related/maximum_and_concatenation.{png,pdf}
"""


rule train_maximum_concatenation:
    output:
        "results/related/maximum_and_concatenation/{network}.npz",
    log:
        "logs/train_maximum_concatenation/{network}.log",
    wildcard_constraints:
        network="block|control",
    conda:
        "../../envs/relucells.yaml"
    resources:
        mem_mb=500,
        runtime=120,
    params:
        seed=config["seed"],
        settings=WORKS["maximum_and_concatenation"],
        code=code_of("related/maximum_and_concatenation/train_maximum_concatenation"),
    script:
        "../../scripts/related/maximum_and_concatenation/train_maximum_concatenation.py"


rule tabulate_maximum_concatenation:
    input:
        expand(
            "results/related/maximum_and_concatenation/{network}.npz",
            network=["block", "control"],
        ),
    output:
        runs=related_result(
            "Xie et al.",
            "maximum_and_concatenation.csv",
            "maximum_and_concatenation/maximum_and_concatenation_runs",
            "every run",
            "table",
        ),
        summary=related_result(
            "Xie et al.",
            "maximum_and_concatenation_summary.csv",
            "maximum_and_concatenation/maximum_and_concatenation",
            "minima against the linear loss",
            "table",
        ),
        png=related_result(
            "Xie et al.",
            "maximum_and_concatenation.png",
            "maximum_and_concatenation/maximum_and_concatenation",
            "minima against the linear loss",
            "figure",
        ),
        pdf="results/related/maximum_and_concatenation.pdf",
    log:
        "logs/tabulate_maximum_concatenation.log",
    localrule: True
    conda:
        "../../envs/relucells.yaml"
    params:
        confidence=config["confidence"],
        code=code_of("related/maximum_and_concatenation/tabulate_maximum_concatenation"),
    script:
        "../../scripts/related/maximum_and_concatenation/tabulate_maximum_concatenation.py"


rule maximum_and_concatenation:
    input:
        TARGETS["maximum_and_concatenation"],
