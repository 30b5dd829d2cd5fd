"""Units of bounds: each fits its measure; numbers are within reach, and `within` is no empty range.

A bare number is read in seconds, bytes, shares or cores. If the measure cannot be so much, its
author most likely thought of milliseconds, megabytes or percent: it is refused with the readings.
"""

from __future__ import annotations

import math
import os
import re
from collections.abc import Iterator, Mapping
from typing import Literal, NamedTuple

from lab.driver_messages import DRAIN_S
from lab.hypothesis.measure_names import parse_measure
from lab.hypothesis.model import (
    Benchmark,
    Hypothesis,
    LoadTest,
    Metric,
    MetricGauge,
    MetricQuantile,
    MetricRate,
    MetricRatio,
    SoakTest,
)
from lab.hypothesis.prediction import Prediction
from lab.hypothesis.validation.statement import Statement
from lab.input_files import Flaw, Node
from lab.input_files.quantities import Quantity, number_or_slope
from lab.measures.table import Scope, Unit, series_unit

MAX_BARE_LATENCY_S = 60.0  # clients give up earlier; higher numbers are meant in milliseconds
MIN_MEMORY_BYTES = 1e6  # no service is smaller; smaller numbers are meant in KB or MB
_SHARE_NAME = re.compile(r".*(share|fraction|percent|percentage)")
_UNIT_OF_NAME = re.compile(r".*_(seconds|bytes)(?:_sum|_total)?")
_LONG_UNITS = {
    "s": ("seconds", "500ms, or 0.5"),
    "bytes": ("bytes", "512MB, or 512000000"),
    "share": ("a share", "80%, or 0.8"),
    "cores": ("cores", "80%, or 0.8"),
    "1/s": ("a number a second", "30, or 30/s"),
    "bytes/s": ("bytes a second", "5 MB/s, or 5000000"),
    "": ("a plain number", "40"),
}
_DIMENSIONS = {"s": "duration", "bytes": "size", "share": "share", "cores": "share"}
_UNIT_PER_SECOND: Mapping[Literal["s", "bytes", ""], Unit] = {
    "": "1/s", "bytes": "bytes/s", "s": "cores"
}  # fmt: skip


class Reach(NamedTuple):
    """The values that a bare number can have; `why` says what limits them.

    Attributes:
        bare: The highest value that is read without a unit.
        low: The lowest such value above 0.
        high: The highest value, however it is written.
        why: What limits it, in words.
    """

    bare: float = math.inf
    low: float = 0.0
    high: float = math.inf
    why: str = ""


def unit_flaws(statement: Statement, hypothesis: Hypothesis) -> Iterator[Flaw]:
    """A unit that the measure does not have, a number out of reach, ends with nothing between."""
    prediction = statement.prediction
    if prediction.grows is not None:
        return
    place = statement.node.at(prediction.bound.key)
    nodes = place.value if isinstance(place.value, list) else [place]
    edges = [number_or_slope(node) for node in nodes]
    if prediction.bound.within and edges[0].per_second >= edges[1].per_second:
        yield _nothing_within(place, *edges)
    elif prediction.slope is not None:
        return  # its unit was checked when it was read
    elif prediction.compare is not None:
        yield from _unit_of_ratio(place, edges)
    elif prediction.count:
        yield from _unit_of_count(place, edges)
    elif (unit := _unit(statement, hypothesis)) is not None:
        for edge in edges:
            yield from _wrong_unit(statement, place, edge, unit)
            yield from _out_of_reach(statement, place, edge, unit, hypothesis)


def exhaustion_flaws(hypothesis: Hypothesis, root: Node) -> Iterator[Flaw]:
    """A limit without a unit that its series would never have."""
    kind = hypothesis.kind
    if not isinstance(kind, SoakTest) or kind.exhaustion is None:
        return
    series, limit = kind.exhaustion.series, root.at("exhaustion", "limit")
    is_bare = not isinstance(limit.value, str)
    value = kind.exhaustion.limit
    if is_bare and series == "rss_bytes" and value < MIN_MEMORY_BYTES:
        yield limit.flaw(*_small_memory(limit, value, f"no {series}"))
    elif (
        is_bare
        and series_unit(series) == "s"
        and "latency" in series
        and value > MAX_BARE_LATENCY_S
    ):
        yield limit.flaw(
            f"{limit.title} is {limit.written} without a unit, which would be {value:g} s",
            f"Write {value:g}ms if milliseconds are meant, or {value:g}s.",
        )
    elif series == "error_rate" and value > 1:
        yield limit.flaw(
            f"{limit.title} is {limit.written}, and no share is above 1",
            f"Write a share up to 100%{_percent(value) if is_bare else ''}.",
        )
    elif series == "cpu" and value > _cores():
        yield limit.flaw(
            f"{limit.title} is {limit.written}, and this machine has {_cores()} cores",
            _cores_remedy(value, is_bare),
        )


