"""The atlas: the whole landscape of two neurons on one-dimensional inputs, and slices of larger ones.

In:  config alone (section atlas), or the npz file that it names; for the slices a draw of every bias
Out: results/atlas/landscape.npz, descents.npz     every cell with its decisions; runs of gradient descent
     results/atlas/{cells,minima,descents,summary}.csv, findings.json (what they say, in sentences)
     results/figures/atlas.{pdf,png}
     results/figures/atlas_slices.{pdf,png}, results/figures/data/atlas_slices.csv
     results/atlas.html                            the interactive page
"""

SLICED = config["atlas"]["slices"]["dataset"]


rule survey_landscape:
    output:
        landscape="results/atlas/landscape.npz",
        cells="results/atlas/cells.csv",
        minima="results/atlas/minima.csv",
    log:
        "logs/survey_landscape.log",
    conda:
        "../envs/relucells.yaml"
    resources:
        mem_mb=500,
        runtime=60,
    params:
        seed=config["seed"],
        N=config["atlas"]["N"],
        # A user's file is no input: its content counts and not its date.
        own=lambda wildcards: PLAN.atlas_file,
        code=code_of("atlas/survey_landscape"),
    script:
        "../scripts/atlas/survey_landscape.py"


rule descend_landscape:
    input:
        landscape="results/atlas/landscape.npz",
    output:
        runs="results/atlas/descents.npz",
        descents="results/atlas/descents.csv",
        summary=report(
            "results/atlas/summary.csv",
            caption="../report/atlas/summary.rst",
            category="Atlas",
            labels={"result": "cells and descents in numbers", "format": "csv"},
        ),
        findings="results/atlas/findings.json",
    log:
        "logs/descend_landscape.log",
    conda:
        "../envs/relucells.yaml"
    resources:
        mem_mb=500,
        runtime=60,
    params:
        settings=config["atlas"]["descent"],
        code=code_of("atlas/descend_landscape"),
    script:
        "../scripts/atlas/descend_landscape.py"


rule plot_atlas:
    input:
        landscape="results/atlas/landscape.npz",
        runs="results/atlas/descents.npz",
    output:
        report(
            "results/figures/atlas.pdf",
            caption="../report/atlas/atlas.rst",
            category="Atlas",
            labels={"result": "every cell of two neurons", "format": "pdf"},
        ),
        report(
            "results/figures/atlas.png",
            caption="../report/atlas/atlas.rst",
            category="Atlas",
            labels={"result": "every cell of two neurons", "format": "png"},
        ),
    log:
        "logs/plot_atlas.log",
    localrule: True
    conda:
        "../envs/relucells.yaml"
    params:
        code=code_of("atlas/plot_atlas"),
    script:
        "../scripts/atlas/plot_atlas.py"


rule write_atlas:
    input:
        landscape="results/atlas/landscape.npz",
        runs="results/atlas/descents.npz",
        summary="results/atlas/summary.csv",
        findings="results/atlas/findings.json",
        cells="results/atlas/cells.csv",
        minima="results/atlas/minima.csv",
        picture="results/figures/atlas.png",
        template=here("workflow/report/atlas/atlas.html.jinja"),
        style=here("workflow/report/atlas/atlas.css"),
        program=here("workflow/report/atlas/atlas.js"),
    output:
        report(
            "results/atlas.html",
            caption="../report/atlas/page.rst",
            category="Atlas",
            labels={"result": "the interactive page", "format": "html"},
        ),
    log:
        "logs/write_atlas.log",
    localrule: True
    conda:
        "../envs/relucells.yaml"
    params:
        code=code_of("atlas/write_atlas"),
    script:
        "../scripts/atlas/write_atlas.py"


rule slice_draws:
    input:
        data=f"data/subsets/{SLICED}.npz",
        weights=[
            PLAN.trial_files(SLICED, bias, "weights")[0] for bias in PLAN.sliced_biases
        ],
    output:
        **picture_files(
            "results/figures/atlas_slices",
            caption="../report/atlas/slices.rst",
            category="Atlas",
            labels={"result": "slices through draws"},
        ),
        data="results/figures/data/atlas_slices.csv",
    log:
        "logs/slice_draws.log",
    conda:
        "../envs/relucells.yaml"
    resources:
        mem_mb=500,
        runtime=60,
    params:
        settings={
            key: value
            for key, value in config["atlas"]["slices"].items()
            if key != "dataset"
        },
        biases=PLAN.sliced_biases,
        code=code_of("atlas/slice_draws"),
    script:
        "../scripts/atlas/slice_draws.py"
