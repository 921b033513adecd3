"""Liang, Sun, Lee and Srikant: one exponential neuron against all bad minima, and its counterexample.

In:  config section related.added_neuron; the samples are drawn
Out: results/related/added_neuron/{network}.npz    runs with and without the neuron
     results/related/added_neuron.csv              the same, one table
     results/related/added_neuron_summary.csv      shares of the endings
     results/related/added_neuron_counterexample.csv   Sohl-Dickstein and Kawaguchi's objective
     results/related/added_neuron.{png,pdf}
"""

ADDED_NEURON = WORKS["added_neuron"]


rule train_added_neuron:
    output:
        "results/related/added_neuron/{network}.npz",
    log:
        "logs/train_added_neuron/{network}.log",
    wildcard_constraints:
        network="with|without",
    conda:
        "../../envs/relucells.yaml"
    resources:
        mem_mb=500,
        runtime=120,
    params:
        seed=config["seed"],
        data_sets=ADDED_NEURON["data_sets"],
        settings={
            key: ADDED_NEURON[key]
            for key in ("K", "N", "max_steps", "ridge", "starts")
        },
        code=code_of("related/added_neuron/train_added_neuron"),
    script:
        "../../scripts/related/added_neuron/train_added_neuron.py"


rule tabulate_added_neuron:
    input:
        expand(
            "results/related/added_neuron/{network}.npz", network=["without", "with"]
        ),
    output:
        runs=related_result(
            "Liang et al.",
            "added_neuron.csv",
            "added_neuron/added_neuron_runs",
            "every run",
            "table",
        ),
        summary=related_result(
            "Liang et al.",
            "added_neuron_summary.csv",
            "added_neuron/added_neuron",
            "endings, shares",
            "table",
        ),
        counterexample=related_result(
            "Liang et al.",
            "added_neuron_counterexample.csv",
            "added_neuron/added_neuron_counterexample",
            "the counterexample",
            "table",
        ),
        png=related_result(
            "Liang et al.",
            "added_neuron.png",
            "added_neuron/added_neuron",
            "endings, shares",
            "figure",
        ),
        pdf="results/related/added_neuron.pdf",
    log:
        "logs/tabulate_added_neuron.log",
    localrule: True
    conda:
        "../../envs/relucells.yaml"
    params:
        confidence=config["confidence"],
        ridge=ADDED_NEURON["ridge"],
        runaway_steps=ADDED_NEURON["runaway_steps"],
        code=code_of("related/added_neuron/tabulate_added_neuron"),
    script:
        "../../scripts/related/added_neuron/tabulate_added_neuron.py"


rule added_neuron:
    input:
        TARGETS["added_neuron"],
