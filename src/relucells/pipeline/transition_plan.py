"""The series of the map of genuine minima that the config section `transition` asks for."""

from collections.abc import Mapping
from itertools import combinations, product
from typing import Any

from relucells.pipeline.names import bias_token, even_grid
from relucells.pipeline.run_config import ConfigError, in_order

# Defaults of keys that an entry may leave out.
OPTIONAL: dict[str, dict[str, Any]] = {
    "gaussian": {"distance": 2, "rank": None, "labels": "classes"},
    "images": {"grey": "rgb2gray", "labels": "classes"},
}


def kinds_of_entry(name: str, entry: Mapping[str, Any]) -> dict[str, dict]:
    """The kinds that an entry of the config stands for; of more than two classes, every pair is one."""
    if entry["source"] == "gaussian":
        return {name: {**OPTIONAL["gaussian"], **entry}}
    sample = {**OPTIONAL["images"], **entry}
    if len(sample["classes"]) == 2:
        return {name: sample}
    return {
        "_".join(map(str, [name, *pair])): sample | {"classes": list(pair)}
        for pair in combinations(sample["classes"], 2)
    }


def samples_of_kinds(kinds: Mapping[str, Any]) -> dict[str, dict]:
    """Every kind of data by its name."""
    found: dict[str, dict] = {}
    for name, entry in kinds.items():
        for kind, sample in kinds_of_entry(name, entry).items() if entry else ():
            if kind in found or (kind != name and kinds.get(kind)):
                raise ConfigError(
                    f"transition.kinds.{kind}: a pair of classes of another kind has this name; "
                    "choose another one"
                )
            found[kind] = sample
    return found


def families_of_kinds(kinds: Mapping[str, Any]) -> dict[str, str]:
    """The config's entry of every kind that is a pair of its classes."""
    return {
        kind: name
        for name, entry in kinds.items()
        for kind in (kinds_of_entry(name, entry) if entry else ())
        if kind != name
    }


def classes_of_kinds(kinds: Mapping[str, Any]) -> dict[str, list]:
    """The two classes of every kind that is a pair of a larger entry's."""
    samples = samples_of_kinds(kinds)
    return {kind: list(samples[kind]["classes"]) for kind in families_of_kinds(kinds)}


def repeated_kinds(kinds: Mapping[str, Any]) -> dict[str, str]:
    """Pairs of classes that the config also has as a kind of its own, with the name of that kind."""

    def population(sample: dict) -> dict:
        return {key: value for key, value in sample.items() if key != "sweeps"}

    samples, families = samples_of_kinds(kinds), families_of_kinds(kinds)
    return {
        pair: kind
        for pair in families
        for kind in samples
        if kind not in families and population(samples[kind]) == population(samples[pair])
    }


def series_of_kinds(config: Mapping[str, Any]) -> dict[str, dict]:
    """Every series by its name, with all that it depends on.

    If one is asked for twice, the larger request counts.
    """
    section = config["transition"]
    series: dict[str, dict] = {}
    shared = {
        "programs": section["program_limit"],
        "reference_N": section["reference_N"],
        "weights": config["sample_weights"]["bias"],
    }
    for kind, sample in samples_of_kinds(section["kinds"]).items():
        for sweep in sample["sweeps"]:
            sizes = _sizes(section["grid"], sweep, kind)
            for d, K, bias in product(sweep["d"], sweep["K"], sweep["biases"]):
                if sample["source"] == "gaussian" and d < (sample["rank"] or 0):
                    raise ConfigError(f"transition.kinds.{kind}.rank: {sample['rank']} is more than d = {d}")
                name = f"{kind}_d{d}_K{K}_bias{bias_token(bias)}"
                before = series.get(name, {"bias": bias, "draws": 0, "exists": 0, "N": []})
                if before["bias"] != bias:
                    raise ConfigError(
                        f"transition.kinds.{kind}.sweeps: biases {before['bias']!r} and {bias!r} have the "
                        f"same name in paths, {bias_token(bias)}; keep one"
                    )
                series[name] = {
                    **shared,
                    "kind": kind,
                    "sample": {k: v for k, v in sample.items() if k != "sweeps"},
                    "N": max(before["N"], sizes, key=len),
                    "d": d,
                    "K": K,
                    "bias": bias,
                    "draws": max(before["draws"], sweep.get("draws", section["draws"])),
                    "exists": max(before["exists"], sweep.get("exists", 0)),
                }
    _check_series(series, section["compare"])
    return in_order(series)


def _sizes(grid: Mapping[str, Any], sweep: Mapping[str, Any], kind: str) -> list[int]:
    """The N of a sweep."""
    to = sweep.get("to", grid["to"])
    sizes = even_grid(grid["from"], to, grid["per_doubling"])
    if not sizes:
        key = f"transition.kinds.{kind}.sweeps" if "to" in sweep else "transition.grid"
        raise ConfigError(f"{key}: no N from {grid['from']} to {to}; make transition.grid.from smaller")
    return sizes


def _check_series(series: Mapping[str, Mapping], at: Mapping[str, Any]) -> None:
    if not series:
        raise ConfigError("transition.kinds: every entry is null; keep at least one")
    if not any(all(entry[key] == at[key] for key in at) for entry in series.values()):
        raise ConfigError(
            f"transition.compare: no sweep has d = {at['d']}, K = {at['K']}, bias = {at['bias']:g}; "
            "give those of a series"
        )


def series_files(series: Mapping[str, Mapping]) -> list[str]:
    return [f"results/transition/series/{name}.npz" for name in series]


def image_file(entry: Mapping[str, Any]) -> str | list[str]:
    """The images of a series; none for Gaussian ones, which are drawn."""
    source = entry["sample"]["source"]
    return [] if source == "gaussian" else f"data/images/{source}.npz"
