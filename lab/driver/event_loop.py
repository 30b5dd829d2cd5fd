"""Turns of gevent's event loop."""

from __future__ import annotations

import time

import gevent

_FIRST = 2  # libev's highest priority: whatever else waits does not keep the caller waiting


def let_others_run() -> None:
    """Return after a turn of the event loop, in which sockets and timers were looked at.

    `gevent.sleep(0)` does not promise that: callbacks that are added while others run belong to the
    same turn, for up to 5 ms.
    """
    gevent.idle(_FIRST)


class LongWork:
    """Work of one greenlet, in parts between which others run."""

    def __init__(self, at_once_s: float) -> None:
        """Begin.

        Args:
            at_once_s: For so many seconds no other greenlet runs.
        """
        self._at_once_s = at_once_s
        self._until = time.perf_counter() + at_once_s

    def pause(self) -> None:
        """Let others run, if it is time."""
        if time.perf_counter() >= self._until:
            let_others_run()
            self._until = time.perf_counter() + self._at_once_s
