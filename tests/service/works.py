"""Units of work on a real database, and what became of them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import asyncpg
from prometheus_client import CollectorRegistry

from service.database import Database
from service.idempotency.sql import SqlIdempotency
from service.metrics import PoolMetrics
from service.settings import ServiceSettings
from service.unit_of_work.sql import SqlStock, SqlUnitOfWork

DEADLINE_S = 30.0


@asynccontextmanager
async def works(database_url: str, pool: int = 10) -> AsyncIterator[Callable[[], SqlUnitOfWork]]:
    """Migrates the database and gives its units of work."""
    values = {
        "DATABASE_URL": database_url,
        "DB_POOL_SIZE": str(pool),
        "SEED_SKUS": "5",
        "SEED_CUSTOMERS": "3",
        "SEED_INVOICES": "12",
    }
    database = Database(ServiceSettings.from_values(values))
    metrics = PoolMetrics(CollectorRegistry(), pool, database.in_use)
    await database.migrate()
    try:
        yield lambda: SqlUnitOfWork(
            database, metrics, SqlStock, lambda connection: SqlIdempotency(connection, 3600)
        )
    finally:
        await database.close()


async def rows(database_url: str, statement: str) -> list[tuple[object, ...]]:
    """What a statement finds; several statements find nothing."""
    connection = await asyncpg.connect(database_url)
    try:
        if statement.startswith("SELECT"):
            return [tuple(row) for row in await connection.fetch(statement)]
        await connection.execute(statement)
        return []
    finally:
        await connection.close()


async def scalar(database_url: str, statement: str) -> object:
    """The one value that a statement finds."""
    [[value]] = await rows(database_url, statement)
    return value


async def until(holds: Callable[[], Awaitable[bool]]) -> None:
    """Wait for a condition."""
    deadline = time.monotonic() + DEADLINE_S
    while not await holds():
        assert time.monotonic() < deadline, "it does not come about"
        await asyncio.sleep(0.02)
