"""A ticker that measures its own lateness, and so how late anything in this process may run."""

from __future__ import annotations

import time

import gevent

from lab.driver_messages import TICK_S


class LatenessTicker:
    """Ticks every 10 ms. Ticks that a stall skipped count with their full lateness."""

    def __init__(self) -> None:
        self._lateness: list[float] = []
        self._greenlet = gevent.spawn(self._run)

    def _run(self) -> None:
        due = time.monotonic() + TICK_S
        while True:
            gevent.sleep(max(0.0, due - time.monotonic()))
            now = time.monotonic()
            while due <= now:
                self._lateness.append(round(now - due, 6))
                due += TICK_S

    def take(self) -> tuple[float, ...]:
        """Lateness of each tick since the last call, in seconds."""
        taken, self._lateness = self._lateness, []
        return tuple(taken)

    def close(self) -> None:
        """Stop ticking."""
        self._greenlet.kill()
