from __future__ import annotations

import math
from dataclasses import replace

import pytest

from lab.decision_margins import BEFORE_SEALED
from lab.driver_messages import RequestKey
from lab.hypothesis import MetricGauge, MetricQuantile, MetricRate, MetricRatio
from lab.stats.latency_histogram import Histogram
from lab.trials.measure_values import AtLeast, Between, CountedShare, counter, total
from lab.trials.trial import (
    ArrivalSecond,
    Ended,
    GaugeReading,
    Requests,
    SoakEvidence,
    SoakLoadStats,
    StageRecord,
    Trial,
)
from tests.default_margins import measure
from tests.lab.builders import ON_TIME, ORDERS, altered, arrivals, trial

SERIES = {
    'http_requests_total{method="POST",route="/orders",status="201"}': 90.0,
    'http_requests_total{method="POST",route="/orders",status="503"}': 10.0,
    'http_requests_total{method="GET",route="/orders",status="200"}': 5.0,
    "http_requests_total_other": 7.0,
}


@pytest.mark.parametrize(
    ("selector", "value"),
    [
        ("http_requests_total", 105.0),
        ('http_requests_total{method="POST"}', 100.0),
        ('http_requests_total{status="503",route="/orders"}', 10.0),
        ('http_requests_total{status="404"}', None),
        ("absent", None),
    ],
)
def test_a_selector_sums_the_series_that_it_matches(selector: str, value: float | None) -> None:
    assert counter(SERIES, selector) == value


def test_the_rate_of_a_counter_lies_between_those_over_the_times_that_it_may_have_grown() -> None:
    made = altered(
        trial("narrow", 100), counters={"orders_total": 400.0}, counters_uncertainty_s=1.0
    )
    definitions = {"orders": MetricRate("orders_total")}
    found = measure(made, "orders", definitions)
    assert isinstance(found, Between)
    assert (found, found.low, found.high) == pytest.approx((100, 80, 400 / 3))
    earlier = measure(made, "orders", definitions, margins=BEFORE_SEALED.measures)
    assert earlier == 100 and not isinstance(earlier, Between)


def test_built_in_measures() -> None:
    made = trial("narrow", 100)
    seen = made.service.requests[ORDERS]
    failing = trial("narrow", 100, requests={ORDERS: Requests(seen.count, 40, seen.latency)})
    assert measure(failing, "throughput", {}) == pytest.approx((400 - 40) / 4)
    assert measure(failing, "error_rate", {}) == pytest.approx(0.1)
    assert measure(made, "latency_p50", {}) == pytest.approx(0.12, rel=0.01)
    assert measure(made, "latency_mean", {}) == pytest.approx(0.12, rel=0.01)
    assert measure(made, "cpu", {}) == 0.3
    assert measure(made, "rss_bytes", {}) == 1e8


def test_a_quantile_with_too_few_samples_beyond_it_is_no_evidence() -> None:
    assert measure(trial("narrow", 100), "latency_p99", {}) is None  # 4 of 400 beyond
    assert measure(trial("narrow", 100), "latency_p95", {}) is not None


def test_a_quantile_of_latencies_lies_somewhere_in_its_bucket() -> None:
    found = measure(trial("narrow", 100), "latency_p50", {})  # 0.1 to 0.14 s
    assert isinstance(found, Between)
    assert found.low < found < found.high
    assert found.high / found.low == pytest.approx(1.005 / 0.995)
    alike = Histogram()
    alike.add_many([0.15] * 100)
    steady = altered(trial("narrow", 25), requests={ORDERS: Requests(100, 0, alike)})
    found = measure(steady, "latency_p50", {})
    assert isinstance(found, Between)
    assert found == found.low == found.high == 0.15  # the exact minimum and maximum


def test_a_measure_of_one_request_name() -> None:
    made = trial("narrow", 100)
    assert measure(made, 'throughput{name="/orders"}', {}) == 100
    assert measure(made, 'throughput{name="/other"}', {}) is None
    assert total(made, "/other").count == 0


