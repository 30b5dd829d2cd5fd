"""Measures in words, and the format of their values."""

from __future__ import annotations

from collections.abc import Mapping

from lab.hypothesis import Metric, MetricRate, Statistic, parse_measure
from lab.hypothesis.validation.units import unit_of_metric
from lab.measures.number_format import ScalableFormat
from lab.measures.value_format import UNIT_FORMATS

TOO_FEW = "too few samples"  # of a quantile that is refused
STATISTIC_NAMES: Mapping[Statistic, str] = {"min": "minimum", "median": "median"}


def measure_name(measure: str, definitions: Mapping[str, Metric]) -> str:
    """A measure in words: `latency_p99{name="/orders"}` is "p99 latency of /orders"."""
    if measure in definitions:
        return measure
    asked = parse_measure(measure)
    words = asked.base.replace("_", " ") if asked.definition is None else asked.definition.words
    requests = " ".join(part for part in (asked.method, asked.request or "requests") if part)
    return f"{words} of {requests}" if asked.of_some else words


def value_format(measure: str, definitions: Mapping[str, Metric], is_share: bool) -> ScalableFormat:
    """The format of a measure's values.

    Args:
        measure: As a prediction names it.
        definitions: Measures that the hypothesis defines.
        is_share: Whether the values of a ratio that the hypothesis defines lie between 0 and 1.
    """
    if measure in definitions:
        metric = definitions[measure]
        unit = unit_of_metric(metric)
        if isinstance(metric, MetricRate) and unit == "cores" and "cpu" not in metric.metric:
            unit = ""  # as of the time for which connections are held: how many are
        return UNIT_FORMATS["" if unit == "share" and not is_share else unit]
    definition = parse_measure(measure).definition
    return UNIT_FORMATS["" if definition is None else definition.unit]


def by_arm(what: str, figures: Mapping[str, str]) -> str:
    """One sentence that gives a figure for each arm."""
    return f"{what}: " + "; ".join(f"{arm} {figure}" for arm, figure in figures.items()) + "."
