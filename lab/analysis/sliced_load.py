"""The measures of a load in each slice.

Quantiles need more requests than a slice has: they are compared over all slices together, as every
level is.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from lab.hypothesis import Metric, MetricRate, MetricRatio, parse_measure
from lab.trials.measure_values import counter
from lab.trials.trial import LoadEvidence, LoadSlice, SliceRequests, Trial


def slice_values(
    trial: Trial, name: str, definitions: Mapping[str, Metric]
) -> Sequence[float] | None:
    """Return the value of a measure in each slice of a trial, in order.

    Returns:
        In the unit of the measure, each above 0; None if the arms were not loaded in turn, if
        a slice has no value above 0, or for a measure that a slice is too short for.
    """
    if not isinstance(trial.evidence, LoadEvidence):
        return None
    loaded = trial.evidence.loaded
    values = [_value(each, loaded, name, definitions) for each in trial.evidence.slices]
    usable = [value for value in values if value is not None and 0 < value < math.inf]
    return usable if len(usable) == len(values) else None


def _value(
    each: LoadSlice, loaded: str, name: str, definitions: Mapping[str, Metric]
) -> float | None:
    if name in definitions:
        return _metric(each, definitions[name])
    asked = parse_measure(name)
    if asked.base == "cpu":
        return each.cpu_s[loaded] / each.lasted_s if loaded in each.cpu_s else None
    seen = [
        requests
        for key, requests in each.requests.items()
        if asked.request in (None, key.name) and asked.method in (None, key.method)
    ]
    count = sum(requests.count for requests in seen)
    match asked.base:
        case "throughput":
            return (count - sum(requests.errors for requests in seen)) / each.seconds
        case "error_rate":
            return sum(requests.errors for requests in seen) / count if count else None
        case "latency_mean" | "service_latency_mean":
            return _mean_latency(seen)
        case _:
            return None


def _mean_latency(seen: Sequence[SliceRequests]) -> float | None:
    timed = [(each.count, each.latency_s) for each in seen if each.latency_s is not None]
    count = sum(own for own, _ in timed)
    return math.fsum(own * latency_s for own, latency_s in timed) / count if count else None


def _metric(each: LoadSlice, metric: Metric) -> float | None:
    if isinstance(metric, MetricRatio):
        numerator = counter(each.counters, metric.numerator)
        denominator = counter(each.counters, metric.denominator)
        if numerator is None or not denominator:
            return None
        return numerator / denominator
    if not isinstance(metric, MetricRate):
        return None  # of all slices together, as quantiles are
    grown = counter(each.counters, metric.metric)
    return None if grown is None else grown / each.seconds
