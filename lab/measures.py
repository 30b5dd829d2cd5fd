"""One trial becomes named numbers."""

from __future__ import annotations

from collections.abc import Mapping

from lab.hypothesis import Metric, MetricRatio, parse_measure, parse_selector
from lab.stats.histogram import Histogram
from lab.trial import Requests, Trial

SERVICE = "service"  # the role whose processes `cpu`, `rss_bytes` and their like speak of


def measure(trial: Trial, name: str, definitions: Mapping[str, Metric]) -> float | None:
    """The value of measure `name` in `trial`; None where there is no evidence for it.

    Units: requests per second, seconds, shares of one, cores, bytes, counts.
    """
    if name in definitions:
        return _metric(trial, definitions[name])
    asked = parse_measure(name)
    usage = trial.usage.get(SERVICE)
    match asked.base:
        case "time":
            return trial.timing.value_s if trial.timing else None
        case "cpu":
            return usage.cpu if usage else None
        case "rss_bytes":
            return usage.rss_bytes if usage else None
        case "descriptors":
            return usage.descriptors if usage else None
        case "throttled":
            return usage.throttled if usage else None
    seen = total(trial, asked.request)
    if seen.count == 0:
        return None
    match asked.base:
        case "throughput":
            return (seen.count - seen.errors) / trial.window_s
        case "error_rate":
            return seen.errors / seen.count
        case "latency_mean":
            return seen.latency.mean
    quantile = asked.quantile
    assert quantile is not None
    return seen.latency.quantile(quantile / 100)


def total(trial: Trial, request: str | None = None) -> Requests:
    """All requests of a trial together, or those of one name."""
    chosen = [seen for name, seen in trial.requests.items() if request in (None, name)]
    latency = Histogram()
    for seen in chosen:
        latency.merge(seen.latency)
    return Requests(
        sum(seen.count for seen in chosen), sum(seen.errors for seen in chosen), latency
    )


def counter(counters: Mapping[str, float], selector: str) -> float | None:
    """Sum of the series that a Prometheus selector picks; None where it picks none."""
    wanted = parse_selector(selector)
    picked = [
        value
        for text, value in counters.items()
        if text.partition("{")[0] == wanted.metric
        and dict(wanted.labels).items() <= dict(parse_selector(text).labels).items()
    ]
    return sum(picked) if picked else None


def _metric(trial: Trial, metric: Metric) -> float | None:
    if isinstance(metric, MetricRatio):
        numerator = counter(trial.counters, metric.numerator)
        denominator = counter(trial.counters, metric.denominator)
        if numerator is None or not denominator:
            return None
        return numerator / denominator
    delta = counter(trial.counters, metric.metric)
    return None if delta is None else delta / trial.window_s
