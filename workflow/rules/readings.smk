"""What the paper leaves unsaid: each reading of it drawn, and set beside the printed numbers.

In:  paper/tables.csv, results/diameters/repeated/{reading}/{dataset}_{N}.npz, and what the comparison
     rests on: results/activations.csv, results/data_seeds/{dataset}/{bias}.npz
Out: results/readings.csv                       each printed number under each reading
     results/tables/readings                    (.csv, .md, .tex)
     results/figures/readings_*                 (.pdf, .png)
"""


rule draw_readings:
    input:
        printed=here("paper/tables.csv"),
        activations="results/activations.csv",
        repeated=PLAN.repeated_files,
        images=diameter_plan.repeated_files(
            config["table_6"], diameter_plan.PRINTED, config["table_6"]["images"]
        ),
        readings=diameter_plan.other_readings(config),
    output:
        csv="results/readings.csv",
    log:
        "logs/draw_readings.log",
    priority: -1  # it measures noise; results that a user looks at come first
    conda:
        "../envs/relucells.yaml"
    resources:
        mem_mb=750,
        runtime=30,
    params:
        seed=config["seed"],
        settings=config["draw_readings"],
        table_6=config["table_6"],
        followed=config["sample_weights"]["bias"],
        repeated_rows=[
            [PLAN.datasets[dataset][key] for key in ("d", "K", "N")] + [float(bias)]
            for dataset, bias in PLAN.repeated_rows
        ],
        confidence=config["confidence"],
        code=code_of("readings/draw_readings"),
    script:
        "../scripts/readings/draw_readings.py"


rule plot_readings:
    input:
        "results/readings.csv",
    output:
        **table_files(
            "results/tables/readings",
            caption="../report/readings/readings.rst",
            category="Readings",
            labels={"reading": "all"},
        ),
        pictures=[
            report(
                f"results/figures/readings_{name}.{format}",
                caption=f"../report/readings/readings_{name}.rst",
                category="Readings",
                labels={"reading": name, "format": format},
            )
            for name in READING_FIGURES
            for format in PICTURE
        ],
    log:
        "logs/plot_readings.log",
    localrule: True
    conda:
        "../envs/relucells.yaml"
    params:
        confidence=config["confidence"],
        code=code_of("readings/plot_readings"),
    script:
        "../scripts/readings/plot_readings.py"
