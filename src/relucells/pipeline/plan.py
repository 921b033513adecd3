"""What a run consists of: the data sets of the config, their blocks of trials, and the files of each."""

import stat
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from relucells.pipeline.code import content_hash
from relucells.pipeline.image_sets import IMAGE_SETS
from relucells.pipeline.names import bias_token, blocks
from relucells.pipeline.paper import BY_FILE, TRIAL_TABLES
from relucells.pipeline.run_config import ConfigError

# Keys of an entry of `datasets` that concern its samples; K, biases and the rest concern later steps.
SAMPLE_KEYS = ("N", "augmented", "classes", "d", "grey", "source")
OWN_DATA = "own_data"  # the table of data sets that belong to none of the paper's


def _at_home(key: str, path: str) -> str:
    """The path with its ~ written out."""
    try:
        return str(Path(path).expanduser())
    except (RuntimeError, ValueError):
        user = path.partition("/")[0]
        raise ConfigError(f"{key}: {path}: the home {user} is not known here; write it out") from None


def _check_file(key: str, path: str) -> None:
    """Raise ConfigError unless a file of the user's own can be read."""
    own = Path(_at_home(key, path))
    try:
        if stat.S_ISREG(own.stat().st_mode):  # opening anything else might wait for ever
            return own.open("rb").close()
        reason = "not a file"
    except FileNotFoundError:
        raise ConfigError(f"{key}: there is no file {path}") from None
    except OSError as error:
        reason = error.strerror or str(error)
    except ValueError:  # each version of Python has words of its own for it
        reason = "holds a zero character, which no path may"
    raise ConfigError(f"{key}: {path}: {reason}; give a file that can be read")


def _with_content(path: str) -> dict[str, str]:
    """A file of the user's own as a parameter of a rule: its content counts, as a hash, not its date."""
    return {"path": path, "content": content_hash(path)}


