"""From raw images to the data sets of the experiments.

In:  data_dir (official files), torchvision's mirrors (kept in data/raw), or installed packages;
     for a data set of one's own, the npz file that its entry names
Out: data/images/{images}.npz     every training image that the source has, labels, data_source
     data/subsets/{dataset}.npz   X (N, d+1) with the constant 1 last, y (N,) of ±1, data_source
"""

# What an entry of `datasets` says about its samples; K, biases and the rest concern later rules.
SAMPLE_KEYS = {
    "gaussian": ("d", "N"),
    "mnist": ("classes", "N", "grey"),
    "cifar10": ("classes", "N", "grey"),
    "torchvision": ("classes", "N", "grey"),
    "npz": ("augmented",),
}

for name, entry in DATASETS.items():
    if entry["source"] == "npz" and not os.path.isfile(entry["path"]):
        sys.exit(f"config: datasets.{name}.path: there is no file {entry['path']}")


def sample_entry(wildcards):
    entry = DATASETS[wildcards.dataset]
    keys = ("source", *SAMPLE_KEYS[entry["source"]])
    return {key: entry[key] for key in sorted(keys) if key in entry}


def sample_file(wildcards):
    entry = DATASETS[wildcards.dataset]
    match entry["source"]:
        case "gaussian":
            return []
        case "npz":
            return entry["path"]
        case "torchvision":
            return f"data/images/{entry['name']}.npz"
        case source:
            return f"data/images/{source}.npz"


rule fetch_data:
    output:
        images="data/images/{images}.npz",
    log:
        "logs/fetch_data/{images}.log",
    wildcard_constraints:
        images="mnist|cifar10|FashionMNIST|KMNIST|CIFAR100",
    params:
        settings=dict(
            sorted({**config["fetch_data"], "data_dir": config["data_dir"]}.items())
        ),
        raw="data/raw",
        code=code_of("fetch_data"),
    script:
        "../scripts/fetch_data.py"


rule make_binary_subsets:
    input:
        sample_file,
    output:
        "data/subsets/{dataset}.npz",
    log:
        "logs/make_binary_subsets/{dataset}.log",
    params:
        entry=sample_entry,
        # Only a drawn set depends on the seed.
        seed=lambda wildcards: (
            config["seed"]
            if DATASETS[wildcards.dataset]["source"] == "gaussian"
            else None
        ),
        code=code_of("make_binary_subsets"),
    script:
        "../scripts/make_binary_subsets.py"
