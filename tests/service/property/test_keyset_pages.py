"""Keyset pages against a model: any orders may come in between two pages."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from service.database import Database
from service.http.dto import PageRequest
from service.http.paging import Paging
from service.orders.model import NewOrder, OrderLine
from service.settings import ServiceSettings
from service.unit_of_work import Orders
from service.unit_of_work.fake import FakeUnitOfWork
from service.unit_of_work.sql import SqlOrders
from tests.service.conftest import few_rows

CASES = settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
counts = st.integers(0, 4)


class Shelf:
    """A real database, and the loop that it is used in."""

    def __init__(self, url: str) -> None:
        self.runner = asyncio.Runner()
        values = few_rows(url, "http://127.0.0.1:1")
        self._database = Database(ServiceSettings.from_values(values))
        self.connection: AsyncConnection = self.runner.run(self._opened())

    async def _opened(self) -> AsyncConnection:
        await self._database.migrate()
        return await self._database.connect()

    def emptied(self) -> Orders:
        self.runner.run(self.connection.execute(text("TRUNCATE orders, order_lines, outbox")))
        return SqlOrders(self.connection)

    def close(self) -> None:
        self.runner.run(self.connection.close())
        self.runner.run(self._database.close())
        self.runner.close()


@pytest.fixture
def shelf(database_url: str) -> Iterator[Shelf]:
    shelf = Shelf(database_url)
    yield shelf
    shelf.close()


async def _placed(orders: Orders, count: int) -> list[int]:
    new = NewOrder(1, [OrderLine("SKU-1", 1, 100)])
    return [(await orders.add(new)).id for _ in range(count)]


async def _walked(orders: Orders, limit: int, at_first: int, between: list[int]) -> None:
    there = await _placed(orders, at_first)
    asked: PageRequest | None = PageRequest(limit=limit)
    seen: list[int] = []
    for arriving in [*between, *[0] * (at_first + 1)]:
        if asked is None:
            break
        page, url = await Paging("keyset").read(orders, asked)
        assert (len(page.orders) == limit) if url else (len(page.orders) <= limit)
        assert all(order.lines for order in page.orders)
        seen += [order.id for order in page.orders]
        query = dict(parse_qsl(urlsplit(url).query)) if url else None
        asked = PageRequest.model_validate(query) if query else None
        await _placed(orders, arriving)
    assert asked is None
    assert seen == sorted(there, reverse=True)


@CASES
@given(limit=st.integers(1, 4), at_first=st.integers(0, 9), between=st.lists(counts, max_size=5))
def test_no_order_twice_and_none_lost(
    shelf: Shelf, limit: int, at_first: int, between: list[int]
) -> None:
    shelf.runner.run(_walked(shelf.emptied(), limit, at_first, between))


@CASES
@given(limit=st.integers(1, 4), at_first=st.integers(0, 9), between=st.lists(counts, max_size=5))
def test_the_fake_pages_alike(limit: int, at_first: int, between: list[int]) -> None:
    asyncio.run(_walked(FakeUnitOfWork({}, {}).orders, limit, at_first, between))