def test_a_measure_of_one_method() -> None:
    seen = trial("narrow", 100).service.requests[ORDERS]
    reading = RequestKey("/orders", "GET")
    made = trial("narrow", 100, requests={ORDERS: seen, reading: replace(seen, errors=200)})
    assert measure(made, 'error_rate{name="/orders", method="GET"}', {}) == 0.5
    assert measure(made, 'error_rate{name="/orders", method="POST"}', {}) == 0
    assert measure(made, 'error_rate{method="GET"}', {}) == 0.5
    assert measure(made, 'error_rate{name="/orders"}', {}) == 0.25
    assert measure(made, 'error_rate{name="/orders", method="PUT"}', {}) is None


def test_custom_measures() -> None:
    made = trial("narrow", 100)
    waits = MetricRatio("db_pool_wait_seconds_sum", "http_request_duration_seconds_sum")
    assert measure(made, "wait", {"wait": waits}) == pytest.approx(0.9)
    served = MetricRate("http_request_duration_seconds_count")
    assert measure(made, "served", {"served": served}) == pytest.approx(100)
    assert measure(made, "gone", {"gone": MetricRate("absent")}) is None
    assert measure(made, "gone", {"gone": MetricRatio("absent", "absent")}) is None


def requests(seconds: float, count: int = 100) -> dict[RequestKey, Requests]:
    latency = Histogram()
    latency.add_many([seconds] * count)
    return {ORDERS: Requests(count, 0, latency)}


def staged(*after: float | None, due: int = 1) -> Trial:
    """10 ms before a spike of two seconds; then so many seconds with these medians.

    So many arrivals are due in a second that has none.
    """
    return trial(
        "narrow",
        100,
        stages=(
            StageRecord(
                "calm",
                2.0,
                requests(0.010, 200),
                (ArrivalSecond(1.0, 0.010), ArrivalSecond(1.0, 0.010)),
            ),
            StageRecord(
                "spike", 2.0, requests(0.5, 400), (ArrivalSecond(1.0, 0.5), ArrivalSecond(1.0, 0.6))
            ),
            StageRecord(
                None,
                float(len(after)),
                requests(0.02),
                tuple(ArrivalSecond(1.0, seen, 1 if seen else due) for seen in after),
            ),
        ),
    )


def test_a_measure_of_a_stage_is_taken_of_its_seconds_alone() -> None:
    made = staged(0.01)
    assert measure(made, "throughput", {}, during="calm") == pytest.approx(100)
    assert measure(made, "throughput", {}, during="spike") == pytest.approx(200)
    assert measure(made, "latency_p50", {}, during="spike") == pytest.approx(0.5, rel=0.01)
    assert measure(made, "latency_p50", {}, during="gone") is None
    assert measure(trial("narrow", 100), "throughput", {}, during="calm") is None


@pytest.mark.parametrize(
    ("after", "seconds", "ended"),
    [
        ((0.010, 0.010, 0.010), 0.0, True),
        ((0.4, 0.1, 0.014, 0.012, 0.010), 2.0, True),
        ((0.4, 0.012, 0.1, 0.012, 0.011, 0.010), 3.0, True),  # well for one second is not well
        ((0.4, None, 0.012, 0.012, 0.011), 2.0, True),  # nor is a second without an answer
        ((0.4, 0.1, 0.012), 2.0, True),
        ((0.4, 0.1, 0.016), 3.0, False),
    ],
)
def test_recovery_is_the_time_until_the_median_is_what_it_was_before(
    after: tuple[float | None, ...], seconds: float, ended: bool
) -> None:
    found = measure(staged(*after), "recovery", {}, during="spike")
    assert found == seconds
    assert isinstance(found, AtLeast) is not ended


def test_a_recovery_is_at_some_moment_of_its_second() -> None:
    made = staged(0.4, 0.1, 0.014, 0.012, 0.010)
    found = measure(made, "recovery", {}, during="spike")
    assert isinstance(found, Between)
    assert (found, found.low, found.high) == (2.0, 2.0, 3.0)
    earlier = measure(made, "recovery", {}, during="spike", margins=BEFORE_SEALED.measures)
    assert earlier == 2.0 and not isinstance(earlier, Between)


