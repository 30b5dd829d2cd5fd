"""Measures as predictions spell them."""

from __future__ import annotations

import pytest

from lab.hypothesis import Measure, parse_measure


@pytest.mark.parametrize(
    ("text", "measure", "quantile"),
    [
        ("throughput", Measure("throughput"), None),
        ("latency_p99.9", Measure("latency_p99.9"), 99.9),
        ('latency_p50{name="/orders"}', Measure("latency_p50", "/orders"), 50.0),
        (r'error_rate{name="a \"b\" \\"}', Measure("error_rate", 'a "b" \\'), None),
        (
            'latency_p50{name="/orders", method="POST"}',
            Measure("latency_p50", "/orders", "POST"),
            50.0,
        ),
        ('throughput{method="GET",name="/a, b"}', Measure("throughput", "/a, b", "GET"), None),
        ('error_rate{method="GET"}', Measure("error_rate", None, "GET"), None),
        ('error_rate{name=""}', Measure("error_rate", ""), None),
        ("pool_wait_share", Measure("pool_wait_share"), None),
        ("latency_p0", Measure("latency_p0"), None),
    ],
)
def test_measures_are_parsed(text: str, measure: Measure, quantile: float | None) -> None:
    assert parse_measure(text) == measure
    assert measure.quantile == quantile


@pytest.mark.parametrize(
    "text",
    [
        *("", "Latency", 'cpu{route="/"}', 'cpu{name="/"', "cpu{}", 'cpu{name="/",}'),
        *('cpu{name="/", name="/"}', "cpu{method=GET}", 'cpu{name="/" method="GET"}'),
    ],
)
def test_other_text_is_not_a_measure(text: str) -> None:
    with pytest.raises(ValueError, match="is not the name of a measure"):
        parse_measure(text)
