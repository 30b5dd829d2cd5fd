"""How far an order has come, and who wants to know at once."""

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

PLACED = "placed"
STATUSES = (PLACED, "confirmed", "packed", "shipped")
FINAL = STATUSES[-1]


@dataclass(frozen=True, slots=True)
class Step:
    """A status that an order reached; steps of an order count from 1."""

    seq: int
    status: str
    at: datetime


class ProgressChanges:
    """Notifies those who follow an order in this process that it moved on.

    It knows nothing of other processes: a follower also looks again once a second.
    """

    def __init__(self) -> None:
        self._followers: defaultdict[int, set[asyncio.Event]] = defaultdict(set)

    @contextmanager
    def changed(self, order_id: int) -> Iterator[asyncio.Event]:
        """An event that is set at every change: clear it, then read, then wait for it."""
        changed = asyncio.Event()
        self._followers[order_id].add(changed)
        try:
            yield changed
        finally:
            self._followers[order_id].discard(changed)
            if not self._followers[order_id]:
                del self._followers[order_id]

    def announce(self, order_ids: Iterable[int]) -> None:
        """These orders moved on."""
        for order_id in order_ids:
            for changed in self._followers.get(order_id, ()):
                changed.set()
