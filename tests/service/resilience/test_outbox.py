from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import httpx
import pytest
from prometheus_client import CollectorRegistry

import service
from service.backoff import Backoff
from service.fulfilment import Fulfilment
from service.housekeeping import Housekeeping
from service.idempotency.model import Answer, Claim
from service.metrics import OutboxMetrics
from service.orders.model import NewOrder, OrderLine
from service.orders.progress import ProgressChanges
from service.outbox.model import Event
from service.outbox.relay import Consumer, Delivery, Relay
from service.unit_of_work import UnitOfWork
from tests.service.works import rows, scalar, until, works

Start = Callable[..., Awaitable[httpx.AsyncClient]]
ORDER = {"customer_id": 1, "lines": [{"sku": "SKU-1", "quantity": 1}]}
DELIVERY = Delivery(batch=10, max_attempts=3, backoff=Backoff(0, 0))
SHIPPED = "SELECT count(*) FROM order_progress WHERE status = 'shipped'"
WAITING = "SELECT count(*) FROM outbox"


class Counting(Consumer):
    """Counts how often it gets each event."""

    def __init__(self) -> None:
        self.counts: dict[int, int] = {}

    async def consume(self, events: Sequence[Event]) -> None:
        await asyncio.sleep(0)
        for event in events:
            self.counts[event.id] = self.counts.get(event.id, 0) + 1


async def _place(unit_of_work: Callable[[], UnitOfWork], orders: int) -> None:
    async with unit_of_work() as work:
        for _ in range(orders):
            await work.orders.add(NewOrder(1, [OrderLine("SKU-1", 1, 1)]))
        await work.commit()


async def test_what_waits_is_delivered_when_a_relay_comes(start: Start, database_url: str) -> None:
    without = await start(OUTBOX_RELAYS="0")
    for _ in range(5):
        await without.post("/orders", json=ORDER)
    assert await scalar(database_url, WAITING) == 5

    await start()

    async def delivered() -> bool:
        return await scalar(database_url, WAITING) == 0

    await until(delivered)
    assert await scalar(database_url, SHIPPED) == 5


async def test_events_of_another_process_are_found(start: Start, database_url: str) -> None:
    delivering, without = await start(), await start(OUTBOX_RELAYS="0")

    for placed, client in enumerate((delivering, without), 1):
        await client.post("/orders", json=ORDER)

        async def shipped(orders: int = placed) -> bool:
            return await scalar(database_url, SHIPPED) == orders

        await until(shipped)


async def test_relays_side_by_side_do_no_work_twice(database_url: str) -> None:
    async with works(database_url) as unit_of_work:
        await _place(unit_of_work, 200)
        counting, metrics = Counting(), OutboxMetrics(CollectorRegistry())

        async def drain() -> None:
            relay = Relay(unit_of_work, counting, DELIVERY, metrics)
            while await relay.deliver():
                pass

        await asyncio.gather(*(drain() for _ in range(4)))

    assert sorted(counting.counts) == list(range(1, 201))
    assert set(counting.counts.values()) == {1}


async def test_an_event_delivered_again_is_dropped(database_url: str) -> None:
    registry = CollectorRegistry()
    metrics = OutboxMetrics(registry)
    async with works(database_url) as unit_of_work:
        await _place(unit_of_work, 3)
        fulfilment = Fulfilment(unit_of_work, ProgressChanges(), metrics)
        async with unit_of_work() as crashed:
            await fulfilment.consume(await crashed.outbox.take(2))

        assert await Relay(unit_of_work, fulfilment, DELIVERY, metrics).deliver() == 3

    assert registry.get_sample_value("events_duplicate_total") == 2
    assert await scalar(database_url, SHIPPED) == 3
    assert await scalar(database_url, WAITING) == 0


async def test_a_poisoned_event_becomes_a_dead_letter(start: Start, database_url: str) -> None:
    client = await start(OUTBOX_MAX_ATTEMPTS="2", OUTBOX_BACKOFF_MS="0")
    await rows(
        database_url, """INSERT INTO outbox (kind, payload) VALUES ('order.placed', '{"id": 1}')"""
    )
    await client.post("/orders", json=ORDER)

    async def settled() -> bool:
        return await scalar(database_url, WAITING) == 0

    await until(settled)
    assert await scalar(database_url, SHIPPED) == 1
    [dead] = await rows(database_url, "SELECT event_id, attempts, last_error FROM dead_letters")
    assert dead[:2] == (1, 2)
    assert "not an order's event" in str(dead[2])

    async def told() -> bool:
        return "outbox_dead 1.0" in (await client.get("/metrics")).text

    await until(told)


