"""Turns of gevent's event loop."""

from __future__ import annotations

import gevent

_FIRST = 2  # libev's highest priority: whatever else waits does not keep the caller waiting


def let_others_run() -> None:
    """Return after a turn of the event loop, in which sockets and timers were looked at.

    `gevent.sleep(0)` does not promise that: callbacks that are added while others run belong to the
    same turn, for up to 5 ms.
    """
    gevent.idle(_FIRST)
