"""Lets users go on whose answers have come, together, once a turn of the event loop.

The event loop first reads what all connections have, and then resumes the greenlets that waited for
it: a latency ends with the answer, and not when the users before have done their work; and one
system call shows of all these connections whether the other side has closed them.
"""

from __future__ import annotations

import select
from collections.abc import Callable, Iterable
from time import perf_counter
from typing import Any, Protocol
from weakref import WeakKeyDictionary

from gevent.monkey import get_original

HANGS_UP = select.POLLIN | select.POLLRDHUP
poll: Callable[[], Any] = get_original("select", "poll")  # gevent's own would switch greenlets

CLOSED = -1  # in place of the number of a file
_WORTH_A_LOOK = 4  # of fewer, each is looked at when it is used again
_TOGETHER = 64  # so that timers are not kept waiting for long


class Answered(Protocol):
    """A connection whose answer is complete.

    Attributes:
        answered: The greenlet that waits for the answer; None if none does any more.
        silent_at: When it was seen to be open and to have nothing to read, in seconds of
            `perf_counter`; 0 if it was not.
        number: Of its file; negative if it is closed.
    """

    answered: Any
    silent_at: float
    number: int


class Resumption:
    """Resumes the greenlets of an event loop."""

    def __init__(self, hub: Any) -> None:
        self._defer = hub.loop.run_callback
        self._waiting: list[Answered] = []

    def add(self, connection: Answered) -> None:
        """Resume the greenlet of this connection when all others have been read."""
        if not self._waiting:
            self._defer(self._resume)
        self._waiting.append(connection)

    def _resume(self) -> None:
        group, self._waiting = self._waiting[:_TOGETHER], self._waiting[_TOGETHER:]
        if self._waiting:
            self._defer(self._resume)
        if len(group) >= _WORTH_A_LOOK:
            self._note_silent(group)
        rest = iter(group)
        try:
            for connection in rest:
                greenlet, connection.answered = connection.answered, None
                if greenlet is not None:
                    greenlet.switch()
        finally:  # a greenlet that is none of gevent's may raise here
            for connection in rest:
                self.add(connection)

    def _note_silent(self, group: Iterable[Answered]) -> None:
        """Note in each connection that nothing has come behind its answer, if that is so."""
        looked, now = poll(), perf_counter()
        for connection in group:
            if connection.number >= 0:
                connection.silent_at = now
                looked.register(connection.number, HANGS_UP)
        if found := looked.poll(0):
            heard = {number for number, _ in found}
            for connection in group:
                if connection.number in heard:
                    connection.silent_at = 0.0


_RESUMPTIONS: WeakKeyDictionary[Any, Resumption] = WeakKeyDictionary()


def resumption_of(hub: Any) -> Resumption:
    """That of this hub's event loop."""
    found = _RESUMPTIONS.get(hub)
    if found is None:
        found = _RESUMPTIONS[hub] = Resumption(hub)
    return found
