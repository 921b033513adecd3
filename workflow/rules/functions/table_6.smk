"""The experiments behind Table VI, as printed and under other readings of the paper."""

GAUSSIAN_CELLS = {f"gaussian_d{d}": d for d in config["table_6"]["gaussian_d"]}
CELLS = [*config["table_6"]["images"], *GAUSSIAN_CELLS]

# How an image experiment may be understood: the choice of images with the grey conversion. `printed` is
# the configured reading.
READINGS = {
    f"{choice}_{grey}": {"choice": choice, "grey": grey}
    for choice in ("every_class", "two_classes", "first")
    for grey in ("rgb2gray", "average")
}
READING_FIGURES = ["weights", "sign", "data", "diameters", "images", "open"]


def experiment_settings(wildcards):
    """What one experiment of Table VI depends on, under the reading that the path names."""
    section = {
        key: value
        for key, value in config["table_6"].items()
        if key not in ("images", "gaussian_d", "N", "repetitions", "open_beyond")
    }
    return dict(sorted((section | READINGS.get(wildcards.get("reading"), {})).items()))


def image_file(wildcards):
    if wildcards.cells in GAUSSIAN_CELLS:
        return []
    return f"data/images/{wildcards.cells}.npz"


def repeated_files(reading, cells=CELLS, sizes=config["table_6"]["N"]):
    return expand(
        "results/diameters/repeated/{reading}/{cells}_{N}.npz",
        reading=reading,
        cells=cells,
        N=sizes,
    )


def other_readings():
    """Experiments under readings that the configuration does not follow, for the images that it names.

    `some` leaves out `first`, whose images are as mixed as every_class's, readings that differ in both
    respects, and CIFAR-10 at the larger N, which would take most of the time.
    """
    section, every = (
        config["table_6"],
        config["draw_readings"]["image_readings"] == "all",
    )
    files = []
    for reading, change in READINGS.items():
        differs = [key for key, value in change.items() if section[key] != value]
        if (
            not differs
            or not every
            and (len(differs) > 1 or change["choice"] == "first")
        ):
            continue
        for cells in section["images"]:
            if cells == "cifar10":
                sizes = section["N"] if every else [min(section["N"])]
                files += repeated_files(reading, [cells], sizes)
            elif "grey" not in differs:
                files += repeated_files(reading, [cells])
    return files


PAPER += expand(
    "results/tables/{table}.{format}",
    table=["table_6", "cell_counts", "readings"],
    format=["csv", "md", "tex"],
)
PAPER += expand(
    "results/figures/{figure}.{format}",
    figure=["table_6_tail", *(f"readings_{name}" for name in READING_FIGURES)],
    format=["pdf", "png"],
)
PAPER += ["results/diameters/repeated_means.csv", "results/readings.csv"]


wildcard_constraints:
    cells="|".join(map(re.escape, CELLS)),
    reading="|".join(["printed", *READINGS]),
    N=r"\d+",
