"""A walk through idempotency and the outbox, on the service's own code.

`python examples/idempotency_outbox_lab.py` brings a PostgreSQL of its own; with DATABASE_URL in the
environment it uses that server instead. Either way it makes a database, and drops it at the end.
"""

import asyncio
import logging
import os
from collections.abc import Callable, Sequence
from contextlib import ExitStack, aclosing

from prometheus_client import CollectorRegistry
from sqlalchemy import text

from lab.processes.child_processes import Children
from lab.targets.embedded_postgres import EmbeddedPostgres
from lab.targets.postgres_databases import Databases
from service.backoff import Backoff
from service.database import Database
from service.fulfilment import Fulfilment
from service.idempotency.fingerprint import fingerprint
from service.idempotency.model import Answer, Claim, IdempotencyKeyReused
from service.idempotency.sql import SqlIdempotency
from service.metrics import OutboxMetrics, PoolMetrics
from service.orders.checkout import Checkout, Placement
from service.orders.model import Item, Order
from service.orders.progress import ProgressChanges
from service.outbox.model import Event
from service.outbox.relay import Consumer, Delivery, Relay
from service.pricing.fake import FakePricing
from service.settings import ServiceSettings
from service.unit_of_work.sql import SqlStock, SqlUnitOfWork

ATTEMPTS = 3


class Crash(BaseException):
    """Stands for the end of the process."""


class CrashAfter(Consumer):
    """Ends the process when the consumer is done, before the relay can note it."""

    def __init__(self, consumer: Consumer) -> None:
        self._consumer = consumer

    async def consume(self, events: Sequence[Event]) -> None:
        """Consume, then crash."""
        await self._consumer.consume(events)
        raise Crash


class Walk:
    """The parts of the service that it takes, put together by hand."""

    def __init__(self, database_url: str) -> None:
        registry = CollectorRegistry()
        self.registry = registry
        self.database = Database(ServiceSettings.from_values({"DATABASE_URL": database_url}))
        pool = PoolMetrics(registry, self.database.pool_size, self.database.in_use)
        self.metrics = OutboxMetrics(registry)
        self.unit_of_work: Callable[[], SqlUnitOfWork] = lambda: SqlUnitOfWork(
            self.database, pool, SqlStock, lambda connection: SqlIdempotency(connection, 3600)
        )
        self.checkout = Checkout(self.unit_of_work, FakePricing(250), False)
        self.fulfilment = Fulfilment(self.unit_of_work, ProgressChanges(), self.metrics)

    async def __call__(self) -> None:
        """Every step, in order."""
        await self.database.migrate()
        try:
            await self.keys()
            await self.delivery()
            await self.crash()
            await self.poison()
        finally:
            await self.database.close()

    async def keys(self) -> None:
        """One key, one order."""
        print("1. An order under a key, sent twice, then with another payload")
        first = await self.place("key-1", quantity=2)
        tell("placed", f"status {first.answer.status}, {first.answer.body.decode()}")
        again = await self.place("key-1", quantity=2)
        same = again.answer.body == first.answer.body
        tell("replayed", f"{again.answer.replayed}, same bytes: {same}")
        try:
            await self.place("key-1", quantity=3)
        except IdempotencyKeyReused as error:
            tell("conflict", error.code)
        tell("orders", await self.scalar("SELECT count(*) FROM orders"))

    async def delivery(self) -> None:
        """The event left with its order."""
        print("2. The event that was committed together with the order, and its delivery")
        tell("outbox", await self.scalar("SELECT kind || ' ' || payload::text FROM outbox"))
        tell("progress", await self.progress(1))
        tell("delivered", await self.relay(self.fulfilment).deliver())
        tell("outbox", f"{await self.waiting()} waiting")
        tell("progress", await self.progress(1))

    async def crash(self) -> None:
        """Delivered twice, consumed once."""
        print("3. A crash after the delivery, before it was noted")
        await self.place("key-2", quantity=1)
        try:
            await self.relay(CrashAfter(self.fulfilment)).deliver()
        except Crash:
            tell("crashed", f"{await self.waiting()} waiting, though it was consumed")
        tell("delivered", f"{await self.relay(self.fulfilment).deliver()}, for the second time")
        dropped = self.registry.get_sample_value("events_duplicate_total") or 0
        tell("duplicates", f"{int(dropped)} dropped")
        tell("progress", await self.progress(2))

    async def poison(self) -> None:
        """One bad event, and a good one behind it."""
        print("4. An event that nobody understands, with a good one behind it")
        lost = "INSERT INTO outbox (kind, payload) VALUES ('order.lost', '{}') RETURNING id"
        tell("poisoned", f"event {await self.scalar(lost)}")
        await self.place("key-3", quantity=1)
        for attempt in range(1, ATTEMPTS + 1):
            await self.relay(self.fulfilment).deliver()
            tell(f"attempt {attempt}", f"{await self.waiting()} waiting")
        tell("progress", await self.progress(3))
        dead = "SELECT attempts || ' attempts, ' || last_error FROM dead_letters"
        tell("dead letter", await self.scalar(dead))

    async def place(self, key: str, quantity: int) -> Placement:
        """Place an order under a key."""
        payload = {"customer_id": 1, "lines": [{"sku": "SKU-1", "quantity": quantity}]}
        claim = Claim(key, fingerprint(payload))
        return await self.checkout.place_once(1, [Item("SKU-1", quantity)], claim, _answer)

    def relay(self, consumer: Consumer) -> Relay:
        """A relay that wastes no time between attempts."""
        delivery = Delivery(batch=10, max_attempts=ATTEMPTS, backoff=Backoff(0, 0))
        return Relay(self.unit_of_work, consumer, delivery, self.metrics)

    async def progress(self, order_id: int) -> str:
        """The statuses of an order."""
        async with self.unit_of_work() as work:
            return " ".join(step.status for step in await work.progress.since(order_id, 0))

    async def waiting(self) -> object:
        """How many events wait."""
        return await self.scalar("SELECT count(*) FROM outbox")

    async def scalar(self, statement: str) -> object:
        """The one value that a statement finds."""
        async with aclosing(await self.database.connect()) as connection:
            found = await connection.scalar(text(statement))
            await connection.commit()
        return found


def _answer(order: Order) -> Answer:
    body = f"order {order.id} over {order.total_cents} cents"
    return Answer(201, {"Content-Type": "text/plain"}, body.encode())


def tell(what: str, how: object) -> None:
    """Print one line of a step."""
    print(f"   {what:<12} {how}", flush=True)


def main() -> None:
    """Walk through it on a database that is dropped afterwards."""
    # What the service logs on the way is part of the story, and told by it.
    logging.disable()
    with ExitStack() as closing:
        url = os.environ.get("DATABASE_URL")
        if url is None:
            server = EmbeddedPostgres(closing.enter_context(Children()))
            server.start()
            url = server.url
        databases = Databases(url, prefix=f"example{os.getpid()}")
        closing.callback(databases.close, drop=True)
        asyncio.run(Walk(databases.create("walk"))())


if __name__ == "__main__":
    main()
