"""Gradient descent from certified minima, from points near them, and from the drawn weights."""

from collections import Counter
from collections.abc import Mapping

import numpy as np

from relucells.cells.pattern import activation_pattern
from relucells.certify.certificates import Decision
from relucells.descent import descend
from relucells.pipeline.decisions import read_decisions
from relucells.pipeline.job import job, write_npz
from relucells.samples.inputs import Inputs, prepare
from relucells.samples.randomness import stream

STARTS = ("witness", "perturbed", "drawn")
ASKED_FOR = ("sampled", "exists")  # conventions whose witnesses are followed, the first one first


def network_of(decision: Decision, W: np.ndarray, z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Weights with R_j = z_j w_j and |z_j| = ‖w_j‖; neurons that are dead keep the drawn weights."""
    alive = decision.R.any(axis=1)
    root = np.sqrt(np.linalg.norm(decision.R, axis=1))
    w = decision.R * (decision.signs / np.where(alive, root, 1.0))[:, None]
    return np.where(alive[:, None], w, W), np.where(alive, decision.signs * root, z)


def stable_step(inputs: Inputs, W: np.ndarray, z: np.ndarray) -> float:
    """1/λ for the largest eigenvalue λ of (2/N) J Jᵀ, J the Jacobian of the outputs in (W, z).

    This is half the largest step at which gradient descent on the squared loss is stable, if the residual is
    neglected. 0 if nothing is active.
    """
    from scipy.sparse.linalg import LinearOperator, eigsh

    values = inputs.X @ W.T
    if not (values > 0).any():
        return 0.0
    active = (values > 0).astype(float)
    outputs = active * values

    def product(v: np.ndarray) -> np.ndarray:
        by_W = ((active * v.reshape(-1, 1)).T @ inputs.X) * z[:, None] ** 2
        return (active * (inputs.X @ by_W.T)).sum(axis=1) + outputs @ (outputs.T @ v.ravel())

    N = len(values)
    operator = LinearOperator((N, N), matvec=product, dtype=float)
    largest = eigsh(operator, k=1, v0=np.ones(N), return_eigenvectors=False)[0]
    return float(N / (2 * largest))


def perturbed(
    inputs: Inputs, W: np.ndarray, z: np.ndarray, share: float, generator: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Each w_j is moved in a random direction by ``share`` of its distance to the nearest boundary of its
    cell, and each z_j is scaled by at most as much."""
    distance = (np.abs(inputs.X @ W.T) / np.linalg.norm(inputs.X, axis=1)[:, None]).min(axis=0)
    direction = generator.standard_normal(W.shape)
    direction *= (share * distance / np.linalg.norm(direction, axis=1))[:, None]
    return W + direction, z * (1 + share * generator.uniform(-1, 1, len(z)))


def follow(
    inputs: Inputs,
    y: np.ndarray,
    networks: dict[str, tuple[np.ndarray, np.ndarray]],
    settings: dict,
) -> list[dict]:
    """One run of gradient descent per start, each with the largest step that is stable there."""
    runs = []
    for start, (W, z) in networks.items():
        step = max(settings["step"], stable_step(inputs, W, z))
        end = descend(inputs, y, W, z, step, settings["gradient_tolerance"], settings["max_steps"])
        output = np.maximum(inputs.X @ end.W.T, 0) @ end.z
        loss = float(np.mean((output - y) ** 2))
        runs.append({"start": start, "outcome": end.outcome, "steps": end.steps, "step": step, "loss": loss})
    return runs


def follow_block(
    inputs: Inputs, y: np.ndarray, block: tuple[dict, Mapping], settings: dict, seed: int, wanted: int
) -> list[dict]:
    """Runs from at most ``wanted`` witnesses of a block: its weights.npz, and its decisions by convention."""
    weights, found = block
    rows: list[dict] = []
    for n, number in enumerate(weights["trial"]):
        genuine = [name for name in ASKED_FOR if found[name][n].verdict == "genuine"]
        if len(rows) >= len(STARTS) * wanted or not genuine:
            continue
        decision, W, z = found[genuine[0]][n], weights["W"][n], weights["z"][n]
        start = network_of(decision, W, z)
        if not (activation_pattern(inputs, start[0]) == activation_pattern(inputs, W)).all():
            continue  # the witness touches the boundary of its cell
        generator = stream(seed, str(weights["dataset"]), str(weights["bias"]), int(number), "perturbed")
        near = perturbed(inputs, *start, settings["perturbation"], generator)
        networks = dict(zip(STARTS, (start, near, (W, z)), strict=True))
        known = {"trial": number, "convention": genuine[0], "minimum": decision.loss}
        rows += [run | known for run in follow(inputs, y, networks, settings)]
    return rows


def follow_witnesses(files, settings: dict, seed: int) -> list[dict]:
    """Runs from the first witnesses of a data set and bias; ``files`` are those of the rule."""
    with np.load(files.data) as data:
        inputs, y = prepare(data["X"]), data["y"]
    rows: list[dict] = []
    for path, *decisions in zip(files.weights, *(files[name] for name in ASKED_FOR), strict=True):
        with np.load(path) as weights:
            block = dict(weights), read_decisions(decisions)
        wanted = settings["witnesses"] - len(rows) // len(STARTS)
        rows += follow_block(inputs, y, block, settings, seed, wanted)
    return rows


def columns(rows: list[dict]) -> dict[str, np.ndarray]:
    """Runs as arrays, with their types also where there is none."""
    types = {"start": "U9", "outcome": "U9", "convention": "U8", "trial": np.int64, "steps": np.int64}
    names = ("trial", "convention", "start", "outcome", "steps", "step", "loss", "minimum")
    return {name: np.array([row[name] for row in rows], dtype=types.get(name, float)) for name in names}


if __name__ == "__main__":
    with job(snakemake) as log:
        rows = follow_witnesses(snakemake.input, snakemake.params.settings, snakemake.params.seed)
        dataset, bias = snakemake.wildcards.dataset, snakemake.wildcards.bias
        write_npz(snakemake.output[0], dataset=dataset, bias=bias, **columns(rows))
        for start in STARTS:
            counts = Counter(row["outcome"] for row in rows if row["start"] == start)
            found = ", ".join(f"{n} {what}" for what, n in sorted(counts.items()))
            log.info("%s: %s", start, found or "no run")
