"""Fulfilment: it consumes the orders' events and moves the orders on."""

from collections.abc import Callable, Sequence

from typing_extensions import override

from service.metrics import OutboxMetrics
from service.orders.progress import ProgressChanges
from service.outbox.model import ORDER_PLACED, Event
from service.outbox.relay import Consumer
from service.unit_of_work import UnitOfWork

NAME = "fulfilment"


class Undeliverable(Exception):
    """An event that makes no sense to the consumer."""


class Fulfilment(Consumer):
    """Confirms, packs and ships each order once, however often it hears of it."""

    def __init__(
        self,
        unit_of_work: Callable[[], UnitOfWork],
        changes: ProgressChanges,
        metrics: OutboxMetrics,
    ) -> None:
        self._unit_of_work = unit_of_work
        self._changes = changes
        self._metrics = metrics

    @override
    async def consume(self, events: Sequence[Event]) -> None:
        """Move all of the orders on in one transaction."""
        order_ids = {event.id: _order_id(event) for event in events}
        async with self._unit_of_work() as work:
            fresh = await work.inbox.first_seen(NAME, list(order_ids))
            moved = [order_id for event_id, order_id in order_ids.items() if event_id in fresh]
            await work.progress.fulfil(moved)
            await work.commit()
        self._metrics.duplicates.inc(len(order_ids) - len(fresh))
        self._changes.announce(moved)


def _order_id(event: Event) -> int:
    order_id = event.payload.get("order_id")
    if event.kind != ORDER_PLACED or not isinstance(order_id, int):
        raise Undeliverable(f"not an order's event: {event.kind} {dict(event.payload)}")
    return order_id
