from __future__ import annotations

import pytest
from scipy import stats

from lab.stats.binomial_interval import binomial_interval


@pytest.mark.parametrize(("part", "whole"), [(0, 480), (1, 480), (24, 480), (479, 480), (480, 480)])
@pytest.mark.parametrize("tail", [0.01, 0.0022])
def test_the_interval_equals_scipys(part: int, whole: int, tail: float) -> None:
    exact = stats.binomtest(part, whole).proportion_ci(1 - 2 * tail, method="exact")
    found = binomial_interval(part, whole, tail)
    assert found.estimate == part / whole
    assert (found.low, found.high) == pytest.approx((exact.low, exact.high), rel=1e-6, abs=1e-12)


def test_with_no_event_of_its_kind_the_upper_end_is_in_closed_form() -> None:
    found = binomial_interval(0, 480, 0.01)
    assert found.low == 0
    assert (1 - found.high) ** 480 == pytest.approx(0.01)


def test_without_any_event_nothing_is_known() -> None:
    found = binomial_interval(0, 0, 0.01)
    assert (found.low, found.high) == (0, 1)
