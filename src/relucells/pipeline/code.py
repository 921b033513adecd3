"""Hashes of the code and of the user's files that a rule depends on.

Snakemake compares them like any other parameter.
"""

import ast
import hashlib
import os
import re
from functools import cache
from pathlib import Path

# These change no result: the names of the package, and how a job logs and writes.
LEFT_OUT = ("relucells/__init__.py", "relucells/pipeline/job.py")

# An import statement, which may go on over lines in brackets.
IMPORT = re.compile(
    r"^[ \t]*(?:from[ \t]+([\w.]+)[ \t]+import\b[ \t]*(\([^)]*\)|.*)|import[ \t]+(.*))", re.MULTILINE
)
COMMENT = re.compile(r"#.*")


def code_hash(script: Path, source: Path) -> str:
    """SHA-256 over the project's own modules that a script imports, directly or through each other.

    script : the script's file; what stands beside it can be imported by its name
    source : the folder that holds the package relucells

    Snakemake notices a changed script but not a changed module. With this hash as a param it notices both.
    Only the text counts, so touching a file changes nothing.
    """
    seen: dict[str, bytes] = {}
    waiting = list(_own_imports(script.read_text(encoding="utf-8"), script.parent, source))
    while waiting:
        name, path = waiting.pop()
        if name not in seen and name not in LEFT_OUT:
            seen[name] = path.read_bytes()
            # the library does not know the scripts: its own modules are all that it can import
            folders = (source,) if path.is_relative_to(source) else (script.parent, source)
            waiting.extend(_own_imports(seen[name].decode(), *folders))
    digest = hashlib.sha256()
    for name in sorted(seen):
        digest.update(name.encode() + b"\0" + seen[name] + b"\0")
    return digest.hexdigest()


@cache
def _own_imports(text: str, *folders: Path) -> list[tuple[str, Path]]:
    """(name, file) of the project's modules that a Python text imports, wherever it does.

    They are kept, because every rule asks for the same few modules.
    """
    return [file for name in imported_names(text) for folder in folders for file in _files(name, folder)]


@cache
def _files(module: str, folder: Path) -> list[tuple[str, Path]]:
    """(name, file) of what runs when a module of this name is imported: the packages around it too."""
    parts = module.split(".")
    names = ["/".join([*parts[:n], "__init__.py"]) for n in range(1, len(parts) + 1)]
    names.append("/".join(parts) + ".py")
    return [(name, folder / name) for name in names if (folder / name).is_file()]


def imported_names(text: str) -> list[str]:
    """Modules that a Python text may import: all that it does, and words that only look like it.

    Every start of Snakemake asks, so the text is searched and not parsed, which would take a second.
    """
    names: list[str] = []
    for module, imported, modules in IMPORT.findall(text):
        own = [
            name.split()[0]
            for name in COMMENT.sub("", imported or modules).strip("()\n ").split(",")
            if name.split()
        ]
        names += [module, *(f"{module}.{name}" for name in own)] if module else own
    return names


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
