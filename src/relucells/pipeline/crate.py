"""A run described as an RO-Crate: its files with checksums, its inputs, parameters and versions.

RO-Crate 1.1 (w3id.org/ro/crate) with the Process Run Crate's action. `ro-crate-metadata.json` tells whoever
gets the folder what made it, from what, and whether a file is unchanged.
"""

import csv
import hashlib
from datetime import UTC, datetime
from pathlib import Path

from rocrate.model.contextentity import ContextEntity
from rocrate.rocrate import ROCrate

PAPER = "https://arxiv.org/abs/2006.09192"


def sha256(path: Path) -> str:
    """The SHA-256 sum of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_crate(results: Path) -> int:
    """Write `ro-crate-metadata.json` into the results of a run. Returns the number of files it describes.

    Raises FileNotFoundError where the run has no provenance.csv, which the target `paper` makes.
    """
    with (results / "provenance.csv").open(encoding="utf-8", newline="") as file:
        facts = {row["item"]: row["value"] for row in csv.DictReader(file)}
    crate = ROCrate()
    made = datetime.fromtimestamp((results / "provenance.csv").stat().st_mtime, UTC)
    crate.root_dataset["name"] = "Results of relucells"
    crate.root_dataset["description"] = (
        "Bo Liu, Understanding Global Loss Landscape of One-hidden-layer ReLU Networks, Part 2, run again"
    )
    crate.root_dataset["datePublished"] = made.isoformat()
    crate.root_dataset["license"] = "https://spdx.org/licenses/MIT"
    software = _entity(
        crate,
        "#relucells",
        {
            "@type": "SoftwareApplication",
            "name": "relucells",
            "softwareVersion": facts["relucells"],
            "identifier": facts["commit"],
        },
    )
    parameters = [
        _entity(crate, f"#{name}", {"@type": "PropertyValue", "name": name, "value": value})
        for name, value in facts.items()
        if name not in ("relucells", "commit")
    ]
    files = [
        crate.add_file(
            str(path),
            path.relative_to(results).as_posix(),
            properties={"sha256": sha256(path), "contentSize": str(path.stat().st_size)},
        )
        for path in sorted(results.rglob("*"))
        if path.is_file() and path.name not in ("ro-crate-metadata.json", "README.md")
    ]
    _entity(
        crate,
        "#run",
        {
            "@type": "CreateAction",
            "name": "snakemake",
            "endTime": made.isoformat(),
            "instrument": software,
            "object": [*_inputs(crate, results), *parameters],
            "result": files,
        },
    )
    crate.root_dataset["mentions"] = crate.dereference("#run")
    crate.root_dataset["citation"] = _entity(crate, PAPER, {"@type": "ScholarlyArticle", "name": "Part 2"})
    crate.metadata.write(results)
    return len(files)


def _entity(crate: ROCrate, name: str, properties: dict) -> ContextEntity:
    return crate.add(ContextEntity(crate, name, properties=properties))


def _inputs(crate: ROCrate, results: Path) -> list[ContextEntity]:
    """The images and data sets that the run read, which stand beside its results, with their checksums."""
    data = results.resolve().parent / "data"
    return [
        _entity(
            crate,
            f"#{path.relative_to(data.parent).as_posix()}",
            {"@type": "CreativeWork", "name": path.name, "sha256": sha256(path)},
        )
        for folder in ("images", "subsets")
        for path in sorted((data / folder).glob("*.npz"))
    ]
