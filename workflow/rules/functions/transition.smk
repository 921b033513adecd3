"""The series of the map of genuine minima, as the config section `transition` asks for them."""

from itertools import combinations, product

from relucells.pipeline.names import even_grid

MAPPED = config["transition"]
OPTIONAL = {
    "gaussian": {"distance": 2, "rank": None, "labels": "classes"},
    "images": {"grey": "rgb2gray", "labels": "classes"},
}


def kinds_of_entry(name, entry):
    """The kinds that an entry of the config stands for; of more than two classes, every pair is one."""
    if entry["source"] == "gaussian":
        return {name: OPTIONAL["gaussian"] | entry}
    sample = OPTIONAL["images"] | entry
    if len(sample["classes"]) == 2:
        return {name: sample}
    return {
        "_".join(map(str, [name, *pair])): sample | {"classes": list(pair)}
        for pair in combinations(sample["classes"], 2)
    }


def samples_of_kinds():
    """Every kind of data by its name."""
    kinds = {}
    for name, entry in MAPPED["kinds"].items():
        for kind, sample in kinds_of_entry(name, entry).items() if entry else ():
            if kind in kinds or (kind != name and MAPPED["kinds"].get(kind)):
                sys.exit(
                    f"config: transition.kinds.{kind}: a pair of classes of another kind has this name; "
                    "choose another one"
                )
            kinds[kind] = sample
    return kinds


def families_of_kinds():
    """The config's entry of every kind that is a pair of its classes."""
    return {
        kind: name
        for name, entry in MAPPED["kinds"].items()
        for kind in (kinds_of_entry(name, entry) if entry else ())
        if kind != name
    }


def repeated_kinds():
    """Pairs of classes that are a kind of the config's as well, with its name."""

    def population(sample):
        return {key: value for key, value in sample.items() if key != "sweeps"}

    kinds, families = samples_of_kinds(), families_of_kinds()
    return {
        pair: kind
        for pair in families
        for kind in kinds
        if kind not in families and population(kinds[kind]) == population(kinds[pair])
    }


def series_of_kinds():
    """Every series by its name, with all that it depends on; of one that is asked for twice, the most."""
    grid, series = MAPPED["grid"], {}
    shared = {
        "programs": MAPPED["program_limit"],
        "reference_N": MAPPED["reference_N"],
        "weights": config["sample_weights"]["bias"],
    }
    for kind, sample in samples_of_kinds().items():
        for sweep in sample["sweeps"]:
            to = sweep.get("to", grid["to"])
            sizes = even_grid(grid["from"], to, grid["per_doubling"])
            if not sizes:
                sys.exit(
                    f"config: transition.kinds.{kind}: no N from {grid['from']} to {to}"
                )
            for d, K, bias in product(sweep["d"], sweep["K"], sweep["biases"]):
                if sample["source"] == "gaussian" and d < (sample["rank"] or 0):
                    sys.exit(
                        f"config: transition.kinds.{kind}.rank: {sample['rank']} is more than d = {d}"
                    )
                name = f"{kind}_d{d}_K{K}_bias{bias_token(bias)}"
                before = series.get(name, {"draws": 0, "exists": 0, "N": []})
                series[name] = {
                    **shared,
                    "kind": kind,
                    "sample": {k: v for k, v in sample.items() if k != "sweeps"},
                    "N": max(before["N"], sizes, key=len),
                    "d": d,
                    "K": K,
                    "bias": bias,
                    "draws": max(before["draws"], sweep.get("draws", MAPPED["draws"])),
                    "exists": max(before["exists"], sweep.get("exists", 0)),
                }
    if not series:
        sys.exit("config: transition.kinds: every entry is null; keep at least one")
    at = MAPPED["compare"]
    if not any(all(entry[key] == at[key] for key in at) for entry in series.values()):
        sys.exit(
            f"config: transition.compare: no sweep has d = {at['d']}, K = {at['K']}, bias = {at['bias']:g}; "
            "give those of a series"
        )
    return in_order(series)


def images_of_series(wildcards):
    source = SERIES[wildcards.series]["sample"]["source"]
    return [] if source == "gaussian" else f"data/images/{source}.npz"


def transition_result(name, caption, contents, kind):
    """A file of results/transition with its caption."""
    return report(
        f"results/transition/{name}",
        caption=f"../report/transition/{caption}.rst",
        category="Transition",
        labels={"contents": contents, "kind": kind},
    )
