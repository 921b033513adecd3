"""Names that all rules share: the checked config, the plan of the run, its targets, and a few helpers.

In:  config.yaml (checked against workflow/schemas/config.schema.yaml)
Out: PLAN (data sets and their files), SERIES (of the map), TARGETS (the files of each target)
"""

import atexit
import functools
import os
import re
import shlex
import sys
import time
from pathlib import Path

from snakemake.utils import update_config

# The project's folder, wherever the run or an importing workflow is; None for a module that is remote.
PROJECT = workflow.current_basedir.join("../..").get_path_or_uri(secret_free=True)
PROJECT = Path(PROJECT).resolve() if os.path.isdir(PROJECT) else None

# Every job gets these, whatever the user's environment has: jobs have no use for a notebook's backend.
prefix = "export MPLBACKEND=Agg; "
# Nor do a user's settings of pictures count. matplotlib would stop at a file of them that it cannot read.
prefix += "export MATPLOTLIBRC=/dev/null; "
# glibc would hand every large array back to the system and clear new pages for the next one, a fifth of some
# jobs' time. So it keeps what was freed (up to 1 GiB), and takes arrays below 32 MiB from there.
prefix += "export MALLOC_TRIM_THRESHOLD_=1073741824 MALLOC_MMAP_THRESHOLD_=33554432; "
# A checkout runs its own code, whatever is installed: here, and in every job. Snakemake formats the
# prefix, and takes PYTHONPATH out of the environment that conda jobs inherit, hence a command.
if PROJECT:
    sys.path.insert(0, str(PROJECT / "src"))
    source = shlex.quote(str(PROJECT / "src")).replace("{", "{{").replace("}", "}}")
    prefix += f'export PYTHONPATH={source}"${{{{PYTHONPATH:+:$PYTHONPATH}}}}"; '
shell.prefix(prefix)

import relucells
from relucells.pipeline import (
    diameter_plan,
    full_scale_plan,
    related_plan,
    transition_plan,
)
from relucells.pipeline.code import code_hash, other_version
from relucells.pipeline.comparability import other_diameters, other_rows
from relucells.pipeline.config_files import check_files, read_config
from relucells.pipeline.conventions import CONVENTIONS, OTHERS, step_of
from relucells.pipeline.image_sets import IMAGE_SETS
from relucells.pipeline.paper import BY_FILE, FIGURES, TRIAL_TABLES
from relucells.pipeline.plan import OWN_DATA, Plan
from relucells.pipeline.run_config import (
    ConfigError,
    check_config,
    in_order,
    shown_config,
)
from relucells.pipeline.run_folder import (
    ended_by_slurm,
    enter,
    full,
    unreadable_style,
    unwritable,
)
from relucells.pipeline.stored_images import kept_line, request, unusable
from relucells.pipeline.targets import PICTURE, READING_FIGURES, TABLE, targets

if not PROJECT and (
    problem := other_version(workflow.source_path("../../src/relucells/_version.py"))
):
    print(problem, file=sys.stderr)

# What config.yaml says holds wherever a user's file, or an importing workflow, says nothing else.
try:
    check_files([*workflow.configfiles, *workflow.overwrite_configfiles])
    # Read where it stands, for errors are to name that place; source_path would give a copy.
    own = PROJECT and PROJECT / "config.yaml"
    settings = read_config(own or workflow.source_path("../../config.yaml"))
    update_config(settings, config)
    check_config(settings, Path(workflow.source_path("../schemas/config.schema.yaml")))
    # Params are compared by their text: the order of keys in a file must not matter.
    config.clear()
    config.update(in_order(settings))
    PLAN = Plan(config)
    PLAN.check_files()
    SERIES = transition_plan.series_of_kinds(config)
    TARGETS = targets(PLAN)
    problem = (unwritable() or unreadable_style()) if workflow.is_main_process else None
except ConfigError as error:
    problem = f"config: {error}"
if problem:
    sys.exit(problem)

if workflow.is_main_process:
    if HOLDER := enter(Path(".snakemake")):
        atexit.register(HOLDER.close)
    STARTED = time.time()


wildcard_constraints:
    dataset="|".join(map(re.escape, PLAN.datasets)),
    network="|".join(map(re.escape, PLAN.networks)) or "none",
    bias=r"-?\d+(\.\d+)?(e[+-]?\d+)?",
    trials=r"\d+-\d+",


def here(path):
    """A file of the project as seen from the working directory."""
    if PROJECT:
        return os.path.relpath(PROJECT / path)
    return workflow.source_path(f"../../{path}")


def code_of(script):
    """A hash of the library modules that a script uses. As a param it re-runs the rule when they change.

    A module that is remote has no files at hand: its version stands for them.
    """
    if PROJECT:
        scripts = PROJECT / "workflow" / "scripts"
        return code_hash(scripts / f"{script}.py", PROJECT / "src")
    return relucells.__version__


@functools.cache
def worth_a_look(name, data_dir, held):
    """Whether data_dir holds more official images than so many. fetch_data's script looks for them.

    A module that is remote has no scripts at hand.
    """
    if not PROJECT:
        return False
    sys.path.append(str(PROJECT / "workflow/scripts/data"))
    import fetch_data

    return fetch_data.worth_a_look(name, data_dir, held)


def table_files(path, prefix="", **described):
    """A table's csv, md and tex as named outputs; captions, category and labels as report(...) has them."""
    return shown_files(path, TABLE, prefix, **described)


def picture_files(path, prefix="", **described):
    """The same of a picture's pdf and png."""
    return shown_files(path, PICTURE, prefix, **described)


def shown_files(path, formats, prefix="", labels=(), **described):
    """One result in several formats, of which its labels name each."""
    return {
        f"{prefix}{suffix}": report(
            f"{path}.{suffix}", labels={**dict(labels), "format": suffix}, **described
        )
        for suffix in formats
    }


def transition_result(name, caption, contents, kind):
    """A file of results/transition with its caption."""
    return report(
        f"results/transition/{name}",
        caption=f"../report/transition/{caption}.rst",
        category="Transition",
        labels={"contents": contents, "kind": kind},
    )


def related_result(work, name, caption, contents, kind):
    """A file of results/related with its caption, under the work's name."""
    return report(
        f"results/related/{name}",
        caption=f"../../report/related/{caption}.rst",
        category="Related works",
        subcategory=work,
        labels={"contents": contents, "kind": kind},
    )
