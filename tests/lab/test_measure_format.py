"""Values of measures and slopes as text."""

from __future__ import annotations

import pytest

from lab.measure_format import format_value, series_format


@pytest.mark.parametrize(
    ("quantity", "value", "text"),
    [
        ("slope of rss_bytes", 123.4e6, "123 MB/h"),
        ("slope of rooms", 71_800.4, "71,800/h"),
        ("slope of latency_p99", 0.0123, "12.3 ms/h"),
        ("slope of rooms", -1.4e-15, "0/h"),
        ("throughput", 3.14159, "3.14"),
    ],
)
def test_slopes_have_their_unit_and_other_values_have_none(
    quantity: str, value: float, text: str
) -> None:
    assert format_value(quantity, value) == text


@pytest.mark.parametrize(
    ("series", "value", "text"),
    [
        ("rss_bytes", 123.4e6, "123.4 MB"),
        ("latency_p99", 0.0123, "12.3 ms"),
        ("rooms", 1234.5, "1,234"),
    ],
)
def test_values_of_series_have_the_unit_of_the_series(series: str, value: float, text: str) -> None:
    assert series_format(series)(value) == text
