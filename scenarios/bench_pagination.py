"""One page of orders, however deep: counted from the newest, or begun before an order.

`pytest scenarios/bench_pagination.py`; PAGING=offset or keyset chooses the kind.
"""

import os
from typing import Any

import pytest
from pytest_benchmark.fixture import BenchmarkFixture
from sqlalchemy import event
from sqlalchemy.ext.asyncio import create_async_engine

from service.unit_of_work.sql import SqlOrders

LIMIT = 20


@pytest.mark.parametrize("depth", [0, 100, 1000, 10_000, 100_000])
def test_page(benchmark: BenchmarkFixture, run: Any, database: Any, depth: int) -> None:
    url = database.url.replace("postgresql://", "postgresql+asyncpg://", 1)
    engine = create_async_engine(url)
    statements: list[str] = []
    event.listen(
        engine.sync_engine, "before_cursor_execute", lambda *seen: statements.append(seen[2])
    )
    connection = run(engine.connect())
    orders = SqlOrders(connection)

    def ask() -> Any:
        if os.environ.get("PAGING", "keyset") == "offset":
            return run(orders.page(LIMIT, depth))
        return run(orders.page_before(LIMIT, database.orders - depth + 1))

    page = benchmark(ask)

    assert [order.id for order in page.orders] == list(
        range(database.orders - depth, database.orders - depth - LIMIT, -1)
    )
    statements.clear()
    ask()
    benchmark.extra_info["sql_statements"] = len(statements)
    run(connection.close())
    run(engine.dispose())
