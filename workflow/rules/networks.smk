"""Trained networks examined: a user's own, and where the pipeline's own descents come to.

In:  config sections `networks`, `examine_network`; the files that `networks` names; draws of weights
Out: data/networks/{network}.npz                          X, y, W, z and what else the network has
     results/networks/{network}/found.json, page.html     what it is, as data and as a page
     results/networks/{network}/slice.{pdf,png}           a plane through it, with the cells that it meets
     results/networks/{network}/certificates/             for check_certificate.py
     results/networks/networks.{csv,md,tex}               a row for each network
     results/networks/descents/{dataset}/{bias}.json      ends of gradient descent, examined the same way
     results/networks/descents.{csv,md,tex}               how many of them are what
"""


# The only rule here that needs PyTorch, because it reads state dicts.
rule read_network:
    output:
        "data/networks/{network}.npz",
    log:
        "logs/read_network/{network}.log",
    localrule: True
    conda:
        "../envs/images.yaml"
    params:
        # A user's files are no input: their content counts and not their dates.
        own=lambda wildcards: PLAN.network_files(wildcards.network),
        code=code_of("networks/read_network"),
    script:
        "../scripts/networks/read_network.py"


rule examine_network:
    input:
        "data/networks/{network}.npz",
    output:
        **picture_files(
            "results/networks/{network}/slice",
            caption="../report/networks/slice.rst",
            category="Networks",
            labels={"network": "{network}", "result": "slice through its cells"},
        ),
        found="results/networks/{network}/found.json",
        certificates=directory("results/networks/{network}/certificates"),
        page=report(
            "results/networks/{network}/page.html",
            caption="../report/networks/page.rst",
            category="Networks",
            labels={"network": "{network}", "result": "page"},
        ),
    log:
        "logs/examine_network/{network}.log",
    conda:
        "../envs/relucells.yaml"
    resources:
        mem_mb=500,
        runtime=60,
    params:
        settings=config["examine_network"]["settings"],
        lines=config["examine_network"]["lines"],
        seed=config["seed"],
        code=code_of("networks/examine_network"),
    script:
        "../scripts/networks/examine_network.py"


rule examine_descents:
    input:
        data="data/subsets/{dataset}.npz",
        weights=lambda wildcards: PLAN.trial_files(
            wildcards.dataset, wildcards.bias, "weights"
        )[0],
    output:
        "results/networks/descents/{dataset}/{bias}.json",
    log:
        "logs/examine_descents/{dataset}/{bias}.log",
    conda:
        "../envs/relucells.yaml"
    resources:
        mem_mb=500,
        runtime=60,
    params:
        settings=config["examine_network"]["settings"],
        descents={
            key: config["examine_network"]["descents"][key]
            for key in ("trials", "max_steps")
        },
        seed=config["seed"],
        code=code_of("networks/examine_descents"),
    script:
        "../scripts/networks/examine_descents.py"


rule tabulate_networks:
    input:
        expand("results/networks/{network}/found.json", network=PLAN.networks),
    output:
        **table_files(
            "results/networks/networks",
            caption="../report/networks/networks.rst",
            category="Networks",
            labels={"result": "your networks"},
        ),
    log:
        "logs/tabulate_networks.log",
    localrule: True
    conda:
        "../envs/relucells.yaml"
    params:
        networks=PLAN.networks,
        code=code_of("networks/tabulate_networks"),
    script:
        "../scripts/networks/tabulate_networks.py"


rule tabulate_descents:
    input:
        PLAN.examined_descents,
    output:
        **table_files(
            "results/networks/descents",
            caption="../report/networks/descents.rst",
            category="Networks",
            labels={"result": "ends of gradient descent"},
        ),
    log:
        "logs/tabulate_descents.log",
    localrule: True
    conda:
        "../envs/relucells.yaml"
    params:
        code=code_of("networks/tabulate_descents"),
    script:
        "../scripts/networks/tabulate_descents.py"


rule networks:
    input:
        TARGETS["networks"],
