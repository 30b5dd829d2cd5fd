"""Intervals compared with scipy, and the scales."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import special, stats

from lab.stats.confidence_interval import (
    count_beyond_chance,
    expit,
    log_ratio,
    logit,
    t_interval,
)
from lab.stats.student_t import critical_value, noncentrality

VALUES = st.lists(st.floats(-100, 100), min_size=2, max_size=24).filter(
    lambda values: max(values) - min(values) > 1e-3
)


@given(VALUES, st.sampled_from([0.025, 0.01, 0.0022, 0.00065]))
def test_the_interval_equals_scipys(values: list[float], tail: float) -> None:
    """Both bounds, at the levels in use."""
    low, high = stats.ttest_1samp(values, 0).confidence_interval(1 - 2 * tail)
    interval = t_interval(values, tail)
    assert (interval.low, interval.high) == pytest.approx((low, high), rel=1e-6, abs=1e-6)
    assert interval.low < interval.estimate < interval.high


@pytest.mark.parametrize("degrees", [1, 2, 3, 11, 23, 100])
@pytest.mark.parametrize("tail", [0.4, 0.05, 0.0022, 1e-6])
def test_critical_values_leave_the_tail(tail: float, degrees: int) -> None:
    """Checked by the incomplete beta function, far into the tail too."""
    t = critical_value(tail, degrees)
    beyond = special.betainc(degrees / 2, 0.5, degrees / (degrees + t * t)) / 2
    assert beyond == pytest.approx(tail, rel=1e-6)


@pytest.mark.parametrize("values", [[], [3.0]])
def test_fewer_than_two_values_give_an_infinite_interval(values: list[float]) -> None:
    """Never a guess."""
    interval = t_interval(values, 0.01)
    assert (interval.low, interval.high) == (-math.inf, math.inf)
    assert interval.estimate == 3.0 if values else math.isnan(interval.estimate)


def test_equal_values_give_an_interval_of_no_width() -> None:
    """As documented: whether that may be chance is asked elsewhere."""
    interval = t_interval([0.1] * 4, 0.01)
    assert interval.low == interval.estimate == interval.high == pytest.approx(0.1)


@pytest.mark.parametrize(
    ("tail", "chance", "count"),
    [(0.0022, 0.5, 9), (0.01, 0.5, 7), (0.125, 0.5, 3), (0.01, 0.9, 44), (0.01, 0.0, 1)],
)
def test_as_many_equal_values_as_are_rarely_so_by_chance(
    tail: float, chance: float, count: int
) -> None:
    assert count_beyond_chance(tail, chance) == count


@pytest.mark.parametrize(("values", "tail"), [([1.0, math.nan], 0.01), ([1, 2], 0.5), ([1, 2], 0)])
def test_invalid_arguments_are_refused(values: list[float], tail: float) -> None:
    """Values that are not finite, and tails outside (0, 0.5)."""
    with pytest.raises(ValueError, match=r"finite|between 0 and 0\.5"):
        t_interval(values, tail)


@pytest.mark.parametrize(("tail", "degrees"), [(0.0, 3), (1.0, 3), (0.01, 0)])
def test_critical_values_need_a_distribution(tail: float, degrees: int) -> None:
    """Outside these ranges there is none."""
    with pytest.raises(ValueError, match=r"tail|degrees"):
        critical_value(tail, degrees)


def test_log_ratios_are_paired() -> None:
    """Twice is log 2, half is its negative; extremes do not overflow."""
    assert log_ratio([1, 4], [2, 2]) == pytest.approx([math.log(2), -math.log(2)])
    assert math.isfinite(log_ratio([1e-300], [1e300])[0])


@pytest.mark.parametrize(("a", "b"), [([1], [1, 2]), ([0], [1]), ([1], [-1]), ([1], [math.nan])])
def test_undefined_ratios_are_refused(a: list[float], b: list[float]) -> None:
    """Unpaired, zero, negative, missing."""
    with pytest.raises(ValueError, match=r"lengths|positive"):
        log_ratio(a, b)


@given(st.floats(1e-12, 1 - 1e-12))
def test_expit_is_the_inverse_of_logit(share: float) -> None:
    """Near both ends too."""
    assert expit(logit(share)) == pytest.approx(share, rel=1e-9)


def test_expit_never_overflows() -> None:
    """For any log odds."""
    assert (expit(-1e4), expit(0), expit(1e4)) == (0, 0.5, 1)


@pytest.mark.parametrize("share", [0, 1, -0.1, 1.1, math.nan])
def test_a_logit_needs_a_share_strictly_between_zero_and_one(share: float) -> None:
    """The odds of 0 and 1 cannot be averaged."""
    with pytest.raises(ValueError, match="strictly"):
        logit(share)


def test_the_noncentrality_gives_the_power() -> None:
    """Against a simulation with three degrees of freedom, for which the error varies widely."""
    rng = np.random.default_rng(3)
    off = noncentrality(0.01, 3, 0.9)
    t = (rng.normal(off, 1, 200_000)) / np.sqrt(rng.chisquare(3, 200_000) / 3)
    assert (t > critical_value(0.01, 3)).mean() == pytest.approx(0.9, abs=0.003)
    # with a known error it is the two normal quantiles together
    assert noncentrality(0.01, 100_000, 0.9) == pytest.approx(2.326 + 1.282, abs=0.01)
