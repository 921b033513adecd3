"""One series of the map: cells of fresh data and weights at each N, until none of them holds a minimum."""

from collections import Counter
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from relucells.cells import pattern as cells
from relucells.cells.inspection import draw_weights
from relucells.certify import sign_free
from relucells.pipeline.arrays import read_images
from relucells.pipeline.job import UserError, job, write_npz
from relucells.samples.gaussian import embed, two_gaussians
from relucells.samples.images import augment, pixels, pooled
from relucells.samples.inputs import prepare
from relucells.samples.randomness import stream
from relucells.search.decide import decide
from relucells.transition.geometry import cone_dimension, covered, geometry

VERDICTS = ("none", "genuine", "undecided")  # their codes in the file; −1 is not asked
NOT_ASKED = -1
SHARES = ("sampled", "exists", "full_rank", "covered")
CONES = 5  # neurons of a cell whose cones are measured
QUIET = 2  # successive N without a success after which a share counts as 0 from there on

Draw = Callable[[int, np.random.Generator], tuple[NDArray[np.float64], NDArray[np.float64]]]


def gaussian_samples(kind: dict, d: int) -> Draw:
    """Two Gaussian classes, X (N, d + 1) and y (N,): the paper's, with what the kind changes."""
    r = kind["rank"] or d

    def draw(N: int, rng: np.random.Generator):
        X, y = two_gaussians(r, N, rng, kind["distance"])
        return (embed(X, d) if r < d else X), y

    return draw


