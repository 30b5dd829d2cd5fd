"""What is done now and then, so that nothing grows unseen or for ever."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from service.metrics import OutboxMetrics
from service.unit_of_work import UnitOfWork

_logger = logging.getLogger(__name__)

_WATCH_S = 1.0
_PRUNE_S = 60.0
# Small enough that nobody waits long for the rows.
_PRUNED_AT_ONCE = 1_000


class Housekeeping:
    """Watches the outbox, and removes what has expired."""

    def __init__(self, unit_of_work: Callable[[], UnitOfWork], metrics: OutboxMetrics) -> None:
        self._unit_of_work = unit_of_work
        self._metrics = metrics

    async def watch(self) -> None:
        """Tell how many events there are."""
        async with self._unit_of_work() as work:
            depth = await work.outbox.depth()
        self._metrics.pending.set(depth.pending)
        self._metrics.dead.set(depth.dead)

    async def prune(self) -> None:
        """Remove answers that have expired, and the memory of events of long ago."""
        # One table a transaction: locks are never held together.
        removed = _PRUNED_AT_ONCE
        while removed == _PRUNED_AT_ONCE:
            async with self._unit_of_work() as work:
                removed = await work.idempotency.forget_expired(_PRUNED_AT_ONCE)
                await work.commit()
        removed = _PRUNED_AT_ONCE
        while removed == _PRUNED_AT_ONCE:
            async with self._unit_of_work() as work:
                removed = await work.inbox.forget_old(_PRUNED_AT_ONCE)
                await work.commit()

    async def keep_watching(self) -> None:
        """Watch until cancelled."""
        await _every(_WATCH_S, self.watch)

    async def keep_pruning(self) -> None:
        """Prune until cancelled."""
        await _every(_PRUNE_S, self.prune)


async def _every(seconds: float, chore: Callable[[], Awaitable[None]]) -> None:
    while True:
        await asyncio.sleep(seconds)
        try:
            await chore()
        except Exception as error:
            # Put off until the next time, which comes whatever it was.
            _logger.info("housekeeping put off: %r", error)
