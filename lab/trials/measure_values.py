"""The value of a measure in one trial."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple, Self

from lab.decision_margins import MeasureMargins
from lab.driver_messages import RequestKey
from lab.hypothesis import (
    Measure,
    Metric,
    MetricGauge,
    MetricQuantile,
    MetricRatio,
    parse_measure,
)
from lab.measures.table import Scope
from lab.prometheus.selector import Selector, select
from lab.prometheus.text_format import unread_reasons
from lab.stats.bucket_quantile import bucket_quantile
from lab.stats.latency_histogram import Histogram
from lab.trials.trial import (
    ArrivalSecond,
    BenchmarkEvidence,
    LoadEvidence,
    LoadSlice,
    MissingArrivals,
    Requests,
    StageRecord,
    Trial,
    Usage,
)


class Between(float):
    """A value of which nothing is known but its limits; as a number it is what is likeliest."""

    def __new__(cls, value: float, low: float, high: float) -> Self:
        """Take the likeliest value and the limits."""
        made = super().__new__(cls, value)
        made.low, made.high = low, high
        return made

    low: float
    high: float


class CountedShare(float):
    """A share of counted events, `part` of the `whole`; `unknown` ones more may be of the part."""

    def __new__(cls, part: int, whole: int, unknown: int = 0) -> Self:
        """Take the counts; the whole is above 0."""
        made = super().__new__(cls, part / whole)
        made.part, made.whole, made.unknown = part, whole, unknown
        return made

    part: int
    whole: int
    unknown: int

    @property
    def low(self) -> float:
        """If none of the unknown ones is of the part."""
        return self.part / (self.whole + self.unknown)

    @property
    def high(self) -> float:
        """If all of them are."""
        return (self.part + self.unknown) / (self.whole + self.unknown)


class MissingRequests(NamedTuple):
    """Requests of arrivals without a latency, at most."""

    unsent: int = 0
    unanswered: int = 0


class AtLeast(float):
    """A lower bound of a value: what was measured had not ended yet."""


def measure(
    trial: Trial,
    name: str,
    definitions: Mapping[str, Metric],
    during: str | None = None,
    *,
    margins: MeasureMargins,
) -> float | None:
    """The value of measure `name` in `trial`; None if there is no evidence for it.

    Units: requests per second, seconds, shares of one, cores, bytes, counts. A recovery that had
    not ended when the window closed is `AtLeast`; one that had is `Between` the ends of its
    second. A quantile, of latencies or of a histogram of the service, is `Between` the edges of its
    bucket, and the rate of a counter `Between` those over the longest and the shortest time for
    which it may have grown. An error rate is a `CountedShare`. What arrivals without an answer make
    unknown of latencies and error rates is within these limits; the upper one is infinite if the
    quantile is one of theirs.

    Args:
        trial: One run of one arm.
        name: As a prediction names it.
        definitions: Measures that the hypothesis defines.
        during: Name of the only stage that counts: its latencies and errors are those of the
            arrivals scheduled in it, its throughput is that of the requests that ended in it.
        margins: When there is a quantile, when a latency has recovered, and how exact it is.
    """
    if name in definitions:
        return _metric(trial, definitions[name], margins)
    asked = parse_measure(name)
    if during is not None:
        return _of_stage(trial, asked, during, margins)
    match asked.scope:
        case None:
            raise LookupError(f"there is no measure {name!r}")
        case Scope.CALL if isinstance(trial.evidence, BenchmarkEvidence):
            return CALL_READERS[asked.base](trial.evidence)
        case Scope.PROCESS if (usage := trial.service.loaded_usage) is not None:
            return PROCESS_READERS[asked.base](usage)
        case Scope.REQUEST:
            seen = total(trial, asked.request, asked.method)
            missing = _missing(trial, asked, margins)
            return _of_requests(seen, trial.window_s, asked, margins, missing)
        case _:
            return None


def recovery(evidence: LoadEvidence, stage: str, margins: MeasureMargins) -> float | None:
    """Seconds from the end of a stage until the latency is what it was before it.

    Before: the median over the stage that precedes it. Recovered: the first of `steady_s`
    seconds in a row (fewer if the window ends first) whose medians are each within
    `recovered_factor` times that. The median, because a second holds too few requests for its
    tail; several in a row, because the median of a draining queue may be low for a single second.
    A second without an answer is not recovered; one without scheduled arrivals is no evidence,
    and is skipped.

    Returns:
        `Between` the ends of the first recovered second; `AtLeast` if there is no recovery within
        the window; None without a stage before and a stage after, or without evidence in them.
    """
    place = evidence.stage_index(stage)
    if not 0 < place < len(evidence.stages) - 1:
        return None
    previous = evidence.stages[place - 1].requests
    before = Requests.together(previous.values()).latency.quantile(0.5, margins.min_beyond)
    if before is None:
        return None
    later = [second for after in evidence.stages[place + 1 :] for second in after.medians]
    passed = 0.0
    seconds: list[tuple[float, float, bool]] = []  # begin, length, and whether it was recovered
    for second in later:
        if second.due:
            recovered = _recovered(second, margins.recovered_factor * before)
            seconds.append((passed, second.length, recovered))
        passed += second.length
    if not seconds:
        return None
    for index, (began, length, _) in enumerate(seconds):
        if all(recovered for *_, recovered in seconds[index : index + margins.steady_s]):
            unknown_s = margins.recovered_second * length
            return Between(began, began, began + unknown_s) if unknown_s else began
    return AtLeast(passed)


def total(trial: Trial, request: str | None = None, method: str | None = None) -> Requests:
    """All requests of a trial together, or those of one name, of one method, or of both."""
    return _together(trial.service.requests, request, method)


def idle_arms_cpu(slices: Sequence[LoadSlice]) -> float:
    """What the other arms used in the slices of an arm, in cores."""
    # over the whole time of the slice: the others work on while it waits for the arm to be idle
    took_s = sum(each.took_s for each in slices)
    return sum(each.others_cpu_s for each in slices) / max(took_s, 1e-9)


def counter(counters: Mapping[str, float], selector: str) -> float | None:
    """Sum of the series that a Prometheus selector picks; None if it picks none."""
    picked = select(counters, selector)
    return sum(picked) if picked else None


def selectors(metric: Metric) -> tuple[str, ...]:
    """The series that a measure is made of."""
    match metric:
        case MetricRatio():
            return (metric.numerator, metric.denominator)
        case MetricQuantile():
            return (metric.buckets,)
        case _:
            return (metric.metric,)


def histogram_quantile(
    counters: Mapping[str, float], metric: MetricQuantile, margins: MeasureMargins
) -> Between:
    """A quantile of a histogram, between the edges of its bucket.

    Raises:
        ValueError: Its buckets cannot tell it, with a clause why.
    """
    wanted = Selector.parse(metric.buckets)
    histograms: dict[tuple[tuple[str, str], ...], dict[float, float]] = {}  # by labels but `le`
    for series, grown in counters.items():
        if wanted.matches(series):
            labels = dict(Selector.parse(series).labels)
            edge = float(labels.pop("le", "nan"))
            histograms.setdefault(tuple(sorted(labels.items())), {})[edge] = grown
    edges, *others = {frozenset(each) for each in histograms.values()} or {frozenset[float]()}
    if others:
        raise ValueError("its series have different buckets")
    cumulative = {edge: math.fsum(each[edge] for each in histograms.values()) for edge in edges}
    return Between(
        *bucket_quantile(cumulative, metric.quantile, margins.min_beyond, margins.min_below)
    )


def _of_stage(trial: Trial, asked: Measure, stage: str, margins: MeasureMargins) -> float | None:
    evidence = trial.evidence
    if not isinstance(evidence, LoadEvidence):
        return None
    if stage not in [reached.name for reached in evidence.stages]:
        return None
    if asked.scope is Scope.STAGE:
        return STAGE_READERS[asked.base](evidence, stage, margins)
    record = evidence.stages[evidence.stage_index(stage)]
    seen = _together(record.requests, asked.request, asked.method)
    missing = _missing(trial, asked, margins, record)
    return _of_requests(seen, record.seconds, asked, margins, missing)


def _missing(
    trial: Trial, asked: Measure, margins: MeasureMargins, stage: StageRecord | None = None
) -> MissingRequests:
    """The requests that may be missing among those that a measure is of.

    Nobody knows which requests an arrival would have sent: all may be of this name, and each as
    many as those that were answered had, in the mean.

    Args:
        trial: Has the arrivals.
        asked: The measure.
        margins: Whether they are regarded.
        stage: In which the arrivals were scheduled; None: in the window.
    """
    missing, most = trial.service.missing_arrivals, math.inf
    if stage is not None:
        due = sum(second.due for second in stage.medians)
        requests = Requests.together(stage.requests.values()).count
        most = max(0.0, due - requests / _per_arrival(total(trial), missing))
    each = _per_arrival(total(trial, asked.request, asked.method), missing)
    unsent, unanswered = (
        math.ceil(each * margins.missing_arrivals * min(arrivals, most))
        for arrivals in (missing.unsent, missing.unanswered)
    )
    return MissingRequests(unsent, unanswered)


def _per_arrival(seen: Requests, arrivals: MissingArrivals) -> float:
    return max(1.0, seen.count / max(1, arrivals.answered))


def _of_requests(
    seen: Requests,
    seconds: float,
    asked: Measure,
    margins: MeasureMargins,
    missing: MissingRequests,
) -> float | None:
    if asked.base in REQUEST_READERS:
        return REQUEST_READERS[asked.base](seen, seconds, missing)
    definition = asked.definition
    assert definition is not None
    assert definition.quantile is not None
    latency, slower = seen.latency, missing.unsent + missing.unanswered
    if definition.from_actual_send:
        latency, slower = seen.service_latency, missing.unanswered
    q = definition.quantile / 100
    found = latency.quantile(q, margins.min_beyond) if seen.count else None
    if found is None:
        return None
    beside = latency.quantile_beside(q, slower)
    found_high = math.inf if beside is None else beside
    accuracy = margins.quantile_accuracy
    if not accuracy:
        return Between(found, found, found_high) if slower else found
    assert latency.min is not None
    assert latency.max is not None
    # the edges of a bucket (Masson, Rim & Lee, 2019)
    low, high = found / (1 + accuracy), found_high / (1 - accuracy)
    highest = latency.max if math.isfinite(found_high) else math.inf
    return Between(found, max(low, latency.min), min(high, highest))


def _mean(latency: Histogram, backlog_s: float, missing: MissingRequests) -> float | None:
    """The mean, and that with what is missing as its upper limit.

    Args:
        latency: Of the requests that were answered.
        backlog_s: What the service would take for the requests that were never sent: so much
            later than the slowest answer is theirs, at most.
        missing: How long one takes that was not answered is not known at all.
    """
    if latency.mean is None or not any(missing):
        return latency.mean
    assert latency.max is not None
    added_s = missing.unsent * (latency.max + backlog_s)
    most = (latency.total + added_s) / (latency.count + missing.unsent)
    return Between(latency.mean, latency.mean, math.inf if missing.unanswered else most)


def _throughput(seen: Requests, seconds: float, _: MissingRequests) -> float | None:
    ended = seen.ended
    return (ended.count - ended.errors) / seconds if ended.count else None


def _error_rate(seen: Requests, _: float, missing: MissingRequests) -> float | None:
    return CountedShare(seen.errors, seen.count, missing.unanswered) if seen.count else None


def _latency_mean(seen: Requests, seconds: float, missing: MissingRequests) -> float | None:
    ended = seen.ended.count
    backlog_s = missing.unsent * seconds / ended if ended else math.inf
    return _mean(seen.latency, backlog_s, missing) if seen.count else None


def _service_latency_mean(seen: Requests, _: float, missing: MissingRequests) -> float | None:
    return _mean(seen.service_latency, 0.0, missing._replace(unsent=0)) if seen.count else None


def _together(
    requests: Mapping[RequestKey, Requests], name: str | None, method: str | None
) -> Requests:
    return Requests.together(
        seen
        for key, seen in requests.items()
        if name in (None, key.name) and method in (None, key.method)
    )


def _recovered(second: ArrivalSecond, highest: float) -> bool:
    return second.median is not None and second.median <= highest


def _metric(trial: Trial, metric: Metric, margins: MeasureMargins) -> float | None:
    counters, metrics = trial.service.counters, trial.service.metrics
    unread = {} if metrics is None else metrics.unread
    if any(unread_reasons(unread, Selector.parse(each)) for each in selectors(metric)):
        return None  # a sum of the others would be wrong
    if isinstance(metric, MetricRatio):
        numerator = counter(counters, metric.numerator)
        denominator = counter(counters, metric.denominator)
        if numerator is None or not denominator:
            return None
        return numerator / denominator
    if isinstance(metric, MetricGauge):
        gauges = trial.evidence.gauges if isinstance(trial.evidence, LoadEvidence) else {}
        reading = gauges.get(metric.metric)
        return None if reading is None else float(getattr(reading, metric.take))
    if isinstance(metric, MetricQuantile):
        try:
            return histogram_quantile(counters, metric, margins)
        except ValueError:
            return None
    delta = counter(counters, metric.metric)
    return None if delta is None else _rate(trial, delta, margins)


def counting_uncertainty_s(trial: Trial, margins: MeasureMargins) -> float:
    """Seconds by which the time may be wrong for which the counters of a load grew."""
    evidence = trial.evidence
    uncertainty_s = evidence.counters_uncertainty_s if isinstance(evidence, LoadEvidence) else 0.0
    return margins.counting_time * uncertainty_s


def _rate(trial: Trial, grown: float, margins: MeasureMargins) -> float | None:
    """None if it may have grown in no time: when it was read is not known well enough."""
    window_s, uncertainty_s = trial.window_s, counting_uncertainty_s(trial, margins)
    rate = grown / window_s
    if not uncertainty_s:
        return rate
    if uncertainty_s >= window_s:
        return None
    return Between(rate, grown / (window_s + uncertainty_s), grown / (window_s - uncertainty_s))


CALL_READERS: Mapping[str, Callable[[BenchmarkEvidence], float]] = {
    "time": lambda evidence: evidence.timing.value_s,
}
PROCESS_READERS: Mapping[str, Callable[[Usage], float | None]] = {
    "cpu": lambda usage: usage.cpu,
    "rss_bytes": lambda usage: usage.rss_bytes,
    "descriptors": lambda usage: usage.descriptors,
    "throttled": lambda usage: usage.throttled,
}
STAGE_READERS: Mapping[str, Callable[[LoadEvidence, str, MeasureMargins], float | None]] = {
    "recovery": recovery
}
REQUEST_READERS: Mapping[str, Callable[[Requests, float, MissingRequests], float | None]] = {
    "throughput": _throughput,
    "error_rate": _error_rate,
    "latency_mean": _latency_mean,
    "service_latency_mean": _service_latency_mean,
}  # quantiles apart
"""By scope and name, what reads a measure from what a trial recorded."""