def _unit(statement: Statement, hypothesis: Hypothesis) -> str | None:
    """The unit of the measure; None if there is no such measure, which is a flaw of its own."""
    measure = parse_measure(statement.prediction.measure)
    if measure.definition is not None:
        return measure.definition.unit
    metric = hypothesis.measures.get(measure.base)
    return None if metric is None else unit_of_metric(metric)


def unit_of_metric(metric: Metric) -> Unit:
    """The unit of a measure of the file's own, as far as the names of its counters say."""
    if isinstance(metric, MetricGauge):
        return unit_by_name(metric.metric)
    if isinstance(metric, MetricQuantile):
        return unit_by_name(metric.histogram)
    if isinstance(metric, MetricRate):
        return _UNIT_PER_SECOND[unit_by_name(metric.metric)]
    above, below = unit_by_name(metric.numerator), unit_by_name(metric.denominator)
    if above == below:
        return "share"
    if not below:
        return above
    return _UNIT_PER_SECOND[above] if below == "s" else ""


def is_share(
    prediction: Prediction, measures: Mapping[str, Metric], least_bound: float = 1.0
) -> bool:
    """Whether a prediction is of a share, of which no value is above 1.

    Of the measures that a file defines, a ratio of two metrics in one unit is a share. With a bound
    of 1 or more it is one only if its name says so: retries for each request may be more.

    Args:
        prediction: Of any measure.
        measures: That the file defines.
        least_bound: In place of 1; of the plan.
    """
    metric = measures.get(prediction.measure)
    if metric is None:
        return parse_measure(prediction.measure).is_share
    named = _SHARE_NAME.fullmatch(prediction.measure) is not None
    is_below = max(prediction.bound.edges) < least_bound
    return unit_of_metric(metric) == "share" and (named or is_below)


def unit_by_name(selector: str) -> Literal["s", "bytes", ""]:
    """The unit of a metric, as far as its name says."""
    name = selector.partition("{")[0].strip()
    match = _UNIT_OF_NAME.fullmatch(name)
    if not match:
        return ""
    return "s" if match[1] == "seconds" else "bytes"


def _nothing_within(place: Node, low: Quantity, high: Quantity) -> Flaw:
    lower_first = "Write the lower number first: [low, high]."
    if low.is_bare == high.is_bare:
        ends = f"{low.number}{low.written_unit} to {high.number}{high.written_unit}"
        return place.flaw(f"nothing lies within {ends}", lower_first)
    bare, other = (low, high) if low.is_bare else (high, low)
    both_units = f"Write both ends with a unit: {bare.number}{other.written_unit}."
    return place.flaw(
        f"`within` has a unit at one end only: {bare.number} is read in the base unit, and "
        f"nothing lies within {low.per_second:g} to {high.per_second:g}",
        both_units if _as_written(low) < _as_written(high) else lower_first,
    )


def _as_written(edge: Quantity) -> float:
    return edge.value if edge.is_bare else float(edge.number)


def _unit_of_ratio(place: Node, edges: list[Quantity]) -> Iterator[Flaw]:
    for edge in edges:
        if edge.is_bare:
            continue
        share = edge.value if edge.unit == "%" and not edge.per else None
        remedy = (
            "Write how many times as much it is, as in 0.8, or bound one `arm:` instead."
            if share is None
            else f"Write {share:g} for {share:.4g} times as much, or {1 + share:g} for "
            f"{edge.number} % more."
        )
        yield place.flaw(
            f"`compare` takes the ratio of two arms, which has no unit, and {place.title} is in "
            f"{edge.written_unit}",
            remedy,
        )


def _unit_of_count(place: Node, edges: list[Quantity]) -> Iterator[Flaw]:
    for edge in edges:
        if not edge.is_bare:
            yield place.flaw(
                f"a count has no unit, and {place.title} is in {edge.written_unit}",
                f"Write the number alone: {edge.number}.",
            )


def _wrong_unit(statement: Statement, place: Node, edge: Quantity, unit: str) -> Iterator[Flaw]:
    if edge.is_bare:
        return
    if unit == "1/s":
        fits = bool(edge.per) and not edge.unit
    elif unit == "bytes/s":
        fits = bool(edge.per) and edge.dimension == "size"
    else:
        fits = not edge.per and edge.dimension == _DIMENSIONS.get(unit)
    if not fits:
        words, example = _LONG_UNITS[unit]
        if unit == "share" and parse_measure(statement.prediction.measure).definition is None:
            words, example = "a plain number or a share", "0.8, or 80%"
        yield place.flaw(
            f"{statement.prediction.measure} is {words}, not measured in {edge.written_unit}",
            f"Write it as in {example}.",
        )


