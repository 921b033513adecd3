"""The series of the map of genuine minima, as the config section `transition` asks for them."""

from itertools import combinations, product

from _plan import even_grid

MAPPED = config["transition"]
OPTIONAL = {
    "gaussian": {"distance": 2, "rank": None, "labels": "classes"},
    "images": {"grey": "rgb2gray", "labels": "classes"},
}


def samples_of_kinds():
    """Every kind of data by its name; of more than two classes, every pair is a kind."""
    kinds = {}
    for name, kind in MAPPED["kinds"].items():
        if kind is None:
            continue
        source = "gaussian" if kind["source"] == "gaussian" else "images"
        sample = OPTIONAL[source] | kind
        if source == "gaussian" or len(sample["classes"]) == 2:
            kinds[name] = sample
            continue
        for pair in combinations(sample["classes"], 2):
            kinds["_".join(map(str, [name, *pair]))] = sample | {"classes": list(pair)}
    return kinds


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
    return in_order(series)


def images_of_series(wildcards):
    source = SERIES[wildcards.series]["sample"]["source"]
    return [] if source == "gaussian" else f"data/images/{source}.npz"


def transition_result(name, caption, contents, kind):
    """A file of results/transition with its caption."""
    return report(
        f"results/transition/{name}",
        caption=f"../report/{caption}.rst",
        category="Transition",
        labels={"contents": contents, "kind": kind},
    )
