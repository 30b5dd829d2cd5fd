"""How long slices are, and their order."""

from __future__ import annotations

import itertools
import math
from collections import Counter

import pytest

from lab.decision_margins import SliceMargins
from lab.experiment.slice_schedule import (
    SliceSchedule,
    may_be_cut,
    schedule,
    whole_window,
    why_whole,
)
from lab.hypothesis import ClosedLoad, LoadTest, OpenLoad, Stage, Sweep

MARGINS = SliceMargins()
ARMS = ["a", "b", "c"]


def load_test(slice_s: float | None = None, window_s: float = 4.0) -> LoadTest:
    return LoadTest(ClosedLoad(8, slice_s), warmup_s=1.0, window_s=window_s, budget_s=300.0)


@pytest.mark.parametrize(
    ("cycles", "slice_s", "rounds"),
    [
        ([0.001, 0.002], 0.05, 80),  # the shortest there is
        ([0.001, 0.032], 0.333, 12),  # ten cycles of the slowest arm, rounded up to a part
        ([0.1, 0.01], 1.0, 4),
        ([0.101, 0.01], 4.0, 1),  # four slices do not fit
        ([0.01, None], 4.0, 1),  # an arm whose users did not begin twice
    ],
)
def test_a_slice_has_ten_cycles_of_the_slowest_arm(
    cycles: list[float | None], slice_s: float, rounds: int
) -> None:
    found = schedule(load_test(), cycles, MARGINS)
    assert found.rounds == rounds
    assert found.seconds == pytest.approx(slice_s, abs=0.001)
    assert found.rounds * found.seconds == pytest.approx(4.0)  # measured as long as ever
    assert found.is_cut == (rounds > 1)


def test_the_hypothesis_may_choose() -> None:
    assert schedule(load_test(0.5), [0.01, 0.05], MARGINS) == SliceSchedule(8, 0.5)
    assert schedule(load_test(0.3), [0.001], MARGINS) == SliceSchedule(13, 4 / 13)
    assert schedule(load_test(0.05), [0.005], MARGINS) == SliceSchedule(80, 0.05)


@pytest.mark.parametrize(
    ("cycles", "slice_s", "reason"),
    [
        (
            [0.01, 0.051],
            0.5,
            "a user takes 51 ms from one task to the next, so that the slices of 500 ms that the "
            "hypothesis asks for hold fewer than 10 of those",
        ),
        ([0.01, None], 0.5, "the warm-up is too short to see how long a user takes"),
        (
            [0.01, 0.09],
            0.8,
            "a user takes 90 ms from one task to the next, so that the slices of 800",
        ),
        ([0.01, 0.101], None, "a user takes 101 ms from one task to the next, so that a slice of"),
    ],
)
def test_slices_that_are_too_short_give_way_to_windows(
    cycles: list[float | None], slice_s: float | None, reason: str
) -> None:
    found = schedule(load_test(slice_s), cycles, MARGINS)
    assert found == whole_window(4.0)
    assert why_whole(load_test(slice_s), cycles, MARGINS).startswith(reason)


def test_only_closed_loads_of_several_arms_are_cut() -> None:
    assert may_be_cut(load_test(), ARMS)
    assert may_be_cut(load_test(0.5), ARMS)
    assert not may_be_cut(load_test(math.inf), ARMS)
    assert not may_be_cut(load_test(), ["a"])
    for load in (
        OpenLoad("poisson", (Stage(None, 5.0, 5.0, None),)),
        Sweep("users", (1.0, 2.0, 3.0, 4.0)),
    ):
        assert not may_be_cut(LoadTest(load, 1.0, 4.0, 300.0), ARMS)


def test_every_round_has_every_arm_and_an_arm_may_follow_itself() -> None:
    orders = SliceSchedule(300, 0.2).orders(ARMS, "7-1")
    assert all(sorted(order) == ARMS for order in orders)
    firsts = Counter(order[0] for order in orders)
    assert min(firsts.values()) > 70
    again = sum(before[-1] == after[0] for before, after in itertools.pairwise(orders))
    assert 70 < again < 130  # one in three
    assert SliceSchedule(300, 0.2).orders(ARMS, "7-1") == orders
    assert SliceSchedule(300, 0.2).orders(ARMS, "7-2") != orders


def test_longer_slices_end_at_the_whole_window() -> None:
    found, seconds = SliceSchedule(20, 0.2), []
    while found.is_cut:
        seconds.append(found.seconds)
        found = found.longer(4.0, MARGINS.min_rounds)
    assert seconds == [0.2, 0.4, 0.8]
    assert found == whole_window(4.0)


@pytest.mark.parametrize(
    ("rounds", "window_s", "expected"),
    [
        (80, 4.0, SliceSchedule(20, 0.2)),
        (20, 4.0, None),  # as long already
        (40, 2.0, SliceSchedule(10, 0.2)),
        (40, 1.9, None),  # nine fit
        (50, 5.1, SliceSchedule(25, 0.204)),
        (21, 4.0, None),  # hardly longer
    ],
)
def test_calmer_slices_are_longer_ones_of_which_ten_fit(
    rounds: int, window_s: float, expected: SliceSchedule | None
) -> None:
    assert SliceSchedule(rounds, window_s / rounds).calmer(window_s, MARGINS) == expected