def test_an_error_rate_knows_what_it_counted() -> None:
    seen = trial("narrow", 100).service.requests[ORDERS]
    found = measure(
        trial("narrow", 100, requests={ORDERS: replace(seen, errors=3)}), "error_rate", {}
    )
    assert isinstance(found, CountedShare)
    assert (found.part, found.whole) == (3, 400)
    assert found == 3 / 400


@pytest.mark.parametrize(("waiting", "rank"), [(0, 360), (1, 361), (20, 378), (44, 400)])
def test_arrivals_without_an_answer_may_have_been_the_slowest(waiting: int, rank: int) -> None:
    """p90 of 400 + n values of which the n largest are not known."""
    found = measure(arrivals(waiting=waiting), "latency_p90", {})
    assert isinstance(found, Between)
    assert found == pytest.approx(0.1 + 0.0001 * 359, rel=0.005)
    assert found.high == pytest.approx(0.1 + 0.0001 * (rank - 1), rel=0.01)
    assert found.high >= 0.1 + 0.0001 * (rank - 1)
    assert found.low <= 0.1 + 0.0001 * 359


def test_a_quantile_that_may_be_of_an_arrival_without_an_answer_has_no_upper_limit() -> None:
    made = arrivals(waiting=50)
    found = measure(made, "latency_p90", {})
    assert isinstance(found, Between) and found.high == math.inf
    actual = measure(made, "service_latency_p90", {})  # from the send: what was sent has one
    assert isinstance(actual, Between) and actual.high <= 0.14
    earlier = measure(made, "latency_p90", {}, margins=BEFORE_SEALED.measures)
    assert earlier is not None and not isinstance(earlier, Between)
    assert measure(made, "latency_p99", {}) is None, "too few samples, whatever is missing"


def test_each_arrival_without_an_answer_lacks_as_many_requests_as_the_others_sent() -> None:
    twice = replace(ON_TIME, scheduled=210, sent=200, waiting=10)
    found = measure(trial("narrow", 100, dispatch=twice), "latency_p90", {})
    assert isinstance(found, Between)
    assert found.high == pytest.approx(0.1 + 0.0001 * 377, rel=0.01)  # rank 378 of 420
    few = replace(ON_TIME, scheduled=4010, sent=4000, waiting=10)  # of this name: one in ten
    found = measure(trial("narrow", 100, dispatch=few), "latency_p90", {})
    assert isinstance(found, Between)
    assert found.high == pytest.approx(0.1 + 0.0001 * 368, rel=0.01)  # rank 369 of 410


def test_no_more_arrivals_are_missing_in_a_stage_than_were_scheduled_in_it() -> None:
    made = staged(0.01)
    both = altered(made, dispatch=replace(ON_TIME, waiting=500))
    found = measure(both, "latency_p50", {}, during="spike")
    assert isinstance(found, Between) and found.high == 0.5
    whole = measure(both, "latency_p50", {})
    assert isinstance(whole, Between) and whole.high == math.inf


def test_a_stage_whose_arrivals_were_all_answered_lacks_none() -> None:
    made = staged(0.01)
    calm, spike, after = made.evidence.stages  # type: ignore[union-attr]
    seconds = tuple(each._replace(due=100) for each in calm.medians)
    answered = replace(calm, medians=seconds)  # 200 due, 200 answered
    both = altered(made, dispatch=replace(ON_TIME, waiting=500), stages=(answered, spike, after))
    found = measure(both, "latency_p90", {}, during="calm")
    assert isinstance(found, Between) and found.high == 0.01
    one_more = replace(calm, medians=(seconds[0]._replace(due=150), seconds[1]))
    both = altered(both, stages=(one_more, spike, after))  # 50 of 250: a fifth
    found = measure(both, "latency_p90", {}, during="calm")
    assert isinstance(found, Between) and found.high == math.inf


