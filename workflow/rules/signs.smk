"""Genuine minima under every sign convention: decisions, certificates, descents, one table.

In:  data/subsets/{dataset}.npz, results/trials/{dataset}/{bias}/{trials}/{weights,minima,lp}.npz
Out: results/trials/{dataset}/{bias}/{trials}/decisions/{convention}.npz  for all but positive, which is lp.npz
     results/trials/{dataset}/{bias}/{trials}/verified.npz     how each certificate was checked; bad or global
     results/lower_loss/{dataset}.npz                          a network with the lowest loss known
     results/witnesses/{dataset}/{bias}.npz                    gradient descent from certified minima
     results/tables/genuineness, witnesses (.csv, .md, .tex)
     results/figures/genuineness (.pdf, .png), results/figures/data/genuineness.csv
"""


rule decide_conventions:
    input:
        data="data/subsets/{dataset}.npz",
        weights="results/trials/{dataset}/{bias}/{trials}/weights.npz",
        minima="results/trials/{dataset}/{bias}/{trials}/minima.npz",
    output:
        expand(
            "results/trials/{dataset}/{bias}/{trials}/decisions/{convention}.npz",
            convention=OTHERS,
            allow_missing=True,
        ),
    log:
        "logs/decide_conventions/{dataset}/{bias}/{trials}.log",
    conda:
        "../envs/relucells.yaml"
    resources:
        mem_mb=750,
        runtime=60,
    params:
        settings=config["decide_conventions"],
        code=code_of("signs/decide_conventions"),
    script:
        "../scripts/signs/decide_conventions.py"


rule find_lower_loss:
    input:
        data="data/subsets/{dataset}.npz",
    output:
        "results/lower_loss/{dataset}.npz",
    log:
        "logs/find_lower_loss/{dataset}.log",
    conda:
        "../envs/relucells.yaml"
    resources:
        mem_mb=500,
        runtime=10,
    params:
        settings=config["find_lower_loss"],
        seed=config["seed"],
        K=lambda wildcards: PLAN.datasets[wildcards.dataset]["K"],
        code=code_of("signs/find_lower_loss"),
    script:
        "../scripts/signs/find_lower_loss.py"


rule verify_certificates:
    input:
        data="data/subsets/{dataset}.npz",
        minima="results/trials/{dataset}/{bias}/{trials}/minima.npz",
        decisions=[
            f"results/trials/{{dataset}}/{{bias}}/{{trials}}/{step_of(name)}.npz"
            for name in CONVENTIONS
        ],
        lower="results/lower_loss/{dataset}.npz",
    output:
        "results/trials/{dataset}/{bias}/{trials}/verified.npz",
    log:
        "logs/verify_certificates/{dataset}/{bias}/{trials}.log",
    conda:
        "../envs/relucells.yaml"
    resources:
        mem_mb=1000,
        runtime=30,
    params:
        code=code_of("signs/verify_certificates"),
    script:
        "../scripts/signs/verify_certificates.py"


rule follow_witnesses:
    input:
        data="data/subsets/{dataset}.npz",
        weights=lambda wildcards: PLAN.trial_files(
            wildcards.dataset, wildcards.bias, "weights"
        ),
        sampled=lambda wildcards: PLAN.trial_files(
            wildcards.dataset, wildcards.bias, step_of("sampled")
        ),
        exists=lambda wildcards: PLAN.trial_files(
            wildcards.dataset, wildcards.bias, step_of("exists")
        ),
    output:
        "results/witnesses/{dataset}/{bias}.npz",
    log:
        "logs/follow_witnesses/{dataset}/{bias}.log",
    conda:
        "../envs/relucells.yaml"
    resources:
        mem_mb=500,
        runtime=30,
    params:
        settings=config["follow_witnesses"],
        seed=config["seed"],
        code=code_of("signs/follow_witnesses"),
    script:
        "../scripts/signs/follow_witnesses.py"


rule tabulate_genuineness:
    input:
        **{
            name: PLAN.all_trial_files(PLAN.datasets, step_of(name))
            for name in CONVENTIONS
        },
        printed=here("paper/tables.csv"),
        data=[f"data/subsets/{name}.npz" for name in PLAN.datasets],
        verified=PLAN.all_trial_files(PLAN.datasets, "verified"),
        witnesses=[
            f"results/witnesses/{name}/{bias}.npz"
            for name in PLAN.datasets
            for bias in PLAN.biases(name)
        ],
    output:
        **table_files(
            "results/tables/genuineness",
            "table_",
            caption="../report/signs/genuineness.rst",
            category="Genuine minima",
            labels={"result": "by sign convention"},
        ),
        **table_files(
            "results/tables/witnesses",
            "descent_",
            caption="../report/signs/witnesses.rst",
            category="Genuine minima",
            labels={"result": "gradient descent"},
        ),
    log:
        "logs/tabulate_genuineness.log",
    localrule: True
    conda:
        "../envs/relucells.yaml"
    params:
        datasets=PLAN.datasets,
        others=other_rows(config, PLAN.datasets),
        confidence=config["confidence"],
        code=code_of("signs/tabulate_genuineness"),
    script:
        "../scripts/signs/tabulate_genuineness.py"


rule plot_genuineness:
    input:
        "results/tables/genuineness.csv",
    output:
        **picture_files(
            "results/figures/genuineness",
            caption="../report/signs/genuineness_figure.rst",
            category="Genuine minima",
            labels={"result": "by sign convention"},
        ),
        csv="results/figures/data/genuineness.csv",
    log:
        "logs/plot_genuineness.log",
    localrule: True
    conda:
        "../envs/relucells.yaml"
    params:
        code=code_of("signs/plot_genuineness"),
    script:
        "../scripts/signs/plot_genuineness.py"
