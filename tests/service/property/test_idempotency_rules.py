"""The rules of idempotency, as a machine that drives the fake and real PostgreSQL alike."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from service.idempotency.model import Answer, Claim, IdempotencyKeyReused
from service.idempotency.process import ProcessRecords
from service.orders.checkout import Checkout, Placement
from service.orders.model import Credit, Item, Order
from service.pricing.client import Pricing, PricingTimeout
from service.pricing.fake import FakePricing
from service.unit_of_work import UnitOfWork
from service.unit_of_work.fake import FakeUnitOfWork
from tests.service.works import rows, scalar, works

keys = st.sampled_from(["k1", "k2"])
payloads = st.sampled_from([b"this", b"that"])
inside = st.booleans()


class World(ABC):
    """A place for orders, empty when it begins."""

    def __init__(self, runner: asyncio.Runner) -> None:
        self.runner = runner

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        return self.runner.run(work)

    @abstractmethod
    def begin(self) -> None: ...

    @abstractmethod
    def unit_of_work(self) -> UnitOfWork: ...

    @abstractmethod
    def orders(self) -> int: ...

    @abstractmethod
    def expire(self) -> None: ...


class FakeWorld(World):
    def begin(self) -> None:
        self.now = 0.0
        self.records = ProcessRecords(60, clock=lambda: self.now)
        self.works: list[FakeUnitOfWork] = []

    def unit_of_work(self) -> UnitOfWork:
        self.works.append(FakeUnitOfWork({1: Credit(1, 0)}, {"SKU-1": 9}, self.records))
        return self.works[-1]

    def orders(self) -> int:
        return sum(len(work.orders.placed) for work in self.works)

    def expire(self) -> None:
        self.now += 60


class SqlWorld(World):
    def __init__(
        self, runner: asyncio.Runner, url: str, unit_of_work: Callable[[], UnitOfWork]
    ) -> None:
        super().__init__(runner)
        self.url = url
        self._unit_of_work = unit_of_work

    def begin(self) -> None:
        self.run(rows(self.url, "TRUNCATE idempotency_keys, orders, order_lines"))

    def unit_of_work(self) -> UnitOfWork:
        return self._unit_of_work()

    def orders(self) -> int:
        return int(self.run(scalar(self.url, "SELECT count(*) FROM orders")))

    def expire(self) -> None:
        self.run(rows(self.url, "UPDATE idempotency_keys SET expires_at = now()"))


@contextmanager
def _world(kind: str, request: pytest.FixtureRequest) -> Iterator[World]:
    with asyncio.Runner() as runner:
        if kind == "fake":
            yield FakeWorld(runner)
            return
        url = request.getfixturevalue("database_url")
        database = works(url)
        yield SqlWorld(runner, url, runner.run(database.__aenter__()))
        runner.run(database.__aexit__(None, None, None))


class Rules(RuleBasedStateMachine):
    """Whatever is sent: each key stands for one order and one answer, until it expires."""

    def __init__(self, world: World) -> None:
        super().__init__()
        self.world = world
        world.begin()
        self.kept: dict[str, tuple[bytes, bytes]] = {}
        self.placed = 0

    @rule(key=keys, payload=payloads, inside=inside)
    def place(self, key: str, payload: bytes, inside: bool) -> None:
        self._check(key, payload, self.world.run(self._attempt(key, payload, inside)))

    @rule(key=keys, payload=payloads, inside=inside)
    def place_while_pricing_is_down(self, key: str, payload: bytes, inside: bool) -> None:
        down = FakePricing(failure=PricingTimeout("late"))
        outcome = self.world.run(self._attempt(key, payload, inside, down))
        if key in self.kept:
            self._check(key, payload, outcome)
        else:
            assert isinstance(outcome, PricingTimeout)

    @rule(key=keys, first=payloads, second=payloads, inside=inside)
    def place_two_at_once(self, key: str, first: bytes, second: bytes, inside: bool) -> None:
        async def both() -> list[Placement | Exception]:
            attempts = (self._attempt(key, payload, inside) for payload in (first, second))
            return list(await asyncio.gather(*attempts))

        outcomes = self.world.run(both())
        pairs = list(zip((first, second), outcomes, strict=True))
        # Whichever came first decides what the key stands for.
        pairs.sort(key=lambda pair: not isinstance(pair[1], Placement) or pair[1].order is None)
        for payload, outcome in pairs:
            self._check(key, payload, outcome)

    @rule()
    def expire(self) -> None:
        self.world.expire()
        self.kept.clear()

    @invariant()
    def one_order_for_each_first_answer(self) -> None:
        assert self.world.orders() == self.placed

    async def _attempt(
        self, key: str, payload: bytes, inside: bool, pricing: Pricing | None = None
    ) -> Placement | Exception:
        checkout = Checkout(self.world.unit_of_work, pricing or FakePricing(), inside)
        try:
            return await checkout.place_once(1, [Item("SKU-1", 1)], Claim(key, payload), _answer)
        except (IdempotencyKeyReused, PricingTimeout) as error:
            return error

    def _check(self, key: str, payload: bytes, outcome: Placement | Exception) -> None:
        if key not in self.kept:
            assert isinstance(outcome, Placement)
            assert outcome.order is not None
            assert not outcome.answer.replayed
            self.kept[key] = payload, outcome.answer.body
            self.placed += 1
            return
        known, body = self.kept[key]
        if payload != known:
            assert isinstance(outcome, IdempotencyKeyReused)
            return
        assert isinstance(outcome, Placement)
        assert outcome.order is None
        assert outcome.answer == Answer(201, {"X": "1"}, body, replayed=True)


def _answer(order: Order) -> Answer:
    return Answer(201, {"X": "1"}, f"{order.id} {order.created_at}".encode())


@pytest.mark.parametrize("kind", ["fake", pytest.param("postgres", marks=pytest.mark.slow)])
def test_the_rules_hold(kind: str, request: pytest.FixtureRequest) -> None:
    with _world(kind, request) as world:
        run_state_machine_as_test(
            lambda: Rules(world),  # type: ignore[arg-type]  # any factory does
            settings=settings(
                max_examples=60 if kind == "fake" else 15,
                stateful_step_count=15,
                deadline=None,
                database=None,
                suppress_health_check=list(HealthCheck),
            ),
        )
