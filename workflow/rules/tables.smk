"""Tables I to V of the paper, one of the user's own data sets, and the comparison with what was printed.

In:  results/trials/{dataset}/{bias}/{trials}/{minima,lp,gd}.npz, paper/tables.csv; for the comparison
     also results/tables/table_6.csv
Out: results/tables/table_1 … table_5, own_data (.csv, .md, .tex)
     results/data_seeds/{dataset}/{bias}.npz     a Gaussian row again on fresh data
     results/comparison.csv                      each printed number beside ours
"""


include: "functions/tables.smk"


rule aggregate_tables:
    input:
        data=lambda wildcards: [
            f"data/subsets/{name}.npz" for name in datasets_of(wildcards.table)
        ],
        minima=table_inputs("minima"),
        lp=table_inputs("lp"),
        descent=table_inputs("gd"),
    output:
        csv=report(
            "results/tables/{table}.csv",
            caption="../report/tables/table.rst",
            category="Tables",
            labels={"table": "{table}", "format": "csv"},
        ),
        md=report(
            "results/tables/{table}.md",
            caption="../report/tables/table.rst",
            category="Tables",
            labels={"table": "{table}", "format": "md"},
        ),
        tex=report(
            "results/tables/{table}.tex",
            caption="../report/tables/table.rst",
            category="Tables",
            labels={"table": "{table}", "format": "tex"},
        ),
    log:
        "logs/aggregate_tables/{table}.log",
    wildcard_constraints:
        table="table_[1-5]|own_data",
    conda:
        "../envs/relucells.yaml"
    params:
        datasets=lambda wildcards: {
            name: DATASETS[name] for name in datasets_of(wildcards.table)
        },
        title=lambda wildcards: (
            f"Table {NUMERALS[wildcards.table]}"
            if wildcards.table in NUMERALS
            else "Own data sets"
        ),
        level=config["level"],
        code=code_of("tables/aggregate_tables"),
    script:
        "../scripts/tables/aggregate_tables.py"


rule repeat_data_draws:
    output:
        "results/data_seeds/{dataset}/{bias}.npz",
    log:
        "logs/repeat_data_draws/{dataset}/{bias}.log",
    conda:
        "../envs/relucells.yaml"
    params:
        seed=config["seed"],
        entry=lambda wildcards: {
            key: DATASETS[wildcards.dataset][key] for key in ("K", "N", "d")
        },
        data_seeds=config["data_seeds"],
        trials=config["trials"],
        settings=config["sample_weights"],
        lp=config["lp_check"],
        code=code_of("tables/repeat_data_draws"),
    script:
        "../scripts/tables/repeat_data_draws.py"


rule compare_with_paper:
    input:
        printed=here("paper/tables.csv"),
        tables=expand("results/tables/{table}.csv", table=COMPARED),
        table_6="results/tables/table_6.csv",
        repeated=[
            f"results/data_seeds/{dataset}/{bias}.npz"
            for table in COMPARED
            for dataset in datasets_of(table)
            if DATASETS[dataset]["source"] == "gaussian"
            for bias in biases_of(dataset)
        ],
    output:
        report(
            "results/comparison.csv",
            caption="../report/tables/comparison_table.rst",
            category="Comparison",
            labels={"result": "all printed numbers", "format": "csv"},
        ),
    log:
        "logs/compare_with_paper.log",
    conda:
        "../envs/relucells.yaml"
    params:
        tables=[NUMERALS[table] for table in COMPARED],
        level=config["level"],
        code=code_of("tables/compare_with_paper"),
    script:
        "../scripts/tables/compare_with_paper.py"
