"""The second checker, asked as strangers ask it: by a file."""

import json
import sys
from pathlib import Path

from conftest import ROOT

from relucells import export_certificate

sys.path.insert(0, str(ROOT))
import check_certificate  # it stands beside the package, not in it


def answer(data: dict) -> str:
    """ "proven", or the reason why it refuses."""
    try:
        check_certificate.check(data)
        return "proven"
    except check_certificate.Rejected as error:
        return str(error)


def exported(folder: Path, X, y, pattern, decision, free=None, **more) -> dict:
    """What the file of an exported decision holds."""
    path = folder / "certificate.json"
    export_certificate(X, y, pattern, decision, path, free=free, **more)
    return json.loads(path.read_text(encoding="utf-8"))
