from __future__ import annotations

import pytest

from lab.measures.number_format import (
    MISSING,
    MOST_DIGITS,
    NumberFormat,
    ScalableFormat,
    cores,
    data_rate,
    data_size,
    digits_apart,
    exponent,
    low_to_high,
    measured_ratio,
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
        (data_size, 0.0, "0 B"),
        (data_size, 512.0, "512 B"),
        (data_size, 2048.0, "2.05 kB"),
        (data_size, 999.7e3, "1.0 MB"),
        (data_size, 1.5e6, "1.5 MB"),
        (data_size, 123.46e6, "123.5 MB"),
        (data_size, 1.5e9, "1.5 GB"),
        (data_rate, 5e6, "5.0 MB/s"),
        (per_second, 31.25, "31.2 /s"),
    ],
)
def test_three_digits_and_the_unit(form: NumberFormat, value: float, text: str) -> None:
    assert form(value) == text


@pytest.mark.parametrize(
    ("form", "value", "text"),
    [
        (round_ratio, 1.025, "1.025×"),
        (round_ratio, 2.5, "2.5×"),
        (percentage, 0.9995, "99.95%"),
        (percentage, 0.07, "7%"),
        (seconds, 1.005, "1.005 s"),
        (seconds, 0.9996, "999.6 ms"),
        (plain, 1048576.0, "1,048,576"),
        (data_size, 512e6, "512.0 MB"),
        (data_size, 512.25e6, "512.25 MB"),
        (data_size, 2048.0, "2.048 kB"),
        (cores, 0.8, "0.80 cores"),
        (cores, 0.125, "0.125 cores"),
        (exponent, 1.25, "1.25"),
    ],
)
def test_a_bound_has_the_digits_that_were_written(
    form: ScalableFormat, value: float, text: str
) -> None:
    assert form(value, MOST_DIGITS) == text


@pytest.mark.parametrize(
    ("form", "values", "edges", "digits"),
    [
        (measured_ratio, [3.84, 3.53, 4.18], [2.5], 3),
        (measured_ratio, [1.0227, 1.021, 1.0244], [1.025], 4),
        (measured_ratio, [1.0251, 1.02496], [1.025], 6),  # with 4 or 5 one of them is the bound
        (measured_ratio, [None, 1.0], [1.0], 3),  # they are equal
        (plain, [1 / 3], [0.333333333333], 3),  # and so are these, but for remainders
        (seconds, [0.9999], [1.0], 4),
        (cores, [0.2512], [0.25], 4),
        (plain, [2.0], [], 3),
    ],
)
def test_digits_that_tell_values_from_a_bound(
    form: ScalableFormat, values: list[float | None], edges: list[float], digits: int
) -> None:
    assert digits_apart(form, values, edges) == digits


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


def test_sizes_of_two_units_have_both() -> None:
    assert low_to_high(data_size, [2e3, 3e3]) == "2 to 3 kB"
    assert low_to_high(data_size, [9e5, 3e6]) == "900 kB to 3.0 MB"


def test_no_value() -> None:
    assert or_missing(plain, None) == MISSING
    assert or_missing(plain, None, "too few samples") == "too few samples"
    assert or_missing(plain, 0.0) == "0"
