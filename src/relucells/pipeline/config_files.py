"""Config files read strictly: what YAML would drop or misread is an error in one line."""

import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml

from relucells.pipeline.run_config import ConfigError

MERGE = "tag:yaml.org,2002:merge"
OCTAL = re.compile(r"[-+]?0[0-7]+")


class _Strict(yaml.SafeLoader):
    """Refuses a key that stands twice, of which YAML would silently keep the last, and its odd numbers.

    The file's own nodes are looked at, before merge keys bring in others.
    """

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.keys: list[str] = []  # of the node that is read, from the outermost on
        self.around: list[str | None] = []  # anchors of the mappings and lists around it

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        is_value = index is not None  # and not the whole document, or a key
        if not is_value:
            return super().compose_node(parent, index)
        self.keys.append(str(index.value if isinstance(index, yaml.ScalarNode) else index))
        if self.check_event(yaml.AliasEvent) and (name := self.peek_event().anchor) in self.around:
            raise ConfigError(f"{self._key()}: *{name} would hold itself; write out what is meant")
        node = super().compose_node(parent, index)
        if isinstance(node, yaml.ScalarNode):
            self._check_number(node)
        self.keys.pop()
        return node

    def compose_sequence_node(self, anchor: Any) -> yaml.SequenceNode:
        self.around.append(anchor)
        node = super().compose_sequence_node(anchor)
        self.around.pop()
        return node

    def compose_mapping_node(self, anchor: Any) -> yaml.MappingNode:
        self.around.append(anchor)
        node = super().compose_mapping_node(anchor)
        self.around.pop()
        lines: dict[tuple[str, str], int] = {}
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode) or key.tag == MERGE:
                continue
            line = key.start_mark.line + 1
            if before := lines.get((key.tag, key.value)):
                where = f"in line {line}" if before == line else f"in lines {before} and {line}"
                raise ConfigError(f"{self._key(key.value)}: stands twice, {where}; keep one")
            lines[key.tag, key.value] = line
        return node

    def _check_number(self, node: yaml.ScalarNode) -> None:
        """Refuse a number that YAML 1.1 reads otherwise than a person does: 010 as 8, and 1:40 as 100."""
        kind, text = node.tag.rpartition(":")[2], node.value.replace("_", "")
        if kind not in ("int", "float") or not (":" in text or OCTAL.fullmatch(text)):
            return
        value = self.construct_yaml_int(node) if kind == "int" else self.construct_yaml_float(node)
        if ":" in text or value != int(text):
            raise ConfigError(f"{self._key()}: YAML reads {node.value} as {value}; write plain digits")

    def _key(self, *more: str) -> str:
        return ".".join([*self.keys, *more])


def read_config(path: str | os.PathLike) -> dict:
    """The settings in a YAML or JSON file. ConfigError says in one line what is wrong in it, and where."""
    try:
        text = Path(path).read_bytes().decode("utf-8-sig")
        settings = yaml.load(text, _Strict)
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}; the workflow needs this file") from None
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: not UTF-8 text (byte {error.start + 1}); save it as UTF-8") from None
    except ConfigError as error:
        raise ConfigError(f"{error} ({path})") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"line {mark.line + 1}: " if mark else ""
        raise ConfigError(f"{path}: {where}{getattr(error, 'problem', None) or error}") from None
    except ValueError as error:  # of a day that is none, or of a number with thousands of digits
        raise ConfigError(f"{path}: {error}") from None
    if not isinstance(settings, dict | None):
        raise ConfigError(f"{path}: must hold keys with their values, not {type(settings).__name__}")
    return settings or {}


def check_files(paths: Iterable[str | os.PathLike]) -> None:
    """Check files that Snakemake has read, for faults that it does not see: ConfigError for the first one."""
    for path in dict.fromkeys(map(str, paths)):
        if Path(path).is_file():
            read_config(path)
