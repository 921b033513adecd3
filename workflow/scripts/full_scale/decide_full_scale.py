"""Is the minimum in its cell, on every image of two classes? Decided under every convention and checked."""

import time
from collections import Counter
from logging import Logger

import numpy as np

from relucells.cells import pattern as cells
from relucells.cells.factorised import large_minimum
from relucells.cells.inspection import sample_weights
from relucells.certify.certificates import Decision
from relucells.certify.verify import verification_level
from relucells.pipeline.arrays import read_images
from relucells.pipeline.conventions import ASKED, CONVENTIONS
from relucells.pipeline.decisions import write_decisions
from relucells.pipeline.image_sets import remedy
from relucells.pipeline.job import UserError, job
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

    All questions about a cell are asked in turn, so that those about a large cell share one factorisation.
    """
    decisions = {
        name: decide(inputs, y, pattern, asked.signs(z), margin="sign", program_limit=program_limit)
        for name, asked in ASKED.items()
    }
    levels = {name: verification_level(inputs, y, pattern, decision) for name, decision in decisions.items()}
    minimum = large_minimum(inputs, y, pattern)
    return decisions, levels, minimum.rank if minimum else cells.rank(inputs, pattern)


def samples_of(path: str, settings: dict, N: int | None) -> tuple[np.ndarray, np.ndarray, str]:
    """X, y and their data_source. UserError names the images that are missing."""
    images, labels, data_source = read_images(path)
    try:
        return *two_classes(images, labels, settings["classes"], N), str(data_source)
    except ValueError as error:
        reason = str(error).removeprefix("per_class: ")
        more = remedy(path, str(data_source), len(images))
        raise UserError(f"full_scale: {reason} in {path} (source {data_source}); {more}") from None


def decide_cells(
    X: np.ndarray, y: np.ndarray, drawn: dict[str, np.ndarray], program_limit: int | None, log: Logger
) -> tuple[dict[str, list[Decision]], dict[str, list[str]], dict[str, np.ndarray]]:
    """Decisions on the cells of the drawn weights, and how each was checked, by convention.

    Also for each cell rank A (``rank``) and its share of active pairs (``activated``).
    """
    inputs = prepare(X)
    log.info("%d samples in %d dimensions, rank X = %d", *X.shape, inputs.rank)
    found: dict[str, list[Decision]] = {name: [] for name in CONVENTIONS}
    checked: dict[str, list[str]] = {name: [] for name in CONVENTIONS}
    ranks, activated = [], []
    for trial, W, z in zip(drawn["trial"], drawn["W"], drawn["z"], strict=True):
        start = time.process_time()
        pattern = cells.activation_pattern(inputs, W)
        decisions, levels, rank = decide_cell(inputs, y, pattern, z, program_limit)
        for name in CONVENTIONS:
            found[name].append(decisions[name])
            checked[name].append(levels[name])
        ranks.append(rank)
        activated.append(pattern.mean())
        verdicts = ", ".join(f"{name} {decisions[name].verdict}" for name in CONVENTIONS)
        seconds = time.process_time() - start
        log.info("trial %d: %s; rank A = %d; %.1f s of CPU time", trial, verdicts, rank, seconds)
    return found, checked, {"rank": np.array(ranks), "activated": np.array(activated)}


def summary(decisions: list[Decision], levels: list[str]) -> str:
    """How many cells were decided, and how that was checked."""
    decided = [level for level, d in zip(levels, decisions, strict=True) if d.verdict != "undecided"]
    how = ", ".join(f"{n} {level}" for level, n in Counter(decided).items())
    return f"{len(decided)} of {len(levels)} decided; checked: {how or 'none'}"


if __name__ == "__main__":
    with job(snakemake) as log:
        wildcards, params = snakemake.wildcards, snakemake.params
        settings, K = params.settings, int(wildcards.K)
        N = None if wildcards.N == "all" else int(wildcards.N)
        X, y, source = samples_of(snakemake.input[0], settings, N)
        name, trials, D = settings["images"], range(settings["trials"]), X.shape[1]
        drawn = sample_weights(params.seed, name, wildcards.bias, trials, K, D, params.draw)
        found, checked, cell = decide_cells(X, y, drawn, settings["program_limit"], log)
        facts = cell | {"trial": drawn["trial"], "images": name, "K": K, "N": len(X), "data_source": source}
        for path, (name, decisions) in zip(snakemake.output, found.items(), strict=True):
            level = np.array(checked[name], dtype="U9")
            write_decisions(path, name, decisions, **facts, bias=wildcards.bias, checked=level)
            log.info("%s: %s", name, summary(decisions, checked[name]))
