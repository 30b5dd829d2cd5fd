"""Outbox and inbox on PostgreSQL."""

from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import Text, bindparam, delete, func, insert, select, tuple_, update
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.dialects.postgresql import insert as insert_unless
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.types import BigInteger, Interval
from typing_extensions import override

from service.outbox.model import Depth, Event, Failure
from service.outbox.store import Inbox, Outbox
from service.schema import consumed_events, dead_letters, outbox

# Longer than any event can wait in the outbox with its retries, by far.
_REMEMBERED = timedelta(days=7)

_TAKE = (
    select(outbox.c.id, outbox.c.kind, outbox.c.payload, outbox.c.attempts)
    .where(outbox.c.due_at <= func.now())
    .order_by(outbox.c.id)
    .limit(bindparam("at_most"))
    .with_for_update(skip_locked=True)
)

_DELIVERED = delete(outbox).where(
    outbox.c.id == func.any(bindparam("ids", type_=ARRAY(BigInteger)))
)

_POSTPONE = (
    update(outbox)
    .where(outbox.c.id == bindparam("event_id"))
    .values(
        attempts=bindparam("tried"),
        last_error=bindparam("error"),
        due_at=func.now() + bindparam("delay", type_=Interval),
    )
)

_GIVEN_UP = (
    delete(outbox)
    .where(outbox.c.id == bindparam("event_id"))
    .returning(outbox.c.id, outbox.c.kind, outbox.c.payload)
    .cte("given_up")
)

_BURY = insert(dead_letters).from_select(
    ["event_id", "kind", "payload", "attempts", "last_error"],
    select(
        _GIVEN_UP.c.id,
        _GIVEN_UP.c.kind,
        _GIVEN_UP.c.payload,
        bindparam("tried"),
        bindparam("error", type_=Text),
    ),
)

_DEPTH = select(
    select(func.count()).select_from(outbox).scalar_subquery(),
    select(func.count()).select_from(dead_letters).scalar_subquery(),
)

_FIRST_SEEN = (
    insert_unless(consumed_events)
    .from_select(
        ["consumer", "event_id"],
        select(
            bindparam("name", type_=Text),
            func.unnest(bindparam("ids", type_=ARRAY(BigInteger))),
        ),
    )
    .on_conflict_do_nothing()
    .returning(consumed_events.c.event_id)
)

_OLD = (
    select(consumed_events.c.consumer, consumed_events.c.event_id)
    .where(consumed_events.c.at <= func.now() - bindparam("age", type_=Interval))
    .limit(bindparam("at_most"))
)

_FORGET = delete(consumed_events).where(
    tuple_(consumed_events.c.consumer, consumed_events.c.event_id).in_(_OLD)
)


class SqlOutbox(Outbox):
    """A row per event that is still to be delivered."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    @override
    async def take(self, limit: int) -> list[Event]:
        taken = await self._connection.execute(_TAKE, {"at_most": limit})
        return [Event(*row) for row in taken]

    @override
    async def delivered(self, events: Sequence[Event]) -> None:
        await self._connection.execute(_DELIVERED, {"ids": [event.id for event in events]})

    @override
    async def postpone(self, failure: Failure, delay_s: float) -> None:
        delay = {"delay": timedelta(seconds=delay_s)}
        await self._connection.execute(_POSTPONE, _told(failure) | delay)

    @override
    async def bury(self, failure: Failure) -> None:
        await self._connection.execute(_BURY, _told(failure))

    @override
    async def depth(self) -> Depth:
        return Depth(*(await self._connection.execute(_DEPTH)).one())


class SqlInbox(Inbox):
    """A row per consumer and event."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    @override
    async def first_seen(self, consumer: str, event_ids: Sequence[int]) -> set[int]:
        seen = {"name": consumer, "ids": list(event_ids)}
        return set((await self._connection.execute(_FIRST_SEEN, seen)).scalars())

    @override
    async def forget_old(self, limit: int) -> int:
        old = {"age": _REMEMBERED, "at_most": limit}
        return (await self._connection.execute(_FORGET, old)).rowcount


def _told(failure: Failure) -> dict[str, object]:
    return {"event_id": failure.event.id, "tried": failure.attempts, "error": failure.error}
