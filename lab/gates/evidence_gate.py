"""The gate of the evidence: what a prediction needs of an arm, or a limit bounds, has a value."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches
from typing import Literal, NamedTuple

from lab.decision_margins import MeasureMargins
from lab.gates.gate_check import Check
from lab.gates.judged_measures import predictions_of, why_not_repeated
from lab.hypothesis import (
    Hypothesis,
    Metric,
    MetricGauge,
    MetricQuantile,
    MetricRate,
    MetricRatio,
    parse_measure,
)
from lab.measures.table import Scope
from lab.prometheus.selector import Selector
from lab.prometheus.text_format import LEFT_OUT, Role, find_role, unread_reasons
from lab.stats.latency_histogram import min_count
from lab.stats.margins import SlopeMargins
from lab.system import DRIVER
from lab.trials.measure_values import (
    counter,
    counting_uncertainty_s,
    histogram_quantile,
    measure,
    selectors,
    total,
)
from lab.trials.time_series import TimeSeries
from lab.trials.trial import MetricsReading, ServiceEvidence, SoakEvidence, Trial

_AT_A_URL = " (at a URL they are if [url] has `processes = true`)"
_SHOWN = 3  # names or series that a message lists


class _Lacking(NamedTuple):
    """A measure without a value."""

    measure: str
    reason: str  # a clause
    has_too_few: bool  # samples, or values within the buckets: it depends on what was measured


def evidence(
    trial: Trial,
    hypothesis: Hypothesis,
    margins: MeasureMargins,
    slope: SlopeMargins | None = None,
) -> Iterator[Check]:
    """Whether every measure that a prediction needs, or a limit bounds, has a value; if not, why.

    No evidence is never a pass. A block that lacks a measure is repeated, unless what it lacks are
    samples: how many there are depends on how quick the arm was.

    Args:
        trial: Of any kind.
        hypothesis: What it predicts.
        margins: When a trial has a value.
        slope: Of a soak, when its series have one.
    """
    if not total(trial).count:
        return  # `errors` reports it
    measures = _lacking_measures(trial, hypothesis, margins)
    partial = _partly_read(trial, hypothesis, margins)
    lacking = {
        **partial,  # of those that have a value
        **{name: each.reason for name, each in measures.items()},
        **_lacking_series(trial, hypothesis, slope),
        **lacking_limits(trial, hypothesis),
    }
    reasons = "; ".join(dict.fromkeys(lacking.values()))
    yield Check(
        "evidence",
        len(lacking),
        0,
        f"No evidence for {', '.join(lacking)} of arm {trial.arm}: {reasons}.",
        not_repeated=_why_not_repeated(trial, hypothesis, measures, margins)
        or why_not_repeated(
            trial,
            partial,
            "of which the metrics were read in part",
            "Let the page of metrics answer, whatever the load, and show something that changes "
            "with each request, such as a counter of them.",
        ),
    )


def why_no_series(name: str, recorded: TimeSeries | None, reading: MetricsReading | None) -> str:
    """Why a soak has no time series for what a slope names; empty if it has one."""
    columns: Mapping[str, object] = {} if recorded is None else recorded.columns
    unread, selector = {} if reading is None else reading.unread, Selector.parse(name)
    lost = {series: reason for series, reason in unread.items() if series not in columns}
    if reasons := unread_reasons(lost, selector):
        return _first(reasons)
    if recorded is not None and recorded.series(name) is not None:
        return ""
    return _absent(selector, columns, reading, "gauge")


def why_no_counters(metric: Metric, service: ServiceEvidence) -> str:
    """Why not all counters are there that a measure is made of; empty if they are."""
    for text in selectors(metric):
        selector = Selector.parse(text)
        if reasons := _unread(selector, service):
            return _first(reasons)
        if counter(service.counters, text) is None:
            if isinstance(metric, MetricQuantile) and _role(selector, service) == "bucket":
                return f"{metric.histogram} observed nothing, or has no such labels"
            return _absent(selector, service.counters, service.metrics, "counter")
    return ""


def may_come(metric: Metric, service: ServiceEvidence) -> bool:
    """Whether a page that can be read names all metrics of a measure.

    A series may come with its first event.
    """
    named = [Selector.parse(each) for each in selectors(metric)]
    if any(_unread(each, service) for each in named):
        return False
    return all(_role(each, service) in ("counter", "bucket") for each in named)


def lacking_limits(trial: Trial, hypothesis: Hypothesis) -> dict[str, str]:
    """The limit of processor time, if nothing was observed that it is a limit of."""
    if hypothesis.limits.target_cpu is None or trial.service.usage.keys() - {DRIVER}:
        return {}
    return {"the limit `target_cpu`": f"no process of the target was observed{_AT_A_URL}"}


def _lacking_measures(
    trial: Trial, hypothesis: Hypothesis, margins: MeasureMargins
) -> dict[str, _Lacking]:
    """The measures without a value, by name and stage."""
    names = dict.fromkeys(
        (name, prediction.during)
        for prediction in predictions_of(trial, hypothesis)
        for name in _needed(prediction.measure)
    )
    return {
        name if during is None else f"{name} during {during}": (
            _lacking_metric(trial, name, hypothesis.measures[name], margins)
            if name in hypothesis.measures
            else _lacking_built_in(trial, name)
        )
        for name, during in names
        if measure(trial, name, hypothesis.measures, during, margins=margins) is None
    }


def _partly_read(trial: Trial, hypothesis: Hypothesis, margins: MeasureMargins) -> dict[str, str]:
    """The measures whose values rest on a part of the window only, each with the reason.

    What is read may be what is well: a page that does not answer while queues are long hides them.
    """
    reading = trial.service.metrics
    if reading is None:
        return {}
    reasons = {}
    for name in dict.fromkeys(each.measure for each in predictions_of(trial, hypothesis)):
        metric = hypothesis.measures.get(name)
        if not isinstance(metric, MetricGauge | MetricRate):
            continue
        reason = _why_partly_read(metric, reading, trial.window_s, margins)
        if reason and measure(trial, name, hypothesis.measures, margins=margins) is not None:
            reasons[name] = reason
    return reasons


def _why_partly_read(
    metric: MetricGauge | MetricRate,
    reading: MetricsReading,
    window_s: float,
    margins: MeasureMargins,
) -> str:
    if isinstance(metric, MetricRate) and reading.unread_s > margins.max_unread * window_s:
        return (
            f"what its counter grew by is not known for {reading.unread_s:.3g} s of the window, "
            f"because the metrics were not read: {reading.problem}"
        )
    if margins.whole_pages and isinstance(metric, MetricGauge) and reading.problem:
        return f"the metrics were not read each time: {reading.problem}"
    if margins.whole_pages and reading.unchanged:
        return (
            "no series of the page of metrics changed while requests ended: it is cached, or shows "
            "nothing of what the service does"
        )
    return ""


def _lacking_metric(trial: Trial, name: str, metric: Metric, margins: MeasureMargins) -> _Lacking:
    reason = _why_no_metric(trial, metric, margins)
    return _Lacking(name, reason, _has_too_few_events(metric, trial.service))


def _lacking_built_in(trial: Trial, name: str) -> _Lacking:
    asked = parse_measure(name)
    seen = total(trial, asked.request, asked.method)
    is_untimed = bool(seen.count) and not seen.latency.count
    has_too_few = asked.scope is not Scope.PROCESS and not is_untimed
    return _Lacking(name, _why_no_sample(trial, name), has_too_few)


def _has_too_few_events(metric: Metric, service: ServiceEvidence) -> bool:
    """Whether a measure made of metrics has no value for what its counters counted.

    Not so if the page of metrics was not read, or has no such series, which may come with the first
    event: that may pass.
    """
    if isinstance(metric, MetricGauge):
        return False
    return not why_no_counters(metric, service) and not isinstance(metric, MetricRate)


def _why_not_repeated(
    trial: Trial,
    hypothesis: Hypothesis,
    measures: Mapping[str, _Lacking],
    margins: MeasureMargins,
) -> str:
    """Sentences on why a block with too few samples is not repeated; empty if it may be."""
    judged = dict.fromkeys(each.measure for each in measures.values() if each.has_too_few)
    remedies = ["Lengthen `window`, or use more users or a higher rate"]
    remedies += [
        f"{name} needs {min_count(quantile / 100, margins.min_beyond):,} samples in every block"
        for name in judged
        if name not in hypothesis.measures
        if (quantile := parse_measure(name).quantile) is not None
    ]
    if any(isinstance(hypothesis.measures.get(name), MetricQuantile) for name in judged):
        remedies.append("a histogram needs buckets on both sides of the quantile")
    which = "with too few samples, of a fixed number of users the slow ones,"
    return why_not_repeated(trial, judged, which, f"{'; '.join(remedies)}.")


def _lacking_series(
    trial: Trial, hypothesis: Hypothesis, margins: SlopeMargins | None
) -> dict[str, str]:
    """The time series that are not there, or lack too much, and why."""
    slopes = dict.fromkeys(
        prediction.slope
        for prediction in hypothesis.all_predictions
        if trial.arm in prediction.arms and prediction.slope is not None
    )
    recorded = trial.evidence.time_series if isinstance(trial.evidence, SoakEvidence) else None
    reasons = {
        name: why_no_series(name, recorded, trial.service.metrics)
        or _why_too_little(name, recorded, trial.service.metrics, margins)
        for name in slopes
    }
    return {name: reason for name, reason in reasons.items() if reason}


def _why_too_little(
    name: str,
    recorded: TimeSeries | None,
    reading: MetricsReading | None,
    margins: SlopeMargins | None,
) -> str:
    """Why a series has too few values for a slope; empty if it has enough."""
    values = None if recorded is None else recorded.series(name)
    if recorded is None or values is None or margins is None or not values.size:
        return ""
    from lab.stats.time_bins import missing_share, time_bins  # numpy: for soaks alone

    bins = time_bins(recorded.times, recorded.segments, margins)
    missing = missing_share(bins.reduce(values, "median"), bins.segments)
    if missing <= margins.max_missing:
        return ""
    why = f": {reading.problem}" if reading is not None and reading.problem else ""
    return f"it has no value in {missing:.0%} of its time{why}"


def _needed(name: str) -> tuple[str, ...]:
    """What a trial must yield for a measure; those of a sweep are computed from two."""
    return ("throughput", "latency_mean") if parse_measure(name).scope is Scope.SWEEP else (name,)


def _why_no_sample(trial: Trial, name: str) -> str:
    """Why a built-in measure has no value."""
    asked, keys = parse_measure(name), trial.service.requests
    if asked.scope is Scope.PROCESS:
        return f"the processes of the service could not be observed{_AT_A_URL}"
    if asked.request is not None and asked.request not in {key.name for key in keys}:
        names = dict.fromkeys(key.name for key in keys)
        return f"no request named {asked.request}; there are {_listed(names)}"
    seen = total(trial, asked.request, asked.method)
    if not seen.count and asked.method is not None:
        there = dict.fromkeys(f"{key.method} {key.name}".strip() for key in keys)
        which = "" if asked.request is None else f" named {asked.request}"
        return f"no {asked.method} request{which}; there are {_listed(there)}"
    if seen.count and not seen.latency.count:
        return f"the scenario reported its {seen.count:,} requests without a response time"
    return f"too few samples ({seen.latency.count:,})"


def _why_no_metric(trial: Trial, metric: Metric, margins: MeasureMargins) -> str:
    """Why a measure that the hypothesis makes of metrics has no value."""
    service = trial.service
    if isinstance(metric, MetricGauge):
        gauge = Selector.parse(metric.metric)
        reasons = _unread(gauge, service)
        return _first(reasons) if reasons else _absent(gauge, (), service.metrics, "gauge")
    if reason := why_no_counters(metric, service):
        return reason
    if isinstance(metric, MetricQuantile):
        try:
            histogram_quantile(service.counters, metric, margins)
        except ValueError as error:
            return f"the buckets of {metric.histogram} cannot tell the quantile: {error}"
    if isinstance(metric, MetricRate):
        uncertainty_s = counting_uncertainty_s(trial, margins)
        return (
            f"when its counter was read is known to {uncertainty_s:.1f} s only, and the window has "
            f"{trial.window_s:g} s: the page of metrics came too late"
        )
    divisor = metric.denominator if isinstance(metric, MetricRatio) else selectors(metric)[0]
    return f"no sample: {divisor} did not grow within the window"


def _unread(selector: Selector, service: ServiceEvidence) -> list[str]:
    """Why what a selector matches could not be read from the page, as far as that is so."""
    return unread_reasons({} if service.metrics is None else service.metrics.unread, selector)


def _role(selector: Selector, service: ServiceEvidence) -> Role:
    """What a metric is, by the types of the page."""
    return find_role(selector.metric, {} if service.metrics is None else service.metrics.types)


def _absent(
    selector: Selector,
    known: Iterable[str],
    reading: MetricsReading | None,
    wanted: Literal["counter", "gauge"],
) -> str:
    """Why none of the known series is what a selector asks for."""
    if reading is None:
        return "too few samples, or the service does not export it"
    why = reading.problem or "the trial was too short"
    if not reading.scrapes:
        return f"there is no page of metrics: {why}"
    if reading.scrapes == 1 and wanted == "counter":
        return f"the metrics were read once only, and growth needs two times: {why}"
    series = list(known)
    if not series and reading.problem and wanted == "counter":
        return f"the metrics were not read at the start or at the end of the window: {why}"
    own = [each for each in series if Selector(selector.metric).matches(each)]
    if own:
        return f"there is no series {selector}; of this metric there are {_listed(own)}"
    role = find_role(selector.metric, reading.types)
    if role in LEFT_OUT:
        return f"{selector.metric} is {LEFT_OUT[role]}"
    if role not in ("untyped", wanted):
        return f"{selector.metric} is a {role}, not a {wanted}"
    names = {_metric_of(each) for each in series} | set(reading.types)
    families = [each for each in reading.types if selector.metric.startswith(each)]
    family = max(families, key=len, default=selector.metric)
    if role == wanted and not any(each.startswith(family) for each in series):
        return f"{selector.metric} had no sample: the page has its type and no series"
    near = get_close_matches(selector.metric, sorted(names), _SHOWN, 0.5)
    nearest = f"the nearest names are {', '.join(near)}" if near else "nothing has a name like it"
    return f"the metrics page has no series {selector.metric}; {nearest}"


def _metric_of(series: str) -> str:
    return Selector.parse(series).metric


def _first(reasons: list[str]) -> str:
    more = len(reasons) - 1
    return f"{reasons[0]} (and {more} more)" if more else reasons[0]


def _listed(names: Iterable[str]) -> str:
    names = list(names)
    more = len(names) - _SHOWN
    return ", ".join(names[:_SHOWN]) + (f" and {more} more" if more > 0 else "")
