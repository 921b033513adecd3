"""The command `relucells`."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

EXAMPLES = """examples:
  relucells reference results            keep the csv results of a complete run in reference/
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
    _add_reference(commands)
    options = parser.parse_args(arguments)
    try:
        return options.run(options)
    except (OSError, ValueError) as error:
        name = getattr(error, "filename", None)
        print(f"relucells: {f'{name}: {error.strerror}' if name else error}", file=sys.stderr)
        return 1


def _add_reference(commands) -> None:
    command = commands.add_parser("reference", help="keep the csv results of a complete run as the reference")
    command.add_argument("results", type=Path, help="the folder results/ of a complete run")
    command.add_argument("--to", type=Path, default=Path("reference"), help="default: %(default)s")
    command.set_defaults(run=_reference)


def _reference(options: argparse.Namespace) -> int:
    from relucells.pipeline.reference import renew

    files = renew(options.results, options.to)
    print(f"{len(files)} files in {options.to}")
    return 0
