"""Answers kept in the database, committed together with what they answer."""

from datetime import timedelta

from sqlalchemy import and_, bindparam, delete, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.types import Interval
from typing_extensions import override

from service.idempotency.model import Answer, Claim, Record
from service.idempotency.store import Idempotency
from service.schema import idempotency_keys as keys

_INSERT = insert(keys).values(
    key=bindparam("name"),
    fingerprint=bindparam("digest"),
    expires_at=func.now() + bindparam("ttl", type_=Interval),
)

# The unique index makes the second of two wait until the first has committed or rolled back.
_CLAIM = _INSERT.on_conflict_do_update(
    index_elements=[keys.c.key],
    set_={
        "fingerprint": _INSERT.excluded.fingerprint,
        "expires_at": _INSERT.excluded.expires_at,
    },
    where=keys.c.expires_at <= func.now(),
).returning(keys.c.key)

_FIND = select(keys.c.fingerprint, keys.c.status, keys.c.headers, keys.c.body).where(
    and_(keys.c.key == bindparam("name"), keys.c.expires_at > func.now())
)

_KEEP = (
    update(keys)
    .where(keys.c.key == bindparam("name"))
    .values(status=bindparam("code"), headers=bindparam("head"), body=bindparam("content"))
)

_EXPIRED = (
    select(keys.c.key)
    .where(keys.c.expires_at <= func.now())
    .limit(bindparam("at_most"))
    .with_for_update(skip_locked=True)
)

_FORGET = delete(keys).where(keys.c.key.in_(_EXPIRED.scalar_subquery()))


class SqlIdempotency(Idempotency):
    """A row per key."""

    def __init__(self, connection: AsyncConnection, ttl_s: float) -> None:
        self._connection = connection
        self._ttl = timedelta(seconds=ttl_s)

    @override
    async def find(self, key: str) -> Record | None:
        row = (await self._connection.execute(_FIND, {"name": key})).one_or_none()
        return row and Record(row.fingerprint, Answer(row.status, row.headers, row.body))

    @override
    async def claim(self, claim: Claim) -> Record | None:
        mine = {"name": claim.key, "digest": claim.fingerprint, "ttl": self._ttl}
        while (await self._connection.execute(_CLAIM, mine)).one_or_none() is None:
            if (record := await self.find(claim.key)) is not None:
                return record
            # It was removed in between.
        return None

    @override
    async def keep(self, claim: Claim, answer: Answer) -> None:
        kept = {"code": answer.status, "head": dict(answer.headers), "content": answer.body}
        await self._connection.execute(_KEEP, {"name": claim.key} | kept)

    @override
    async def forget_expired(self, limit: int) -> int:
        return (await self._connection.execute(_FORGET, {"at_most": limit})).rowcount

    @override
    def committed(self) -> None:
        """Nothing to do: the record was part of the transaction."""

    @override
    def ended(self) -> None:
        """Nothing to do: the key was held by the transaction."""
