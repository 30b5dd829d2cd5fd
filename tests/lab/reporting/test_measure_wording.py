from __future__ import annotations

import pytest

from lab.hypothesis import Metric, MetricRate, MetricRatio
from lab.reporting.measure_wording import by_arm, measure_name, value_format

DEFINED: dict[str, Metric] = {
    "held": MetricRate("hold_seconds_sum"),
    "wait_share": MetricRatio("wait", "whole"),
    "busy": MetricRate("process_cpu_seconds_total"),
    "mean_wait": MetricRatio("wait_seconds_sum", "wait_seconds_count"),
    "wait_rate": MetricRatio("waits_total", "wait_seconds_sum"),
}


@pytest.mark.parametrize(
    ("measure", "words"),
    [
        ("throughput", "throughput"),
        ("error_rate", "error rate"),
        ("rss_bytes", "memory"),
        ("latency_p99", "p99 latency"),
        ('latency_p99{name="/orders", method="POST"}', "p99 latency of POST /orders"),
        ('throughput{method="GET"}', "throughput of GET requests"),
        ('service_latency_mean{name="/orders"}', "mean service latency of /orders"),
        ("wait_share", "wait_share"),
    ],
)
def test_a_measure_in_words(measure: str, words: str) -> None:
    assert measure_name(measure, DEFINED) == words


@pytest.mark.parametrize(
    ("measure", "is_share", "text"),
    [
        ("throughput", False, "0.25 /s"),
        ("latency_p99", False, "250 ms"),
        ("recovery", False, "250 ms"),
        ("error_rate", False, "25%"),
        ("cpu", False, "0.25 cores"),
        ("rss_bytes", False, "0.25 B"),
        ("descriptors", False, "0.25"),
        ("held", False, "0.25"),
        ("busy", False, "0.25 cores"),
        ("mean_wait", True, "250 ms"),
        ("wait_rate", False, "0.25 /s"),
        ("wait_share", True, "25%"),
        ("wait_share", False, "0.25"),
    ],
)
def test_the_unit_of_a_measure(measure: str, is_share: bool, text: str) -> None:
    assert value_format(measure, DEFINED, is_share)(0.25) == text


def test_a_figure_for_each_arm() -> None:
    assert by_arm("Median", {"narrow": "1 s", "wide": "2 s"}) == "Median: narrow 1 s; wide 2 s."
