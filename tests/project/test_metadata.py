"""What stands around the code: citation, workflows and forms of GitHub, one version."""

import re
import subprocess
import sys

import pytest
import yaml
from conftest import ROOT

import relucells

FORMS = [path for path in sorted((ROOT / ".github/ISSUE_TEMPLATE").glob("*.yml")) if path.stem != "config"]


@pytest.mark.parametrize(
    ("schema", "path"),
    [
        ("citation-file-format", ROOT / "CITATION.cff"),
        *(("github-workflows", path) for path in sorted((ROOT / ".github/workflows").glob("*.yml"))),
        *(("github-issue-forms", path) for path in FORMS),
    ],
    ids=lambda value: value if isinstance(value, str) else value.name,
)
def test_file_is_valid(schema, path):
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", f"vendor.{schema}", str(path)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_version_is_the_same_everywhere():
    cited = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))["version"]
    changes = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    newest = re.search(r"^## \[([\d.]+)\]", changes, re.MULTILINE)[1]
    assert relucells.__version__ == cited == newest
