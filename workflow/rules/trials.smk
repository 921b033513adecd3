"""Four steps for each data set, bias and block of trials.

In:  data/subsets/{dataset}.npz                               X (N, d+1), y (N,), data_source
Out: results/trials/{dataset}/{bias}/{trials}/weights.npz     the drawn w and z
     results/trials/{dataset}/{bias}/{trials}/minima.npz      activation patterns, minima, gaps
     results/trials/{dataset}/{bias}/{trials}/lp.npz          is the minimum in its cell? certificates
     results/trials/{dataset}/{bias}/{trials}/gd.npz          where gradient descent goes from the draw
"""


rule sample_weights:
    input:
        data="data/subsets/{dataset}.npz",
    output:
        "results/trials/{dataset}/{bias}/{trials}/weights.npz",
    log:
        "logs/sample_weights/{dataset}/{bias}/{trials}.log",
    localrule: True
    conda:
        "../envs/relucells.yaml"
    params:
        settings=config["sample_weights"],
        seed=config["seed"],
        K=lambda wildcards: PLAN.datasets[wildcards.dataset]["K"],
        code=code_of("trials/sample_weights"),
    script:
        "../scripts/trials/sample_weights.py"


rule solve_minima:
    input:
        data="data/subsets/{dataset}.npz",
        weights="results/trials/{dataset}/{bias}/{trials}/weights.npz",
    output:
        "results/trials/{dataset}/{bias}/{trials}/minima.npz",
    log:
        "logs/solve_minima/{dataset}/{bias}/{trials}.log",
    conda:
        "../envs/relucells.yaml"
    resources:
        mem_mb=500,
        runtime=10,
    params:
        code=code_of("trials/solve_minima"),
    script:
        "../scripts/trials/solve_minima.py"


rule lp_check:
    input:
        data="data/subsets/{dataset}.npz",
        minima="results/trials/{dataset}/{bias}/{trials}/minima.npz",
    output:
        "results/trials/{dataset}/{bias}/{trials}/lp.npz",
    log:
        "logs/lp_check/{dataset}/{bias}/{trials}.log",
    conda:
        "../envs/relucells.yaml"
    resources:
        mem_mb=750,
        runtime=60,
    params:
        settings=config["lp_check"],
        code=code_of("trials/lp_check"),
    script:
        "../scripts/trials/lp_check.py"


rule gd_verify:
    input:
        data="data/subsets/{dataset}.npz",
        weights="results/trials/{dataset}/{bias}/{trials}/weights.npz",
    output:
        "results/trials/{dataset}/{bias}/{trials}/gd.npz",
    log:
        "logs/gd_verify/{dataset}/{bias}/{trials}.log",
    conda:
        "../envs/relucells.yaml"
    resources:
        mem_mb=500,
        runtime=30,
    params:
        settings=config["gd_verify"],
        code=code_of("trials/gd_verify"),
    script:
        "../scripts/trials/gd_verify.py"
