"""What makes a row another experiment than the paper's, so that its numbers cannot be compared.

The number of trials does not: more or fewer only change the intervals.
"""

from collections.abc import Mapping
from typing import Any

from relucells.pipeline.image_sets import IMAGE_SETS
from relucells.pipeline.paper import DATA

CLASSES = [0, 1]  # of both image sets, the first labelled +1
GREY = "rgb2gray"  # the reading of the paper's grey images that is compared
BIAS_RULE = "added"  # to the last entry of a drawn weight vector
DESCENT = {"step": 1e-6, "gradient_tolerance": 1e-3}
DIAMETERS = {"weights": 1000, "weight_range": [-0.5, 0.5], "directions_per_d": 10}
# Readings of Table VI's images and of its open cells that are compared.
CHOICE, OPEN_BEYOND = "two_classes", 150


def other_rows(config: Mapping[str, Any], datasets: Mapping[str, Mapping]) -> dict[str, dict[str, str]]:
    """Data set -> column, or "" for all -> why it is another experiment.

    Only for data from the paper's sources.
    """
    return {name: _differences(config, entry) for name, entry in datasets.items() if entry["source"] in DATA}


def _differences(config: Mapping[str, Any], entry: Mapping[str, Any]) -> dict[str, str]:
    reasons: dict[str, str] = {}
    for key, wanted in DESCENT.items():
        if config["gd_verify"][key] != wanted:
            ours = f"gd_verify.{key} is {config['gd_verify'][key]:g}, the paper's is {wanted:g}"
            reasons.setdefault("trapped_pct", ours)
    if config["sample_weights"]["bias"] != BIAS_RULE:
        reasons[""] = (
            f"the bias is {config['sample_weights']['bias']} in a weight draw, the paper's is {BIAS_RULE}"
        )
    if entry["source"] != "gaussian":
        if not entry.get("descent", True):
            reasons["trapped_pct"] = "no descent was run"
        name = DATA[entry["source"]]
        if entry["classes"] != CLASSES:
            reasons[""] = f"classes {classes_text(entry)} of {name}, the paper has {_text(CLASSES)}"
        elif entry["source"] == "cifar10" and entry.get("grey", GREY) != GREY:
            reasons[""] = f"grey images by {entry['grey']}, the comparison is for {GREY}"
    return reasons


def other_diameters(config: Mapping[str, Any]) -> dict[str, str]:
    """Data set -> why its rows of Table VI are another experiment."""
    section = config["table_6"]
    reasons = {}
    for key, wanted in DIAMETERS.items():
        if section[key] != wanted:
            reasons = dict.fromkeys(DATA, f"table_6.{key} is {section[key]}, the paper's is {wanted}")
    if (beyond := section["open_beyond"]) != OPEN_BEYOND:
        ours = f"table_6.open_beyond is {beyond or 'null'}, the comparison is for {OPEN_BEYOND}"
        reasons = dict.fromkeys(DATA, ours) | reasons
    if section["choice"] != CHOICE:
        ours = f"table_6.choice is {section['choice']}, the comparison is for {CHOICE}"
        reasons = dict.fromkeys(IMAGE_SETS.keys() & DATA.keys(), ours) | reasons
    if section["grey"] != GREY:
        reasons.setdefault("cifar10", f"grey images by {section['grey']}, the comparison is for {GREY}")
    return reasons


def classes_text(entry: Mapping[str, Any]) -> str:
    """The classes of images as tables name them, the one labelled +1 first; nothing for other data."""
    return _text(entry["classes"]) if "classes" in entry else ""


def _text(classes: list[int]) -> str:
    return " and ".join(map(str, classes))
