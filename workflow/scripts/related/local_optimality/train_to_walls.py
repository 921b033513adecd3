"""Train networks until the step has decayed, count the samples on walls, and classify each end."""

import numpy as np

from relucells.certify.stored import pack_points
from relucells.examination.points import Found, end_of_descent, nearest_point
from relucells.examination.problem import problem_and_network
from relucells.pipeline.job import job, write_npz
from relucells.related.local_optimality import draw, initial, on_walls, train
from relucells.samples.randomness import stream


def starts(N: int, d: int, K: int, runs: int, seed: int) -> tuple[np.ndarray, ...]:
    """X, y, W, z of so many runs, each on samples of its own."""
    found = []
    for run in range(runs):
        rng = stream(seed, "local_optimality", N, d, K, run)
        found.append((*draw(N, d, rng), *initial(d, K, rng)))
    return tuple(np.stack(parts) for parts in zip(*found, strict=True))


def end_of_run(X, y, W, z, near: float, max_cells: int) -> tuple[Found | None, Found]:
    """The certified critical point near the end of a run, and where exact descent goes from it."""
    problem, net = problem_and_network(X, y, W, z, None, None)
    end = end_of_descent(problem, net, max_cells)
    return nearest_point(problem, net, end, near), end


def row(X, W, loss: float, point: Found | None, end: Found, threshold: float) -> dict:
    """One run: pairs on walls by the threshold and at the certified point, its kind, its distance."""
    dead = ~(X @ W.T > 0).any(axis=0)
    certified = point is not None and point.certificate is not None
    return {
        "loss": loss,
        "on_walls": on_walls(X, W, threshold),
        "dead_neurons": int(dead.sum()),
        "kind": point.kind if certified else "not stationary",
        "point_loss": point.loss if certified else np.nan,
        "point_on_walls": len(point.certificate.boundary) if certified else -1,
        "relative_distance": point.relative_distance if certified else np.nan,
        "descent": end.kind,
        "descent_loss": end.loss,
        "descent_relative_distance": end.relative_distance,
    }


def follow(N: int, d: int, K: int, seed: int, settings: dict) -> tuple[list[dict], list]:
    """A row and, where there is one, a certificate for each run."""
    X, y, W, z = starts(N, d, K, settings["runs"], seed)
    trained = train(X, y, W, z, settings["step"], settings["decay"], settings["steps"])
    rows, certificates = [], []
    for n, loss in enumerate(trained.loss):
        ends = end_of_run(X[n], y[n], trained.W[n], trained.z[n], settings["near"], settings["max_cells"])
        rows.append({"run": n} | row(X[n], trained.W[n], loss, *ends, settings["near_wall"]))
        if ends[0] is not None and ends[0].certificate is not None:
            certificates.append(ends[0].certificate)
    return rows, certificates


if __name__ == "__main__":
    with job(snakemake) as log:
        case = {name: int(snakemake.wildcards[name]) for name in ("N", "d", "K")}
        rows, certificates = follow(**case, seed=snakemake.params.seed, settings=snakemake.params.settings)
        write_npz(snakemake.output.runs, **{key: np.array([row[key] for row in rows]) for key in rows[0]})
        write_npz(snakemake.output.certificates, **pack_points(certificates))
        kinds = [row["kind"] for row in rows]
        log.info("%s: %s", case, {kind: kinds.count(kind) for kind in sorted(set(kinds))})
