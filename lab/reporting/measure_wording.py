"""Measures in words, and the format of their values."""

from __future__ import annotations

from collections.abc import Mapping

from lab.hypothesis import Metric, MetricRate, parse_measure
from lab.number_format import (
    NumberFormat,
    cores,
    megabytes,
    per_second,
    percentage,
    plain,
    seconds,
)

TOO_FEW = "too few samples"  # of a quantile that is refused


def measure_name(measure: str, definitions: Mapping[str, Metric]) -> str:
    """A measure in words: `latency_p99{name="/orders"}` is "p99 latency of /orders"."""
    if measure in definitions:
        return measure
    base, request = parse_measure(measure)
    words = base.replace("rss_bytes", "memory").replace("descriptors", "open descriptors")
    if "latency_" in base:
        which, _, figure = base.rpartition("latency_")
        words = f"{figure} {which.replace('_', ' ')}latency"
    words = words.replace("_", " ")
    return f"{words} of {request}" if request else words


def measure_format(measure: str, definitions: Mapping[str, Metric], is_share: bool) -> NumberFormat:
    """The format of a measure's values.

    Args:
        measure: As a prediction names it.
        definitions: Measures that the hypothesis defines.
        is_share: Whether the values of a ratio that the hypothesis defines lie between 0 and 1.
    """
    if measure in definitions:
        if isinstance(definitions[measure], MetricRate):
            return per_second
        return percentage if is_share else plain
    base, _ = parse_measure(measure)
    if "latency_" in base or base == "recovery":
        return seconds
    if parse_measure(measure).is_share:
        return percentage
    return {
        "time": seconds,
        "throughput": per_second,
        "peak_throughput": per_second,
        "cpu": cores,
        "rss_bytes": megabytes,
    }.get(base, plain)


def by_arm(what: str, figures: Mapping[str, str]) -> str:
    """One sentence that gives a figure for each arm."""
    return f"{what}: " + "; ".join(f"{arm} {figure}" for arm, figure in figures.items()) + "."
