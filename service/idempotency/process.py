"""Answers kept in this process: quick, but lost with it and unknown to every other process."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from typing_extensions import override

from service.idempotency.model import Answer, Claim, Record
from service.idempotency.store import Idempotency


@dataclass(eq=False)
class ProcessRecords:
    """The records of a process, which expire unless it never forgets."""

    ttl_s: float
    forgets: bool = True
    clock: Callable[[], float] = time.monotonic
    _records: dict[str, tuple[float, Record]] = field(default_factory=dict)
    _holders: dict[str, asyncio.Event] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self._records)

    def find(self, key: str) -> Record | None:
        """What is kept under a key."""
        expires, record = self._records.get(key, (0.0, None))
        return None if self.forgets and expires <= self.clock() else record

    def keep(self, key: str, record: Record) -> None:
        """Keep a record, as the newest."""
        self._records.pop(key, None)
        self._records[key] = self.clock() + self.ttl_s, record
        self.forget_expired(2)  # more than come in: it shrinks while it is used

    def forget_expired(self, limit: int) -> int:
        """Remove the oldest of what has expired."""
        if not self.forgets:
            return 0
        now, expired = self.clock(), list[str]()
        for key, (expires, _) in self._records.items():
            if expires > now or len(expired) == limit:
                break
            expired.append(key)
        for key in expired:
            del self._records[key]
        return len(expired)

    async def hold(self, key: str) -> None:
        """Wait until nobody holds the key, then hold it."""
        while (held := self._holders.get(key)) is not None:
            await held.wait()
        self._holders[key] = asyncio.Event()

    def release(self, key: str) -> None:
        """Let the next one hold the key."""
        self._holders.pop(key).set()


class ProcessIdempotency(Idempotency):
    """The records of the process, as one unit of work sees them."""

    def __init__(self, records: ProcessRecords) -> None:
        self._records = records
        self._held: set[str] = set()
        self._new: dict[str, Record] = {}

    @override
    async def find(self, key: str) -> Record | None:
        return self._records.find(key)

    @override
    async def claim(self, claim: Claim) -> Record | None:
        await self._records.hold(claim.key)
        self._held.add(claim.key)
        return self._records.find(claim.key)

    @override
    async def keep(self, claim: Claim, answer: Answer) -> None:
        self._new[claim.key] = Record.of(claim, answer)

    @override
    async def forget_expired(self, limit: int) -> int:
        return self._records.forget_expired(limit)

    @override
    def committed(self) -> None:
        for key, record in self._new.items():
            self._records.keep(key, record)
        self._new.clear()

    @override
    def ended(self) -> None:
        for key in self._held:
            self._records.release(key)
        self._held.clear()
        self._new.clear()
