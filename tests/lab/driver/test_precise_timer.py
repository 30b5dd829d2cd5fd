"""The timer of a dispatcher: never early, also just after an alarm that nobody has cleared."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import closing

import gevent

from lab.driver.event_loop import let_others_run
from lab.driver.precise_timer import PreciseTimer


def in_greenlet(work: Callable[[PreciseTimer], None]) -> None:
    with closing(PreciseTimer()) as timer:
        gevent.spawn(work, timer).get(timeout=10)


def test_it_wakes_on_time() -> None:
    def work(timer: PreciseTimer) -> None:
        for _ in range(20):
            moment = time.monotonic() + 0.002
            assert timer.wait_until(moment)
            assert time.monotonic() >= moment

    in_greenlet(work)


def test_a_moment_that_has_passed_takes_no_time() -> None:
    def work(timer: PreciseTimer) -> None:
        assert not timer.wait_until(time.monotonic() - 1)

    in_greenlet(work)


def test_an_alarm_that_is_still_to_be_read_is_not_taken_for_the_next() -> None:
    def work(timer: PreciseTimer) -> None:
        for _ in range(20):
            assert timer.wait_until(time.monotonic() + 0.001)
            let_others_run()  # in that turn the event loop sees the alarm once more
            moment = time.monotonic() + 0.01
            assert timer.wait_until(moment)
            assert time.monotonic() >= moment

    in_greenlet(work)
