"""Values of measures and slopes as text."""

from __future__ import annotations

import pytest

from lab.measures.value_format import figures_in, format_value, series_format


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
    ("quantity", "words", "values"),
    [
        ("slope of rss_bytes", "at least 100.5 MB/h", (100.5e6,)),
        ("slope of rooms", "within -3,600/h to 71,800/h", (-3600.0, 71_800.0)),
        ("slope of latency_p99", "at most 12.5 ms/h", (0.0125,)),
        ("time", "constant: at most 1.2×", (1.2,)),
        ("time", "at most 1e-06", (1e-6,)),
    ],
)
def test_the_figures_in_words_are_read_back(
    quantity: str, words: str, values: tuple[float, ...]
) -> None:
    assert figures_in(quantity, words) == pytest.approx(values)


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
