"""The settings of a run, checked before anything runs. A fault is told in one line."""

import math
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from relucells.pipeline.names import bias_token

if TYPE_CHECKING:
    from jsonschema import ValidationError


class ConfigError(Exception):
    """One line: the key, what is wrong with its value, what is allowed."""

    def __init__(self, text: str) -> None:
        # Keys, values and paths may hold any character: those that would break the line are escaped.
        super().__init__("".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text))


RENAMED = {"level": "confidence"}  # top-level keys of earlier versions


def check_config(config: dict, schema: Path) -> None:
    """Validate the whole config against its schema; ConfigError describes the first key that is wrong."""
    for key in _odd_keys(config):
        raise ConfigError(key)
    for key, value in _leaves(config):
        if isinstance(value, str) and "\0" in value:
            raise ConfigError(f"{key}: {value!r} holds a zero character, which no path and name may")
    for old, new in RENAMED.items():
        if old in config:
            raise ConfigError(f"{old}: this key is called {new} now; rename it")
    errors = sorted(
        _validator(schema).iter_errors(config), key=lambda error: [str(key) for key in error.path]
    )
    if errors:
        raise ConfigError(_describe(errors[0]))
    for key, value in _leaves(config):
        if isinstance(value, float) and not math.isfinite(value):
            raise ConfigError(f"{key}: {value} is not a finite number")
    for key, biases in _lists_of_biases(config):
        tokens: dict[str, float] = {}
        for bias in biases:
            if tokens.setdefault(bias_token(bias), bias) is not bias:
                pair = f"{tokens[bias_token(bias)]!r} and {bias!r}"
                raise ConfigError(f"{key}: {pair} have the same name in paths, {bias_token(bias)}; keep one")
    for key, first, last in _pairs_in_order(config):
        if first >= last:
            raise ConfigError(
                f"{key}: {first} to {last} does not ascend; the first must be less than the last"
            )
    if (locations := config["figure_1"]["locations"])[0] < locations[1]:
        raise ConfigError(f"figure_1.locations: {locations} has w1 left of w2; exchange them")
    used = [entry["table"] for entry in config["datasets"].values() if entry and "table" in entry]
    for table in sorted(set(used)):
        if used.count(table) > 1:
            raise ConfigError(f"datasets: table {table} is claimed by {used.count(table)} entries; one may")
    if not any(config["datasets"].values()):
        raise ConfigError("datasets: every entry is null; keep at least one")


@cache
def _validator(schema: Path):
    from jsonschema import Draft202012Validator
    from jsonschema.validators import extend

    # A count is written without a point: to jsonschema 4.0 is an integer, to Python it is not.
    whole = Draft202012Validator.TYPE_CHECKER.redefine(
        "integer", lambda _, value: isinstance(value, int) and not isinstance(value, bool)
    )
    strict = extend(Draft202012Validator, type_checker=whole)
    # libyaml, where PyYAML has it, takes a tenth of the time.
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    return strict(yaml.load(schema.read_text(encoding="utf-8"), loader))


def _odd_keys(value: Any, place: str = "") -> Iterator[str]:
    """A line for each key that is not text. YAML reads the keys on, 1, ~ and dates as something else."""
    if isinstance(value, dict):
        for name, nested in value.items():
            key = f"{place}.{name}" if place else str(name)
            if not isinstance(name, str):
                kind = {bool: "yes or no", type(None): "nothing"}.get(type(name), type(name).__name__)
                yield f"{key}: YAML reads this key as {kind}, not as text; put it in quotes"
            yield from _odd_keys(nested, key)
    elif isinstance(value, list):
        for nested in value:
            yield from _odd_keys(nested, place)


def _pairs_in_order(config: dict) -> Iterator[tuple[str, float, float]]:
    """Every interval of the config with its key and its two ends."""
    yield "table_6.weight_range", *config["table_6"]["weight_range"]
    for section, name in (("figure_2", "locations"), ("figure_3", "shift")):
        span = config[section][name]
        yield f"{section}.{name}", span["from"], span["to"]


def _lists_of_biases(value: Any, place: str = "") -> Iterator[tuple[str, list[float]]]:
    """Every list of biases in the config with its key."""
    if isinstance(value, dict):
        for name, nested in value.items():
            key = f"{place}.{name}" if place else str(name)
            if name == "biases" and nested:
                yield key, nested
            else:
                yield from _lists_of_biases(nested, key)
    elif isinstance(value, list):
        for nested in value:
            yield from _lists_of_biases(nested, place)


