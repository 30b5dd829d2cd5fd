"""The relay: it carries events from the outbox to their consumer, each at least once."""

import asyncio
import contextlib
import logging
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Self

from sqlalchemy.exc import DBAPIError

from service.backoff import Backoff
from service.errors import DatabaseBusy, DatabaseUnavailable
from service.metrics import OutboxMetrics
from service.outbox.model import Event, Failure
from service.unit_of_work import UnitOfWork

_logger = logging.getLogger(__name__)

# Orders that come in meanwhile leave in one batch: a batch costs much the same whatever its size.
_GATHER_S = 0.25
# Events of other processes, and those whose time has come, are found by looking.
_LOOK_S = 1.0
_OUTAGE = Backoff(0.1, 5.0)
_STOP_S = 10.0


class Consumer(ABC):
    """Whoever events are delivered to; it must bear to get one again."""

    @abstractmethod
    async def consume(self, events: Sequence[Event]) -> None:
        """Take in all of the events, or none and raise."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """How events are delivered."""

    batch: int
    max_attempts: int
    backoff: Backoff


class Pace:
    """A limit of events a second that relays share; 0 is none."""

    def __init__(self, rate: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate = rate
        self._clock = clock
        self._free_at = 0.0

    def limit(self, batch: int) -> int:
        """As many events of a batch as may go within a second."""
        return min(batch, max(1, int(self._rate))) if self._rate else batch

    def rest_s(self, events: int) -> float:
        """How long to rest after so many events."""
        if not self._rate:
            return 0.0
        now = self._clock()
        self._free_at = max(now, self._free_at) + events / self._rate
        return self._free_at - now


class Relay:
    """Delivers batch after batch; several work side by side, in one process or in many."""

    def __init__(
        self,
        unit_of_work: Callable[[], UnitOfWork],
        consumer: Consumer,
        delivery: Delivery,
        metrics: OutboxMetrics,
        pace: Pace | None = None,
    ) -> None:
        self._unit_of_work = unit_of_work
        self._consumer = consumer
        self._delivery = delivery
        self._metrics = metrics
        self._pace = pace or Pace(0)
        self._woken = asyncio.Event()
        self._stopping = asyncio.Event()

    def wake(self) -> None:
        """There is something to deliver."""
        self._woken.set()

    def stop(self) -> None:
        """Deliver the batch at hand, then no more."""
        self._stopping.set()
        self._woken.set()

    async def deliver(self) -> int:
        """Deliver one batch of what is due; how many events it held."""
        async with self._unit_of_work() as work:
            events = await work.outbox.take(self._pace.limit(self._delivery.batch))
            if not events:
                return 0
            failures = await self._hand_over(events)
            failed = {failure.event.id for failure in failures}
            delivered = [event for event in events if event.id not in failed]
            # A crash up to here leaves all of them in the outbox, to be delivered again.
            await work.outbox.delivered(delivered)
            for failure in failures:
                if failure.attempts < self._delivery.max_attempts:
                    delay_s = self._delivery.backoff.delay_s(failure.attempts)
                    await work.outbox.postpone(failure, delay_s)
                else:
                    await work.outbox.bury(failure)
                    _logger.error("event %d given up: %s", failure.event.id, failure.error)
            await work.commit()
        self._metrics.settled(len(delivered), len(failures))
        return len(events)

    async def run(self) -> None:
        """Deliver until stopped."""
        outages = 0
        while not self._stopping.is_set():
            self._woken.clear()
            try:
                events = await self.deliver()
            except Exception as error:
                # Whatever it is, orders go on coming in: a relay must not end before its time.
                outages += 1
                if outages == 1:
                    _logger.warning("nothing can be delivered for now: %r", error)
                await self._rest(_OUTAGE.delay_s(outages))
                continue
            outages = 0
            await self._rest(self._pace.rest_s(events))
            if events < self._pace.limit(self._delivery.batch):
                await self._idle()

    async def _hand_over(self, events: Sequence[Event]) -> list[Failure]:
        try:
            await self._consumer.consume(events)
        except (DatabaseBusy, DatabaseUnavailable):
            raise
        except Exception as error:
            if isinstance(error, DBAPIError) and error.connection_invalidated:
                raise  # an outage, for which no event is to blame
            if len(events) == 1:
                return [Failure(events[0], f"{type(error).__name__}: {error}")]
            # By halves, so that those to blame are found soon and hold up no others.
            half = len(events) // 2
            return [
                *await self._hand_over(events[:half]),
                *await self._hand_over(events[half:]),
            ]
        return []

    async def _rest(self, seconds: float) -> None:
        if seconds > 0:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), seconds)

    async def _idle(self) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._woken.wait(), _LOOK_S)
            await self._rest(_GATHER_S)


class Relays:
    """The relays of a process, which run while entered; on leaving, each finishes its batch."""

    def __init__(self, relays: Sequence[Relay]) -> None:
        self._relays = relays
        self._running: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        self._running = [asyncio.create_task(relay.run()) for relay in self._relays]
        return self

    async def __aexit__(self, *_: object) -> None:
        for relay in self._relays:
            relay.stop()
        if self._running:
            await asyncio.wait(self._running, timeout=_STOP_S)
            for task in self._running:
                task.cancel()
            await asyncio.gather(*self._running, return_exceptions=True)

    def wake(self) -> None:
        """There is something to deliver."""
        for relay in self._relays:
            relay.wake()
