"""Names of measures, counts and series, and the measures that a file defines itself."""

from __future__ import annotations

import re

from lab.hypothesis.measure_names import parse_measure
from lab.hypothesis.model import Metric, MetricRate, MetricRatio
from lab.input_files import Node, shown
from lab.measure_table import built_in
from lab.prometheus.selector import Selector

_NAME = re.compile(r"[a-z][a-z0-9_]*")


def read_measures(node: Node) -> dict[str, Metric]:
    """The measures that the file defines from Prometheus counters."""
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
    found = node.fields({"ratio": _read_ratio, "rate": _read_rate}, ("ratio", "rate"))
    metric: Metric = found[node.only_one("ratio", "rate")]
    return metric


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
