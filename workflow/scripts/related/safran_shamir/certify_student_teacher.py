"""The spurious end points of one (k, n): a certificate for each, and their families up to permutation."""

import numpy as np

from relucells.pipeline.job import job, write_npz
from relucells.related.student_teacher import certify, families, objective, polish


def certify_student_teacher(W: np.ndarray, tolerance: float) -> dict[str, np.ndarray]:
    """Certificates of the end points W (s, n, k), and of one exact minimum for each family.

    certified, min_eigenvalue, gradient_norm, radius (s,): of the end points as descent left them
    family (s,): number of each point's family; minima (f, n, k): a family's first point, moved onto the
    minimum by Newton's method; minimum_objective, minimum_min_eigenvalue, minimum_certified,
    minimum_radius, count (f,)
    """
    found = certify(W)
    minima = polish(W)
    family = families(minima, tolerance)
    minima = minima[np.unique(family, return_index=True)[1]]
    proof = certify(minima)
    return {
        "certified": found.holds,
        "min_eigenvalue": found.min_eigenvalue,
        "gradient_norm": found.gradient_norm,
        "radius": found.radius,
        "family": family,
        "minima": minima,
        "minimum_objective": objective(minima),
        "minimum_min_eigenvalue": proof.min_eigenvalue,
        "minimum_certified": proof.holds,
        "minimum_radius": proof.radius,
        "count": np.bincount(family, minlength=len(minima)),
    }


if __name__ == "__main__":
    with job(snakemake) as log:
        with np.load(snakemake.input[0]) as ends:
            W = ends["W"][ends["outcome"] == "spurious"]
        result = certify_student_teacher(W, snakemake.params.tolerance)
        write_npz(snakemake.output[0], **result)
        log.info(
            "%d spurious end points, %d certified; %d families, %d certified",
            len(W),
            result["certified"].sum(),
            len(result["minima"]),
            result["minimum_certified"].sum(),
        )
