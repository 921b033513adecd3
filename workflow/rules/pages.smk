"""What the two pages of results show, and the last line of a run. No rules; those stand in report.smk."""

import atexit

from snakemake.io import get_flag_value, is_flagged

from relucells.pipeline.verdicts import last_line, read_comparison

WORKDIR = Path.cwd()
COMPARISON = "results/comparison.csv"
PAGES = {"report": TARGETS["paper"], "report_everything": TARGETS["everything"]}
PAGE_FILES = [f"results/{page}.html" for page in PAGES]


def described(page):
    """Results of the page's target that carry report(...), with what it says, in the target's order.

    The pages themselves are left out by their paths: an importing workflow gives rules other names.
    """
    outputs = [
        output
        for rule in workflow.rules
        for output in rule.output
        if is_flagged(output, "report")
    ]
    return [
        describe(path, output, output.match(path).groupdict())
        for path in PAGES[page]
        if path not in PAGE_FILES
        for output in outputs
        if output.match(path)
    ]


def describe(path, output, wildcards):
    flag = get_flag_value(output, "report")
    return {
        "path": str(
            path
        ),  # as text: Snakemake's own paths hold their rule, and cannot be pickled
        "category": flag.category,
        "subcategory": flag.subcategory or "",
        "labels": {key: text.format(**wildcards) for key, text in flag.labels.items()},
        "caption": os.path.relpath(flag.caption.get_path_or_uri(secret_free=True)),
        "wildcards": wildcards,
    }


SHOWN_CONFIG = shown_config(config)


@atexit.register
def say_full():
    """Say that the disk is full, if it is and the run did not end well: Snakemake may end without a word."""
    ended = workflow.scheduler and not any(workflow.dag.needrun_jobs())
    if workflow.is_main_process and not workflow.dryrun and not ended:
        if problem := full(WORKDIR):
            print(problem, file=sys.stderr)


@atexit.register
def say_last_line():
    """How the comparison came out, after Snakemake's own last words, also where nothing was to be done.

    Only for a run that ended well, not for a dry run, a failed one, or one without the comparison.
    """
    ran = workflow.is_main_process and workflow.scheduler and not workflow.dryrun
    if not ran or any(workflow.dag.needrun_jobs()):
        return
    made = {output for job in workflow.dag.jobs for output in job.output}
    if COMPARISON in made:
        # Snakemake has left the folder given with --directory by now.
        reports = [
            os.path.relpath(WORKDIR / page) for page in PAGE_FILES if page in made
        ]
        print(
            last_line(read_comparison(WORKDIR / COMPARISON), reports), file=sys.stderr
        )
