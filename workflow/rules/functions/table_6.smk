"""The experiments behind Table VI, as printed and under other readings of the paper."""

GAUSSIAN_CELLS = {f"gaussian_d{d}": d for d in config["table_6"]["gaussian_d"]}
CELLS = [*config["table_6"]["images"], *GAUSSIAN_CELLS]

# A reading is how an image experiment may be understood; `printed` is the configured one. What each
# other one changes, and the image sets for which it is drawn. CIFAR-10 at N = 2000 would take most of
# the time and say nothing that N = 200 does not; the first images of either set are as mixed as every_class.
READINGS = {
    "two_classes": {"choice": "two_classes"},
    "average": {"grey": "average"},
}
READING_FIGURES = ["weights", "sign", "data", "diameters", "images"]


def experiment_settings(wildcards):
    """What one experiment of Table VI depends on, under the reading that the path names."""
    section = {
        key: value
        for key, value in config["table_6"].items()
        if key not in ("images", "gaussian_d", "N", "repetitions")
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
    """Readings that the configuration does not already follow, for the images that it names."""
    section = config["table_6"]
    files = []
    for reading, change in READINGS.items():
        if any(section[key] == value for key, value in change.items()):
            continue
        for cells in section["images"]:
            if cells == "cifar10":
                files += repeated_files(reading, [cells], [min(section["N"])])
            elif reading != "average":
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
