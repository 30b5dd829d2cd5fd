from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest
from prometheus_client import CollectorRegistry

from service.backoff import Backoff
from service.errors import DatabaseUnavailable
from service.fulfilment import Fulfilment
from service.metrics import OutboxMetrics
from service.orders.progress import STATUSES, ProgressChanges
from service.outbox.model import ORDER_PLACED, Event
from service.outbox.relay import Consumer, Delivery, Pace, Relay, Relays
from service.unit_of_work.fake import FakeUnitOfWork

DELIVERY = Delivery(batch=10, max_attempts=3, backoff=Backoff(1, 60, uniform=lambda _, high: high))


class RequestRecorder(Consumer):
    """Takes in whole batches, except those that hold an event it chokes on."""

    def __init__(self, chokes_on: Sequence[int] = (), fails_with: Exception | None = None) -> None:
        self.taken: list[int] = []
        self.chokes_on = chokes_on
        self.fails_with = fails_with

    async def consume(self, events: Sequence[Event]) -> None:
        if self.fails_with:
            raise self.fails_with
        if any(event.id in self.chokes_on for event in events):
            raise ValueError("no")
        self.taken += [event.id for event in events]


@pytest.fixture
def work() -> FakeUnitOfWork:
    return FakeUnitOfWork({}, {})


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


def _relay(
    work: FakeUnitOfWork,
    consumer: Consumer,
    registry: CollectorRegistry,
    delivery: Delivery = DELIVERY,
    pace: Pace | None = None,
) -> Relay:
    return Relay(work.beside, consumer, delivery, OutboxMetrics(registry), pace)


def _filled(work: FakeUnitOfWork, events: int) -> None:
    for order_id in range(1, events + 1):
        work.outbox.add(ORDER_PLACED, {"order_id": order_id})


async def test_batches_are_delivered_and_removed(
    work: FakeUnitOfWork, registry: CollectorRegistry
) -> None:
    _filled(work, 12)
    recorder = RequestRecorder()
    relay = _relay(work, recorder, registry)

    assert [await relay.deliver() for _ in range(3)] == [10, 2, 0]

    assert recorder.taken == list(range(1, 13))
    assert work.outbox.rows.events == {}
    assert registry.get_sample_value("outbox_delivered_total") == 12


async def test_a_poisoned_event_holds_up_no_others_and_dies_in_the_end(
    work: FakeUnitOfWork, registry: CollectorRegistry
) -> None:
    _filled(work, 7)
    recorder = RequestRecorder(chokes_on=[3])
    relay = _relay(work, recorder, registry)

    await relay.deliver()
    assert sorted(recorder.taken) == [1, 2, 4, 5, 6, 7]
    assert work.outbox.rows.events[3][0] == 1.0
    assert await relay.deliver() == 0
    work.outbox.rows.now_s = 1.0
    await relay.deliver()
    assert work.outbox.rows.events[3][0] == 1.0 + 2.0
    work.outbox.rows.now_s = 3.0
    await relay.deliver()

    assert work.outbox.rows.events == {}
    [dead] = work.outbox.rows.dead.values()
    assert (dead.event.id, dead.attempts, dead.error) == (3, 3, "ValueError: no")
    assert registry.get_sample_value("outbox_failed_total") == 3


async def test_an_outage_is_no_events_fault(
    work: FakeUnitOfWork, registry: CollectorRegistry
) -> None:
    _filled(work, 2)
    relay = _relay(work, RequestRecorder(fails_with=DatabaseUnavailable("gone")), registry)

    with pytest.raises(DatabaseUnavailable):
        await relay.deliver()

    assert [event.attempts for _, event in work.outbox.rows.events.values()] == [0, 0]
    assert not work.outbox.rows.held


async def test_what_another_relay_holds_is_passed_over(
    work: FakeUnitOfWork, registry: CollectorRegistry
) -> None:
    _filled(work, 3)
    recorder = RequestRecorder()
    async with work.beside() as other:
        assert len(await other.outbox.take(2)) == 2
        assert await _relay(work, recorder, registry).deliver() == 1

    assert recorder.taken == [3]


async def test_fulfilment_moves_orders_on_once(
    work: FakeUnitOfWork, registry: CollectorRegistry
) -> None:
    changes, metrics = ProgressChanges(), OutboxMetrics(registry)
    fulfilment = Fulfilment(work.beside, changes, metrics)
    events = [Event(1, ORDER_PLACED, {"order_id": 7})]

    with changes.changed(7) as changed, changes.changed(8) as other:
        await fulfilment.consume(events)
        assert (changed.is_set(), other.is_set()) == (True, False)
    await fulfilment.consume(events)

    assert [step.status for step in work.progress.steps[7]] == list(STATUSES[1:])
    assert registry.get_sample_value("events_duplicate_total") == 1


@pytest.mark.parametrize(
    "event", [Event(1, "order.lost", {"order_id": 7}), Event(1, ORDER_PLACED, {"order": 7})]
)
async def test_fulfilment_refuses_what_makes_no_sense(
    work: FakeUnitOfWork, registry: CollectorRegistry, event: Event
) -> None:
    fulfilment = Fulfilment(work.beside, ProgressChanges(), OutboxMetrics(registry))

    with pytest.raises(Exception, match="not an order's event"):
        await fulfilment.consume([event])

    assert work.progress.steps == {}


async def test_the_pace_is_shared() -> None:
    now = 0.0
    pace = Pace(50, clock=lambda: now)

    assert pace.limit(100) == 50
    assert [pace.rest_s(50), pace.rest_s(25)] == [1.0, 1.5]
    now = 10.0
    assert pace.rest_s(5) == pytest.approx(0.1)
    assert (Pace(0).limit(100), Pace(0).rest_s(1_000)) == (100, 0)
    assert Pace(0.5).limit(100) == 1


async def test_a_relay_finishes_its_batch_before_it_stops(
    work: FakeUnitOfWork, registry: CollectorRegistry
) -> None:
    begun, go = asyncio.Event(), asyncio.Event()

    class Slow(RequestRecorder):
        async def consume(self, events: Sequence[Event]) -> None:
            begun.set()
            await go.wait()
            await super().consume(events)

    _filled(work, 15)
    slow = Slow()
    async with Relays([_relay(work, slow, registry)]):
        await begun.wait()
        asyncio.get_running_loop().call_soon(go.set)

    assert slow.taken == list(range(1, 11))
    assert len(work.outbox.rows.events) == 5


async def test_a_woken_relay_does_not_wait_for_its_next_look(
    work: FakeUnitOfWork, registry: CollectorRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service.outbox.relay._LOOK_S", 3600.0)
    delivered = asyncio.Event()

    class SeriesSummary(RequestRecorder):
        async def consume(self, events: Sequence[Event]) -> None:
            await super().consume(events)
            delivered.set()

    relays = Relays([_relay(work, SeriesSummary(), registry)])
    async with relays:
        await asyncio.sleep(0)
        _filled(work, 1)
        relays.wake()
        async with asyncio.timeout(20):
            await delivered.wait()
