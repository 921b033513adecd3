"""Which data sets and trials stand behind a table."""

NUMERALS = {file: numeral for numeral, file in TABLES.items()}


def datasets_of(table):
    """Data sets of one of the paper's tables; those without a table of the paper are `own_data`."""
    return [
        name
        for name, entry in DATASETS.items()
        if entry.get("table") == NUMERALS.get(table)
    ]


def table_inputs(step):
    def files(wildcards):
        return [
            path
            for dataset in datasets_of(wildcards.table)
            if step != "gd" or DATASETS[dataset].get("descent", True)
            for path in all_trial_files(dataset, step)
        ]

    return files


PRESENT_TABLES = [
    table for table in [*TABLES.values(), "own_data"] if datasets_of(table)
]
COMPARED = [table for table in PRESENT_TABLES if table in NUMERALS]
PAPER += expand(
    "results/tables/{table}.{format}",
    table=PRESENT_TABLES,
    format=["csv", "md", "tex"],
)
PAPER += ["results/comparison.csv"]
