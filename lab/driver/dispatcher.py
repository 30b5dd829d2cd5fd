"""Dispatches arrivals on schedule, and records by how much it was late itself."""

from __future__ import annotations

import time
from array import array
from collections.abc import Iterable

from lab.driver.arrival import Arrival
from lab.driver.event_loop import let_others_run
from lab.driver.precise_timer import PreciseTimer
from lab.driver.user_pool import UserPool

_YIELD_EVERY = 64  # arrivals, overdue perhaps, that are dispatched before other greenlets may run


class Dispatcher:
    """Sends arrivals to a pool of users, each at its scheduled time."""

    def __init__(self, pool: UserPool) -> None:
        self._pool = pool
        self.lags: array[float] = array("d")  # lateness of every dispatch, seconds

    def run(self, schedule: Iterable[float]) -> None:
        """Dispatch an arrival at each of these moments (monotonic seconds, ascending)."""
        timer = PreciseTimer()
        try:
            for scheduled in schedule:
                timer.wait_until(scheduled)
                if not len(self.lags) % _YIELD_EVERY:
                    let_others_run()
                now = time.monotonic()
                self.lags.append(now - scheduled)
                self._pool.send(Arrival(scheduled, now))
        finally:
            timer.close()
