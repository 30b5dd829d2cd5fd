"""The list endpoint, called in-process: a hundred orders read, turned into models or not, and sent.

`pytest scenarios/bench_serializer.py`; RESPONSE_VALIDATION=true or false chooses how, and
PART=query measures no more than reading the orders.
"""

import os
from typing import Any

from pytest_benchmark.fixture import BenchmarkFixture
from sqlalchemy.ext.asyncio import create_async_engine

from service.app import create_app
from service.settings import ServiceSettings
from service.unit_of_work.sql import SqlOrders

LIMIT = 100


def test_list(benchmark: BenchmarkFixture, run: Any, database: Any) -> None:
    if os.environ.get("PART", "endpoint") == "query":
        engine = create_async_engine(
            database.url.replace("postgresql://", "postgresql+asyncpg://", 1)
        )
        connection = run(engine.connect())
        orders = SqlOrders(connection)
        page = benchmark(lambda: run(orders.page(LIMIT, 0)))
        assert len(page.orders) == LIMIT
        run(connection.close())
        run(engine.dispose())
        return

    app = create_app(
        ServiceSettings.from_values(
            {
                "DATABASE_URL": database.url,
                "RESPONSE_VALIDATION": os.environ.get("RESPONSE_VALIDATION", "true"),
                "METRICS": "false",
            }
        )
    )
    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "GET",
        "scheme": "http", "path": "/orders", "raw_path": b"/orders", "root_path": "",
        "query_string": b"limit=%d" % LIMIT, "headers": [], "client": None, "server": None,
    }  # fmt: skip

    async def ask() -> list[dict[str, object]]:
        sent: list[dict[str, object]] = []

        async def receive() -> dict[str, object]:
            return {"type": "http.request", "body": b"", "more_body": False}

        async def send(message: dict[str, object]) -> None:
            sent.append(message)

        await app({**scope}, receive, send)
        return sent

    start, *body = benchmark(lambda: run(ask()))
    assert start["status"] == 200
    assert b"".join(part["body"] for part in body).count(b'"lines"') == LIMIT  # type: ignore[misc]
