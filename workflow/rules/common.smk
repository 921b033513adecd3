"""Names that all rules share: the checked config, paths, blocks of trials, and the targets' lists.

In:  config.yaml (checked against workflow/schemas/config.schema.yaml)
Out: PAPER, BEYOND, RELATED, TRANSITION, FULL_SCALE, ATLAS (each rule file adds the results it makes), and the
     helpers below
"""

import os
import re
import shlex
import sys
import time
from pathlib import Path

import yaml
from snakemake.utils import update_config

# The project's folder, wherever the run or an importing workflow is; None for a module that is remote.
PROJECT = workflow.current_basedir.join("../..").get_path_or_uri(secret_free=True)
PROJECT = Path(PROJECT).resolve() if os.path.isdir(PROJECT) else None

# A checkout runs its own code, whatever is installed: here, and in every job. Snakemake formats the
# prefix, and takes PYTHONPATH out of the environment that conda jobs inherit, hence a command.
if PROJECT:
    sys.path.insert(0, str(PROJECT / "src"))
    source = shlex.quote(str(PROJECT / "src")).replace("{", "{{").replace("}", "}}")
    shell.prefix(f'export PYTHONPATH={source}"${{{{PYTHONPATH:+:$PYTHONPATH}}}}"; ')

import relucells
from relucells.pipeline.code import code_hash, other_version
from relucells.pipeline.names import bias_token, blocks
from relucells.pipeline.run_config import ConfigError, check_config, in_order
from relucells.pipeline.run_folder import ended_by_slurm, enter, full, unwritable

if not PROJECT and (
    problem := other_version(workflow.source_path("../../src/relucells/_version.py"))
):
    print(problem, file=sys.stderr)

# What config.yaml says holds wherever a user's file, or an importing workflow, says nothing else.
settings = yaml.safe_load(
    Path(workflow.source_path("../../config.yaml")).read_text(encoding="utf-8")
)
update_config(settings, config)
try:
    check_config(settings, Path(workflow.source_path("../schemas/config.schema.yaml")))
except ConfigError as error:
    sys.exit(f"config: {error}")
# Params are compared by their text: the order of keys in a file must not matter.
config.clear()
config.update(in_order(settings))

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
ATLAS = []

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
    plot_readings,
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
    if PROJECT:
        return os.path.relpath(PROJECT / path)
    return workflow.source_path(f"../../{path}")


def code_of(script):
    """Stands for the library modules that a script uses: see relucells.pipeline.code."""
    if PROJECT:
        scripts = PROJECT / "workflow" / "scripts"
        return code_hash(scripts / f"{script}.py", PROJECT / "src")
    return relucells.__version__


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