async def test_a_failed_event_waits_longer_each_time(database_url: str) -> None:
    class Refusing(Consumer):
        async def consume(self, events: Sequence[Event]) -> None:
            raise ValueError("no")

    backoff = Backoff(100, 1_000, uniform=lambda _, high: high)
    delivery = Delivery(batch=10, max_attempts=3, backoff=backoff)
    waits = []
    async with works(database_url) as unit_of_work:
        await _place(unit_of_work, 1)
        relay = Relay(unit_of_work, Refusing(), delivery, OutboxMetrics(CollectorRegistry()))
        for _ in range(2):
            assert await relay.deliver() == 1
            assert await relay.deliver() == 0
            waits.append(
                await scalar(database_url, "SELECT extract(epoch FROM due_at - now()) FROM outbox")
            )
            await rows(database_url, "UPDATE outbox SET due_at = now()")

    assert [90 < float(str(waits[0])) <= 100, 190 < float(str(waits[1])) <= 200] == [True, True]


async def test_connections_cut_under_load(start: Start, database_url: str) -> None:
    client = await start(DB_POOL_SIZE="5")
    acknowledged: list[bytes] = []

    async def placed(number: int) -> None:
        key = {"Idempotency-Key": f"order-{number}"}
        while (answer := await client.post("/orders", json=ORDER, headers=key)).status_code != 201:
            assert answer.status_code == 503, answer.text
        acknowledged.append(answer.content)

    async def cut() -> None:
        others = "pid <> pg_backend_pid() AND datname = current_database()"
        for cuts in range(1, 6):
            while len(acknowledged) < cuts * 15:
                await asyncio.sleep(0)
            await rows(
                database_url,
                f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {others}",
            )

    async with asyncio.TaskGroup() as group:
        group.create_task(cut())
        for client_number in range(5):

            async def place_some(first: int = client_number * 20) -> None:
                for number in range(first, first + 20):
                    await placed(number)

            group.create_task(place_some())

    async def shipped() -> bool:
        return await scalar(database_url, WAITING) == 0

    await until(shipped)
    assert len(set(acknowledged)) == 100
    for count in ("SELECT count(*) FROM orders", SHIPPED):
        assert await scalar(database_url, count) == 100
    # Three steps for each, and none of them twice.
    assert await scalar(database_url, "SELECT count(*) FROM order_progress") == 400


async def test_a_reset_while_the_service_is_at_work(start: Start, database_url: str) -> None:
    client = await start(DB_POOL_SIZE="5", OUTBOX_RELAYS="2", OUTBOX_BATCH="3")
    reset = Path(service.__file__).with_name("reset.sql").read_text()
    done = False

    async def place() -> None:
        while not done:
            answer = await client.post("/orders", json=ORDER)
            assert answer.status_code == 201, answer.text

    async with asyncio.TaskGroup() as group:
        placing = [group.create_task(place()) for _ in range(4)]
        for _ in range(15):
            await rows(database_url, reset)  # raises where it is chosen to end a deadlock
            await asyncio.sleep(0.02)
        done = True
        await asyncio.gather(*placing)
    await rows(database_url, reset)

    for table in ("orders", "outbox", "dead_letters", "consumed_events", "order_progress"):
        assert await scalar(database_url, f"SELECT count(*) FROM {table}") == 0


@pytest.mark.parametrize("aged", [False, True])
async def test_what_is_old_is_removed(database_url: str, aged: bool) -> None:
    async with works(database_url) as unit_of_work:
        async with unit_of_work() as work:
            await work.idempotency.claim(Claim("key", b""))
            await work.idempotency.keep(Claim("key", b""), Answer(201, {}, b""))
            await work.inbox.first_seen("someone", [1])
            await work.commit()
        if aged:
            await rows(
                database_url,
                "UPDATE idempotency_keys SET expires_at = now();"
                "UPDATE consumed_events SET at = now() - interval '7 days'",
            )

        await Housekeeping(unit_of_work, OutboxMetrics(CollectorRegistry())).prune()

    for table in ("idempotency_keys", "consumed_events"):
        assert await scalar(database_url, f"SELECT count(*) FROM {table}") == int(not aged)
