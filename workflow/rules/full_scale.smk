"""Genuine minima on every image of two classes, under every sign convention.

In:  data/images/{images}.npz
Out: results/full_scale/{N}/{K}/{bias}/{convention}.npz   decisions with certificates, how each was checked;
                                                          N may be "all"
     results/full_scale/shares (.csv, .md, .tex)
"""

FULL_SCALE_IMAGES = config["full_scale"]["images"]


# The weights are those of the data set that is named like the images. They are the same at every N.
rule decide_full_scale:
    input:
        f"data/images/{FULL_SCALE_IMAGES}.npz",
    output:
        expand(
            "results/full_scale/{N}/{K}/{bias}/{convention}.npz",
            convention=CONVENTIONS,
            allow_missing=True,
        ),
    log:
        "logs/decide_full_scale/{N}/{K}/{bias}.log",
    wildcard_constraints:
        N=r"all|\d+",
        K=r"\d+",
    conda:
        "../envs/relucells.yaml"
    resources:
        mem_mb=lambda wildcards: full_scale_plan.memory(int(wildcards.K)),
        runtime=240,
    params:
        settings={
            key: config["full_scale"][key]
            for key in ("classes", "images", "program_limit", "trials")
        },
        seed=config["seed"],
        draw=config["sample_weights"]["bias"],
        code=code_of("full_scale/decide_full_scale"),
    script:
        "../scripts/full_scale/decide_full_scale.py"


rule tabulate_full_scale:
    input:
        full_scale_plan.decision_files(config["full_scale"]),
    output:
        **table_files(
            "results/full_scale/shares",
            caption="../report/full_scale/full_scale.rst",
            category="Full scale",
            labels={"result": "genuine minima"},
        ),
    log:
        "logs/tabulate_full_scale.log",
    localrule: True
    conda:
        "../envs/relucells.yaml"
    params:
        confidence=config["confidence"],
        code=code_of("full_scale/tabulate_full_scale"),
    script:
        "../scripts/full_scale/tabulate_full_scale.py"


rule full_scale:
    input:
        TARGETS["full_scale"],
