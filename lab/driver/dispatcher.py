"""Dispatches arrivals on schedule."""

from __future__ import annotations

import time
from collections.abc import Iterable

from lab.driver.arrival import Arrival
from lab.driver.event_loop import let_others_run
from lab.driver.precise_timer import PreciseTimer
from lab.driver.user_pool import UserPool

_AT_ONCE = 64  # overdue arrivals that are dispatched before other greenlets run


class Dispatcher:
    """Sends arrivals to a pool of users, each at its scheduled time."""

    def __init__(self, pool: UserPool) -> None:
        self._pool = pool
        self.count = 0  # of arrivals that were dispatched

    def run(self, schedule: Iterable[float]) -> None:
        """Dispatch an arrival at each of these moments (monotonic seconds, ascending)."""
        timer, overdue = PreciseTimer(), 0
        try:
            for scheduled in schedule:
                overdue = 0 if timer.wait_until(scheduled) else overdue + 1
                if overdue == _AT_ONCE:
                    let_others_run()
                    overdue = 0
                self.count += 1
                self._pool.send(Arrival(scheduled, time.monotonic()))
        finally:
            timer.close()
