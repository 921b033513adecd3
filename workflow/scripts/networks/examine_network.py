"""Examine a trained network: findings as data, certificates, a page, and the slice that the page shows."""

import json

import numpy as np

from relucells.examination.examine import examine
from relucells.examination.storage import as_data, write_certificates
from relucells.pipeline.examination_page import picture, slice_of, write_page
from relucells.pipeline.figures import save
from relucells.pipeline.job import UserError, job, write_text


def read(path: str) -> dict:
    """The arguments of ``examine`` from the file of ``read_network``."""
    with np.load(path) as file:
        return {name: file[name] if file[name].ndim else file[name].item() for name in file.files}


def examined(path: str, settings: dict, seed: int):
    """The examination. An error that only the user can mend is told in one line."""
    try:
        return examine(**read(path), **settings, seed=seed)
    except ValueError as error:
        raise UserError(f"networks: {path}: {error}") from None


if __name__ == "__main__":
    with job(snakemake) as log:
        params, output = snakemake.params, snakemake.output
        found = examined(snakemake.input[0], params.settings, params.seed)
        write_text(output.found, json.dumps(as_data(found), indent=1, allow_nan=False) + "\n")
        write_certificates(found, output.certificates)
        plane = slice_of(found, params.lines)
        write_page(found, output.page, plane)
        save(picture(plane), [output.pdf, output.png])
        for sentence in found.words():
            log.info("%s", sentence)
