"""The gate `evidence`: which of no such series, no sample and no page of metrics it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from lab.decision_margins import BEFORE_SEALED, DecisionMargins
from lab.gates import may_come
from lab.hypothesis import Metric, MetricGauge, MetricQuantile, MetricRate, MetricRatio
from lab.stats.latency_histogram import Histogram
from lab.trials.trial import GaugeReading, MetricsReading, Requests
from tests.default_margins import inspect
from tests.lab.builders import ORDERS, altered, claim, ratio, trial

TYPES = {
    "my_thing": "counter",
    "wait_seconds": "histogram",
    "queue": "gauge",
    "build": "info",
    "idle_total": "counter",
}
READ = MetricsReading(scrapes=5, types=TYPES)
COUNTERS = {'my_thing{code="200"}': 5.0, 'my_thing{code="500"}': 0.0, "wait_seconds_sum": 0.0}


@pytest.mark.parametrize(
    ("metric", "may"),
    [
        (MetricRate('my_thing{code="503"}'), True),
        (MetricQuantile("wait_seconds", 0.5), True),
        (MetricRatio("my_thing", "wait_seconds_count"), True),
        (MetricRate("my_thin"), False),
        (MetricRate("queue"), False),
        (MetricRatio("my_thing", "absent_total"), False),
    ],
)
def test_a_series_may_come_later_if_the_page_has_its_type(metric: Metric, may: bool) -> None:
    assert may_come(metric, altered(trial("narrow", 100), metrics=READ).service) is may
    assert not may_come(metric, altered(trial("narrow", 100), metrics=None).service)


def test_what_cannot_be_read_does_not_come_later() -> None:
    unread = replace(READ, unread={'my_thing{code="503"}': "line 3 is damaged"})
    made = altered(trial("narrow", 100), metrics=unread)
    assert not may_come(MetricRate('my_thing{code="503"}'), made.service)
    assert may_come(MetricQuantile("wait_seconds", 0.5), made.service)


def reason(
    metric: str | Metric,
    reading: MetricsReading | None = READ,
    counters: Mapping[str, float] = COUNTERS,
) -> str:
    """What the gate says of a rate, or of another measure."""
    measure = MetricRate(metric) if isinstance(metric, str) else metric
    measured = replace(claim(replace(ratio(2.5), measure="hits")), measures={"hits": measure})
    made = altered(trial("narrow", 100), counters=counters, metrics=reading)
    found = [fault for fault in inspect(made, measured).faults if fault.gate == "evidence"]
    if not found:
        return ""
    start, _, why = found[0].message.partition(" of arm narrow: ")
    assert start == "No evidence for hits"
    return why


@pytest.mark.parametrize(
    ("metric", "why"),
    [
        ("my_thing", ""),
        ('my_thing{code="200"}', ""),
        (
            'my_thing{code="404"}',
            'there is no series my_thing{code="404"}; of this metric there are '
            'my_thing{code="200"}, my_thing{code="500"}.',
        ),
        ("my_thing_total", "the metrics page has no series my_thing_total; the nearest names are "),
        ("zzz", "the metrics page has no series zzz; nothing has a name like it."),
        ("queue", "queue is a gauge, not a counter."),
        ("build_info", "build_info is a gauge, not a counter."),
        ("idle_total", "idle_total had no sample: the page has its type and no series."),
        ('wait_seconds_bucket{le="1"}', "wait_seconds_bucket is a bucket of a histogram, which"),
    ],
)
def test_a_series_that_is_not_there(metric: str, why: str) -> None:
    found = reason(metric)
    assert found.startswith(why) if why else not found
    if "nearest" in why:
        assert "my_thing" in found


def test_no_page_of_metrics() -> None:
    refused = MetricsReading(problem="GET /metrics: status 401")
    assert reason("other", refused) == "there is no page of metrics: GET /metrics: status 401."
    once = replace(refused, scrapes=1)
    assert reason("other", once).startswith("the metrics were read once only")
    partly = replace(refused, scrapes=3)
    assert reason("my_thing", partly, {}) == (
        "the metrics were not read at the start or at the end of the window: "
        "GET /metrics: status 401."
    )


def test_a_rate_over_a_time_that_is_not_known() -> None:
    measured = replace(
        claim(replace(ratio(2.5), measure="hits")), measures={"hits": MetricRate("my_thing")}
    )
    made = altered(
        trial("narrow", 100), counters=COUNTERS, metrics=READ, counters_uncertainty_s=4.5
    )
    (fault,) = [each for each in inspect(made, measured).faults if each.gate == "evidence"]
    assert "known to 4.5 s only, and the window has 4 s" in fault.message


@pytest.mark.parametrize("unread", ['my_thing{code="500"}', "my_thing"])
def test_a_sum_of_which_one_series_is_unread_is_no_evidence(unread: str) -> None:
    broken = replace(READ, unread={unread: "line 3 is spoiled"})
    assert reason("my_thing", broken) == f"{unread}: line 3 is spoiled."
    assert bool(reason('my_thing{code="200"}', broken)) == (unread == "my_thing")


@pytest.mark.parametrize(
    ("metric", "reading", "why"),
    [
        ("my_thing", {"problem": "timed out"}, ""),  # its ends were read
        ("my_thing", {"unread_s": 0.03, "problem": "timed out"}, ""),
        (
            *("my_thing", {"unread_s": 0.5, "problem": "timed out"}),
            "what its counter grew by is not known for 0.5 s of the window",
        ),
        (MetricGauge("queue"), {}, ""),
        (MetricGauge("queue"), {"unread_s": 0.5}, ""),
        (
            MetricGauge("queue"),
            {"problem": "status 503"},
            "the metrics were not read each time: st",
        ),
        (
            "my_thing",
            {"unchanged": True},
            "no series of the page of metrics changed while requests",
        ),
        (MetricGauge("queue"), {"unchanged": True}, "no series of the page of metrics changed"),
        (MetricRatio("my_thing", "my_thing"), {"unchanged": True, "unread_s": 2.0}, ""),
    ],
)
def test_a_value_of_a_part_of_the_window_is_no_evidence_and_final(
    metric: str | Metric, reading: dict[str, Any], why: str
) -> None:
    kind = MetricRate(metric) if isinstance(metric, str) else metric
    measured = replace(claim(replace(ratio(2.5), measure="hits")), measures={"hits": kind})
    made = altered(
        trial("narrow", 100),
        counters=COUNTERS,
        metrics=replace(READ, **reading),
        gauges={"queue": GaugeReading(1.0, 2.0, 1.0, 4)},
    )
    found = [fault for fault in inspect(made, measured).faults if fault.gate == "evidence"]
    assert len(found) == bool(why)
    for fault in found:
        assert f"of arm narrow: {why}" in fault.message and not fault.retryable
        assert "the blocks of which the metrics were read in part" in fault.message
    earlier = replace(DecisionMargins(), measures=BEFORE_SEALED.measures)
    judged = inspect(made, measured, margins=earlier)
    assert not [fault for fault in judged.faults if fault.gate == "evidence"]


def test_a_trial_of_an_older_lab_says_what_it_did() -> None:
    assert reason("other", None) == "too few samples, or the service does not export it."


def test_a_share_of_nothing_has_no_sample() -> None:
    share = MetricRatio("my_thing", "wait_seconds_sum")
    measured = replace(claim(replace(ratio(2.5), measure="hits")), measures={"hits": share})
    made = altered(trial("narrow", 100), counters=COUNTERS, metrics=READ)
    message = inspect(made, measured).faults[-1].message
    assert "no sample: wait_seconds_sum did not grow within the window. Block 1 is" in message


def test_a_request_that_is_not_there_is_named_beside_those_that_are() -> None:
    asked = claim(replace(ratio(2.5), measure='latency_p50{name="/order"}'))
    (fault,) = inspect(trial("narrow", 100), asked).faults
    assert "no request named /order; there are /orders. Block 1 is" in fault.message
    asked = claim(replace(ratio(2.5), measure='latency_p50{name="/orders", method="PUT"}'))
    (fault,) = inspect(trial("narrow", 100), asked).faults
    assert "no PUT request named /orders; there are POST /orders. Block 1 is" in fault.message
    few = claim(replace(ratio(2.5), measure="latency_p99.9"))
    (fault,) = inspect(trial("narrow", 100), few).faults
    assert "too few samples (400). Block 1 is" in fault.message


def test_requests_without_a_time_have_no_latency() -> None:
    pushes = trial("narrow", 100, requests={ORDERS: Requests(400, 0, Histogram())})
    asked = claim(replace(ratio(2.5), measure="latency_p50"))
    (fault,) = [each for each in inspect(pushes, asked).faults if each.gate == "evidence"]
    assert fault.message.endswith("reported its 400 requests without a response time.")
    assert fault.retryable


@pytest.mark.parametrize(
    ("metric", "why"),
    [
        (MetricGauge("idle_total"), "idle_total is a counter, not a gauge."),
        (MetricGauge("qeue"), "the metrics page has no series qeue; the nearest names are queue"),
        (MetricQuantile("wait_seconds", 0.5), "wait_seconds observed nothing, or has no such"),
        (MetricQuantile("wait", 0.5), "the metrics page has no series wait_bucket"),
    ],
)
def test_a_gauge_or_a_histogram_that_is_not_there(metric: Metric, why: str) -> None:
    assert reason(metric).startswith(why)


def test_a_quantile_that_the_buckets_cannot_tell() -> None:
    buckets = {'wait_seconds_bucket{le="1"}': 900.0, 'wait_seconds_bucket{le="+Inf"}': 1000.0}
    found = reason(MetricQuantile("wait_seconds", 0.95), READ, buckets)
    assert found.startswith(
        "the buckets of wait_seconds cannot tell the quantile: it lies above the highest bucket, "
        "which ends at 1. Block 1 is not repeated"
    )
    assert found.endswith("a histogram needs buckets on both sides of the quantile.")


@pytest.mark.parametrize(
    ("metric", "is_final"),
    [
        (MetricRatio("my_thing", "wait_seconds_sum"), True),  # of nothing
        (MetricRate('my_thing{code="404"}'), False),  # may come with the first event
        (MetricQuantile("wait_seconds", 0.5), False),
        (MetricRate("zzz"), False),
        (MetricRate("queue"), False),
        (MetricGauge("qeue"), False),
    ],
)
def test_what_was_counted_decides_about_no_repetition(metric: Metric, is_final: bool) -> None:
    measured = replace(claim(replace(ratio(2.5), measure="hits")), measures={"hits": metric})
    made = altered(trial("narrow", 100), counters=COUNTERS, metrics=READ)
    (fault,) = [each for each in inspect(made, measured).faults if each.gate == "evidence"]
    assert fault.retryable is not is_final
    unread = MetricsReading(scrapes=5, types=TYPES, problem="GET /metrics: timed out")
    made = altered(made, counters={}, metrics=unread)
    (fault,) = [each for each in inspect(made, measured).faults if each.gate == "evidence"]
    assert fault.retryable
