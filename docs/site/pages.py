"""Pages of the site that are made from the project's own files: the config reference, readings, changes."""

import re
from collections.abc import Iterator
from pathlib import Path

import yaml
from mkdocs.structure.files import File

ROOT = Path(__file__).resolve().parents[2]


def on_files(files, config):
    """Add what stands outside docs/, and what is made from the schema."""
    made = {
        "index.md": start(),
        "readings.md": (ROOT / "paper" / "readings.md").read_text(encoding="utf-8"),
        "changelog.md": (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"),
        "contributing.md": (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8"),
        "reference/config.md": config_reference(),
    }
    for path, text in made.items():
        files.append(File.generated(config, path, content=text))
    for picture in (ROOT / "paper").glob("*.png"):
        files.append(File.generated(config, picture.name, abs_src_path=str(picture)))
    return files


def start() -> str:
    """The README as the site's first page: its paths seen from docs/, its pages as links."""
    text = (ROOT / "README.md").read_text(encoding="utf-8").replace("](docs/", "](")
    return re.sub(r"`docs/([\w/-]+\.md)`", lambda page: f"[{page[1]}]({page[1]})", text)


def config_reference() -> str:
    """Every key of config.yaml, with its meaning, what is allowed and its default."""
    schema = yaml.safe_load((ROOT / "workflow/schemas/config.schema.yaml").read_text(encoding="utf-8"))
    shipped = yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8"))
    lines = [
        "# Config reference",
        "",
        "Made from the schema that every run is checked against, and from `config.yaml` with the defaults.",
        "",
        "| key | meaning | allowed | default |",
        "|---|---|---|---|",
    ]
    for key, node in keys(schema, schema):
        lines.append(
            f"| `{key}` | {node.get('description', '')} | {allowed(node)} | {default(shipped, key)} |"
        )
    return "\n".join(lines) + "\n"


def keys(node: dict, schema: dict, prefix: str = "") -> Iterator[tuple[str, dict]]:
    """(dotted key, its schema) of every key below a node; `*` stands for a name that the user chooses."""
    node = resolved(node, schema)
    named = dict(node.get("properties", {}))
    if isinstance(node.get("additionalProperties"), dict):
        named["*"] = node["additionalProperties"]
    for name, child in named.items():
        key = f"{prefix}.{name}" if prefix else name
        child = resolved(child, schema)
        yield key, child
        yield from keys(child, schema, key)
    for part in [*node.get("oneOf", []), *node.get("anyOf", [])]:
        yield from keys(part, schema, prefix)


def resolved(node: dict, schema: dict) -> dict:
    """A node with its reference and the parts of its ``allOf`` written out."""
    result: dict = {}
    parts = [resolved(part, schema) for part in node.get("allOf", [])]
    if "$ref" in node:
        parts.append(resolved(schema["$defs"][node["$ref"].rsplit("/", 1)[1]], schema))
    for part in [*parts, {key: value for key, value in node.items() if key not in ("$ref", "allOf")}]:
        properties = {**result.get("properties", {}), **part.get("properties", {})}
        result |= part
        if properties:
            result["properties"] = properties
    return result


def allowed(node: dict) -> str:
    """What a key may hold, in words."""
    if "const" in node or "enum" in node:
        return ", ".join(f"`{value}`" for value in node.get("enum", [node.get("const")]))
    kinds = node.get("type", "mapping or null" if "oneOf" in node or "anyOf" in node else "any")
    words = [" or ".join(kinds) if isinstance(kinds, list) else kinds]
    names = {"minimum": "≥", "exclusiveMinimum": ">", "maximum": "≤", "exclusiveMaximum": "<"}
    words += [f"{sign} {node[name]}" for name, sign in names.items() if name in node]
    return ", ".join(words)


def default(shipped, key: str) -> str:
    """The shipped value of a key; blank for a section and for what the user names."""
    for part in key.split("."):
        if not isinstance(shipped, dict) or part not in shipped:
            return ""
        shipped = shipped[part]
    return "" if isinstance(shipped, dict) else f"`{'null' if shipped is None else shipped}`"
