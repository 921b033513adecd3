"""Config files read strictly: what YAML would drop or misread is an error in one line."""

import os
from collections.abc import Hashable, Iterable
from pathlib import Path
from typing import Any

import yaml

from relucells.pipeline.run_config import ConfigError, one_line


class _Strict(yaml.SafeLoader):
    """Refuses a key that stands twice, of which YAML would silently keep the last."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        lines: dict[Any, int] = {}
        for key_node, _ in node.value if isinstance(node, yaml.MappingNode) else ():
            if key_node.tag == "tag:yaml.org,2002:merge":
                continue
            key = self.construct_object(key_node, deep=True)
            line = key_node.start_mark.line + 1
            if isinstance(key, str | int | float | bool | None) and lines.setdefault(key, line) != line:
                raise ConfigError(f"{key}: stands twice, in lines {lines[key]} and {line}; keep one")
        return super().construct_mapping(node, deep)


def read_config(path: str | os.PathLike) -> dict:
    """The settings in a YAML or JSON file. ConfigError says in one line what is wrong in it, and where."""
    try:
        text = Path(path).read_bytes().decode("utf-8-sig")
        settings = yaml.load(text, _Strict)
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: not UTF-8 text (byte {error.start + 1}); save it as UTF-8") from None
    except ConfigError as error:
        key, _, reason = str(error).partition(": ")
        raise ConfigError(one_line(f"{key}: {reason} ({path})")) from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"line {mark.line + 1}: " if mark else ""
        raise ConfigError(one_line(f"{path}: {where}{getattr(error, 'problem', None) or error}")) from None
    if not isinstance(settings, dict | None):
        raise ConfigError(f"{path}: must hold keys with their values, not {type(settings).__name__}")
    return settings or {}


def check_files(paths: Iterable[str | os.PathLike]) -> None:
    """Check files that Snakemake has read, for faults that it does not see: ConfigError for the first one."""
    for path in dict.fromkeys(map(str, paths)):
        if Path(path).is_file():
            read_config(path)