def test_a_mean_takes_what_was_never_sent_for_as_late_as_the_backlog() -> None:
    """100 a second were answered: ten more would have taken .1 s."""
    found = measure(arrivals(waiting=10), "latency_mean", {})
    assert isinstance(found, Between)
    mean = measure(trial("narrow", 100), "latency_mean", {})
    assert mean is not None and found == found.low == mean
    assert found.high == pytest.approx((400 * mean + 10 * (0.1399 + 0.1)) / 410)
    assert measure(arrivals(waiting=10), "service_latency_mean", {}) == mean


def test_the_mean_of_a_queue_that_is_cut_off_reaches_to_that_of_all_arrivals() -> None:
    """200 a second at a service of 100 a second for 20 s, and 70 users: 5 s, and 10 s in truth."""
    seen = Histogram()
    seen.add_many([number / 200 for number in range(2000)])  # FIFO: sent n is done at n / 100
    made = altered(
        trial("narrow", 100, window_s=20.0),
        requests={ORDERS: Requests(2000, 0, seen)},
        dispatch=replace(ON_TIME, scheduled=4000, sent=2000, waiting=2000),
    )
    found = measure(made, "latency_mean", {})
    assert isinstance(found, Between)
    assert found == pytest.approx(5.0, rel=0.01) and found.high >= 10.0


def soak(sent: int, unanswered: int) -> Trial:
    """An hour with 400 answers; what a load leaves unanswered voids its block."""
    seen = trial("narrow", 100).service
    load_stats = SoakLoadStats(scheduled=420, sent=sent, unanswered=unanswered)
    evidence = SoakEvidence(requests=seen.requests, load_stats=load_stats)
    return altered(trial("narrow", 100), evidence=evidence)


def test_a_soak_has_arrivals_without_an_answer_as_well() -> None:
    found = measure(soak(405, 5), "latency_p90", {})
    assert isinstance(found, Between)
    assert found.high == pytest.approx(0.1 + 0.0001 * 377, rel=0.01)
    for name in ("latency_mean", "service_latency_mean"):
        hung = measure(soak(405, 5), name, {})
        assert isinstance(hung, Between) and hung.high == math.inf


def test_an_arrival_without_an_answer_may_have_failed() -> None:
    found = measure(soak(404, 4), "error_rate", {})
    assert isinstance(found, CountedShare)
    assert (found, found.low, found.high) == (0.0, 0.0, 4 / 404)
    unsent = measure(soak(400, 0), "error_rate", {})
    assert isinstance(unsent, CountedShare) and unsent.high == 0.0  # it sent nothing


def test_an_arrival_that_sent_no_request_counts_as_unsent() -> None:
    early, unsent = (
        measure(arrivals(**missing), "latency_p90", {})
        for missing in ({"sent": 420, "without_request": 20}, {"waiting": 20})
    )
    assert isinstance(early, Between) and isinstance(unsent, Between)
    assert early.high == unsent.high == pytest.approx(0.1 + 0.0001 * 377, rel=0.01)


def test_recovery_needs_a_stage_before_and_a_stage_after() -> None:
    assert measure(staged(0.01), "recovery", {}, during="calm") is None


@pytest.mark.parametrize(
    ("after", "seconds"),
    [
        ((0.010, None, None, 0.010), 0.0),
        ((0.4, 0.012, None, 0.011, 0.010), 1.0),
        ((None, None, 0.012), 2.0),  # it may have been well before, which nobody saw
        ((None, None), None),
    ],
)
def test_a_second_without_scheduled_arrivals_is_no_evidence_of_recovery(
    after: tuple[float | None, ...], seconds: float | None
) -> None:
    assert measure(staged(*after, due=0), "recovery", {}, during="spike") == seconds


def test_an_open_load_has_the_throughput_of_what_ended_and_the_errors_of_what_was_scheduled() -> (
    None
):
    seen = trial("narrow", 100).service.requests[ORDERS]
    made = trial(
        "narrow",
        100,
        requests={RequestKey("/"): replace(seen, errors=40, ended_within=Ended(80, 4))},
    )
    assert measure(made, "throughput", {}) == pytest.approx((80 - 4) / 4)
    assert measure(made, "error_rate", {}) == pytest.approx(0.1)
    assert total(made).ended == Ended(80, 4)


