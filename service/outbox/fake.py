"""Outbox and inbox in memory, for tests."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import count

from typing_extensions import override

from service.outbox.model import Depth, Event, Failure
from service.outbox.store import Inbox, Outbox
from service.unit_of_work.journal import Journal


@dataclass(eq=False)
class OutboxRows:
    """What all units of work see; its clock stands still until it is moved."""

    now_s: float = 0.0
    events: dict[int, tuple[float, Event]] = field(default_factory=dict)
    dead: dict[int, Failure] = field(default_factory=dict)
    held: set[int] = field(default_factory=set)
    ids: "count[int]" = field(default_factory=lambda: count(1))


class FakeOutbox(Outbox):
    """Events with the time when they are due."""

    def __init__(self, rows: OutboxRows, journal: Journal) -> None:
        self.rows = rows
        self._journal = journal
        self._held: set[int] = set()

    def add(self, kind: str, payload: Mapping[str, object]) -> None:
        """Put an event in."""
        event = Event(next(self.rows.ids), kind, payload)
        self._journal.put(self.rows.events, event.id, (self.rows.now_s, event))

    @override
    async def take(self, limit: int) -> list[Event]:
        due = [
            event
            for event_id, (due_s, event) in sorted(self.rows.events.items())
            if due_s <= self.rows.now_s and event_id not in self.rows.held
        ]
        taken = due[:limit]
        self._held |= {event.id for event in taken}
        self.rows.held |= self._held
        return taken

    @override
    async def delivered(self, events: Sequence[Event]) -> None:
        for event in events:
            self._journal.drop(self.rows.events, event.id)

    @override
    async def postpone(self, failure: Failure, delay_s: float) -> None:
        later = replace(failure.event, attempts=failure.attempts)
        self._journal.put(self.rows.events, later.id, (self.rows.now_s + delay_s, later))

    @override
    async def bury(self, failure: Failure) -> None:
        self._journal.drop(self.rows.events, failure.event.id)
        self._journal.put(self.rows.dead, failure.event.id, failure)

    @override
    async def depth(self) -> Depth:
        return Depth(len(self.rows.events), len(self.rows.dead))

    def release(self) -> None:
        """Let others take what was held."""
        self.rows.held -= self._held
        self._held.clear()


class FakeInbox(Inbox):
    """Consumers and the events that they have seen."""

    def __init__(self, seen: dict[tuple[str, int], None], journal: Journal) -> None:
        self.seen = seen
        self._journal = journal

    @override
    async def first_seen(self, consumer: str, event_ids: Sequence[int]) -> set[int]:
        first = {event_id for event_id in event_ids if (consumer, event_id) not in self.seen}
        for event_id in first:
            self._journal.put(self.seen, (consumer, event_id), None)
        return first

    @override
    async def forget_old(self, limit: int) -> int:
        return 0
