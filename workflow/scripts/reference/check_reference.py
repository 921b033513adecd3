"""Compare a finished run with the reference; one line says how it comes out."""

from pathlib import Path

from relucells.pipeline.job import UserError, job
from relucells.pipeline.reference import damaged, differences


def check_reference(results: Path, reference: Path) -> tuple[str, list[str]]:
    """The line that says how the run comes out, and all differences."""
    lines = damaged(reference)
    if lines:
        return f"{reference}: {lines[0]}; restore it with git", lines
    compared, lines = differences(results, reference)
    if not lines:
        return f"{compared} files agree with the reference", []
    return f"{len(lines)} differences from the reference in {compared} files; the first: {lines[0]}", lines


if __name__ == "__main__":
    with job(snakemake) as log:
        line, lines = check_reference(Path("results"), Path(snakemake.params.reference))
        for difference in lines:
            log.info("%s", difference)
        if lines:
            raise UserError(f"{line}. All of them are in {snakemake.log[0]}")
        print(f"check_reference: {line}")
