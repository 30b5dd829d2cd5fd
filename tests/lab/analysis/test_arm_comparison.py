"""Ratios of two arms, and means of one, over blocks."""

from __future__ import annotations

import math

import pytest

from lab.analysis.arm_comparison import mean, mean_share, ratio, ratio_of_slices
from lab.analysis.estimate import Estimate
from lab.stats.student_t import critical_value

TAIL = 0.01


def test_a_ratio_is_paired_by_block() -> None:
    """What both arms share in a block cancels."""
    found = ratio([200.0, 420.0, 80.0, 300.0], [100.0, 200.0, 40.0, 150.0], TAIL)
    assert found.estimate == pytest.approx((2 * 2.1 * 2 * 2) ** 0.25)
    assert 1.9 < found.low < found.estimate < found.high < 2.2


def test_a_single_block_bounds_a_ratio_by_zero_and_infinity() -> None:
    found = ratio([200.0], [100.0], TAIL)
    assert (found.estimate, found.low, found.high) == (pytest.approx(2), 0, math.inf)


def test_unpaired_blocks_are_refused() -> None:
    with pytest.raises(ValueError, match="equal lengths"):
        ratio([1.0, 2.0], [1.0], TAIL)


@pytest.mark.parametrize(
    ("together", "found"),
    [
        (Estimate(1.01, 0.9, 1.1), Estimate(1.0, 0.98, 1.02)),  # they agree
        (Estimate(0.9, 0.7, 1.1), Estimate(1.0, 0.9, 1.02)),  # they may not
        (Estimate(1.1, 0.9, 1.3), Estimate(1.0, 0.98, 1.1)),
        (Estimate(0.8, 0.7, 0.9), Estimate(0.8, 0.7, 0.9)),  # they do not: that of all counts
        (Estimate(1.3, 1.2, 1.4), Estimate(1.3, 1.2, 1.4)),
    ],
)
def test_pairs_of_slices_count_as_far_as_they_agree_with_all_together(
    together: Estimate, found: Estimate
) -> None:
    assert ratio_of_slices(Estimate(1.0, 0.98, 1.02), together) == found


def test_a_mean_has_students_interval() -> None:
    found = mean([1.0, 2.0, 3.0], TAIL)
    half = critical_value(TAIL, 2) / math.sqrt(3)
    assert (found.estimate, found.low, found.high) == pytest.approx((2, 2 - half, 2 + half))


def test_a_share_stays_between_zero_and_one() -> None:
    found = mean_share([0.99, 0.95, 0.999], TAIL)
    assert 0 < found.low < found.estimate < found.high < 1
    assert mean([0.99, 0.95, 0.999], TAIL).high > 1


def test_shares_of_zero_or_one_are_averaged_as_they_are() -> None:
    assert mean_share([0.0, 0.5, 1.0], TAIL) == mean([0.0, 0.5, 1.0], TAIL)


@pytest.mark.parametrize("value", [0.0, 0.3, 5.0, 1e-9])
def test_equal_values_have_no_interval_while_they_may_be_equal_by_chance(value: float) -> None:
    """Of values half of which are equal, six are so in 1.6 % of the cases, and seven in .8 %."""
    few, enough = (mean([value] * count, TAIL, 0.5) for count in (6, 7))
    assert few.estimate == pytest.approx(value)
    assert (few.low, few.high, few.equal_until) == (-math.inf, math.inf, 7)
    assert enough.low == enough.high == pytest.approx(value)
    assert enough.equal_until is None and enough == mean([value] * 7, TAIL)


def test_equal_ratios_and_shares_are_equal_but_for_rounding() -> None:
    left, right = [30.0, 60.0, 0.3, 2.1], [10.0, 20.0, 0.1, 0.7]
    for found in (ratio(left, right, TAIL, 0.5), mean_share([0.3] * 4, TAIL, 0.5)):
        assert (found.low, found.high, found.equal_until) == (-math.inf, math.inf, 7)


def test_values_that_differ_have_the_interval_that_they_had() -> None:
    values = [5.0, 5.0, 5.0, 6.0]
    assert mean(values, TAIL, 0.5) == mean(values, TAIL)
