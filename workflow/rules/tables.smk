"""Tables I to V of the paper, one of the user's own data sets, and the comparison with what was printed.

In:  results/trials/{dataset}/{bias}/{trials}/{minima,lp,gd}.npz, paper/tables.csv; for the comparison
     also results/tables/table_6.csv
Out: results/tables/table_1 … table_5, own_data (.csv, .md, .tex)
     results/data_seeds/{dataset}/{bias}.npz     a Gaussian row again on fresh data
     results/activations.csv                     the law of each printed mean activation
     results/comparison.csv                      each printed number beside ours
"""


rule aggregate_tables:
    input:
        data=lambda wildcards: [
            f"data/subsets/{name}.npz" for name in PLAN.table_datasets(wildcards.table)
        ],
        minima=lambda wildcards: PLAN.all_trial_files(
            PLAN.table_datasets(wildcards.table), "minima"
        ),
        lp=lambda wildcards: PLAN.all_trial_files(
            PLAN.table_datasets(wildcards.table), "lp"
        ),
        descent=lambda wildcards: PLAN.all_trial_files(
            PLAN.descended(wildcards.table), "gd"
        ),
    output:
        **table_files(
            "results/tables/{table}",
            caption="../report/tables/table.rst",
            category="Tables",
            labels={"table": "{table}"},
        ),
    log:
        "logs/aggregate_tables/{table}.log",
    wildcard_constraints:
        table="|".join([*(table.file for table in TRIAL_TABLES.values()), OWN_DATA]),
    localrule: True
    conda:
        "../envs/relucells.yaml"
    params:
        datasets=lambda wildcards: {
            name: PLAN.datasets[name] for name in PLAN.table_datasets(wildcards.table)
        },
        title=lambda wildcards: PLAN.table_title(wildcards.table),
        confidence=config["confidence"],
        code=code_of("tables/aggregate_tables"),
    script:
        "../scripts/tables/aggregate_tables.py"


rule repeat_data_draws:
    output:
        "results/data_seeds/{dataset}/{bias}.npz",
    log:
        "logs/repeat_data_draws/{dataset}/{bias}.log",
    priority: -1  # it measures noise; results that a user looks at come first
    conda:
        "../envs/relucells.yaml"
    resources:
        mem_mb=500,
        runtime=30,
    params:
        seed=config["seed"],
        entry=lambda wildcards: {
            key: PLAN.datasets[wildcards.dataset][key] for key in ("K", "N", "d")
        },
        data_seeds=config["data_seeds"],
        trials=config["trials"],
        settings=config["sample_weights"],
        lp=config["lp_check"],
        code=code_of("tables/repeat_data_draws"),
    script:
        "../scripts/tables/repeat_data_draws.py"


rule predict_activations:
    input:
        printed=here("paper/tables.csv"),
        images=[f"data/subsets/{name}.npz" for name in PLAN.compared_images],
    output:
        report(
            "results/activations.csv",
            caption="../report/tables/activations.rst",
            category="Comparison",
            labels={"result": "mean activations", "format": "csv"},
        ),
    log:
        "logs/predict_activations.log",
    conda:
        "../envs/relucells.yaml"
    resources:
        mem_mb=1750,
        runtime=10,
    params:
        seed=config["seed"],
        tables=[BY_FILE[table].numeral for table in PLAN.compared_tables],
        images=[PLAN.datasets[name]["source"] for name in PLAN.compared_images],
        reading=config["sample_weights"]["bias"],
        confidence=config["confidence"],
        code=code_of("tables/predict_activations"),
    script:
        "../scripts/tables/predict_activations.py"


rule compare_with_paper:
    input:
        printed=here("paper/tables.csv"),
        activations="results/activations.csv",
        tables=expand("results/tables/{table}.csv", table=PLAN.compared_tables),
        table_6="results/tables/table_6.csv",
        repeated=PLAN.repeated_files,
    output:
        report(
            "results/comparison.csv",
            caption="../report/tables/comparison_table.rst",
            category="Comparison",
            labels={"result": "all printed numbers", "format": "csv"},
        ),
    log:
        "logs/compare_with_paper.log",
    localrule: True
    conda:
        "../envs/relucells.yaml"
    params:
        tables=[BY_FILE[table].numeral for table in PLAN.compared_tables],
        reading=config["sample_weights"]["bias"],
        others=other_rows(config, PLAN.datasets),
        other_diameters=other_diameters(config),
        confidence=config["confidence"],
        code=code_of("tables/compare_with_paper"),
    script:
        "../scripts/tables/compare_with_paper.py"
