"""Bo Liu, Understanding Global Loss Landscape of One-hidden-layer ReLU Networks, Part 2, as a pipeline.

This file is an index. Targets: `paper` (the default), `beyond`, `related`, `transition`, `full_scale`,
`everything`.
"""

from pathlib import Path

from snakemake.utils import min_version

min_version("9.20")


configfile: Path(workflow.basedir) / "config.yaml"


onerror:
    for problem in [*ended_by_slurm(Path(".snakemake"), STARTED), full()]:
        if problem:
            print(problem, file=sys.stderr)
    print(
        "Finished results stay. To go on from here, give the same command again.",
        file=sys.stderr,
    )


report: "workflow/report/workflow.rst"


include: "workflow/rules/common.smk"
include: "workflow/rules/data.smk"
include: "workflow/rules/trials.smk"
include: "workflow/rules/tables.smk"
include: "workflow/rules/genuineness.smk"
include: "workflow/rules/gaussian_1d.smk"
include: "workflow/rules/diameters.smk"
include: "workflow/rules/related.smk"
include: "workflow/rules/transition.smk"
include: "workflow/rules/full_scale.smk"
include: "workflow/rules/report.smk"


rule paper:
    default_target: True
    input:
        PAPER,


rule beyond:
    input:
        BEYOND,


rule related:
    input:
        RELATED,


rule everything:
    input:
        PAPER,
        BEYOND,
        RELATED,
        TRANSITION,
        FULL_SCALE,
        "results/report_everything.html",
