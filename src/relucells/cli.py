"""The command `relucells`."""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from relucells.pipeline.job import UserError, in_one_line

EXAMPLES = """examples:
  relucells costs beyond                 what the target will cost, before it runs
  relucells costs paper --configfile configs/tour.yaml
  relucells crate results                describe a finished run as an RO-Crate
  relucells reference results            keep the csv results of a complete run in reference/
  relucells examine data.npz network.npz --report network.html
                                         is a trained network a minimum, and a bad one?
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a subcommand; the exit status is not zero where the user has to mend something."""
    parser = argparse.ArgumentParser(
        prog="relucells",
        description="Genuine local minima of one-hidden-layer ReLU networks, decided and certified.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_costs(commands)
    _add_crate(commands)
    _add_reference(commands)
    _add_examine(commands)
    options = parser.parse_args(arguments)
    try:
        return options.run(options)
    except (OSError, ValueError, UserError) as error:
        text = str(error)
        if isinstance(error, OSError) and error.filename:
            text = f"{error.filename}: {error.strerror}"
        print(f"relucells: {in_one_line(text)}", file=sys.stderr)
        return 1


def _say(*lines: str) -> None:
    """Print lines. A reader who has seen enough, as `head` does, does not end what is still to be written."""
    try:
        print(*lines, sep="\n", flush=True)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _add_costs(commands) -> None:
    command = commands.add_parser("costs", help="what a target will cost, from the last run or the reference")
    command.add_argument("target", help="a target or a result file, as snakemake takes it")
    command.add_argument("--configfile", type=Path, help="settings of your own, as snakemake takes them")
    command.add_argument(
        "--cores", type=int, default=1, help="to share the work among (default: %(default)s)"
    )
    command.set_defaults(run=_costs)


def _costs(options: argparse.Namespace) -> int:
    from relucells.pipeline.costs import estimate, last_costs, planned_jobs

    rows, sources = last_costs(Path())
    if not rows:
        raise ValueError("no results/costs.csv or reference/costs.csv here: run it in the project's folder")
    settings = ["--configfile", str(options.configfile)] if options.configfile else []
    jobs = planned_jobs(options.target, settings)
    seconds, unknown = estimate(jobs, rows)
    minutes = seconds / 60 / options.cores
    _say(
        f"{sum(jobs.values())} jobs, about {seconds:.0f} s of CPU time, "
        f"{minutes:.1f} minutes on {options.cores}",
        f"by the means in {' and '.join(sources)}, whatever the settings of those runs were",
        *([f"without a measurement: {', '.join(unknown)}"] if unknown else []),
    )
    return 0


def _add_crate(commands) -> None:
    command = commands.add_parser("crate", help="describe a finished run as an RO-Crate")
    command.add_argument("results", type=Path, help="the folder results/ of a finished run")
    command.set_defaults(run=_crate)


def _crate(options: argparse.Namespace) -> int:
    try:
        from relucells.pipeline.crate import write_crate
    except ModuleNotFoundError:
        raise ValueError("the package rocrate is missing: pip install rocrate") from None

    files = write_crate(options.results)
    _say(f"{files} files described in {options.results / 'ro-crate-metadata.json'}")
    return 0


def _add_reference(commands) -> None:
    command = commands.add_parser("reference", help="keep the csv results of a complete run as the reference")
    command.add_argument("results", type=Path, help="the folder results/ of a complete run")
    command.add_argument("--to", type=Path, default=Path("reference"), help="default: %(default)s")
    command.set_defaults(run=_reference)


def _reference(options: argparse.Namespace) -> int:
    from relucells.pipeline.reference import renew

    files, left = renew(options.results, options.to)
    _say(
        f"{len(files)} files in {options.to}",
        *([f"not made by this run, and left as they were: {', '.join(left)}"] if left else []),
    )
    return 0


def _add_examine(commands) -> None:
    command = commands.add_parser(
        "examine", help="is a trained network a minimum, a bad one, where to from it"
    )
    command.add_argument("data", type=Path, help="npz with X (N × d) and y (N real numbers)")
    command.add_argument(
        "network",
        type=Path,
        help="npz with W, z (and b, c, skip if it has them), or a PyTorch state dict (.pt)",
    )
    command.add_argument("--json", type=Path, metavar="F", help="write what was found as data")
    command.add_argument("--certificates", type=Path, metavar="FOLDER", help="for check_certificate.py")
    command.add_argument("--report", type=Path, metavar="F.html", help="a page with a slice of the landscape")
    command.add_argument(
        "--near",
        type=float,
        default=0.01,
        help="a certified point within this share of its size is the network's own (default: %(default)s)",
    )
    command.set_defaults(run=_examine)


def _examine(options: argparse.Namespace) -> int:
    import json

    from relucells.examination.examine import examine
    from relucells.examination.storage import as_data, write_certificates
    from relucells.pipeline.job import write_text
    from relucells.pipeline.network_files import read_problem

    found = examine(*read_problem(options.data, options.network), near=options.near)
    _say(*found.words())
    if options.certificates:
        files = write_certificates(found, options.certificates)
        _say(f"{len(files)} files in {options.certificates}")
    if options.json:
        write_text(options.json, json.dumps(as_data(found), indent=1, allow_nan=False) + "\n")
    if options.report:
        from relucells.pipeline.examination_page import write_page

        write_page(found, options.report)
    return 0
