"""Predictions and rivals: what is measured, of which arms, and the bound."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from typing import Any

from lab.decision_margins import GrowthMargins
from lab.hypothesis.parser.measures import read_count, read_measure, read_series
from lab.hypothesis.prediction import (
    COMPLEXITIES,
    Bound,
    Comparison,
    Complexity,
    Prediction,
    Rival,
    growth_bound,
)
from lab.input_files import Node, shown
from lab.input_files.quantities import Quantity, number_or_slope, rate_per_second
from lab.measures.table import series_example, series_has_unit

MAX_STATEMENTS = 8  # predictions or rivals: one of k is refuted at alpha / k

_COMPARISON = re.compile(r"([^\s/]+?)(?: ?(/) ?| (-) )([^\s/]+)")
_BOUNDS = ("at_least", "at_most", "within")
_KEYS: Mapping[str, Callable[[Node], Any]] = {
    "says": Node.text,
    "measure": read_measure,
    "count": read_count,
    "grows": lambda node: _read_complexity(node),
    "slope": read_series,
    "arm": Node.exact,
    "compare": lambda node: _read_comparison(node),
    "at": lambda node: rate_per_second(node) if "/" in node.written else node.number(),
    "during": Node.exact,
    "at_least": number_or_slope,
    "at_most": number_or_slope,
    "within": lambda node: _read_within(node),
}
_OPTIONAL = frozenset(_KEYS) - {"says"}


def read_predictions(node: Node) -> tuple[Prediction, ...]:
    """The predictions of the claim, at least one."""
    return tuple(_prediction(item, item.fields(_KEYS, _OPTIONAL)) for item in _statements(node))


def read_rivals(node: Node) -> tuple[Rival, ...]:
    """The rivals, at least one, each with its prediction."""
    return tuple(map(_read_rival, _statements(node)))


def _read_rival(node: Node) -> Rival:
    values = node.fields({"claim": Node.text, **_KEYS}, _OPTIONAL)
    return Rival(values.pop("claim"), _prediction(node, values))


def _statements(node: Node) -> list[Node]:
    items = node.sequence(MAX_STATEMENTS)
    if not items:
        raise node.flaw(
            f"{node.title} is empty", "A hypothesis needs a prediction and a rival: add one."
        )
    return items


def _prediction(node: Node, values: Mapping[str, Any]) -> Prediction:
    of = node.only_one("measure", "count", "slope")
    node.only_one("arm", "compare")
    key = node.only_one(*_BOUNDS, "grows")
    given = {name: value for name, value in values.items() if name not in _BOUNDS}
    if of != "measure":
        given["measure"] = values.get("count", "")
    if key == "grows":
        return Prediction(bound=growth_bound(values["grows"], GrowthMargins()), **given)
    edges: tuple[Quantity, ...] = values[key] if key == "within" else (values[key],)
    for edge in edges:
        _check_unit(node.at(key), edge, values.get("slope"))
    if of == "slope":
        return Prediction(bound=_bound(key, *(edge.value for edge in edges)), **given)
    return Prediction(bound=_bound(key, *(edge.per_second for edge in edges)), **given)


def _bound(key: str, low: float, high: float = math.inf) -> Bound:
    match key:
        case "at_least":
            return Bound(at_least=low)
        case "at_most":
            return Bound(at_most=low)
        case _:
            return Bound(within=(low, high))


def _check_unit(node: Node, edge: Quantity, series: str | None) -> None:
    """A slope is bounded per time, in the unit of its series; see validation for measures."""
    if series is None and edge.per in ("h", "min") and edge.unit:
        raise node.flaw(
            "a bound per hour or minute is for a slope, not for a measure",
            "Write `slope:` instead of `measure:`, in a soak, or the bound without the time.",
        )
    if series is None:
        return
    if not edge.per:
        raise node.flaw(
            "the bound of a slope has no unit",
            "Write it per hour or minute, as in 5 MB/h or 30/min.",
        )
    if not series_has_unit(series, edge.unit):
        raise node.flaw(
            f"{shown(series)} is not measured in {edge.unit}",
            f"Write a bound such as 60/min, or a series such as {series_example(edge.unit)}.",
        )


def _read_complexity(node: Node) -> Complexity:
    text = node.exact()
    for complexity in COMPLEXITIES:
        if text == complexity:
            return complexity
    raise node.flaw(f"unknown growth {shown(text)}", f"Write {', '.join(COMPLEXITIES)}.")


def _read_comparison(node: Node) -> Comparison:
    match = _COMPARISON.fullmatch(node.exact())
    if not match:
        raise node.flaw(
            f"{shown(node.written)} does not compare two arms",
            "Write it as in wide / narrow (of slopes: with - without).",
        )
    return Comparison(match[1], match[4], "/" if match[2] else "-")


def _read_within(node: Node) -> tuple[Quantity, Quantity]:
    items = node.sequence()
    if len(items) != 2:
        raise node.flaw(f"`within` needs two numbers, not {len(items)}", "Write [low, high].")
    return number_or_slope(items[0]), number_or_slope(items[1])