def _out_of_reach(
    statement: Statement, place: Node, edge: Quantity, unit: str, hypothesis: Hypothesis
) -> Iterator[Flaw]:
    reach = _reach(statement, unit, hypothesis)
    value, subject = edge.per_second, f"no {statement.subject}"
    if edge.is_bare and 0 < value < reach.low:
        yield place.flaw(*_small_memory(place, value, subject))
    elif value > reach.high or (edge.is_bare and value > reach.bare):
        is_possible = value <= reach.high < math.inf
        why = f" ({reach.why})" if reach.why and not is_possible else ""
        limit = min(reach.high, reach.bare) if edge.is_bare else reach.high
        if unit in ("cores", "share"):
            problem = f"{subject} can be {edge.number}{edge.unit}{why}"
            remedy = _cores_remedy(value, edge.is_bare) if unit == "cores" else _share_remedy(edge)
        elif edge.is_bare:
            problem = (
                f"{place.title} is {edge.number} without a unit, which would be {value:g} s, and "
                f"{subject} is expected above {limit:g} s{why}"
            )
            remedy = _duration_remedy(value, reach, hypothesis)
        else:
            problem = f"{subject} can reach {edge.number}{edge.unit}{why}"
            remedy = f"Write {limit:g}s or less, or lengthen the trial."
        yield place.flaw(problem, remedy)


def _reach(statement: Statement, unit: str, hypothesis: Hypothesis) -> Reach:
    measure = parse_measure(statement.prediction.measure)
    if measure.base == "cpu":
        return Reach(high=_cores(), why=f"this machine has {_cores()} cores")
    if measure.base == "rss_bytes":
        return Reach(low=MIN_MEMORY_BYTES)
    if measure.scope is Scope.SWEEP or measure.is_share:  # bounded by what it can be at all
        return Reach()
    if unit == "share" and _SHARE_NAME.fullmatch(measure.base):
        return Reach(bare=1.0, why="a share is written from 0 to 1")
    if unit != "s":
        return Reach()
    longest = _longest_duration(hypothesis)
    if unit == "s" and measure.scope is not Scope.STAGE and longest.bare > MAX_BARE_LATENCY_S:
        longest = longest._replace(bare=MAX_BARE_LATENCY_S)
    if measure.definition is None and not _is_mean(hypothesis.measures[measure.base]):
        return Reach(bare=longest.bare, why=longest.why)  # a sum over many may be any
    return longest


def _longest_duration(hypothesis: Hypothesis) -> Reach:
    match hypothesis.kind:
        case LoadTest(warmup_s=warmup_s, window_s=window_s):
            limit = warmup_s + window_s + DRAIN_S
            why = (
                f"warm-up {warmup_s:g} s, window {window_s:g} s, and {DRAIN_S:g} s for the last "
                "answers"
            )
            return Reach(bare=limit, high=limit, why=why)
        case SoakTest(length_s=length_s, pairs=pairs):
            high = math.inf if length_s is None else length_s / pairs + DRAIN_S
            why = "" if length_s is None else f"a block takes {length_s / pairs:g} s"
            return Reach(bare=MAX_BARE_LATENCY_S, high=high, why=why)
        case Benchmark(window_s=window_s):
            return Reach(
                bare=max(1.0, window_s), why=f"a process measures for {window_s:g} s in all"
            )


def _is_mean(metric: Metric) -> bool:
    """Whether it is the mean or a quantile of a histogram, which no single value exceeds."""
    if isinstance(metric, MetricQuantile):
        return True
    if not isinstance(metric, MetricRatio):
        return False
    above, below = (
        text.partition("{")[0].strip() for text in (metric.numerator, metric.denominator)
    )
    return above.endswith("_sum") and below == f"{above.removesuffix('_sum')}_count"


def _duration_remedy(value: float, reach: Reach, hypothesis: Hypothesis) -> str:
    """The two likely readings; each is said with what else it takes."""
    unit = "ms" if value / 1e3 <= reach.high else "us"
    remedy = f"Write {value:g}{unit} if {'milli' if unit == 'ms' else 'micro'}seconds are meant"
    if value <= reach.high:
        return f"{remedy}, or {value:g}s."
    if isinstance(hypothesis.kind, LoadTest):
        window_s = math.ceil(value - DRAIN_S - hypothesis.kind.warmup_s)
        return f"{remedy}; {value:g}s takes a `window` of {window_s}s or more."
    return f"{remedy}; {value:g}s takes a longer trial."


def _small_memory(place: Node, value: float, subject: str) -> tuple[str, str]:
    unit = "MB" if value < 1e4 else "KB"
    return (
        f"{place.title} has {value:g} without a unit, which would be {value:g} bytes, and "
        f"{subject} is so small",
        f"Write {value:g}{unit}, or {value:g}B if bytes are meant.",
    )


def _percent(value: float) -> str:
    return f": {value:g}% or {value / 100:g}, if percent is meant" if value <= 100 else ""


def _share_remedy(edge: Quantity) -> str:
    return (
        f"Write {edge.number}% or {edge.value / 100:g} if percent is meant, "
        f"or {edge.value * 100:g}% for {edge.number} times."
    )


def _cores() -> int:
    return os.cpu_count() or 1


def _cores_remedy(value: float, is_bare: bool) -> str:
    if is_bare and value / 100 <= _cores():
        return f"Write {value:g}% or {value / 100:g} if percent of one core is meant."
    return f"Write {_cores()} ({_cores() * 100}%) or less."
