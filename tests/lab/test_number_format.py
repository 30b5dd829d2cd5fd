from __future__ import annotations

import pytest

from lab.number_format import (
    MISSING,
    NumberFormat,
    low_to_high,
    measured_ratio,
    megabytes,
    or_missing,
    per_second,
    percentage,
    plain,
    round_ratio,
    seconds,
)


@pytest.mark.parametrize(
    ("form", "value", "text"),
    [
        (plain, 0.123456, "0.123"),
        (plain, 999.4, "999"),
        (plain, 999.7, "1,000"),
        (plain, 1234567.0, "1,234,567"),
        (seconds, 0.0123, "12.3 ms"),
        (seconds, 0.00032, "320 µs"),
        (seconds, 1.2e-8, "12 ns"),
        (seconds, 0.0, "0 s"),
        (seconds, 0.9996, "1 s"),
        (seconds, 1234.0, "1,234 s"),
        (percentage, 0.8888, "88.9%"),
        (measured_ratio, 2.0, "2.00×"),
        (measured_ratio, 1234.0, "1,234×"),
        (round_ratio, 2.0, "2×"),
        (megabytes, 1.5e6, "1.5 MB"),
        (per_second, 31.25, "31.2 /s"),
    ],
)
def test_three_digits_and_the_unit(form: NumberFormat, value: float, text: str) -> None:
    assert form(value) == text


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ([], MISSING),
        ([0.1, 0.1], "100 ms"),
        ([0.3, 0.1, 0.2], "100 to 300 ms"),
        ([0.5, 2.0], "500 ms to 2 s"),
    ],
)
def test_a_shared_unit_is_written_once(values: list[float], text: str) -> None:
    assert low_to_high(seconds, values) == text


def test_no_value() -> None:
    assert or_missing(plain, None) == MISSING
    assert or_missing(plain, None, "too few samples") == "too few samples"
    assert or_missing(plain, 0.0) == "0"
