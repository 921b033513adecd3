"""Names that all rules share: the checked config, paths, blocks of trials, and the targets' lists.

In:  config.yaml (checked against workflow/schemas/config.schema.yaml)
Out: PAPER, BEYOND, RELATED, TRANSITION, FULL_SCALE (each rule file adds the results it makes), and the
     helpers below
"""

import os
import re
import sys
import time
from pathlib import Path

ROOT = Path(workflow.basedir)
sys.path.insert(0, str(ROOT / "workflow" / "scripts"))

from _folder import ended_by_slurm, enter, full, unwritable
from _plan import ConfigError, bias_token, blocks, check_config, code_hash, in_order

try:
    check_config(config)
except ConfigError as error:
    sys.exit(f"config: {error}")
# Params are compared by their text: the order of keys in a file must not matter.
config.update(in_order(config))

if workflow.is_main_process:
    if problem := unwritable():
        sys.exit(problem)
    HOLDER = enter(Path(".snakemake"))
    STARTED = time.time()

PAPER = []
BEYOND = []
RELATED = []
TRANSITION = []
FULL_SCALE = []

# In the order of the paper's tables, data sets of one's own last.
DATASETS = dict(
    sorted(
        ((name, entry) for name, entry in config["datasets"].items() if entry),
        key=lambda item: (item[1].get("table", "own"), item[0]),
    )
)
BLOCKS = blocks(config["trials"], config["trials_per_job"])
TABLES = {
    "I": "table_1",
    "II": "table_2",
    "III": "table_3",
    "IV": "table_4",
    "V": "table_5",
}


wildcard_constraints:
    dataset="|".join(map(re.escape, DATASETS)),
    bias=r"-?\d+(\.\d+)?(e[+-]?\d+)?",
    trials=r"\d+-\d+",


# What takes a second or two runs where Snakemake runs: a cluster sees only blocks of real work.
localrules:
    make_binary_subsets,
    sample_weights,
    aggregate_tables,
    compare_with_paper,
    compute_figure_1,
    compute_figure_2,
    compute_figure_3,
    check_figure_2,
    plot_figures,
    count_cells,
    aggregate_diameters,
    plot_diameters,
    plot_conventions,
    plot_comparison,
    write_provenance,
    write_report,
    tabulate_jacobian_rank,
    plot_jacobian_rank,
    tabulate_uniform_regions,
    tabulate_maximum_concatenation,
    tabulate_added_neuron,
    tabulate_safran_shamir,
    plot_safran_shamir,
    tabulate_student_teacher_cells,
    tabulate_critical_points,
    tabulate_genuineness,
    plot_genuineness,
    locate_transition,
    fit_laws,
    compare_kinds,
    plot_transition,
    tabulate_full_scale,


def here(path):
    """A file of the project as seen from the working directory."""
    return os.path.relpath(ROOT / path)


def code_of(script):
    """Stands for the library modules that a script uses: see _plan.code_hash."""
    return code_hash(script)


def biases_of(dataset):
    return [bias_token(bias) for bias in DATASETS[dataset]["biases"]]


def trial_files(dataset, bias, step):
    """The blocks of one step (weights, minima, lp, gd) for a data set and bias."""
    return expand(
        "results/trials/{dataset}/{bias}/{trials}/{step}.npz",
        dataset=dataset,
        bias=bias,
        trials=BLOCKS,
        step=step,
    )


def all_trial_files(dataset, step):
    return [
        path for bias in biases_of(dataset) for path in trial_files(dataset, bias, step)
    ]
