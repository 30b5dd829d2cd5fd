"""The keys of a soak: one rate, its length and blocks, and what might run out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from lab.hypothesis.load_shape import OpenLoad
from lab.hypothesis.model import MIN_BLOCKS, Exhaustion, SoakTest
from lab.hypothesis.parser.load_shape import read_load
from lab.hypothesis.parser.measures import read_series
from lab.hypothesis.parser.service_keys import read_allow, service_keys
from lab.input_files import Node, shown
from lab.input_files.quantities import Quantity, duration_s, positive_amount
from lab.measures.table import series_has_unit

MAX_PAIRS = 12


def soak_test_keys(project: Path | None) -> dict[str, Callable[[Node], Any]]:
    """The keys with their readers."""
    return {
        **service_keys(project),
        "load": _read_load,
        "allow": lambda node: read_allow(node, {"crash": Node.boolean}),
        "length": duration_s,
        "soak": lambda node: node.fields({"pairs": lambda n: n.integer(1, MAX_PAIRS)})["pairs"],
        "exhaustion": _read_exhaustion,
    }


def soak_test_of(values: Mapping[str, Any]) -> SoakTest:
    """What the keys of a soak say together.

    Arms that are compared need several blocks by default; one arm alone is screened in one block.
    """
    rivals = values.get("rivals", ())  # revisions need none
    predictions = [*values["predictions"], *(rival.prediction for rival in rivals)]
    compared = any(prediction.compare for prediction in predictions)
    return SoakTest(
        load=values["load"],
        pairs=values.get("soak", MIN_BLOCKS if compared else 1),
        length_s=values.get("length"),
        exhaustion=values.get("exhaustion"),
    )


def _read_exhaustion(node: Node) -> Exhaustion:
    values = node.fields({"of": read_series, "limit": positive_amount})
    limit: Quantity = values["limit"]
    if not series_has_unit(values["of"], limit.unit):
        raise node.at("limit").flaw(
            f"{shown(values['of'])} is not measured in {limit.unit}",
            "Write the limit in the unit of the series, or without one.",
        )
    return Exhaustion(values["of"], limit.value)


def _read_load(node: Node) -> OpenLoad:
    load = read_load(node)
    if not isinstance(load, OpenLoad) or load.stages[0].duration_s is not None:
        raise node.flaw(
            "a soak loads its arms at one constant rate",
            "Write it as in {rate: 20, arrivals: constant}.",
        )
    return load
