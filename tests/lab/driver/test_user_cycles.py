"""Cycles of users, noted by hand."""

from __future__ import annotations

import pytest

from lab.driver.user_cycles import UserCycles


def noted(*moments: tuple[str, float]) -> UserCycles:
    cycles = UserCycles()
    for who, at in moments:
        cycles.come(who, at)
    return cycles


def test_no_cycle_has_no_median_and_falls_short_of_nothing() -> None:
    cycles = noted(("a", 1.0), ("b", 1.0))
    assert cycles.median(2.0) is None
    assert cycles.shortfall_s() == 0
    cycles.come("a", 1.5)  # nothing to compare a first cycle with
    assert cycles.shortfall_s() == 0
    assert cycles.median(1.5) == pytest.approx(0.5)


def test_first_cycles_fall_short_of_later_ones() -> None:
    cycles = noted(("a", 0.0), ("b", 0.0), ("a", 1.0), ("b", 2.0), ("a", 3.0), ("b", 4.0))
    assert cycles.shortfall_s() == pytest.approx((2 - 1) + (2 - 2))
    cycles.come("a", 6.0)
    assert cycles.shortfall_s() == pytest.approx(2 * 7 / 3 - 3)


def test_they_may_be_longer_as_well() -> None:
    assert noted(("a", 0.0), ("a", 3.0), ("a", 5.0)).shortfall_s() == pytest.approx(-1.0)


def test_after_a_pause_every_user_begins_anew() -> None:
    cycles = noted(("a", 0.0), ("a", 1.0), ("a", 2.0))
    cycles.restart()
    assert cycles.median(9.0) is None
    cycles.come("a", 10.0)
    assert cycles.shortfall_s() == 0
    assert cycles.median(10.0) is None


def test_early_cycles_count_only_without_later_ones() -> None:
    cycles = noted(("a", 0.0), ("a", 5.0), ("a", 6.0), ("a", 7.0))
    assert cycles.median(7.1, since=5.5) == pytest.approx(1.0)
    assert noted(("a", 0.0), ("a", 5.0)).median(5.1, since=7.0) == pytest.approx(5.0)


def test_a_cycle_that_is_longer_than_usual_counts_before_it_has_ended() -> None:
    cycles = noted(("a", 0.0), ("a", 1.0), ("b", 0.0), ("c", 0.0))
    assert cycles.median(9.0) == 8.5  # of 1, 8, 9 and 9


def test_users_are_compared_with_their_own_class() -> None:
    """Three quick users, and a slow one that has one cycle or two."""
    cycles = UserCycles()
    for number in range(6):
        for who in "abc":
            cycles.come(who, 1.0 * number, "quick")
    cycles.come("d", 0.0, "slow")
    cycles.come("d", 9.0, "slow")
    assert cycles.shortfall_s() == 0
    assert cycles.median(9.0) == pytest.approx(9.0)
    cycles.come("d", 20.0, "slow")
    assert cycles.shortfall_s() == pytest.approx(11 - 9)


def test_the_slowest_class_counts_though_it_has_few_cycles() -> None:
    cycles = UserCycles()
    cycles.come("a", 0.0, "slow")
    for number in range(100):
        cycles.come("d", 0.1 * number, "quick")
    assert cycles.median(10.0) == pytest.approx(10.0)  # it has not ended
    cycles.come("a", 12.0, "slow")
    assert cycles.median(12.0) == pytest.approx(12.0)
