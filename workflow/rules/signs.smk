"""Genuine minima under every sign convention: decisions, certificates, what descent does, one table.

In:  data/subsets/{dataset}.npz, results/trials/{dataset}/{bias}/{trials}/{weights,minima,lp}.npz
Out: results/trials/{dataset}/{bias}/{trials}/conventions.npz  decisions for uniform, sampled, exists
     results/trials/{dataset}/{bias}/{trials}/verified.npz     how each certificate was checked; bad or global
     results/lower_loss/{dataset}.npz                          a network with the lowest loss known
     results/witnesses/{dataset}/{bias}.npz                    gradient descent from certified minima
     results/tables/genuineness, witnesses (.csv, .md, .tex)
     results/figures/genuineness (.pdf, .png), results/figures/data/genuineness.csv
"""

BEYOND += expand(
    "results/tables/{table}.{format}",
    table=["genuineness", "witnesses"],
    format=["csv", "md", "tex"],
)
BEYOND += expand("results/figures/genuineness.{format}", format=["pdf", "png"])


rule decide_conventions:
    input:
        data="data/subsets/{dataset}.npz",
        weights="results/trials/{dataset}/{bias}/{trials}/weights.npz",
        minima="results/trials/{dataset}/{bias}/{trials}/minima.npz",
    output:
        "results/trials/{dataset}/{bias}/{trials}/conventions.npz",
    log:
        "logs/decide_conventions/{dataset}/{bias}/{trials}.log",
    conda:
        "../envs/relucells.yaml"
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
    params:
        settings=config["find_lower_loss"],
        seed=config["seed"],
        K=lambda wildcards: DATASETS[wildcards.dataset]["K"],
        code=code_of("signs/find_lower_loss"),
    script:
        "../scripts/signs/find_lower_loss.py"


rule verify_certificates:
    input:
        data="data/subsets/{dataset}.npz",
        minima="results/trials/{dataset}/{bias}/{trials}/minima.npz",
        lp="results/trials/{dataset}/{bias}/{trials}/lp.npz",
        conventions="results/trials/{dataset}/{bias}/{trials}/conventions.npz",
        lower="results/lower_loss/{dataset}.npz",
    output:
        "results/trials/{dataset}/{bias}/{trials}/verified.npz",
    log:
        "logs/verify_certificates/{dataset}/{bias}/{trials}.log",
    conda:
        "../envs/relucells.yaml"
    params:
        code=code_of("signs/verify_certificates"),
    script:
        "../scripts/signs/verify_certificates.py"


rule follow_witnesses:
    input:
        data="data/subsets/{dataset}.npz",
        weights=lambda wildcards: trial_files(
            wildcards.dataset, wildcards.bias, "weights"
        ),
        lp=lambda wildcards: trial_files(wildcards.dataset, wildcards.bias, "lp"),
        conventions=lambda wildcards: trial_files(
            wildcards.dataset, wildcards.bias, "conventions"
        ),
    output:
        "results/witnesses/{dataset}/{bias}.npz",
    log:
        "logs/follow_witnesses/{dataset}/{bias}.log",
    conda:
        "../envs/relucells.yaml"
    params:
        settings=config["follow_witnesses"],
        seed=config["seed"],
        code=code_of("signs/follow_witnesses"),
    script:
        "../scripts/signs/follow_witnesses.py"


rule tabulate_genuineness:
    input:
        printed=here("paper/tables.csv"),
        data=[f"data/subsets/{name}.npz" for name in DATASETS],
        lp=[file for name in DATASETS for file in all_trial_files(name, "lp")],
        conventions=[
            file for name in DATASETS for file in all_trial_files(name, "conventions")
        ],
        verified=[
            file for name in DATASETS for file in all_trial_files(name, "verified")
        ],
        witnesses=[
            f"results/witnesses/{name}/{bias}.npz"
            for name in DATASETS
            for bias in biases_of(name)
        ],
    output:
        table_csv=report(
            "results/tables/genuineness.csv",
            caption="../report/signs/genuineness.rst",
            category="Genuine minima",
            labels={"result": "by sign convention", "format": "csv"},
        ),
        table_md=report(
            "results/tables/genuineness.md",
            caption="../report/signs/genuineness.rst",
            category="Genuine minima",
            labels={"result": "by sign convention", "format": "md"},
        ),
        table_tex=report(
            "results/tables/genuineness.tex",
            caption="../report/signs/genuineness.rst",
            category="Genuine minima",
            labels={"result": "by sign convention", "format": "tex"},
        ),
        descent_csv=report(
            "results/tables/witnesses.csv",
            caption="../report/signs/witnesses.rst",
            category="Genuine minima",
            labels={"result": "gradient descent", "format": "csv"},
        ),
        descent_md=report(
            "results/tables/witnesses.md",
            caption="../report/signs/witnesses.rst",
            category="Genuine minima",
            labels={"result": "gradient descent", "format": "md"},
        ),
        descent_tex=report(
            "results/tables/witnesses.tex",
            caption="../report/signs/witnesses.rst",
            category="Genuine minima",
            labels={"result": "gradient descent", "format": "tex"},
        ),
    log:
        "logs/tabulate_genuineness.log",
    conda:
        "../envs/relucells.yaml"
    params:
        datasets=DATASETS,
        level=config["level"],
        code=code_of("signs/tabulate_genuineness"),
    script:
        "../scripts/signs/tabulate_genuineness.py"


rule plot_genuineness:
    input:
        "results/tables/genuineness.csv",
    output:
        csv="results/figures/data/genuineness.csv",
        pdf=report(
            "results/figures/genuineness.pdf",
            caption="../report/signs/genuineness_figure.rst",
            category="Genuine minima",
            labels={"result": "by sign convention", "format": "pdf"},
        ),
        png=report(
            "results/figures/genuineness.png",
            caption="../report/signs/genuineness_figure.rst",
            category="Genuine minima",
            labels={"result": "by sign convention", "format": "png"},
        ),
    log:
        "logs/plot_genuineness.log",
    conda:
        "../envs/relucells.yaml"
    params:
        code=code_of("signs/plot_genuineness"),
    script:
        "../scripts/signs/plot_genuineness.py"
