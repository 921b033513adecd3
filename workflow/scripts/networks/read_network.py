"""A user's network with its samples, checked, as one file of plain arrays."""

import numpy as np

from relucells.pipeline.job import job, write_npz
from relucells.pipeline.network_files import Arguments, read_problem


def arrays(found: Arguments) -> dict[str, np.ndarray]:
    """The arguments of ``examine`` by name; what the network does not have is left out."""
    return {name: np.asarray(value) for name, value in found._asdict().items() if value is not None}


if __name__ == "__main__":
    with job(snakemake) as log:
        own = snakemake.params.own
        found = read_problem(own["data"]["path"], own["network"]["path"])
        write_npz(snakemake.output[0], **arrays(found))
        log.info("%d neurons on %d samples with %d coordinates", len(found.z), *found.X.shape)