def test_service_latency_is_measured_from_the_actual_send() -> None:
    intended, actual = Histogram(), Histogram()
    intended.add_many([1.0] * 50)
    actual.add_many([0.1] * 50)
    made = trial(
        "narrow", 100, requests={RequestKey("/"): Requests(50, 0, intended, sent_latency=actual)}
    )
    assert measure(made, "latency_p50", {}) == pytest.approx(1.0, rel=0.01)
    assert measure(made, "service_latency_p50", {}) == pytest.approx(0.1, rel=0.01)
    assert measure(made, "service_latency_mean", {}) == pytest.approx(0.1)
    closed = trial("narrow", 100)  # there is no intention apart from the act
    for what in ("p50", "mean"):
        assert measure(closed, f"service_latency_{what}", {}) == measure(
            closed, f"latency_{what}", {}
        )


def test_process_measures_are_taken_of_the_role_under_load() -> None:
    made = trial("narrow", 100)
    assert measure(made, "cpu", {}) == made.service.usage["service"].cpu
    loaded = altered(made, loaded="pricing")
    assert measure(loaded, "cpu", {}) == made.service.usage["pricing"].cpu
    assert measure(altered(made, loaded="elsewhere"), "cpu", {}) is None


def test_a_gauge_is_taken_as_its_mean_its_maximum_or_its_last_value() -> None:
    made = altered(trial("narrow", 100), gauges={"queue_depth": GaugeReading(3.0, 9.0, 1.0, 5)})
    for take, value in (("mean", 3.0), ("max", 9.0), ("last", 1.0)):
        assert measure(made, "depth", {"depth": MetricGauge("queue_depth", take)}) == value  # type: ignore[arg-type]
    assert measure(made, "depth", {"depth": MetricGauge("queue_length")}) is None


def test_a_quantile_of_a_histogram_of_the_service() -> None:
    buckets = {
        f'wait_seconds_bucket{{le="{edge}",route="{route}"}}': count
        for route, counts in (("/a", (500, 900, 1000)), ("/b", (0, 0, 500)))
        for edge, count in zip(("0.1", "0.2", "+Inf"), counts, strict=True)
    }
    made = altered(trial("narrow", 100), counters=buckets)
    own = {"wait": MetricQuantile('wait_seconds{route="/a"}', 0.7)}
    found = measure(made, "wait", own)
    assert isinstance(found, Between)
    assert found == pytest.approx(0.15) and (found.low, found.high) == (0.1, 0.2)
    both = {"wait": MetricQuantile("wait_seconds", 0.5)}
    assert measure(made, "wait", both) == pytest.approx(0.1 + 0.1 * 250 / 400)
    assert measure(made, "wait", {"wait": MetricQuantile("wait_seconds", 0.9)}) is None  # +Inf
    assert measure(made, "wait", {"wait": MetricQuantile("other_seconds", 0.5)}) is None
    other = {'wait_seconds_bucket{le="0.3",route="/a"}': 950.0}
    mixed = altered(made, counters=buckets | other)
    assert measure(mixed, "wait", own) == pytest.approx(0.15)
    assert measure(mixed, "wait", both) is None  # series with different buckets


def test_a_low_quantile_of_a_histogram_needs_observations_below_it() -> None:
    counts = {"0.1": 0.0, "0.2": 400.0, "+Inf": 400.0}
    buckets = {f'wait_seconds_bucket{{le="{edge}"}}': count for edge, count in counts.items()}
    made = altered(trial("narrow", 100), counters=buckets)
    few = {"wait": MetricQuantile("wait_seconds", 0.01)}  # four lie below it
    assert measure(made, "wait", few) is None
    assert measure(made, "wait", few, margins=BEFORE_SEALED.measures) is not None
    assert measure(made, "wait", {"wait": MetricQuantile("wait_seconds", 0.025)}) is not None
