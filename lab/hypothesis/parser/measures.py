"""Names of measures, counts and series, and the measures that a file defines itself."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, get_args

from lab.hypothesis.measure_names import parse_measure
from lab.hypothesis.model import (
    GaugeValue,
    Metric,
    MetricGauge,
    MetricQuantile,
    MetricRate,
    MetricRatio,
)
from lab.input_files import Node, shown
from lab.measures.table import built_in
from lab.prometheus.selector import Selector

_NAME = re.compile(r"[a-z][a-z0-9_]*")
_PART = re.compile(r"_(bucket|sum|count)$")  # of a histogram
_KINDS = ("ratio", "rate", "gauge", "histogram")
_TAKES: tuple[GaugeValue, ...] = get_args(GaugeValue)


def read_measures(node: Node) -> dict[str, Metric]:
    """The measures that the file defines from Prometheus metrics."""
    entries = node.entries(_NAME, "a measure", "pool_wait_share (a-z, 0-9 and _)")
    return {name: _read_metric(child) for name, child in entries.items()}


def read_measure(node: Node) -> str:
    """The name of a measure, with or without name and method of requests."""
    text = node.exact()
    try:
        parse_measure(text)
    except ValueError as error:
        raise node.flaw(
            str(error),
            'Write one as in throughput, latency_p99{name="/orders"} or '
            'latency_p99{name="/orders", method="POST"}.',
        ) from None
    return text


def read_count(node: Node) -> str:
    """The name of an exact count that a benchmark reports."""
    text = node.exact()
    if not _NAME.fullmatch(text):
        raise node.flaw(f"{shown(text)} is not the name of a count", "Write sql_statements.")
    if built_in(text):
        raise node.flaw(f"{shown(text)} is a measure, not a count", f"Write `measure: {text}`.")
    return text


def read_series(node: Node) -> str:
    """The name of a time series of a soak: one of the lab, or a Prometheus gauge."""
    return _read_selector(node, "Write a series such as rss_bytes, or a gauge such as rooms.")


def _read_metric(node: Node) -> Metric:
    if built_in(node.name):
        raise node.flaw(f"{node.title} is a built-in measure", "Choose another name.")
    found = node.fields(_READERS, _READERS)
    kind = node.only_one(*_KINDS)
    for key, owner in (("take", "gauge"), ("quantile", "histogram")):
        if key in found and kind != owner:
            raise node.at(key).flaw(f"`{key}` is for a `{owner}`, not for a `{kind}`", "Remove it.")
    match kind:
        case "gauge":
            return MetricGauge(found["gauge"], found.get("take", "mean"))
        case "histogram":
            if "quantile" not in found:
                raise node.flaw(f"{node.title} has no `quantile`", "Add `quantile: 0.99` to it.")
            return MetricQuantile(found["histogram"], found["quantile"])
    metric: Metric = found[kind]
    return metric


def _read_gauge(node: Node) -> str:
    return _read_selector(node, "Write a gauge, as in queue_depth.")


def _read_take(node: Node) -> GaugeValue:
    text = node.exact()
    for known in _TAKES:
        if text == known:
            return known
    raise node.flaw(f"`take` is {shown(text)}", f"Write one of {', '.join(_TAKES)}.")


def _read_histogram(node: Node) -> str:
    text = _read_selector(node, "Write a histogram, as in http_request_duration_seconds.")
    selector = Selector.parse(text)
    if (ending := _PART.search(selector.metric)) is not None:
        raise node.flaw(
            f"{shown(text)} is a part of a histogram",
            f"Write its name: {selector.metric[: ending.start()]}.",
        )
    if "le" in selector.labels:
        raise node.flaw(f"{shown(text)} names a bucket", "Leave the label `le` out.")
    return text


def _read_quantile(node: Node) -> float:
    quantile = node.number()
    if not 0 < quantile < 1:
        raise node.flaw(f"{node.title} is {node.written}, not between 0 and 1", "Write 0.99.")
    return quantile


def _read_ratio(node: Node) -> MetricRatio:
    items = node.sequence()
    if len(items) != 2:
        raise node.flaw(
            f"`ratio` needs two metrics, not {len(items)}", "Write ['numerator', 'denominator']."
        )
    return MetricRatio(*map(_read_counter, items))


def _read_rate(node: Node) -> MetricRate:
    return MetricRate(_read_counter(node))


def _read_counter(node: Node) -> str:
    return _read_selector(
        node, "Write a Prometheus metric, as in 'requests_total{route=\"/orders\"}'."
    )


def _read_selector(node: Node, remedy: str) -> str:
    text = node.exact()
    try:
        Selector.parse(text)
    except ValueError as error:
        raise node.flaw(str(error), remedy) from None
    return text


_READERS: dict[str, Callable[[Node], Any]] = {
    "ratio": _read_ratio,
    "rate": _read_rate,
    "gauge": _read_gauge,
    "take": _read_take,
    "histogram": _read_histogram,
    "quantile": _read_quantile,
}
