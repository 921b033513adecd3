"""Is the minimum in its cell, on every image of two classes? Decided under every convention and checked."""

import resource
import time
from collections import Counter

import numpy as np

from relucells.cells import pattern as cells
from relucells.cells.factorised import large_minimum
from relucells.cells.inspection import sample_weights
from relucells.certify.certificates import Decision, pack
from relucells.certify.verify import verification_level
from relucells.pipeline.arrays import read_arrays
from relucells.pipeline.decisions import CONVENTIONS
from relucells.pipeline.job import UserError, job, write_npz
from relucells.samples.images import augment, first_of_class, pixels
from relucells.samples.inputs import Inputs, prepare
from relucells.search.decide import decide


def two_classes(
    images: np.ndarray, labels: np.ndarray, classes: list[int], N: int | None
) -> tuple[np.ndarray, np.ndarray]:
    """Augmented samples X and y of ±1: the first N/2 images of each class, or all of them."""
    counts = [N // 2 if N else int((labels == label).sum()) for label in classes]
    rows = [first_of_class(labels, label, count) for label, count in zip(classes, counts, strict=True)]
    return augment(pixels(images[np.concatenate(rows)])), np.repeat([1.0, -1.0], counts)


def decide_cell(
    inputs: Inputs, y: np.ndarray, pattern: np.ndarray, z: np.ndarray, program_limit: int | None
) -> tuple[dict[str, Decision], dict[str, str], int]:
    """The decision on one cell by convention, how each certificate was verified, and rank A.

    All questions about a cell are asked in turn: where it is large, they share one factorisation.
    """
    asked = {name: np.where(z > 0, 1, -1) if name == "sampled" else name for name in CONVENTIONS}
    decisions = {
        name: decide(inputs, y, pattern, signs, margin="sign", program_limit=program_limit)
        for name, signs in asked.items()
    }
    levels = {name: verification_level(inputs, y, pattern, decision) for name, decision in decisions.items()}
    minimum = large_minimum(inputs, y, pattern)
    return decisions, levels, minimum.rank if minimum else cells.rank(inputs, pattern)


if __name__ == "__main__":
    with job(snakemake) as log:
        wildcards, params = snakemake.wildcards, snakemake.params
        settings, path = params.settings, snakemake.input[0]
        images, labels, data_source = read_arrays(path, "images", "labels", "data_source")
        try:
            N = None if wildcards.N == "all" else int(wildcards.N)
            X, y = two_classes(images, labels, settings["classes"], N)
            inputs = prepare(X)
        except ValueError as error:
            reason = str(error).removeprefix("per_class: ")
            raise UserError(f"full_scale: {reason} in {path} (source {data_source})") from None
        log.info("%d samples in %d dimensions, rank X = %d", *X.shape, inputs.rank)
        drawn = sample_weights(
            params.seed,
            settings["images"],
            wildcards.bias,
            range(settings["trials"]),
            int(wildcards.K),
            X.shape[1],
            params.draw,
        )
        found: dict[str, list] = {name: [] for name in CONVENTIONS}
        checked: dict[str, list] = {name: [] for name in CONVENTIONS}
        ranks, activated = [], []
        for trial, W, z in zip(drawn["trial"], drawn["W"], drawn["z"], strict=True):
            start = time.process_time()
            pattern = cells.activation_pattern(inputs, W)
            decisions, levels, rank = decide_cell(inputs, y, pattern, z, settings["program_limit"])
            for name in CONVENTIONS:
                found[name].append(decisions[name])
                checked[name].append(levels[name])
            ranks.append(rank)
            activated.append(pattern.mean())
            verdicts = ", ".join(f"{name} {decisions[name].verdict}" for name in CONVENTIONS)
            seconds = time.process_time() - start
            log.info("trial %d: %s; rank A = %d; %.1f s of CPU time", trial, verdicts, rank, seconds)
        arrays = {f"{name}_{key}": value for name, ds in found.items() for key, value in pack(ds).items()}
        arrays |= {f"{name}_level": np.array(levels, dtype="U9") for name, levels in checked.items()}
        arrays |= {"trial": drawn["trial"], "rank": np.array(ranks), "activated": np.array(activated)}
        sizes = {"N": np.array(len(X)), "data_source": np.array(str(data_source))}
        write_npz(snakemake.output[0], **arrays, **sizes)
        for name, levels in checked.items():
            decided = [n for n, d in enumerate(found[name]) if d.verdict != "undecided"]
            counts = Counter(levels[n] for n in decided)
            how = ", ".join(f"{n} {level}" for level, n in counts.items())
            log.info("%s: %d of %d decided; checked: %s", name, len(decided), len(levels), how or "none")
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
        log.info("%.0f s of CPU time, at most %.2f GiB of memory", time.process_time(), peak)
