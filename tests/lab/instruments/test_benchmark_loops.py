"""Slices: how many timed loops they hold."""

from __future__ import annotations

from collections.abc import Callable

from lab.instruments.benchmark_loops import TimedLoop, measure_slice


class Clock:
    """A clock that stands still but for the loops."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now

    def loop(self, timed_s: float, untimed_s: float = 0.0) -> Callable[[], float]:
        def run() -> float:
            self.now += timed_s + untimed_s
            return timed_s

        return run


def test_a_slice_holds_whole_loops_and_leaves_the_first_of_many_out() -> None:
    clock = Clock()
    found = measure_slice(TimedLoop(clock.loop(0.0011), 4), 0.015, clock)
    assert (found.loop_count, len(found.loops)) == (14, 13)
    assert set(found.loops) == {0.0011 / 4}
    assert abs(found.took_s - 14 * 0.0011) < 1e-9


def test_few_loops_are_all_kept() -> None:
    clock = Clock()
    found = measure_slice(TimedLoop(clock.loop(0.004), 1), 0.015, clock)
    assert found.loops == (0.004,) * 4


def test_a_call_that_is_slower_than_a_slice_is_one() -> None:
    clock = Clock()
    found = measure_slice(TimedLoop(clock.loop(2.0), 1), 0.015, clock)
    assert (found.loops, found.took_s) == ((2.0,), 2.0)


def test_set_ups_count_for_the_slice_and_are_not_timed() -> None:
    clock = Clock()
    found = measure_slice(TimedLoop(clock.loop(0.001, untimed_s=0.006), 1), 0.015, clock)
    assert found.loops == (0.001,) * 3
