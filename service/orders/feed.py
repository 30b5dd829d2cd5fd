"""The use case of following an order."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import suppress
from time import monotonic

from service.orders.progress import FINAL, ProgressChanges, Step
from service.unit_of_work import UnitOfWork

# Steps written by another process are found by looking.
_LOOK_S = 1


class ProgressFeed:
    """Follows orders through their steps.

    A connection is held only for the moment of looking, never while waiting.
    """

    def __init__(
        self,
        unit_of_work: Callable[[], UnitOfWork],
        changes: ProgressChanges,
        heartbeat_s: float,
        look_s: float = _LOOK_S,
    ) -> None:
        self._unit_of_work = unit_of_work
        self._changes = changes
        self._heartbeat_s = heartbeat_s
        self._look_s = look_s
        self._stopped = False

    def stop(self) -> None:
        """Follow no order any further: each feed ends at its next look."""
        self._stopped = True

    async def steps(self, order_id: int) -> list[Step]:
        """The steps so far; none if there is no such order."""
        async with self._unit_of_work() as work:
            return await work.progress.since(order_id, 0)

    async def follow(self, order_id: int, seq: int) -> AsyncGenerator[Step | None]:
        """The steps after the given one, up to the final one; None when it has been quiet."""
        spoke = monotonic()
        with self._changes.changed(order_id) as changed:
            while not self._stopped:
                # Cleared before reading: what comes after the reading sets it again.
                changed.clear()
                async with self._unit_of_work() as work:
                    steps = await work.progress.since(order_id, seq)
                for step in steps:
                    yield step
                    seq, spoke = step.seq, monotonic()
                    if step.status == FINAL:
                        return
                if monotonic() - spoke >= self._heartbeat_s:
                    yield None
                    spoke = monotonic()
                with suppress(TimeoutError):
                    async with asyncio.timeout(self._look_s):
                        await changed.wait()
