"""Hashes of the code and of the user's files that a rule depends on.

Snakemake compares them like any other parameter.
"""

import ast
import hashlib
import os
from collections.abc import Iterator
from functools import cache
from pathlib import Path

# These change no result: the names of the package, and how a job logs and writes.
LEFT_OUT = ("relucells/__init__.py", "relucells/pipeline/job.py", "relucells/pipeline/costs.py")


def code_hash(script: Path, source: Path) -> str:
    """SHA-256 over the project's own modules that a script imports, directly or through each other.

    script : the script's file; what stands beside it can be imported by its name
    source : the folder that holds the package relucells

    Snakemake notices a changed script but not a changed module. With this hash as a param it notices both.
    Only the text counts, so touching a file changes nothing.
    """
    seen: dict[str, bytes] = {}
    waiting = list(_own_imports(script, script.parent, source))
    while waiting:
        name, path = waiting.pop()
        if name not in seen and name not in LEFT_OUT:
            seen[name] = path.read_bytes()
            waiting.extend(_own_imports(path, script.parent, source))
    digest = hashlib.sha256()
    for name in sorted(seen):
        digest.update(name.encode() + b"\0" + seen[name] + b"\0")
    return digest.hexdigest()


def _own_imports(path: Path, beside: Path, source: Path) -> Iterator[tuple[str, Path]]:
    """(name, file) of the project's modules that a Python file imports, wherever in its text."""
    for module in _imported_names(path.read_text(encoding="utf-8")):
        parts = module.split(".")
        for folder in (beside, source):
            # Importing a module runs the packages around it.
            files = [folder.joinpath(*parts[:n], "__init__.py") for n in range(1, len(parts) + 1)]
            files.append(folder.joinpath(*parts).with_suffix(".py"))
            for file in files:
                if file.is_file():
                    yield file.relative_to(folder).as_posix(), file


@cache
def _imported_names(text: str) -> tuple[str, ...]:
    """Modules that a Python text may import; kept, because every rule asks for the same few texts."""
    names = []
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            names += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    return tuple(names)


def content_hash(path: str | os.PathLike) -> str:
    """SHA-256 of a file's content."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def other_version(path: Path) -> str | None:
    """One line if the installed package is not of the version that the file ``_version.py`` states."""
    import relucells

    wanted = ast.literal_eval(Path(path).read_text(encoding="utf-8").rpartition("=")[2].strip())
    if wanted == relucells.__version__:
        return None
    installed = relucells.__version__
    return f"relucells {installed} is installed, the workflow is of {wanted}: pip install the same one"
