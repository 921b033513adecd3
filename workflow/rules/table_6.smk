"""Table VI and the count of cells of section VI.

In:  data/images/{mnist,cifar10}.npz, paper/tables.csv; Gaussian samples are drawn
Out: results/diameters/{dataset}_{N}.npz                        the experiment in Table VI: diameters
     results/diameters/repeated/{reading}/{dataset}_{N}.npz     it again, and other readings of the paper
     results/diameters/repeated_means.csv                     mean diameter of each repeated experiment
     results/tables/table_6, cell_counts                      (.csv, .md, .tex)
     results/figures/table_6_tail                             (.pdf, .png) and the csv behind it

{dataset} names a data set of Table VI: mnist, cifar10, gaussian_d3 …
"""

TABLE_6 = config["table_6"]
GAUSSIAN_DIMENSION = diameter_plan.gaussian_dimension(TABLE_6)
TABLE_6_DATASETS = "|".join(diameter_plan.datasets(TABLE_6))


wildcard_constraints:
    reading="|".join([diameter_plan.PRINTED, *diameter_plan.READINGS]),
    N=r"\d+",


rule measure_diameters:
    input:
        images=lambda wildcards: diameter_plan.image_file(TABLE_6, wildcards.dataset),
    output:
        "results/diameters/{dataset}_{N}.npz",
    log:
        "logs/measure_diameters/{dataset}_{N}.log",
    wildcard_constraints:
        dataset=TABLE_6_DATASETS,
    conda:
        "../envs/relucells.yaml"
    resources:
        mem_mb=750,
        runtime=10,
    params:
        seed=config["seed"],
        settings=diameter_plan.experiment_settings(TABLE_6),
        d=lambda wildcards: GAUSSIAN_DIMENSION.get(wildcards.dataset),
        code=code_of("table_6/measure_diameters"),
    script:
        "../scripts/table_6/measure_diameters.py"


rule repeat_diameters:
    input:
        images=lambda wildcards: diameter_plan.image_file(TABLE_6, wildcards.dataset),
    output:
        "results/diameters/repeated/{reading}/{dataset}_{N}.npz",
    log:
        "logs/repeat_diameters/{reading}/{dataset}_{N}.log",
    wildcard_constraints:
        dataset=TABLE_6_DATASETS,
    priority: -1  # it measures noise; results that a user looks at come first
    conda:
        "../envs/relucells.yaml"
    resources:
        mem_mb=1250,
        runtime=20,
    params:
        seed=config["seed"],
        settings=lambda wildcards: diameter_plan.experiment_settings(
            TABLE_6, wildcards.reading
        ),
        d=lambda wildcards: GAUSSIAN_DIMENSION.get(wildcards.dataset),
        repetitions=lambda wildcards: diameter_plan.repetitions(
            config, wildcards.reading
        ),
        code=code_of("table_6/repeat_diameters"),
    script:
        "../scripts/table_6/repeat_diameters.py"


rule aggregate_diameters:
    input:
        printed=here("paper/tables.csv"),
        measured=diameter_plan.measured_files(TABLE_6),
        repeated=diameter_plan.repeated_files(
            TABLE_6, diameter_plan.PRINTED, diameter_plan.datasets(TABLE_6)
        ),
    output:
        **table_files(
            "results/tables/table_6",
            caption="../report/table_6/table_6.rst",
            category="Tables",
            labels={"table": "VI"},
        ),
        means="results/diameters/repeated_means.csv",
    log:
        "logs/aggregate_diameters.log",
    localrule: True
    conda:
        "../envs/relucells.yaml"
    params:
        settings=TABLE_6,
        confidence=config["confidence"],
        code=code_of("table_6/aggregate_diameters"),
    script:
        "../scripts/table_6/aggregate_diameters.py"


rule plot_diameters:
    input:
        measured=diameter_plan.measured_files(TABLE_6),
        table="results/tables/table_6.csv",
        means="results/diameters/repeated_means.csv",
    output:
        **picture_files(
            "results/figures/table_6_tail",
            caption="../report/table_6/table_6_tail.rst",
            category="Tables",
            labels={"table": "VI, tail"},
        ),
        csv="results/figures/data/table_6_tail.csv",
    log:
        "logs/plot_diameters.log",
    localrule: True
    conda:
        "../envs/relucells.yaml"
    params:
        open_beyond=config["table_6"]["open_beyond"],
        code=code_of("table_6/plot_diameters"),
    script:
        "../scripts/table_6/plot_diameters.py"


rule count_cells:
    output:
        **table_files(
            "results/tables/cell_counts",
            caption="../report/table_6/cell_counts.rst",
            category="Tables",
            labels={"table": "cell counts"},
        ),
    log:
        "logs/count_cells.log",
    localrule: True
    conda:
        "../envs/relucells.yaml"
    params:
        seed=config["seed"],
        settings=config["count_cells"],
        code=code_of("table_6/count_cells"),
    script:
        "../scripts/table_6/count_cells.py"
