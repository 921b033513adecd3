"""The house: who may import whom, and how long things may be."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import ROOT

SOURCE, SCRIPTS, RULES = ROOT / "src", ROOT / "workflow/scripts", ROOT / "workflow/rules"
FILE, FUNCTION, MAIN = 400, 60, 15  # lines at most
# Reasons why a function is longer stand in its docstring, after these words.
REASON = "Long because"


def python_files(*folders: Path) -> list[Path]:
    return sorted(path for folder in folders for path in folder.rglob("*.py"))


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def test_packages_use_only_what_stands_below_them():
    """The contracts in pyproject.toml: layers, a checker without solvers, a package without Snakemake."""
    done = subprocess.run(
        [sys.executable, "-c", "from importlinter.cli import lint_imports_command; lint_imports_command()"],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(SOURCE)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def foreign_imports(path: Path) -> list[str]:
    """Scripts that a script imports from another topic's folder."""
    own = {other.stem for other in path.parent.glob("*.py")}
    others = {other.stem for other in python_files(SCRIPTS)} - own
    found = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom):
            names = [node.module or ""]
        found += [name for name in names if name.split(".")[0] in others or name.startswith("snakemake")]
    return found


@pytest.mark.parametrize("path", python_files(SCRIPTS), ids=lambda path: path.stem)
def test_scripts_import_the_library_and_their_own_topic(path):
    assert not foreign_imports(path)


def test_an_import_across_topics_is_seen(tmp_path):
    script = SCRIPTS / "tables" / "made_up.py"
    text = "import numpy\nfrom decide_conventions import decide_conventions\nfrom relucells import decide\n"
    path = tmp_path / script.name
    path.write_text(text, encoding="utf-8")
    assert foreign_imports(path) == ["decide_conventions"]


def too_long(path: Path) -> list[str]:
    """What is longer than allowed in a file, without a reason."""
    text = path.read_text(encoding="utf-8")
    found = []
    if (lines := len(text.splitlines())) > FILE:
        found.append(f"{lines} lines")
    if path.suffix != ".py":
        return found
    for node in ast.walk(tree := ast.parse(text)):
        if isinstance(node, ast.FunctionDef) and node.end_lineno - node.lineno + 1 > FUNCTION:
            if REASON not in (ast.get_docstring(node) or ""):
                found.append(f"{node.name}: {node.end_lineno - node.lineno + 1} lines")
    for node in tree.body:
        if isinstance(node, ast.If) and "__name__" in ast.unparse(node.test):
            if (lines := node.end_lineno - node.lineno) > MAIN + 1:  # beside `with job(…)`
                found.append(f"main block: {lines} lines")
    return found


def test_files_functions_and_main_blocks_are_short():
    paths = [*python_files(SOURCE, SCRIPTS, ROOT / "tests", ROOT / "benchmarks"), *RULES.rglob("*.smk")]
    long = {name_of(path): found for path in paths if (found := too_long(path))}
    assert long == {}


def test_what_is_too_long_is_seen(tmp_path):
    path = tmp_path / "long.py"
    body = "    pass\n" * FUNCTION
    main = "if __name__ == '__main__':\n" + "    pass\n" * (MAIN + 3)
    path.write_text(f"def excused():\n    'Long because a table is.'\n{body}def f():\n{body}{main}")
    assert too_long(path) == [f"f: {FUNCTION + 1} lines", f"main block: {MAIN + 3} lines"]


def test_no_two_test_files_have_one_name():
    """pytest imports them by their names alone, and refuses the whole suite where two are the same."""
    names = [path.name for path in python_files(ROOT / "tests")]
    assert sorted(set(names)) == sorted(names)
