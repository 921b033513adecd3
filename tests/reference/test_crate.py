"""The RO-Crate of a run names every file with its checksum, what made it, and from what."""

import json

import numpy as np
import pytest

from relucells.cli import main
from relucells.pipeline.crate import sha256


@pytest.fixture
def results(tmp_path):
    folder = tmp_path / "results"
    (folder / "tables").mkdir(parents=True)
    (folder / "tables/table_1.csv").write_text("a\n1\n")
    (folder / "provenance.csv").write_text(
        "item,value\nrelucells,2.0.0\ncommit,abc\nseed,7\ndata,Gaussian\nnumpy,2.4\n"
    )
    (tmp_path / "data/images").mkdir(parents=True)
    np.savez(tmp_path / "data/images/mnist.npz", images=np.zeros(3))
    return folder


def test_the_crate_describes_the_run(results, capsys):
    assert main(["crate", str(results)]) == 0
    assert "2 files described" in capsys.readouterr().out
    graph = json.loads((results / "ro-crate-metadata.json").read_text())["@graph"]
    found = {entity["@id"]: entity for entity in graph}
    assert found["ro-crate-metadata.json"]["about"] == {"@id": "./"}
    table = found["tables/table_1.csv"]
    assert table["@type"] == "File" and table["sha256"] == sha256(results / "tables/table_1.csv")
    run = found["#run"]
    assert run["instrument"] == {"@id": "#relucells"} and found["#relucells"]["identifier"] == "abc"
    assert {"@id": "#seed"} in run["object"] and {"@id": "#data/images/mnist.npz"} in run["object"]
    assert {"@id": "tables/table_1.csv"} in run["result"]
    # every reference leads to an entity of the crate
    for entity in graph:
        for value in entity.values():
            for item in value if isinstance(value, list) else [value]:
                if isinstance(item, dict):
                    assert item["@id"] in found or item["@id"].startswith("http")


def test_the_crate_can_be_read_back(results):
    from rocrate.rocrate import ROCrate

    main(["crate", str(results)])
    crate = ROCrate(str(results))
    assert {entity.id for entity in crate.data_entities} == {"tables/table_1.csv", "provenance.csv"}
    assert crate.dereference("#run")["instrument"]["softwareVersion"] == "2.0.0"


def test_without_provenance_it_says_so(tmp_path, capsys):
    assert main(["crate", str(tmp_path)]) == 1
    assert "provenance.csv" in capsys.readouterr().err