class Plan:
    """The data sets, biases and blocks of trials that a checked config asks for. Paths are relative."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        self.config = config
        # In the order of the paper's tables, data sets of one's own last.
        used = [(name, dict(entry)) for name, entry in config["datasets"].items() if entry]
        for name, entry in used:
            if "path" in entry:
                entry["path"] = _at_home(f"datasets.{name}.path", entry["path"])
        self.datasets = dict(sorted(used, key=lambda item: (item[1].get("table", "own"), item[0])))
        self.blocks = blocks(config["trials"], config["trials_per_job"])

    def check_files(self) -> None:
        """Raise ConfigError where a file of the user's cannot be read, or a home folder is not known."""
        if self.config["data_dir"]:
            _at_home("data_dir", self.config["data_dir"])
        for name, entry in self.datasets.items():
            if entry["source"] == "npz":
                _check_file(f"datasets.{name}.path", self.config["datasets"][name]["path"])
        for network in self.networks:
            for key, path in self.config["networks"][network].items():
                _check_file(f"networks.{network}.{key}", path)
        if self.config["atlas"]["path"]:
            _check_file("atlas.path", self.config["atlas"]["path"])

    @property
    def networks(self) -> list[str]:
        """Trained networks of the user's own."""
        return sorted(self.config["networks"])

    def network_files(self, network: str) -> dict[str, dict[str, str]]:
        """Path and content, as a hash, of the files of a network."""
        files = self.config["networks"][network]
        paths = {key: _at_home(f"networks.{network}.{key}", path) for key, path in files.items()}
        return {key: _with_content(path) for key, path in paths.items()}

    @property
    def examined_descents(self) -> list[str]:
        """Files of the ends of gradient descent that are examined, of the data sets that are there."""
        return [
            f"results/networks/descents/{dataset}/{bias}.json"
            for dataset in self.config["examine_network"]["descents"]["datasets"]
            if dataset in self.datasets
            for bias in self.biases(dataset)
        ]

    def biases(self, dataset: str) -> list[str]:
        """The biases of a data set as written in paths."""
        return [bias_token(bias) for bias in self.datasets[dataset]["biases"]]

    def samples(self, dataset: str) -> dict[str, Any]:
        """What the samples of a data set depend on."""
        return {key: value for key, value in self.datasets[dataset].items() if key in SAMPLE_KEYS}

    def drawing_seed(self, dataset: str) -> int | None:
        """The seed, for samples that are drawn; all others are the same under any seed."""
        return self.config["seed"] if self.datasets[dataset]["source"] == "gaussian" else None

    def image_file(self, dataset: str) -> list[str]:
        """The file of images that the samples come from; none for drawn ones and a user's own."""
        entry = self.datasets[dataset]
        if entry["source"] in ("gaussian", "npz"):
            return []
        return [f"data/images/{entry.get('name', entry['source'])}.npz"]

    def own_file(self, dataset: str) -> dict[str, str] | None:
        """Path and content, as a hash, of the user's own file; None for samples from elsewhere."""
        entry = self.datasets[dataset]
        if entry["source"] != "npz":
            return None
        return _with_content(entry["path"])

    @property
    def image_sets(self) -> list[str]:
        """The image sets that the samples come from."""
        names = (entry.get("name", entry["source"]) for entry in self.datasets.values())
        return sorted(set(names) & set(IMAGE_SETS))

    def trial_files(self, dataset: str, bias: str, step: str) -> list[str]:
        """The blocks of one step (weights, minima, lp, gd, …) for a data set and bias."""
        return [f"results/trials/{dataset}/{bias}/{block}/{step}.npz" for block in self.blocks]

    def all_trial_files(self, datasets: Iterable[str], step: str) -> list[str]:
        """The same for all biases of several data sets."""
        return [
            path
            for dataset in datasets
            for bias in self.biases(dataset)
            for path in self.trial_files(dataset, bias, step)
        ]

    def table_datasets(self, table: str) -> list[str]:
        """Data sets of one of the paper's tables, ``table_1`` …, or those of ``own_data``."""
        numeral = BY_FILE[table].numeral if table in BY_FILE else None
        return [name for name, entry in self.datasets.items() if entry.get("table") == numeral]

    def table_title(self, table: str) -> str:
        """How a table of ``tables`` is called."""
        return f"Table {BY_FILE[table].numeral}" if table in BY_FILE else "Own data sets"

    def descended(self, table: str) -> list[str]:
        """Those data sets of a table from whose draws gradient descent runs."""
        return [name for name in self.table_datasets(table) if self.datasets[name].get("descent", True)]

    @property
    def atlas_file(self) -> dict[str, str] | None:
        """Path and content, as a hash, of the user's own file for the atlas; None where samples are drawn."""
        if not self.config["atlas"]["path"]:
            return None
        return _with_content(_at_home("atlas.path", self.config["atlas"]["path"]))

    @property
    def sliced_biases(self) -> list[str]:
        """The biases of the data set through whose draws slices are laid; none if the config lacks it."""
        dataset = self.config["atlas"]["slices"]["dataset"]
        return self.biases(dataset) if dataset in self.datasets else []

    @property
    def compared_tables(self) -> list[str]:
        """The paper's tables of which the config has a data set."""
        return [table.file for table in TRIAL_TABLES.values() if self.table_datasets(table.file)]

    @property
    def tables(self) -> list[str]:
        """The compared tables, and that of the user's own data sets if there are any."""
        return [*self.compared_tables, *([OWN_DATA] if self.table_datasets(OWN_DATA) else [])]

    @property
    def repeated_rows(self) -> list[tuple[str, str]]:
        """(data set, bias) of the paper's Gaussian rows, which are drawn again on fresh data."""
        return [
            (dataset, bias)
            for table in self.compared_tables
            for dataset in self.table_datasets(table)
            if self.datasets[dataset]["source"] == "gaussian"
            for bias in self.biases(dataset)
        ]

    @property
    def repeated_files(self) -> list[str]:
        """The repetitions of each of them."""
        return [f"results/data_seeds/{dataset}/{bias}.npz" for dataset, bias in self.repeated_rows]

    @property
    def compared_images(self) -> list[str]:
        """Image data sets of the compared tables."""
        return [
            dataset
            for table in self.compared_tables
            for dataset in self.table_datasets(table)
            if self.datasets[dataset]["source"] != "gaussian"
        ]
