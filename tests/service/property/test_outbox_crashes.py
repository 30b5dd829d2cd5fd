"""The outbox under any order of crashes, in memory and on real PostgreSQL alike."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test
from prometheus_client import CollectorRegistry

from service.backoff import Backoff
from service.fulfilment import Fulfilment
from service.metrics import OutboxMetrics
from service.orders.model import Credit, NewOrder, OrderLine
from service.orders.progress import STATUSES, ProgressChanges
from service.outbox.model import ORDER_PLACED, Event
from service.outbox.relay import Consumer, Delivery, Relay
from service.unit_of_work import UnitOfWork
from service.unit_of_work.fake import FakeUnitOfWork
from tests.service.works import rows, scalar, works

ATTEMPTS = 3
DELIVERY = Delivery(batch=3, max_attempts=ATTEMPTS, backoff=Backoff(0, 0))


class Crash(BaseException):
    """The process ends here."""


class Crashing(Consumer):
    """Crashes before or after another consumer has done its work."""

    def __init__(self, consumer: Consumer, before: bool) -> None:
        self._consumer = consumer
        self._before = before

    async def consume(self, events: Sequence[Event]) -> None:
        if not self._before:
            await self._consumer.consume(events)
        raise Crash


class World:
    """Units of work on PostgreSQL, and events that no consumer understands."""

    def __init__(self, runner: asyncio.Runner, url: str, work: Callable[[], UnitOfWork]) -> None:
        self.runner = runner
        self.url = url
        self.work = work
        self.background = work

    def begin(self) -> None:
        tables = "orders, order_lines, order_progress, outbox, dead_letters, consumed_events"
        self.runner.run(rows(self.url, f"TRUNCATE {tables} RESTART IDENTITY"))

    def poison(self) -> None:
        payload = json.dumps({"no": "order"})
        statement = f"INSERT INTO outbox (kind, payload) VALUES ('{ORDER_PLACED}', '{payload}')"
        self.runner.run(rows(self.url, statement))

    def dead_attempts(self) -> list[int]:
        found = self.runner.run(rows(self.url, "SELECT attempts FROM dead_letters"))
        return [int(str(attempts)) for (attempts,) in found]

    def remembered(self) -> int:
        found = self.runner.run(scalar(self.url, "SELECT count(*) FROM consumed_events"))
        return int(str(found))


class FakeWorld(World):
    def __init__(self, runner: asyncio.Runner) -> None:
        self.runner = runner

    def begin(self) -> None:
        self._shared = FakeUnitOfWork({1: Credit(1, 0)}, {})
        self.work = lambda: self._shared
        self.background = self._shared.beside

    def poison(self) -> None:
        async def added() -> None:
            async with self._shared as work:
                work.outbox.add(ORDER_PLACED, {"no": "order"})
                await work.commit()

        self.runner.run(added())

    def dead_attempts(self) -> list[int]:
        return [failure.attempts for failure in self._shared.outbox.rows.dead.values()]

    def remembered(self) -> int:
        return len(self._shared.inbox.seen)


@contextmanager
def _world(kind: str, request: pytest.FixtureRequest) -> Iterator[World]:
    with asyncio.Runner() as runner:
        if kind == "fake":
            yield FakeWorld(runner)
            return
        url = request.getfixturevalue("database_url")
        database = works(url)
        yield World(runner, url, runner.run(database.__aenter__()))
        runner.run(database.__aexit__(None, None, None))


class Deliveries(RuleBasedStateMachine):
    """However it goes, each order moves on at most once, and in the end exactly once."""

    def __init__(self, world: World) -> None:
        super().__init__()
        self.world = world
        world.begin()
        registry = CollectorRegistry()
        self.metrics = OutboxMetrics(registry)
        self.fulfilment = Fulfilment(
            lambda: self.world.background(), ProgressChanges(), self.metrics
        )
        self.placed: list[int] = []
        self.poisoned = 0

    @rule(orders=st.integers(1, 4))
    def place(self, orders: int) -> None:
        for _ in range(orders):
            self.placed.append(self.world.runner.run(self._place(commits=True)))

    @rule()
    def place_without_a_commit(self) -> None:
        self.world.runner.run(self._place(commits=False))

    @rule()
    def poison(self) -> None:
        self.world.poison()
        self.poisoned += 1

    @rule()
    def deliver(self) -> None:
        self._deliver(self.fulfilment)

    @rule(before=st.booleans())
    def crash(self, before: bool) -> None:
        self._deliver(Crashing(self.fulfilment, before))

    @rule(relays=st.integers(2, 3))
    def deliver_side_by_side(self, relays: int) -> None:
        async def together() -> None:
            await asyncio.gather(*(self._relay(self.fulfilment).deliver() for _ in range(relays)))

        self.world.runner.run(together())

    @invariant()
    def no_order_moves_on_twice(self) -> None:
        for statuses in self._statuses():
            assert statuses in (list(STATUSES[:1]), list(STATUSES))

    def teardown(self) -> None:
        while self._deliver(self.fulfilment):
            pass
        assert self._statuses() == [list(STATUSES)] * len(self.placed)
        assert self.world.remembered() == len(self.placed)
        assert self.world.dead_attempts() == [ATTEMPTS] * self.poisoned

    def _relay(self, consumer: Consumer) -> Relay:
        return Relay(lambda: self.world.background(), consumer, DELIVERY, self.metrics)

    def _deliver(self, consumer: Consumer) -> int:
        async def delivered() -> int:
            try:
                return await self._relay(consumer).deliver()
            except Crash:
                return 0

        return self.world.runner.run(delivered())

    async def _place(self, commits: bool) -> int:
        async with self.world.work() as work:
            order = await work.orders.add(NewOrder(1, [OrderLine("SKU-1", 1, 1)]))
            if commits:
                await work.commit()
        return order.id

    def _statuses(self) -> list[list[str]]:
        async def read() -> list[list[str]]:
            async with self.world.work() as work:
                steps = [await work.progress.since(order_id, 0) for order_id in self.placed]
            return [[step.status for step in each] for each in steps]

        return self.world.runner.run(read())


@pytest.mark.parametrize("kind", ["fake", pytest.param("postgres", marks=pytest.mark.slow)])
def test_every_order_moves_on_once(kind: str, request: pytest.FixtureRequest) -> None:
    with _world(kind, request) as world:
        run_state_machine_as_test(
            lambda: Deliveries(world),  # type: ignore[arg-type]  # any factory does
            settings=settings(
                max_examples=60 if kind == "fake" else 20,
                stateful_step_count=12,
                deadline=None,
                database=None,
                suppress_health_check=list(HealthCheck),
            ),
        )