def image_samples(kind: dict, d: int, path: Path) -> tuple[Draw, int, str]:
    """Random images of two classes pooled to d values, how many samples there can be, and their source."""
    images, labels, data_source = read_images(path)
    try:
        members = [
            pooled(pixels(images[labels == label], kind["grey"]), d) if (labels == label).any() else []
            for label in kind["classes"]
        ]
    except ValueError as error:
        raise UserError(f"{path}: {error}") from None
    for label, rows in zip(kind["classes"], members, strict=True):
        if len(rows) < 2:
            raise UserError(
                f"transition.kinds: {len(rows)} images of class {label} in {path} (source {data_source})"
            )

    def draw(N: int, rng: np.random.Generator):
        chosen = [rows[rng.choice(len(rows), N // 2, replace=False)] for rows in members]
        return augment(np.concatenate(chosen)), np.repeat([1.0, -1.0], N // 2)

    return draw, 2 * min(map(len, members)), str(data_source)


def with_labels(draw: Draw, labels: str) -> Draw:
    """The same samples, their labels shuffled if they are to be random."""
    if labels == "classes":
        return draw

    def shuffled(N: int, rng: np.random.Generator):
        X, y = draw(N, rng)
        return X, rng.permutation(y)

    return shuffled


def examine(
    X: NDArray, y: NDArray, K: int, bias: float, weights: str, asked: dict, rng: np.random.Generator
) -> dict[str, float]:
    """What one random cell shows. ``asked``: linear programs for sampled and exists, None: not asked."""
    inputs = prepare(X)
    W, z = draw_weights(rng, K, X.shape[1], bias, weights)
    pattern = cells.activation_pattern(inputs, W)
    signs = np.where(z > 0, 1, -1)
    measured = pattern[:, rng.choice(K, min(K, CONES), replace=False)].T
    found = {
        "full_rank": cells.rank(inputs, pattern) == len(y),
        "covered": covered(y, pattern, signs),
        "rank": inputs.rank,
        "cone_dimension": float(np.mean([cone_dimension(inputs, column, rng) for column in measured])),
        "sampled": NOT_ASKED,
        "exists": NOT_ASKED,
        "sampled_programs": 0,
        "exists_programs": 0,
        "sampled_proven": 0,
        "exists_proven": 0,
        "exists_at_once": 0,
    }
    if asked["sampled"] is not None:
        decision = decide(inputs, y, pattern, signs, margin="sign", program_limit=asked["sampled"])
        found["sampled"] = VERDICTS.index(decision.verdict)
        found["sampled_programs"] = decision.programs
        found["sampled_proven"] = int(decision.level == "proven")
    if asked["exists"] is not None:
        if found["sampled"] == VERDICTS.index("genuine"):
            found["exists"] = found["sampled"]  # the drawn signs are some signs
            found["exists_proven"] = found["sampled_proven"]
        else:
            decision = decide(inputs, y, pattern, "exists", margin="sign", program_limit=asked["exists"])
            found["exists"] = VERDICTS.index(decision.verdict)
            found["exists_programs"] = decision.programs
            found["exists_proven"] = int(decision.level == "proven")
            found["exists_at_once"] = int(decision.reason == sign_free.KIND)
    return found


def map_series(seed: int, name: str, entry: dict, draw: Draw, largest: int) -> dict[str, NDArray]:
    """All points of a series, up to ``largest`` samples: arrays (points, draws), and N (points,).

    A draw depends on (seed, name, N, draw) alone. A share is no longer asked for after two successive N
    without a success and without an undecided cell. So the N that are visited depend on the draws alone.
    """
    points, sizes = [], []
    quiet = dict.fromkeys(SHARES, 0)
    for N in [N for N in entry["N"] if N <= largest]:
        programs = {
            "sampled": entry["programs"]["sampled"] if quiet["sampled"] < QUIET else None,
            "exists": entry["programs"]["exists"] if quiet["exists"] < QUIET else None,
        }
        drawn = []
        for number in range(entry["draws"]):
            rng = stream(seed, "transition", name, N, number)
            X, y = draw(N, rng)
            asked = programs | ({"exists": None} if number >= entry["exists"] else {})
            drawn.append(examine(X, y, entry["K"], entry["bias"], entry["weights"], asked, rng))
        point = {key: np.array([cell[key] for cell in drawn]) for key in drawn[0]}
        points.append(point)
        sizes.append(N)
        for share in SHARES:
            quiet[share] = quiet[share] + 1 if (point[share] <= 0).all() else 0
        if all(quiet[share] >= QUIET for share in SHARES):
            break
    columns = {key: np.stack([point[key] for point in points]).astype(float) for key in points[0]}
    whole = {key: values.astype(int) for key, values in columns.items() if key != "cone_dimension"}
    return {"N": np.array(sizes), **columns, **whole}


def describe(seed: int, name: str, entry: dict, draw: Draw, N: int) -> dict[str, float]:
    """Mean ``Geometry`` of the data of this kind at N samples, over as many draws as a point has."""
    drawn = []
    for number in range(entry["draws"]):
        rng = stream(seed, "transition geometry", name, N, number)
        X, y = draw(N, rng)
        W, _ = draw_weights(rng, entry["K"], X.shape[1], entry["bias"], entry["weights"])
        drawn.append(asdict(geometry(prepare(X), y, cells.activation_pattern(X, W))))
    return {key: float(np.mean([each[key] for each in drawn])) for key in drawn[0]}


def source_of(name: str, entry: dict, files: list[str]) -> tuple[Callable, int, int, str]:
    """How a series draws its samples, how many it can have, the N of its geometry, and the data_source."""
    kind, largest, data_source = entry["sample"], max(entry["N"]), "gaussian"
    if kind["source"] == "gaussian":
        draw = gaussian_samples(kind, entry["d"])
    else:
        draw, largest, data_source = image_samples(kind, entry["d"], Path(files[0]))
    reference = min(entry["reference_N"], largest)
    if largest < min(entry["N"]) or reference < 4:
        raise UserError(f"transition.kinds: too few images for {name}, at most {largest} samples")
    return with_labels(draw, kind["labels"]), largest, reference, data_source


if __name__ == "__main__":
    with job(snakemake) as log:
        seed, name, entry = snakemake.params.seed, snakemake.wildcards.series, snakemake.params.entry
        draw, largest, reference, data_source = source_of(name, entry, snakemake.input)
        result = map_series(seed, name, entry, draw, largest)
        geometry = describe(seed, name, entry, draw, reference)
        shape = {f"geometry_{key}": np.array(value) for key, value in geometry.items()}
        write_npz(snakemake.output[0], data_source=np.array(data_source), **result, **shape)
        for share in SHARES:
            counts = Counter(result[share].ravel().tolist())
            log.info("%s: %d of %d", share, counts[1], sum(counts.values()) - counts[NOT_ASKED])
