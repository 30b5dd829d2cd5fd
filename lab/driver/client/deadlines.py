"""One timer for the deadlines of all connections, so that a request needs none of its own."""

from __future__ import annotations

from time import perf_counter
from typing import Any, Protocol
from weakref import WeakKeyDictionary

_PERIOD_S = 0.02  # so much later than its deadline a request ends
_SHARE_S = 5e-6  # for each connection: looking at one takes a hundredth of that


class Waiter(Protocol):
    """What may wait for an answer."""

    deadline: float
    """Of what it waits for, in seconds of `perf_counter`."""

    @property
    def waits(self) -> bool:
        """Whether it does so now."""

    def expire(self) -> None:
        """Called when it waits beyond its deadline."""


class DeadlineSweep:
    """Looks at every connection of an event loop, some fifty times a second."""

    def __init__(self, hub: Any) -> None:
        self._timer: Any = hub.loop.timer(_PERIOD_S, _PERIOD_S, ref=False)
        self._waiters: set[Waiter] = set()
        self._next = 0.0

    def add(self, waiter: Waiter) -> None:
        """Look after it until it is discarded."""
        if not self._waiters:
            self._timer.start(self._look)
        self._waiters.add(waiter)

    def discard(self, waiter: Waiter) -> None:
        """Look after it no more; nothing if it is not known."""
        self._waiters.discard(waiter)
        if not self._waiters:
            self._timer.stop()

    def _look(self) -> None:
        now = perf_counter()
        if now < self._next:
            return
        self._next = now + _SHARE_S * len(self._waiters)
        for waiter in [each for each in self._waiters if each.deadline < now and each.waits]:
            # another one may have ended it, or begun a new request
            if waiter.deadline < now and waiter.waits:
                waiter.expire()


_SWEEPS: WeakKeyDictionary[Any, DeadlineSweep] = WeakKeyDictionary()


def sweep_of(hub: Any) -> DeadlineSweep:
    """The sweep of this hub's event loop."""
    sweep = _SWEEPS.get(hub)
    if sweep is None:
        sweep = _SWEEPS[hub] = DeadlineSweep(hub)
    return sweep
