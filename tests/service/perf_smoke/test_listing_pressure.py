"""Where a listing comes under pressure first: statements, and rows that are read for nothing."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any

import asyncpg
import httpx
import pytest
from sqlalchemy.dialects.postgresql.asyncpg import PGDialect_asyncpg
from sqlalchemy.ext.asyncio import AsyncConnection

from service.unit_of_work import sql

Start = Callable[..., Awaitable[httpx.AsyncClient]]
ORDERS = 12
MANY = "INSERT INTO orders (customer_id, total_cents) SELECT 1, n FROM generate_series(1, {}) n"


@pytest.fixture
def statements(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The statements that are executed from now on."""
    executed: list[str] = []
    execute = AsyncConnection.execute

    async def counted(self: AsyncConnection, statement: Any, *args: Any) -> Any:
        executed.append(str(statement))
        return await execute(self, statement, *args)

    monkeypatch.setattr(AsyncConnection, "execute", counted)
    return executed


@pytest.mark.parametrize(("lines", "expected"), [("joined", 2), ("n_plus_one", ORDERS + 1)])
async def test_a_page_costs_two_statements_or_one_per_order(
    start: Start, database_url: str, statements: list[str], lines: str, expected: int
) -> None:
    service = await start(LIST_LINES=lines)
    await _run(database_url, MANY.format(ORDERS))
    await service.get("/orders")  # what is done once is done now
    statements.clear()

    page = (await service.get("/orders", params={"limit": ORDERS})).json()["orders"]

    assert len(page) == ORDERS
    assert len([each for each in statements if "order" in each]) == expected


async def test_an_offset_reads_what_it_skips_and_a_keyset_does_not(
    start: Start, database_url: str
) -> None:
    await start()
    await _run(database_url, MANY.format(5000))
    await _run(database_url, "ANALYZE orders")

    near, far = [await _rows(database_url, sql._PAGE, page_offset=n) for n in (0, 4900)]
    newest, oldest = [await _rows(database_url, sql._PAGE_BEFORE, before=n) for n in (5001, 101)]

    assert far > 50 * near
    assert oldest <= 2 * newest


async def _rows(database_url: str, statement: Any, **position: int) -> float:
    """The rows that a page's scan reads."""
    bound = statement.params(page_limit=20, **position)
    query = bound.compile(dialect=PGDialect_asyncpg())
    values = [query.params[name] for name in query.positiontup]
    connection = await asyncpg.connect(database_url)
    try:
        told = await connection.fetchval(f"EXPLAIN (ANALYZE, FORMAT JSON) {query}", *values)
    finally:
        await connection.close()
    plan = json.loads(told)[0]["Plan"]
    while "Plans" in plan:
        [plan] = plan["Plans"]
    read = plan["Actual Rows"] + plan.get("Rows Removed by Filter", 0)
    return float(read * plan["Actual Loops"])


async def _run(database_url: str, statement: str) -> None:
    connection = await asyncpg.connect(database_url)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()
