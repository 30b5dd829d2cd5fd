"""One trial becomes named numbers."""

from __future__ import annotations

from collections.abc import Mapping

from lab.hypothesis import Metric, MetricRatio, parse_measure, parse_selector
from lab.trial import Requests, Trial

RECOVERED = 1.5  # times the median latency before the stage
STEADY = 3  # seconds in a row

SERVICE = "service"  # the role whose processes `cpu`, `rss_bytes` and their like speak of


class AtLeast(float):
    """A value that is known from below only: what was measured had not ended yet."""


def measure(
    trial: Trial, name: str, definitions: Mapping[str, Metric], during: str | None = None
) -> float | None:
    """The value of measure `name` in `trial`; None where there is no evidence for it.

    Units: requests per second, seconds, shares of one, cores, bytes, counts. A recovery that the
    window did not live to see is `AtLeast`.

    Args:
        trial: One run of one arm.
        name: As a prediction names it.
        definitions: Measures that the hypothesis defines.
        during: Stage that alone the measure is taken of: latencies and errors of the arrivals due
            in it, throughput of what ended in it.
    """
    if name in definitions:
        return _metric(trial, definitions[name])
    asked = parse_measure(name)
    if during is not None:
        if during not in [stage.name for stage in trial.stages]:
            return None
        if asked.base == "recovery":
            return recovery(trial, during)
        trial = trial.during(during)
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
    if asked.base == "throughput":
        ended = seen.ended
        return (ended.count - ended.errors) / trial.window_s if ended.count else None
    if seen.count == 0:
        return None
    latency = seen.service_latency if asked.from_actual_send else seen.latency
    match asked.base:
        case "error_rate":
            return seen.errors / seen.count
        case "latency_mean" | "service_latency_mean":
            return latency.mean
    quantile = asked.quantile
    assert quantile is not None
    return latency.quantile(quantile / 100)


def recovery(trial: Trial, stage: str) -> float | None:
    """Seconds from the end of a stage until the latency is what it was before it.

    Before: the median over the stage that precedes it. Recovered: the first of `STEADY` seconds
    in a row (fewer where the window ends first) whose medians are each within `RECOVERED` times
    that. The median, because a second holds too few requests for its tail; several in a row,
    because a queue that drains may look well for one. A second without an answer is not well; one
    in which nothing was due tells nothing, and passes.
    """
    place = trial.stage(stage)
    if not 0 < place < len(trial.stages) - 1:
        return None
    before = Requests.together(trial.stages[place - 1].requests.values()).latency.quantile(0.5)
    if before is None:
        return None
    passed = 0.0
    seconds: list[tuple[float, bool]] = []  # when each began, and whether it was well
    for second in (second for later in trial.stages[place + 1 :] for second in later.medians):
        if second.due:
            well = second.median is not None and second.median <= RECOVERED * before
            seconds.append((passed, well))
        passed += second.length
    if not seconds:
        return None
    for index, (began, _) in enumerate(seconds):
        if all(well for _, well in seconds[index : index + STEADY]):
            return began
    return AtLeast(passed)


def total(trial: Trial, request: str | None = None) -> Requests:
    """All requests of a trial together, or those of one name."""
    return Requests.together(
        seen for name, seen in trial.requests.items() if request in (None, name)
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
