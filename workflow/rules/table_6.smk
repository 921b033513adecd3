"""Table VI and the count of cells of section VI.

In:  data/images/{mnist,cifar10}.npz, paper/tables.csv; Gaussian samples are drawn
Out: results/diameters/{cells}_{N}.npz                        the experiment in Table VI: diameters
     results/diameters/repeated/{reading}/{cells}_{N}.npz     it again, and other readings of the paper
     results/diameters/repeated_means.csv                     mean diameter of each repeated experiment
     results/tables/table_6, cell_counts                      (.csv, .md, .tex)
     results/figures/table_6_tail                             (.pdf, .png) and the csv behind it

{cells} names a data set of Table VI: mnist, cifar10, gaussian_d3 …
"""


include: "functions/table_6.smk"


rule measure_diameters:
    input:
        images=image_file,
    output:
        "results/diameters/{cells}_{N}.npz",
    log:
        "logs/measure_diameters/{cells}_{N}.log",
    conda:
        "../envs/relucells.yaml"
    params:
        seed=config["seed"],
        settings=experiment_settings,
        d=lambda wildcards: GAUSSIAN_CELLS.get(wildcards.cells),
        code=code_of("table_6/measure_diameters"),
    script:
        "../scripts/table_6/measure_diameters.py"


rule repeat_diameters:
    input:
        images=image_file,
    output:
        "results/diameters/repeated/{reading}/{cells}_{N}.npz",
    log:
        "logs/repeat_diameters/{reading}/{cells}_{N}.log",
    conda:
        "../envs/relucells.yaml"
    params:
        seed=config["seed"],
        settings=experiment_settings,
        d=lambda wildcards: GAUSSIAN_CELLS.get(wildcards.cells),
        repetitions=lambda wildcards: (
            config["table_6"]["repetitions"]
            if wildcards.reading == "printed"
            else config["draw_readings"]["image_experiments"]
        ),
        code=code_of("table_6/repeat_diameters"),
    script:
        "../scripts/table_6/repeat_diameters.py"


rule aggregate_diameters:
    input:
        printed=here("paper/tables.csv"),
        measured=expand(
            "results/diameters/{cells}_{N}.npz",
            cells=CELLS,
            N=config["table_6"]["N"],
        ),
        repeated=repeated_files("printed"),
    output:
        **{
            format: report(
                f"results/tables/table_6.{format}",
                caption="../report/table_6/table_6.rst",
                category="Tables",
                labels={"table": "VI", "format": format},
            )
            for format in ("csv", "md", "tex")
        },
        means="results/diameters/repeated_means.csv",
    log:
        "logs/aggregate_diameters.log",
    conda:
        "../envs/relucells.yaml"
    params:
        settings=config["table_6"],
        level=config["level"],
        code=code_of("table_6/aggregate_diameters"),
    script:
        "../scripts/table_6/aggregate_diameters.py"


rule plot_diameters:
    input:
        measured=expand(
            "results/diameters/{cells}_{N}.npz",
            cells=CELLS,
            N=config["table_6"]["N"],
        ),
        table="results/tables/table_6.csv",
        means="results/diameters/repeated_means.csv",
    output:
        data="results/figures/data/table_6_tail.csv",
        pictures=[
            report(
                f"results/figures/table_6_tail.{format}",
                caption="../report/table_6/table_6_tail.rst",
                category="Tables",
                labels={"table": "VI, tail", "format": format},
            )
            for format in ("pdf", "png")
        ],
    log:
        "logs/plot_diameters.log",
    conda:
        "../envs/relucells.yaml"
    params:
        open_beyond=config["table_6"]["open_beyond"],
        code=code_of("table_6/plot_diameters"),
    script:
        "../scripts/table_6/plot_diameters.py"


rule count_cells:
    output:
        **{
            format: report(
                f"results/tables/cell_counts.{format}",
                caption="../report/table_6/cell_counts.rst",
                category="Tables",
                labels={"table": "cell counts", "format": format},
            )
            for format in ("csv", "md", "tex")
        },
    log:
        "logs/count_cells.log",
    conda:
        "../envs/relucells.yaml"
    params:
        seed=config["seed"],
        settings=config["count_cells"],
        code=code_of("table_6/count_cells"),
    script:
        "../scripts/table_6/count_cells.py"
