"""The conda environments hold the packages that the scripts import, at the versions of the Python install."""

import ast
import re
import sys
from importlib.metadata import packages_distributions

import pytest
import yaml
from conftest import ROOT

SCRIPTS = ROOT / "workflow/scripts"
SOURCE = ROOT / "src"
ENVS = {path.stem: path for path in (ROOT / "workflow/envs").glob("*.yaml")}
# Packages that have another name in conda-forge than on the Python side.
PYTHON_NAMES = {"matplotlib-base": "matplotlib"}


def pinned(env):
    """Package -> exact version, by the names of the Python side."""
    lines = yaml.safe_load(ENVS[env].read_text(encoding="utf-8"))["dependencies"]
    pins = {}
    for line in lines:
        name, version = re.fullmatch(r"([\w-]+) =([\d.]+)(?:=[\w*]+)?", line).groups()
        pins[PYTHON_NAMES.get(name, name)] = version
    return pins


def normal(name):
    return re.sub(r"[-_.]+", "-", name).lower()


def imported(scripts):
    """Distributions that scripts and the project's modules behind them import, wherever in their text."""
    waiting, seen, packages = list(scripts), set(), set()
    owners = packages_distributions()
    while waiting:
        path = waiting.pop()
        if path in seen:
            continue
        seen.add(path)
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and node.level == 0:
                names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
            for name in names:
                top = name.split(".")[0]
                own = [
                    file
                    for folder in (path.parent, SOURCE)
                    for file in (
                        folder.joinpath(*name.split(".")).with_suffix(".py"),
                        folder.joinpath(*name.split("."), "__init__.py"),
                    )
                    if file.is_file()
                ]
                waiting += own
                if not own and top not in sys.stdlib_module_names and top != "relucells":
                    packages |= {normal(owner) for owner in owners.get(top, [])[:1]}
    return packages


def rules():
    """(script, environment) of every rule that has a script."""
    for path in (ROOT / "workflow/rules").rglob("*.smk"):
        for rule in re.split(r"^rule ", path.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]:
            script = re.search(r'^    script:\s+"[./]*scripts/([\w/]+)\.py"', rule, re.MULTILINE)
            env = re.search(r'^    conda:\s+"([./]+)envs/(\w+)\.yaml"', rule, re.MULTILINE)
            if script:
                assert env is not None, f"{script[1]}: no conda environment"
                assert (path.parent / env[1] / "envs" / f"{env[2]}.yaml").is_file()
                yield script[1], env[2]


@pytest.mark.parametrize("env", ENVS)
def test_versions_are_those_of_the_constraints(env):
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    constraints = dict(line.split("==") for line in lines if "==" in line)
    constraints = {normal(name): version for name, version in constraints.items()}
    pins = pinned(env)
    assert pins.pop("python").startswith("3.")
    assert pins == {name: constraints[normal(name)] for name in pins}


def test_every_rule_has_the_packages_that_its_script_imports():
    wanted = dict(rules())
    assert set(wanted.values()) == {"relucells", "images"}
    for env in ENVS:
        scripts = [SCRIPTS / f"{script}.py" for script, used in wanted.items() if used == env]
        missing = imported(scripts) - {normal(name) for name in pinned(env)}
        assert not missing, (env, missing)


def test_torchvision_comes_without_cuda():
    text = ENVS["images"].read_text(encoding="utf-8")
    assert re.search(r"^  - torchvision =[\d.]+=cpu\*$", text, re.MULTILINE)
