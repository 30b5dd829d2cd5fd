"""Quantiles by nearest rank."""

from __future__ import annotations

import math
from fractions import Fraction

import pytest

from lab.stats.latency_histogram import Histogram
from lab.stats.nearest_rank import nearest_rank, quantile


@pytest.mark.parametrize("count", [1, 2, 99, 100, 101, 199, 200, 300, 12345])
def test_the_p99_is_the_smallest_value_that_99_percent_do_not_exceed(count: int) -> None:
    values = [float(i) for i in range(count)]
    found = quantile(reversed(values), 0.99)
    assert found is not None
    at_most = Fraction(sum(value <= found for value in values), count)
    fewer = Fraction(sum(value < found for value in values), count)
    assert fewer < Fraction(99, 100) <= at_most


def test_of_100_values_the_p99_is_the_second_largest() -> None:
    assert nearest_rank(0.99, 100) == 99
    assert quantile(range(1, 101), 0.99) == 99


def test_a_decimal_is_taken_as_it_is_written() -> None:
    assert math.ceil(0.07 * 100) == 8  # in binary
    assert nearest_rank(0.07, 100) == 7


def test_no_values_have_no_quantile_and_the_lowest_rank_is_1() -> None:
    assert quantile([], 0.5) is None
    assert quantile([3.0, 1.0], 0.0) == 1.0


def test_a_histogram_uses_the_same_rank() -> None:
    values = [0.001 * i for i in range(1, 101)]
    histogram = Histogram()
    histogram.add_many(values)
    assert histogram.quantile(0.99, beyond=0) == pytest.approx(quantile(values, 0.99), rel=0.005)