def _describe(error) -> str:
    """A jsonschema error as one line: key, what is wrong, what is allowed."""
    if error.validator == "oneOf":
        error = _alternative(error)
    key = ".".join(str(part) for part in error.absolute_path)
    value = repr(error.instance)
    value = value if len(value) <= 60 else value[:57] + "..."
    limit = error.validator_value
    match error.validator:
        case "additionalProperties":
            known = error.schema["properties"]
            unknown = next(name for name in error.instance if name not in known)
            key = ".".join(filter(None, [key, str(unknown)]))
            return f"{key}: unknown key; allowed here: {', '.join(known)}"
        case "required":
            missing = next(name for name in limit if name not in error.instance)
            key = ".".join(filter(None, [key, missing]))
            allowed = error.schema.get("properties", {}).get(missing, {}).get("description", "see the schema")
            return f"{key}: missing; {allowed}"
        case _ if "propertyNames" in error.absolute_schema_path:
            return f"{key}: {value} is not a usable name; letters, digits and _ are, a letter first"
        case "multipleOf":
            return f"{key}: {value} is not a multiple of {limit}; half of the samples belong to each class"
        case "uniqueItems":
            return f"{key}: {value} repeats an entry; each may stand once"
        case "const" | "enum":
            allowed = [limit] if error.validator == "const" else limit
            return f"{key}: {value} is not allowed; use one of {', '.join(map(str, allowed))}"
        case "type":
            kinds = [limit] if isinstance(limit, str) else limit
            allowed = " or ".join(_TYPES.get(kind, kind) for kind in kinds)
            if (
                isinstance(error.instance, str)
                and allowed in ("number", "integer")
                and _is_number(error.instance)
            ):
                allowed += ", and YAML reads this as text: write 1.0e-6, and nested keys in a --configfile"
            elif isinstance(error.instance, float) and error.instance.is_integer() and "integer" in allowed:
                allowed += f"; write {int(error.instance)}"
            return f"{key or 'config'}: {value} has the wrong type; allowed: {allowed}"
        case "minimum" | "exclusiveMinimum":
            return f"{key}: {value} is too small; it must be {_BOUNDS[error.validator]} {limit}"
        case "maximum" | "exclusiveMaximum":
            return f"{key}: {value} is too large; it must be {_BOUNDS[error.validator]} {limit}"
        case "minItems" | "minLength" | "minProperties":
            return f"{key}: {value} has too few entries; at least {limit}"
        case "maxItems" | "maxLength":
            return f"{key}: {value} has too many entries; at most {limit}"
        case _:
            return f"{key}: {' '.join(error.message.split())}"


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


_TYPES = {"object": "a mapping of keys to values", "array": "a list"}
_BOUNDS = {
    "minimum": "at least",
    "exclusiveMinimum": "greater than",
    "maximum": "at most",
    "exclusiveMaximum": "less than",
}


def _alternative(error: "ValidationError") -> "ValidationError":
    """Of a value that fits no alternative of a ``oneOf``, the error within the one that it is meant to be."""
    nearer = [nested for nested in error.context if nested.validator != "type" or nested.path]
    if not nearer:  # of no type that is allowed
        kinds = dict.fromkeys(nested.validator_value for nested in error.context)
        error.context[0].validator_value = sorted(kinds, key=lambda kind: kind == "null")
        return error.context[0]
    return _by_source(error) if isinstance(error.instance, dict) else nearer[0]


def _by_source(error: "ValidationError") -> "ValidationError":
    """In a ``oneOf`` over kinds of data sets, the error within the kind that ``source`` names."""
    instance: Any = error.instance
    if "source" not in instance:
        return next(nested for nested in error.context if nested.validator == "required")
    by_kind: dict[str | int, list] = {}
    for nested in error.context:
        by_kind.setdefault(nested.schema_path[0], []).append(nested)
    source_is_wrong = [
        nested for group in by_kind.values() for nested in group if list(nested.path) == ["source"]
    ]
    for group in by_kind.values():
        if not any(list(nested.path) in (["source"], []) and nested.validator == "type" for nested in group):
            if not any(nested in source_is_wrong for nested in group):
                return group[0]
    known = sorted(
        {
            name
            for nested in source_is_wrong
            for name in ([nested.validator_value] if nested.validator == "const" else nested.validator_value)
        }
    )
    wrong = source_is_wrong[0]
    wrong.validator, wrong.validator_value = "enum", known
    return wrong


def _leaves(value: Any, key: str = "") -> Iterator[tuple[str, Any]]:
    """Every number, text or null in the config with its key."""
    if isinstance(value, dict):
        for name, nested in value.items():
            yield from _leaves(nested, f"{key}.{name}" if key else str(name))
    elif isinstance(value, list):
        for nested in value:
            yield from _leaves(nested, key)
    else:
        yield key, value


def in_order(value: Any) -> Any:
    """The config with the keys of every mapping sorted: params compare by their text."""
    if isinstance(value, dict):
        return {key: in_order(value[key]) for key in sorted(value)}
    return [in_order(item) for item in value] if isinstance(value, list) else value


def shown_config(config: dict) -> dict:
    """The config as a page shows it: no folder of this machine, the same whatever the order in a file."""
    datasets = {
        name: entry | {"path": Path(entry["path"]).name} if entry and "path" in entry else entry
        for name, entry in config["datasets"].items()
    }
    networks = {
        name: {key: Path(path).name for key, path in files.items()}
        for name, files in config["networks"].items()
    }
    return in_order(
        config | {"datasets": datasets, "networks": networks, "data_dir": config["data_dir"] and "given"}
    )
