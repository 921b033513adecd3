"""Figures 1 to 3: one-dimensional Gaussian data, where everything can be computed.

In:  config alone (sections figure_1, figure_2, figure_3)
Out: results/figures/data/figure_{1,2a…2e,3a…3d}.csv    the numbers behind each figure
     results/figures/data/figure_2_checks.csv           the text's claims, eqs. (14), (16), (18), (20)
     results/figures/figure_{1,2a…2e,3a…3d}.{pdf,png}
"""


rule compute_figure_1:
    output:
        "results/figures/data/figure_1.csv",
    log:
        "logs/compute_figure_1.log",
    localrule: True
    conda:
        "../envs/relucells.yaml"
    params:
        settings=config["figure_1"],
        code=code_of("figures/compute_figure_1"),
    script:
        "../scripts/figures/compute_figure_1.py"


rule compute_figure_2:
    output:
        figure_2a="results/figures/data/figure_2a.csv",
        figure_2b="results/figures/data/figure_2b.csv",
        figure_2c="results/figures/data/figure_2c.csv",
        figure_2d="results/figures/data/figure_2d.csv",
        figure_2e="results/figures/data/figure_2e.csv",
    log:
        "logs/compute_figure_2.log",
    localrule: True
    conda:
        "../envs/relucells.yaml"
    params:
        seed=config["seed"],
        settings=config["figure_2"],
        code=code_of("figures/compute_figure_2"),
    script:
        "../scripts/figures/compute_figure_2.py"


rule check_figure_2:
    input:
        curve="results/figures/data/figure_2d.csv",
    output:
        report(
            "results/figures/data/figure_2_checks.csv",
            caption="../report/figures/figure_2_checks.rst",
            category="Figures",
            labels={"figure": "2, checks", "format": "csv"},
        ),
    log:
        "logs/check_figure_2.log",
    priority: -1  # it measures noise; results that a user looks at come first
    localrule: True
    conda:
        "../envs/relucells.yaml"
    params:
        seed=config["seed"],
        settings=config["figure_2"],
        code=code_of("figures/check_figure_2"),
    script:
        "../scripts/figures/check_figure_2.py"


rule compute_figure_3:
    output:
        "results/figures/data/figure_3{panel}.csv",
    log:
        "logs/compute_figure_3/{panel}.log",
    wildcard_constraints:
        panel="[a-d]",
    localrule: True
    conda:
        "../envs/relucells.yaml"
    params:
        N=config["figure_3"]["N"],
        shift=config["figure_3"]["shift"],
        settings=lambda wildcards: config["figure_3"]["panels"][wildcards.panel],
        code=code_of("figures/compute_figure_3"),
    script:
        "../scripts/figures/compute_figure_3.py"


rule plot_figures:
    input:
        expand("results/figures/data/figure_{figure}.csv", figure=FIGURES),
    output:
        [
            report(
                f"results/figures/figure_{figure}.{format}",
                caption=f"../report/figures/figure_{figure}.rst",
                category="Figures",
                labels={"figure": figure, "format": format},
            )
            for figure in FIGURES
            for format in PICTURE
        ],
    log:
        "logs/plot_figures.log",
    localrule: True
    conda:
        "../envs/relucells.yaml"
    params:
        code=code_of("figures/plot_figures"),
    script:
        "../scripts/figures/plot_figures.py"
