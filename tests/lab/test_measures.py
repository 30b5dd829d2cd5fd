from __future__ import annotations

import pytest

from lab.hypothesis import MetricRate, MetricRatio
from lab.measures import counter, measure, total
from lab.trial import Requests
from tests.lab.builders import trial

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
def test_a_selector_sums_the_series_that_it_picks(selector: str, value: float | None) -> None:
    assert counter(SERIES, selector) == value


def test_built_in_measures() -> None:
    made = trial("narrow", 100)
    seen = made.requests["/orders"]
    failing = trial("narrow", 100, requests={"/orders": Requests(seen.count, 40, seen.latency)})
    assert measure(failing, "throughput", {}) == pytest.approx((400 - 40) / 4)
    assert measure(failing, "error_rate", {}) == pytest.approx(0.1)
    assert measure(made, "latency_p50", {}) == pytest.approx(0.12, rel=0.01)
    assert measure(made, "latency_mean", {}) == pytest.approx(0.12, rel=0.01)
    assert measure(made, "cpu", {}) == 0.3
    assert measure(made, "rss_bytes", {}) == 1e8


def test_a_quantile_with_too_few_samples_beyond_it_is_no_evidence() -> None:
    assert measure(trial("narrow", 100), "latency_p99", {}) is None  # 4 of 400 beyond
    assert measure(trial("narrow", 100), "latency_p95", {}) is not None


def test_one_request_name() -> None:
    made = trial("narrow", 100)
    assert measure(made, 'throughput{name="/orders"}', {}) == 100
    assert measure(made, 'throughput{name="/other"}', {}) is None
    assert total(made, "/other").count == 0


def test_custom_measures() -> None:
    made = trial("narrow", 100)
    waits = MetricRatio("db_pool_wait_seconds_sum", "http_request_duration_seconds_sum")
    assert measure(made, "wait", {"wait": waits}) == pytest.approx(0.9)
    served = MetricRate("http_request_duration_seconds_count")
    assert measure(made, "served", {"served": served}) == pytest.approx(100)
    assert measure(made, "gone", {"gone": MetricRate("absent")}) is None
    assert measure(made, "gone", {"gone": MetricRatio("absent", "absent")}) is None
