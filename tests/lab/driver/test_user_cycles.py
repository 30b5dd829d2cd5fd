"""Cycles of users, noted by hand."""

from __future__ import annotations

import pytest

from lab.driver.user_cycles import UserCycles


def noted(*moments: tuple[str, float]) -> UserCycles:
    cycles = UserCycles()
    for who, at in moments:
        cycles.come(who, at)
    return cycles


def test_no_cycle_has_no_length_and_falls_short_of_nothing() -> None:
    cycles = noted(("a", 1.0), ("b", 1.0))
    assert cycles.length_s(2.0) is None
    assert cycles.shortfall_s() == 0
    cycles.come("a", 1.5)  # nothing to compare a first cycle with
    assert cycles.shortfall_s() == 0
    assert cycles.length_s(1.5) == pytest.approx(0.5)


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
    assert cycles.length_s(9.0) is None
    cycles.come("a", 10.0)
    assert cycles.shortfall_s() == 0
    assert cycles.length_s(10.0) is None


def test_how_far_first_cycles_fall_short_is_seen_over_all_slices() -> None:
    cycles = UserCycles()
    for begin, usual_s in ((0.0, 2.0), (100.0, 4.0)):
        cycles.restart()
        for at in (begin, begin + 1, begin + 1 + usual_s):
            cycles.come("a", at)
    assert cycles.shortfall_s() == pytest.approx(3 - 1)  # of 1, 2, 1 and 4
    cycles.restart()
    cycles.come("a", 200.0)
    cycles.come("a", 202.0)  # on a machine that is half as fast
    assert cycles.shortfall_s() == pytest.approx(2 * (3 / (4 / 3) - 1))


def test_long_cycles_weigh_by_their_length() -> None:
    cycles = noted(("a", 0.0), ("a", 1.0), ("a", 2.0), ("a", 5.0))
    assert cycles.length_s(5.0) == pytest.approx((1 + 9) / (1 + 3))


def test_early_cycles_count_only_without_later_ones() -> None:
    cycles = noted(("a", 0.0), ("a", 5.0), ("a", 6.0), ("a", 7.0))
    assert cycles.length_s(7.1, since=5.5) == pytest.approx(1.0)
    assert noted(("a", 0.0), ("a", 5.0)).length_s(5.1, since=7.0) == pytest.approx(5.0)


def test_a_cycle_that_is_longer_than_usual_counts_before_it_has_ended() -> None:
    cycles = noted(("a", 0.0), ("a", 1.0), ("b", 0.0), ("c", 0.0))
    assert cycles.length_s(9.0) == pytest.approx((1 + 64 + 81 + 81) / (1 + 8 + 9 + 9))


def test_users_are_compared_with_their_own_class() -> None:
    """Three quick users, and a slow one that has one cycle or two."""
    cycles = UserCycles()
    for number in range(6):
        for who in "abc":
            cycles.come(who, 1.0 * number, "quick")
    cycles.come("d", 0.0, "slow")
    cycles.come("d", 9.0, "slow")
    assert cycles.shortfall_s() == 0
    cycles.come("d", 20.0, "slow")
    assert cycles.shortfall_s() == pytest.approx(11 - 9)


def test_the_slowest_class_counts_and_how_far_it_is_from_others() -> None:
    cycles = UserCycles()
    cycles.come("a", 0.0, "slow")
    for number in range(121):
        cycles.come("b", 0.1 * number, "quick")
    expected = pytest.approx(5 * (12.0 - 0.1))
    assert cycles.length_s(12.0) == expected  # the slow one has not ended
    cycles.come("a", 12.0, "slow")
    assert cycles.length_s(12.0) == expected


def test_a_time_in_which_the_machine_stood_still_does_not_count() -> None:
    cycles, moment = UserCycles(), 0.0
    for number in range(100):
        moment += 1.0 if number == 60 else 0.01
        cycles.come("a", moment)
    assert cycles.length_s(moment, since=0.0) == pytest.approx(0.01)


def test_classes_that_are_alike_need_no_longer_slices() -> None:
    cycles = UserCycles()
    for number in range(10):
        cycles.come("a", 1.0 * number, "one")
        cycles.come("b", 1.1 * number, "other")
    assert cycles.length_s(9.0) == pytest.approx(1.1)


def test_cycles_of_more_than_half_of_what_was_seen_are_not_known() -> None:
    cycles = noted(("a", 0.0), ("a", 1.0), ("b", 0.0))
    assert cycles.length_s(3.0, seen_s=6.0) == pytest.approx((1 + 4 + 9) / (1 + 2 + 3))
    assert cycles.length_s(3.0, seen_s=3.0) is None
